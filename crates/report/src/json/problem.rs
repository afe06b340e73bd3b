//! A problem, and what became of it.

use release::problem::Remediation;
use schemars::JsonSchema;
use serde::Serialize;

use super::Time;
use crate::frame::Frame;
use crate::records;

/// One problem.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct AnsweredProblem<'a> {
    /// When this was written.
    written_at: Time,
    /// What the tenant's API calls it.
    id: &'a str,
    /// What people call it.
    display_id: Option<&'a str>,
    /// What is wrong.
    title: Option<&'a str>,
    /// When it began, as the tenant says.
    began: Option<Time>,
    /// When it was reported or found.
    noticed: Time,
    /// When it ended.
    closed: Option<Time>,
    /// How far the answer is, in a word.
    state: &'static str,
    /// Whether something is still owed to it.
    followed: bool,
    /// What was found out about the cause, in a sentence.
    cause: String,
    /// The entities that it is felt on.
    impacted: Vec<&'a str>,
    /// The entity that it comes from.
    root_cause: Option<&'a str>,
    /// What is done about it, one per place.
    remediations: Vec<Remedied<'a>>,
    /// What happened, in the order of time.
    timeline: Vec<Happening>,
}

/// What is done about a problem in one place.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Remedied<'a> {
    /// The change that is to blame.
    culprit: &'a str,
    /// What it changed.
    place: String,
    /// When.
    at: Time,
    /// How far the answer is.
    state: &'static str,
}

/// Something that happened.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Happening {
    /// When.
    at: Time,
    /// What kind of step it was.
    #[schemars(extend("enum" = ["reported", "blamed", "said", "changed"]))]
    kind: &'static str,
    /// What happened, in words.
    what: String,
    /// Whether the tenant does not have yet what is said to it.
    owed: bool,
}

impl<'a> AnsweredProblem<'a> {
    pub(super) fn of(frame: &Frame<'_>, answered: &records::AnsweredProblem<'a>) -> Self {
        let problem = answered.problem;
        let happened = answered.timeline().into_iter().map(|one| Happening {
            at: one.at.into(),
            kind: one.kind.as_str(),
            what: one.what,
            owed: one.owed,
        });
        Self {
            written_at: frame.now.into(),
            id: &problem.id,
            display_id: problem.display_id.as_deref(),
            title: problem.title.as_deref(),
            began: problem.began.map(Time::from),
            noticed: problem.noticed.into(),
            closed: problem.closed.map(Time::from),
            state: problem.word(),
            followed: answered.is_followed(),
            cause: answered.cause(),
            impacted: problem.impacted.iter().map(String::as_str).collect(),
            root_cause: problem.root_cause.as_deref(),
            remediations: problem.remediations.iter().map(Remedied::from).collect(),
            timeline: happened.collect(),
        }
    }
}

impl<'a> From<&'a Remediation> for Remedied<'a> {
    fn from(one: &'a Remediation) -> Self {
        Self {
            culprit: one.culprit.id(),
            place: one.culprit.place().to_string(),
            at: one.culprit.at().into(),
            state: one.state.word(),
        }
    }
}
