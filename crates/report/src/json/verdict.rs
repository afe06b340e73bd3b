//! A verdict with its findings, for those who asked for it.

use monspec::Verdict;
use release::evidence::Evidence;
use release::validation::{Judgement, Registration};
use schemars::JsonSchema;
use serde::Serialize;

use super::finding::Finding;
use super::{Span, Time};

/// What a result hook is sent.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Posted<'a> {
    /// The validation's id.
    validation: String,
    /// The pipeline.
    pipeline: &'a str,
    /// The pipeline execution that it belongs to.
    execution: Option<&'a str>,
    /// The comparison.
    comparison: &'a str,
    /// What a person calls the build.
    version: &'a str,
    /// The verdict.
    #[schemars(extend("enum" = ["passed", "failed", "inconclusive"]))]
    verdict: &'static str,
    /// What the verdict says to the approval.
    #[schemars(extend("enum" = ["approve", "reject", "hold"]))]
    answer: &'static str,
    /// The verdict as the approval hears it.
    summary: &'a str,
    /// Where the report is, if it has an address.
    report_url: Option<&'a str>,
    /// The span that belongs to the build, before any shift.
    window: Span,
    /// The hash of the monspec that judged it.
    monspec: &'a str,
    /// When the verdict fell.
    judged_at: Time,
    /// Every signature, judged, in the order of the monspec.
    findings: Vec<Finding<'a>>,
}

/// What the commands print that judge without a pipeline.
#[derive(Serialize, JsonSchema)]
pub(super) struct Judged<'a> {
    /// The verdict.
    #[schemars(extend("enum" = ["passed", "failed", "inconclusive"]))]
    verdict: &'static str,
    /// Every signature, judged, in the order of the monspec.
    findings: Vec<Finding<'a>>,
}

impl<'a> Posted<'a> {
    pub(super) fn of(
        registration: &'a Registration,
        judgement: &'a Judgement,
        evidence: &'a Evidence,
        report_url: Option<&'a str>,
    ) -> Self {
        Self {
            validation: registration.id.to_string(),
            pipeline: &registration.pipeline,
            execution: registration.execution.as_deref(),
            comparison: &registration.comparison,
            version: &registration.version,
            verdict: judgement.verdict.as_str(),
            answer: judgement.answer.as_str(),
            summary: &judgement.summary,
            report_url,
            window: registration.window.into(),
            monspec: &registration.spec,
            judged_at: judgement.at.into(),
            findings: evidence.findings.iter().map(Finding::from).collect(),
        }
    }
}

impl<'a> Judged<'a> {
    pub(super) fn of(verdict: Verdict, findings: Vec<Finding<'a>>) -> Self {
        Self {
            verdict: verdict.as_str(),
            findings,
        }
    }
}
