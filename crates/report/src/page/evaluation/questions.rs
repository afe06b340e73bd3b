//! What the tenant was asked, each question once.

use std::collections::BTreeMap;

use maud::{Markup, html};
use monspec::Finding;
use release::evidence::{Asked, Evidence};

use super::Bounds;
use super::findings::{sorted, title};
use crate::text::{Clock, name, sentence, shortened};

/// A question and the findings that rest on it.
struct Question<'a> {
    side: &'static str,
    asked: &'a Asked,
    answered: Vec<(&'a Finding, &'a Asked)>,
}

pub(super) fn list(evidence: &Evidence, clock: Clock<'_>, bounds: Bounds) -> Markup {
    let questions = questions(evidence, bounds);
    if questions.is_empty() {
        return html! {};
    }
    html! {
        section aria-labelledby="asked" {
            h2 #asked { "How it was measured" }
            @for question in &questions { (block(question, evidence, clock, bounds.query)) }
        }
    }
}

/// Signatures that share entities and window share a question.
fn questions(evidence: &Evidence, bounds: Bounds) -> Vec<Question<'_>> {
    let mut questions: Vec<Question<'_>> = Vec::new();
    let mut places: BTreeMap<_, usize> = BTreeMap::new();
    for one in sorted(evidence).into_iter().take(bounds.findings) {
        let sides = [
            ("Observation", Some(&one.source)),
            ("Baseline", one.compare.as_ref()),
        ];
        for (side, asked) in sides {
            let Some(asked) = asked else { continue };
            let key = (
                side,
                asked.environment.as_str(),
                asked.query.as_str(),
                asked.window.start,
                asked.window.end,
            );
            let place = *places.entry(key).or_insert_with(|| {
                questions.push(Question {
                    side,
                    asked,
                    answered: Vec::new(),
                });
                questions.len() - 1
            });
            questions[place].answered.push((&one.finding, asked));
        }
    }
    questions
}

fn block(question: &Question<'_>, evidence: &Evidence, clock: Clock<'_>, longest: usize) -> Markup {
    let asked = question.asked;
    let entities = entities(question, evidence);
    html! {
        div .question {
            h3 { (question.side) " from " (name(&asked.environment)) }
            dl {
                dt { "Window" }
                dd { (clock.window(asked.window)) }
                @if !entities.names.is_empty() {
                    dt { "Entities" }
                    dd {
                        code { (shortened(&entities.names.join(", "), longest)) }
                        @if entities.others > 0 { " and " (entities.others) " more" }
                    }
                }
                @if !asked.query.is_empty() {
                    dt { "Query" }
                    dd { code { (shortened(&asked.query, longest)) } }
                }
                dt { "Selectors" }
                dd {
                    ul {
                        @for (finding, asked) in &question.answered {
                            li {
                                (title(finding)) ": " code { (shortened(&asked.selector, longest)) }
                                @for warning in &asked.warnings { br; strong { "Warning: " } (sentence(warning)) }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// The entities that answered a question.
#[derive(Default)]
struct Entities<'a> {
    names: Vec<&'a str>,
    /// How many are not named.
    others: usize,
}

fn entities<'a>(question: &Question<'_>, evidence: &'a Evidence) -> Entities<'a> {
    let mut services: Vec<&str> = question
        .answered
        .iter()
        .map(|(finding, _)| finding.address.service.as_str())
        .collect();
    services.sort_unstable();
    services.dedup();
    let mut entities = Entities::default();
    for service in services {
        let environment = &question.asked.environment;
        let of = |service| evidence.entities.get(service)?.get(environment);
        let counted = |service| {
            evidence
                .context
                .entity_counts
                .get(service)?
                .get(environment)
        };
        let names = of(service).map(Vec::as_slice).unwrap_or_default();
        entities.names.extend(names.iter().map(String::as_str));
        entities.others += counted(service).map_or(0, |count| count.saturating_sub(names.len()));
    }
    entities
}
