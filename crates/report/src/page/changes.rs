//! The flags of a set as they are now.

use flags::state::{Assignment, End};
use maud::{Markup, html};

use crate::frame::{Crumb, Frame};
use crate::records::{Answered, Changes, FlagNow, Until};
use crate::text::{Clock, count, name, sentence};
use crate::told;

/// Every flag: what it is, until when, who said so and why.
pub fn changes(frame: &Frame<'_>, changes: &Changes<'_>) -> String {
    let crumbs = [Crumb {
        name: "Feature flags",
        address: None,
    }];
    let now = frame.now;
    let set = changes
        .flags
        .iter()
        .filter(|flag| flag.assignment(now).is_some());
    let ending = changes
        .flags
        .iter()
        .filter(|flag| flag.until(now) != Until::Open);
    let main = html! {
        h1 { "Feature flags" span .of { " of " (name(changes.set)) } }
        p .lead {
            (count(changes.flags.len(), "flag")) ": " (set.count()) " set, "
            (ending.count()) " of them for a time; the others are as declared."
        }
        @if changes.flags.is_empty() {
            p { "Declare the first flags with " code { "monspec flags apply flags.json" } "." }
        } @else {
            (table(changes.flags, frame.clock()))
        }
        @if let Some(json) = changes.json { p .links { a href=(json) { "JSON" } } }
    };
    frame.document("Feature flags", None, &crumbs, &main)
}

fn table(flags: &[FlagNow<'_>], clock: Clock<'_>) -> Markup {
    html! {
        div .scroll tabindex="0" role="region" aria-label="Feature flags" {
            table .gates .flags {
                thead {
                    tr {
                        th scope="col" { "Flag" }
                        th scope="col" { "Value" }
                        th scope="col" { "Until" }
                        th scope="col" { "Who" }
                        th scope="col" { "Why" }
                    }
                }
                tbody {
                    @for flag in flags {
                        tr {
                            th scope="row" { (called(flag)) }
                            td { (answered(flag, clock)) }
                            td { (until(flag, clock)) }
                            td { (who(flag, clock)) }
                            td { (why(flag)) }
                        }
                    }
                }
            }
        }
    }
}

fn called(flag: &FlagNow<'_>) -> Markup {
    let declared = flag.declaration;
    html! {
        @match &flag.history {
            Some(history) => a .row href=(history) { (name(&declared.name)) },
            None => (name(&declared.name)),
        }
        @if let Some(description) = &declared.description {
            br; span .muted { (sentence(description)) }
        }
    }
}

/// What everybody is answered, and what was declared if that is something else.
pub(super) fn answered(flag: &FlagNow<'_>, clock: Clock<'_>) -> Markup {
    let declared = flag.declaration;
    let answered = flag.answered(clock.now);
    html! {
        @match &answered {
            Answered::Same(value) => {
                code { (told::value(value)) }
                @if declared.off.is_some() {
                    br; span .muted { "switched off" }
                } @else if *value != declared.default {
                    br; span .muted { "declared " (told::value(&declared.default)) }
                }
            }
            Answered::Split(_) | Answered::Rule => (answered.in_words().unwrap_or_default()),
        }
    }
}

/// When what holds ends, and what holds then.
pub(super) fn until(flag: &FlagNow<'_>, clock: Clock<'_>) -> Markup {
    let then = flag.then(clock.now);
    html! {
        @if let Some((to, at)) = flag.moves(clock.now) {
            "moves to " code { (told::value(to)) } " by " (clock.minute(at)) br;
        }
        @match flag.until(clock.now) {
            Until::Open => span .muted { "somebody changes it" },
            Until::Lease(at) => {
                (clock.minute(at)) br; span .muted { (clock.relative(at)) }
            }
            Until::Problems(end, at) => {
                (problems(end)) " is over" br;
                span .muted { "at the latest " (clock.minute(at)) ", " (clock.relative(at)) }
            }
        }
        @if let Some(then) = then { br; span .muted { "then " (told::value(&then)) } }
    }
}

fn problems(end: &End) -> Markup {
    html! {
        @for (position, (problem, _)) in end.holders().enumerate() {
            @if position != 0 { " and " }
            (name(problem))
        }
    }
}

fn who(flag: &FlagNow<'_>, clock: Clock<'_>) -> Markup {
    let said = flag
        .assignment(clock.now)
        .map(|assignment: &Assignment| (&assignment.by, assignment.at));
    let written = flag.entry.map(|entry| (&entry.record.by, entry.record.at));
    html! {
        @match said.or(written) {
            Some((by, at)) => {
                (name(&by.name))
                @if let Some(hand) = told::kind(by.kind) { span .muted { " (" (hand) ")" } }
                br; span .muted { (clock.relative(at)) }
            }
            None => span .muted { "nobody touched it" },
        }
    }
}

fn why(flag: &FlagNow<'_>) -> Markup {
    html! {
        @if let Some(entry) = flag.entry {
            (sentence(&entry.record.why))
            @if let Some(problem) = &entry.record.problem {
                br; span .muted { "because of " (name(problem)) }
            }
        }
    }
}
