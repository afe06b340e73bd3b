//! What stands beside the numbers.

use monspec::OpenProblems;
use release::evidence::{self, About, Unjudged};
use schemars::JsonSchema;
use serde::Serialize;

use crate::json::Time;

/// The problems that were open on one environment, a finding of its own.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Problems<'a> {
    /// The service entry.
    service: &'a str,
    /// The environment.
    environment: &'a str,
    /// Whether they count.
    policy: OpenProblems,
    /// Violated if there was a problem, inconclusive if nobody knows.
    #[schemars(extend("enum" = ["held", "violated", "inconclusive"]))]
    outcome: &'static str,
    /// How many there were.
    count: usize,
    /// The first of them.
    open: Vec<Problem<'a>>,
    /// The same in a sentence.
    reason: &'a str,
}

/// One problem.
#[derive(Serialize, JsonSchema)]
struct Problem<'a> {
    /// The id.
    id: &'a str,
    /// The number and the title that people see.
    name: &'a str,
    /// When it began.
    since: Time,
    /// When it ended, if it had when the verdict fell.
    until: Option<Time>,
    /// Where people see it.
    address: Option<&'a str>,
}

/// Something that has a page elsewhere.
#[derive(Serialize, JsonSchema)]
pub(super) struct Link<'a> {
    /// What it is.
    #[schemars(extend("enum" = ["problem", "deployment", "execution", "charts"]))]
    about: &'static str,
    /// What people call it.
    name: &'a str,
    /// Its page, where there is one.
    address: Option<&'a str>,
}

pub(super) fn unjudged(unjudged: Unjudged) -> &'static str {
    match unjudged {
        Unjudged::Healed => "healed",
        Unjudged::Overtaken => "overtaken",
        Unjudged::Tainted => "tainted",
        Unjudged::OwnBaseline => "ownBaseline",
        Unjudged::Unmeasured => "unmeasured",
    }
}

impl<'a> From<&'a evidence::Problems> for Problems<'a> {
    fn from(problems: &'a evidence::Problems) -> Self {
        let problem = |one: &'a evidence::OpenProblem| Problem {
            id: &one.id,
            name: &one.name,
            since: one.since.into(),
            until: one.until.map(Time::from),
            address: one.address.as_deref(),
        };
        Self {
            service: &problems.service,
            environment: &problems.environment,
            policy: problems.policy,
            outcome: problems.outcome.as_str(),
            count: problems.count,
            open: problems.open.iter().map(problem).collect(),
            reason: &problems.reason,
        }
    }
}

impl<'a> From<&'a evidence::Link> for Link<'a> {
    fn from(link: &'a evidence::Link) -> Self {
        Self {
            about: match link.about {
                About::Problem => "problem",
                About::Deployment => "deployment",
                About::Execution => "execution",
                About::Charts => "charts",
            },
            name: &link.name,
            address: link.address.as_deref(),
        }
    }
}
