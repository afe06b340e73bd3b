//! The findings that decide, large enough to be read in passing.

use maud::{Markup, html};
use monspec::{Finding, Outcome};
use release::evidence::Evidence;
use release::summary::worse_first;

use super::findings::{is_not_judged, title, verdict};
use crate::numbers::Numbers;
use crate::text::sentence;

/// So many fit beside each other, and nobody decides on more.
const MOST: usize = 3;

pub(super) fn cards(evidence: &Evidence) -> Markup {
    let mut worst: Vec<&Finding> = evidence.findings.iter().map(|one| &one.finding).collect();
    worst.sort_by(|a, b| worse_first(a, b));
    let heading = match worst.first() {
        None => return html! {},
        Some(finding) if finding.outcome == Outcome::Held => "Closest to the limit",
        Some(_) if evidence.reason.is_some() => "Measured, but not judged",
        Some(finding) if finding.accepted => "Accepted without a baseline",
        Some(_) => "What decided",
    };
    html! {
        section aria-labelledby="worst" {
            h2 #worst { (heading) }
            ul .cards {
                @for finding in worst.into_iter().take(MOST) { (card(finding, evidence)) }
            }
        }
    }
}

fn card(finding: &Finding, evidence: &Evidence) -> Markup {
    let numbers = Numbers::of(finding);
    html! {
        li .card {
            (verdict(finding, evidence))
            h3 { (title(finding)) }
            @match &numbers.observation {
                Some(observation) => p .large { (observation) },
                None => p .large .muted { "no number" },
            }
            @if let Some(limit) = &numbers.limit {
                p {
                    "Limit " strong { (limit) }
                    @if let Some(margin) = &numbers.margin { ", " (margin) }
                }
            }
            @if let Some(of) = finding.coverage.observation { p .muted { (of) } }
            @if let Some(baseline) = &numbers.baseline { p .muted { "Baseline " (baseline) } }
            @match bar(finding) {
                Some(bar) => (bar),
                None if is_not_judged(finding, evidence) => {}
                None => p .muted { (sentence(&finding.reason)) },
            }
        }
    }
}

/// How far along the observation is, with the limit and the baseline as marks.
/// The numbers stand beside it, so it is hidden from who does not see it.
fn bar(finding: &Finding) -> Option<Markup> {
    // Nothing to be along: the reason says why there is no limit.
    if finding.outcome == Outcome::Inconclusive {
        return None;
    }
    let observation = finding.observation?;
    let limits = [finding.lower_limit, finding.upper_limit];
    let numbers = limits.into_iter().chain([finding.baseline]).flatten();
    let largest = numbers.chain([observation]).fold(0.0, f64::max);
    let smallest = limits
        .into_iter()
        .flatten()
        .chain([observation])
        .fold(0.0, f64::min);
    // A bar has no place for what is below zero.
    if smallest < 0.0 || largest <= 0.0 {
        return None;
    }
    let percent = |number: f64| format!("{:.1}%", 100.0 * number / (largest * 1.05));
    Some(html! {
        svg .bar width="100%" height="22" aria-hidden="true" {
            rect .track width="100%" height="10" y="6" rx="2" {}
            @let (within, beyond) = parts(finding, observation);
            rect .beyond width=(percent(beyond)) height="10" y="6" rx="2" {}
            rect .value width=(percent(within)) height="10" y="6" rx="2" {}
            @if let Some(baseline) = finding.baseline {
                line .baseline x1=(percent(baseline)) x2=(percent(baseline)) y1="3" y2="19" {}
            }
            @for limit in limits.into_iter().flatten() {
                line .limit x1=(percent(limit)) x2=(percent(limit)) y1="0" y2="22" {}
            }
        }
    })
}

/// How far the observation is within its limits, and how far it reaches.
fn parts(finding: &Finding, observation: f64) -> (f64, f64) {
    match (finding.upper_limit, finding.lower_limit) {
        (Some(upper), _) if upper < observation => (upper, observation),
        (_, Some(lower)) if observation < lower => (0.0, observation),
        _ => (observation, 0.0),
    }
}
