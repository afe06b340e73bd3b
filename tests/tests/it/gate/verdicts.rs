//! What is judged, and what CodePipeline is told.

use jiff::SignedDuration;
use lab::pipeline::ApprovalStatus;
use monspec::Verdict;
use release::validation::{Ending, Phase};

use crate::gate::stories;
use crate::world::{GATE, PRODUCTION, STAGING, World, monspec, only};

stories! {
    good_build_is_approved,
    bad_build_is_rejected_with_its_worst_numbers,
}

async fn good_build_is_approved(mut world: World) {
    world.gate(GATE);
    let execution = world.release("1", &monspec()).await;
    world.traffic(STAGING, 100.0, 0.0);
    world.traffic(PRODUCTION, 100.0, 0.0);
    world.advance(SignedDuration::from_mins(4));
    assert!(
        world.tick().await.reports.is_empty(),
        "the window has not ended"
    );

    let ticked = world.pass_window().await;

    assert_eq!(world.answered(&execution), ApprovalStatus::Approved);
    let validation = world.validation(only(&ticked)).await;
    assert_eq!(validation.phase, Phase::Settled);
    assert!(matches!(validation.ending, Some(Ending::Answered { .. })));
    let summary = world.approval(&execution).summary.unwrap();
    assert!(
        summary.starts_with("Passed: 4 of 4 signatures held."),
        "{summary}"
    );
    assert!(
        summary.contains(&format!("https://report.example/v/{}", only(&ticked))),
        "{summary}"
    );
}

async fn bad_build_is_rejected_with_its_worst_numbers(mut world: World) {
    world.gate(GATE);
    let execution = world.release("2", &monspec()).await;
    world.traffic(STAGING, 300.0, 0.5);
    world.traffic(PRODUCTION, 100.0, 0.0);

    let ticked = world.pass_window().await;

    assert_eq!(world.answered(&execution), ApprovalStatus::Rejected);
    let summary = world.approval(&execution).summary.unwrap();
    assert!(
        summary.starts_with("Failed: 3 of 4 signatures violated."),
        "{summary}"
    );
    assert!(
        summary.contains(
            "SampleJSonService service.responsetime avg 300000 > 115000 (baseline 100000)."
        ),
        "{summary}"
    );
    assert!(summary.chars().count() <= 512, "{summary}");
    let evidence = world.evidence(only(&ticked)).await;
    assert_eq!(evidence.verdict, Verdict::Failed);
    assert_eq!(evidence.findings.len(), 4);
    assert!(
        evidence
            .findings
            .iter()
            .all(|found| found.compare.is_some())
    );
}
