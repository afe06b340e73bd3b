//! The problems that were answered, or are.

use maud::{Markup, html};

use crate::frame::{Crumb, Frame};
use crate::records::{ProblemRow, Problems};
use crate::text::{Clock, name};

/// Every problem with how far its answer is, those that were noticed last first.
pub fn problems(frame: &Frame<'_>, problems: &Problems<'_>) -> String {
    let crumbs = [Crumb {
        name: "Problems",
        address: None,
    }];
    let main = html! {
        h1 { "Problems" }
        @if problems.problems.is_empty() {
            p .lead { "Dynatrace has reported none." }
        } @else {
            p .lead { "Those that were noticed last come first." }
        }
        @if let Some(remedies) = problems.remedies {
            p .links { a href=(remedies) { "What remedies achieved" } }
        }
        @if !problems.problems.is_empty() { (table(problems.problems, frame.clock())) }
        @if problems.newest.is_some() || problems.older.is_some() {
            nav .pages aria-label="Pages" {
                @if let Some(newest) = problems.newest { a href=(newest) { "← Newest problems" } }
                @if let Some(older) = problems.older { a rel="next" href=(older) { "Older problems →" } }
            }
        }
        @if let Some(json) = problems.json { p .links { a href=(json) { "JSON" } } }
    };
    frame.document("Problems", None, &crumbs, &main)
}

fn table(rows: &[ProblemRow], clock: Clock<'_>) -> Markup {
    html! {
        div .scroll tabindex="0" role="region" aria-label="Problems" {
            table .gates {
                thead {
                    tr {
                        th scope="col" { "Problem" }
                        th scope="col" { "Noticed" }
                        th scope="col" { "Closed" }
                        th scope="col" { "Answer" }
                    }
                }
                tbody {
                    @for row in rows {
                        tr {
                            th scope="row" {
                                a .row href=(row.address) {
                                    (name(row.title.as_deref().unwrap_or("A problem")))
                                }
                                br;
                                span .muted { (name(row.display_id.as_deref().unwrap_or(&row.id))) }
                            }
                            td {
                                (clock.minute(row.noticed)) br;
                                span .muted { (clock.relative(row.noticed)) }
                            }
                            td {
                                @match row.closed {
                                    Some(closed) => (clock.minute(closed)),
                                    None => span .muted { "not known" },
                                }
                            }
                            td {
                                (answer(&row.state))
                                @if !row.decided { br; span .muted { "under way" } }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// How far the answer is, for people; a word that is new stays as it is.
fn answer(word: &str) -> Markup {
    let words = match word {
        "pending" => "its cause is looked for",
        "test" => "a test of the connection",
        "ignored" => "not about production",
        "over" => "it was over before anything was found out",
        "nothingDeployed" => "nothing was changed before it",
        "refused" => "refused: a person has to choose",
        "gaveUp" => "given up",
        "attributed" => "a change is blamed",
        "joined" => "answered under another problem",
        "intended" | "deploying" => "a change is taken back",
        "healed" => "a change was taken back",
        "confirmed" => "a change was taken back, and it closed",
        "unconfirmed" => "a change was taken back; whether that ended it is not known",
        "healFailed" => "a change could not be taken back",
        "shadowed" => "a change would have been taken back",
        "notNeeded" => "nothing needs to be done",
        word => return html! { (name(word)) },
    };
    html! { (words) }
}
