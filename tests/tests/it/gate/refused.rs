//! Verdicts that cannot be stored, records that cannot be read, and work that
//! panics: each is told, and none hurts its neighbours.

use std::sync::Mutex;
use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::SignedDuration;
use monspec::Verdict;
use release::outlook::Outlook;
use release::validation::wish::Wish;
use release::validation::{Ending, PersonsDecision, Phase, ValidationId};
use serde_json::json;
use store::Fulfilled;
use workflows::register_validation::{Outcome, Request, register_validation};
use workflows::validate_builds::{Observed, Ticked};
use workflows::work::{self, Progress};

use crate::world::{PRODUCTION, STAGING, World, monspec, only};

const TIME: Duration = Duration::from_secs(30);

#[tokio::test]
async fn verdict_is_told_once_and_only_when_it_is_stored() {
    let mut world = world().await;
    let id = asked(&world, "Shop").await;
    spoil_catalogue(&world, "Shop").await;
    world.advance(SignedDuration::from_mins(8));

    let (refused, told) = tick(&world).await;
    assert!(
        matches!(
            refused.looks.as_slice(),
            [look] if matches!(look.progress, Progress::Faulted { .. })
        ),
        "{refused:?}"
    );
    assert_eq!(told, [], "nobody hears of a verdict that is not stored");
    mend_catalogue(&world, "Shop").await;
    world.advance(SignedDuration::from_mins(1));
    let (_, told) = tick(&world).await;

    assert_eq!(told, [(id, Verdict::Passed)]);
    world.advance(SignedDuration::from_mins(10));
    let (_, told) = tick(&world).await;
    assert_eq!(told, []);
}

#[tokio::test]
async fn work_that_panics_leaves_its_neighbours_alone_and_is_taken_up_again() {
    let mut world = world().await;
    let doomed = asked(&world, "Doomed").await;
    let neighbours = [asked(&world, "A").await, asked(&world, "B").await];
    world.advance(SignedDuration::from_mins(8));

    let panic = |observed: Observed<'_>| {
        if let Observed::Judged(registration, _) = observed {
            assert_ne!(registration.id, doomed, "this one panics");
        }
    };
    let ticked = world.tick_observed(TIME, &panic).await.unwrap();

    assert_eq!(ticked.looks.len(), neighbours.len());
    for id in neighbours {
        assert_eq!(world.validation(id).await.phase(), Phase::Settled);
    }
    assert_eq!(world.validation(doomed).await.phase(), Phase::Judged);
    world.advance(SignedDuration::from_mins(2));
    let (_, told) = tick(&world).await;
    assert_eq!(
        told,
        [(doomed, Verdict::Passed)],
        "a verdict that was perhaps not told is told again"
    );
    assert_eq!(world.validation(doomed).await.phase(), Phase::Settled);
}

#[tokio::test]
async fn verdict_that_is_never_stored_ends_in_a_visible_state() {
    let mut world = world().await;
    let refused = asked(&world, "Shop").await;
    spoil_catalogue(&world, "Shop").await;
    world.advance(SignedDuration::from_hours(25));
    let neighbour = asked(&world, "Other").await;
    good_traffic(&world);

    world.tick().await;

    let validation = world.validation(refused).await;
    assert_eq!(validation.phase(), Phase::Settled);
    assert_eq!(validation.judgement(), None);
    let Some(Ending::GaveUp { waiting_for }) = validation.ending() else {
        panic!("{:?}", validation.ending());
    };
    assert!(waiting_for.contains("cannot be read"), "{waiting_for}");
    world.pass_window().await;
    assert_eq!(world.validation(neighbour).await.phase(), Phase::Settled);
}

#[tokio::test]
async fn record_that_cannot_be_read_is_told_and_hurts_no_neighbour() {
    let mut world = world().await;
    asked(&world, "Damaged").await;
    let found = record(&world, "Damaged").await;
    put(&world, found, "phase", "dreaming").await;
    let neighbour = asked(&world, "Shop").await;
    world.advance(SignedDuration::from_mins(8));

    let unread = Mutex::new(Vec::new());
    let observe = |observed: Observed<'_>| {
        if let Observed::Work(work::Observed::Stuck(unreadable)) = observed {
            unread.lock().unwrap().push(unreadable.place.clone());
        }
    };
    let ticked = world.tick_observed(TIME, &observe).await.unwrap();

    assert_eq!(only(&ticked), neighbour);
    let unread = unread.into_inner().unwrap();
    assert!(
        matches!(unread.as_slice(), [place] if place.starts_with("p#Damaged v#")),
        "{unread:?}"
    );
}

#[tokio::test]
async fn record_that_makes_its_worker_panic_is_told_and_rests_after_a_while() {
    let mut world = world().await;
    let doomed = asked(&world, "Doomed").await;
    let neighbour = asked(&world, "Shop").await;
    world.advance(SignedDuration::from_mins(8));
    let told = Mutex::new(Vec::new());
    let observe = |observed: Observed<'_>| match observed {
        Observed::Judged(registration, _) => {
            assert!(registration.id != doomed, "a defect meets this one alone");
        }
        Observed::Work(work::Observed::Stuck(stuck)) => {
            let place = stuck.place.clone();
            told.lock()
                .unwrap()
                .push((place, stuck.metric(), stuck.looks));
        }
        Observed::Work(work::Observed::Looked(_) | work::Observed::Left(_)) => {}
    };

    let first = world.tick_observed(TIME, &observe).await.unwrap();
    for _ in 0..60 {
        world.advance(SignedDuration::from_mins(6));
        world.tick_observed(TIME, &observe).await.unwrap();
    }

    assert_eq!(only(&first), neighbour);
    let told = told.into_inner().unwrap();
    assert_eq!(told.len(), 50, "then it is left for a person");
    for ((place, metric, looks), look) in told.iter().zip(1..) {
        assert!(place.starts_with("p#Doomed v#"), "{place}");
        assert_eq!((*metric, *looks), ("Panicked", look));
    }
    let listed = world
        .validations
        .unsettled(None, 10, world.now)
        .await
        .unwrap()
        .validations;
    let [stuck] = listed.as_slice() else {
        panic!("it is listed: {listed:?}");
    };
    assert_eq!(stuck.validation.registration.id, doomed);
    assert_eq!(Outlook::of(&stuck.validation), Outlook::Stuck);
    assert_eq!(stuck.next_look, None);

    let word = PersonsDecision {
        who: "ada".to_owned(),
        why: "the defect is mended".to_owned(),
        at: world.now,
    };
    let taken_up = world
        .validations
        .wish(&world.ledger, doomed, Wish::Rejudge, &word)
        .await;
    assert!(matches!(taken_up, Ok(Fulfilled::Now(_))), "{taken_up:?}");
    let (_, told) = tick(&world).await;
    assert_eq!(told, [(doomed, Verdict::Passed)], "as it was judged");
    let settled = world.validation(doomed).await;
    assert_eq!(
        (settled.phase(), settled.stuck_since),
        (Phase::Settled, None)
    );
    let listed = world
        .validations
        .unsettled(None, 10, world.now)
        .await
        .unwrap()
        .validations;
    assert!(listed.is_empty(), "{listed:?}");
}

async fn world() -> World {
    let world = World::start(dynatrace::Api::V2).await;
    good_traffic(&world);
    world
}

fn good_traffic(world: &World) {
    world.traffic(STAGING, 100.0, 0.0);
    world.traffic(PRODUCTION, 100.0, 0.0);
}

/// Registers without a pipeline.
async fn asked(world: &World, pipeline: &str) -> ValidationId {
    let event =
        json!({"pipeline": pipeline, "comparison": "StagingToProduction", "monspec": monspec()});
    let event = event.to_string();
    let services = world.registering();
    let outcome = register_validation(&services, Request::Direct(&event), world.now).await;
    let Outcome::Waiting { id, .. } = outcome.unwrap() else {
        panic!("it waits");
    };
    id
}

/// Ticks and says which verdicts were told.
async fn tick(world: &World) -> (Ticked, Vec<(ValidationId, Verdict)>) {
    let told = Mutex::new(Vec::new());
    let observe = |observed: Observed<'_>| {
        if let Observed::Judged(registration, judgement) = observed {
            told.lock()
                .unwrap()
                .push((registration.id, judgement.verdict));
        }
    };
    let ticked = world.tick_observed(TIME, &observe).await.unwrap();
    (ticked, told.into_inner().unwrap())
}

type Item = std::collections::HashMap<String, AttributeValue>;

fn catalogued(pipeline: &str) -> Item {
    let place = [
        ("pk", "catalogue".to_owned()),
        ("sk", format!("{pipeline}#StagingToProduction")),
    ];
    place
        .map(|(name, value)| (name.to_owned(), AttributeValue::S(value)))
        .into()
}

/// Makes the store refuse every verdict of this pipeline.
pub(crate) async fn spoil_catalogue(world: &World, pipeline: &str) {
    put(world, catalogued(pipeline), "id", "no id at all").await;
}

async fn mend_catalogue(world: &World, pipeline: &str) {
    let delete = world.tables().delete_item().table_name("validations");
    delete
        .set_key(Some(catalogued(pipeline)))
        .send()
        .await
        .unwrap();
}

async fn record(world: &World, pipeline: &str) -> Item {
    let found = world
        .tables()
        .query()
        .table_name("validations")
        .key_condition_expression("pk = :pipeline AND begins_with(sk, :validation)")
        .expression_attribute_values(":pipeline", AttributeValue::S(format!("p#{pipeline}")))
        .expression_attribute_values(":validation", AttributeValue::S("v#".to_owned()))
        .send()
        .await
        .unwrap();
    found.items()[0].clone()
}

async fn put(world: &World, mut item: Item, attribute: &str, value: &str) {
    item.insert(attribute.to_owned(), AttributeValue::S(value.to_owned()));
    let put = world.tables().put_item().table_name("validations");
    put.set_item(Some(item)).send().await.unwrap();
}
