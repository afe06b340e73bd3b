//! What the pipeline's own history says, however long it is, and what of it is
//! never shown.

use delivery::approval::{ApprovalRef, ApprovalState};
use delivery::pipeline::Mode as Passing;
use fake_aws::pipeline::{Mode, PipelineSpec, Stage};
use jiff::{SignedDuration, Timestamp};

use crate::world::{PIPELINE, World, monspec};

#[tokio::test]
async fn runs_of_one_execution_are_read_over_all_pages() {
    let world = World::start(dynatrace::Api::V2).await;
    let tests = (1..=130).fold(Stage::new("Test"), |stage, test| {
        stage.test(&format!("Test{test}"))
    });
    let pipeline = PipelineSpec::new(PIPELINE).stage(tests);
    world.aws.pipelines().create(pipeline);
    let execution = world.start_execution("1", &monspec());

    let runs = world.codepipeline().runs(PIPELINE, &execution).await;

    let runs = runs.unwrap();
    for test in 1..=130 {
        let name = format!("Test{test}");
        assert!(runs.iter().any(|run| run.action == name), "{name}");
    }
    assert!(1 < world.aws.calls("ListActionExecutions"));
}

#[tokio::test]
async fn history_is_read_back_as_far_as_asked_and_no_further() {
    let mut world = World::start(dynatrace::Api::V2).await;
    let tests = (1..=9).fold(Stage::new("Test"), |stage, test| {
        stage.test(&format!("Test{test}"))
    });
    let pipeline = PipelineSpec::new(PIPELINE).mode(Mode::Parallel);
    world.aws.pipelines().create(pipeline.stage(tests));
    let mut started = Vec::new();
    for revision in 0..40 {
        world.advance(SignedDuration::from_mins(1));
        started.push(world.start_execution(&revision.to_string(), &monspec()));
    }
    let last_but_19 = world.now - SignedDuration::from_mins(19);

    for (since, expected) in [
        (Timestamp::UNIX_EPOCH, &started[..]),
        (last_but_19, &started[20..]),
        (world.now, &started[39..]),
    ] {
        let runs = world.codepipeline().runs_since(PIPELINE, since).await;
        let mut seen: Vec<String> = runs.unwrap().into_iter().map(|run| run.execution).collect();
        seen.dedup();
        seen.reverse();
        assert_eq!(seen, expected, "since {since}");
    }
    let before = world.aws.calls("ListActionExecutions");
    let pipeline = world.codepipeline();
    pipeline.runs_since(PIPELINE, world.now).await.unwrap();
    assert_eq!(
        world.aws.calls("ListActionExecutions") - before,
        1,
        "the last minute is on the first page"
    );
}

#[tokio::test]
async fn token_of_an_approval_is_never_shown() {
    let world = World::start(dynatrace::Api::V2).await;
    let approve = Stage::new("Approve").approval("ApproveStaging");
    let pipeline = PipelineSpec::new(PIPELINE).mode(Mode::Parallel);
    world.aws.pipelines().create(pipeline.stage(approve));
    let execution = world.start_execution("1", &monspec());
    let token = world.approval(&execution).token.unwrap();

    let runs = world.codepipeline().runs(PIPELINE, &execution).await;
    let approval = ApprovalRef {
        pipeline: PIPELINE,
        mode: Passing::Parallel,
        execution: &execution,
        stage: "Approve",
        action: "ApproveStaging",
    };
    let state = world.codepipeline().approval(approval).await.unwrap();

    let runs = runs.unwrap();
    assert!(runs.iter().any(|run| run.token.is_some()));
    assert!(matches!(state, ApprovalState::Open { .. }));
    for shown in [format!("{runs:?}"), format!("{state:#?}")] {
        assert!(shown.contains("ApproveStaging"));
        assert!(!shown.contains(&token), "{shown}");
    }
}
