//! One pipeline and comparison over builds.

mod builds;

use std::cmp::Reverse;
use std::collections::BTreeMap;

use maud::{Markup, html};

use crate::chart::{Chart, Point, legend};
use crate::frame::{Crumb, Frame};
use crate::records::{Build, History};
use crate::text::{count, duration, name};
use crate::words::State;

/// A point of a chart takes about 300 bytes, and an answer of Lambda ends at 6 MB.
const MOST_POINTS: usize = 5_000;

/// A chart per signature, the ones to look at first, and every build.
pub fn history(frame: &Frame<'_>, history: &History<'_>) -> String {
    let crumbs = [
        Crumb {
            name: history.pipeline,
            address: None,
        },
        Crumb {
            name: history.comparison,
            address: None,
        },
    ];
    let last = history
        .builds
        .last()
        .map(|build| State::of(&build.validation));
    let main = html! {
        h1 { (name(history.comparison)) span .of { " of " (name(history.pipeline)) } }
        (summary(history, last))
        @if history.builds.is_empty() {
            p {
                "Nothing was registered in the last " (duration(history.span)) ". "
                @if let Some(longest) = history.longest {
                    a href=(longest) { "Look at the last 90 days" } "."
                }
            }
        } @else {
            (charts(frame, history))
            h2 #builds { "Builds" }
            (builds::table(history.builds, frame.clock()))
        }
        (pages(history))
    };
    let title = format!("{} of {}", history.comparison, history.pipeline);
    frame.document(&title, last, &crumbs, &main)
}

fn summary(history: &History<'_>, last: Option<State>) -> Markup {
    let states: Vec<State> = history
        .builds
        .iter()
        .map(|build| State::of(&build.validation))
        .collect();
    let words: Vec<String> = [
        State::Failed,
        State::Inconclusive,
        State::Passed,
        State::Waiting,
        State::Superseded,
        State::Ended,
    ]
    .into_iter()
    .map(|state| {
        (
            state,
            states.iter().filter(|other| **other == state).count(),
        )
    })
    .filter(|(_, number)| *number != 0)
    .map(|(state, number)| format!("{number} {}", state.word().to_lowercase()))
    .collect();
    html! {
        p .lead {
            @if let Some(last) = last { "Last build: " (last.badge()) ". " }
            (count(states.len(), "build")) " of the last " (duration(history.span))
            @if !words.is_empty() { ": " (words.join(", ")) }
            "."
        }
        @if !states.is_empty() {
            p .links {
                a href="#builds" { "Builds" }
                @if let Some(json) = history.json { " " a href=(json) { "JSON" } }
            }
        }
    }
}

fn charts(frame: &Frame<'_>, history: &History<'_>) -> Markup {
    let mut charts = by_signature(history.builds);
    charts.sort_by_key(|chart| Reverse(chart.weight()));
    let room = (MOST_POINTS / history.builds.len().max(1)).max(1);
    let left_out = charts.len().saturating_sub(room);
    charts.truncate(room);
    html! {
        @if !charts.is_empty() {
            h2 { "Signatures" }
            (legend(history))
            div .charts {
                @for (id, chart) in charts.iter().enumerate() { (chart.figure(id, frame.clock())) }
            }
            @if left_out != 0 {
                p {
                    (count(left_out, "more signature")) " would make this page too large. "
                    "Ask for a shorter " code { "timespan" } ", or for JSON."
                }
            }
        }
    }
}

/// A chart per signature that any build has, in the order in which they first
/// appear; a build that lacks one leaves a gap.
fn by_signature(builds: &[Build]) -> Vec<Chart<'_>> {
    let mut charts: Vec<Chart<'_>> = Vec::new();
    let mut places: BTreeMap<&str, usize> = BTreeMap::new();
    let empty: Vec<Point<'_>> = builds.iter().map(nothing).collect();
    for (index, build) in builds.iter().enumerate() {
        for plotted in &build.plot {
            let place = *places.entry(&plotted.name).or_insert_with(|| {
                charts.push(Chart {
                    name: &plotted.name,
                    points: empty.clone(),
                });
                charts.len() - 1
            });
            charts[place].points[index].plotted = Some(plotted);
        }
    }
    charts
}

/// A build without a number.
fn nothing(build: &Build) -> Point<'_> {
    Point {
        label: &build.validation.registration.version,
        at: build.validation.registration.registered_at,
        state: State::of(&build.validation),
        plotted: None,
    }
}

fn pages(history: &History<'_>) -> Markup {
    html! {
        @if history.older.is_some() || history.newer.is_some() {
            nav .pages aria-label="Pages" {
                @if let Some(newer) = history.newer { a rel="prev" href=(newer) { "← Newer builds" } }
                @if let Some(older) = history.older { a rel="next" href=(older) { "Older builds →" } }
            }
        }
    }
}
