//! What the action's author wrote down: `Action[,executionId]`, as in 2018 but
//! for the second part, or a JSON object.

use jiff::SignedDuration;
use monspec::Verdict;
use serde::Deserialize;

use super::wanted::Wanted;
use crate::parameters::{self, Wrong, check_names, either, given};

/// The longest wait, in minutes: CodePipeline ends an action of this kind after
/// 24 hours, and the job says what it waited for before that.
const MOST_MINUTES: i64 = 23 * 60 + 30;

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Parameters {
    /// The validation.
    pub(super) wanted: Wanted,
    /// The pipeline execution.
    pub(super) execution: Option<String>,
    /// The verdicts that fail the action.
    pub(super) fail_on: Vec<Verdict>,
    /// How long is waited for the verdict.
    pub(super) patience: SignedDuration,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Object {
    #[serde(default, deserialize_with = "parameters::name")]
    stage: Option<String>,
    #[serde(default, deserialize_with = "parameters::name")]
    action: Option<String>,
    #[serde(default, deserialize_with = "parameters::name")]
    comparison: Option<String>,
    #[serde(default, deserialize_with = "parameters::name")]
    execution_id: Option<String>,
    fail_on: Option<FailOn>,
    wait_minutes: Option<i64>,
}

#[derive(Deserialize)]
#[serde(
    untagged,
    expecting = "`failOn` is `passed`, `failed`, `inconclusive` or a list of them"
)]
enum FailOn {
    One(Verdict),
    Several(Vec<Verdict>),
}

/// Reads `UserParameters`.
pub(super) fn read(text: &str) -> Result<Parameters, Wrong> {
    either(text, object, list)
}

fn list(text: &str) -> Result<Parameters, Wrong> {
    let mut parts = text.split(',');
    let mut part = || parts.next().and_then(given);
    let wanted = part().map_or(
        Wanted::Described {
            stage: None,
            action: None,
            comparison: None,
        },
        Wanted::Named,
    );
    let execution = part();
    if let Some(extra) = parts.next() {
        let extra = extra.trim();
        return Err(Wrong::new(format!(
            "`{extra}` is one part too many: write `Action,executionId`, or a JSON object"
        )));
    }
    checked(Parameters {
        wanted,
        execution,
        fail_on: Vec::new(),
        patience: SignedDuration::from_mins(MOST_MINUTES),
    })
}

fn object(text: &str) -> Result<Parameters, Wrong> {
    let object: Object = parameters::object(text)?;
    let minutes = object.wait_minutes.unwrap_or(MOST_MINUTES);
    if !(1..=MOST_MINUTES).contains(&minutes) {
        return Err(Wrong::new(format!(
            "`waitMinutes` is a whole number from 1 to {MOST_MINUTES}"
        )));
    }
    checked(Parameters {
        wanted: Wanted::Described {
            stage: object.stage,
            action: object.action,
            comparison: object.comparison,
        },
        execution: object.execution_id,
        fail_on: match object.fail_on {
            None => Vec::new(),
            Some(FailOn::One(verdict)) => vec![verdict],
            Some(FailOn::Several(verdicts)) => verdicts,
        },
        patience: SignedDuration::from_mins(minutes),
    })
}

fn checked(parameters: Parameters) -> Result<Parameters, Wrong> {
    let names = match &parameters.wanted {
        Wanted::Named(name) => [Some(name), None, None],
        Wanted::Described {
            stage,
            action,
            comparison,
        } => [stage.as_ref(), action.as_ref(), comparison.as_ref()],
    };
    check_names(names.into_iter().flatten().chain(&parameters.execution))?;
    Ok(parameters)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> String {
        read(text).expect_err(text).to_string()
    }

    #[test]
    fn name_of_2018_is_read() {
        let parameters = read(" Register ").unwrap();

        assert_eq!(parameters.wanted, Wanted::Named("Register".to_owned()));
        assert_eq!(parameters.execution, None);
        assert_eq!(parameters.fail_on, []);
        let execution = read("Register,e-1").unwrap().execution;
        assert_eq!(execution.as_deref(), Some("e-1"));
    }

    #[test]
    fn object_describes_what_is_meant_and_what_follows() {
        let parameters = read(
            r#"{"stage":"Staging","action":"Register","comparison":"A","executionId":"e-1",
                "failOn":["failed","inconclusive"],"waitMinutes":30}"#,
        )
        .unwrap();

        let name = |name: &str| Some(name.to_owned());
        assert_eq!(
            parameters,
            Parameters {
                wanted: Wanted::Described {
                    stage: name("Staging"),
                    action: name("Register"),
                    comparison: name("A"),
                },
                execution: name("e-1"),
                fail_on: vec![Verdict::Failed, Verdict::Inconclusive],
                patience: SignedDuration::from_mins(30),
            }
        );
        let one = read(r#"{"failOn":"failed"}"#).unwrap().fail_on;
        assert_eq!(one, [Verdict::Failed]);
    }

    #[test]
    fn nothing_at_all_means_the_only_validation() {
        let anything = Wanted::Described {
            stage: None,
            action: None,
            comparison: None,
        };
        for text in ["", "  ", "{}", r#"{"action":" "}"#] {
            assert_eq!(read(text).unwrap().wanted, anything, "{text}");
        }
        assert_eq!(read(",e-1").unwrap().execution.as_deref(), Some("e-1"));
    }

    #[test]
    fn unusable_parameters_are_told_with_what_to_write() {
        for (text, part) in [
            ("A,e,more", "`more` is one part too many"),
            ("A,#{codepipeline.PipelineExecutionId}", "not resolved"),
            ("A\nforged", "control characters"),
            (r#"{"acton":"A"}"#, "unknown field `acton`"),
            (r#"{"failOn":"sometimes"}"#, "`failed`, `inconclusive`"),
            (r#"{"waitMinutes":0}"#, "from 1 to 1410"),
            (r#"{"waitMinutes":1411}"#, "from 1 to 1410"),
            ("{", "not the JSON object"),
        ] {
            assert!(refused(text).contains(part), "{text}: {}", refused(text));
        }
        assert!(refused(&"x".repeat(201)).contains("longer than 200"));
    }
}
