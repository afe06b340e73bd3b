//! Jobs: events, results, continuations.

use aws_sdk_codepipeline::types::{ExecutionDetails, FailureDetails, FailureType};
use fake_aws::pipeline::{ExecutionStatus, JobContext, JobStatus};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use crate::world::{PIPELINE, World, code};

#[tokio::test]
async fn event_carries_parameters_artifact_and_credentials() {
    let world = World::sample().await;
    world.start("rev-1");
    let job = world.job();

    let body = &job.event["CodePipeline.job"];
    assert_eq!(body["id"], job.id);
    let data = &body["data"];
    assert_eq!(
        data["actionConfiguration"]["configuration"]["FunctionName"],
        "register-validation"
    );
    assert_eq!(data["inputArtifacts"][0]["name"], "Monspec");
    assert_eq!(data["inputArtifacts"][0]["revision"], json!(null));
    assert_eq!(data["inputArtifacts"][0]["location"]["type"], "S3");
    assert!(
        data["artifactCredentials"]["accessKeyId"]
            .as_str()
            .unwrap()
            .starts_with("ASIA")
    );
    assert!(data["artifactCredentials"]["expirationTime"].is_i64());
    assert!(data.get("continuationToken").is_none());
}

#[tokio::test]
async fn redelivered_job_is_the_same_event() {
    let world = World::sample().await;
    world.start("rev-1");
    let job = world.job();
    assert!(world.pipelines().next_job().is_none());
    assert_eq!(
        world.pipelines().redeliver(&job.id).unwrap().event,
        job.event
    );
}

#[tokio::test]
async fn success_is_reported_once_with_its_variables() {
    let world = World::sample().await;
    let execution = world.start("rev-1");
    let job = world.job();
    let put = || world.client.put_job_success_result().job_id(&job.id);

    put()
        .output_variables("verdict", "pass")
        .send()
        .await
        .unwrap();

    let view = world.pipelines().job(&job.id).unwrap();
    assert_eq!(view.status, JobStatus::Succeeded);
    assert_eq!(view.output_variables["verdict"], "pass");
    let again = put().send().await.unwrap_err();
    assert_eq!(code(&again), "InvalidJobStateException");
    let list = world.action_executions(&execution).await;
    let action = list
        .iter()
        .find(|one| one.action_name() == Some("RegisterValidation"))
        .unwrap();
    assert_eq!(
        action.output().unwrap().output_variables().unwrap()["verdict"],
        "pass"
    );
}

#[tokio::test]
async fn failure_fails_the_stage_with_its_words() {
    let world = World::sample().await;
    let execution = world.start("rev-1");
    let job = world.job();
    fail(&world, &job.id, "ConfigurationError", "no such comparison")
        .await
        .unwrap();

    let failed = JobStatus::Failed {
        r#type: "ConfigurationError".into(),
        message: "no such comparison".into(),
    };
    assert_eq!(world.pipelines().job(&job.id).unwrap().status, failed);
    let view = world.pipelines().execution(PIPELINE, &execution).unwrap();
    assert_eq!(view.status, ExecutionStatus::Failed);
    let state = world.action_state("Staging", "RegisterValidation").await;
    let error = state.latest_execution.unwrap().error_details.unwrap();
    assert_eq!(error.code.as_deref(), Some("ConfigurationError"));
    assert_eq!(error.message.as_deref(), Some("no such comparison"));
    let again = fail(&world, &job.id, "JobFailed", "again")
        .await
        .unwrap_err();
    assert_eq!(again, "InvalidJobStateException");
}

#[tokio::test]
async fn results_are_held_to_their_limits() {
    let world = World::sample().await;
    world.start("rev-1");
    let job = world.job();
    let put = || world.client.put_job_success_result().job_id(&job.id);

    let both = put()
        .continuation_token("later")
        .output_variables("verdict", "pass");
    assert_eq!(code(&both.send().await.unwrap_err()), "ValidationException");
    let empty = put().continuation_token("");
    assert_eq!(
        code(&empty.send().await.unwrap_err()),
        "ValidationException"
    );
    let named = put().output_variables("a verdict", "pass");
    assert_eq!(
        code(&named.send().await.unwrap_err()),
        "ValidationException"
    );
    let large = put().output_variables("verdict", "x".repeat(122_880));
    assert_eq!(
        code(&large.send().await.unwrap_err()),
        "OutputVariablesSizeExceededException"
    );
    let message = fail(&world, &job.id, "JobFailed", "").await.unwrap_err();
    assert_eq!(message, "ValidationException");
    let long = fail(&world, &job.id, "JobFailed", &"x".repeat(5001))
        .await
        .unwrap_err();
    assert_eq!(long, "ValidationException");
    let kind = fail(&world, &job.id, "Tired", "message").await.unwrap_err();
    assert_eq!(kind, "ValidationException");
    assert_eq!(
        world.pipelines().job(&job.id).unwrap().status,
        JobStatus::Queued
    );
}

#[tokio::test]
async fn unknown_jobs_are_refused() {
    let world = World::sample().await;
    let id = "11111111-2222-3333-4444-555555555555";
    let put = |id: &str| world.client.put_job_success_result().job_id(id).send();
    assert_eq!(code(&put(id).await.unwrap_err()), "JobNotFoundException");
    assert_eq!(code(&put("job").await.unwrap_err()), "ValidationException");
    let details = world
        .client
        .get_job_details()
        .job_id(id)
        .send()
        .await
        .unwrap_err();
    assert_eq!(code(&details), "JobNotFoundException");
    let failure = fail(&world, id, "JobFailed", "message").await.unwrap_err();
    assert_eq!(failure, "JobNotFoundException");
}

#[tokio::test]
async fn continuation_is_a_new_job_that_carries_the_token() {
    let world = World::sample().await;
    let start: Timestamp = "2026-03-01T12:00:00Z".parse().unwrap();
    world.aws.set_now(start);
    world.start("rev-1");
    let first = world.job();
    let progress = ExecutionDetails::builder()
        .summary("waiting")
        .percent_complete(20)
        .build();
    let put = world.client.put_job_success_result().job_id(&first.id);
    put.continuation_token("step-2")
        .execution_details(progress)
        .send()
        .await
        .unwrap();

    let status = world.pipelines().job(&first.id).unwrap().status;
    assert_eq!(status, JobStatus::Continued("step-2".into()));
    let shown = world.action_state("Staging", "RegisterValidation").await;
    let shown = shown.latest_execution.unwrap();
    assert_eq!(shown.status.unwrap().as_str(), "InProgress");
    assert_eq!(
        (shown.summary.as_deref(), shown.percent_complete),
        (Some("waiting"), Some(20))
    );

    assert!(
        world.pipelines().next_job().is_none(),
        "CodePipeline pauses before it asks again"
    );
    world.aws.set_now(start + SignedDuration::from_secs(30));
    let second = world.job();
    assert_ne!(second.id, first.id);
    assert_eq!(
        second.event["CodePipeline.job"]["data"]["continuationToken"],
        "step-2"
    );
    let late = world
        .client
        .put_job_success_result()
        .job_id(&first.id)
        .send()
        .await;
    assert_eq!(code(&late.unwrap_err()), "InvalidJobStateException");
    world.succeed(&second).await;
}

#[tokio::test]
async fn silent_job_fails_its_action_after_twenty_minutes() {
    let world = World::sample().await;
    let start: Timestamp = "2026-03-01T12:00:00Z".parse().unwrap();
    world.aws.set_now(start);
    let execution = world.start("rev-1");
    let job = world.job();
    world.aws.set_now(start + SignedDuration::from_mins(20));

    let late = world
        .client
        .put_job_success_result()
        .job_id(&job.id)
        .send()
        .await;

    assert_eq!(code(&late.unwrap_err()), "InvalidJobStateException");
    assert_eq!(
        world.pipelines().job(&job.id).unwrap().status,
        JobStatus::Expired
    );
    let view = world.pipelines().execution(PIPELINE, &execution).unwrap();
    assert_eq!(view.status, ExecutionStatus::Failed);
}

#[tokio::test]
async fn replies_keep_an_action_alive_for_a_day_at_most() {
    let world = World::sample().await;
    let start: Timestamp = "2026-03-01T12:00:00Z".parse().unwrap();
    world.aws.set_now(start);
    let execution = world.start("rev-1");
    let status = || {
        world
            .pipelines()
            .execution(PIPELINE, &execution)
            .unwrap()
            .status
    };

    for quarter in 1..24 * 4 {
        let job = world.job();
        let put = world.client.put_job_success_result().job_id(&job.id);
        put.continuation_token("still waiting")
            .send()
            .await
            .unwrap();
        world
            .aws
            .set_now(start + SignedDuration::from_mins(15 * quarter));
    }
    assert_eq!(status(), ExecutionStatus::InProgress);
    world.aws.set_now(start + SignedDuration::from_hours(24));
    assert_eq!(status(), ExecutionStatus::Failed);
    assert!(world.pipelines().next_job().is_none());
}

#[tokio::test]
async fn debug_output_of_a_job_shows_no_credentials() {
    let world = World::sample().await;
    world.start("rev-1");
    let job = world.job();
    let credentials = &job.event["CodePipeline.job"]["data"]["artifactCredentials"];
    let shown = format!("{job:?} {:?}", world.aws);
    assert!(shown.contains(&job.id));
    for secret in ["secretAccessKey", "sessionToken"] {
        assert!(!shown.contains(credentials[secret].as_str().unwrap()));
    }
}

#[tokio::test]
async fn job_details_name_the_action_and_on_demand_the_execution() {
    let world = World::sample().await;
    let execution = world.start("rev-1");
    let job = world.job();
    let context = async || {
        let details = world
            .client
            .get_job_details()
            .job_id(&job.id)
            .send()
            .await
            .unwrap();
        details
            .job_details
            .unwrap()
            .data
            .unwrap()
            .pipeline_context
            .unwrap()
    };

    let reserved = context().await;
    assert_eq!(reserved.pipeline_name(), Some(PIPELINE));
    assert_eq!(reserved.stage().unwrap().name(), Some("Staging"));
    assert_eq!(
        reserved.action().unwrap().name(),
        Some("RegisterValidation")
    );
    assert_eq!(reserved.pipeline_execution_id(), None);

    world.pipelines().job_context(JobContext::WithExecution);
    assert_eq!(
        context().await.pipeline_execution_id(),
        Some(execution.as_str())
    );
}

async fn fail(world: &World, id: &str, kind: &str, message: &str) -> Result<(), String> {
    let details = FailureDetails::builder()
        .r#type(FailureType::from(kind))
        .message(message)
        .build()
        .unwrap();
    let put = world
        .client
        .put_job_failure_result()
        .job_id(id)
        .failure_details(details);
    put.send().await.map(|_| ()).map_err(|error| code(&error))
}
