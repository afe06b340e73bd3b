//! A function that dies half-way: whatever it left behind, the next tick
//! finishes, and the approval is answered once.
//!
//! The moments are the rows of the transition table of `release::validation`.

use std::time::Duration;

use fake_aws::Fault;
use fake_aws::pipeline::ApprovalStatus;
use fake_dynatrace::{Fault as TenantFault, Times};
use lab::world::{self, Settings, World};
use lambda_host::runtime::InvocationOutcome;
use release::approval::Answer;
use release::validation::{Ending, Phase, Validation};

use super::{PATIENCE, Registered, gated, measured, registered, settled, status, stored};

/// Long enough that nothing happens before the function is killed.
const LONG: Duration = Duration::from_secs(20);

#[tokio::test]
async fn killed_while_it_judges() {
    let world = short_lived().await;
    world.tenant.fail(TenantFault::Hang, Times::N(100), "/api");
    let build = registered(&world).await;

    let left = killed_once(&world, &build, async || !world.tenant.calls().is_empty()).await;

    assert_eq!((left.phase(), left.judgement()), (Phase::Waiting, None));
    world.tenant.clear_faults();
    finishes(&world, &build).await;
    assert_eq!(measured(&world.logs(), build.id).len(), 1);
}

#[tokio::test]
async fn killed_when_it_is_judged() {
    let world = short_lived().await;
    let build = registered(&world).await;
    let before = world.aws.calls("GetPipelineState");
    world.aws.slow_down("GetPipelineState", LONG);

    // The first look is taken while it is judged, and holds nothing up.
    let asks = async || before + 1 < world.aws.calls("GetPipelineState");
    let left = killed_once(&world, &build, asks).await;

    assert_eq!((left.phase(), left.intent()), (Phase::Judged, None));
    world.aws.slow_down("GetPipelineState", Duration::ZERO);
    finishes(&world, &build).await;
    assert_eq!(world.aws.calls("PutApprovalResult"), 1);
}

#[tokio::test]
async fn killed_before_codepipeline_took_the_answer() {
    let world = short_lived().await;
    let build = registered(&world).await;
    world.aws.slow_down("PutApprovalResult", LONG);

    let sends = async || world.aws.calls("PutApprovalResult") == 1;
    let left = killed_once(&world, &build, sends).await;

    assert_eq!(status(&world, &build.execution), ApprovalStatus::Waiting);
    assert!(left.intent().is_some());
    assert_eq!(left.ending(), None);
    world.aws.slow_down("PutApprovalResult", Duration::ZERO);
    finishes(&world, &build).await;
    assert_eq!(world.aws.calls("PutApprovalResult"), 2);
}

#[tokio::test]
async fn killed_after_codepipeline_took_the_answer() {
    let world = short_lived().await;
    let build = registered(&world).await;
    // The answer arrives, its receipt does not, and every further attempt takes
    // so long that the function is still busy when it is killed.
    world
        .aws
        .fail("PutApprovalResult", Fault::TimeoutAfterActing, 1);
    world
        .aws
        .slow_down("PutApprovalResult", Duration::from_millis(700));

    let taken = async || status(&world, &build.execution) == ApprovalStatus::Approved;
    let left = killed_once(&world, &build, taken).await;

    assert_eq!(left.ending(), None);
    let sent = world.aws.calls("PutApprovalResult");
    world.aws.slow_down("PutApprovalResult", Duration::ZERO);
    finishes(&world, &build).await;
    assert_eq!(
        world.aws.calls("PutApprovalResult"),
        sent,
        "it is not sent again"
    );
}

/// A lease outlives the function's timeout, and these stories wait for leases.
async fn short_lived() -> World {
    gated(Settings::default().timeout(Duration::from_secs(4))).await
}

/// Ticks until the moment has come and kills the function in it; the answer is
/// what it left behind.
async fn killed_once(
    world: &World,
    build: &Registered,
    moment: impl AsyncFn() -> bool,
) -> Validation {
    let killed = async {
        world::until("the moment to kill", PATIENCE, &moment)
            .await
            .unwrap();
        world.validate.kill().await;
    };
    let ticking = async {
        loop {
            let invocation = world.tick().await.unwrap();
            match invocation.outcome {
                InvocationOutcome::Ok(_) => tokio::time::sleep(Duration::from_millis(50)).await,
                InvocationOutcome::Crashed(_) => return,
                other => panic!("{other:?}"),
            }
        }
    };
    tokio::join!(killed, ticking);
    stored(world, build.id).await
}

/// The build ends as if nothing had happened, answered by this product once.
async fn finishes(world: &World, build: &Registered) {
    settled(world, build.id).await;

    let approval = world.approval(&build.execution).unwrap();
    assert_eq!(approval.status, ApprovalStatus::Approved);
    let runs = world
        .aws
        .pipelines()
        .execution("Sample", &build.execution)
        .unwrap()
        .actions;
    let runs = runs.iter().filter(|run| run.action == "ApproveStaging");
    assert_eq!(runs.count(), 1);
    let ours = Ending::Answered {
        answer: Answer::Approve,
        action_execution: approval.action_execution_id.unwrap(),
        overridden: None,
    };
    assert_eq!(stored(world, build.id).await.ending(), Some(&ours));
}
