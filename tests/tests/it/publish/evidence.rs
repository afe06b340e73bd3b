//! What is in the artifact, and how it gets there.

use fake_aws::pipeline::{ApprovalStatus, JobStatus};
use jiff::SignedDuration;
use monspec::Verdict;
use serde_json::{Value, json};
use workflows::publish_validation::Outcome;

use super::{judged, published, unzipped, with_traffic};
use crate::schema;

#[tokio::test]
async fn artifact_holds_the_verdict_for_machines_for_2018_and_for_people() {
    let mut world = with_traffic(300.0).await;
    world.publishing("Register");
    let job = judged(&mut world).await;

    let evidence = published(world.publish(&job).await);

    assert_eq!(evidence.verdict, Verdict::Failed);
    assert_eq!(evidence.violations, 2);
    let files = unzipped(&world.artifact(&job).unwrap());
    let [(validation, all), (monspec, annotated), (report, page)] = files.as_slice() else {
        panic!(
            "{:?}",
            files.iter().map(|(name, _)| name).collect::<Vec<_>>()
        );
    };
    assert_eq!(
        [validation, monspec, report],
        ["validation.json", "monspec.json", "report.html"]
    );
    let all: Value = serde_json::from_str(all).unwrap();
    schema::assert_is("Evaluation", &all);
    assert_eq!(all["validation"], json!(evidence.id));
    assert_eq!(all["state"], "failed");
    assert_eq!(all["findings"].as_array().unwrap().len(), 4);
    let annotated: Value = serde_json::from_str(annotated).unwrap();
    assert_eq!(annotated["_resolved_comparison"], "StagingToProduction");
    let entry = &annotated["SampleJSonService"];
    assert_eq!(entry["status"], "violation");
    assert_eq!(entry["perfsignature"][0]["status"], "violation");
    assert_eq!(entry["perfsignature"][0]["actualSourceValue"], 300_000.0);
    assert!(
        page.contains("Failed: 2 of 4 signatures violated"),
        "{page}"
    );
}

#[tokio::test]
async fn evidence_published_again_has_the_same_bytes() {
    let mut world = with_traffic(100.0).await;
    world.publishing("Register");
    let job = judged(&mut world).await;
    let first = published(world.publish(&job).await);
    let written = world.artifact(&job).unwrap();
    world.advance(SignedDuration::from_mins(1));
    world.tick().await;
    assert_eq!(world.answered(&job.execution), ApprovalStatus::Approved);
    let stored = world.validation(first.id).await;
    assert!(
        stored.ending().is_some(),
        "the record has changed meanwhile"
    );

    let again = world.aws.pipelines().redeliver(&job.id).unwrap();
    let second = published(world.publish(&again).await);

    assert_eq!(second, first);
    assert_eq!(world.artifact(&job).unwrap(), written);
    assert_eq!(world.status(&job), JobStatus::Succeeded);
}

#[tokio::test]
async fn artifact_is_encrypted_with_the_key_of_the_pipeline() {
    let mut world = with_traffic(100.0).await;
    world.publishing("Register");
    let mut job = judged(&mut world).await;
    let key = "arn:aws:kms:us-east-1:111122223333:key/1";
    job.event["CodePipeline.job"]["data"]["encryptionKey"] = json!({"id": key, "type": "KMS"});

    published(world.publish(&job).await);

    let written = world.artifact(&job).unwrap();
    assert_eq!(written.encryption.as_deref(), Some("aws:kms"));
    assert_eq!(written.kms_key.as_deref(), Some(key));
}

#[tokio::test]
async fn action_fails_on_the_verdicts_it_names_and_on_no_other() {
    for (fail_on, stops) in [
        (json!("failed"), true),
        (json!(["inconclusive", "failed"]), true),
        (json!(["inconclusive", "passed"]), false),
    ] {
        let mut world = with_traffic(300.0).await;
        world.publishing(&json!({"action": "Register", "failOn": fail_on}).to_string());
        let job = judged(&mut world).await;

        let outcome = world.publish(&job).await;

        assert!(world.artifact(&job).is_some(), "it is written either way");
        match (outcome, world.status(&job)) {
            (Outcome::Stopped(evidence), JobStatus::Failed { r#type, message }) if stops => {
                assert_eq!(r#type, "JobFailed");
                assert_eq!(message, evidence.summary);
                assert!(message.contains("https://report.example/v/"), "{message}");
            }
            (Outcome::Published(_), JobStatus::Succeeded) if !stops => {}
            other => panic!("{fail_on}: {other:?}"),
        }
    }
}
