//! A history shows the builds of its span, page by page, and reads no more.

use aws_sdk_dynamodb::types::AttributeValue;
use monspec::{Outcome, Verdict};
use release::plot::Plotted;
use release::validation::{Ending, Registration, ValidationId};
use store::{History, Part, ReadLimit, Span};

use crate::world::{World, at, evidence, judgement, registration, spec, text};

const WIDE: ReadLimit = ReadLimit {
    builds: 1_000,
    points: 1_000,
};

fn span(since: i64) -> Span<'static> {
    Span {
        pipeline: "Shop",
        comparison: "StagingToProduction",
        since: at(since),
    }
}

fn limit(builds: usize) -> ReadLimit {
    ReadLimit { builds, ..WIDE }
}

fn versions(history: &History) -> Vec<&str> {
    let registrations = history
        .builds
        .iter()
        .map(|build| &build.validation.registration);
    registrations.map(|one| one.version.as_str()).collect()
}

fn id(second: u16) -> ValidationId {
    registration(second).id
}

async fn with_builds(count: u16) -> World {
    let world = World::start().await;
    for second in 1..=count {
        world.register(&registration(second)).await;
    }
    world
}

#[tokio::test]
async fn builds_of_the_span_stand_in_the_order_of_registration() {
    let world = with_builds(5).await;
    let elsewhere = [
        Registration {
            pipeline: "Shop2".to_owned(),
            ..registration(6)
        },
        Registration {
            comparison: "StagingToProductionYesterday".to_owned(),
            ..registration(7)
        },
    ];
    for elsewhere in &elsewhere {
        world.register(elsewhere).await;
    }

    let all = world.validations.history(span(0), Part::Newest, WIDE).await;
    let late = world.validations.history(span(3), Part::Newest, WIDE).await;
    let none = world.validations.history(span(9), Part::Newest, WIDE).await;

    let all = all.unwrap();
    assert_eq!(
        versions(&all),
        ["build 1", "build 2", "build 3", "build 4", "build 5"]
    );
    assert!(!all.older && !all.newer);
    assert_eq!(versions(&late.unwrap()), ["build 3", "build 4", "build 5"]);
    assert!(none.unwrap().builds.is_empty());
}

#[tokio::test]
async fn pages_follow_each_other_without_a_gap() {
    let world = with_builds(5).await;
    let read = async |part, builds| {
        let history = world
            .validations
            .history(span(0), part, limit(builds))
            .await;
        history.unwrap()
    };

    let newest = read(Part::Newest, 2).await;
    assert_eq!(versions(&newest), ["build 4", "build 5"]);
    assert_eq!((newest.older, newest.newer), (true, false));
    let middle = read(Part::Before(id(4)), 2).await;
    assert_eq!(versions(&middle), ["build 2", "build 3"]);
    assert_eq!((middle.older, middle.newer), (true, true));
    let oldest = read(Part::Before(id(2)), 2).await;
    assert_eq!(versions(&oldest), ["build 1"]);
    assert_eq!((oldest.older, oldest.newer), (false, true));
    let back = read(Part::After(id(1)), 2).await;
    assert_eq!(versions(&back), ["build 2", "build 3"]);
    assert_eq!((back.older, back.newer), (true, true));
    let exact = read(Part::Newest, 5).await;
    assert!(!exact.older, "nothing is behind the last build");
    let beyond = world
        .validations
        .history(span(4), Part::Before(id(2)), WIDE)
        .await;
    assert!(beyond.unwrap().builds.is_empty());
}

#[tokio::test]
async fn numbers_come_back_as_they_were_judged() {
    let world = World::start().await;
    let asked = registration(1);
    let plot = [
        Plotted {
            name: "Cart - service.responsetime(AVG,UPPER)".to_owned(),
            outcome: Outcome::Violated,
            observation: Some(204.512_345_678_9),
            baseline: Some(-0.25),
            upper_limit: Some(1.5e9),
            lower_limit: None,
        },
        Plotted {
            name: "Cart - service.failurerate(AVG,UPPER)".to_owned(),
            outcome: Outcome::Inconclusive,
            observation: None,
            baseline: None,
            upper_limit: None,
            lower_limit: None,
        },
    ];
    let mut claimed = world.claimed(&asked).await;
    let verdict = Verdict::Failed;
    let (judgement, evidence) = (judgement(verdict), evidence(verdict));
    let judged = world
        .validations
        .judged(&world.ledger, &mut claimed, judgement, &evidence, &plot);
    judged.await.unwrap();

    let history = world.validations.history(span(0), Part::Newest, WIDE).await;

    let history = history.unwrap();
    assert_eq!(history.builds[0].plot, plot);
    assert_eq!(
        history.builds[0].validation,
        world.validation(&asked).await,
        "the whole validation is read, and nothing of it is left out"
    );
}

#[tokio::test]
async fn limit_of_points_is_kept_but_one_build_is_always_read() {
    let world = World::start().await;
    let point = Plotted {
        name: "a".to_owned(),
        outcome: Outcome::Held,
        observation: Some(1.0),
        baseline: None,
        upper_limit: None,
        lower_limit: None,
    };
    for second in 1..=3 {
        let mut claimed = world.claimed(&registration(second)).await;
        let plot = vec![point.clone(); 10];
        let (judgement, evidence) = (judgement(Verdict::Passed), evidence(Verdict::Passed));
        let judged =
            world
                .validations
                .judged(&world.ledger, &mut claimed, judgement, &evidence, &plot);
        judged.await.unwrap();
        world
            .ended(&mut claimed, Ending::NothingToAnswer)
            .await
            .unwrap();
        world.validations.queue().settle(claimed).await.unwrap();
    }

    for (points, builds) in [(5, 1), (10, 1), (11, 2), (30, 3)] {
        let limit = ReadLimit {
            points,
            builds: 100,
        };
        let history = world
            .validations
            .history(span(0), Part::Newest, limit)
            .await;
        let history = history.unwrap();
        assert_eq!(history.builds.len(), builds, "{points}");
        assert_eq!(history.older, builds < 3, "{points}");
    }
}

#[tokio::test]
async fn page_of_a_long_history_touches_its_own_rows() {
    let world = with_builds(150).await;
    let before = world.rows_read();

    let newest = world
        .validations
        .history(span(0), Part::Newest, limit(20))
        .await;

    assert_eq!(newest.unwrap().builds.len(), 20);
    let touched = world.rows_read() - before;
    assert!(touched <= 100, "{touched} rows for 20 builds");
    let all = world.validations.history(span(0), Part::Newest, WIDE).await;
    assert_eq!(all.unwrap().builds.len(), 150);
}

#[tokio::test]
async fn build_that_cannot_be_read_hides_no_other() {
    let world = with_builds(3).await;
    let place = format!("v#StagingToProduction#{}", id(2));
    let item = world.item("p#Shop", &place).await;
    let broken = AttributeValue::S("{".to_owned());
    world.spoil(&item, "registration", broken).await;

    let history = world.validations.history(span(0), Part::Newest, WIDE).await;

    let history = history.unwrap();
    assert_eq!(versions(&history), ["build 1", "build 3"]);
    assert_eq!(history.unreadable, 1);
}

#[tokio::test]
async fn evaluation_is_read_with_what_led_to_it() {
    let world = World::start().await;
    let asked = registration(1);
    world.register(&asked).await;
    let waiting = world
        .validations
        .evaluated(asked.id)
        .await
        .unwrap()
        .unwrap();
    assert!(waiting.evidence.is_none());
    let mut claimed = world.claim(asked.due_at, asked.due_at, "worker").await;
    world.judge(&mut claimed, Verdict::Failed).await;

    let judged = world
        .validations
        .evaluated(asked.id)
        .await
        .unwrap()
        .unwrap();

    assert_eq!(judged.evidence, Some(evidence(Verdict::Failed)));
    assert_eq!(judged.spec.as_deref(), Some(spec().text()));
    assert!(world.validations.evaluated(id(2)).await.unwrap().is_none());
}

#[tokio::test]
async fn catalogue_keeps_the_latest_verdicts_in_the_order_of_registration() {
    let world = World::start().await;
    let mut slow = world.claimed(&registration(2)).await;
    for second in [1, 3] {
        let claimed = world.judged(&registration(second), Verdict::Passed).await;
        world.validations.queue().settle(claimed).await.unwrap();
    }
    world.judge(&mut slow, Verdict::Failed).await;

    let catalogue = world.validations.catalogue(None, 10).await.unwrap();
    let [gate] = catalogue.gates.as_slice() else {
        panic!("{catalogue:?}");
    };
    assert_eq!(gate.version, "build 3");
    assert_eq!(
        gate.trend,
        [Verdict::Passed, Verdict::Failed, Verdict::Passed]
    );
    for second in 4..=20 {
        let claimed = world.judged(&registration(second), Verdict::Failed).await;
        world.validations.queue().settle(claimed).await.unwrap();
    }
    let gate = world.validations.gate("Shop", "StagingToProduction").await;
    let gate = gate.unwrap().unwrap();
    assert_eq!(gate.trend, [Verdict::Failed; 12]);
    assert_eq!(gate.last, id(20));
}

#[tokio::test]
async fn catalogue_is_cut_where_told_and_shows_what_can_be_read() {
    let world = World::start().await;
    for (second, pipeline) in [(1, "A"), (2, "B"), (3, "C")] {
        let asked = Registration {
            pipeline: pipeline.to_owned(),
            ..registration(second)
        };
        world.judged(&asked, Verdict::Passed).await;
    }
    let item = world.item("catalogue", "A#").await;
    assert_eq!(text(&item, "pipeline"), "A");
    world
        .spoil(&item, "verdict", AttributeValue::S("maybe".to_owned()))
        .await;

    let catalogue = world.validations.catalogue(None, 1).await.unwrap();

    assert_eq!(catalogue.gates[0].pipeline, "B");
    assert_eq!((catalogue.unreadable, catalogue.more), (1, true));
}
