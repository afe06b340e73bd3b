//! What happened, as lines for a person.

use std::io::{IsTerminal as _, Write as _};
use std::time::Duration;

use serde_json::Value;
use tokio::time::Instant;

/// Prints what happens, with the time since it began.
pub(crate) struct Timeline {
    began: Instant,
}

impl Timeline {
    pub(crate) fn begin() -> Self {
        Self {
            began: Instant::now(),
        }
    }

    /// One line: when, who and what.
    pub(crate) fn tell(&self, who: &str, what: &str) {
        let at = self.began.elapsed().as_secs_f64();
        line(&format!("{at:7.2} s  {who:<21}{what}"));
    }

    /// What a function wrote for people; metrics and the like are left out.
    pub(crate) fn tell_logs(&self, function: &str, logs: &str) {
        for written in logs.lines() {
            let fields: Value = serde_json::from_str(written).unwrap_or_default();
            if let Some(message) = fields["message"].as_str() {
                self.tell(function, message);
            }
        }
    }
}

/// One line without a time.
pub(crate) fn line(text: &str) {
    // A reader that went away is no reason to stop.
    let _ = writeln!(std::io::stdout(), "{text}");
}

/// Shows what a build is at: on a terminal one line that changes, elsewhere a
/// line each.
pub(crate) struct Progress {
    began: Instant,
    rewrites: bool,
}

impl Progress {
    pub(crate) fn begin() -> Self {
        Self {
            began: Instant::now(),
            rewrites: std::io::stdout().is_terminal(),
        }
    }

    pub(crate) fn show(&self, text: &str) {
        if !self.rewrites {
            return line(&format!("  {}", text.trim()));
        }
        let start: String = text.trim().chars().take(70).collect();
        let mut out = std::io::stdout();
        let _ = write!(out, "\r\x1b[K  {start}").and_then(|()| out.flush());
    }

    /// Ends the changing line; the answer is how long it took.
    pub(crate) fn end(self) -> Duration {
        if self.rewrites {
            let _ = write!(std::io::stdout(), "\r\x1b[K");
        }
        self.began.elapsed()
    }
}
