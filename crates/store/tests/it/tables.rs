//! The shape of the tables and of what lies in them.

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::{AttributeValue, KeySchemaElement, KeyType, ProjectionType};
use monspec::Verdict;
use release::validation::life::{Next, Seen, next};
use release::validation::{Ending, Registration, State};
use release::work::Outcome;
use store::tables::Table;
use store::{ClaimError, StoreError, Why};

use crate::world::{LEDGER, TABLES, VALIDATIONS, World, at, place, registration, spec};

#[tokio::test]
async fn created_tables_have_the_declared_shape() {
    let world = World::start().await;
    for (declared, name) in TABLES {
        assert_eq!(
            described(&world, declared.name, name).await,
            shape(declared)
        );
    }
}

#[tokio::test]
async fn every_item_of_a_validation_ends_its_life_with_it() {
    let world = World::start().await;
    let asked = registration(1);
    world
        .validations
        .register(&world.ledger, &asked, &spec(), Some("job-1"))
        .await
        .unwrap();
    let mut worker = world.claim(asked.due_at, asked.due_at, "worker").await;
    world.judge(&mut worker, Verdict::Passed).await;
    world.validations.queue().settle(worker).await.unwrap();

    let items = world.items(VALIDATIONS).await;
    assert_eq!(items.len(), 7);
    for item in items {
        assert_eq!(
            item.get("expiresAt"),
            Some(&AttributeValue::N(asked.expires_at.as_second().to_string())),
            "{:?}",
            place(&item)
        );
    }
    for item in world.items(LEDGER).await {
        assert_eq!(item.get("expiresAt"), None);
    }
}

#[tokio::test]
async fn unreadable_attribute_is_named() {
    let text = |text: &str| AttributeValue::S(text.to_owned());
    for (attribute, value) in [
        ("phase", text("paused")),
        ("phase", AttributeValue::Bool(true)),
        ("registration", text("{}")),
        ("judgement", text("not json")),
        ("intent", AttributeValue::N("1".to_owned())),
        ("ending", text(r#"{"kind":"Forgotten"}"#)),
        ("override", text("[]")),
        ("hook", text("owed twice")),
        ("faults", AttributeValue::N("-1".to_owned())),
        ("waits", text("1")),
    ] {
        let world = World::start().await;
        let asked = registration(1);
        world.register(&asked).await;
        let due = world.due(asked.due_at).await.remove(0);
        let item = world.item("p#Shop", "v#").await;
        world.spoil(&item, attribute, value).await;

        let read = world.validations.validation(asked.id).await;
        assert_eq!(corrupt(read), attribute);
        let claimed = world
            .validations
            .queue()
            .claim(&due, "worker", asked.due_at, at(9_000))
            .await;
        let Err(ClaimError::Stuck(unreadable)) = claimed else {
            panic!("a validation with an unreadable {attribute} is not worked on");
        };
        let Why::Unreadable(cause) = unreadable.why else {
            panic!("it is not what it was read as: {unreadable}");
        };
        assert_eq!(corrupt::<()>(Err(cause)), attribute);
    }
}

#[tokio::test]
async fn phase_without_what_belongs_to_it_is_no_validation() {
    for (phase, lacks) in [("judged", "judgement"), ("settled", "ending")] {
        let world = World::start().await;
        let asked = registration(1);
        world.register(&asked).await;
        let item = world.item("p#Shop", "v#").await;
        let phase = AttributeValue::S(phase.to_owned());
        world.spoil(&item, "phase", phase).await;

        let read = world.validations.validation(asked.id).await;

        assert_eq!(corrupt(read), lacks);
    }
}

/// Earlier versions stored first that it gave up, and settled it then.
#[tokio::test]
async fn what_gave_up_before_it_was_judged_is_never_judged() {
    let world = World::start().await;
    let asked = registration(1);
    world.register(&asked).await;
    let item = world.item("p#Shop", "v#").await;
    let gave_up = r#"{"kind":"gaveUp","waiting_for":"the tenant"}"#.to_owned();
    world
        .spoil(&item, "ending", AttributeValue::S(gave_up))
        .await;

    let mut worker = world.claim(asked.due_at, asked.due_at, "worker").await;

    let waiting_for = "the tenant".to_owned();
    assert_eq!(
        worker.state,
        State::Unjudged(Ending::GaveUp { waiting_for })
    );
    let left = next(&mut worker, &Seen::default());
    assert_eq!(left, Next::End(Outcome::Done));
}

#[tokio::test]
async fn damaged_body_is_named_and_never_half_read() {
    let world = World::start().await;
    let asked = registration(1);
    world.judged(&asked, Verdict::Passed).await;
    let spec_item = world.item("spec#", "spec").await;
    let evidence_item = world.item("p#Shop", "e#").await;
    let whole = spec_item["body"].as_b().unwrap().as_ref().to_vec();
    let half = Blob::new(&whole[..whole.len() / 2]);

    for damaged in [
        AttributeValue::B(half),
        AttributeValue::B(Blob::new("not compressed")),
        AttributeValue::S("text".to_owned()),
    ] {
        world.spoil(&spec_item, "body", damaged.clone()).await;
        world.spoil(&evidence_item, "body", damaged).await;

        assert_eq!(corrupt(world.validations.spec(spec().hash()).await), "body");
        assert_eq!(corrupt(world.validations.evidence(asked.id).await), "body");
    }
}

#[tokio::test]
async fn unreadable_validation_does_not_hide_its_neighbours() {
    let world = World::start().await;
    for second in 1..=8 {
        world.register(&registration(second)).await;
    }
    let sort = format!("v#StagingToProduction#{}", registration(3).id);
    let item = world.item("p#Shop", &sort).await;
    world
        .spoil(&item, "registration", AttributeValue::S("{".to_owned()))
        .await;

    let now = at(9_000);
    let mut claimed = 0;
    for due in world.due(now).await {
        claimed += usize::from(
            world
                .validations
                .queue()
                .claim(&due, "worker", now, at(9_060))
                .await
                .is_ok(),
        );
    }

    assert_eq!(claimed, 7);
}

#[tokio::test]
async fn names_that_look_alike_stay_apart() {
    let world = World::start().await;
    let names = [
        "A".to_owned(),
        "A#x".to_owned(),
        "A%23x".to_owned(),
        "A%2523x".to_owned(),
        "a".to_owned(),
        "🚦 vor Ort".to_owned(),
        "#".repeat(200),
        "%".repeat(200),
        "🚦".repeat(200),
    ];
    let asked: Vec<Registration> = names
        .iter()
        .zip(1..)
        .map(|(name, second)| Registration {
            comparison: name.clone(),
            registrant: release::validation::Registrant::Direct,
            ..registration(second)
        })
        .collect();

    for asked in &asked {
        world.judged(asked, Verdict::Passed).await;
    }

    for asked in &asked {
        assert_eq!(world.validation(asked).await.registration, *asked);
    }
    let items = world.items(VALIDATIONS).await;
    let beginning = |start: &str| {
        items
            .iter()
            .filter(|item| {
                let (partition, sort) = place(item);
                format!("{partition} {sort}").starts_with(start)
            })
            .count()
    };
    assert_eq!(beginning("x#Shop#execution-1 slot#direct#"), names.len());
    assert_eq!(beginning("catalogue Shop#"), names.len());
    assert_eq!(beginning("p#Shop v#A#"), 1, "the history of A is A's alone");
}

/// What of a table is declared, one fact per line.
fn shape(declared: Table) -> Vec<String> {
    let mut lines = vec![
        declared.name.to_owned(),
        format!("keys {} {}", declared.partition_key, declared.sort_key),
    ];
    let mut attributes = vec![
        format!("{} S", declared.partition_key),
        format!("{} S", declared.sort_key),
    ];
    if let Some(index) = declared.index {
        attributes.push(format!("{} S", index.partition_key));
        attributes.push(format!("{} N", index.sort_key));
        lines.push(format!(
            "index {} on {} {}, KEYS_ONLY",
            index.name, index.partition_key, index.sort_key
        ));
    }
    attributes.sort();
    lines.push(format!("attributes {}", attributes.join(", ")));
    lines.push(format!("time to live {:?}", declared.time_to_live));
    lines
}

/// The same facts of the table as it is.
async fn described(world: &World, called: &str, name: &str) -> Vec<String> {
    let table = world
        .raw
        .describe_table()
        .table_name(name)
        .send()
        .await
        .unwrap()
        .table
        .unwrap();
    let mut lines = vec![
        called.to_owned(),
        format!("keys {}", keys(table.key_schema())),
    ];
    for index in table.global_secondary_indexes() {
        let projection = index.projection().and_then(|it| it.projection_type());
        lines.push(format!(
            "index {} on {}, {}",
            index.index_name().unwrap(),
            keys(index.key_schema()),
            projection.map_or("?", ProjectionType::as_str),
        ));
    }
    let mut attributes: Vec<String> = table
        .attribute_definitions()
        .iter()
        .map(|attribute| {
            format!(
                "{} {}",
                attribute.attribute_name(),
                attribute.attribute_type().as_str()
            )
        })
        .collect();
    attributes.sort();
    lines.push(format!("attributes {}", attributes.join(", ")));
    let life = world
        .raw
        .describe_time_to_live()
        .table_name(name)
        .send()
        .await
        .unwrap();
    let life = life.time_to_live_description();
    lines.push(format!(
        "time to live {:?}",
        life.and_then(|life| life.attribute_name())
    ));
    lines
}

fn keys(schema: &[KeySchemaElement]) -> String {
    let of = |kind: KeyType| {
        schema
            .iter()
            .find(|key| *key.key_type() == kind)
            .map_or("?", KeySchemaElement::attribute_name)
    };
    format!("{} {}", of(KeyType::Hash), of(KeyType::Range))
}

/// The attribute that could not be read.
fn corrupt<T: std::fmt::Debug>(outcome: Result<T, StoreError>) -> &'static str {
    match outcome {
        Err(StoreError::Corrupt { attribute, .. }) => attribute,
        other => panic!("expected an unreadable attribute, got {other:?}"),
    }
}
