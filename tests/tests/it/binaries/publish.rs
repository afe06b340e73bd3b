//! The function that publishes evidence, as it is deployed.

use std::time::Duration;

use fake_aws::pipeline::{ARTIFACT_BUCKET, Job, JobStatus, PipelineSpec, Stage};
use jiff::SignedDuration;
use lab::world::{self, PIPELINE, PUBLISH, REGISTER, REPORT, Settings, Traffic, World};
use lambda_host::runtime::{Function, InvocationOutcome};
use serde_json::json;

use super::{PATIENCE, release};

/// A world whose staging publishes what led to its verdict, and the function
/// that does.
async fn publishing(settings: Settings, publish: &str) -> (World, Function) {
    let world = World::start(settings).await.unwrap();
    let function = world.another(PUBLISH).await.unwrap();
    let register = json!({"comparison": "StagingToProduction", "window": "1s"}).to_string();
    let staging = Stage::new("Staging")
        .deploy("Deploy", world.application(), "Staging", 1)
        .lambda("Register", REGISTER, &register, 2, Some("Monspec"))
        .lambda("Publish", PUBLISH, publish, 3, None)
        .output_artifact("Evidence");
    let pipelines = world.aws.pipelines();
    pipelines.continuation_interval(SignedDuration::ZERO);
    pipelines.create(PipelineSpec::new(PIPELINE).stage(staging));
    world.traffic(Traffic::SICK, Traffic::HEALTHY);
    (world, function)
}

/// Releases a build up to its first job to publish.
async fn job(world: &World) -> Job {
    release(world);
    let register = world.aws.pipelines().next_job().unwrap();
    let registered = world.register.invoke(register.event).await.unwrap();
    world::answer(REGISTER, registered).unwrap();
    world.aws.pipelines().next_job().unwrap()
}

fn status(world: &World, job: &Job) -> JobStatus {
    world.aws.pipelines().job(&job.id).unwrap().status
}

/// Hands the job to its function, and those that it is continued by, until the
/// action ends; meanwhile builds are judged.
async fn ended(world: &World, function: &Function, mut job: Job) -> Job {
    let deadline = tokio::time::Instant::now() + PATIENCE;
    loop {
        let invocation = function.invoke(job.event.clone()).await.unwrap();
        world::answer(PUBLISH, invocation).unwrap();
        if !matches!(status(world, &job), JobStatus::Continued(_)) {
            return job;
        }
        assert!(
            tokio::time::Instant::now() < deadline,
            "{}",
            function.logs()
        );
        world.tick().await.unwrap();
        job = world.aws.pipelines().next_job().unwrap();
    }
}

#[tokio::test]
async fn evidence_is_published_with_variables_for_the_rules_of_the_pipeline() {
    let (world, function) = publishing(Settings::default(), "Register").await;
    let first = job(&world).await;

    let last = ended(&world, &function, first.clone()).await;

    assert!(matches!(status(&world, &first), JobStatus::Continued(_)));
    assert_eq!(status(&world, &last), JobStatus::Succeeded);
    let variables = world
        .aws
        .pipelines()
        .job(&last.id)
        .unwrap()
        .output_variables;
    assert_eq!(variables["verdict"], "failed");
    assert_eq!(variables["violations"], "3");
    assert!(variables["reportUrl"].starts_with(&format!("{REPORT}/v/")));
    let data = &last.event["CodePipeline.job"]["data"];
    let location = &data["outputArtifacts"][0]["location"]["s3Location"];
    let key = location["objectKey"].as_str().unwrap();
    let written = world.aws.s3().get(ARTIFACT_BUCKET, key).unwrap();
    assert!(written.body.starts_with(b"PK"));
    assert_eq!(written.encryption.as_deref(), Some("aws:kms"));
    let logs = function.logs();
    for secret in ["secretAccessKey", "sessionToken"] {
        let secret = data["artifactCredentials"][secret].as_str().unwrap();
        assert!(!logs.contains(secret));
    }
    assert!(
        !logs.contains(&variables["reportUrl"]),
        "a link opens the report"
    );
}

#[tokio::test]
async fn action_fails_on_the_verdict_that_it_names() {
    let stop = json!({"action": "Register", "failOn": ["failed"]}).to_string();
    let (world, function) = publishing(Settings::default(), &stop).await;
    let first = job(&world).await;

    let last = ended(&world, &function, first).await;

    let (failure, message) = failed(&world, &last);
    assert_eq!(failure, "JobFailed");
    assert!(
        message.starts_with("Failed: 3 of 4 signatures violated."),
        "{message}"
    );
}

#[tokio::test]
async fn verdict_is_published_without_a_link_where_keys_cannot_be_used() {
    let settings = Settings::default().with("REPORT_KEYS_PARAMETER", "/no/such/parameter");
    let (world, function) = publishing(settings, "Register").await;
    let first = job(&world).await;

    let last = ended(&world, &function, first).await;

    assert_eq!(status(&world, &last), JobStatus::Succeeded);
    let variables = world
        .aws
        .pipelines()
        .job(&last.id)
        .unwrap()
        .output_variables;
    assert_eq!(
        variables.keys().collect::<Vec<_>>(),
        ["verdict", "violations"]
    );
    assert!(function.logs().contains("No links to the report"));
}

#[tokio::test]
async fn job_to_publish_fails_in_the_same_invocation_when_something_is_broken() {
    let settings = Settings::default().timeout(Duration::from_secs(3));
    let (world, function) = publishing(settings, "Register").await;
    let first = job(&world).await;
    world
        .aws
        .slow_down("GetJobDetails", Duration::from_secs(20));

    let invocation = function.invoke(first.event.clone()).await.unwrap();

    assert!(matches!(invocation.outcome, InvocationOutcome::Ok(_)));
    let (failure, message) = failed(&world, &first);
    assert_eq!(failure, "SystemUnavailable");
    assert!(message.contains("the function timed out"), "{message}");
}

fn failed(world: &World, job: &Job) -> (String, String) {
    match status(world, job) {
        JobStatus::Failed { r#type, message } => (r#type, message),
        other => panic!("the job did not fail: {other:?}"),
    }
}
