//! Who answered the approval, and what.

use release::validation::{Ending, Hook, PersonsAnswer, PersonsDecision, Validation};
use schemars::JsonSchema;
use serde::Serialize;

use crate::json::Time;

/// Everything that was said to the approval.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Answers<'a> {
    /// What the verdict says to the approval.
    #[schemars(extend("enum" = ["approve", "reject", "hold", null]))]
    answer: Option<&'static str>,
    /// When the answer was about to be sent.
    answered_at: Option<Time>,
    /// How the approval ended.
    ending: Option<End<'a>>,
    /// A person's answer that came after ours.
    overridden: Option<Person<'a>>,
    /// The person who had it approved although its verdict was held.
    released: Option<Decision<'a>>,
    /// Those who had it judged again, the first one first.
    rejudged: Vec<Decision<'a>>,
    /// Whether the result was posted to the result hook.
    #[schemars(extend("enum" = ["none", "owed", "delivered", "givenup"]))]
    hook: &'static str,
}

/// How an approval ended.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", tag = "kind")]
enum End<'a> {
    /// No approval was asked for.
    NothingToAnswer,
    /// This product answered.
    #[serde(rename_all = "camelCase")]
    Answered {
        /// The action execution that was answered.
        action_execution: &'a str,
    },
    /// A person was faster.
    Person(Person<'a>),
    /// The execution ended before its approval was answered.
    ExecutionEnded {
        /// CodePipeline's status.
        status: &'a str,
    },
    /// The same registrant asked again in the same execution.
    Superseded {
        /// The validation that took its place.
        by: String,
    },
    /// Nobody answered in time.
    #[serde(rename_all = "camelCase")]
    GaveUp {
        /// What was waited for.
        waiting_for: &'a str,
    },
}

/// What a person told an approval.
#[derive(Serialize, JsonSchema)]
struct Person<'a> {
    /// Approved or Rejected, in CodePipeline's words.
    status: &'a str,
    /// Who answered.
    who: Option<&'a str>,
    /// Why, in their words.
    why: Option<&'a str>,
    /// When.
    at: Option<Time>,
}

/// What a person decided with our command.
#[derive(Serialize, JsonSchema)]
struct Decision<'a> {
    /// Who.
    who: &'a str,
    /// Why.
    why: &'a str,
    /// When.
    at: Time,
}

impl<'a> From<&'a Validation> for Answers<'a> {
    fn from(validation: &'a Validation) -> Self {
        let judgement = validation.judgement();
        let ending = validation.ending();
        let overridden = ending.and_then(Ending::overridden);
        Self {
            answer: judgement.map(|judgement| judgement.answer.as_str()),
            answered_at: validation.intent().map(|intent| intent.at.into()),
            ending: ending.map(End::from),
            overridden: overridden.map(Person::from),
            released: validation.released().map(Decision::from),
            rejudged: validation.rejudged.iter().map(Decision::from).collect(),
            hook: match validation.hook() {
                Hook::None => "none",
                Hook::Owed => "owed",
                Hook::Delivered => "delivered",
                Hook::GivenUp => "givenup",
            },
        }
    }
}

impl<'a> From<&'a Ending> for End<'a> {
    fn from(ending: &'a Ending) -> Self {
        match ending {
            Ending::NothingToAnswer => Self::NothingToAnswer,
            Ending::Answered {
                action_execution, ..
            } => Self::Answered { action_execution },
            Ending::Person(person) => Self::Person(person.into()),
            Ending::ExecutionEnded { status } => Self::ExecutionEnded { status },
            Ending::Superseded { by } => Self::Superseded { by: by.to_string() },
            Ending::GaveUp { waiting_for } => Self::GaveUp { waiting_for },
        }
    }
}

impl<'a> From<&'a PersonsAnswer> for Person<'a> {
    fn from(person: &'a PersonsAnswer) -> Self {
        Self {
            status: &person.status,
            who: person.who.as_deref(),
            why: person.why.as_deref(),
            at: person.at.map(Time::from),
        }
    }
}

impl<'a> From<&'a PersonsDecision> for Decision<'a> {
    fn from(decision: &'a PersonsDecision) -> Self {
        Self {
            who: &decision.who,
            why: &decision.why,
            at: decision.at.into(),
        }
    }
}
