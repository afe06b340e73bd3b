//! Ticks that overlap, and ticks with nothing to do.

use fake_aws::pipeline::ApprovalStatus;
use lab::world::{self, HANDLE_PROBLEM, PIPELINE, REGISTER, Settings, VALIDATE, World, scheduled};
use lambda_host::runtime::Function;
use release::validation::{Phase, ValidationId};
use serde_json::{Value, json};

use super::{PATIENCE, gated, measured, registered, status, stored};
use crate::world::monspec;

#[tokio::test]
async fn two_ticks_at_once_judge_each_validation_once() {
    let world = gated(Settings::default()).await;
    let other = world.another(VALIDATE).await.unwrap();
    let build = registered(&world).await;
    let mut ids = vec![build.id];
    for _ in 0..5 {
        ids.push(registered_directly(&world).await);
    }

    let settled = async || {
        let mut settled = true;
        for id in &ids {
            settled &= stored(&world, *id).await.phase() == Phase::Settled;
        }
        settled
    };
    let ticks = async || {
        let (one, two) = tokio::join!(world.tick(), other.invoke(scheduled()));
        world::answer(VALIDATE, one.unwrap()).unwrap();
        world::answer(VALIDATE, two.unwrap()).unwrap();
        settled().await
    };
    world::until("everything is settled", PATIENCE, ticks)
        .await
        .unwrap();

    let logs = world.validate.logs() + &other.logs();
    for id in ids {
        assert_eq!(measured(&logs, id).len(), 1, "{id}");
    }
    assert_eq!(status(&world, &build.execution), ApprovalStatus::Approved);
    assert_eq!(world.aws.calls("PutApprovalResult"), 1);
}

#[tokio::test]
async fn idle_tick_reads_no_secret_asks_nobody_and_says_that_nothing_is_due() {
    let world = World::start(Settings::default()).await.unwrap();

    let invocation = world.tick().await.unwrap();

    let answer = world::answer(VALIDATE, invocation).unwrap();
    assert_eq!(answer, json!({"worked": 0, "workLeft": false}));
    assert!(world.aws.pipelines().calls().is_empty());
    assert!(world.tenant.calls().is_empty());
    assert_eq!(only_line(&world.validate)["OldestDueSeconds"], 0.0);
}

#[tokio::test]
async fn tick_without_problems_says_that_none_is_due() {
    let world = World::start(Settings::default()).await.unwrap();
    let function = world.another(HANDLE_PROBLEM).await.unwrap();

    let invocation = function.invoke(scheduled()).await.unwrap();

    let answer = world::answer(HANDLE_PROBLEM, invocation).unwrap();
    assert_eq!(
        answer,
        json!({"worked": 0, "adopted": 0, "workLeft": false})
    );
    assert_eq!(only_line(&function)["OldestDueProblemSeconds"], 0.0);
}

/// The only line that a function wrote.
fn only_line(function: &Function) -> Value {
    let logs = function.logs();
    serde_json::from_str(&logs).unwrap_or_else(|_| panic!("{logs}"))
}

async fn registered_directly(world: &World) -> ValidationId {
    let request = json!({
        "pipeline": PIPELINE,
        "comparison": "StagingToProduction",
        "window": "1s",
        "monspec": monspec(),
    });
    let invocation = world.register.invoke(request).await.unwrap();
    let answer = world::answer(REGISTER, invocation).unwrap();
    answer["validation"].as_str().unwrap().parse().unwrap()
}
