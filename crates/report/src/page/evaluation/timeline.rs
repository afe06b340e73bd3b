//! From the registration to the answer.

use jiff::Timestamp;
use maud::{Markup, html};
use release::validation::{Ending, Hook, PersonsAnswer, PersonsDecision, Validation};

use crate::records::Evaluation;
use crate::text::{Clock, name, sentence};
use crate::words::{State, approval};

/// Something that happened; what has no time of its own comes last.
struct Event {
    at: Option<Timestamp>,
    what: Markup,
}

pub(super) fn list(evaluation: &Evaluation<'_>, clock: Clock<'_>) -> Markup {
    let mut events = events(evaluation.validation);
    events.sort_by_key(|event| event.at.unwrap_or(Timestamp::MAX));
    html! {
        section aria-labelledby="timeline" {
            h2 #timeline { "Timeline" }
            ol .timeline {
                @for event in &events {
                    li {
                        @if let Some(at) = event.at { span { (clock.both(at)) } }
                        span { (event.what) }
                    }
                }
            }
        }
    }
}

fn events(validation: &Validation) -> Vec<Event> {
    let registration = &validation.registration;
    let at = |at: Timestamp, what: Markup| Event { at: Some(at), what };
    let mut events: Vec<Event> = registration
        .deployments
        .iter()
        .map(|deployment| {
            at(
                deployment.at,
                html! {
                    "Deployed to " (name(&deployment.group.to_string())) ": "
                    (name(&deployment.version)) ", " code { (name(&deployment.id)) }
                },
            )
        })
        .collect();
    events.extend([
        at(registration.registered_at, html! { "Registered" }),
        at(registration.window.start, html! { "The window begins" }),
        at(registration.window.end, html! { "The window ends" }),
    ]);
    match validation.judgement() {
        Some(judgement) => events.push(at(
            judgement.at,
            html! { "Judged: " (State::from(judgement.verdict).badge()) },
        )),
        None => events.push(at(registration.due_at, html! { "The first look is due" })),
    }
    if let Some(intent) = validation.intent() {
        let answer = intent.answer.as_str();
        // What was decided is not yet what the pipeline heard.
        let what = match validation.ending() {
            Some(Ending::Answered { .. }) => "The approval is answered: ",
            None => "About to answer the approval: ",
            Some(_) => "Was about to answer the approval: ",
        };
        events.push(at(intent.at, html! { (what) (answer) }));
    }
    let decisions = validation
        .rejudged
        .iter()
        .map(|decision| ("Judged again", decision));
    let decisions = decisions.chain(
        validation
            .released()
            .into_iter()
            .map(|decision| ("Released", decision)),
    );
    events.extend(decisions.map(|(what, decision)| {
        let PersonsDecision { who, why, at: when } = decision;
        at(
            *when,
            html! { (what) ", as " (name(who)) " wants it: " q { (sentence(why)) } },
        )
    }));
    events.extend(ending(validation));
    if let Some(person) = validation.ending().and_then(Ending::overridden) {
        events.push(by(person));
    }
    match validation.hook() {
        Hook::None => {}
        Hook::Owed => events.push(undated(html! { "The result hook is still to be posted" })),
        Hook::Delivered => events.push(undated(html! { "The result hook was delivered" })),
        Hook::GivenUp => events.push(undated(html! { "The result hook was given up" })),
    }
    events
}

/// How the approval ended, unless the intent has told it already.
fn ending(validation: &Validation) -> Option<Event> {
    match validation.ending()? {
        Ending::Answered { .. } if validation.intent().is_some() => None,
        Ending::Person(person) => Some(by(person)),
        Ending::Superseded { by } => Some(undated(html! {
            "Superseded by validation " code { (by) }
        })),
        Ending::Answered { .. }
        | Ending::NothingToAnswer
        | Ending::ExecutionEnded { .. }
        | Ending::GaveUp { .. } => {
            let approval = approval(validation);
            Some(undated(html! {
                (sentence(&approval.what))
                @if let Some(why) = approval.why { ": " (sentence(&why.quoted())) }
            }))
        }
    }
}

fn by(person: &PersonsAnswer) -> Event {
    Event {
        at: person.at,
        what: html! {
            (sentence(&person.status)) " by " (name(person.who.as_deref().unwrap_or("a person")))
            @if let Some(why) = &person.why { ": " q { (sentence(why)) } }
        },
    }
}

fn undated(what: Markup) -> Event {
    Event { at: None, what }
}
