//! What the validations of one approval say together.

use aws_sdk_dynamodb::types::AttributeValue;
use monspec::Verdict;
use release::approval::Answer;
use release::validation::Registration;

use crate::world::{World, again, approval, registration};

#[tokio::test]
async fn validations_of_one_approval_hear_of_each_other() {
    let world = World::start().await;
    let worker = world.judged(&registration(1), Verdict::Passed).await;
    world.judged(&registration(2), Verdict::Failed).await;
    world.judged(&registration(3), Verdict::Inconclusive).await;
    world.register(&registration(4)).await;

    assert_eq!(
        world
            .validations
            .answers(&worker.registration)
            .await
            .unwrap(),
        [
            Some(Answer::Approve),
            Some(Answer::Reject),
            Some(Answer::Hold),
            None
        ]
    );
}

#[tokio::test]
async fn other_approvals_executions_and_pipelines_have_no_say() {
    let world = World::start().await;
    let worker = world.judged(&registration(1), Verdict::Passed).await;
    let others = [
        Registration {
            approval: Some(approval("ApproveProduction")),
            ..registration(2)
        },
        Registration {
            approval: None,
            ..registration(3)
        },
        Registration {
            execution: Some("execution-2".to_owned()),
            ..registration(4)
        },
        Registration {
            pipeline: "Cart".to_owned(),
            ..registration(5)
        },
    ];
    for other in &others {
        world.judged(other, Verdict::Failed).await;
    }

    assert_eq!(
        world
            .validations
            .answers(&worker.registration)
            .await
            .unwrap(),
        [Some(Answer::Approve)]
    );
}

#[tokio::test]
async fn successor_takes_the_say_of_its_predecessor() {
    let world = World::start().await;
    let first = registration(1);
    let worker = world.judged(&first, Verdict::Failed).await;
    world.validations.queue().settle(worker).await.unwrap();

    let successor = world.claimed(&again(&first, 2)).await;

    assert_eq!(
        world
            .validations
            .answers(&successor.registration)
            .await
            .unwrap(),
        [None]
    );
}

#[tokio::test]
async fn validation_without_an_approval_says_nothing_to_one() {
    let world = World::start().await;
    let without = |second| Registration {
        approval: None,
        ..registration(second)
    };
    let worker = world.judged(&without(1), Verdict::Passed).await;
    world.judged(&without(2), Verdict::Failed).await;
    let outside = Registration {
        execution: None,
        ..without(3)
    };
    let waiting = world.claimed(&outside).await;

    for validation in [&worker, &waiting] {
        let said = world.validations.answers(&validation.registration).await;
        assert_eq!(said.unwrap(), []);
    }
}

#[tokio::test]
async fn answers_beyond_the_first_page_count() {
    let world = World::start().await;
    // A page ends at one megabyte; five of these do not fit into one.
    let weight = AttributeValue::S("x".repeat(300_000));
    for second in 1..=5 {
        world.judged(&registration(second), Verdict::Passed).await;
        let sort = format!("slot#action#Staging#Register{second}");
        let slot = world.item("x#Shop#execution-1", &sort).await;
        world.spoil(&slot, "weight", weight.clone()).await;
    }

    let worker = world.judged(&registration(6), Verdict::Failed).await;

    let answers = world
        .validations
        .answers(&worker.registration)
        .await
        .unwrap();
    assert_eq!(answers.len(), 6);
    assert!(answers.contains(&Some(Answer::Reject)));
}
