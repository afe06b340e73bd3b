//! Whoever names a pipeline, writes a commit message or answers an approval
//! writes text into these pages.

use std::collections::BTreeSet;

use jiff::SignedDuration;
use monspec::{Outcome, Verdict};
use release::validation::{Ending, Progress, Validation};
use report::{Evaluation, Form, Gate, History, page};

use crate::flags;
use crate::pages::{self, FRAME};
use crate::world;

/// Each tries to leave its place in another way.
pub(crate) const NAMES: [&str; 6] = [
    "<script>alert(1)</script>",
    "\"onmouseover=\"alert(1)\" x='",
    "</title></style></svg>--><img src=x onerror=alert(1)>",
    "invoice\u{202e}fdp.exe\u{2066}",
    "two\r\nlines\u{2028}\0\u{1b}[2J",
    "&lt;b&gt; &amp; ]]> {{7*7}} ${7*7}",
];

/// Everything a person can name has this name.
pub(crate) fn named(name: &str) -> (Validation, release::evidence::Evidence) {
    let mut validation = world::waiting(3);
    let registration = &mut validation.registration;
    let deployment = &mut registration.deployments[0];
    for text in [
        &mut registration.pipeline,
        &mut registration.comparison,
        &mut registration.version,
        &mut registration.spec,
        &mut deployment.id,
        &mut deployment.version,
        &mut deployment.group.name,
    ] {
        name.clone_into(text);
    }
    registration.execution = Some(name.to_owned());
    for environments in &mut registration.environments {
        name.clone_into(&mut environments.source);
        environments.compare = Some(name.to_owned());
        environments.entries = vec![name.to_owned()];
    }
    if let Some(approval) = &mut registration.approval {
        name.clone_into(&mut approval.action);
    }
    let mut finding = world::bounded(name, name, 3.0, 2.0, 10.0);
    for text in [
        &mut finding.metric,
        &mut finding.address.service,
        &mut finding.reason,
    ] {
        name.clone_into(text);
    }
    finding.address.method = Some(name.to_owned());
    let mut gap = finding.clone();
    gap.outcome = Outcome::Inconclusive;
    gap.observation = None;
    let mut evidence = world::told(&validation, vec![finding, gap]);
    evidence.note = Some(name.to_owned());
    evidence.entities = [(
        name.to_owned(),
        [(name.to_owned(), vec![name.to_owned()])].into(),
    )]
    .into();
    for one in &mut evidence.findings {
        for asked in [Some(&mut one.source), one.compare.as_mut()]
            .into_iter()
            .flatten()
        {
            for text in [
                &mut asked.environment,
                &mut asked.selector,
                &mut asked.query,
            ] {
                name.clone_into(text);
            }
            asked.warnings = vec![name.to_owned()];
        }
    }
    let mut validation = world::judged(validation, &evidence);
    let mut person = world::person(name, name, world::now());
    person.who = Some(name.to_owned());
    world::verdict(&mut validation).progress = Progress::Ended(Ending::Person(person));
    (validation, evidence)
}

fn pages_named(name: &str) -> Vec<String> {
    let (validation, evidence) = named(name);
    let build = world::build(validation.clone(), Some(&evidence));
    let gates = [Gate {
        pipeline: name.to_owned(),
        comparison: name.to_owned(),
        last: validation.registration.id,
        version: name.to_owned(),
        verdict: Verdict::Failed,
        judged_at: world::now(),
        trend: vec![Verdict::Failed],
        history: "/h".to_owned(),
        evaluation: "/v".to_owned(),
    }];
    vec![
        page::start(&FRAME, &pages::whole(&gates)),
        page::history(
            &FRAME,
            &History {
                pipeline: name,
                comparison: name,
                span: SignedDuration::from_hours(1),
                builds: &[build],
                older: None,
                newer: None,
                longest: None,
                json: None,
            },
        ),
        page::evaluation(
            &FRAME,
            &Evaluation {
                validation: &validation,
                evidence: Some(&evidence),
                spec: Some(name),
                history: None,
                json: None,
            },
        ),
        page::form(
            &FRAME,
            &Form {
                action: "/h",
                pipeline: name,
                comparison: name,
                gates: &gates,
            },
        ),
    ]
}

fn everything_named(name: &str) -> Vec<String> {
    let mut pages = pages_named(name);
    pages.extend(flags::pages_named(name));
    pages
}

/// The names of all elements and attributes of a page.
fn vocabulary(page: &str) -> BTreeSet<String> {
    let tags = page
        .split('<')
        .skip(1)
        .map(|tag| tag.split('>').next().unwrap());
    tags.flat_map(|tag| {
        assert!(
            tag.matches('"').count().is_multiple_of(2),
            "open quote in <{tag}>"
        );
        let outside_quotes = tag.split('"').step_by(2).collect::<Vec<_>>().join(" ");
        outside_quotes
            .split_whitespace()
            .map(str::to_owned)
            .collect::<Vec<_>>()
    })
    .collect()
}

#[test]
fn names_stay_text_wherever_they_stand() {
    let known: BTreeSet<String> = pages::all()
        .iter()
        .flat_map(|page| vocabulary(page))
        .collect();
    assert!(known.contains("path") && !known.contains("script") && !known.contains("img"));

    for name in NAMES {
        for page in everything_named(name) {
            let unknown: Vec<_> = vocabulary(&page).difference(&known).cloned().collect();
            assert!(unknown.is_empty(), "{name:?} became {unknown:?}");
            for hidden in ['\u{202e}', '\u{2066}', '\u{2028}', '\0', '\u{1b}', '\r'] {
                assert!(
                    !page.contains(hidden),
                    "{hidden:?} of {name:?} is in a page"
                );
            }
        }
    }
}

#[test]
fn names_of_any_length_leave_pages_small() {
    for page in everything_named(&"W".repeat(10_000)) {
        assert!(page.len() < 60_000, "{} bytes", page.len());
        assert!(!page.contains(&"W".repeat(1_300)), "a name is not cut");
    }
}
