//! The table of builds.

use maud::{Markup, html};
use monspec::{Outcome, Verdict};
use release::plot::Plotted;
use release::validation::Validation;

use crate::chart::told_in_short;
use crate::records::Build;
use crate::text::{Clock, duration, name, shortened};
use crate::words::{State, approval};

/// Enough of a reason to know whether to open the evaluation.
const REASON: usize = 160;

/// The builds, newest first.
pub(super) fn table(builds: &[Build], clock: Clock<'_>) -> Markup {
    html! {
        div .scroll tabindex="0" role="region" aria-label="Table of builds" {
            table .builds {
                thead {
                    tr {
                        th scope="col" { "Build" }
                        th scope="col" { "Verdict" }
                        th scope="col" { "Approval" }
                        th scope="col" { "Registered" }
                        th scope="col" { "Measured" }
                        th scope="col" { "Verdict after" }
                    }
                }
                tbody {
                    @for build in builds.iter().rev() { (row(build, clock)) }
                }
            }
        }
    }
}

fn row(build: &Build, clock: Clock<'_>) -> Markup {
    let validation = &build.validation;
    let registration = &validation.registration;
    let approval = approval(validation);
    html! {
        tr {
            th scope="row" { a .row href=(build.evaluation) { (name(&registration.version)) } }
            td {
                (State::of(validation).badge())
                @if let Some(reason) = reason(validation) { br; (reason) }
                @for name in violated(build) { br; span .muted { (name) } }
            }
            td {
                (shortened(&approval.what, REASON))
                @if let Some(why) = approval.why {
                    br; span .muted { bdi { (shortened(&why.quoted(), REASON)) } }
                }
            }
            td { (clock.minute(registration.registered_at)) }
            td { (duration(registration.window.length())) }
            td {
                @match validation.judgement() {
                    Some(judgement) => (duration(judgement.at.duration_since(registration.registered_at))),
                    None => "–",
                }
            }
        }
    }
}

/// What a verdict other than Passed is about, without its word and without the
/// numbers that follow in the approval.
fn reason(validation: &Validation) -> Option<String> {
    let judgement = validation.judgement()?;
    if judgement.verdict == Verdict::Passed {
        return None;
    }
    let (_, reason) = judgement.summary.split_once(": ")?;
    let first = reason.split_once(". ").map_or(reason, |(first, _)| first);
    Some(shortened(first.trim_end_matches('.'), REASON))
}

/// The first signatures that are violated.
fn violated(build: &Build) -> Vec<String> {
    const MOST: usize = 2;
    let violated = || {
        let of = |plotted: &&Plotted| plotted.outcome == Outcome::Violated;
        build.plot.iter().filter(of)
    };
    let mut names: Vec<String> = violated()
        .take(MOST)
        .map(|plotted| told_in_short(plotted, REASON))
        .collect();
    let more = violated().count().saturating_sub(MOST);
    if more != 0 {
        names.push(format!("and {more} more"));
    }
    names
}
