//! What was said to an approval, by us and by people.

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;
use release::approval::Answer;
use release::validation::{self, ValidationId};
use serde::{Deserialize, Serialize};

use super::record;
use crate::StoreError;
use crate::item::{self, Item};

/// What is about to be answered, as an attribute.
pub(crate) fn intent(intent: &validation::Intent) -> AttributeValue {
    item::json_attribute(&Intent::from(intent.clone()))
}

/// What is stored of an answer that is about to be given.
pub(crate) fn intent_of(
    item: &Item,
    attribute: &'static str,
) -> Result<Option<validation::Intent>, StoreError> {
    let intent = item::optional_json::<Intent>(item, attribute)?;
    Ok(intent.map(Into::into))
}

/// How an approval ended, as an attribute. Who overrode our answer is another
/// one.
pub(crate) fn ending(ending: &validation::Ending) -> AttributeValue {
    item::json_attribute(&Ending::from(ending.clone()))
}

/// What is stored of how an approval ended.
pub(crate) fn ending_of(item: &Item) -> Result<Option<validation::Ending>, StoreError> {
    let overridden = item::optional_json::<PersonsAnswer>(item, "override")?;
    let Some(ending) = item::optional_json::<Ending>(item, "ending")? else {
        return Ok(None);
    };
    Ok(Some(match ending {
        Ending::Answered {
            answer,
            action_execution,
        } => validation::Ending::Answered {
            answer,
            action_execution,
            overridden: overridden.map(Into::into),
        },
        Ending::NothingToAnswer => validation::Ending::NothingToAnswer,
        Ending::Person(person) => validation::Ending::Person(person.into()),
        Ending::ExecutionEnded { status } => validation::Ending::ExecutionEnded { status },
        Ending::Superseded { by } => validation::Ending::Superseded { by },
        Ending::GaveUp { waiting_for } => validation::Ending::GaveUp { waiting_for },
    }))
}

/// What a person told an approval, as an attribute.
pub(crate) fn person(person: &validation::PersonsAnswer) -> AttributeValue {
    item::json_attribute(&PersonsAnswer::from(person.clone()))
}

/// What a person wants, as an attribute.
pub(crate) fn decision(decision: &validation::PersonsDecision) -> AttributeValue {
    item::json_attribute(&PersonsDecision::from(decision.clone()))
}

/// What is stored of what a person wants.
pub(crate) fn decision_of(
    item: &Item,
    attribute: &'static str,
) -> Result<Option<validation::PersonsDecision>, StoreError> {
    let decision = item::optional_json::<PersonsDecision>(item, attribute)?;
    Ok(decision.map(Into::into))
}

/// What several people want, as an attribute.
pub(crate) fn decisions(decisions: &[validation::PersonsDecision]) -> AttributeValue {
    let decisions = decisions.iter().cloned().map(PersonsDecision::from);
    item::json_attribute(&decisions.collect::<Vec<_>>())
}

/// What is stored of what several people want.
pub(crate) fn decisions_of(
    item: &Item,
    attribute: &'static str,
) -> Result<Vec<validation::PersonsDecision>, StoreError> {
    let decisions = item::optional_json::<Vec<PersonsDecision>>(item, attribute)?;
    let decisions = decisions.unwrap_or_default().into_iter();
    Ok(decisions.map(Into::into).collect())
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Intent {
    action_execution: String,
    answer: Answer,
    at: Timestamp,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "kind")]
enum Ending {
    NothingToAnswer,
    #[serde(rename_all = "camelCase")]
    Answered {
        answer: Answer,
        action_execution: String,
    },
    Person(PersonsAnswer),
    ExecutionEnded {
        status: String,
    },
    Superseded {
        by: ValidationId,
    },
    GaveUp {
        waiting_for: String,
    },
}

#[derive(Serialize, Deserialize)]
struct PersonsAnswer {
    status: String,
    who: Option<String>,
    why: Option<String>,
    at: Option<Timestamp>,
}

#[derive(Serialize, Deserialize)]
struct PersonsDecision {
    who: String,
    why: String,
    at: Timestamp,
}

record!(Intent = validation::Intent {
    same: action_execution, answer, at;
});

record!(PersonsAnswer = validation::PersonsAnswer {
    same: status, who, why, at;
});

record!(PersonsDecision = validation::PersonsDecision {
    same: who, why, at;
});

impl From<validation::Ending> for Ending {
    fn from(ending: validation::Ending) -> Self {
        match ending {
            validation::Ending::Answered {
                answer,
                action_execution,
                overridden: _,
            } => Self::Answered {
                answer,
                action_execution,
            },
            validation::Ending::NothingToAnswer => Self::NothingToAnswer,
            validation::Ending::Person(person) => Self::Person(person.into()),
            validation::Ending::ExecutionEnded { status } => Self::ExecutionEnded { status },
            validation::Ending::Superseded { by } => Self::Superseded { by },
            validation::Ending::GaveUp { waiting_for } => Self::GaveUp { waiting_for },
        }
    }
}
