//! The parts of a validation in the JSON of `validations`.

use jiff::Timestamp;
use release::approval::Answer;
use release::validation::{self, ValidationId};
use release::window::Window;
use serde::Serialize;

/// A manual approval action.
#[derive(Serialize)]
pub(super) struct ApprovalAction<'a> {
    pub(super) stage: &'a str,
    pub(super) action: &'a str,
}

/// How an approval ended.
#[derive(Serialize)]
#[serde(rename_all = "camelCase", tag = "kind")]
pub(super) enum Ending<'a> {
    NothingToAnswer,
    #[serde(rename_all = "camelCase")]
    Answered {
        answer: Answer,
        action_execution: &'a str,
    },
    Person(PersonsAnswer<'a>),
    ExecutionEnded {
        status: &'a str,
    },
    Superseded {
        by: ValidationId,
    },
    GaveUp {
        waiting_for: &'a str,
    },
}

/// What a person told an approval.
#[derive(Serialize)]
pub(super) struct PersonsAnswer<'a> {
    status: &'a str,
    who: Option<&'a str>,
    why: Option<&'a str>,
    at: Option<Timestamp>,
}

/// Who decided, why and when.
#[derive(Serialize)]
pub(super) struct PersonsDecision<'a> {
    pub(super) who: &'a str,
    pub(super) why: &'a str,
    pub(super) at: Timestamp,
}

impl<'a> From<&'a validation::ApprovalAction> for ApprovalAction<'a> {
    fn from(approval: &'a validation::ApprovalAction) -> Self {
        Self {
            stage: &approval.stage,
            action: &approval.action,
        }
    }
}

impl<'a> From<&'a validation::Ending> for Ending<'a> {
    fn from(ending: &'a validation::Ending) -> Self {
        match ending {
            validation::Ending::NothingToAnswer => Self::NothingToAnswer,
            validation::Ending::Answered {
                answer,
                action_execution,
                overridden: _,
            } => Self::Answered {
                answer: *answer,
                action_execution,
            },
            validation::Ending::Person(person) => Self::Person(PersonsAnswer {
                status: &person.status,
                who: person.who.as_deref(),
                why: person.why.as_deref(),
                at: person.at,
            }),
            validation::Ending::ExecutionEnded { status } => Self::ExecutionEnded { status },
            validation::Ending::Superseded { by } => Self::Superseded { by: *by },
            validation::Ending::GaveUp { waiting_for } => Self::GaveUp { waiting_for },
        }
    }
}

impl<'a> From<&'a validation::PersonsDecision> for PersonsDecision<'a> {
    fn from(decision: &'a validation::PersonsDecision) -> Self {
        Self {
            who: &decision.who,
            why: &decision.why,
            at: decision.at,
        }
    }
}

#[derive(Clone, Copy, Serialize)]
pub(super) struct Span {
    pub(super) start: Timestamp,
    pub(super) end: Timestamp,
}

impl From<Window> for Span {
    fn from(Window { start, end }: Window) -> Self {
        Self { start, end }
    }
}
