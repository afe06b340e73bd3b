//! All pipelines and comparisons.

use std::cmp::Reverse;

use maud::{Markup, html};
use monspec::Verdict;

use crate::frame::Frame;
use crate::records::Gate;
use crate::text::{Clock, count, name};
use crate::words::{State, trend};

/// Every gate with its last verdict, those that need a person first.
pub fn start(frame: &Frame<'_>, gates: &[Gate]) -> String {
    let mut sorted: Vec<&Gate> = gates.iter().collect();
    sorted.sort_by_key(|gate| (urgency(gate.verdict), Reverse(gate.judged_at)));

    let main = if sorted.is_empty() {
        nothing_yet()
    } else {
        html! {
            h1 { "Release gates" }
            p .lead { (summary(&sorted)) }
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
                    tbody {
                        @for gate in &sorted { (row(gate, frame.clock())) }
                    }
                }
            }
        }
    };
    frame.document("Release gates", None, &[], &main)
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

fn urgency(verdict: Verdict) -> u8 {
    match verdict {
        Verdict::Failed => 0,
        Verdict::Inconclusive => 1,
        Verdict::Passed => 2,
    }
}

fn nothing_yet() -> Markup {
    html! {
        h1 { "No build has been judged yet" }
        p .lead { "A gate appears here with its first verdict." }
        h2 { "Register the first validation" }
        ol .steps {
            li {
                "Describe what a good build is in a " code { "monspec.json" }
                ", and try it on your desk: "
                pre { code { "monspec compare monspec.json --comparison StagingToProduction" } }
            }
            li {
                "Add a Lambda action to the pipeline, in a stage behind the deployment. Its function is "
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
