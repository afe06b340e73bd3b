//! One evaluation as `JUnit` XML, for tools that show test results.
//!
//! What was violated is a failure, what could not be judged an error, and a gap
//! that is accepted is skipped. A validation without findings is one test of
//! its own, so that no tool takes an empty file for a success.

use maud::{Markup, html};
use monspec::{Finding, Outcome, Verdict};
use release::evidence::{Evidence, Problems};
use release::summary::headline;

use crate::records::Evaluation;
use crate::text::{machine, shortened};

/// The longest text of an attribute.
const LONGEST: usize = 600;

/// The whole document.
pub fn junit(evaluation: &Evaluation<'_>) -> String {
    let validation = evaluation.validation;
    let registration = &validation.registration;
    let suite = format!("{}.{}", registration.pipeline, registration.comparison);
    let cases = Cases::of(evaluation);
    let counts = [Kind::Failure, Kind::Error, Kind::Skipped].map(|kind| cases.count(kind));
    let at = validation
        .judgement()
        .map_or(registration.registered_at, |judgement| judgement.at);
    let document = html! {
        testsuites tests=(cases.0.len()) failures=(counts[0]) errors=(counts[1]) skipped=(counts[2]) {
            testsuite name=(shortened(&suite, LONGEST)) timestamp=(machine(at)) id=(registration.id)
                tests=(cases.0.len()) failures=(counts[0]) errors=(counts[1]) skipped=(counts[2]) {
                properties {
                    property name="version" value=(shortened(&registration.version, LONGEST)) {}
                    property name="monspec.sha256" value=(shortened(&registration.spec, LONGEST)) {}
                }
                @for case in &cases.0 { (case.element(&suite)) }
            }
        }
    };
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n{}\n",
        document.into_string()
    )
}

struct Cases(Vec<Case>);

struct Case {
    name: String,
    kind: Kind,
    message: String,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Passed,
    Failure,
    Error,
    Skipped,
}

impl Cases {
    fn of(evaluation: &Evaluation<'_>) -> Self {
        let Some(evidence) = evaluation.evidence else {
            return Self(vec![Case {
                name: "verdict".to_owned(),
                kind: Kind::Error,
                message: "There is no verdict.".to_owned(),
            }]);
        };
        let problems = evidence.context.problems.iter();
        let problems = problems.filter(|one| one.counts()).map(Case::of_problems);
        // Numbers that were not judged are no tests.
        if evidence.findings.is_empty() || evidence.reason.is_some() {
            return Self(vec![Case::of_verdict(evidence)]);
        }
        let findings = evidence.findings.iter().map(|one| Case::of(&one.finding));
        Self(findings.chain(problems).collect())
    }

    fn count(&self, kind: Kind) -> usize {
        self.0.iter().filter(|case| case.kind == kind).count()
    }
}

impl Case {
    fn of(finding: &Finding) -> Self {
        let method = finding.address.method.as_deref().unwrap_or_default();
        let parts = [
            &finding.address.service,
            method,
            &finding.metric,
            &finding.aggregate,
        ];
        let parts: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
        Self {
            name: parts.join(" "),
            kind: match finding.outcome {
                Outcome::Held => Kind::Passed,
                Outcome::Violated => Kind::Failure,
                Outcome::Inconclusive if finding.accepted => Kind::Skipped,
                Outcome::Inconclusive => Kind::Error,
            },
            message: finding.reason.clone(),
        }
    }

    fn of_problems(problems: &Problems) -> Self {
        Self {
            name: format!(
                "{} in {} open problems",
                problems.service, problems.environment
            ),
            kind: match problems.outcome {
                Outcome::Held => Kind::Passed,
                Outcome::Violated => Kind::Failure,
                Outcome::Inconclusive => Kind::Error,
            },
            message: problems.reason.clone(),
        }
    }

    fn of_verdict(evidence: &Evidence) -> Self {
        Self {
            name: "verdict".to_owned(),
            kind: match evidence.verdict {
                Verdict::Passed => Kind::Passed,
                Verdict::Failed => Kind::Failure,
                Verdict::Inconclusive => Kind::Error,
            },
            message: headline(evidence.verdict, &[], evidence.reason.as_deref()),
        }
    }

    fn element(&self, suite: &str) -> Markup {
        let message = shortened(&self.message, LONGEST);
        html! {
            testcase classname=(shortened(suite, LONGEST)) name=(shortened(&self.name, LONGEST)) {
                @match self.kind {
                    Kind::Passed => {}
                    Kind::Failure => failure message=(message) {},
                    Kind::Error => error message=(message) {},
                    Kind::Skipped => skipped message=(message) {},
                }
            }
        }
    }
}
