//! How often flags were changed, and whether problems closed soon after it.

use maud::{Markup, html};

use crate::frame::{Crumb, Frame};
use crate::records::{Outcomes, Remedies, Remedy};
use crate::text::{count, duration, name, shortened};

/// The longest value that is shown whole.
const VALUE: usize = 120;

/// Remedies by flag, value and trigger, with the share of problems that closed.
pub fn remedies(frame: &Frame<'_>, remedies: &Remedies<'_>) -> String {
    let crumbs = [Crumb {
        name: "What remedies achieved",
        address: None,
    }];
    let outcomes = remedies.outcomes();
    let main = html! {
        h1 { "What remedies achieved" span .of { " with the flags of " (name(remedies.set)) } }
        p .lead {
            "What flags were set to in the last " (duration(remedies.span)) ", and how many of the "
            "problems because of which they were closed within " (duration(remedies.within)) " of the change."
        }
        @if remedies.cut {
            p { "The span has more changes than are read at once; these are the newest." }
        }
        @if outcomes.is_empty() {
            p { "No flag was changed." }
        } @else {
            (table(&outcomes, remedies))
        }
        @if let Some(json) = remedies.json { p .links { a href=(json) { "JSON" } } }
    };
    frame.document("What remedies achieved", None, &crumbs, &main)
}

fn table(outcomes: &[(Remedy, Outcomes)], remedies: &Remedies<'_>) -> Markup {
    html! {
        div .scroll tabindex="0" role="region" aria-label="What remedies achieved" {
            table .gates {
                thead {
                    tr {
                        th scope="col" { "Flag and value" }
                        th scope="col" { "Set by" }
                        th scope="col" { "Changes" }
                        th scope="col" { "Closed within " (duration(remedies.within)) }
                        th scope="col" { "Others" }
                    }
                }
                tbody {
                    @for (Remedy { flag, value, trigger }, of) in outcomes {
                        tr {
                            th scope="row" {
                                (name(flag)) " " code { (shortened(value, VALUE)) }
                            }
                            td { (name(trigger)) }
                            td { (of.changes) }
                            td {
                                @if of.all() == 0 { span .muted { "because of no problem" } }
                                @else { (of.soon) " of " (count(of.all(), "problem")) }
                                @if let Some(share) = of.share() { br; span .muted { (share) " %" } }
                            }
                            td { (others(of)) }
                        }
                    }
                }
            }
        }
    }
}

fn others(of: &Outcomes) -> String {
    let counts = [
        (of.later, "closed later"),
        (of.open, "still open"),
        (of.unknown, "not known here"),
    ];
    let words = counts.iter().filter(|(number, _)| *number != 0);
    let words: Vec<String> = words
        .map(|(number, word)| format!("{number} {word}"))
        .collect();
    words.join(", ")
}
