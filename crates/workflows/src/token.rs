//! What one job of an action tells the next, which continues it: since when it
//! waits, and in which execution.

use std::fmt;

use jiff::{SignedDuration, Timestamp};

/// What our token begins with.
const PREFIX: &str = "since:";

/// The longest id of an execution that is taken from a token.
const LONGEST_ID: usize = 100;

/// What a continued job knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Token {
    /// When the first job began to wait.
    pub(crate) since: Timestamp,
    /// The execution, once its validation was seen.
    pub(crate) execution: Option<String>,
}

impl Token {
    /// Reads the token of a continued job; without one waiting begins now.
    ///
    /// With a token that is not ours nothing is waited for: whatever it says,
    /// nothing goes on for ever.
    pub(crate) fn read(token: Option<&str>, now: Timestamp) -> Self {
        let Some(token) = token else {
            return Self {
                since: now,
                execution: None,
            };
        };
        ours(token, now).unwrap_or(Self {
            since: Timestamp::UNIX_EPOCH,
            execution: None,
        })
    }

    /// How long was waited.
    pub(crate) fn waited(&self, now: Timestamp) -> SignedDuration {
        now.duration_since(self.since)
    }

    /// Whether nothing is waited for any more.
    pub(crate) fn is_over(&self, patience: SignedDuration, now: Timestamp) -> bool {
        patience <= self.waited(now)
    }
}

fn ours(token: &str, now: Timestamp) -> Option<Token> {
    let told = token.strip_prefix(PREFIX)?;
    let (since, execution) = match told.split_once(':') {
        Some((since, execution)) => (since, Some(execution)),
        None => (told, None),
    };
    let since = Timestamp::from_millisecond(since.parse().ok()?).ok()?;
    let known = |letter: char| letter.is_ascii_alphanumeric() || letter == '-';
    if execution.is_some_and(|id| LONGEST_ID < id.len() || !id.chars().all(known)) {
        return None;
    }
    Some(Token {
        // Clocks of two machines may differ.
        since: since.min(now),
        execution: execution.map(str::to_owned),
    })
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{PREFIX}{}", self.since.as_millisecond())?;
        match &self.execution {
            Some(execution) => write!(f, ":{execution}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: SignedDuration = SignedDuration::from_mins(10);

    fn second(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn token_keeps_moment_and_execution_over_every_continuation() {
        let began = second(100_000);
        let first = Token {
            execution: Some("0a1b-2c".to_owned()),
            ..Token::read(None, began)
        };

        let later = began + SignedDuration::from_secs(599);
        let continued = Token::read(Some(&first.to_string()), later);

        assert_eq!(continued, first);
        assert!(!continued.is_over(PATIENCE, later));
        assert!(continued.is_over(PATIENCE, began + PATIENCE));
        let without = Token::read(None, began);
        assert_eq!(Token::read(Some(&without.to_string()), later), without);
    }

    #[test]
    fn token_that_is_not_ours_ends_the_waiting() {
        let now = second(1_000_000);
        for token in [
            "",
            "x",
            "since:",
            "since:soon",
            "since:99999999999999999999",
            "since:1000000000:#{x}",
            &format!("since:1000000000:{}", "a".repeat(101)),
        ] {
            let token = Token::read(Some(token), now);
            assert!(token.is_over(PATIENCE, now), "{token}");
            assert_eq!(token.execution, None);
        }
    }

    #[test]
    fn token_of_a_faster_clock_begins_now() {
        let now = second(1_000_000);
        let ahead = Token::read(None, second(1_000_010)).to_string();

        assert_eq!(Token::read(Some(&ahead), now), Token::read(None, now));
    }
}
