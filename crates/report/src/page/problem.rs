//! One problem, from what was changed before it to its end.

use maud::{Markup, html};
use release::problem::Remediation;
use release::remediation::State;

use crate::frame::{Crumb, Frame};
use crate::records::AnsweredProblem;
use crate::text::{Clock, name, sentence};

/// What a problem is, what was blamed, what was done, and what came of it.
pub fn problem(frame: &Frame<'_>, answered: &AnsweredProblem<'_>) -> String {
    let problem = answered.problem;
    let crumbs = [
        Crumb {
            name: "Problems",
            address: None,
        },
        Crumb {
            name: problem.name(),
            address: None,
        },
    ];
    let clock = frame.clock();
    let main = html! {
        h1 {
            (name(problem.title.as_deref().unwrap_or("A problem")))
            span .of { " " (name(problem.name())) }
        }
        p .lead { (sentence(&answered.cause())) "." }
        (facts(answered, clock))
        @if !problem.remediations.is_empty() { (remediations(&problem.remediations, clock)) }
        (timeline(answered, clock))
        @if let Some(json) = answered.json { p .links { a href=(json) { "JSON" } } }
    };
    let title = format!("Problem {}", problem.name());
    frame.document(&title, None, &crumbs, &main)
}

fn facts(answered: &AnsweredProblem<'_>, clock: Clock<'_>) -> Markup {
    let problem = answered.problem;
    html! {
        dl .facts {
            @if let Some(began) = problem.began { div { dt { "Began" } dd { (clock.both(began)) } } }
            div {
                dt { "Closed" }
                dd {
                    @match problem.closed {
                        Some(closed) => (clock.both(closed)),
                        None => "not known",
                    }
                }
            }
            div {
                dt { "Answer" }
                dd { @if answered.is_followed() { "under way" } @else { "complete" } }
            }
            @if let Some(entity) = &problem.root_cause {
                div { dt { "Comes from" } dd { code { (name(entity)) } } }
            }
            @if !problem.impacted.is_empty() {
                div {
                    dt { "Felt on" }
                    dd {
                        @for (position, entity) in problem.impacted.iter().take(5).enumerate() {
                            @if position != 0 { ", " }
                            code { (name(entity)) }
                        }
                        @if 5 < problem.impacted.len() { " and " (problem.impacted.len() - 5) " more" }
                    }
                }
            }
        }
    }
}

fn remediations(all: &[Remediation], clock: Clock<'_>) -> Markup {
    html! {
        h2 { "What was done" }
        div .scroll tabindex="0" role="region" aria-label="What was done" {
            table .gates {
                thead {
                    tr {
                        th scope="col" { "Blamed" }
                        th scope="col" { "Made to" }
                        th scope="col" { "When" }
                        th scope="col" { "Answer" }
                    }
                }
                tbody {
                    @for one in all {
                        tr {
                            th scope="row" { code { (name(one.culprit.id())) } }
                            td { (name(&one.culprit.place().to_string())) }
                            td { (clock.both(one.culprit.at())) }
                            td { (sentence(&done(&one.state))) }
                        }
                    }
                }
            }
        }
    }
}

/// What became of a remediation, in a sentence.
fn done(state: &State) -> String {
    match state {
        State::Attributed => "Nothing was changed yet".to_owned(),
        State::Joined { problem } => format!("Answered under problem {problem}"),
        State::Intended(heal) => format!("{} is about to be put in its place", heal.remedy.id()),
        State::UnderWay { heal, .. } => format!("{} is put in its place", heal.remedy.id()),
        State::Healed { heal, .. } => {
            format!(
                "{} is in its place; the problem is still open",
                heal.remedy.id()
            )
        }
        State::Confirmed { heal, .. } => {
            format!(
                "{} is in its place, and the problem closed",
                heal.remedy.id()
            )
        }
        State::Unconfirmed { heal, .. } => format!(
            "{} is in its place; whether that ended the problem is not known",
            heal.remedy.id()
        ),
        State::HealFailed { heal, reason, .. } => {
            format!(
                "{} could not be put in its place: {reason}",
                heal.remedy.id()
            )
        }
        State::Shadowed(heal) => format!(
            "{} would have been put in its place; nothing was changed",
            heal.remedy.id()
        ),
        State::Refused(refusal) => format!("Refused: {refusal}"),
        State::NotNeeded(needless) => format!("Not needed: {needless}"),
        State::GaveUp { .. } => "Given up; a person has to look".to_owned(),
    }
}

fn timeline(answered: &AnsweredProblem<'_>, clock: Clock<'_>) -> Markup {
    html! {
        section aria-labelledby="timeline" {
            h2 #timeline { "Timeline" }
            ol .timeline {
                @for happening in answered.timeline() {
                    li {
                        span { (clock.both(happening.at)) }
                        span {
                            (sentence(&happening.what))
                            @if happening.owed {
                                span .muted { " (the tenant does not have this comment yet)" }
                            }
                        }
                    }
                }
            }
        }
    }
}
