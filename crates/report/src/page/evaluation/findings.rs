//! Every finding with its numbers.

use maud::{Markup, html};
use monspec::{Answered, BoundSide, Finding, Outcome};
use release::evidence::{Evidence, Evidenced};
use release::summary::worse_first;

use super::Bounds;
use crate::numbers::Numbers;
use crate::text::{count, name, sentence};
use crate::units::rounded;
use crate::words::{not_judged, outcome};

pub(super) fn table(evidence: &Evidence, bounds: Bounds) -> Markup {
    let sorted = sorted(evidence);
    if sorted.is_empty() {
        return html! {};
    }
    html! {
        section aria-labelledby="findings" {
            h2 #findings { "All findings" }
            div .scroll tabindex="0" role="region" aria-label="Table of findings" {
                table .findings {
                    thead {
                        tr {
                            th scope="col" { "Finding" }
                            th scope="col" { "Signature" }
                            th .number scope="col" { "Observation" }
                            th .number scope="col" { "Baseline" }
                            th .number scope="col" { "Limit" }
                            th scope="col" { "Margin" }
                        }
                    }
                    tbody { @for one in sorted.iter().take(bounds.findings) { (row(&one.finding, evidence)) } }
                }
            }
            @if let Some(more) = sorted.len().checked_sub(bounds.findings).filter(|more| *more != 0) {
                p { (count(more, "more finding")) " with less weight are in the JSON of this \
                    page." }
            }
        }
    }
}

/// The worst first.
pub(super) fn sorted(evidence: &Evidence) -> Vec<&Evidenced> {
    let mut sorted: Vec<&Evidenced> = evidence.findings.iter().collect();
    sorted.sort_by(|a, b| worse_first(&a.finding, &b.finding));
    sorted
}

fn row(finding: &Finding, evidence: &Evidence) -> Markup {
    let numbers = Numbers::of(finding);
    let coverage = finding.coverage;
    let number = |number: &Option<String>, of: Option<Answered>| {
        html! {
            td .number {
                (number.as_deref().unwrap_or("–"))
                @if let Some(of) = of { br; span .muted { (of) } }
            }
        }
    };
    html! {
        tr {
            td { (verdict(finding, evidence)) }
            th scope="row" {
                (title(finding))
                // With numbers the reason says in the unit of the metric what the row says.
                @if (finding.observation.is_none() || finding.outcome == Outcome::Inconclusive)
                    && !is_not_judged(finding, evidence) {
                    br; span .muted { (sentence(&finding.reason)) }
                }
            }
            (number(&numbers.observation, coverage.observation))
            (number(&numbers.baseline, coverage.baseline))
            td .number {
                (numbers.limit.as_deref().unwrap_or("–"))
                @if let Some(rule) = rule(finding) { br; span .muted { (rule) } }
            }
            td { (numbers.margin.as_deref().unwrap_or("–")) }
        }
    }
}

/// How a finding ended. Numbers that were measured for nothing are not told as
/// gaps.
pub(super) fn verdict(finding: &Finding, evidence: &Evidence) -> Markup {
    if is_not_judged(finding, evidence) {
        return not_judged();
    }
    outcome(finding.outcome, finding.accepted)
}

/// Whether there are numbers that say nothing; the page says above why.
pub(super) fn is_not_judged(finding: &Finding, evidence: &Evidence) -> bool {
    let measured = finding.outcome == Outcome::Inconclusive && finding.observation.is_some();
    measured && evidence.context.unjudged.is_some()
}

/// Where the limit comes from, where it derives from a baseline.
fn rule(finding: &Finding) -> Option<String> {
    let percent = finding.tolerance?;
    finding.baseline?;
    let sign = match finding.side {
        BoundSide::Upper => '+',
        BoundSide::Lower => '−',
    };
    Some(format!("baseline {sign} {} %", rounded(percent, 4)))
}

/// What is measured, and of whom.
pub(super) fn title(finding: &Finding) -> Markup {
    let metric = finding
        .metric
        .strip_prefix("com.dynatrace.builtin:")
        .unwrap_or(&finding.metric);
    html! {
        (name(metric)) " " (name(&finding.aggregate)) " "
        span .service {
            "of " (name(&finding.address.service))
            @if let Some(method) = &finding.address.method { " " (name(method)) }
        }
    }
}
