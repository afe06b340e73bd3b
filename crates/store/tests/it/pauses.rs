//! What people paused, and that nothing of it is overlooked.

use aws_sdk_dynamodb::types::AttributeValue;
use futures_util::future::join_all;
use jiff::Timestamp;
use release::pause::{Pause, Target};
use store::{MOST_PAUSES, Paused, StoreError};

use crate::world::{LEDGER, World, at};

const STORED: Paused = Paused::Stored { replaced: None };

#[tokio::test]
async fn of_two_pauses_of_a_target_the_one_that_ends_later_holds() {
    let world = World::start().await;
    let by = |who: &str, until| Pause {
        who: who.to_owned(),
        ..pause("all", until)
    };
    let (short, long) = (by("ada", at(8_500)), by("grace", at(9_000)));
    assert_eq!(world.ledger.pause(&long).await.unwrap(), STORED);

    let stays = Paused::Stays(long.clone());
    assert_eq!(world.ledger.pause(&short).await.unwrap(), stays);
    assert_eq!(
        world.ledger.pauses(at(8_000)).await.unwrap(),
        std::slice::from_ref(&long)
    );

    let longer = by("ada", at(9_500));
    let replaced = Some(long);
    let stored = world.ledger.pause(&longer).await.unwrap();
    assert_eq!(stored, Paused::Stored { replaced });
    // A write whose answer was lost replaces nothing.
    assert_eq!(world.ledger.pause(&longer).await.unwrap(), STORED);
    assert_eq!(world.ledger.pauses(at(8_000)).await.unwrap(), [longer]);
}

#[tokio::test]
async fn as_many_as_may_be_paused_are_read_and_one_more_is_refused() {
    let world = World::start().await;
    let until = at(9_000);
    for number in 0..MOST_PAUSES {
        let stored = world.ledger.pause(&pause(&group(number), until)).await;
        assert_eq!(stored.unwrap(), STORED);
    }

    let shop = pause("pipeline:shop", until);
    assert_eq!(world.ledger.pause(&shop).await.unwrap(), Paused::Full);
    // It is paused already, so it takes no room.
    let again = pause(&group(7), at(9_500));
    let replaced = Some(pause(&group(7), until));
    let stored = world.ledger.pause(&again).await.unwrap();
    assert_eq!(stored, Paused::Stored { replaced });
    let all = pause("all", until);
    assert_eq!(world.ledger.pause(&all).await.unwrap(), STORED);

    let held = world.ledger.pauses(at(8_000)).await.unwrap();
    assert_eq!(held.len(), MOST_PAUSES + 1);
    assert!(held.contains(&all) && held.contains(&again), "{held:?}");

    let ended: Target = group(3).parse().unwrap();
    world.ledger.resume(&ended, at(8_000)).await.unwrap();
    assert_eq!(world.ledger.pause(&shop).await.unwrap(), STORED);
    let held = world.ledger.pauses(at(8_000)).await.unwrap();
    assert!(held.contains(&shop), "{held:?}");
}

#[tokio::test]
async fn what_is_paused_at_one_moment_is_read_wherever_it_was_acknowledged() {
    let world = World::start().await;
    let until = at(9_000);
    for number in 1..MOST_PAUSES {
        let stored = world.ledger.pause(&pause(&group(number), until)).await;
        assert_eq!(stored.unwrap(), STORED);
    }
    let wishes: Vec<Pause> = (0..30)
        .map(|number| pause(&format!("pipeline:shop-{number}"), until))
        .collect();

    let stored = join_all(wishes.iter().map(|wish| world.ledger.pause(wish))).await;

    let held = world.ledger.pauses(at(8_000)).await.unwrap();
    let stored = stored.into_iter().map(Result::unwrap);
    let acknowledged = wishes.iter().zip(stored);
    let acknowledged = acknowledged.filter(|(_, stored)| *stored == STORED);
    let acknowledged: Vec<&Pause> = acknowledged.map(|(wish, _)| wish).collect();
    assert!(!acknowledged.is_empty());
    for wish in acknowledged {
        assert!(held.contains(wish), "{}", wish.target);
    }
}

#[tokio::test]
async fn nobody_knows_what_is_paused_where_it_is_more_than_can_be_read() {
    let world = World::start().await;
    for number in 0..MOST_PAUSES {
        let stored = world.ledger.pause(&pause(&group(number), at(9_000))).await;
        stored.unwrap();
    }
    let sample = world.items(LEDGER).await.remove(0);
    for number in MOST_PAUSES..500 {
        let mut item = sample.clone();
        item.insert("sk".to_owned(), AttributeValue::S(group(number)));
        world.put(LEDGER, item).await;
    }

    let read = world.ledger.pauses(at(8_000)).await;

    assert!(matches!(read, Err(StoreError::Crowded)), "{read:?}");
    let single = pause("pipeline:shop", at(9_000));
    assert_eq!(world.ledger.pause(&single).await.unwrap(), Paused::Full);
    let all = pause("all", at(9_000));
    assert_eq!(world.ledger.pause(&all).await.unwrap(), STORED);
}

#[tokio::test]
async fn ended_pauses_make_room_and_those_that_hold_stay() {
    let world = World::start().await;
    for number in 0..MOST_PAUSES {
        let until = if number == 5 { at(9_000) } else { at(7_000) };
        let stored = world.ledger.pause(&pause(&group(number), until)).await;
        stored.unwrap();
    }
    let shop = pause("pipeline:shop", at(9_000));
    assert_eq!(world.ledger.pause(&shop).await.unwrap(), Paused::Full);

    world.ledger.forget_ended_pauses(at(7_000)).await.unwrap();

    assert_eq!(world.ledger.pause(&shop).await.unwrap(), STORED);
    let held = world.ledger.pauses(at(7_000)).await.unwrap();
    assert_eq!(held, [pause(&group(5), at(9_000)), shop]);
}

fn group(number: usize) -> String {
    format!("group:Shop/Production-{number:03}")
}

fn pause(target: &str, until: Timestamp) -> Pause {
    Pause {
        target: target.parse().unwrap(),
        until,
        who: "ada".to_owned(),
        why: "audit".to_owned(),
    }
}
