//! Who holds the claim writes, and nobody else.

use monspec::Verdict;
use release::approval::Answer;
use release::validation::{Ending, Hook, Intent, State, Validation};
use store::{ClaimError, Claimed, StoreError};

use crate::world::{
    LEDGER, VALIDATIONS, World, at, evidence, judgement, lease, overridden, person, registration,
    result,
};

#[tokio::test(flavor = "multi_thread")]
async fn of_two_claims_at_once_exactly_one_wins() {
    let world = World::start().await;
    for round in 0..50 {
        let asked = registration(round);
        world.register(&asked).await;
        let due = world.due(asked.due_at).await;
        let [due] = due.as_slice() else {
            panic!("only this round's validation is due");
        };
        let now = asked.due_at;
        let claim = |worker| {
            world
                .validations
                .queue()
                .claim(due, worker, now, at(500_000))
        };

        let (one, other) = tokio::join!(claim("one"), claim("other"));

        assert!(
            matches!(
                (&one, &other),
                (Ok(_), Err(ClaimError::Taken)) | (Err(ClaimError::Taken), Ok(_))
            ),
            "round {round} ended in {one:?} and {other:?}"
        );
        let winner = one.or(other).unwrap();
        world.validations.queue().settle(winner).await.unwrap();
    }
}

#[tokio::test]
async fn claim_whose_answer_was_lost_is_no_rival_to_itself() {
    let world = World::start().await;
    let asked = registration(1);
    world.register(&asked).await;
    let now = asked.due_at;
    let due = world.due(now).await.remove(0);
    let claim = |worker| {
        world
            .validations
            .queue()
            .claim(&due, worker, now, lease(now))
    };
    claim("one").await.unwrap();

    let repeated = claim("one").await;
    let rival = claim("other").await;

    assert!(repeated.is_ok());
    assert!(matches!(rival, Err(ClaimError::Taken)));
}

#[tokio::test]
async fn place_seen_before_it_was_settled_cannot_be_claimed() {
    let world = World::start().await;
    let asked = registration(1);
    world.register(&asked).await;
    let stale = world.due(asked.due_at).await.remove(0);
    let worker = world.claim(asked.due_at, asked.due_at, "worker").await;
    world.validations.queue().settle(worker).await.unwrap();

    let late = world
        .validations
        .queue()
        .claim(&stale, "late", at(9_000), at(9_060))
        .await;

    assert!(matches!(late, Err(ClaimError::Taken)));
    assert_eq!(world.due(at(1_000_000)).await, []);
}

#[tokio::test]
async fn worker_that_was_overtaken_writes_nothing_more() {
    let world = World::start().await;
    let (mut waiting, _second) = taken_over(&world).await;
    let before = [world.items(VALIDATIONS).await, world.items(LEDGER).await];

    let validations = &world.validations;
    let evidence = evidence(Verdict::Failed);
    let judgement = judgement(Verdict::Failed);
    let outcomes = [
        validations
            .judged(&world.ledger, &mut waiting, judgement, &evidence, &[])
            .await,
        validations
            .hooked(&mut waiting, result(&registration(1), Hook::Delivered))
            .await,
    ];

    for outcome in outcomes {
        assert!(matches!(outcome, Err(StoreError::Lost)), "{outcome:?}");
    }
    assert_eq!(
        waiting.state,
        State::Waiting,
        "a refused write is not believed"
    );
    let after = [world.items(VALIDATIONS).await, world.items(LEDGER).await];
    assert_eq!(before, after);
}

#[tokio::test]
async fn worker_that_was_overtaken_once_it_had_judged_writes_nothing_more() {
    let world = World::start().await;
    let asked = registration(1);
    let mut first = world.judged(&asked, Verdict::Failed).await;
    let later = lease(asked.due_at);
    let _second = world.claim(later, later, "second").await;
    let before = [world.items(VALIDATIONS).await, world.items(LEDGER).await];

    let outcomes = [
        world.intend(&mut first, intent()).await,
        world.ended(&mut first, Ending::NothingToAnswer).await,
        world
            .ended(&mut first, Ending::Person(person("Approved")))
            .await,
        world
            .ended(&mut first, overridden(Answer::Reject, person("Approved")))
            .await,
        world
            .validations
            .hooked(&mut first, result(&registration(1), Hook::Delivered))
            .await,
    ];

    for outcome in outcomes {
        assert!(matches!(outcome, Err(StoreError::Lost)), "{outcome:?}");
    }
    assert_eq!(first.intent(), None, "a refused write is not believed");
    assert_eq!(first.ending(), None);
    let after = [world.items(VALIDATIONS).await, world.items(LEDGER).await];
    assert_eq!(before, after);
}

#[tokio::test]
async fn worker_that_was_overtaken_cannot_give_back_what_is_anothers() {
    let world = World::start().await;
    let (first, mut second) = taken_over(&world).await;

    let outcome = world.validations.queue().defer(first, at(1_200)).await;

    assert!(matches!(outcome, Err(StoreError::Lost)));
    world.judge(&mut second, Verdict::Passed).await;
}

#[tokio::test]
async fn worker_that_was_overtaken_cannot_settle_what_is_anothers() {
    let world = World::start().await;
    let (first, mut second) = taken_over(&world).await;

    let outcome = world.validations.queue().settle(first).await;

    assert!(matches!(outcome, Err(StoreError::Lost)));
    world.judge(&mut second, Verdict::Passed).await;
}

#[tokio::test]
async fn claim_that_was_given_back_permits_nothing() {
    let world = World::start().await;
    let asked = registration(1);
    world.register(&asked).await;
    let now = asked.due_at;
    let due = world.due(now).await.remove(0);
    let claim = || {
        world
            .validations
            .queue()
            .claim(&due, "one", now, lease(now))
    };
    let (given_back, mut kept) = (claim().await.unwrap(), claim().await.unwrap());
    world
        .validations
        .queue()
        .defer(given_back, at(1_500))
        .await
        .unwrap();

    let outcome = world
        .validations
        .hooked(&mut kept, result(&registration(1), Hook::Delivered))
        .await;

    assert!(matches!(outcome, Err(StoreError::Lost)));
}

#[tokio::test]
async fn repetition_of_a_write_that_gave_the_claim_back_is_not_lost() {
    let world = World::start().await;
    let asked = registration(1);
    world.register(&asked).await;
    let now = asked.due_at;
    let due = world.due(now).await.remove(0);
    let claim = || {
        world
            .validations
            .queue()
            .claim(&due, "one", now, lease(now))
    };
    let (sent, repeated) = (claim().await.unwrap(), claim().await.unwrap());
    let mistaken = claim().await.unwrap();
    world
        .validations
        .queue()
        .defer(sent, at(1_500))
        .await
        .unwrap();
    world.claim(at(1_500), at(1_500), "next").await;

    world
        .validations
        .queue()
        .defer(repeated, at(1_500))
        .await
        .unwrap();

    let outcome = world.validations.queue().settle(mistaken).await;
    assert!(matches!(outcome, Err(StoreError::Lost)));
    assert_eq!(world.due(lease(at(1_500))).await.len(), 1);
}

#[tokio::test]
async fn repetition_of_a_write_that_settled_is_not_lost() {
    let world = World::start().await;
    let asked = registration(1);
    world.register(&asked).await;
    let now = asked.due_at;
    let due = world.due(now).await.remove(0);
    let claim = || {
        world
            .validations
            .queue()
            .claim(&due, "one", now, lease(now))
    };
    let (sent, repeated) = (claim().await.unwrap(), claim().await.unwrap());
    let mistaken = claim().await.unwrap();
    world.validations.queue().settle(sent).await.unwrap();

    world.validations.queue().settle(repeated).await.unwrap();

    let outcome = world.validations.queue().defer(mistaken, at(1_500)).await;
    assert!(matches!(outcome, Err(StoreError::Lost)));
    assert_eq!(world.due(at(1_000_000)).await, []);
}

#[tokio::test]
async fn what_a_worker_wrote_is_what_the_next_one_reads() {
    let world = World::start().await;
    let asked = registration(1);
    let mut worker = world.judged(&asked, Verdict::Failed).await;
    let rejected = Ending::Answered {
        answer: Answer::Reject,
        action_execution: "run-1".to_owned(),
        overridden: None,
    };
    world.intend(&mut worker, intent()).await.unwrap();
    world.ended(&mut worker, rejected).await.unwrap();
    world
        .ended(&mut worker, overridden(Answer::Reject, person("Approved")))
        .await
        .unwrap();
    world
        .validations
        .hooked(&mut worker, result(&registration(1), Hook::Delivered))
        .await
        .unwrap();

    let next = world
        .claim(lease(asked.due_at), lease(asked.due_at), "next")
        .await;

    assert_eq!(*next, *worker);
    let told = next.ending().and_then(Ending::overridden);
    assert_eq!(told, Some(&person("Approved")));
    assert_eq!(next.hook(), Hook::Delivered);
}

/// A claim whose lease ended, and the claim that came after it.
async fn taken_over(world: &World) -> (Claimed<Validation>, Claimed<Validation>) {
    let asked = registration(1);
    let first = world.claimed(&asked).await;
    let later = lease(asked.due_at);
    let second = world.claim(later, later, "second").await;
    (first, second)
}

fn intent() -> Intent {
    Intent {
        action_execution: "run-1".to_owned(),
        answer: Answer::Reject,
        at: at(2_000),
    }
}
