//! Work is found when it is due, and only then.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::{AttributeValue, PutRequest, WriteRequest};
use monspec::Verdict;
use release::validation::{Registration, Validation};
use store::{ClaimError, Due, tables};

use crate::world::{VALIDATIONS, World, at, lease, registration, text};

#[tokio::test]
async fn due_is_what_waits_and_whose_time_has_come() {
    let world = World::start().await;
    for second in [1, 2, 3] {
        world.register(&registration(second)).await;
    }

    let mut times = Vec::new();
    for now in [at(1_000), at(1_001), at(1_002), at(9_000)] {
        times.push(world.due(now).await.len());
    }

    assert_eq!(times, [0, 1, 2, 3]);
}

#[tokio::test]
async fn longest_overdue_comes_first_on_every_page() {
    let world = World::start().await;
    for second in [30, 10, 40, 20, 25, 15, 35, 45, 5, 50, 55, 60] {
        world.register(&registration(second)).await;
    }
    let now = at(9_000);
    let mut found = Vec::new();
    for shard in 0..tables::SHARDS {
        let whole = world
            .validations
            .queue()
            .due(shard, now, 100, None)
            .await
            .unwrap();

        let mut pages: Vec<Due<Validation>> = Vec::new();
        loop {
            let page = world
                .validations
                .queue()
                .due(shard, now, 1, pages.last())
                .await
                .unwrap();
            assert!(page.len() <= 1, "a page holds no more than it may");
            if page.is_empty() {
                break;
            }
            pages.extend(page);
        }

        assert_eq!(pages, whole);
        assert!(whole.is_sorted_by_key(|due| due.at));
        found.extend(whole);
    }
    found.sort_by_key(|due| due.at);
    let expected: Vec<_> = (1..=12).map(|index| at(1_000 + index * 5)).collect();
    assert_eq!(found.iter().map(|due| due.at).collect::<Vec<_>>(), expected);
}

#[tokio::test]
async fn page_goes_on_behind_a_validation_that_was_claimed_meanwhile() {
    let world = World::start().await;
    for second in 1..=12 {
        world.register(&registration(second)).await;
    }
    let now = at(2_000);
    for shard in 0..tables::SHARDS {
        let whole = world
            .validations
            .queue()
            .due(shard, now, 100, None)
            .await
            .unwrap();
        let Some(first) = whole.first() else { continue };
        world
            .validations
            .queue()
            .claim(first, "worker", now, lease(now))
            .await
            .unwrap();

        let rest = world
            .validations
            .queue()
            .due(shard, now, 100, Some(first))
            .await
            .unwrap();

        assert_eq!(rest, whole[1..]);
    }
}

#[tokio::test]
async fn settled_validation_is_never_due_again() {
    let world = World::start().await;
    let worker = world.judged(&registration(1), Verdict::Passed).await;
    world.validations.queue().settle(worker).await.unwrap();

    assert_eq!(world.due(at(1_000_000)).await, []);
}

#[tokio::test]
async fn crashed_workers_validation_is_due_again_at_its_lease() {
    let world = World::start().await;
    let asked = registration(1);
    let now = asked.due_at;
    drop(world.claimed(&asked).await);

    let just_before = at(1_000 + 1 + 59);
    assert_eq!(world.due(just_before).await, []);
    let next = world.claim(lease(now), lease(now), "next").await;

    assert_eq!(next.registration, asked);
}

#[tokio::test]
async fn deferred_validation_is_due_when_it_said_with_what_it_counted() {
    let world = World::start().await;
    let asked = registration(1);
    let mut worker = world.claimed(&asked).await;
    worker.counts.faults = 3;
    worker.counts.waits = 7;

    world
        .validations
        .queue()
        .defer(worker, at(1_500))
        .await
        .unwrap();

    assert_eq!(world.due(at(1_499)).await, []);
    let next = world.claim(at(1_500), at(1_500), "next").await;
    assert_eq!((next.counts.faults, next.counts.waits), (3, 7));
}

#[tokio::test]
async fn what_cannot_be_read_is_looked_at_less_and_less_and_then_never() {
    for (attribute, damage) in [
        ("registration", "{"),
        ("phase", "dreaming"),
        ("unreadable", "x"),
    ] {
        let world = World::start().await;
        let asked = registration(1);
        world.register(&asked).await;
        let mut item = world.item("p#Shop", "v#").await;
        item.insert("faults".to_owned(), AttributeValue::Bool(true));
        world
            .spoil(&item, attribute, AttributeValue::S(damage.to_owned()))
            .await;

        let mut now = asked.due_at;
        let mut looks = 0;
        while let Some(place) = world.due(now).await.pop() {
            let claim = format!("look {looks}");
            let outcome = world
                .validations
                .queue()
                .claim(&place, &claim, now, lease(now))
                .await;
            let Err(ClaimError::Stuck(unreadable)) = outcome else {
                panic!("it cannot be read: {outcome:?}");
            };
            looks += 1;
            assert_eq!(unreadable.looks, looks, "{attribute}");
            assert!(unreadable.place.starts_with("p#Shop v#"), "{unreadable}");
            match unreadable.until {
                Some(until) => assert!(now < until),
                None => assert_eq!(looks, 50),
            }
            now = unreadable.until.unwrap_or(at(1_000_000));
        }

        assert_eq!(looks, 50, "{attribute}");
        let dead = world.item("p#Shop", "v#").await;
        assert!(dead.contains_key("deadSince"), "it can be found");
        assert_eq!(text(&dead, "dueShard"), "resting", "by people alone");
    }
}

#[tokio::test]
async fn idle_look_reads_nothing_however_much_is_settled() {
    let world = World::start().await;
    let worker = world.judged(&registration(1), Verdict::Passed).await;
    world.validations.queue().settle(worker).await.unwrap();
    copy_settled(&world, 2_000).await;
    let before = world.rows_read();

    let due = world.due(at(1_000_000)).await;

    assert_eq!(due, []);
    assert_eq!(world.rows_read(), before);

    world.register(&registration(2)).await;
    assert_eq!(world.due(at(1_000_000)).await.len(), 1);
    assert_eq!(world.rows_read(), before + 1);
}

/// Puts copies of the one settled validation beside it.
async fn copy_settled(world: &World, copies: usize) {
    let settled = world.item("p#Shop", "v#").await;
    let copies: Vec<WriteRequest> = (0..copies)
        .map(|copy| {
            let mut item = settled.clone();
            let place = AttributeValue::S(format!("v#StagingToProduction#copy-{copy}"));
            item.insert("sk".to_owned(), place);
            let put = PutRequest::builder().set_item(Some(item)).build().unwrap();
            WriteRequest::builder().put_request(put).build()
        })
        .collect();
    for batch in copies.chunks(25) {
        world
            .raw
            .batch_write_item()
            .set_request_items(Some(HashMap::from([(
                VALIDATIONS.to_owned(),
                batch.to_vec(),
            )])))
            .send()
            .await
            .unwrap();
    }
}

#[tokio::test]
async fn validations_of_many_builds_share_the_shards() {
    let world = World::start().await;
    for second in 1..=40 {
        let spread = Registration {
            execution: Some(format!("execution-{second}")),
            ..registration(second)
        };
        world.register(&spread).await;
    }

    let mut in_shards = Vec::new();
    for shard in 0..tables::SHARDS {
        let due = world
            .validations
            .queue()
            .due(shard, at(9_000), 100, None)
            .await
            .unwrap();
        in_shards.push(due.len());
    }

    assert_eq!(in_shards.iter().sum::<usize>(), 40);
    assert!(!in_shards.contains(&0), "{in_shards:?}");
}
