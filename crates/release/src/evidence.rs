//! Everything that led to a verdict, as it is stored.

mod within;

use std::collections::BTreeMap;

use jiff::Timestamp;
use monspec::{Finding, OpenProblems, Outcome, Verdict};
use serde::{Deserialize, Serialize};

use crate::approval::Answer;
pub use within::MOST_ENTITIES;

use crate::window::Window;

/// The evidence of one verdict.
#[derive(Clone, Debug, PartialEq)]
pub struct Evidence {
    /// The verdict.
    pub verdict: Verdict,
    /// The answer to the approval.
    pub answer: Answer,
    /// Why the numbers were not judged, if so.
    pub reason: Option<String>,
    /// A note for the approval summary, such as a first release.
    pub note: Option<String>,
    /// Every signature, judged.
    pub findings: Vec<Evidenced>,
    /// The entities that were queried or answered, per service entry and
    /// environment; only the first of them are stored.
    pub entities: BTreeMap<String, BTreeMap<String, Vec<String>>>,
    /// The time of the verdict.
    pub judged_at: Timestamp,
    /// Context for readers of the numbers.
    pub context: Context,
}

/// Context for readers of the numbers. Records of earlier versions
/// have none of it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Context {
    /// What kept the numbers from being judged.
    pub unjudged: Option<Unjudged>,
    /// The problems of each judged environment, a finding of its own.
    pub problems: Vec<Problems>,
    /// Links to more.
    pub links: Vec<Link>,
    /// The number of entities, where not all are named.
    pub entity_counts: BTreeMap<String, BTreeMap<String, usize>>,
}

/// What kept numbers from being judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Unjudged {
    /// The build was replaced because of a problem.
    Healed,
    /// Another deployment arrived before the window ended.
    Overtaken,
    /// The compare side is not trustworthy.
    Tainted,
    /// The compare side had the same content.
    OwnBaseline,
    /// The tenant was never reached.
    Unmeasured,
}

impl Unjudged {
    /// A short sentence without times and names.
    pub fn heading(self) -> &'static str {
        match self {
            Self::Healed => "this build was replaced because of a problem",
            Self::Overtaken => "another deployment came before the window ended",
            Self::Tainted => "the baseline cannot be trusted",
            Self::OwnBaseline => "this build would be compared with itself",
            Self::Unmeasured => "it could not be measured in time",
        }
    }
}

/// Something with a page elsewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// What it is.
    pub about: About,
    /// What people call it.
    pub name: String,
    /// Its page, if there is one.
    pub address: Option<String>,
}

/// What a link leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum About {
    /// A problem of the tenant.
    Problem,
    /// A deployment of CodeDeploy.
    Deployment,
    /// An execution of the pipeline.
    Execution,
    /// An entity of the tenant, with the charts of the window.
    Charts,
}

/// How many problems of an environment are named.
pub const MOST_PROBLEMS: usize = 10;

/// The problems that were open on the entities of one environment in its
/// window.
#[derive(Clone, Debug, PartialEq)]
pub struct Problems {
    /// The service entry.
    pub service: String,
    /// The environment.
    pub environment: String,
    /// Whether they count.
    pub policy: OpenProblems,
    /// Held if there was none, violated if there was one, inconclusive if the
    /// tenant did not answer.
    pub outcome: Outcome,
    /// How many there were.
    pub count: usize,
    /// The first of them.
    pub open: Vec<OpenProblem>,
    /// The same in a sentence.
    pub reason: String,
}

/// One problem.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenProblem {
    /// The id.
    pub id: String,
    /// The number and the title that people see.
    pub name: String,
    /// When it began.
    pub since: Timestamp,
    /// When it ended, if it had ended by the time of the verdict.
    pub until: Option<Timestamp>,
    /// Where people see it.
    pub address: Option<String>,
}

impl Problems {
    /// The finding for the tenant's answer.
    pub fn found(
        (service, environment): (&str, &str),
        policy: OpenProblems,
        open: Result<Vec<OpenProblem>, String>,
    ) -> Self {
        let (outcome, count, reason) = match &open {
            Err(why) => {
                let reason =
                    format!("it is unknown whether a problem was open in {environment}: {why}");
                (Outcome::Inconclusive, 0, reason)
            }
            Ok(open) => match open.as_slice() {
                [] => (
                    Outcome::Held,
                    0,
                    format!("no problem was open in {environment}"),
                ),
                [one] => {
                    let reason = format!("a problem was open in {environment}: {}", one.name);
                    (Outcome::Violated, 1, reason)
                }
                [one, others @ ..] => {
                    let count = others.len() + 1;
                    let reason = format!(
                        "{count} problems were open in {environment}, first of all {}",
                        one.name
                    );
                    (Outcome::Violated, count, reason)
                }
            },
        };
        let mut open = open.unwrap_or_default();
        open.truncate(MOST_PROBLEMS);
        Self {
            service: service.to_owned(),
            environment: environment.to_owned(),
            policy,
            outcome,
            count,
            open,
            reason,
        }
    }

    /// Whether it influences the verdict.
    pub fn counts(&self) -> bool {
        self.policy == OpenProblems::Count
    }
}

/// The verdict of the signatures, with the problems that count.
pub fn with_problems(verdict: Verdict, problems: &[Problems]) -> Verdict {
    let says = |outcome| {
        problems
            .iter()
            .any(|problems| problems.counts() && problems.outcome == outcome)
    };
    if verdict == Verdict::Failed || says(Outcome::Violated) {
        Verdict::Failed
    } else if verdict == Verdict::Inconclusive || says(Outcome::Inconclusive) {
        Verdict::Inconclusive
    } else {
        Verdict::Passed
    }
}

/// A finding whose numbers are shown but not judged.
pub fn unjudged(finding: Finding) -> Finding {
    let reason = match finding.observation {
        Some(_) => "measured, but not judged".to_owned(),
        None => finding.reason,
    };
    Finding {
        outcome: Outcome::Inconclusive,
        accepted: false,
        coverage: monspec::Coverage::default(),
        upper_limit: None,
        lower_limit: None,
        margin: None,
        reason,
        ..finding
    }
}

/// A finding and how its numbers were obtained.
#[derive(Clone, Debug, PartialEq)]
pub struct Evidenced {
    /// The finding.
    pub finding: Finding,
    /// How the observation was obtained.
    pub source: Asked,
    /// How the baseline was obtained, if one was queried.
    pub compare: Option<Asked>,
}

/// One query to the tenant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// The environment.
    pub environment: String,
    /// The window, after shifting.
    pub window: Window,
    /// The metric selector or its v1 counterpart.
    pub selector: String,
    /// The request, without host and token.
    pub query: String,
    /// What the tenant warned about.
    pub warnings: Vec<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(name: &str) -> OpenProblem {
        OpenProblem {
            id: name.to_owned(),
            name: name.to_owned(),
            since: Timestamp::UNIX_EPOCH,
            until: None,
            address: None,
        }
    }

    fn found(policy: OpenProblems, open: Result<usize, &str>) -> Problems {
        let open = open.map(|count| (0..count).map(|n| problem(&format!("P-{n}"))).collect());
        Problems::found(("Cart", "Staging"), policy, open.map_err(str::to_owned))
    }

    #[test]
    fn only_problems_that_count_change_a_verdict() {
        use OpenProblems::{Count, Tell};
        use Verdict::{Failed, Inconclusive, Passed};
        for (policy, open, expected) in [
            (Tell, Ok(1), [Passed, Inconclusive, Failed]),
            (Tell, Err("no scope"), [Passed, Inconclusive, Failed]),
            (Count, Ok(0), [Passed, Inconclusive, Failed]),
            (Count, Ok(2), [Failed, Failed, Failed]),
            (Count, Err("no scope"), [Inconclusive, Inconclusive, Failed]),
        ] {
            let problems = [found(policy, open)];
            let composed =
                [Passed, Inconclusive, Failed].map(|verdict| with_problems(verdict, &problems));
            assert_eq!(composed, expected, "{policy:?} {open:?}");
        }
    }

    #[test]
    fn many_problems_are_counted_and_the_first_are_named() {
        let many = found(OpenProblems::Tell, Ok(30));

        assert_eq!((many.count, many.open.len()), (30, MOST_PROBLEMS));
        assert_eq!(
            many.reason,
            "30 problems were open in Staging, first of all P-0"
        );
    }
}
