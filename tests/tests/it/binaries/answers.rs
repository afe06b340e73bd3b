//! What a build meets, from its registration to its answered approval.

use std::time::Duration;

use fake_aws::pipeline::ApprovalStatus;
use fake_aws::ssm::Kind;
use lab::world::{REPORT, Settings, Traffic};
use monspec::Verdict;
use release::approval::Answer;
use release::validation::{Ending, Hook, Phase};
use serde_json::json;

use super::receiver::Receiver;
use super::{
    PATIENCE, answered, gated, lines, measured, parameters, registered, settled, status, stored,
    told, under_both,
};

#[tokio::test]
async fn good_build_is_approved() {
    let story = async |api| {
        let world = gated(Settings::default().api(api)).await;
        let build = registered(&world).await;

        answered(&world, &build.execution).await;

        let approval = world.approval(&build.execution).unwrap();
        assert_eq!(approval.status, ApprovalStatus::Approved);
        let summary = approval.summary.unwrap();
        assert!(
            summary.starts_with("Passed: 4 of 4 signatures held."),
            "{summary}"
        );
        assert!(
            summary.contains(&format!("{REPORT}/v/{}?e=", build.id)),
            "{summary}"
        );
        settled(&world, build.id).await;
        let stored = stored(&world, build.id).await;
        let ours = Ending::Answered {
            answer: Answer::Approve,
            action_execution: approval.action_execution_id.unwrap(),
            overridden: None,
        };
        assert_eq!(stored.ending(), Some(&ours));
    };
    Box::pin(under_both(story)).await;
}

#[tokio::test]
async fn bad_build_is_rejected_with_its_worst_numbers() {
    let story = async |api| {
        let world = gated(Settings::default().api(api)).await;
        world.traffic(Traffic::SICK, Traffic::HEALTHY);
        let build = registered(&world).await;

        answered(&world, &build.execution).await;

        let approval = world.approval(&build.execution).unwrap();
        assert_eq!(approval.status, ApprovalStatus::Rejected);
        let summary = approval.summary.unwrap();
        assert!(
            summary.starts_with("Failed: 3 of 4 signatures violated."),
            "{summary}"
        );
        assert!(
            summary.contains("service.responsetime avg 300000 > 115000 (baseline 100000)."),
            "{summary}"
        );
        let link = format!("{REPORT}/v/{}?e=", build.id);
        let (_, signed) = summary.split_once(&link).expect("the link is whole");
        assert!(
            signed.contains("&k=lab&s=") && !signed.contains(' '),
            "{summary}"
        );
        assert!(summary.chars().count() <= 512, "{summary}");
    };
    Box::pin(under_both(story)).await;
}

#[tokio::test]
async fn refused_token_holds_the_approval() {
    let story = async |api| {
        let refused = Settings::default()
            .api(api)
            .with("DT_API_TOKEN", "dt0c01.REVOKED.TOKEN");
        let world = gated(refused).await;
        let build = registered(&world).await;

        let judged = async || stored(&world, build.id).await.judgement().is_some();
        world
            .tick_until("the build is judged", PATIENCE, judged)
            .await
            .unwrap();

        assert_eq!(status(&world, &build.execution), ApprovalStatus::Waiting);
        let judged = stored(&world, build.id).await;
        let judgement = judged.judgement().unwrap();
        assert_eq!(judgement.verdict, Verdict::Inconclusive);
        assert!(judgement.summary.contains("token"), "{}", judgement.summary);
        assert_eq!(world.aws.calls("PutApprovalResult"), 0);
        let [line] = measured(&world.logs(), build.id).try_into().unwrap();
        assert_eq!(
            (&line["Inconclusive"], &line["Held"]),
            (&json!(1.0), &json!(1.0))
        );
    };
    Box::pin(under_both(story)).await;
}

#[tokio::test]
async fn each_validation_leaves_a_line_for_people_and_one_of_metrics() {
    let world = gated(Settings::default()).await;
    let build = registered(&world).await;
    settled(&world, build.id).await;
    assert_eq!(stored(&world, build.id).await.phase(), Phase::Settled);

    let registering = told(&world.register.logs(), build.id);
    assert_eq!(registering.len(), 1, "{registering:?}");
    assert_eq!(registering[0]["level"], "INFO");

    let judging = told(&world.validate.logs(), build.id);
    assert_eq!(judging.len(), 1, "{judging:?}");
    assert_eq!(judging[0]["pipeline.name"], "Sample");
    assert_eq!(judging[0]["comparison"], "StagingToProduction");
    assert_eq!(judging[0]["verdict"], "passed");
    assert_eq!(judging[0]["ending"], "answered");

    let [line] = measured(&world.validate.logs(), build.id)
        .try_into()
        .unwrap();
    assert_eq!(line["Pipeline"], "Sample");
    assert_eq!(line["Comparison"], "StagingToProduction");
    for (metric, count) in [
        ("Passed", 1.0),
        ("Failed", 0.0),
        ("Inconclusive", 0.0),
        ("Held", 0.0),
    ] {
        assert_eq!(line[metric], json!(count), "{metric}");
    }
}

#[tokio::test]
async fn build_is_judged_without_a_link_when_the_keys_of_links_cannot_be_used() {
    let parameter = "/somewhere/report-keys";
    for (stored, told) in [
        (Some("weak:short"), "the secret of key `weak` is shorter"),
        (None, "the SSM parameter `/somewhere/report-keys`"),
    ] {
        let world = gated(Settings::default().with("REPORT_KEYS_PARAMETER", parameter)).await;
        if let Some(keys) = stored {
            world.aws.ssm().put(parameter, Kind::SecureString, keys);
        }
        let build = registered(&world).await;

        answered(&world, &build.execution).await;

        let approval = world.approval(&build.execution).unwrap();
        assert_eq!(approval.status, ApprovalStatus::Approved);
        let summary = approval.summary.unwrap();
        assert!(!summary.contains(REPORT), "{summary}");
        let lines = lines(&world.validate.logs());
        let errors: Vec<&str> = lines
            .iter()
            .filter(|line| line["level"] == "ERROR")
            .filter_map(|line| line["message"].as_str())
            .collect();
        assert!(
            !errors.is_empty() && errors.iter().all(|error| error.contains(told)),
            "{errors:?}"
        );
        // Keys that are there are told once while they are cached; keys that
        // are not there are looked for at every tick.
        assert!(stored.is_none() || errors.len() == 1, "{errors:?}");
    }
}

#[tokio::test]
async fn build_is_judged_and_its_result_waits_while_the_secret_of_hooks_is_missing() {
    let story = async |api| {
        let hook = Receiver::start().await;
        let settings = Settings::default().api(api);
        let secret = settings.hook_secret().to_owned();
        let world = gated(settings.with("ALLOWED_ORIGINS", &hook.origin)).await;
        let mut parameters = parameters();
        parameters["resultHook"] = json!(hook.address());
        world.gate(&parameters);
        let parameter = "/unbreakable/result-hook-secret";
        world.aws.ssm().remove(parameter);
        let build = registered(&world).await;

        answered(&world, &build.execution).await;

        let approval = world.approval(&build.execution).unwrap();
        assert_eq!(approval.status, ApprovalStatus::Approved);
        assert_eq!(stored(&world, build.id).await.hook(), Hook::Owed);
        let logs = world.validate.logs();
        let told = "No result is posted until its hook can be signed: the SSM parameter";
        assert!(logs.contains(told), "{logs}");
        assert!(logs.contains("HooksUnsigned"), "{logs}");

        world.aws.ssm().put(parameter, Kind::SecureString, &secret);
        settled(&world, build.id).await;

        assert_eq!(stored(&world, build.id).await.hook(), Hook::Delivered);
        let [(signed, posted)] = hook.received().try_into().unwrap();
        assert!(signed && posted["validation"] == json!(build.id));
    };
    Box::pin(under_both(story)).await;
}

#[tokio::test]
async fn call_to_aws_that_hangs_is_a_fault_and_the_answer_follows() {
    let world = gated(Settings::default()).await;
    let build = registered(&world).await;
    world.aws.slow_down("GetPipelineState", PATIENCE);

    let faulted = async || stored(&world, build.id).await.counts.faults != 0;
    world
        .tick_until("the fault is written down", PATIENCE, faulted)
        .await
        .unwrap();

    assert_eq!(status(&world, &build.execution), ApprovalStatus::Waiting);
    world.aws.slow_down("GetPipelineState", Duration::ZERO);
    answered(&world, &build.execution).await;
    assert_eq!(status(&world, &build.execution), ApprovalStatus::Approved);
}
