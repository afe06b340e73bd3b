//! Pages stay small enough to be opened from a telephone on a train.

use jiff::SignedDuration;
use report::{Build, Evaluation, Gate, History, Start, page};

use crate::pages::FRAME;
use crate::world;

const KB: usize = 1_000;

#[test]
fn evaluation_stays_below_60_kb_whatever_its_monspec() {
    let registered = world::waiting(1);
    let evidence = world::evidence(&registered, 1.5, 4.0);
    let validation = world::judged(registered, &evidence);
    let long = format!(
        "{{\n{}}}\n",
        "  \"_comment\": \"<&> and more\",\n".repeat(10_000)
    );
    let many = (0..1_000).map(|_| world::fixed("service.failurerate", "avg", 3.0, 2.0));
    let many = world::told(&validation, many.collect());

    // As long as a monspec allows, and against a baseline.
    let mut longest = evidence.clone();
    for number in 0..49 {
        let mut one = evidence.findings[number % 7].clone();
        one.finding.address.service = format!("{number}{}", "s".repeat(990));
        one.finding.address.signature = number;
        for asked in [Some(&mut one.source), one.compare.as_mut()] {
            let Some(asked) = asked else { continue };
            asked.selector = format!("{number}{}", "s".repeat(990));
            asked.query = format!("{}{}", number / 10, "q".repeat(9_000));
        }
        longest.findings.push(one);
    }

    for (spec, evidence) in [
        (long.as_str(), &evidence),
        (world::SPEC, &many),
        (&long, &longest),
    ] {
        let page = page::evaluation(
            &FRAME,
            &Evaluation {
                validation: &validation,
                evidence: Some(evidence),
                spec: Some(spec),
                history: None,
                json: Some("/v.json"),
            },
        );
        assert!(page.len() < 60 * KB, "{} bytes", page.len());
        assert!(
            page.contains("JSON of this page"),
            "what is cut is not told"
        );
    }
}

#[test]
fn history_of_any_size_fits_into_an_answer() {
    let registered = world::waiting(0);
    let finding = |number: u32| world::fixed(&format!("metric.{number}"), "avg", 1.0, 2.0);
    let evidence = world::told(&registered, (0..300).map(finding).collect());
    let build = world::build(world::judged(registered, &evidence), Some(&evidence));
    let builds = vec![build; 100];

    let page = page::history(
        &FRAME,
        &History {
            pipeline: world::PIPELINE,
            comparison: world::COMPARISON,
            span: SignedDuration::from_hours(1),
            builds: &builds,
            older: None,
            newer: None,
            longest: None,
            json: None,
        },
    );

    assert!(page.len() < 2_000 * KB, "{} bytes", page.len());
    assert_eq!(page.matches("<figure").count(), 50);
    assert!(page.contains("250 more signatures would make this page too large."));
}

#[test]
fn history_of_100_builds_stays_below_250_kb() {
    let builds: Vec<Build> = (0..100)
        .map(|number| {
            let registered = world::waiting(number);
            let slower = if number % 9 == 0 { 1.6 } else { 1.0 };
            let evidence = world::evidence(&registered, slower, 0.4);
            let validation = world::answered(world::judged(registered, &evidence));
            world::build(validation, Some(&evidence))
        })
        .collect();
    assert_eq!(builds[0].plot.len(), 7);

    let page = page::history(
        &FRAME,
        &History {
            pipeline: world::PIPELINE,
            comparison: world::COMPARISON,
            span: SignedDuration::from_hours(30 * 24),
            builds: &builds,
            older: None,
            newer: None,
            longest: None,
            json: None,
        },
    );

    assert!(page.len() < 250 * KB, "{} bytes", page.len());
}

#[test]
fn start_page_of_100_gates_stays_below_250_kb() {
    let signed = "e=1767980000&k=a&s=AAAAAAAAAAAAAAAAAAAAAA";
    let gate = |number: u8| Gate {
        pipeline: format!("SampleDevOpsPipelineOfTeam{number}"),
        trend: vec![monspec::Verdict::Passed; 12],
        history: format!("history?pipelineName=Sample&comparisonName=Staging&{signed}"),
        evaluation: format!("v/019a9f3e-0000-7000-8000-000000000000?{signed}"),
        ..world::gates()[2].clone()
    };
    let gates: Vec<Gate> = (0..100).map(gate).collect();

    let page = page::start(
        &FRAME,
        &Start {
            gates: &gates,
            first: None,
            next: Some("?after=Sample"),
            changes: None,
            problems: None,
        },
    );

    assert!(page.len() < 250 * KB, "{} bytes", page.len());
}
