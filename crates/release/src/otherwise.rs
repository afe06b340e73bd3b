//! Builds that something else than CodeDeploy brings.
//!
//! Nobody keeps a history of what is deployed so. What other executions of the
//! pipeline ran is all that can be seen of it.

use jiff::{SignedDuration, Timestamp};

use crate::execution::ExecutionMode;

/// How long such an action may take and still be seen. Only executions that run
/// in parallel can have begun before one another, and end after.
const LONGEST_RUN: SignedDuration = SignedDuration::from_hours(3);

/// An action that may have brought a build by other means than CodeDeploy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Otherwise {
    /// Its stage.
    pub stage: String,
    /// Its name.
    pub action: String,
    /// When it began to bring this build, or when this build was registered, if
    /// it had not begun.
    pub since: Timestamp,
}

/// What an execution ran.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Run<'a> {
    /// The execution.
    pub execution: &'a str,
    /// The stage.
    pub stage: &'a str,
    /// The action.
    pub action: &'a str,
    /// When it began.
    pub began: Timestamp,
    /// When it ended, unless it goes on.
    pub ended: Option<Timestamp>,
}

impl Otherwise {
    /// Whether this run of another execution may have changed what the build had
    /// brought: it is of the same action, and was not over when that began.
    pub fn is_changed_by(&self, run: Run<'_>) -> bool {
        let is_over = run.ended.is_some_and(|ended| ended <= self.since);
        let is_later = self.since <= run.began;
        self.stage == run.stage && self.action == run.action && (is_later || !is_over)
    }
}

/// From when on what other executions ran has to be known, so that all that may
/// have changed a build is.
pub fn looked_back_to(ours: &[Otherwise], mode: ExecutionMode) -> Option<Timestamp> {
    let since = ours.iter().map(|one| one.since).min()?;
    Some(match mode {
        ExecutionMode::Parallel => since.saturating_sub(LONGEST_RUN).unwrap_or(since),
        ExecutionMode::Superseded | ExecutionMode::Queued => since,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn minute(minute: i64) -> Timestamp {
        Timestamp::from_second(minute * 60).unwrap()
    }

    #[test]
    fn build_is_changed_by_what_the_same_action_did_later_or_to_the_end() {
        let ours = Otherwise {
            stage: "Deploy".to_owned(),
            action: "Roll".to_owned(),
            since: minute(10),
        };
        for (stage, action, began, ended, changed) in [
            ("Deploy", "Roll", 12, Some(13), true),
            ("Deploy", "Roll", 12, None, true),
            ("Deploy", "Roll", 10, Some(10), true),
            ("Deploy", "Roll", 8, Some(11), true),
            ("Deploy", "Roll", 8, None, true),
            ("Deploy", "Roll", 8, Some(10), false),
            ("Deploy", "Other", 12, None, false),
            ("Other", "Roll", 12, None, false),
        ] {
            let run = Run {
                execution: "another",
                stage,
                action,
                began: minute(began),
                ended: ended.map(minute),
            };
            assert_eq!(ours.is_changed_by(run), changed, "{run:?}");
        }
    }
}
