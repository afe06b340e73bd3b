//! One line and one set of metrics per validation, held ones included.

use jiff::Timestamp;
use lambda::metrics::{self, Line, Unit};
use monspec::Verdict;
use release::approval::Answer;
use release::validation::{Ending, Judgement};
use workflows::validate_builds::{Progress, Report};

pub(crate) fn line(report: &Report, now: Timestamp) {
    let id = report.registration.id;
    let pipeline = report.registration.pipeline.as_str();
    let comparison = report.registration.comparison.as_str();
    let verdict = report
        .judged
        .as_ref()
        .map(|judged| judged.verdict.to_string());
    let verdict = verdict.as_deref();
    match &report.progress {
        Progress::Deferred { waiting_for, until } => tracing::info!(
            validation.id = %id, pipeline.name = pipeline, comparison, verdict, until = %until,
            "Validation `{id}` waits for {waiting_for}"
        ),
        Progress::Faulted { error, until } => tracing::warn!(
            validation.id = %id, pipeline.name = pipeline, comparison, verdict, until = %until,
            "Validation `{id}` met a fault: {error:#}"
        ),
        Progress::Settled(ending) => tracing::info!(
            validation.id = %id, pipeline.name = pipeline, comparison, verdict,
            ending = ending.as_ref().map(word),
            "Validation `{id}` is settled"
        ),
        Progress::Lost => tracing::info!(
            validation.id = %id, pipeline.name = pipeline, comparison,
            "Validation `{id}` belongs to another worker or was superseded"
        ),
    }
    let counts = counts(report);
    if !counts.is_empty() {
        metrics::emit(&Line {
            at: now,
            dimensions: &[("Pipeline", pipeline), ("Comparison", comparison)],
            metrics: &counts,
            properties: &[("validation", &id.to_string())],
        });
    }
}

/// How an approval ended, in a word to search for; what a person wrote stays
/// in the record.
fn word(ending: &Ending) -> &'static str {
    match ending {
        Ending::NothingToAnswer => "nothing-to-answer",
        Ending::Answered { .. } => "answered",
        Ending::Person(_) => "person",
        Ending::ExecutionEnded { .. } => "execution-ended",
        Ending::Superseded { .. } => "superseded",
        Ending::GaveUp { .. } => "gave-up",
    }
}

fn counts(report: &Report) -> Vec<(&'static str, Unit, f64)> {
    let mut counts = Vec::new();
    if let Some(Judgement {
        verdict, answer, ..
    }) = &report.judged
    {
        for (name, counted) in [
            ("Passed", *verdict == Verdict::Passed),
            ("Failed", *verdict == Verdict::Failed),
            ("Inconclusive", *verdict == Verdict::Inconclusive),
            ("Held", *answer == Answer::Hold),
        ] {
            counts.push((name, Unit::Count, f64::from(u8::from(counted))));
        }
    }
    if matches!(report.progress, Progress::Faulted { .. }) {
        counts.push(("Faults", Unit::Count, 1.0));
    }
    counts
}
