//! The job that waits for its result hears of it, whatever happens.

use fake_aws::Fault;
use fake_aws::pipeline::{ApprovalStatus, JobStatus};
use jiff::Timestamp;
use lab::world::{self, REGISTER, Settings, World};
use lambda_host::runtime::InvocationOutcome;
use serde_json::json;
use store::tables;

use super::{
    answered, carried, gated, measured, parameters, registered, release, settled, status, told,
};

#[tokio::test]
async fn job_that_arrives_twice_registers_once() {
    let world = gated(Settings::default()).await;
    let build = registered(&world).await;

    let again = world
        .register
        .invoke(build.job.event.clone())
        .await
        .unwrap();

    world::answer(REGISTER, again).unwrap();
    assert_eq!(waiting(&world).await, 1);
    assert_eq!(job(&world, &build.job.id), JobStatus::Succeeded);
    let id = world
        .validations()
        .registered_by(&build.job.id)
        .await
        .unwrap();
    assert_eq!(id, Some(build.id));
    answered(&world, &build.execution).await;
    assert_eq!(status(&world, &build.execution), ApprovalStatus::Approved);
}

#[tokio::test]
async fn job_that_arrives_in_two_processes_at_once_registers_once() {
    let world = gated(Settings::default()).await;
    let execution = release(&world);
    let due = world.aws.pipelines().next_job().unwrap();
    let other = world.another(REGISTER).await.unwrap();

    let (one, two) = tokio::join!(
        world.register.invoke(due.event.clone()),
        other.invoke(due.event.clone())
    );

    world::answer(REGISTER, one.unwrap()).unwrap();
    world::answer(REGISTER, two.unwrap()).unwrap();
    assert_eq!(waiting(&world).await, 1);
    assert_eq!(job(&world, &due.id), JobStatus::Succeeded);
    let id = world
        .validations()
        .registered_by(&due.id)
        .await
        .unwrap()
        .unwrap();
    let logs = world.register.logs() + &other.logs();
    assert_eq!(told(&logs, id).len(), 2, "both speak of the one validation");
    answered(&world, &execution).await;
    settled(&world, id).await;
    assert_eq!(measured(&world.logs(), id).len(), 1);
}

#[tokio::test]
async fn parameters_that_cannot_be_used_fail_the_job_with_what_to_correct() {
    let world = gated(Settings::default()).await;
    let with = |field: &str, value: &str| {
        let mut parameters = parameters();
        parameters[field] = json!(value);
        parameters
    };
    for (parameters, told) in [
        (
            with("window", "soon"),
            "`soon` is not a window: write a time such as `8s` or `5m`",
        ),
        (
            with("comparison", "Nowhere"),
            "the monspec has no comparison `Nowhere`; it has `StagingToProduction`",
        ),
        (
            with("approvalAction", "Deploy"),
            "is not an approval; its approval actions are `ApproveStaging`",
        ),
        (with("aproval", "ApproveStaging"), "unknown field `aproval`"),
    ] {
        world.gate(&parameters);
        release(&world);

        let carried = carried(&world).await;

        world::answer(REGISTER, carried.invocation).unwrap();
        let (failure, message) = failed(&world, &carried.job.id);
        assert_eq!(failure, "ConfigurationError");
        assert!(message.contains(told), "{message}");
    }
    assert_eq!(waiting(&world).await, 0);
}

#[tokio::test]
async fn job_that_cannot_be_read_fails_in_the_same_invocation() {
    let world = gated(Settings::default()).await;
    release(&world);
    let due = world.aws.pipelines().next_job().unwrap();
    let mut event = due.event.clone();
    event["CodePipeline.job"]["data"]["artifactCredentials"] = json!("AKIDEXAMPLEID");

    let invocation = world.register.invoke(event).await.unwrap();

    assert!(matches!(invocation.outcome, InvocationOutcome::Ok(_)));
    let (failure, message) = failed(&world, &due.id);
    assert_eq!(failure, "SystemUnavailable");
    assert!(message.contains("not shaped like a job"), "{message}");
    assert!(!world.register.logs().contains("AKIDEXAMPLEID"));
    assert_eq!(waiting(&world).await, 0);
}

#[tokio::test]
async fn job_fails_in_the_same_invocation_when_the_database_is_out_of_reach() {
    let nobody = closed_port().await;
    let unreachable = Settings::default().with("AWS_ENDPOINT_URL_DYNAMODB", &nobody);
    let world = gated(unreachable).await;
    release(&world);

    let carried = carried(&world).await;

    assert!(matches!(
        carried.invocation.outcome,
        InvocationOutcome::Ok(_)
    ));
    let (failure, message) = failed(&world, &carried.job.id);
    assert_eq!(failure, "SystemUnavailable");
    assert!(
        message.contains("cannot look for an earlier delivery of the job"),
        "{message}"
    );
}

#[tokio::test]
async fn job_fails_in_the_same_invocation_when_codepipeline_throttles() {
    let world = gated(Settings::default()).await;
    world.aws.fail("GetJobDetails", Fault::Throttle, 10);
    release(&world);

    let carried = carried(&world).await;

    assert!(matches!(
        carried.invocation.outcome,
        InvocationOutcome::Ok(_)
    ));
    let (failure, message) = failed(&world, &carried.job.id);
    assert_eq!(failure, "SystemUnavailable");
    assert!(
        message.contains("cannot learn which pipeline the job belongs to"),
        "{message}"
    );
    assert_eq!(waiting(&world).await, 0);
}

#[tokio::test]
async fn job_fails_before_the_function_is_cut_off() {
    let world = gated(Settings::default().timeout(std::time::Duration::from_secs(3))).await;
    world
        .aws
        .slow_down("GetJobDetails", std::time::Duration::from_secs(20));
    release(&world);

    let carried = carried(&world).await;

    assert!(matches!(
        carried.invocation.outcome,
        InvocationOutcome::Ok(_)
    ));
    let (failure, message) = failed(&world, &carried.job.id);
    assert_eq!(failure, "SystemUnavailable");
    assert!(message.contains("the function timed out"), "{message}");
}

/// How many validations wait for anything, now or later.
async fn waiting(world: &World) -> usize {
    let mut waiting = 0;
    for shard in 0..tables::SHARDS {
        waiting += world
            .validations()
            .queue()
            .due(shard, Timestamp::MAX, 100, None)
            .await
            .unwrap()
            .len();
    }
    waiting
}

fn job(world: &World, id: &str) -> JobStatus {
    world.aws.pipelines().job(id).unwrap().status
}

fn failed(world: &World, id: &str) -> (String, String) {
    match job(world, id) {
        JobStatus::Failed { r#type, message } => (r#type, message),
        other => panic!("the job did not fail: {other:?}"),
    }
}

/// An address at which nobody listens any more.
async fn closed_port() -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}
