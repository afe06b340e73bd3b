//! Which approval is answered, by whom, and how often.

use std::collections::BTreeSet;

use fake_aws::Fault as AwsFault;
use fake_aws::pipeline::{
    Answer as Click, ApprovalStatus, ExecutionStatus, Mode, PipelineSpec, RetryMode, Stage,
    StopMode,
};
use jiff::SignedDuration;
use release::approval::Answer;
use release::deployment::Standing;
use release::validation::{Ending, Phase};
use serde_json::json;
use workflows::register_validation::{Request, register_validation};

use crate::gate::stories;
use crate::world::{GATE, PIPELINE, PRODUCTION, STAGING, World, monspec, monspec_with, only};

stories! {
    approval_is_answered_in_every_execution_mode,
    person_who_was_faster_keeps_the_word,
    retry_after_a_rejection_is_left_to_a_person_and_recorded,
    person_who_rejects_again_leaves_the_revision_bad,
    rejection_is_watched_until_a_newer_execution_is_in_the_stage,
    answer_of_a_superseded_validation_is_no_persons,
    answer_from_before_the_registration_is_not_its_own,
    execution_that_failed_and_is_retried_is_answered,
    held_verdict_waits_for_a_person,
    approval_with_two_validations_needs_both,
    first_of_two_validations_that_fails_rejects,
    rejection_of_one_validation_is_no_persons_to_the_other,
    verdict_waits_until_its_execution_reaches_the_approval,
    stopped_execution_ends_its_validation,
    newer_execution_is_never_answered_by_an_older_verdict,
    nobody_answers_for_ever,
    validation_without_approval_is_judged_and_settled,
}

async fn approval_is_answered_in_every_execution_mode(first: World) {
    for (mode, parameters) in [
        (Mode::Superseded, GATE),
        (Mode::Queued, GATE),
        (
            Mode::Parallel,
            "StagingToProduction,5,ApproveStaging,#{codepipeline.PipelineExecutionId}",
        ),
    ] {
        let mut world = World::start(first.api).await;
        world.gate_in(mode, parameters);
        good_traffic(&world);
        let execution = world.release("1", &monspec()).await;

        world.pass_window().await;

        assert_eq!(
            world.answered(&execution),
            ApprovalStatus::Approved,
            "{mode:?}"
        );
    }
}

async fn person_who_was_faster_keeps_the_word(mut world: World) {
    world.gate(GATE);
    world.traffic(STAGING, 900.0, 0.5);
    world.traffic(PRODUCTION, 100.0, 0.0);
    let execution = world.release("1", &monspec()).await;
    click(&world, &execution, Click::Approved, "we know about it");

    let ticked = world.pass_window().await;

    assert_eq!(world.answered(&execution), ApprovalStatus::Approved);
    assert_eq!(world.aws.calls("PutApprovalResult"), 0);
    let validation = world.validation(only(&ticked)).await;
    assert_eq!(validation.phase(), Phase::Settled);
    let Some(Ending::Person(person)) = validation.ending() else {
        panic!("{:?}", validation.ending());
    };
    assert_eq!(person.status, "Approved");
    assert!(person.who.as_ref().unwrap().contains("person"));
    let deployment = &validation.registration.deployments[0];
    let known = world
        .ledger
        .deployments(&deployment.group, world.now)
        .await
        .unwrap();
    assert_eq!(known[0].standing, Standing::Unknown);
    assert!(
        known[0].taught_by.contains("Approved by"),
        "{}",
        known[0].taught_by
    );
}

async fn retry_after_a_rejection_is_left_to_a_person_and_recorded(mut world: World) {
    world.gate(GATE);
    world.traffic(STAGING, 900.0, 0.5);
    world.traffic(PRODUCTION, 100.0, 0.0);
    let execution = world.release("1", &monspec()).await;
    let ticked = world.pass_window().await;
    let id = only(&ticked);
    assert_eq!(world.answered(&execution), ApprovalStatus::Rejected);

    world
        .aws
        .pipelines()
        .retry_stage(PIPELINE, "Approve", &execution, RetryMode::FailedActions)
        .unwrap();
    for _ in 0..3 {
        world.advance(SignedDuration::from_mins(5));
        world.tick().await;
        assert_eq!(
            world.answered(&execution),
            ApprovalStatus::Waiting,
            "the retry is a person's"
        );
    }
    click(&world, &execution, Click::Approved, "a false alarm");
    world.advance(SignedDuration::from_mins(6));
    world.tick().await;

    let validation = world.validation(id).await;
    assert_eq!(validation.phase(), Phase::Settled);
    let Some(Ending::Answered {
        answer: Answer::Reject,
        overridden: Some(person),
        ..
    }) = validation.ending()
    else {
        panic!("{:?}", validation.ending());
    };
    assert_eq!(person.status, "Approved");
    assert!(person.at.is_some());
    let deployment = &validation.registration.deployments[0];
    let known = world
        .ledger
        .deployments(&deployment.group, world.now)
        .await
        .unwrap();
    assert_eq!(known[0].standing, Standing::Unknown);
}

async fn person_who_rejects_again_leaves_the_revision_bad(mut world: World) {
    world.gate(GATE);
    world.traffic(STAGING, 900.0, 0.5);
    world.traffic(PRODUCTION, 100.0, 0.0);
    let execution = world.release("1", &monspec()).await;
    let ticked = world.pass_window().await;
    world
        .aws
        .pipelines()
        .retry_stage(PIPELINE, "Approve", &execution, RetryMode::FailedActions)
        .unwrap();
    click(&world, &execution, Click::Rejected, "it is bad indeed");
    world.advance(SignedDuration::from_mins(6));
    world.tick().await;

    let validation = world.validation(only(&ticked)).await;
    assert_eq!(validation.ending().and_then(Ending::overridden), None);
    let deployment = &validation.registration.deployments[0];
    let known = world
        .ledger
        .deployments(&deployment.group, world.now)
        .await
        .unwrap();
    assert_eq!(known[0].standing, Standing::Bad);
}

async fn rejection_is_watched_until_a_newer_execution_is_in_the_stage(mut world: World) {
    world.gate(GATE);
    world.traffic(STAGING, 900.0, 0.5);
    world.traffic(PRODUCTION, 100.0, 0.0);
    let execution = world.release("1", &monspec()).await;
    let rejected = only(&world.pass_window().await);
    assert_eq!(world.answered(&execution), ApprovalStatus::Rejected);
    world.advance(SignedDuration::from_mins(6));
    world.tick().await;
    assert_eq!(world.validation(rejected).await.phase(), Phase::Judged);

    world.release("2", &monspec()).await;
    world.advance(SignedDuration::from_mins(6));
    world.tick().await;

    let validation = world.validation(rejected).await;
    assert_eq!(validation.phase(), Phase::Settled);
    assert_eq!(validation.ending().and_then(Ending::overridden), None);
}

/// Its answer arrives, the receipt does not, and before it looks again the same
/// caller registers once more.
async fn answer_of_a_superseded_validation_is_no_persons(mut world: World) {
    let staging = Stage::new("Staging").deploy("Deploy", "SampleDevOpsApp", "Staging", 1);
    let approve = Stage::new("Approve").approval("ApproveStaging");
    let pipeline = PipelineSpec::new(PIPELINE).stage(staging).stage(approve);
    world.aws.pipelines().create(pipeline);
    good_traffic(&world);
    let execution = world.start_execution("1", &monspec());
    let event = json!({
        "pipeline": PIPELINE, "comparison": "StagingToProduction", "monspec": monspec(),
        "executionId": execution, "approvalAction": "ApproveStaging", "minutes": 5
    })
    .to_string();
    register(&world, &event).await;
    let lost = AwsFault::TimeoutAfterActing;
    world.aws.fail("PutApprovalResult", lost, 10);
    let first = only(&world.pass_window().await);
    assert_eq!(world.answered(&execution), ApprovalStatus::Approved);

    register(&world, &event).await;
    world.aws.fail("PutApprovalResult", lost, 0);
    let second = only(&world.pass_window().await);

    let superseded = world.validation(first).await;
    assert!(matches!(
        superseded.ending(),
        Some(Ending::Superseded { by }) if *by == second
    ));
    let successor = world.validation(second).await;
    assert!(
        matches!(
            successor.ending(),
            Some(Ending::Answered {
                answer: Answer::Approve,
                ..
            })
        ),
        "{:?}",
        successor.ending()
    );
}

async fn register(world: &World, event: &str) {
    let services = world.registering();
    register_validation(&services, Request::Direct(event), world.now)
        .await
        .unwrap();
}

/// One stage registers, tests and approves; it is rejected and retried as a
/// whole, and the new validation meets the old answer first.
async fn answer_from_before_the_registration_is_not_its_own(mut world: World) {
    let gate = Stage::new("Approve")
        .lambda("Register", "register-validation", GATE, 1, Some("Monspec"))
        .test("LoadTest")
        .approval("ApproveStaging");
    let pipeline = PipelineSpec::new(PIPELINE).stage(gate);
    world.aws.pipelines().create(pipeline);
    good_traffic(&world);
    let execution = world.release("1", &monspec()).await;
    click(&world, &execution, Click::Rejected, "not today");
    world.pass_window().await;
    let pipelines = world.aws.pipelines();
    pipelines
        .hold_deploy(PIPELINE, "Approve", "LoadTest")
        .unwrap();
    pipelines
        .retry_stage(PIPELINE, "Approve", &execution, RetryMode::AllActions)
        .unwrap();
    world.run_jobs().await;
    let ticked = world.pass_window().await;
    assert_eq!(world.validation(only(&ticked)).await.ending(), None);

    let pipelines = world.aws.pipelines();
    let done = fake_aws::pipeline::Ending::Succeeded;
    pipelines
        .finish_deploy(PIPELINE, "Approve", "LoadTest", &execution, done)
        .unwrap();
    world.advance(SignedDuration::from_mins(6));
    world.tick().await;

    assert_eq!(world.answered(&execution), ApprovalStatus::Approved);
}

async fn execution_that_failed_and_is_retried_is_answered(mut world: World) {
    let staging = Stage::new("Staging")
        .deploy("Deploy", "SampleDevOpsApp", "Staging", 1)
        .lambda("Register", "register-validation", GATE, 2, Some("Monspec"))
        .test("LoadTest");
    let approve = Stage::new("Approve").approval("ApproveStaging");
    world
        .aws
        .pipelines()
        .create(PipelineSpec::new(PIPELINE).stage(staging).stage(approve));
    let pipelines = world.aws.pipelines();
    pipelines
        .hold_deploy(PIPELINE, "Staging", "LoadTest")
        .unwrap();
    good_traffic(&world);
    let execution = world.release("1", &monspec()).await;
    let finish = |world: &World, ending| {
        let pipelines = world.aws.pipelines();
        pipelines
            .finish_deploy(PIPELINE, "Staging", "LoadTest", &execution, ending)
            .unwrap();
    };
    finish(&world, fake_aws::pipeline::Ending::Failed);
    world.pass_window().await;
    world
        .aws
        .pipelines()
        .retry_stage(PIPELINE, "Staging", &execution, RetryMode::FailedActions)
        .unwrap();
    finish(&world, fake_aws::pipeline::Ending::Succeeded);

    world.advance(SignedDuration::from_mins(6));
    world.tick().await;

    assert_eq!(world.answered(&execution), ApprovalStatus::Approved);
}

async fn held_verdict_waits_for_a_person(mut world: World) {
    world.gate(GATE);
    world.traffic(PRODUCTION, 100.0, 0.0);
    let execution = world.release("1", &monspec()).await;
    world.pass_window().await;
    world.advance(SignedDuration::from_mins(6));
    let ticked = world.tick().await;
    assert_eq!(world.answered(&execution), ApprovalStatus::Waiting);

    click(&world, &execution, Click::Rejected, "no load test ran");
    world.advance(SignedDuration::from_mins(6));
    world.tick().await;

    let validation = world.validation(only(&ticked)).await;
    assert!(
        matches!(validation.ending(), Some(Ending::Person(person)) if person.status == "Rejected")
    );
}

async fn approval_with_two_validations_needs_both(mut world: World) {
    two_gates(&world, "StagingToProduction,15,ApproveStaging");
    good_traffic(&world);
    let execution = world.release("1", &monspec()).await;

    let first = world.pass_window().await;
    assert_eq!(world.answered(&execution), ApprovalStatus::Waiting);
    world.advance(SignedDuration::from_mins(10));
    let second = world.tick().await;

    assert_eq!(world.answered(&execution), ApprovalStatus::Approved);
    world.advance(SignedDuration::from_mins(6));
    world.tick().await;
    // Both may have sent it; the token lets one of them answer.
    let mut runs = BTreeSet::new();
    for look in first.looks.iter().chain(&second.looks) {
        let validation = world.validation(look.about.registration.id).await;
        let Some(Ending::Answered {
            answer: Answer::Approve,
            action_execution,
            ..
        }) = validation.ending()
        else {
            panic!("{:?}", validation.ending());
        };
        runs.insert(action_execution.clone());
    }
    assert_eq!(runs.len(), 1);
}

async fn first_of_two_validations_that_fails_rejects(mut world: World) {
    two_gates(&world, "Limits,15,ApproveStaging");
    good_traffic(&world);
    let spec = one_fails_one_passes();
    let execution = world.release("1", &spec).await;

    world.pass_window().await;

    assert_eq!(world.answered(&execution), ApprovalStatus::Rejected);
}

async fn rejection_of_one_validation_is_no_persons_to_the_other(mut world: World) {
    two_gates(&world, "Limits,5,ApproveStaging");
    good_traffic(&world);
    let spec = one_fails_one_passes();
    let execution = world.release("1", &spec).await;
    let ticked = world.pass_window().await;
    assert_eq!(world.answered(&execution), ApprovalStatus::Rejected);

    world
        .aws
        .pipelines()
        .retry_stage(PIPELINE, "Approve", &execution, RetryMode::FailedActions)
        .unwrap();
    world.advance(SignedDuration::from_mins(6));
    world.tick().await;

    assert_eq!(world.answered(&execution), ApprovalStatus::Waiting);
    assert_eq!(ticked.looks.len(), 2);
    for look in &ticked.looks {
        let validation = world.validation(look.about.registration.id).await;
        assert!(
            matches!(
                validation.ending(),
                Some(Ending::Answered {
                    answer: Answer::Reject,
                    ..
                })
            ),
            "{:?}",
            validation.ending()
        );
    }
}

async fn verdict_waits_until_its_execution_reaches_the_approval(mut world: World) {
    let staging = Stage::new("Staging")
        .deploy("Deploy", "SampleDevOpsApp", "Staging", 1)
        .lambda("Register", "register-validation", GATE, 2, Some("Monspec"))
        .test("LoadTest");
    world.aws.pipelines().create(
        PipelineSpec::new(PIPELINE)
            .stage(staging)
            .stage(Stage::new("Approve").approval("ApproveStaging")),
    );
    world
        .aws
        .pipelines()
        .hold_deploy(PIPELINE, "Staging", "LoadTest")
        .unwrap();
    good_traffic(&world);
    let execution = world.release("1", &monspec()).await;
    let ticked = world.pass_window().await;
    let id = only(&ticked);
    assert_eq!(world.answered(&execution), ApprovalStatus::NotReached);
    assert_eq!(world.validation(id).await.phase(), Phase::Judged);

    let pipelines = world.aws.pipelines();
    pipelines
        .finish_deploy(
            PIPELINE,
            "Staging",
            "LoadTest",
            &execution,
            fake_aws::pipeline::Ending::Succeeded,
        )
        .unwrap();
    world.advance(SignedDuration::from_mins(6));
    world.tick().await;

    assert_eq!(world.answered(&execution), ApprovalStatus::Approved);
}

async fn stopped_execution_ends_its_validation(mut world: World) {
    world.gate(GATE);
    good_traffic(&world);
    let execution = world.release("1", &monspec()).await;
    world
        .aws
        .pipelines()
        .stop(PIPELINE, &execution, StopMode::Abandon)
        .unwrap();

    let ticked = world.pass_window().await;

    let validation = world.validation(only(&ticked)).await;
    assert_eq!(validation.phase(), Phase::Settled);
    assert!(
        matches!(validation.ending(), Some(Ending::ExecutionEnded { .. })),
        "{:?}",
        validation.ending()
    );
    let deployment = &validation.registration.deployments[0];
    let known = world
        .ledger
        .deployments(&deployment.group, world.now)
        .await
        .unwrap();
    assert_eq!(
        known[0].standing,
        Standing::Good,
        "nobody decided otherwise"
    );
    assert_eq!(world.aws.calls("PutApprovalResult"), 0);
}

async fn newer_execution_is_never_answered_by_an_older_verdict(mut world: World) {
    world.gate(GATE);
    good_traffic(&world);
    let first = world.release("1", &monspec()).await;
    click(&world, &first, Click::Rejected, "wrong version");
    world.advance(SignedDuration::from_mins(6));
    world.traffic_between(
        STAGING,
        world.now.as_millisecond(),
        world.now.as_millisecond() + 1_000_000,
        900.0,
        0.5,
    );
    let second = world.release("2", &monspec()).await;
    assert_eq!(world.answered(&second), ApprovalStatus::Waiting);

    // The verdict of the first is good, the approval of the second is open.
    world.advance(SignedDuration::from_mins(2));
    world.tick().await;

    assert_eq!(world.answered(&second), ApprovalStatus::Waiting);
    world.pass_window().await;
    assert_eq!(world.answered(&second), ApprovalStatus::Rejected);
    let status = world
        .aws
        .pipelines()
        .execution(PIPELINE, &second)
        .unwrap()
        .status;
    assert_eq!(status, ExecutionStatus::Failed);
}

async fn nobody_answers_for_ever(mut world: World) {
    world.gate(GATE);
    world.traffic(PRODUCTION, 100.0, 0.0);
    let execution = world.release("1", &monspec()).await;
    world.pass_window().await;
    world.advance(SignedDuration::from_mins(6));
    let ticked = world.tick().await;

    world.advance(SignedDuration::from_hours(25));
    world.tick().await;

    let validation = world.validation(only(&ticked)).await;
    assert_eq!(validation.phase(), Phase::Settled);
    assert!(matches!(validation.ending(), Some(Ending::GaveUp { .. })));
    assert_eq!(world.answered(&execution), ApprovalStatus::Waiting);
    world.advance(SignedDuration::from_hours(1));
    assert!(world.tick().await.looks.is_empty());
}

async fn validation_without_approval_is_judged_and_settled(mut world: World) {
    world.gate("StagingToProduction");
    good_traffic(&world);
    world
        .release("1", &monspec_with("whenInconclusive", json!("reject")))
        .await;

    let ticked = world.pass_window().await;

    let validation = world.validation(only(&ticked)).await;
    assert_eq!(validation.phase(), Phase::Settled);
    assert_eq!(validation.ending(), Some(&Ending::NothingToAnswer));
    assert_eq!(validation.judgement().unwrap().answer, Answer::Approve);
    assert_eq!(world.aws.calls("PutApprovalResult"), 0);
}

fn good_traffic(world: &World) {
    world.traffic(STAGING, 100.0, 0.0);
    world.traffic(PRODUCTION, 100.0, 0.0);
}

fn click(world: &World, execution: &str, answer: Click, reason: &str) {
    world
        .aws
        .pipelines()
        .answer_by_person(
            PIPELINE,
            "Approve",
            "ApproveStaging",
            execution,
            answer,
            reason,
        )
        .unwrap();
}

/// Two registering actions before one approval.
fn two_gates(world: &World, second: &str) {
    let staging = Stage::new("Staging")
        .deploy("Deploy", "SampleDevOpsApp", "Staging", 1)
        .lambda("Register", "register-validation", GATE, 2, Some("Monspec"))
        .lambda(
            "RegisterLonger",
            "register-validation",
            second,
            2,
            Some("Monspec"),
        );
    world.aws.pipelines().create(
        PipelineSpec::new(PIPELINE)
            .stage(staging)
            .stage(Stage::new("Approve").approval("ApproveStaging")),
    );
}

/// `StagingToProduction` holds a limit that no build can meet, `Limits` none.
fn one_fails_one_passes() -> serde_json::Value {
    let mut spec = monspec();
    let mut limits = spec["SampleJSonService"].clone();
    limits["comparisons"] = json!([{"name": "StagingToProduction", "source": "Staging"}]);
    limits["perfsignature"] = json!([{
        "timeseries": "com.dynatrace.builtin:service.responsetime", "aggregate": "avg", "upperlimit": 1
    }]);
    spec["SampleJSonService"]["comparisons"][1]["name"] = json!("Limits");
    spec["Strict"] = limits;
    spec
}
