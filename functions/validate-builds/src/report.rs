//! One line and one set of metrics per validation, held ones included.

use jiff::Timestamp;
use lambda::metrics::{self, Line, Unit};
use lambda::secrets::NoSecret;
use monspec::Verdict;
use release::approval::Answer;
use release::outbox::Entry;
use release::validation::{Ending, Judgement, Registration};
use store::Stuck;
use workflows::validate_builds::{LookResult, Observed, Worked};
use workflows::work::{self, Progress};

pub(crate) fn tell(observed: &Observed<'_>, now: Timestamp) {
    match observed {
        // At every tick, so that nothing due can be told from nobody looking.
        Observed::Work(work::Observed::Looked(overdue)) => metrics::emit(&Line {
            at: now,
            dimensions: &[],
            metrics: &[("OldestDueSeconds", Unit::Seconds, overdue.as_secs_f64())],
            properties: &[],
        }),
        Observed::Judged(registration, judgement) => {
            count(registration, &of_verdict(judgement), now);
        }
        Observed::Work(work::Observed::Left(look)) => {
            line(look);
            count(&look.about.registration, &of_look(look), now);
        }
        // Names the place, because the item does not say who it is.
        Observed::Work(work::Observed::Stuck(stuck)) => {
            let Stuck { place, looks, .. } = stuck;
            tracing::error!(place, looks, "{}", stuck.in_words());
            metrics::emit(&Line {
                at: now,
                dimensions: &[],
                metrics: &[(stuck.metric(), Unit::Count, 1.0)],
                properties: &[("place", place)],
            });
        }
    }
}

/// Tells that no result can be posted. Everything else goes on.
pub(crate) fn unsigned(setting: &str, error: &NoSecret, now: Timestamp) {
    let error = anyhow::Error::from(error.clone());
    tracing::error!(
        setting,
        "No result is posted until its hook can be signed: {error:#}"
    );
    metrics::emit(&Line {
        at: now,
        dimensions: &[],
        metrics: &[("HooksUnsigned", Unit::Count, 1.0)],
        properties: &[],
    });
}

fn line(look: &LookResult) {
    let Worked {
        registration,
        judged,
        ending,
        result,
    } = &look.about;
    let id = registration.id;
    let pipeline = registration.pipeline.as_str();
    let comparison = registration.comparison.as_str();
    let verdict = judged.as_ref().map(|judged| judged.verdict.to_string());
    let verdict = verdict.as_deref();
    if let (Progress::Settled, Some(why)) = (&look.progress, given_up(result.as_ref())) {
        tracing::warn!(
            validation.id = %id, pipeline.name = pipeline, comparison,
            "The result of validation `{id}` is not posted any more: {why}"
        );
    }
    match (&look.progress, ending) {
        (Progress::Deferred { waiting_for, until }, _) => tracing::info!(
            validation.id = %id, pipeline.name = pipeline, comparison, verdict, until = %until,
            "Validation `{id}` waits: {waiting_for}"
        ),
        (Progress::Faulted { error, until }, _) => tracing::warn!(
            validation.id = %id, pipeline.name = pipeline, comparison, verdict, until = %until,
            "Validation `{id}` met a fault: {error:#}"
        ),
        (Progress::Settled, Some(Ending::GaveUp { waiting_for })) => tracing::warn!(
            validation.id = %id, pipeline.name = pipeline, comparison, verdict,
            ending = "gave-up",
            "Validation `{id}` was given up: {waiting_for}"
        ),
        (Progress::Settled, ending) => tracing::info!(
            validation.id = %id, pipeline.name = pipeline, comparison, verdict,
            ending = ending.as_ref().map(word),
            "Validation `{id}` is settled"
        ),
        (Progress::Lost, _) => tracing::info!(
            validation.id = %id, pipeline.name = pipeline, comparison,
            "Validation `{id}` belongs to another worker or was superseded"
        ),
    }
}

fn count(registration: &Registration, counts: &[(&'static str, Unit, f64)], now: Timestamp) {
    if counts.is_empty() {
        return;
    }
    metrics::emit(&Line {
        at: now,
        dimensions: &[
            ("Pipeline", &registration.pipeline),
            ("Comparison", &registration.comparison),
        ],
        metrics: counts,
        properties: &[("validation", &registration.id.to_string())],
    });
}

fn given_up(result: Option<&Entry>) -> Option<&str> {
    result?.given_up.as_deref()
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

fn of_verdict(judgement: &Judgement) -> Vec<(&'static str, Unit, f64)> {
    let Judgement {
        verdict, answer, ..
    } = judgement;
    [
        ("Passed", *verdict == Verdict::Passed),
        ("Failed", *verdict == Verdict::Failed),
        ("Inconclusive", *verdict == Verdict::Inconclusive),
        ("Held", *answer == Answer::Hold),
    ]
    .map(|(name, counted)| (name, Unit::Count, f64::from(u8::from(counted))))
    .to_vec()
}

fn of_look(look: &LookResult) -> Vec<(&'static str, Unit, f64)> {
    let mut counts = Vec::new();
    match look.progress {
        Progress::Faulted { .. } => counts.push(("Faults", Unit::Count, 1.0)),
        Progress::Settled => {
            let Worked { ending, result, .. } = &look.about;
            if matches!(ending, Some(Ending::GaveUp { .. })) {
                counts.push(("GaveUp", Unit::Count, 1.0));
            }
            if given_up(result.as_ref()).is_some() {
                counts.push(("HooksGivenUp", Unit::Count, 1.0));
            }
        }
        Progress::Deferred { .. } | Progress::Lost => {}
    }
    counts
}
