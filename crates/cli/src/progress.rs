//! Shows on a terminal that a command is still working.

use std::io::{self, IsTerminal, Write};
use std::pin::pin;
use std::time::Duration;

use dynatrace::Dynatrace;
use tokio::time::{Instant, interval_at};

/// The delay before the first output, so that quick answers have none.
const EVERY: Duration = Duration::from_secs(2);

/// Goes to the beginning of the line and empties it.
const CLEAR: &str = "\r\x1b[K";

/// Waits for `work`, and shows on a terminal how often the tenant was asked.
pub(crate) async fn shown<T>(tenant: &Dynatrace, work: impl Future<Output = T>) -> T {
    let words = || {
        let calls = tenant.calls();
        let sent = calls.metrics + calls.entities + calls.other;
        format!("asking the tenant: {sent} requests")
    };
    told(words, work).await
}

/// Waits for `work`, and shows on a terminal what `words` says of it.
pub(crate) async fn told<T>(words: impl Fn() -> String, work: impl Future<Output = T>) -> T {
    let mut err = io::stderr();
    if !err.is_terminal() {
        return work.await;
    }
    beside(work, words, EVERY, &mut err).await
}

async fn beside<T>(
    work: impl Future<Output = T>,
    words: impl Fn() -> String,
    every: Duration,
    out: &mut impl Write,
) -> T {
    let begun = Instant::now();
    let mut moments = interval_at(begun + every, every);
    let mut line_is_taken = false;
    let mut work = pin!(work);
    loop {
        tokio::select! {
            biased;
            done = &mut work => {
                if line_is_taken {
                    tell(out, "");
                }
                return done;
            }
            now = moments.tick() => {
                let seconds = now.duration_since(begun).as_secs();
                tell(out, &format!("{} in {seconds} s", words()));
                line_is_taken = true;
            }
        }
    }
}

/// With stderr closed nothing is shown, and the work continues.
fn tell(out: &mut impl Write, line: &str) {
    let _ = write!(out, "{CLEAR}{line}").and_then(|()| out.flush());
}

#[cfg(test)]
mod tests {
    use std::future::ready;

    use tokio::sync::Notify;

    use super::*;

    #[tokio::test]
    async fn quick_work_leaves_no_trace() {
        let mut out = Vec::new();

        let done = beside(ready(7), String::new, EVERY, &mut out).await;

        assert_eq!((done, out.as_slice()), (7, &[][..]));
    }

    #[tokio::test]
    async fn slow_work_is_told_of_and_the_line_is_left_empty() {
        let looked = Notify::new();
        let words = || {
            looked.notify_one();
            "asking the tenant: 3 requests".to_owned()
        };
        let mut out = Vec::new();

        beside(looked.notified(), words, Duration::from_millis(1), &mut out).await;

        assert_eq!(
            String::from_utf8(out).unwrap(),
            format!("{CLEAR}asking the tenant: 3 requests in 0 s{CLEAR}")
        );
    }
}
