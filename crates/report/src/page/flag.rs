//! The history of one flag.

use flags::{Difference, Entry, diff, verify};
use maud::{Markup, html};

use super::changes::{answered, until};
use crate::frame::{Crumb, Frame};
use crate::records::{FlagHistory, FlagNow, Written};
use crate::text::{Clock, name, sentence, shortened};
use crate::told;

/// The longest text of a field that is compared.
const FIELD: usize = 300;

/// What happened to a flag, the newest first, and what it is now.
pub fn flag(frame: &Frame<'_>, history: &FlagHistory<'_>) -> String {
    let crumbs = [
        Crumb {
            name: "Feature flags",
            address: None,
        },
        Crumb {
            name: history.flag,
            address: None,
        },
    ];
    let main = html! {
        h1 { (name(history.flag)) span .of { " of " (name(history.set)) } }
        @match history.now {
            Some(now) => (facts(now, frame.clock())),
            None => p .lead { "It is no longer declared." },
        }
        @if let Some((one, other)) = history.compared { (compared(one, other)) }
        h2 { "History" }
        @if history.entries.is_empty() {
            p { "Nobody changed it." }
        } @else {
            (chained(history.entries))
            (table(history.entries, frame.clock()))
        }
        (pages(history))
        @if let Some(json) = history.json { p .links { a href=(json) { "JSON" } } }
    };
    frame.document(history.flag, None, &crumbs, &main)
}

fn facts(now: &FlagNow<'_>, clock: Clock<'_>) -> Markup {
    html! {
        @if let Some(description) = &now.declaration.description {
            p .lead { (sentence(description)) }
        }
        dl .facts {
            div { dt { "Value" } dd { (answered(now, clock)) } }
            div { dt { "Until" } dd { (until(now, clock)) } }
            div { dt { "Type" } dd { (now.declaration.kind) } }
        }
    }
}

/// What two entries say differently.
fn compared(one: &Entry, other: &Entry) -> Markup {
    let heading = |entry: &Entry| format!("Version {}", entry.record.version);
    html! {
        h2 { "Compared" }
        div .scroll tabindex="0" role="region" aria-label="Compared" {
            table {
                thead {
                    tr {
                        th scope="col" { "Field" }
                        th scope="col" { (heading(one)) }
                        th scope="col" { (heading(other)) }
                    }
                }
                tbody {
                    @for Difference { field, one, other } in diff(one, other) {
                        tr {
                            th scope="row" { (field) }
                            td { bdi { (shortened(&one, FIELD)) } }
                            td { bdi { (shortened(&other, FIELD)) } }
                        }
                    }
                }
            }
        }
    }
}

/// Whether the entries are what was written.
fn chained(entries: &[Written]) -> Markup {
    html! {
        @match broken(entries) {
            None => p .muted { "Each entry is sealed with the one before it; these are as they were written." },
            Some(broken) => p .failed { "This history is not what was written: " (broken) "." },
        }
    }
}

/// What is wrong with a part of a history that begins with its newest entry.
pub(crate) fn broken(entries: &[Written]) -> Option<String> {
    let oldest_first: Vec<Entry> = entries.iter().rev().map(|one| one.entry.clone()).collect();
    verify(&oldest_first).err().map(|broken| broken.to_string())
}

fn table(entries: &[Written], clock: Clock<'_>) -> Markup {
    html! {
        div .scroll tabindex="0" role="region" aria-label="History" {
            table .gates {
                thead {
                    tr {
                        th scope="col" { "What happened" }
                        th scope="col" { "Changed" }
                        th scope="col" { "When" }
                        th scope="col" { "Who" }
                        th scope="col" { "Why" }
                        th scope="col" { "Version" }
                    }
                }
                tbody { @for one in entries { (row(one, clock)) } }
            }
        }
    }
}

fn row(one: &Written, clock: Clock<'_>) -> Markup {
    let record = &one.entry.record;
    html! {
        tr {
            th scope="row" {
                bdi { (told::happened(record)) }
                @if let Some(ends) = record.ends {
                    br; span .muted { "until " (clock.minute(ends)) }
                }
            }
            td { (changed(&one.changed)) }
            td { (clock.both(record.at)) br; span .muted { (clock.relative(record.at)) } }
            td {
                (name(&record.by.name))
                @if let Some(hand) = told::kind(record.by.kind) { span .muted { " (" (hand) ")" } }
                br; span .muted { (name(&record.triggered_by)) }
            }
            td {
                (sentence(&record.why))
                @if let Some(problem) = &record.problem {
                    br; span .muted { "because of " (name(problem)) }
                }
            }
            td {
                (record.version)
                @if let Some(compared) = &one.compared { br; a href=(compared) { "differences" } }
            }
        }
    }
}

fn changed(changed: &[Difference]) -> Markup {
    html! {
        @for (index, Difference { field, one, other }) in changed.iter().enumerate() {
            @if 0 < index { br; }
            span .muted { (field) ": " }
            bdi { (shortened(one, FIELD)) } " → " bdi { (shortened(other, FIELD)) }
        }
    }
}

fn pages(history: &FlagHistory<'_>) -> Markup {
    html! {
        @if history.newest.is_some() || history.older.is_some() {
            nav .pages aria-label="Pages" {
                @if let Some(newest) = history.newest { a href=(newest) { "← Newest changes" } }
                @if let Some(older) = history.older { a rel="next" href=(older) { "Older changes →" } }
            }
        }
    }
}
