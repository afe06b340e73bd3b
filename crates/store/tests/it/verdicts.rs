//! A verdict is stored with everything that has to be known with it.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use flate2::read::GzDecoder;
use monspec::{Outcome, Verdict};
use release::approval::Answer;
use release::deployment::Standing;
use release::evidence::{About, Context, Evidence, Evidenced, Link, MOST_ENTITIES};
use release::plot::Plotted;
use release::validation::{Intent, Phase, Registration};
use store::{Judged, Spec, StoreError};

use crate::world::{World, approval, deployment, evidence, finding, judgement, registration, text};

#[tokio::test]
async fn verdict_is_stored_with_evidence_answer_catalogue_and_lesson() {
    let world = World::start().await;
    let asked = registration(1);

    let worker = world.judged(&asked, Verdict::Failed).await;

    let stored = world.validation(&asked).await;
    assert_eq!(stored, *worker);
    assert_eq!(stored.phase(), Phase::Judged);
    assert_eq!(stored.judgement(), Some(&judgement(Verdict::Failed)));
    assert_eq!(
        world.validations.evidence(asked.id).await.unwrap(),
        Some(evidence(Verdict::Failed))
    );
    assert_eq!(
        world.validations.answers(&asked).await.unwrap(),
        [Some(Answer::Reject)]
    );
    let catalogued = world.item("catalogue", "Shop#").await;
    assert_eq!(text(&catalogued, "verdict"), "failed");
    assert_eq!(world.known().await[0].standing, Standing::Bad);
}

#[tokio::test]
async fn intent_is_stored_with_its_verdict_or_neither_is() {
    let intent = Intent {
        action_execution: "run-1".to_owned(),
        answer: Answer::Approve,
        at: judgement(Verdict::Passed).at,
    };
    for neighbour_judges_meanwhile in [false, true] {
        let world = World::start().await;
        let (asked, other) = (registration(1), registration(2));
        let mut worker = world.claimed(&asked).await;
        let beside = world
            .validations
            .beside_verdict(&world.ledger, &asked)
            .await
            .unwrap();
        if neighbour_judges_meanwhile {
            world.judged(&other, Verdict::Passed).await;
        }

        world
            .validations
            .judged_with(
                &world.ledger,
                &mut worker,
                Judged {
                    judgement: judgement(Verdict::Passed),
                    evidence: &evidence(Verdict::Passed),
                    plot: &[],
                    intent: Some(intent.clone()),
                    beside: Some(beside),
                },
            )
            .await
            .unwrap();

        let stored = world.validation(&asked).await;
        assert_eq!(stored, *worker);
        assert_eq!(stored.intent(), Some(&intent));
        assert_eq!(world.known().await[0].standing, Standing::Good);
    }

    let world = World::start().await;
    let asked = registration(1);
    let mut worker = world.claimed(&asked).await;
    let beside = world
        .validations
        .beside_verdict(&world.ledger, &asked)
        .await
        .unwrap();
    let successor = Registration {
        id: registration(2).id,
        ..asked.clone()
    };
    world.register(&successor).await;

    let lost = world
        .validations
        .judged_with(
            &world.ledger,
            &mut worker,
            Judged {
                judgement: judgement(Verdict::Passed),
                evidence: &evidence(Verdict::Passed),
                plot: &[],
                intent: Some(intent),
                beside: Some(beside),
            },
        )
        .await;

    assert!(matches!(lost, Err(StoreError::Lost)), "{lost:?}");
    assert_eq!(world.validation(&asked).await.intent(), None);
}

#[tokio::test]
async fn monspec_that_was_read_is_not_read_again() {
    let world = World::start().await;
    let asked = registration(1);
    world.register(&asked).await;
    let read = world.validations.spec(&asked.spec).await.unwrap();
    assert!(read.is_some());
    let stored = world.item(&format!("spec#{}", asked.spec), "spec").await;
    let gone = AttributeValue::S("gone".to_owned());
    world.spoil(&stored, "body", gone).await;

    assert_eq!(world.validations.spec(&asked.spec).await.unwrap(), read);
}

#[tokio::test]
async fn verdict_clears_the_counts_of_the_looks_before_it() {
    let world = World::start().await;
    let asked = registration(1);
    let mut worker = world.claimed(&asked).await;
    worker.counts.faults = 2;
    worker.counts.waits = 5;

    world.judge(&mut worker, Verdict::Passed).await;

    let stored = world.validation(&asked).await;
    assert_eq!((stored.counts.faults, stored.counts.waits), (0, 0));
    assert_eq!(stored, *worker);
}

#[tokio::test]
async fn unjudged_and_unknown_validations_have_no_evidence() {
    let world = World::start().await;
    let waiting = registration(1);
    world.register(&waiting).await;

    for id in [waiting.id, registration(2).id] {
        assert_eq!(world.validations.evidence(id).await.unwrap(), None);
    }
    assert_eq!(world.validations.spec("no such hash").await.unwrap(), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn verdicts_on_one_deployment_at_once_are_all_stored() {
    let world = World::start().await;
    let judged = registration(1);
    let neighbour = registration(2);
    let third = Registration {
        approval: Some(approval("ApproveProduction")),
        ..registration(3)
    };
    let mut workers = Vec::new();
    for asked in [&judged, &neighbour, &third] {
        workers.push(world.claimed(asked).await);
    }
    let [one, other, last] = workers.as_mut_slice() else {
        panic!("three are claimed");
    };

    tokio::join!(
        world.judge(one, Verdict::Failed),
        world.judge(other, Verdict::Passed),
        world.judge(last, Verdict::Inconclusive),
    );

    for asked in [&judged, &neighbour, &third] {
        assert_eq!(world.validation(asked).await.phase(), Phase::Judged);
        assert!(
            world
                .validations
                .evidence(asked.id)
                .await
                .unwrap()
                .is_some()
        );
    }
    assert_eq!(world.known().await[0].standing, Standing::Bad);
}

#[tokio::test(flavor = "multi_thread")]
async fn many_verdicts_on_one_deployment_at_once_are_all_stored() {
    let world = World::start().await;
    let asked: Vec<Registration> = (1..=30).map(registration).collect();
    let mut workers = Vec::new();
    for asked in &asked {
        workers.push(world.claimed(asked).await);
    }

    let judging = workers
        .iter_mut()
        .map(|worker| world.judge(worker, Verdict::Passed));
    futures_util::future::join_all(judging).await;

    for asked in &asked {
        assert_eq!(world.validation(asked).await.phase(), Phase::Judged);
    }
    assert_eq!(world.known().await[0].standing, Standing::Good);
}

#[tokio::test]
async fn evidence_of_many_findings_stays_far_below_the_limit_of_an_item() {
    let world = World::start().await;
    let asked = registration(1);
    let mut worker = world.claimed(&asked).await;
    let large = Evidence {
        findings: (0..200)
            .map(|index| finding(index, &query(index)))
            .collect(),
        ..evidence(Verdict::Passed)
    };
    world
        .validations
        .judged(
            &world.ledger,
            &mut worker,
            judgement(Verdict::Passed),
            &large,
            &[],
        )
        .await
        .unwrap();

    let item = world.item("p#Shop", "e#").await;
    let stored = item["body"].as_b().unwrap().as_ref();
    assert!(stored.len() < 100_000, "stored in {} bytes", stored.len());
    let plain = std::io::copy(&mut GzDecoder::new(stored), &mut std::io::sink());
    assert!(500_000 < plain.unwrap(), "it would not fit as it is");
    assert_eq!(
        world.validations.evidence(asked.id).await.unwrap(),
        Some(large)
    );
}

#[tokio::test]
async fn verdict_is_stored_however_much_the_tenant_answered() {
    let world = World::start().await;
    let asked = registration(1);
    let mut worker = world.claimed(&asked).await;
    // Nothing here repeats itself, so nothing of it can be compressed away.
    let noise = |length: usize, seed: usize| -> String {
        let mut state = seed as u64 + 1;
        let next = || {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            char::from_u32(0x4e00 + (state >> 40) as u32 % 20_000).unwrap()
        };
        std::iter::repeat_with(next).take(length).collect()
    };
    let mut findings: Vec<_> = (0..500)
        .map(|index| {
            let mut found = finding(index, &noise(6_000, index));
            found.source.warnings = vec![noise(500, index); 20];
            found.source.selector = noise(1_000, index);
            found.finding.metric = noise(1_000, index);
            found.finding.reason = noise(2_000, index);
            found.compare = Some(found.source.clone());
            found
        })
        .collect();
    findings[400].finding.outcome = Outcome::Violated;
    let ids = (0..9_000).map(|number| noise(20, number));
    let link = |number| Link {
        about: About::Problem,
        name: noise(2_000, number),
        address: None,
    };
    let vast = Evidence {
        reason: Some(format!("not measured: {}", noise(400_000, 1))),
        note: Some(format!("one group is meant: {}", noise(400_000, 2))),
        context: Context {
            links: (0..200).map(link).collect(),
            ..Context::default()
        },
        findings,
        entities: [(
            "Shop".to_owned(),
            [("Staging".to_owned(), ids.collect())].into(),
        )]
        .into(),
        ..evidence(Verdict::Failed)
    };

    world
        .validations
        .judged(
            &world.ledger,
            &mut worker,
            judgement(Verdict::Failed),
            &vast,
            &[],
        )
        .await
        .unwrap();

    let stored = world.validations.evidence(asked.id).await.unwrap().unwrap();
    assert_eq!(stored.verdict, Verdict::Failed);
    assert_eq!(stored.context.entity_counts["Shop"]["Staging"], 9_000);
    let violated = |found: &Evidenced| found.finding.outcome == Outcome::Violated;
    assert!(stored.findings.iter().any(violated));
    let kept = stored.findings.len();
    let note = stored.note.unwrap();
    assert!(note.starts_with("one group is meant: "), "{note}");
    assert!(
        note.contains(&format!("{kept} of 500 signatures")),
        "{note}"
    );
    let reason = stored.reason.unwrap();
    assert!(reason.starts_with("not measured: "), "{reason}");
}

#[tokio::test]
async fn entities_are_counted_and_the_first_are_named() {
    let world = World::start().await;
    let asked = registration(1);
    let mut worker = world.claimed(&asked).await;
    let ids: Vec<String> = (0..60)
        .map(|number| format!("SERVICE-{number:016X}"))
        .collect();
    let many = Evidence {
        entities: [(
            "Shop".to_owned(),
            [("Staging".to_owned(), ids.clone())].into(),
        )]
        .into(),
        ..evidence(Verdict::Passed)
    };

    world
        .validations
        .judged(
            &world.ledger,
            &mut worker,
            judgement(Verdict::Passed),
            &many,
            &[],
        )
        .await
        .unwrap();

    let stored = world.validations.evidence(asked.id).await.unwrap().unwrap();
    assert_eq!(stored.entities["Shop"]["Staging"], ids[..MOST_ENTITIES]);
    assert_eq!(stored.context.entity_counts["Shop"]["Staging"], 60);
    assert_eq!(stored.note, None, "nothing else is left out");
}

#[tokio::test]
async fn monspec_comes_back_as_its_author_wrote_it() {
    let world = World::start().await;
    let asked = registration(1);
    let written = Spec::new(format!(
        "{{ /* überall 🚦 */ \"a\": {:?} }}\n",
        "x ".repeat(50_000)
    ));

    world
        .validations
        .register(&world.ledger, &asked, &written, None)
        .await
        .unwrap();

    let stored = world.validations.spec(written.hash()).await.unwrap();
    assert_eq!(stored.as_deref(), Some(written.text()));
    let item = world.item("spec#", "spec").await;
    assert!(item["body"].as_b().unwrap().as_ref().len() < 5_000);
}

#[tokio::test]
async fn plotted_numbers_are_plain_and_what_is_no_number_is_left_out() {
    let world = World::start().await;
    let mut worker = world.claimed(&registration(1)).await;
    let points = [
        [Some(204.5), Some(-0.1), Some(220.0), None],
        [
            Some(f64::NAN),
            Some(f64::INFINITY),
            Some(f64::NEG_INFINITY),
            Some(-0.0),
        ],
        [
            Some(f64::MAX),
            Some(f64::MIN_POSITIVE),
            Some(1.5e29),
            Some(-2.5e-30),
        ],
    ];

    let verdict = judgement(Verdict::Passed);
    world
        .validations
        .judged(
            &world.ledger,
            &mut worker,
            verdict,
            &evidence(Verdict::Passed),
            &points.map(plotted),
        )
        .await
        .unwrap();

    let item = world.item("p#Shop", "v#").await;
    let plot: Vec<Vec<Option<f64>>> = item["plot"]
        .as_l()
        .unwrap()
        .iter()
        .map(|point| numbers(point.as_m().unwrap()))
        .collect();
    assert_eq!(
        plot,
        [
            [Some(204.5), Some(-0.1), Some(220.0), None],
            [None, None, None, Some(0.0)],
            [None, None, Some(1.5e29), Some(-2.5e-30)],
        ]
    );
    let first = item["plot"].as_l().unwrap()[0].as_m().unwrap();
    assert_eq!(text(first, "name"), "response time");
    assert_eq!(text(first, "outcome"), "held");
}

#[tokio::test]
async fn build_without_deployments_teaches_nothing() {
    let world = World::start().await;
    world
        .ledger
        .record_deployment(&deployment("d-1", 0))
        .await
        .unwrap();
    let asked = Registration {
        deployments: Vec::new(),
        ..registration(1)
    };

    world.judged(&asked, Verdict::Failed).await;

    assert_eq!(world.known().await[0].standing, Standing::Unknown);
}

fn plotted([observation, baseline, upper_limit, lower_limit]: [Option<f64>; 4]) -> Plotted {
    Plotted {
        name: "response time".to_owned(),
        outcome: Outcome::Held,
        observation,
        baseline,
        upper_limit,
        lower_limit,
    }
}

fn numbers(point: &HashMap<String, AttributeValue>) -> Vec<Option<f64>> {
    ["observation", "baseline", "upperLimit", "lowerLimit"]
        .map(|name| {
            let number = point.get(name)?.as_n().expect("a number is stored as one");
            Some(number.parse().unwrap())
        })
        .into()
}

/// A query that names many entities, no two of them alike.
fn query(index: usize) -> String {
    let entities: Vec<String> = (0..40)
        .map(|entity| {
            let id = Spec::new(format!("{} {entity}", index / 10));
            let id = &id.hash()[..16];
            format!("entityId(\"SERVICE-{id}\")")
        })
        .collect();
    format!(
        "metricSelector=builtin:service.response.time:percentile(90):splitBy()&resolution=Inf&entitySelector={}",
        entities.join(",")
    )
}
