//! What happened, as lines for a person.

use std::io::{IsTerminal as _, Write};
use std::time::Duration;

use tokio::time::Instant;

/// Where lines go.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Stream {
    /// Standard output.
    Out,
    /// Standard error.
    Err,
}

/// Prints what happens, with the time since it began.
pub(crate) struct Timeline {
    began: Instant,
    stream: Stream,
}

impl Stream {
    fn write(self, text: &str) {
        // Losing the reader is no reason to stop.
        let _ = match self {
            Self::Out => {
                write!(std::io::stdout(), "{text}").and_then(|()| std::io::stdout().flush())
            }
            Self::Err => write!(std::io::stderr(), "{text}"),
        };
    }

    fn is_terminal(self) -> bool {
        match self {
            Self::Out => std::io::stdout().is_terminal(),
            Self::Err => std::io::stderr().is_terminal(),
        }
    }
}

impl Timeline {
    pub(crate) fn begin(stream: Stream) -> Self {
        Self {
            began: Instant::now(),
            stream,
        }
    }

    pub(crate) fn stream(&self) -> Stream {
        self.stream
    }

    /// One line: when, who and what.
    pub(crate) fn tell(&self, who: &str, what: &str) {
        let at = self.began.elapsed().as_secs_f64();
        self.line(&format!("{at:7.1} s  {who:<23}{what}"));
    }

    /// One line without a time.
    pub(crate) fn line(&self, text: &str) {
        self.stream.write(&format!("{text}\n"));
    }
}

/// Shows the progress of a build: one changing line on a terminal, separate lines
/// elsewhere.
pub(crate) struct Progress {
    began: Instant,
    stream: Stream,
    rewrites: bool,
}

impl Progress {
    pub(crate) fn begin(stream: Stream) -> Self {
        Self {
            began: Instant::now(),
            stream,
            rewrites: stream.is_terminal(),
        }
    }

    pub(crate) fn show(&self, text: &str) {
        if !self.rewrites {
            return self.stream.write(&format!("  {}\n", text.trim()));
        }
        let start: String = text.trim().chars().take(70).collect();
        self.stream.write(&format!("\r\x1b[K  {start}"));
    }

    /// Ends the changing line; returns how long it took.
    pub(crate) fn end(self) -> Duration {
        if self.rewrites {
            self.stream.write("\r\x1b[K");
        }
        self.began.elapsed()
    }
}
