//! A history.

use release::plot::Plotted;
use release::validation::Validation;
use schemars::JsonSchema;
use serde::Serialize;

use super::{Span, Time};
use crate::frame::Frame;
use crate::records;
use crate::words::{State, Why, approval};

/// A pipeline and a comparison over builds.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct History<'a> {
    /// When this was written.
    written_at: Time,
    /// The pipeline.
    pipeline: &'a str,
    /// The comparison.
    comparison: &'a str,
    /// How far back was looked.
    span_seconds: i64,
    /// The environments of the observations.
    sources: Vec<&'a str>,
    /// The environments of the baselines.
    compares: Vec<&'a str>,
    /// The builds of this page, oldest first.
    builds: Vec<Build<'a>>,
    /// Where older builds are.
    older: Option<&'a str>,
    /// Where newer builds are.
    newer: Option<&'a str>,
}

/// A build with what charts show of it.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Build<'a> {
    #[serde(flatten)]
    outline: Outline<'a>,
    /// The numbers of its signatures; none until it is judged.
    signatures: Vec<Signature<'a>>,
    /// Where its evaluation is.
    evaluation: &'a str,
}

/// What a history and an evaluation both say.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Outline<'a> {
    /// The validation's id.
    validation: String,
    /// The pipeline execution that it belongs to.
    execution: Option<&'a str>,
    /// What a person calls the build.
    version: &'a str,
    /// How far it is; the verdict, once there is one.
    state: State,
    /// The verdict as the approval hears it.
    summary: Option<&'a str>,
    /// When it was registered.
    registered_at: Time,
    /// The span that belongs to the build, before any shift.
    window: Span,
    /// When the verdict fell.
    judged_at: Option<Time>,
    /// What became of the approval.
    approval: Approval,
}

/// What became of the approval.
#[derive(Serialize, JsonSchema)]
struct Approval {
    /// In a few words.
    status: String,
    /// The words of a person, or what was waited for.
    why: Option<String>,
}

/// The numbers of one signature, in the unit of its metric.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Signature<'a> {
    /// Names the signature across builds.
    name: &'a str,
    /// How it was judged.
    #[schemars(extend("enum" = ["held", "violated", "inconclusive"]))]
    outcome: &'static str,
    /// The number of the new build.
    observation: Option<f64>,
    /// The number it was held against.
    baseline: Option<f64>,
    /// The limit above.
    upper_limit: Option<f64>,
    /// The limit below.
    lower_limit: Option<f64>,
}

impl<'a> History<'a> {
    pub(super) fn of(frame: &Frame<'_>, history: &'a records::History<'_>) -> Self {
        let (sources, compares) = history.environments();
        let build = |build: &'a records::Build| Build {
            outline: (&build.validation).into(),
            signatures: build.plot.iter().map(Signature::from).collect(),
            evaluation: &build.evaluation,
        };
        Self {
            written_at: frame.now.into(),
            pipeline: history.pipeline,
            comparison: history.comparison,
            span_seconds: history.span.as_secs(),
            sources,
            compares,
            builds: history.builds.iter().map(build).collect(),
            older: history.older,
            newer: history.newer,
        }
    }
}

impl<'a> From<&'a Validation> for Outline<'a> {
    fn from(validation: &'a Validation) -> Self {
        let registration = &validation.registration;
        let judgement = validation.judgement();
        let approval = approval(validation);
        Self {
            validation: registration.id.to_string(),
            execution: registration.execution.as_deref(),
            version: &registration.version,
            state: State::of(validation),
            summary: judgement.map(|judgement| judgement.summary.as_str()),
            registered_at: registration.registered_at.into(),
            window: registration.window.into(),
            judged_at: judgement.map(|judgement| judgement.at.into()),
            approval: Approval {
                status: approval.what,
                why: approval.why.map(Why::text),
            },
        }
    }
}

impl<'a> From<&'a Plotted> for Signature<'a> {
    fn from(plotted: &'a Plotted) -> Self {
        Self {
            name: &plotted.name,
            outcome: plotted.outcome.as_str(),
            observation: plotted.observation,
            baseline: plotted.baseline,
            upper_limit: plotted.upper_limit,
            lower_limit: plotted.lower_limit,
        }
    }
}
