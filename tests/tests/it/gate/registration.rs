//! Who may ask for what, and what they hear.

use fake_aws::pipeline::{
    ApprovalStatus, JobContext, JobStatus, Mode, PipelineSpec, SourceRevision, Stage,
};
use jiff::SignedDuration;
use monspec::Verdict;
use release::validation::{Ending, Phase, Registrant};
use serde_json::{Value, json};
use workflows::register_validation::{Outcome, Request, register_validation};

use crate::world::{GATE, PIPELINE, PRODUCTION, STAGING, World, monspec, only};

async fn world() -> World {
    World::start(dynatrace::Api::V2).await
}

/// The message and type of a refused job.
async fn refusal(world: &World, monspec: &Value) -> String {
    world.start_execution("1", monspec);
    let ends = world.run_jobs().await;
    match ends.as_slice() {
        [JobStatus::Failed { r#type, message }] => format!("{type}: {message}"),
        other => panic!("expected one failed job, got {other:?}"),
    }
}

#[tokio::test]
async fn same_job_twice_gives_one_validation() {
    let mut world = world().await;
    world.gate(GATE);
    let execution = world.start_execution("1", &monspec());
    let job = world.aws.pipelines().next_job().unwrap();
    let Outcome::Waiting { due_at: told, .. } = world.run_job(&job).await.unwrap() else {
        panic!("the registration waits");
    };

    world.advance(SignedDuration::from_mins(1));
    let again = world.aws.pipelines().redeliver(&job.id).unwrap();
    let outcome = world.run_job(&again).await.unwrap();

    assert!(told.is_some());
    assert!(
        matches!(outcome, Outcome::Waiting { already: true, due_at, .. } if due_at == told),
        "{outcome:?}"
    );
    world.traffic(STAGING, 100.0, 0.0);
    world.traffic(PRODUCTION, 100.0, 0.0);
    only(&world.pass_window().await);
    assert_eq!(world.answered(&execution), ApprovalStatus::Approved);
}

#[tokio::test]
async fn same_action_again_supersedes_what_it_asked_for() {
    let mut world = world().await;
    let gate = Stage::new("Gate")
        .lambda("Register", "register-validation", GATE, 1, Some("Monspec"))
        .test("LoadTest")
        .approval("ApproveStaging");
    world
        .aws
        .pipelines()
        .create(PipelineSpec::new(PIPELINE).stage(gate));
    let pipelines = world.aws.pipelines();
    pipelines.hold_deploy(PIPELINE, "Gate", "LoadTest").unwrap();
    let execution = world.start_execution("1", &monspec());
    let job = pipelines.next_job().unwrap();
    let Outcome::Waiting { id: first, .. } = world.run_job(&job).await.unwrap() else {
        panic!("the first registration waits");
    };
    pipelines
        .finish_deploy(
            PIPELINE,
            "Gate",
            "LoadTest",
            &execution,
            fake_aws::pipeline::Ending::Failed,
        )
        .unwrap();
    pipelines
        .retry_stage(
            PIPELINE,
            "Gate",
            &execution,
            fake_aws::pipeline::RetryMode::AllActions,
        )
        .unwrap();
    world.advance(SignedDuration::from_mins(1));
    let job = world.aws.pipelines().next_job().unwrap();
    let Outcome::Waiting { id: second, .. } = world.run_job(&job).await.unwrap() else {
        panic!("the second registration waits");
    };

    let superseded = world.validation(first).await;

    assert_eq!(superseded.phase(), Phase::Settled);
    assert_eq!(
        superseded.ending(),
        Some(&Ending::Superseded { by: second })
    );
    assert_eq!(only(&world.pass_window().await), second);
}

#[tokio::test]
async fn what_was_asked_for_is_all_in_the_record() {
    let world = world().await;
    world.gate("StagingToProduction,10,ApproveStaging");
    let execution = world.start_execution("0123456789abcdef", &monspec());
    let job = world.aws.pipelines().next_job().unwrap();
    let Outcome::Waiting { id, .. } = world.run_job(&job).await.unwrap() else {
        panic!("the registration waits");
    };

    let registration = world.validation(id).await.registration;

    assert_eq!(registration.pipeline, PIPELINE);
    assert_eq!(registration.execution.as_deref(), Some(execution.as_str()));
    assert_eq!(registration.comparison, "StagingToProduction");
    assert_eq!(registration.window.length(), SignedDuration::from_mins(10));
    assert_eq!(registration.approval.unwrap().stage, "Approve");
    assert_eq!(registration.version, "0123456789ab Change the cart");
    assert!(
        matches!(&registration.registrant, Registrant::Action { stage, action } if stage == "Staging" && action == "Register")
    );
    let [deployment] = registration.deployments.as_slice() else {
        panic!("{:?}", registration.deployments);
    };
    assert_eq!(deployment.group.to_string(), "SampleDevOpsApp/Staging");
    assert_eq!(deployment.execution.as_deref(), Some(execution.as_str()));
    assert_eq!(
        world.validations.spec(&registration.spec).await.unwrap(),
        Some(monspec().to_string())
    );
}

#[tokio::test]
async fn unusable_parameters_fail_the_job_with_what_to_write() {
    let world = world().await;
    for (parameters, part) in [
        ("", "ConfigurationError: UserParameters is empty"),
        (
            "StagingToProduction,soon",
            "`soon` is not a number of minutes",
        ),
        (
            "Nonsense,5",
            "no comparison `Nonsense`; it has `StagingToProduction`",
        ),
        (
            "StagingToProduction,5,Nobody",
            "no action `Nobody`; its approval actions are `ApproveStaging`",
        ),
        (
            "StagingToProduction,5,Register",
            "the action `Register` of the pipeline `Sample` is not an approval",
        ),
        ("StagingToStagingLastHour,90", "the windows overlap"),
        (
            "StagingToProduction,5,ApproveStaging,no-such-execution",
            "has no execution",
        ),
        (
            r#"{"comparison":"StagingToProduction","resultHook":"https://hooks.example/"}"#,
            "add it to ALLOWED_ORIGINS",
        ),
        (
            "StagingToProduction,https://specs.example/monspec.json",
            "add it to ALLOWED_ORIGINS",
        ),
        (
            "StagingToProduction,http://169.254.169.254/latest",
            "must begin with https",
        ),
    ] {
        world.gate(parameters);
        let refusal = refusal(&world, &monspec()).await;
        assert!(refusal.contains(part), "{parameters}: {refusal}");
    }
}

#[tokio::test]
async fn file_of_another_dialect_is_refused_once_with_what_it_is() {
    let world = world().await;
    world.gate(GATE);
    let perfspec = json!({
        "spec_version": "1.1",
        "indicators": [{"id": "a", "source": "Dynatrace", "query": {}, "grading": {}}],
        "objectives": {"pass": 90, "warning": 75}
    });

    let refusal = refusal(&world, &perfspec).await;

    assert!(
        refusal.contains(
            "monspec.json has 1 error:\n1:1: error: this is no monspec but a perfspec of Pitometer"
        ),
        "{refusal}"
    );
}

#[tokio::test]
async fn ambiguous_approval_is_refused() {
    let world = world().await;
    let stage =
        Stage::new("Staging").lambda("Register", "register-validation", GATE, 1, Some("Monspec"));
    world.aws.pipelines().create(
        PipelineSpec::new(PIPELINE)
            .stage(stage)
            .stage(Stage::new("One").approval("ApproveStaging"))
            .stage(Stage::new("Two").approval("ApproveStaging")),
    );

    let refusal = refusal(&world, &monspec()).await;

    assert!(
        refusal.contains("ambiguous: the stages One, Two"),
        "{refusal}"
    );
}

#[tokio::test]
async fn parallel_pipeline_must_say_which_execution() {
    let world = world().await;
    world.gate_in(Mode::Parallel, GATE);
    let refusal = refusal(&world, &monspec()).await;
    assert!(
        refusal.contains("#{codepipeline.PipelineExecutionId}"),
        "{refusal}"
    );

    world.aws.pipelines().job_context(JobContext::WithExecution);
    world.start_execution("2", &monspec());
    assert_eq!(world.run_jobs().await, [JobStatus::Succeeded]);
}

#[tokio::test]
async fn rollback_execution_neither_gates_nor_teaches() {
    let mut world = world().await;
    world.gate(GATE);
    world.traffic(STAGING, 100.0, 0.0);
    world.traffic(PRODUCTION, 100.0, 0.0);
    let execution = world.release("1", &monspec()).await;
    world.pass_window().await;
    let deployments = |world: &World| {
        let group = release::deployment::Group {
            application: "SampleDevOpsApp".to_owned(),
            name: "Staging".to_owned(),
        };
        let ledger = world.ledger.clone();
        let now = world.now;
        async move { ledger.deployments(&group, now).await.unwrap().len() }
    };
    let known = deployments(&world).await;

    world
        .aws
        .pipelines()
        .start_rollback(PIPELINE, "Staging", &execution)
        .unwrap();
    assert_eq!(world.run_jobs().await, [JobStatus::Succeeded]);

    assert_eq!(deployments(&world).await, known);
    assert!(world.pass_window().await.looks.is_empty());
}

#[tokio::test]
async fn malformed_and_hostile_specs_fail_the_job_with_their_place() {
    let world = world().await;
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let mut typo = monspec();
    typo["SampleJSonService"]["perfsignature"][0] =
        json!({"timeseriers": "com.dynatrace.builtin:service.responsetime"});
    let typo = typo.to_string();
    let column = 1 + typo.find("\"timeseriers\"").unwrap();
    let typo_told = format!("\n1:{column}: error: unknown field \"timeseriers\"");
    for (name, body, part) in [
        ("not JSON", "{".to_owned(), "\n1:1: error: not JSON"),
        ("no object", "[]".to_owned(), "\n1:1: error: a monspec is"),
        ("too deep", deep, "\n1:65: error: the file nests deeper"),
        ("binary", "\u{0}\u{1}".to_owned(), "\n1:1: error: not JSON"),
        // Nobody reads so far that there would be a place to tell.
        ("huge", " ".repeat(600 * 1024), "larger than"),
        ("typo", typo, &typo_told),
        ("empty", String::new(), "\n1:1: error: the file is empty"),
    ] {
        world.gate(GATE);
        let source = SourceRevision::new("1", "Break the spec").artifact("Monspec", body);
        world.aws.pipelines().start(PIPELINE, source).unwrap();
        let ends = world.run_jobs().await;
        let [JobStatus::Failed { r#type, message }] = ends.as_slice() else {
            panic!("{name}: {ends:?}");
        };
        assert_eq!(r#type, "ConfigurationError", "{name}");
        assert!(message.contains(part), "{name}: {message}");
    }
}

#[tokio::test]
async fn spec_that_no_record_could_hold_is_refused() {
    let world = world().await;
    let signature = json!({"timeseries": "com.dynatrace.builtin:service.responsetime"});
    let mut many = monspec();
    many["SampleJSonService"]["perfsignature"] = json!(vec![signature; 501]);
    world.gate("StagingToProduction");
    let told = refusal(&world, &many).await;
    assert!(told.contains("judges 501 signatures"), "{told}");

    let mut long = monspec();
    let comparison =
        json!({"name": "x".repeat(5_000), "source": "Staging", "compare": "Production"});
    long["SampleJSonService"]["comparisons"] = json!([comparison]);
    world.gate(r#"{"minutes":5}"#);
    let told = refusal(&world, &long).await;
    assert!(told.contains("5000 characters"), "{told}");
}

#[tokio::test]
async fn spec_in_a_zipped_artifact_is_found() {
    let mut world = world().await;
    world.gate(GATE);
    world.traffic(STAGING, 100.0, 0.0);
    world.traffic(PRODUCTION, 100.0, 0.0);
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, body) in [
        ("app.js", "// no spec".to_owned()),
        ("monspec.json", monspec().to_string()),
    ] {
        zip.start_file(name, zip::write::SimpleFileOptions::default())
            .unwrap();
        std::io::Write::write_all(&mut zip, body.as_bytes()).unwrap();
    }
    let body = zip.finish().unwrap().into_inner();
    let source = SourceRevision::new("1", "Zip it").artifact("Monspec", body);
    let execution = world.aws.pipelines().start(PIPELINE, source).unwrap();
    world.run_jobs().await;

    world.pass_window().await;

    assert_eq!(world.answered(&execution), ApprovalStatus::Approved);
}

#[tokio::test]
async fn another_caller_registers_without_a_pipeline() {
    let mut world = world().await;
    world.traffic(STAGING, 300.0, 0.0);
    world.traffic(PRODUCTION, 100.0, 0.0);
    let event =
        json!({"pipeline": "Nightly", "comparison": "StagingToProduction", "monspec": monspec()});
    let outcome = register_validation(
        &world.registering(),
        Request::Direct(&event.to_string()),
        world.now,
    )
    .await;
    let Ok(Outcome::Waiting { id, .. }) = outcome else {
        panic!("{outcome:?}");
    };

    world.pass_window().await;

    let validation = world.validation(id).await;
    assert_eq!(validation.phase(), Phase::Settled);
    assert_eq!(validation.judgement().unwrap().verdict, Verdict::Failed);
    assert!(world.aws.pipelines().calls().is_empty());
}

#[tokio::test]
async fn another_caller_may_answer_an_approval_of_a_named_execution() {
    let mut world = world().await;
    world.traffic(STAGING, 100.0, 0.0);
    world.traffic(PRODUCTION, 100.0, 0.0);
    let staging = Stage::new("Staging").deploy("Deploy", "SampleDevOpsApp", "Staging", 1);
    let approve = Stage::new("Approve").approval("ApproveStaging");
    world
        .aws
        .pipelines()
        .create(PipelineSpec::new(PIPELINE).stage(staging).stage(approve));
    let execution = world.start_execution("1", &monspec());
    let event = json!({
        "pipeline": PIPELINE, "comparison": "StagingToProduction", "monspec": monspec(),
        "executionId": execution, "approvalAction": "ApproveStaging", "minutes": 5
    });
    register_validation(
        &world.registering(),
        Request::Direct(&event.to_string()),
        world.now,
    )
    .await
    .unwrap();

    let ticked = world.pass_window().await;

    assert_eq!(world.answered(&execution), ApprovalStatus::Approved);
    let judged = world
        .validation(only(&ticked))
        .await
        .registration
        .deployments;
    assert_eq!(judged.len(), 1);
}
