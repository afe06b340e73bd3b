//! The catalogue holds the newest judged build of every comparison.

use monspec::Verdict;
use release::validation::Registration;
use store::GateName;

use crate::world::{World, registration, text};

#[tokio::test]
async fn newer_build_takes_the_place_of_the_older() {
    let world = World::start().await;
    world.judged(&registration(1), Verdict::Failed).await;
    world.judged(&registration(2), Verdict::Passed).await;

    let catalogued = world.item("catalogue", "Shop#").await;
    assert_eq!(text(&catalogued, "version"), "build 2");
    assert_eq!(text(&catalogued, "verdict"), "passed");
}

#[tokio::test]
async fn older_build_judged_later_is_stored_but_not_catalogued() {
    let world = World::start().await;
    let older = registration(1);
    let mut slow = world.claimed(&older).await;
    world.judged(&registration(2), Verdict::Passed).await;

    world.judge(&mut slow, Verdict::Failed).await;

    let catalogued = world.item("catalogue", "Shop#").await;
    assert_eq!(text(&catalogued, "version"), "build 2");
    assert!(world.validation(&older).await.judgement().is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn builds_judged_at_once_leave_the_newest_in_the_catalogue() {
    let world = World::start().await;
    for round in 0..20 {
        let pipeline = format!("Shop{round}");
        let of_pipeline = |second: u16| Registration {
            pipeline: pipeline.clone(),
            deployments: Vec::new(),
            ..registration(round * 10 + second)
        };
        let mut older = world.claimed(&of_pipeline(1)).await;
        let mut newer = world.claimed(&of_pipeline(2)).await;

        tokio::join!(
            world.judge(&mut older, Verdict::Passed),
            world.judge(&mut newer, Verdict::Passed),
        );

        let catalogued = world.item("catalogue", &format!("{pipeline}#")).await;
        assert_eq!(text(&catalogued, "version"), newer.registration.version);
        world.validations.queue().settle(older).await.unwrap();
        world.validations.queue().settle(newer).await.unwrap();
    }
}

#[tokio::test]
async fn pipelines_and_comparisons_have_places_of_their_own() {
    let world = World::start().await;
    let asked = [
        registration(1),
        Registration {
            comparison: "Yesterday".to_owned(),
            ..registration(2)
        },
        Registration {
            pipeline: "Cart".to_owned(),
            ..registration(3)
        },
    ];
    for asked in &asked {
        world.judged(asked, Verdict::Passed).await;
    }

    for (place, version) in [
        ("Shop#StagingToProduction", "build 1"),
        ("Shop#Yesterday", "build 2"),
        ("Cart#StagingToProduction", "build 3"),
    ] {
        let catalogued = world.item("catalogue", place).await;
        assert_eq!(text(&catalogued, "version"), version);
    }
}

#[tokio::test]
async fn pages_of_the_catalogue_hold_every_gate_once_and_touch_their_own_rows() {
    let world = World::start().await;
    for second in 1..=30 {
        let asked = Registration {
            // The separator of keys must not lead a page astray.
            pipeline: format!("Shop#{second:02}"),
            deployments: Vec::new(),
            ..registration(second)
        };
        world.judged(&asked, Verdict::Passed).await;
    }

    let mut seen: Vec<String> = Vec::new();
    loop {
        let before = world.rows_read();
        let after = seen.last().map(|pipeline| GateName {
            pipeline,
            comparison: "StagingToProduction",
        });
        let page = world.validations.catalogue(after, 12).await.unwrap();
        let touched = world.rows_read() - before;
        assert!((1..=13).contains(&touched), "{touched} rows for 12 gates");
        seen.extend(page.gates.into_iter().map(|gate| gate.pipeline));
        if !page.more {
            break;
        }
    }

    let all: Vec<String> = (1..=30).map(|gate| format!("Shop#{gate:02}")).collect();
    assert_eq!(seen, all);
}

#[tokio::test]
async fn catalogue_goes_on_behind_a_gate_that_is_gone() {
    let world = World::start().await;
    for (second, pipeline) in [(1, "A"), (2, "C")] {
        let asked = Registration {
            pipeline: pipeline.to_owned(),
            ..registration(second)
        };
        world.judged(&asked, Verdict::Passed).await;
    }
    let gone = GateName {
        pipeline: "B",
        comparison: "StagingToProduction",
    };

    let behind = world.validations.catalogue(Some(gone), 10).await.unwrap();

    let pipelines: Vec<&str> = behind.gates.iter().map(|gate| &*gate.pipeline).collect();
    assert_eq!(pipelines, ["C"]);
    assert!(!behind.more);
}
