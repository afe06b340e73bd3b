//! What its author can correct is told, and what is broken is a fault.

use fake_aws::Fault;
use fake_aws::pipeline::{Mode, Stage};
use serde_json::json;
use workflows::Corrects;

use super::{APPLICATION, judged, refused, with_traffic};
use crate::world::monspec;

#[tokio::test]
async fn name_of_nothing_is_told_with_what_there_is() {
    for publish in ["Nowhere", r#"{"action":"Register","stage":"Production"}"#] {
        let world = with_traffic(100.0).await;
        world.publishing(publish);
        let job = world.publishing_job().await;

        let (corrects, told) = refused(world.publish(&job).await);

        assert_eq!(corrects, Corrects::Configuration);
        assert!(
            told.contains("`StagingToProduction` by the action `Register` of stage `Staging`"),
            "{told}"
        );
    }
}

#[tokio::test]
async fn one_of_several_has_to_be_named() {
    let world = with_traffic(100.0).await;
    let two = Stage::new("Staging")
        .deploy("Deploy", APPLICATION, "Staging", 1)
        .lambda(
            "One",
            "register-validation",
            "StagingToProduction",
            2,
            Some("Monspec"),
        )
        .lambda(
            "Two",
            "register-validation",
            "StagingToStagingLastHour",
            2,
            Some("Monspec"),
        )
        .lambda("Publish", "publish-validation", "", 3, None)
        .output_artifact("Evidence");
    world.publishing_in(Mode::Superseded, two);
    world.start_execution("1", &monspec());
    for _ in 0..2 {
        let register = world.aws.pipelines().next_job().unwrap();
        world.run_job(&register).await.unwrap();
    }
    let job = world.aws.pipelines().next_job().unwrap();

    let (corrects, told) = refused(world.publish(&job).await);

    assert_eq!(corrects, Corrects::Configuration);
    for part in [
        "several validations",
        "the action `One`",
        "the action `Two`",
    ] {
        assert!(told.contains(part), "{told}");
    }
}

#[tokio::test]
async fn action_without_an_artifact_to_write_is_told_before_it_waits() {
    let world = with_traffic(100.0).await;
    world.publishing("Register");
    let job = world.publishing_job().await;
    for (pointer, told) in [
        ("outputArtifacts", "has 0 output artifacts; give it one"),
        (
            "artifactCredentials",
            "carries no credentials for its output artifact",
        ),
    ] {
        let mut job = job.clone();
        job.event["CodePipeline.job"]["data"][pointer] = json!(null);

        let (corrects, text) = refused(world.try_publish(&job).await.unwrap());

        assert_eq!(corrects, Corrects::Configuration);
        assert!(text.contains(told), "{text}");
    }
}

#[tokio::test]
async fn artifact_that_may_not_be_written_is_for_whoever_gives_rights() {
    let mut world = with_traffic(100.0).await;
    world.publishing("Register");
    let mut job = judged(&mut world).await;
    let data = &mut job.event["CodePipeline.job"]["data"];
    data["artifactCredentials"]["sessionToken"] = json!("of somebody else");

    let (corrects, told) = refused(world.publish(&job).await);

    assert_eq!(corrects, Corrects::Permission);
    assert!(
        told.contains("may not write the output artifact `Evidence`"),
        "{told}"
    );
    assert_eq!(world.artifact(&job), None);
}

#[tokio::test]
async fn artifact_store_that_is_broken_is_a_fault() {
    let mut world = with_traffic(100.0).await;
    world.publishing("Register");
    let job = judged(&mut world).await;
    world.aws.fail("PutObject", Fault::InternalError, 10);

    let fault = world.try_publish(&job).await.unwrap_err();

    assert_eq!(format!("{fault}"), "cannot write the output artifact");
}
