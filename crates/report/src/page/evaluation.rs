//! One validation, from the verdict to the monspec that judged it.

mod context;
mod findings;
mod questions;
mod spec;
mod timeline;
mod worst;

use maud::{Markup, html};
use monspec::{Finding, Outcome};
use release::summary;
use release::validation::{Registrant, Validation};

use crate::frame::{Crumb, Frame};
use crate::records::Evaluation;
use crate::text::{Clock, name, sentence, short_version};
use crate::words::{State, approval};

/// So large a page still loads on the way to a meeting.
const LARGEST: usize = 60_000;

/// How much of an evaluation its page tells; the JSON has everything.
#[derive(Clone, Copy)]
struct Bounds {
    /// Findings, the worst first.
    findings: usize,
    /// Characters of a query or a selector.
    query: usize,
    /// Bytes of the monspec.
    spec: usize,
}

/// What is tried one after the other until the page is small enough.
const BOUNDS: [Bounds; 4] = [
    Bounds {
        findings: 50,
        query: 1_200,
        spec: 12 * 1024,
    },
    Bounds {
        findings: 50,
        query: 300,
        spec: 4 * 1024,
    },
    Bounds {
        findings: 20,
        query: 200,
        spec: 4 * 1024,
    },
    Bounds {
        findings: 10,
        query: 100,
        spec: 1024,
    },
];

/// The verdict first, then the findings that led to it, then everything that
/// led to those.
pub fn evaluation(frame: &Frame<'_>, evaluation: &Evaluation<'_>) -> String {
    let mut page = String::new();
    for bounds in BOUNDS {
        page = bounded(frame, evaluation, bounds);
        if page.len() < LARGEST {
            break;
        }
    }
    page
}

fn bounded(frame: &Frame<'_>, evaluation: &Evaluation<'_>, bounds: Bounds) -> String {
    let validation = evaluation.validation;
    let registration = &validation.registration;
    let state = State::of(validation);
    let version = short_version(&registration.version);
    let crumbs = [
        Crumb {
            name: &registration.pipeline,
            address: None,
        },
        Crumb {
            name: &registration.comparison,
            address: evaluation.history,
        },
        Crumb {
            name: &version,
            address: None,
        },
    ];
    let clock = frame.clock();
    let main = html! {
        (verdict(evaluation, state, clock))
        (facts(validation, clock))
        @if let Some(evidence) = evaluation.evidence {
            (worst::cards(evidence))
            (context::problems(evidence, clock))
            (context::links(evidence))
            (findings::table(evidence, bounds))
            (questions::list(evidence, clock, bounds))
        }
        (timeline::list(evaluation, clock))
        (spec::section(evaluation, bounds))
        @if let Some(json) = evaluation.json {
            p .links { a href=(json) { "This page as JSON" } }
        }
    };
    let title = format!(
        "{version}, {} of {}",
        registration.comparison, registration.pipeline
    );
    frame.document(&title, Some(state), &crumbs, &main)
}

fn verdict(evaluation: &Evaluation<'_>, state: State, clock: Clock<'_>) -> Markup {
    let validation = evaluation.validation;
    let note = evaluation
        .evidence
        .and_then(|evidence| evidence.note.as_deref());
    html! {
        div class={ "verdict " (state.class()) } {
            (state.icon())
            h1 { (headline(evaluation, state)) }
            // Times and names would hide what happened.
            @if let Some(reason) = details(evaluation) { p { (sentence(reason)) } }
            @if let Some(note) = note { p { (sentence(note)) } }
            p { (what_follows(validation, state, clock)) }
        }
    }
}

/// The verdict in one sentence.
fn headline(evaluation: &Evaluation<'_>, state: State) -> Markup {
    if let Some(evidence) = evaluation.evidence {
        let findings: Vec<Finding> = evidence
            .findings
            .iter()
            .map(|one| one.finding.clone())
            .collect();
        let reason = match evidence.context.unjudged {
            Some(unjudged) => Some(unjudged.heading()),
            None => evidence.reason.as_deref(),
        };
        return sentence(&summary::headline(evidence.verdict, &findings, reason));
    }
    match (evaluation.validation.judgement(), state) {
        (Some(judgement), _) => sentence(&judgement.summary),
        (None, State::Superseded) => html! { "Superseded: the same action asked again." },
        (None, State::Ended) => html! { "Ended without a verdict." },
        (None, _) => html! { "Waiting: not judged yet." },
    }
}

/// What stands below the headline where that is only a heading.
fn details<'a>(evaluation: &Evaluation<'a>) -> Option<&'a str> {
    let evidence = evaluation.evidence?;
    let heading = evidence.context.unjudged?.heading();
    let gap = || {
        let mut findings = evidence.findings.iter().map(|one| &one.finding);
        let gap = findings.find(|finding| finding.outcome == Outcome::Inconclusive)?;
        Some(gap.reason.as_str())
    };
    let reason = evidence.reason.as_deref().or_else(gap)?;
    // Stored for approvals, which have no heading of their own.
    let rest = reason.strip_prefix(heading);
    Some(rest.map_or(reason, |rest| rest.trim_start_matches(": ")))
}

/// What the approval heard, or when there will be something to hear.
fn what_follows(validation: &Validation, state: State, clock: Clock<'_>) -> Markup {
    let registration = &validation.registration;
    let approval = approval(validation);
    let asked = registration.approval.as_ref();
    html! {
        @if state == State::Waiting {
            @let word = if clock.now < registration.due_at { "is" } else { "was" };
            "The first look " (word) " due " (clock.minute(registration.due_at))
            ", " (clock.relative(registration.due_at)) ". "
        }
        @if let Some(asked) = asked {
            "Approval " (name(&asked.action)) ": "
        }
        strong { (sentence(&approval.what)) }
        @if let Some(why) = approval.why { ": " (sentence(&why.quoted())) }
    }
}

fn facts(validation: &Validation, clock: Clock<'_>) -> Markup {
    let registration = &validation.registration;
    let registrant = match &registration.registrant {
        Registrant::Action { stage, action } => html! { (name(action)) " in " (name(stage)) },
        Registrant::Direct => html! { "a direct call" },
    };
    let fact = |what: &str, value: Markup| {
        html! { div { dt { (what) } dd { (value) } } }
    };
    html! {
        dl .facts {
            (fact("Pipeline", name(&registration.pipeline)))
            (fact("Version", name(&registration.version)))
            (fact("Comparison", name(&registration.comparison)))
            @match validation.judgement() {
                Some(judgement) => (fact("Judged", html! { (clock.minute(judgement.at)) })),
                None => (fact("Registered", html! { (clock.minute(registration.registered_at)) })),
            }
            (fact("Registered by", registrant))
            @if let Some(execution) = &registration.execution {
                (fact("Execution", html! { code { (name(execution)) } }))
            }
        }
    }
}
