//! The story in words.

use std::convert::Infallible;

use lab::live::Journal;

use super::answered::Heal;
use super::campaign::Campaign;
use super::results::{Release, Results};
use crate::timeline::{Stream, Timeline};

/// How the results of the story are printed.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Form {
    /// As a table behind the timeline.
    Table,
    /// As one JSON object on stdout; the timeline goes to stderr.
    Json,
}

impl Form {
    pub(super) fn stream(self) -> Stream {
        match self {
            Self::Table => Stream::Out,
            Self::Json => Stream::Err,
        }
    }
}

/// Prints events as they happen.
pub(super) async fn follow(journal: &Journal, timeline: &Timeline) -> Infallible {
    let mut length = journal.follow();
    let mut told = 0;
    loop {
        for entry in journal.since(told) {
            told = entry.number + 1;
            let what = entry.what.replace('\n', " ");
            timeline.tell(&entry.who, &what);
        }
        if length.changed().await.is_err() {
            // Nothing more can happen.
            std::future::pending::<()>().await;
        }
    }
}

/// Prints the results.
pub(super) fn end(results: &Results, form: Form, timeline: &Timeline) {
    timeline.line(&table(results));
    if matches!(form, Form::Json) {
        Timeline::begin(Stream::Out).line(&json(results));
    }
}

fn json(results: &Results) -> String {
    serde_json::to_string(results).expect("texts and numbers make JSON")
}

fn table(results: &Results) -> String {
    let mut lines = vec![
        String::new(),
        row("BUILD", "STAGING", "PRODUCTION", "THEN RUNS", ""),
    ];
    for release in &results.releases {
        let build = release.build.to_string();
        let left = release.left_in_production;
        let left = left.map_or_else(|| "nothing".to_owned(), |build| format!("build {build}"));
        let gates = (release.staging.answer, release.production.answer);
        lines.push(row(&build, gates.0, gates.1, &left, &remark(release)));
    }
    if let Some(campaign) = &results.campaign {
        lines.push(format!("\n{}", told(campaign)));
    }
    let end = if results.as_expected {
        "Everything ended as expected"
    } else {
        "Not everything ended as expected"
    };
    lines.push(format!("\n{end}, after {:.0} s.", results.seconds));
    if let Some(error) = &results.error {
        lines.push(format!("It broke off: {error}"));
    }
    lines.join("\n")
}

fn row(build: &str, staging: &str, production: &str, left: &str, remark: &str) -> String {
    let row = format!("{build:7}{staging:13}{production:13}{left:11}{remark}");
    row.trim_end().to_owned()
}

/// The campaign in one line.
fn told(campaign: &Campaign) -> String {
    let [before, during, after] = campaign.slowest_tenth_ms.map(f64::round);
    let mut remarks = vec![format!(
        "Campaign: slowest tenth from {before} to {during} ms and back to {after} ms"
    )];
    remarks.extend(campaign.problems.iter().map(answered));
    remarks.push(format!("then {} %", campaign.percent));
    if !campaign.build_unchanged {
        remarks.push("another deployment".to_owned());
    }
    if !campaign.as_expected {
        remarks.push("NOT AS EXPECTED".to_owned());
    }
    remarks.join("; ")
}

/// What was done about a problem.
fn answered(heal: &Heal) -> String {
    let end = if heal.confirmed {
        "healed"
    } else {
        "not healed"
    };
    format!(
        "{} ({}): {end}, {} comments",
        heal.problem,
        heal.title,
        heal.comments.len()
    )
}

fn remark(release: &Release) -> String {
    let mut remarks: Vec<String> = release.problems.iter().map(answered).collect();
    for gate in [&release.staging, &release.production] {
        if let Some(held) = gate.held() {
            remarks.push(format!("held: {}", held.replace('\n', " ")));
        }
    }
    if !release.as_expected {
        remarks.push("NOT AS EXPECTED".to_owned());
    }
    remarks.join("; ")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use fake_aws::pipeline::{ApprovalStatus, ApprovalView};
    use serde_json::{Value, json};

    use super::super::CHAPTERS;
    use super::super::results::Gate;
    use super::*;

    /// Build 1 is held in staging at the end of the timeout.
    fn unfinished() -> Results {
        let gate = |status, summary: Option<&str>| {
            Gate::of(&ApprovalView {
                status,
                summary: summary.map(str::to_owned),
                by: None,
                token: None,
                action_execution_id: None,
            })
        };
        let gates = [
            gate(
                ApprovalStatus::Waiting,
                Some("Inconclusive: no baseline. http://reports"),
            ),
            gate(ApprovalStatus::NotReached, None),
        ];
        let took = Duration::from_secs(100);
        let release = Release::told(&CHAPTERS[0], gates, Vec::new(), Some(1), took).unfinished();
        Results::of(
            vec![release],
            None,
            Some("waited in vain".to_owned()),
            Duration::from_secs(102),
        )
    }

    #[test]
    fn story_that_breaks_off_still_has_a_table() {
        assert_eq!(
            table(&unfinished()),
            "
BUILD  STAGING      PRODUCTION   THEN RUNS
1      waiting      not reached  build 1    held: Inconclusive: no baseline. http://reports; NOT AS EXPECTED

Not everything ended as expected, after 102 s.
It broke off: waited in vain"
        );
    }

    #[test]
    fn story_that_breaks_off_is_told_to_programs() {
        let told: Value = serde_json::from_str(&json(&unfinished())).unwrap();

        let expected = json!({
            "asExpected": false,
            "seconds": 102.0,
            "releases": [{
                "build": 1,
                "asExpected": false,
                "staging": {
                    "answer": "waiting",
                    "summary": "Inconclusive: no baseline. http://reports",
                },
                "production": { "answer": "not reached", "summary": null },
                "problems": [],
                "leftInProduction": 1,
                "seconds": 100.0,
            }],
            "campaign": null,
            "error": "waited in vain",
        });
        assert_eq!(told, expected);
    }

    #[test]
    fn story_without_its_last_chapter_is_not_as_expected() {
        let results = Results::of(Vec::new(), None, None, Duration::ZERO);
        assert!(!results.as_expected);
    }

    #[test]
    fn story_that_breaks_off_between_two_builds_is_not_as_expected() {
        let results = Results::of(Vec::new(), None, Some("broken".to_owned()), Duration::ZERO);
        assert!(!results.as_expected);
    }
}
