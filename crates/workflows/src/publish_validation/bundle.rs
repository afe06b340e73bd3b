//! The files of the artifact.

use monspec::{AnnotateError, Finding, annotate};
use release::evidence::Evidence;
use release::validation::{Judged, Judgement, State, Validation};
use report::{Evaluation, Frame, json, page};

/// Everything that is known of a verdict, as it was when it fell: what became of
/// the approval afterwards is in the report, and would make other bytes of the
/// same verdict.
pub(super) fn files(
    validation: &Validation,
    judgement: &Judgement,
    evidence: &Evidence,
    spec: &str,
) -> Result<[(&'static str, String); 3], AnnotateError> {
    let findings: Vec<Finding> = evidence
        .findings
        .iter()
        .map(|evidenced| evidenced.finding.clone())
        .collect();
    let comparison = &validation.registration.comparison;
    let annotated = annotate(spec, comparison, &findings, &evidence.entities)?;

    let validation = as_it_fell(validation, judgement);
    let frame = Frame {
        now: judgement.at,
        zone: None,
        start: None,
        stopped: &[],
    };
    let evaluation = Evaluation {
        validation: &validation,
        evidence: Some(evidence),
        spec: Some(spec),
        history: None,
        json: None,
    };
    Ok([
        ("validation.json", json::evaluation(&frame, &evaluation)),
        ("monspec.json", annotated),
        ("report.html", page::evaluation(&frame, &evaluation)),
    ])
}

/// The validation without what happened after its verdict.
fn as_it_fell(validation: &Validation, judgement: &Judgement) -> Validation {
    Validation {
        state: State::Judged(Judged::new(judgement.clone(), None)),
        ..Validation::registered(validation.registration.clone())
    }
}
