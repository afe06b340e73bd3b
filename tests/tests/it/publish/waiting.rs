//! The action waits, and knows when not to.

use delivery::job::Answer;
use fake_aws::pipeline::{JobStatus, Mode, Stage};
use jiff::SignedDuration;
use monspec::Verdict;
use workflows::publish_validation::Outcome;

use super::{APPLICATION, judged, later, published, refused, staging, with_traffic};
use crate::gate::refused::spoil_catalogue;
use crate::world::{PIPELINE, monspec};

#[tokio::test]
async fn verdict_is_awaited_by_continued_jobs_and_then_published() {
    let mut world = with_traffic(100.0).await;
    world.publishing("Register");
    let first = world.publishing_job().await;

    let waiting = world.publish(&first).await;

    let told = later(&waiting);
    assert!(
        told.contains("of `StagingToProduction` has no verdict"),
        "{told}"
    );
    assert!(told.contains("due at 2026-01-05T10:07:00Z"), "{told}");
    let second = world.continued_job();
    later(&world.publish(&second).await);
    assert_eq!(world.artifact(&second), None);

    world.pass_window().await;
    let third = world.continued_job();
    let asked = world.aws.pipelines().calls();
    let evidence = published(world.publish(&third).await);

    assert_eq!(evidence.verdict, Verdict::Passed);
    assert_eq!(evidence.violations, 0);
    assert!(
        evidence.summary.starts_with("Passed: 4 of 4"),
        "{}",
        evidence.summary
    );
    let report = evidence.report.unwrap();
    assert!(report.starts_with(&format!("https://report.example/v/{}?e=", evidence.id)));
    assert!(world.artifact(&third).is_some());
    assert_eq!(world.status(&third), JobStatus::Succeeded);
    let mut calls = world.aws.pipelines().calls();
    calls.retain(|operation, times| asked.get(operation) != Some(times));
    let mut calls: Vec<String> = calls.into_keys().collect();
    calls.sort();
    assert_eq!(
        calls,
        ["GetJobDetails", "PutJobSuccessResult", "PutObject"],
        "a continued job knows its execution"
    );
}

#[tokio::test]
async fn validation_that_ends_without_a_verdict_is_waited_for_no_longer() {
    let mut world = with_traffic(100.0).await;
    world.publishing("Register");
    let first = world.publishing_job().await;
    spoil_catalogue(&world, PIPELINE).await;
    world.advance(SignedDuration::from_hours(25));
    world.tick().await;

    let outcome = world.try_publish(&first).await.unwrap();

    let Outcome::GaveUp(told) = outcome else {
        panic!("there is nothing to wait for: {outcome:?}");
    };
    assert!(told.contains("ended without a verdict"), "{told}");
}

#[tokio::test]
async fn action_that_registers_beside_this_one_is_waited_for() {
    let mut world = with_traffic(100.0).await;
    let beside = Stage::new("Staging")
        .deploy("Deploy", APPLICATION, "Staging", 1)
        .lambda("Publish", "publish-validation", "Register", 2, None)
        .output_artifact("Evidence")
        .lambda(
            "Register",
            "register-validation",
            "StagingToProduction",
            2,
            Some("Monspec"),
        );
    world.publishing_in(Mode::Superseded, beside);
    world.start_execution("1", &monspec());
    let publish = world.aws.pipelines().next_job().unwrap();
    let register = world.aws.pipelines().next_job().unwrap();

    let waiting = world.publish(&publish).await;
    assert_eq!(
        later(&waiting),
        "`Register` has not registered a validation yet"
    );

    world.run_job(&register).await.unwrap();
    let publish = world.continued_job();
    assert!(later(&world.publish(&publish).await).contains("has no verdict"));
    world.pass_window().await;
    let publish = world.continued_job();
    published(world.publish(&publish).await);
}

#[tokio::test]
async fn action_that_fails_beside_this_one_ends_the_waiting() {
    let mut world = with_traffic(100.0).await;
    let beside = Stage::new("Staging")
        .lambda("Publish", "publish-validation", "Register", 1, None)
        .output_artifact("Evidence")
        .lambda(
            "Register",
            "register-validation",
            "Nowhere",
            1,
            Some("Monspec"),
        );
    world.publishing_in(Mode::Superseded, beside);
    world.start_execution("1", &monspec());
    let publish = world.aws.pipelines().next_job().unwrap();
    let register = world.aws.pipelines().next_job().unwrap();
    later(&world.publish(&publish).await);

    world.run_job(&register).await.unwrap();
    let publish = world.continued_job();
    let (_, told) = refused(world.publish(&publish).await);

    assert!(told.contains("there is nothing to wait for"), "{told}");
    assert!(told.contains("it registered none at all"), "{told}");
}

#[tokio::test]
async fn wait_that_is_over_ends_with_what_was_waited_for() {
    let mut world = with_traffic(100.0).await;
    world.publishing(r#"{"action":"Register","waitMinutes":2}"#);
    let mut job = world.publishing_job().await;
    let began = world.now;
    let told = loop {
        match world.publish(&job).await {
            Outcome::Later { .. } => job = world.continued_job(),
            Outcome::GaveUp(told) => break told,
            other => panic!("{other:?}"),
        }
    };

    assert_eq!(
        world.now.duration_since(began),
        SignedDuration::from_mins(2)
    );
    assert!(
        told.starts_with("no verdict within 2 minutes: validation "),
        "{told}"
    );
    let JobStatus::Failed { r#type, message } = world.status(&job) else {
        panic!("{:?}", world.status(&job));
    };
    assert_eq!((r#type.as_str(), message), ("JobFailed", told));
}

#[tokio::test]
async fn verdict_that_is_there_is_published_however_late_it_is_asked_for() {
    let mut world = with_traffic(100.0).await;
    world.publishing(r#"{"comparison":"StagingToProduction","waitMinutes":2}"#);

    let job = judged(&mut world).await;

    published(world.publish(&job).await);
}

#[tokio::test]
async fn execution_that_takes_a_stage_back_publishes_nothing() {
    let mut world = with_traffic(100.0).await;
    world.publishing("Register");
    let job = judged(&mut world).await;
    published(world.publish(&job).await);
    let target = job.execution;
    let pipelines = world.aws.pipelines().clone();
    pipelines
        .start_rollback(PIPELINE, "Staging", &target)
        .unwrap();
    let register = pipelines.next_job().unwrap();
    world.run_job(&register).await.unwrap();

    let job = pipelines.next_job().unwrap();
    let outcome = world.publish(&job).await;

    assert!(matches!(outcome, Outcome::NotNeeded(_)), "{outcome:?}");
    assert_eq!(world.status(&job), JobStatus::Succeeded);
}

#[tokio::test]
async fn executions_in_parallel_are_told_apart_by_the_parameter() {
    let mut world = with_traffic(100.0).await;
    let parallel = |publish: &str| {
        Stage::new("Staging")
            .deploy("Deploy", APPLICATION, "Staging", 1)
            .lambda(
                "Register",
                "register-validation",
                "StagingToProduction,5,,#{codepipeline.PipelineExecutionId}",
                2,
                Some("Monspec"),
            )
            .lambda("Publish", "publish-validation", publish, 3, None)
            .output_artifact("Evidence")
    };
    world.publishing_in(
        Mode::Parallel,
        parallel("Register,#{codepipeline.PipelineExecutionId}"),
    );
    let one = judged(&mut world).await;
    published(world.publish(&one).await);

    world.publishing_in(Mode::Parallel, staging("Register"));
    world.start_execution("2", &monspec());
    let mut told = String::new();
    while let Some(job) = world.aws.pipelines().next_job() {
        if job.action == "Publish" {
            (_, told) = refused(world.publish(&job).await);
        } else {
            // Without its execution it registers nothing, and the stage goes on.
            let done = Answer::done("done");
            world.codepipeline().report(&job.id, done).await.unwrap();
        }
    }
    assert!(
        told.contains("`Action,#{codepipeline.PipelineExecutionId}`"),
        "{told}"
    );
}
