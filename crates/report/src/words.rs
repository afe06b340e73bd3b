//! How far a validation is and who answered it, in words and signs.

use maud::{Markup, html};
use monspec::{Outcome, Verdict};
use release::approval::Answer;
use release::validation::{self, Ending, PersonsAnswer, Validation};
use schemars::JsonSchema;
use serde::Serialize;

/// How far a validation is; the verdict, once there is one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum State {
    /// Everything held.
    Passed,
    /// Something was violated.
    Failed,
    /// It could not be judged.
    Inconclusive,
    /// Not judged yet.
    Waiting,
    /// The same action asked again before this one was judged.
    Superseded,
    /// It ended without a verdict for any other reason.
    Ended,
}

impl State {
    pub(crate) fn of(validation: &Validation) -> Self {
        match &validation.state {
            validation::State::Judged(judged) => judged.judgement.verdict.into(),
            validation::State::Unjudged(Ending::Superseded { .. }) => Self::Superseded,
            validation::State::Unjudged(_) => Self::Ended,
            validation::State::Waiting => Self::Waiting,
        }
    }

    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Passed => "Passed",
            Self::Failed => "Failed",
            Self::Inconclusive => "Inconclusive",
            Self::Waiting => "Waiting",
            Self::Superseded => "Superseded",
            Self::Ended => "Ended",
        }
    }

    pub(crate) fn class(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed => "failed",
            Self::Inconclusive => "inconclusive",
            Self::Waiting => "waiting",
            Self::Superseded | Self::Ended => "ended",
        }
    }

    fn sign(self) -> &'static str {
        match self {
            Self::Passed => "#i-passed",
            Self::Failed => "#i-failed",
            Self::Inconclusive => "#i-inconclusive",
            Self::Waiting => "#i-waiting",
            Self::Superseded | Self::Ended => "#i-ended",
        }
    }

    /// The sign alone, for places where the word stands beside it.
    pub(crate) fn icon(self) -> Markup {
        html! {
            svg class={ "icon " (self.class()) } aria-hidden="true" { use href=(self.sign()); }
        }
    }

    /// Sign and word.
    pub(crate) fn badge(self) -> Markup {
        html! { span class={ "state " (self.class()) } { (self.icon()) (self.word()) } }
    }
}

impl From<Verdict> for State {
    fn from(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Passed => Self::Passed,
            Verdict::Failed => Self::Failed,
            Verdict::Inconclusive => Self::Inconclusive,
        }
    }
}

/// The word and the look of a finding.
pub(crate) fn outcome(outcome: Outcome, accepted: bool) -> Markup {
    let (state, word) = match outcome {
        Outcome::Held => (State::Passed, "Held"),
        Outcome::Violated => (State::Failed, "Violated"),
        Outcome::Inconclusive if accepted => (State::Ended, "Accepted gap"),
        Outcome::Inconclusive => (State::Inconclusive, "Inconclusive"),
    };
    html! { span class={ "state " (state.class()) } { (state.icon()) (word) } }
}

/// A number that was measured and says nothing.
pub(crate) fn not_judged() -> Markup {
    html! { span class={ "state " (State::Ended.class()) } { (State::Ended.icon()) "Not judged" } }
}

/// The latest verdicts as signs, oldest first.
pub(crate) fn trend(states: &[State]) -> Markup {
    let words: Vec<&str> = states.iter().map(|state| state.word()).collect();
    html! {
        span .trend role="img" aria-label={ "Oldest first: " (words.join(", ")) } {
            @for state in states { (state.icon()) }
        }
    }
}

/// What became of the approval.
pub(crate) struct Approval {
    pub(crate) what: String,
    pub(crate) why: Option<Why>,
}

/// Why it became of it.
pub(crate) enum Why {
    /// A person said so.
    Said(String),
    /// It was seen.
    Seen(String),
}

impl Why {
    /// The words alone.
    pub(crate) fn text(self) -> String {
        match self {
            Self::Said(text) | Self::Seen(text) => text,
        }
    }

    /// The same for readers, who see whose words they are.
    pub(crate) fn quoted(self) -> String {
        match self {
            Self::Said(text) => format!("“{text}”"),
            Self::Seen(text) => text,
        }
    }
}

pub(crate) fn approval(validation: &Validation) -> Approval {
    let plain = |what: &str| Approval {
        what: what.to_owned(),
        why: None,
    };
    let Some(ending) = validation.ending() else {
        return plain(pending(validation));
    };
    match ending {
        Ending::NothingToAnswer => plain("No approval asked for"),
        Ending::Answered {
            answer,
            overridden: Some(person),
            ..
        } => by_person(&format!("{}, then ", answered(*answer)), person),
        Ending::Answered { answer, .. } => match validation.released() {
            Some(word) if *answer == Answer::Approve => Approval {
                what: format!("Approved, released by {}", word.who),
                why: Some(Why::Said(word.why.clone())),
            },
            _ => plain(answered(*answer)),
        },
        Ending::Person(person) => by_person("", person),
        Ending::ExecutionEnded { status } => Approval {
            what: "Execution ended unanswered".to_owned(),
            why: Some(Why::Seen(status.clone())),
        },
        Ending::Superseded { .. } => plain("Registered again"),
        Ending::GaveUp { waiting_for } => Approval {
            what: "Gave up waiting".to_owned(),
            why: Some(Why::Seen(waiting_for.clone())),
        },
    }
}

fn pending(validation: &Validation) -> &'static str {
    match (validation.judged(), &validation.registration.approval) {
        _ if validation.stuck_since.is_some() => "Stuck: it is no longer processed",
        (_, None) => "No approval asked for",
        (None, Some(_)) => "Waits for the verdict",
        (Some(judged), Some(_)) if judged.released.is_some() => {
            "Released by a person, not approved yet"
        }
        (Some(judged), Some(_)) if judged.judgement.answer == Answer::Hold => {
            "Held: a person has to decide"
        }
        (Some(_), Some(_)) => "Not answered yet",
    }
}

fn answered(answer: Answer) -> &'static str {
    match answer {
        Answer::Approve => "Approved",
        Answer::Reject => "Rejected",
        Answer::Hold => "Held",
    }
}

fn by_person(before: &str, person: &PersonsAnswer) -> Approval {
    let status = match person.status.as_str() {
        "" => "answered",
        status => status,
    };
    Approval {
        what: format!("{before}{status} by {}", short_who(person)),
        why: person.why.clone().map(Why::Said),
    }
}

/// The last part of an ARN is the name that colleagues know.
fn short_who(person: &PersonsAnswer) -> &str {
    match person.who.as_deref() {
        None => "a person",
        Some(who) => match who.rsplit_once('/') {
            Some((before, name)) if before.starts_with("arn:") && !name.is_empty() => name,
            _ => who,
        },
    }
}

/// The signs of this page, drawn once. Each has a shape of its own, so that
/// nobody has to tell colours apart.
pub(crate) fn sprite() -> Markup {
    html! {
        svg .sprite aria-hidden="true" width="0" height="0" {
            symbol #i-passed viewBox="0 0 16 16" {
                circle cx="8" cy="8" r="8" {}
                path .ink d="M4.4 8.3l2.5 2.5 4.8-5.2" {}
            }
            symbol #i-failed viewBox="0 0 16 16" {
                path d="M5 0h6l5 5v6l-5 5H5l-5-5V5z" {}
                path .ink d="M5.3 5.3l5.4 5.4m0-5.4l-5.4 5.4" {}
            }
            symbol #i-inconclusive viewBox="0 0 16 16" {
                path d="M8 .6l8 14.6H0z" {}
                path .ink d="M8 5.6v4.2m0 2.4v.2" {}
            }
            symbol #i-waiting viewBox="0 0 16 16" {
                circle .ring cx="8" cy="8" r="7" {}
                path .hand d="M8 4v4.3l2.8 1.8" {}
            }
            symbol #i-ended viewBox="0 0 16 16" {
                circle .ring cx="8" cy="8" r="7" {}
                path .hand d="M4.6 8h6.8" {}
            }
        }
    }
}
