//! One transaction per registration, one validation per job.

use std::task::Poll;

use aws_sdk_dynamodb::types::AttributeValue;
use futures_util::FutureExt as _;
use monspec::Verdict;
use release::approval::Answer;
use release::validation::wish::Wish;
use release::validation::{Ending, Hook, Intent, PersonsDecision, Phase, Registrant, Registration};
use store::{Fulfilled, Ledger, Registered, StoreError, Validations};

use crate::world::{
    LEDGER, VALIDATIONS, World, again, approval, at, deployment, evidence, judgement, lease,
    person, place, registration, result, spec,
};

#[tokio::test]
async fn registration_stores_everything_that_belongs_to_it() {
    let world = World::start().await;
    let asked = hooked(registration(1));
    let id = asked.id;

    world
        .validations
        .register(&world.ledger, &asked, &spec(), Some("job-1"))
        .await
        .unwrap();

    let stored: Vec<String> = world.items(VALIDATIONS).await.iter().map(keys).collect();
    assert_eq!(
        stored,
        [
            format!("id#{id} id"),
            "job#job-1 job".to_owned(),
            format!("p#Shop v#StagingToProduction#{id}"),
            format!("spec#{} spec", spec().hash()),
            "x#Shop#execution-1 slot#action#Staging#Register1".to_owned(),
        ]
    );
    assert_eq!(world.known().await[0].deployment, deployment("d-1", 0));
    let validation = world.validation(&asked).await;
    assert_eq!(validation.registration, asked);
    assert_eq!(validation.phase(), Phase::Waiting);
    assert_eq!(validation.hook(), Hook::Owed);
    assert_eq!(
        world
            .validations
            .spec(spec().hash())
            .await
            .unwrap()
            .as_deref(),
        Some(spec().text())
    );
}

#[tokio::test]
async fn registration_that_cannot_be_stored_whole_is_not_stored() {
    let world = World::start().await;
    let asked = registration(1);
    let foreign = [("pk", format!("id#{}", asked.id)), ("sk", "id".to_owned())]
        .map(|(name, value)| (name.to_owned(), AttributeValue::S(value)));
    world
        .raw
        .put_item()
        .table_name(VALIDATIONS)
        .set_item(Some(foreign.into()))
        .send()
        .await
        .unwrap();

    let outcome = world
        .validations
        .register(&world.ledger, &asked, &spec(), Some("job-1"))
        .await;

    assert!(matches!(outcome, Err(StoreError::Unavailable { .. })));
    assert_eq!(world.items(VALIDATIONS).await.len(), 1);
    assert_eq!(world.items(LEDGER).await.len(), 0);
    assert_eq!(
        world.validations.registered_by("job-1").await.unwrap(),
        None
    );
}

#[tokio::test]
async fn job_delivered_again_finds_its_validation() {
    let world = World::start().await;
    let first = registration(1);
    let redelivered = again(&first, 2);

    let outcomes = [
        world
            .validations
            .register(&world.ledger, &first, &spec(), Some("job-1"))
            .await,
        world
            .validations
            .register(&world.ledger, &redelivered, &spec(), Some("job-1"))
            .await,
    ];

    assert_eq!(
        outcomes.map(Result::unwrap),
        [Registered::Waiting(first.id), Registered::Already(first.id)]
    );
    assert_eq!(
        world.validations.registered_by("job-1").await.unwrap(),
        Some(first.id)
    );
    assert_eq!(world.validation(&first).await.phase(), Phase::Waiting);
    assert_eq!(
        world.validations.validation(redelivered.id).await.unwrap(),
        None
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn deliveries_of_one_job_at_once_register_one_validation() {
    let world = World::start().await;
    for round in 0..20 {
        let job = format!("job-{round}");
        let one = registration(round * 10 + 1);
        let other = again(&one, round * 10 + 2);
        let validations = &world.validations;
        let ledger = &world.ledger;
        let spec = spec();

        let (first, second) = tokio::join!(
            validations.register(ledger, &one, &spec, Some(&job)),
            validations.register(ledger, &other, &spec, Some(&job)),
        );

        let (id, same) = match (first.unwrap(), second.unwrap()) {
            (Registered::Waiting(id), Registered::Already(same))
            | (Registered::Already(same), Registered::Waiting(id)) => (id, same),
            outcomes => panic!("round {round} ended in {outcomes:?}"),
        };
        assert_eq!(id, same);
        let stored = [
            validations.validation(one.id).await.unwrap(),
            validations.validation(other.id).await.unwrap(),
        ];
        assert_eq!(stored.iter().flatten().count(), 1);
    }
    assert_eq!(world.due(at(10_000)).await.len(), 20);
}

#[tokio::test]
async fn monspec_lives_as_long_as_its_longest_registration() {
    let world = World::start().await;
    let until = |second: u16, expires_at| Registration {
        expires_at: at(expires_at),
        ..registration(second)
    };
    for (second, expires_at, kept_until) in [
        (1, 90_000, 90_000),
        (2, 120_000, 120_000),
        (3, 95_000, 120_000),
    ] {
        world.register(&until(second, expires_at)).await;

        let item = world.item("spec#", "spec").await;
        assert_eq!(
            item["expiresAt"],
            AttributeValue::N(at(kept_until).as_second().to_string())
        );
    }
}

#[tokio::test]
async fn registering_again_supersedes_the_unsettled_predecessor() {
    let world = World::start().await;
    let first = registration(1);
    let second = again(&first, 2);
    world.register(&first).await;

    world.register(&second).await;

    let superseded = world.validation(&first).await;
    assert_eq!(superseded.phase(), Phase::Settled);
    assert_eq!(
        superseded.ending(),
        Some(&Ending::Superseded { by: second.id })
    );
    assert_eq!(world.validation(&second).await.phase(), Phase::Waiting);
    let due = world.due(at(10_000)).await;
    assert_eq!(
        due.iter().map(|due| due.at).collect::<Vec<_>>(),
        [second.due_at]
    );
}

#[tokio::test]
async fn superseded_validation_stays_due_for_its_hook_alone() {
    for (hook, left) in [(Hook::Owed, 2), (Hook::Delivered, 1), (Hook::GivenUp, 1)] {
        let world = World::start().await;
        let first = hooked(registration(1));
        let mut worker = world.judged(&first, Verdict::Passed).await;
        if hook != Hook::Owed {
            let result = result(&first, hook);
            world.validations.hooked(&mut worker, result).await.unwrap();
        }

        world.register(&again(&first, 2)).await;

        let settled = world.validations.queue().settle(worker).await;
        assert!(matches!(settled, Err(StoreError::Lost)));
        assert_eq!(world.validation(&first).await.phase(), Phase::Settled);
        assert_eq!(world.due(at(10_000)).await.len(), left, "{hook:?}");
    }
}

fn hooked(registration: Registration) -> Registration {
    Registration {
        result_hook: Some("https://hooks.example/result".to_owned()),
        ..registration
    }
}

#[tokio::test]
async fn worker_of_a_superseded_validation_writes_nothing_more() {
    let world = World::start().await;
    let (waits, judged) = (registration(1), registration(11));
    let mut waiting = world.claimed(&waits).await;
    let mut worker = world.judged(&judged, Verdict::Passed).await;
    world.register(&again(&waits, 2)).await;
    world.register(&again(&judged, 12)).await;
    let before = [world.items(VALIDATIONS).await, world.items(LEDGER).await];

    let validations = &world.validations;
    let ledger = &world.ledger;
    let intent = Intent {
        action_execution: "run-1".to_owned(),
        answer: Answer::Approve,
        at: at(2_000),
    };
    let evidence = evidence(Verdict::Passed);
    let judgement = judgement(Verdict::Passed);
    let outcomes = [
        validations
            .judged(ledger, &mut waiting, judgement, &evidence, &[])
            .await,
        validations
            .hooked(&mut waiting, result(&waits, Hook::Delivered))
            .await,
        validations.queue().defer(waiting, at(3_000)).await,
        world.intend(&mut worker, intent).await,
        world.ended(&mut worker, Ending::NothingToAnswer).await,
        world
            .ended(&mut worker, Ending::Person(person("Rejected")))
            .await,
        validations.queue().settle(worker).await,
    ];

    for outcome in outcomes {
        assert!(matches!(outcome, Err(StoreError::Lost)), "{outcome:?}");
    }
    let after = [world.items(VALIDATIONS).await, world.items(LEDGER).await];
    assert_eq!(before, after);
}

#[tokio::test]
async fn settled_predecessor_stays_as_it_was() {
    let world = World::start().await;
    let first = registration(1);
    let mut worker = world.judged(&first, Verdict::Passed).await;
    world
        .ended(&mut worker, Ending::NothingToAnswer)
        .await
        .unwrap();
    world.validations.queue().settle(worker).await.unwrap();
    let before = world.validation(&first).await;

    world.register(&again(&first, 2)).await;

    assert_eq!(world.validation(&first).await, before);
}

#[tokio::test]
async fn superseded_validation_keeps_how_its_approval_ended() {
    let world = World::start().await;
    let first = registration(1);
    let mut worker = world.judged(&first, Verdict::Failed).await;
    let rejected = Ending::Answered {
        answer: Answer::Reject,
        action_execution: "run-1".to_owned(),
        overridden: None,
    };
    world.ended(&mut worker, rejected.clone()).await.unwrap();

    world.register(&again(&first, 2)).await;

    let superseded = world.validation(&first).await;
    assert_eq!(superseded.phase(), Phase::Settled);
    assert_eq!(superseded.ending(), Some(&rejected));
}

#[tokio::test]
async fn only_the_same_registrant_in_the_same_execution_supersedes() {
    let world = World::start().await;
    let first = registration(1);
    world.register(&first).await;
    let same = |second| again(&first, second);
    let others = [
        registration(2),
        Registration {
            execution: Some("execution-2".to_owned()),
            ..same(3)
        },
        Registration {
            pipeline: "Cart".to_owned(),
            ..same(4)
        },
        Registration {
            registrant: Registrant::Direct,
            ..same(5)
        },
        Registration {
            execution: None,
            approval: None,
            ..same(6)
        },
        Registration {
            registrant: Registrant::Action {
                stage: "Production".to_owned(),
                action: "Register1".to_owned(),
            },
            approval: Some(approval("ApproveProduction")),
            ..same(7)
        },
    ];

    for other in &others {
        world.register(other).await;
    }

    assert_eq!(world.validation(&first).await.phase(), Phase::Waiting);
    assert_eq!(world.due(at(10_000)).await.len(), 1 + others.len());
}

#[tokio::test]
async fn direct_registrations_of_one_execution_supersede_only_for_the_same_approval() {
    let world = World::start().await;
    let direct = |second, asked: &str| Registration {
        registrant: Registrant::Direct,
        approval: Some(approval(asked)),
        ..registration(second)
    };
    let first = direct(1, "ApproveStaging");
    let other = direct(2, "ApproveProduction");
    world.register(&first).await;

    world.register(&other).await;
    assert_eq!(world.validation(&first).await.phase(), Phase::Waiting);
    world.register(&direct(3, "ApproveStaging")).await;

    assert_eq!(world.validation(&first).await.phase(), Phase::Settled);
    assert_eq!(world.validation(&other).await.phase(), Phase::Waiting);
}

#[tokio::test]
async fn answer_under_way_is_inherited_through_every_successor() {
    let world = World::start().await;
    let first = registration(1);
    let mut worker = world.judged(&first, Verdict::Passed).await;
    let intent = Intent {
        action_execution: "run-1".to_owned(),
        answer: Answer::Approve,
        at: at(2_000),
    };
    world.intend(&mut worker, intent.clone()).await.unwrap();

    let second = again(&first, 2);
    world.register(&second).await;
    let third = again(&first, 3);
    world.register(&third).await;

    for asked in [&second, &third] {
        let inherited = world.validation(asked).await.inherited;
        assert_eq!(inherited.as_ref(), Some(&intent));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn registrations_of_one_action_at_once_leave_one_that_is_due() {
    let world = World::start().await;
    for round in 0..20 {
        let one = registration(round * 10 + 1);
        let other = again(&one, round * 10 + 2);

        tokio::join!(world.register(&one), world.register(&other));

        let phases = [
            world.validation(&one).await.phase(),
            world.validation(&other).await.phase(),
        ];
        assert!(
            phases == [Phase::Waiting, Phase::Settled]
                || phases == [Phase::Settled, Phase::Waiting],
            "round {round} ended in {phases:?}"
        );
    }
    assert_eq!(world.due(at(10_000)).await.len(), 20);
}

#[tokio::test(flavor = "multi_thread")]
async fn registering_again_while_the_predecessor_is_judged_loses_neither() {
    let world = World::start().await;
    for round in 0..20 {
        let first = registration(round * 10 + 1);
        let mut worker = world.claimed(&first).await;
        let second = again(&first, round * 10 + 2);
        let verdict = judgement(Verdict::Passed);
        let evidence = evidence(Verdict::Passed);

        let (judged, ()) = tokio::join!(
            world
                .validations
                .judged(&world.ledger, &mut worker, verdict, &evidence, &[]),
            world.register(&second),
        );

        let superseded = world.validation(&first).await;
        assert_eq!(superseded.phase(), Phase::Settled);
        assert_eq!(superseded.judgement().is_some(), judged.is_ok());
        assert_eq!(
            world
                .validations
                .evidence(first.id)
                .await
                .unwrap()
                .is_some(),
            judged.is_ok()
        );
        let successor = world.claim(second.due_at, second.due_at, "successor").await;
        assert_eq!(successor.phase(), Phase::Waiting);
        world.validations.queue().settle(successor).await.unwrap();
    }
    assert_eq!(world.due(lease(at(10_000))).await, []);
}

/// Whatever has been read when the wish is stored, either the registration or
/// the wish comes first, and a validation without its slot never waits.
#[tokio::test]
async fn registering_again_while_a_person_takes_up_the_predecessor_leaves_one_that_is_due() {
    let mut wished = 0;
    for polls in 1.. {
        let world = World::start().await;
        let first = registration(1);
        let mut worker = world.judged(&first, Verdict::Inconclusive).await;
        let waiting_for = "a person".to_owned();
        let gave_up = Ending::GaveUp { waiting_for };
        world.ended(&mut worker, gave_up).await.unwrap();
        world.validations.queue().settle(worker).await.unwrap();
        // Another process, which waits for nobody of this one.
        let validations = Validations::new(world.raw.clone(), VALIDATIONS);
        let ledger = Ledger::new(world.raw.clone(), LEDGER);
        let word = PersonsDecision {
            who: "ada".to_owned(),
            why: "the data came late".to_owned(),
            at: at(6_000),
        };

        let (second, spec) = (again(&first, 2), spec());
        let mut registering = Box::pin(world.validations.register(
            &world.ledger,
            &second,
            &spec,
            None,
        ));
        let mut polled = 0;
        let registered = std::future::poll_fn(|context| {
            polled += 1;
            match registering.poll_unpin(context) {
                Poll::Ready(outcome) => Poll::Ready(outcome.is_ok()),
                Poll::Pending if polls <= polled => Poll::Ready(false),
                Poll::Pending => Poll::Pending,
            }
        })
        .await;
        let outcome = validations
            .wish(&ledger, first.id, Wish::Rejudge, &word)
            .await
            .unwrap();
        if !registered {
            registering.await.unwrap();
        }

        wished += u32::from(matches!(outcome, Fulfilled::Now(_)));
        assert_eq!(
            world.validation(&first).await.phase(),
            Phase::Settled,
            "after {polls} polls: {outcome:?}"
        );
        assert_eq!(world.due(at(10_000)).await.len(), 1, "after {polls} polls");
        if registered {
            break;
        }
    }
    assert!(0 < wished, "no wish came in between");
}

fn keys(item: &crate::world::Item) -> String {
    let (partition, sort) = place(item);
    format!("{partition} {sort}")
}
