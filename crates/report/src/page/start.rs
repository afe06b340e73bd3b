//! Pipelines and comparisons, a page of them at once.

use std::cmp::Reverse;

use maud::{Markup, html};
use monspec::Verdict;

use crate::frame::Frame;
use crate::records::{Gate, Start};
use crate::text::{Clock, count, name};
use crate::words::{State, trend};

/// The gates of one page with their last verdicts: those that need a person
/// first, where the page holds all of them, else by name, as the pages follow
/// each other.
pub fn start(frame: &Frame<'_>, start: &Start<'_>) -> String {
    let is_whole = start.first.is_none() && start.next.is_none();
    let mut sorted: Vec<&Gate> = start.gates.iter().collect();
    if is_whole {
        sorted.sort_by_key(|gate| (urgency(gate.verdict), Reverse(gate.judged_at)));
    }

    let main = if sorted.is_empty() && start.first.is_none() {
        nothing_yet(start)
    } else {
        html! {
            h1 { "Release gates" }
            p .lead {
                @if !is_whole { (part(start.gates)) }
                (summary(&sorted))
            }
            (onward(start))
            @if !sorted.is_empty() { (table(&sorted, frame.clock())) }
            (pages(start))
        }
    };

    frame.document("Release gates", None, &[], &main)
}

fn table(gates: &[&Gate], clock: Clock<'_>) -> Markup {
    html! {
        div .scroll tabindex="0" role="region" aria-label="Release gates" {
            table .gates {
                thead {
                    tr {
                        th scope="col" { "Last verdict" }
                        th scope="col" { "Pipeline and comparison" }
                        th scope="col" { "Build" }
                        th scope="col" { "Judged" }
                        th scope="col" { "Trend" }
                    }
                }
                tbody { @for gate in gates { (row(gate, clock)) } }
            }
        }
    }
}

fn row(gate: &Gate, clock: Clock<'_>) -> Markup {
    let trends: Vec<State> = gate.trend.iter().map(|verdict| (*verdict).into()).collect();
    html! {
        tr {
            td { (State::from(gate.verdict).badge()) }
            th scope="row" {
                a .row href=(gate.history) {
                    (name(&gate.pipeline)) br; span .comparison { (name(&gate.comparison)) }
                }
            }
            td { a href=(gate.evaluation) { (name(&gate.version)) } }
            td {
                (clock.minute(gate.judged_at)) br;
                span .muted { (clock.relative(gate.judged_at)) }
            }
            td { (trend(&trends)) }
        }
    }
}

/// Which of all gates these are, where there are more: the store has them by
/// name.
fn part(gates: &[Gate]) -> Markup {
    html! {
        @if let (Some(first), Some(last)) = (gates.first(), gates.last()) {
            "By name from " (name(&first.pipeline)) " to " (name(&last.pipeline)) ", "
        }
    }
}

fn summary(gates: &[&Gate]) -> String {
    let of = |verdict| gates.iter().filter(|gate| gate.verdict == verdict).count();
    format!(
        "{}: {} failed, {} inconclusive, {} passed with their last build.",
        count(gates.len(), "gate"),
        of(Verdict::Failed),
        of(Verdict::Inconclusive),
        of(Verdict::Passed),
    )
}

fn pages(start: &Start<'_>) -> Markup {
    html! {
        @if start.first.is_some() || start.next.is_some() {
            nav .pages aria-label="Pages" {
                @if let Some(first) = start.first { a href=(first) { "← First gates" } }
                @if let Some(next) = start.next { a rel="next" href=(next) { "More gates →" } }
            }
        }
    }
}

fn urgency(verdict: Verdict) -> u8 {
    match verdict {
        Verdict::Failed => 0,
        Verdict::Inconclusive => 1,
        Verdict::Passed => 2,
    }
}

/// Where the rest of the report is.
fn onward(start: &Start<'_>) -> Markup {
    html! {
        @if start.changes.is_some() || start.problems.is_some() {
            p .links {
                @if let Some(problems) = start.problems { a href=(problems) { "Problems" } }
                @if let Some(changes) = start.changes { a href=(changes) { "Feature flags" } }
            }
        }
    }
}

fn nothing_yet(start: &Start<'_>) -> Markup {
    html! {
        h1 { "No build has been judged yet" }
        p .lead { "A gate appears here with its first verdict." }
        (onward(start))
        h2 { "Register the first validation" }
        ol .steps {
            li {
                "Describe what a good build is in a " code { "monspec.json" }
                ", and try it locally: "
                pre { code { "monspec compare monspec.json --comparison StagingToProduction" } }
            }
            li {
                "Add a Lambda action to the pipeline, after the deployment. Its function is "
                code { "register-validation" } ", its input artifact holds the monspec."
            }
            li {
                "Give it these " code { "UserParameters" }
                ": the comparison, the minutes to measure, and the manual approval to answer."
                pre { code { "StagingToProduction,5,ApproveStaging" } }
            }
            li {
                "Release a change. The verdict follows a few minutes after the window has ended."
            }
        }
    }
}
