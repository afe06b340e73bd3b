//! What the author of a pipeline, or another caller, wrote down.
//!
//! Three forms are understood: the 2018 text
//! `Comparison[,minutes[,ApprovalAction[,executionId]]]`, the same text with an
//! https URL of the monspec as one of its parts, and a JSON object.

use jiff::SignedDuration;
use serde::Deserialize;

use crate::fetched_spec::Place;
use crate::parameters::{self, Wrong, check_names, either};

/// The window when nobody says how long it is.
const DEFAULT_MINUTES: i64 = 5;

/// The longest window, in minutes.
const MOST_MINUTES: i64 = 24 * 60;

/// The shortest window: times are told apart by the second.
const SHORTEST: SignedDuration = SignedDuration::from_secs(1);

/// The longest window.
const LONGEST: SignedDuration = SignedDuration::from_mins(MOST_MINUTES);

/// The longest address that results are posted to, in characters.
const LONGEST_HOOK: usize = 2_000;

/// What is asked for.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Parameters {
    /// The comparison; needed unless the monspec has only one.
    pub(super) comparison: Option<String>,
    /// How long the window is.
    pub(super) length: SignedDuration,
    /// The approval action to answer.
    pub(super) approval: Option<String>,
    /// The pipeline execution.
    pub(super) execution: Option<String>,
    /// Where the monspec is, unless in the input artifact.
    pub(super) monspec: Option<Place>,
    /// Where the result is posted.
    pub(super) result_hook: Option<String>,
    /// The pipeline; only a direct call names it.
    pub(super) pipeline: Option<String>,
}

/// The parameters of a pipeline action.
pub(super) fn of_job(text: &str) -> Result<Parameters, Wrong> {
    let parameters = either(text, object, list)?;
    if parameters.pipeline.is_some() {
        return Err(Wrong::new(
            "`pipeline` is taken from the job; only a direct registration names it",
        ));
    }
    Ok(parameters)
}

/// The parameters of a direct call.
pub(super) fn of_caller(text: &str) -> Result<Parameters, Wrong> {
    let parameters = object(text)?;
    let Some(pipeline) = &parameters.pipeline else {
        return Err(Wrong::new("a direct registration names its `pipeline`"));
    };
    let known = |letter: char| letter.is_ascii_alphanumeric() || ".@-_".contains(letter);
    if pipeline.len() > 100 || !pipeline.chars().all(known) {
        let shown: String = pipeline.chars().take(100).collect();
        return Err(Wrong::new(format!(
            "`{shown}` is not the name of a pipeline: letters, digits and . @ - _ are"
        )));
    }
    if parameters.approval.is_some() && parameters.execution.is_none() {
        return Err(Wrong::new(
            "a direct registration that answers an approval needs the `executionId` of the \
             pipeline execution",
        ));
    }
    if parameters.monspec.is_none() {
        return Err(Wrong::new(
            "a direct registration needs a `monspec`: an https URL or the file's content as an \
             object",
        ));
    }
    Ok(parameters)
}

fn list(text: &str) -> Result<Parameters, Wrong> {
    let (addresses, parts): (Vec<_>, Vec<_>) = text
        .split(',')
        .map(str::trim)
        .partition(|part| part.starts_with("https://") || part.starts_with("http://"));
    let url = match addresses.as_slice() {
        [] if parts.iter().all(|part| part.is_empty()) => {
            return Err(Wrong::new(
                "UserParameters is empty: write `Comparison,minutes,ApprovalAction`, for example \
                 `StagingToProduction,5,ApproveStaging`",
            ));
        }
        [] => None,
        [url] => Some(*url),
        _ => {
            return Err(Wrong::new(
                "two addresses of a monspec are given, write one; a URL with `,https://` in it \
                 needs the JSON form",
            ));
        }
    };
    // What follows a comma within the URL was taken for a part of the list.
    let torn = |told: String| match url {
        None => Wrong::new(told),
        Some(_) => Wrong::new(format!(
            "{told}; a monspec URL with a comma in it needs the JSON form, \
             `{{\"monspec\": \"https://…\"}}`"
        )),
    };
    if let Some(extra) = parts.get(4) {
        return Err(torn(format!(
            "`{extra}` is one part too many: write `Comparison,minutes,ApprovalAction,executionId`"
        )));
    }
    let part = |index: usize| parts.get(index).copied().and_then(parameters::given);
    let minutes = match part(1) {
        Some(text) => text.parse().map_err(|_| torn(no_minutes(&text)))?,
        None => DEFAULT_MINUTES,
    };
    checked(Parameters {
        comparison: part(0),
        length: of_minutes(minutes)?,
        approval: part(2),
        execution: part(3),
        monspec: url.map(|url| Place::Url(url.to_owned())),
        result_hook: None,
        pipeline: None,
    })
}

fn no_minutes(text: &str) -> String {
    format!("`{text}` is not a number of minutes: write a whole number such as 5")
}

fn out_of_range() -> Wrong {
    Wrong::new("a window is at least a second and at most 24 hours long")
}

/// The range is checked before there is a duration: making one of any number
/// of minutes may overflow.
fn of_minutes(minutes: i64) -> Result<SignedDuration, Wrong> {
    if (1..=MOST_MINUTES).contains(&minutes) {
        Ok(SignedDuration::from_mins(minutes))
    } else {
        Err(out_of_range())
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Object {
    #[serde(default, deserialize_with = "parameters::name")]
    comparison: Option<String>,
    minutes: Option<serde_json::Number>,
    window: Option<String>,
    #[serde(default, deserialize_with = "parameters::name")]
    approval_action: Option<String>,
    #[serde(default, deserialize_with = "parameters::name")]
    execution_id: Option<String>,
    monspec: Option<Place>,
    #[serde(default, deserialize_with = "parameters::name")]
    result_hook: Option<String>,
    #[serde(default, deserialize_with = "parameters::name")]
    pipeline: Option<String>,
}

fn object(text: &str) -> Result<Parameters, Wrong> {
    let object: Object = parameters::object(text)?;
    let length = match (object.minutes, object.window) {
        (Some(_), Some(_)) => {
            return Err(Wrong::new("give either `minutes` or `window`, not both"));
        }
        (Some(minutes), None) => {
            let whole = minutes.as_i64();
            of_minutes(whole.ok_or_else(|| Wrong::new(no_minutes(&minutes.to_string())))?)?
        }
        (None, Some(text)) => text.parse().map_err(|_| {
            Wrong::new(format!(
                "`{text}` is not a window: write a time such as `8s` or `5m`"
            ))
        })?,
        (None, None) => of_minutes(DEFAULT_MINUTES)?,
    };
    checked(Parameters {
        comparison: object.comparison,
        length,
        approval: object.approval_action,
        execution: object.execution_id,
        monspec: object.monspec,
        result_hook: object.result_hook,
        pipeline: object.pipeline,
    })
}

fn checked(parameters: Parameters) -> Result<Parameters, Wrong> {
    if !(SHORTEST..=LONGEST).contains(&parameters.length) {
        return Err(out_of_range());
    }
    let hook = parameters.result_hook.as_deref().unwrap_or_default();
    if hook.chars().count() > LONGEST_HOOK {
        return Err(Wrong::new(format!(
            "`resultHook` is longer than {LONGEST_HOOK} characters"
        )));
    }
    let names = [
        &parameters.comparison,
        &parameters.approval,
        &parameters.execution,
    ];
    check_names(names.into_iter().flatten())?;
    Ok(parameters)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job(text: &str) -> Parameters {
        of_job(text).unwrap_or_else(|error| panic!("{error}"))
    }

    fn refused(text: &str) -> String {
        of_job(text).expect_err(text).to_string()
    }

    #[test]
    fn list_of_2018_is_read() {
        let parameters = job("StagingToProduction,10,ApproveStaging");

        assert_eq!(
            parameters.comparison.as_deref(),
            Some("StagingToProduction")
        );
        assert_eq!(parameters.length, SignedDuration::from_mins(10));
        assert_eq!(parameters.approval.as_deref(), Some("ApproveStaging"));
        assert_eq!(parameters.execution, None);
    }

    #[test]
    fn comparison_alone_takes_five_minutes_and_answers_nothing() {
        let parameters = job("  StagingToProduction ");

        assert_eq!(
            parameters.comparison.as_deref(),
            Some("StagingToProduction")
        );
        assert_eq!(parameters.length, SignedDuration::from_mins(5));
        assert_eq!(parameters.approval, None);
        assert_eq!(job("A, ,Approve").length, SignedDuration::from_mins(5));
    }

    #[test]
    fn url_of_a_monspec_may_stand_anywhere_in_the_list() {
        for text in [
            "https://specs.example/monspec.json,A,5,Approve",
            "A,https://specs.example/monspec.json,5,Approve",
            "A,5,Approve,https://specs.example/monspec.json",
        ] {
            let parameters = job(text);
            assert_eq!(parameters.comparison.as_deref(), Some("A"), "{text}");
            assert_eq!(parameters.approval.as_deref(), Some("Approve"), "{text}");
            assert!(matches!(parameters.monspec, Some(Place::Url(_))), "{text}");
        }
        assert_eq!(job("https://specs.example/monspec.json").comparison, None);
    }

    #[test]
    fn object_says_the_same_as_the_list() {
        let object = job(
            r#"{"comparison":"A","minutes":10,"approvalAction":"Approve","executionId":"e-1"}"#,
        );

        assert_eq!(object, job("A,10,Approve,e-1"));
        assert_eq!(
            job(r#"{"comparison":"A","window":"8s"}"#).length,
            SignedDuration::from_secs(8)
        );
    }

    #[test]
    fn unusable_parameters_are_told_with_what_to_write() {
        for (text, part) in [
            ("", "empty"),
            (" , ,", "empty"),
            ("A,soon", "`soon` is not a number"),
            ("A,NaN", "not a number"),
            ("A,0", "at least a second"),
            ("A,-5", "at least a second"),
            ("A,5\n2026 forged", r"`5\n2026 forged` is not a number"),
            ("A,99999", "24 hours"),
            ("A,99999999999999999999", "not a number"),
            ("A,5,B,C,D", "one part too many"),
            ("A,5,B,#{codepipeline.PipelineExecutionId}", "not resolved"),
            (r#"{"comparisn":"A"}"#, "unknown field `comparisn`"),
            (
                r#"{"comparison":"A","minutes":1.5}"#,
                "not a number of minutes",
            ),
            (
                r#"{"comparison":"A","minutes":5,"window":"8s"}"#,
                "not both",
            ),
            (
                r#"{"comparison":"A","window":"eight"}"#,
                "`eight` is not a window",
            ),
            (
                r#"{"comparison":"A","pipeline":"Other"}"#,
                "taken from the job",
            ),
            ("{", "not the JSON object"),
        ] {
            assert!(refused(text).contains(part), "{text}: {}", refused(text));
        }
        assert!(refused(&"x".repeat(1_000)).contains("longer than 200"));
    }

    #[test]
    fn window_of_any_size_is_measured_before_it_is_made() {
        for text in [
            "A,999999999999999999".to_owned(),
            format!("A,{}", i64::MAX),
            format!("A,{}", i64::MIN),
            r#"{"comparison":"A","minutes":999999999999999999}"#.to_owned(),
            r#"{"comparison":"A","window":"1ns"}"#.to_owned(),
            r#"{"comparison":"A","window":"999ms"}"#.to_owned(),
            r#"{"comparison":"A","window":"24h 1s"}"#.to_owned(),
        ] {
            let told = refused(&text);
            assert!(told.contains("at least a second"), "{text}: {told}");
        }
        assert_eq!(job("A,1440").length, SignedDuration::from_hours(24));
        assert_eq!(
            job(r#"{"comparison":"A","window":"1s"}"#).length,
            SignedDuration::from_secs(1)
        );
    }

    #[test]
    fn url_torn_by_its_comma_is_told_to_go_into_the_json_form() {
        for text in [
            "https://specs.example/a,b.json,A,5",
            "A,5,Approve,e-1,https://specs.example/a,b.json",
        ] {
            let told = refused(text);
            assert!(told.contains("needs the JSON form"), "{text}: {told}");
        }
        let url = "https://specs.example/a,b.json";
        assert_eq!(
            job(&format!(r#"{{"monspec":"{url}"}}"#)).monspec,
            Some(Place::Url(url.to_owned()))
        );
        // A number that is out of range is not the fault of the URL.
        assert!(!refused("https://specs.example/a.json,A,0").contains("JSON"));
    }

    #[test]
    fn two_addresses_are_refused() {
        let told = refused("https://specs.example/a.json,A,5,https://specs.example/b.json");

        assert!(told.contains("two addresses"), "{told}");
    }

    #[test]
    fn address_for_results_has_a_bound() {
        let with = |length: usize| {
            let hook = format!("https://x/{}", "a".repeat(length - 10));
            format!(r#"{{"comparison":"A","resultHook":"{hook}"}}"#)
        };

        assert!(job(&with(2_000)).result_hook.is_some());
        assert!(refused(&with(2_001)).contains("longer than 2000 characters"));
    }

    #[test]
    fn names_that_hide_something_are_refused() {
        for name in [r"Gate\u001b[2J", r"Gate\u202e", r"Gate\nGate"] {
            let told = refused(&format!(r#"{{"comparison":"{name}"}}"#));
            assert!(told.contains("control characters"), "{name}: {told}");
        }
    }

    #[test]
    fn direct_call_says_what_a_job_would_know() {
        let refused = |text: &str| of_caller(text).expect_err(text).to_string();

        assert!(refused(r#"{"comparison":"A","monspec":{}}"#).contains("names its `pipeline`"));
        assert!(refused(r#"{"comparison":"A","pipeline":"P"}"#).contains("needs a `monspec`"));
        assert!(
            refused(r#"{"comparison":"A","pipeline":"P#1","monspec":{}}"#)
                .contains("name of a pipeline")
        );
        assert!(
            refused(r#"{"comparison":"A","pipeline":"P","monspec":{},"approvalAction":"B"}"#)
                .contains("executionId")
        );
    }
}
