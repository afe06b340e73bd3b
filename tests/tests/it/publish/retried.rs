//! A stage that is retried publishes what is registered then, whichever of its
//! actions run again.

use fake_aws::pipeline::{Job, Mode, RetryMode, Stage};
use workflows::publish_validation::{Outcome, Published};

use super::{APPLICATION, later, refused, with_traffic};
use crate::world::{PIPELINE, World, monspec};

const FAIL: &str = r#"{"comparison":"StagingToProduction","failOn":["passed","failed"]}"#;

/// A stage whose actions register and publish at the same time.
fn beside(publish: &str) -> Stage {
    Stage::new("Staging")
        .deploy("Deploy", APPLICATION, "Staging", 1)
        .lambda("Publish", "publish-validation", publish, 2, None)
        .output_artifact("Evidence")
        .lambda(
            "Register",
            "register-validation",
            "StagingToProduction",
            2,
            Some("Monspec"),
        )
}

/// The jobs of both actions, which have just begun.
fn both(world: &World) -> [Job; 2] {
    ["Publish", "Register"].map(|action| {
        let job = world.aws.pipelines().next_job().expect("it has begun");
        assert_eq!(job.action, action);
        job
    })
}

fn stopped(outcome: Outcome) -> Published {
    match outcome {
        Outcome::Stopped(published) => published,
        other => panic!("it does not fail: {other:?}"),
    }
}

/// Both actions up to a verdict that fails the stage.
async fn attempt(world: &mut World) -> (Job, Published) {
    let [publish, register] = both(world);
    later(&world.publish(&publish).await);
    world.run_job(&register).await.unwrap();
    let publish = world.continued_job();
    later(&world.publish(&publish).await);
    world.pass_window().await;
    let publish = world.continued_job();
    let published = stopped(world.publish(&publish).await);
    (publish, published)
}

#[tokio::test]
async fn validation_to_come_is_awaited_by_its_comparison() {
    let mut world = with_traffic(100.0).await;
    world.publishing_in(Mode::Superseded, beside(FAIL));
    world.start_execution("1", &monspec());
    let [publish, register] = both(&world);

    let waiting = world.publish(&publish).await;

    assert_eq!(
        later(&waiting),
        "nothing is registered for comparison `StagingToProduction` yet, \
         and the action `Register` of stage `Staging` may do so"
    );
    world.run_job(&register).await.unwrap();
    let publish = world.continued_job();
    let waiting = world.publish(&publish).await;
    assert!(later(&waiting).contains("has no verdict"), "{waiting:?}");
}

#[tokio::test]
async fn comparison_that_nobody_registers_is_told_once_all_have_ended() {
    let mut world = with_traffic(100.0).await;
    world.publishing_in(Mode::Superseded, beside(r#"{"comparison":"Nothing"}"#));
    world.start_execution("1", &monspec());
    let [publish, register] = both(&world);
    later(&world.publish(&publish).await);
    world.run_job(&register).await.unwrap();

    let publish = world.continued_job();
    let (_, told) = refused(world.publish(&publish).await);

    assert!(told.contains("there is nothing to wait for"), "{told}");
    assert!(told.contains("`StagingToProduction` by"), "{told}");
}

#[tokio::test]
async fn action_that_registers_again_is_awaited_although_a_verdict_is_there() {
    let mut world = with_traffic(100.0).await;
    world.publishing_in(Mode::Superseded, beside(FAIL));
    let execution = world.start_execution("1", &monspec());
    let (_, first) = attempt(&mut world).await;
    let pipelines = world.aws.pipelines().clone();
    pipelines
        .retry_stage(PIPELINE, "Staging", &execution, RetryMode::AllActions)
        .unwrap();

    let (job, second) = attempt(&mut world).await;

    assert_ne!(second.id, first.id);
    assert!(world.artifact(&job).is_some());
}

#[tokio::test]
async fn action_that_the_retry_leaves_alone_has_registered_what_is_published() {
    let mut world = with_traffic(100.0).await;
    world.publishing_in(Mode::Superseded, beside(FAIL));
    let execution = world.start_execution("1", &monspec());
    let (_, first) = attempt(&mut world).await;
    let pipelines = world.aws.pipelines().clone();
    pipelines
        .retry_stage(PIPELINE, "Staging", &execution, RetryMode::FailedActions)
        .unwrap();

    // It may be about to begin, so it has a minute for it.
    let mut job = pipelines.next_job().unwrap();
    for _ in 0..2 {
        let waiting = world.publish(&job).await;
        let told = later(&waiting);
        assert!(told.contains("may register another validation"), "{told}");
        job = world.continued_job();
    }
    let again = stopped(world.publish(&job).await);

    assert_eq!(again.id, first.id);
}
