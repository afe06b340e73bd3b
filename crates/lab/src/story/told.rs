//! The story in words.

use std::convert::Infallible;

use lab::live::Journal;

use super::outcome::{Outcome, Release};
use crate::timeline::{Stream, Timeline};

/// How the end of the story is told.
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

/// Tells what happens while it does.
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

/// Tells what became of everything.
pub(super) fn end(outcome: &Outcome, form: Form, timeline: &Timeline) {
    timeline.line(&table(outcome));
    if matches!(form, Form::Json) {
        let json = serde_json::to_string(outcome).expect("texts and numbers make JSON");
        Timeline::begin(Stream::Out).line(&json);
    }
}

fn table(outcome: &Outcome) -> String {
    let mut lines = vec![
        String::new(),
        row("BUILD", "STAGING", "PRODUCTION", "THEN RUNS", ""),
    ];
    for release in &outcome.releases {
        let build = release.build.to_string();
        let left = release.left_in_production;
        let left = left.map_or_else(|| "nothing".to_owned(), |build| format!("build {build}"));
        let gates = (release.staging.answer, release.production.answer);
        lines.push(row(&build, gates.0, gates.1, &left, &remark(release)));
    }
    let end = if outcome.as_expected {
        "Every build ended as it should"
    } else {
        "Not every build ended as it should"
    };
    lines.push(format!("\n{end}, after {:.0} s.", outcome.seconds));
    lines.join("\n")
}

fn row(build: &str, staging: &str, production: &str, left: &str, remark: &str) -> String {
    let row = format!("{build:7}{staging:13}{production:13}{left:11}{remark}");
    row.trim_end().to_owned()
}

fn remark(release: &Release) -> String {
    let mut remarks: Vec<String> = release
        .problems
        .iter()
        .map(|heal| {
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
        })
        .collect();
    if !release.as_expected {
        remarks.push("NOT AS EXPECTED".to_owned());
    }
    remarks.join("; ")
}
