use std::sync::Arc;

use flags::step::{Event, Target, Term};
use flags::{Value, verify};
use futures_util::future::join_all;
use store::{Flags, RepeatId, What, tables};

use super::{Made, SET, declared, second, set, wish};
use crate::world::{FLAGS, World};

const FLAG: &str = "errorInjectionEnabled";

async fn due(flags: &Flags, at: i64) -> Vec<store::Due<store::Owed>> {
    let mut due = Vec::new();
    for shard in 0..tables::SHARDS {
        due.extend(
            flags
                .queue()
                .due(shard, second(at), 100, None)
                .await
                .unwrap(),
        );
    }
    due
}

#[tokio::test]
async fn change_is_written_with_everything_that_belongs_to_it() {
    let world = World::start().await;
    let flags = declared(&world).await;

    let (made, events) = wish("c1", false).made(&flags).await;

    assert_eq!(made, Made::Done);
    assert!(events.is_empty(), "nobody asked for their claim");
    let read = set(&flags).await;
    assert_eq!(read.revision, 2);
    let state = &read.states[FLAG];
    assert_eq!(state.version, 1);
    assert_eq!(
        state.value(&read.declarations.flags[FLAG], second(0)),
        Value::Boolean(false)
    );
    let history = flags.history(SET, FLAG).await.unwrap();
    assert_eq!(history.len(), 1);
    assert_eq!(Some(&history[0].digest), state.digest.as_ref());
    // The event for the tenant is due at once, and no timer is.
    assert_eq!(due(&flags, 0).await.len(), 1);
}

#[tokio::test]
async fn what_changes_nothing_writes_nothing() {
    let world = World::start().await;
    let flags = declared(&world).await;
    let before = world.items(FLAGS).await;

    let (made, _) = wish("c1", true).made(&flags).await;

    assert_eq!(made, Made::Unchanged);
    assert_eq!(world.items(FLAGS).await, before);
}

#[tokio::test]
async fn parallel_changes_leave_a_history_without_gaps() {
    let world = World::start().await;
    let one = Arc::new(declared(&world).await);
    let other = Arc::new(Flags::new(world.raw.clone(), FLAGS));

    // Two processes, and half of the people each.
    let toggles = (0..50).map(|number| {
        let flags = Arc::clone(if number % 2 == 0 { &one } else { &other });
        let wish = wish(format!("c{number}"), false);
        tokio::spawn(async move { wish.toggled(&flags).await })
    });
    for made in join_all(toggles).await {
        assert_eq!(made.unwrap(), Made::Done);
    }

    let history = one.history(SET, FLAG).await.unwrap();
    assert_eq!(history.len(), 50);
    verify(&history).unwrap();
    for (one, next) in history.iter().zip(&history[1..]) {
        assert_eq!(one.record.after, next.record.before);
    }
    let read = set(&one).await;
    assert_eq!((read.states[FLAG].version, read.revision), (50, 51));
    assert_eq!(due(&one, 0).await.len(), 50, "each has its event");
}

#[tokio::test]
async fn same_request_is_answered_as_before() {
    let world = World::start().await;
    let flags = declared(&world).await;
    let mut first = wish("c1", false);
    first.repeat = Some(RepeatId {
        key: "abc".to_owned(),
        hash: "h1".to_owned(),
    });
    let mut again = first.clone();
    again.change = "c2".to_owned();

    let (made, again) = tokio::join!(first.made(&flags), again.made(&flags));

    let answers = [made.0, again.0];
    assert!(answers.contains(&Made::Done), "{answers:?}");
    let before = |made: &Made| matches!(made, Made::Before(_));
    assert!(answers.iter().any(before), "{answers:?}");
    assert_eq!(flags.history(SET, FLAG).await.unwrap().len(), 1);
    let mut other_key = first.clone();
    other_key.change = "c3".to_owned();
    other_key.target = Target::Value(Value::Boolean(true));
    other_key.repeat.as_mut().unwrap().key = "another".to_owned();
    assert_eq!(other_key.made(&flags).await.0, Made::Done);
}

#[tokio::test]
async fn lease_is_due_when_it_ends_and_an_earlier_timer_is_gone() {
    let world = World::start().await;
    let flags = declared(&world).await;
    let mut lease = wish("c1", false);
    lease.term = Term::Until(second(60));
    lease.made(&flags).await;
    let timers = async |at| {
        let queue = flags.queue();
        let mut timers = Vec::new();
        for due in due(&flags, at).await {
            let claimed = queue
                .claim(&due, "worker", second(at), second(at + 30))
                .await;
            let claimed = claimed.unwrap();
            match &claimed.what {
                What::Timer { flag, .. } => timers.push((flag.clone(), claimed)),
                _ => queue.settle(claimed).await.unwrap(),
            }
        }
        timers
    };
    assert_eq!(timers(59).await.len(), 0);

    let mut found = timers(60).await;
    let (flag, claimed) = found.remove(0);
    assert_eq!(flag, FLAG);

    // Somebody keeps it, just while the clock is about to write that it ended.
    let mut kept = wish("c2", false);
    kept.now = second(59);
    let (made, _) = kept.with(&flags, &Event::Confirm).await;
    assert_eq!(made, Made::Done);
    let lost = flags.queue().settle(claimed).await;
    assert!(matches!(lost, Err(store::StoreError::Lost)), "{lost:?}");
    assert_eq!(timers(10_000).await.len(), 0);
}

#[tokio::test]
async fn event_of_whoever_died_is_due_when_their_claim_ends() {
    let world = World::start().await;
    let flags = declared(&world).await;
    let mut claimed = wish("c1", false);
    claimed.claim = Some(("request".to_owned(), second(30)));

    let (_, mut events) = claimed.made(&flags).await;

    let event = events.remove(0);
    let What::Event(outbox) = &event.what else {
        panic!("{event:?}");
    };
    assert_eq!(outbox.event.title, format!("Feature Flag Changed: {FLAG}"));
    assert_eq!(outbox.entry.text, "c1 1");
    assert_eq!(due(&flags, 29).await.len(), 0);
    // It died: its claim runs out, and another finds the same event.
    let due_again = due(&flags, 30).await;
    let again = flags
        .queue()
        .claim(&due_again[0], "worker", second(30), second(60))
        .await;
    assert_eq!(again.unwrap().what, event.what);
    // Had it lived, it could write nothing any more.
    let late = flags.queue().settle(event).await;
    assert!(matches!(late, Err(store::StoreError::Lost)), "{late:?}");
}
