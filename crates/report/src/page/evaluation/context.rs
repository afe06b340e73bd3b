//! What a reader wants to see beside the numbers.

use maud::{Markup, html};
use monspec::Outcome;
use release::evidence::{About, Evidence, Link, Problems};

use crate::text::{Clock, name, sentence};
use crate::words::outcome;

/// Where more is to be seen: the problem, what came instead, the execution, the
/// charts of the tenant.
pub(super) fn links(evidence: &Evidence) -> Markup {
    let links = &evidence.context.links;
    if links.is_empty() {
        return html! {};
    }
    let groups = [
        (About::Problem, "Problem"),
        (About::Deployment, "Deployment"),
        (About::Execution, "Execution"),
        (About::Charts, "Charts"),
    ];
    html! {
        section aria-labelledby="elsewhere" {
            h2 #elsewhere { "Elsewhere" }
            dl .facts {
                @for (about, what) in groups {
                    @let of: Vec<&Link> = links.iter().filter(|link| link.about == about).collect();
                    @if !of.is_empty() {
                        div {
                            dt { (what) }
                            @for link in of { dd { (anchor(&link.name, link.address.as_deref())) } }
                        }
                    }
                }
            }
        }
    }
}

/// The problems of each judged environment, with the weight that they have.
pub(super) fn problems(evidence: &Evidence, clock: Clock<'_>) -> Markup {
    let problems = &evidence.context.problems;
    if problems.is_empty() {
        return html! {};
    }
    html! {
        section aria-labelledby="problems" {
            h2 #problems { "Problems in the window" }
            @for one in problems { (environment(one, clock)) }
        }
    }
}

fn environment(problems: &Problems, clock: Clock<'_>) -> Markup {
    let weight = if problems.counts() {
        "counted"
    } else {
        "reported, not counted"
    };
    html! {
        p {
            @if problems.counts() { (outcome(problems.outcome, false)) " " }
            (name(&problems.service)) " in " (name(&problems.environment)) ": "
            @match (problems.outcome, problems.count) {
                (Outcome::Held, _) => "none",
                (Outcome::Inconclusive, _) => (sentence(&problems.reason)),
                (Outcome::Violated, 1) => "one",
                (Outcome::Violated, count) => (count),
            }
            ", " (weight) "."
        }
        @if !problems.open.is_empty() {
            @for one in &problems.open {
                p {
                    (anchor(&one.name, one.address.as_deref()))
                    ", since " (clock.minute(one.since))
                    @if let Some(until) = one.until { ", until " (clock.minute(until)) }
                }
            }
        }
        @if let Some(more) = problems.count.checked_sub(problems.open.len()).filter(|more| *more != 0) {
            p .muted { "and " (more) " more" }
        }
    }
}

/// Leads out of the report, by https alone; a tenant on this machine is that of
/// a lab.
fn anchor(text: &str, address: Option<&str>) -> Markup {
    let safe = |address: &&str| {
        ["https://", "http://127.0.0.1:", "http://[::1]:"]
            .iter()
            .any(|scheme| address.starts_with(scheme))
    };
    match address.filter(safe) {
        Some(address) => html! { a href=(address) rel="noreferrer" { (name(text)) } },
        None => name(text),
    }
}
