//! Content that is known to be bad is deployed nowhere, under whatever id, key
//! or name.

use delivery::codedeploy::CodeDeploy;
use delivery::pipeline::Target;
use fake_aws::codedeploy::{GroupOptions, Platform, Revision};
use release::deployment::{Deployment, Group, Origin};
use release::ledger::Ruling;

use super::scene::{APPLICATION, GROUP, Scene, group};
use super::stories;
use crate::world::PRODUCTION;

stories! {
    bad_content_is_no_target_under_another_id,
    bad_content_is_no_target_under_another_key,
    content_that_a_problem_condemned_elsewhere_is_no_target,
    content_that_is_known_elsewhere_by_its_sources_too_is_no_target,
    culprits_own_content_of_long_ago_is_no_target,
    content_that_was_bad_long_ago_is_no_target,
    content_that_codedeploy_hides_is_fetched,
    content_that_no_application_has_any_more_is_not_fetched,
}

/// Longer than CodeDeploy's own history is read.
const LONG: i64 = 9 * 24 * 60;

async fn bad_content_is_no_target_under_another_id(mut scene: Scene) {
    scene.release("good").await;
    scene.minutes(60);
    scene.release("bad").await;
    scene.minutes(5);
    let first = scene.problem().open();
    scene.notify(&first, "OPEN").await;
    scene.ticks(1).await;
    first.resolve(scene.world.now.as_millisecond());
    scene.notify(&first, "RESOLVED").await;
    // It is released once more, does no harm at first, and is overtaken.
    scene.minutes(60);
    scene.deploy("bad");
    scene.minutes(60);
    scene.release("worse").await;
    scene.minutes(5);
    let second = scene.problem().open();

    scene.notify(&second, "OPEN").await;

    assert_eq!(scene.healed_to(), ["good", "good"]);
}

async fn bad_content_is_no_target_under_another_key(mut scene: Scene) {
    scene.release("good").await;
    scene.minutes(60);
    let first = scene.release("built once").await;
    by_pipeline(&scene, &first, "broken").await;
    condemn(&scene, &group(), &first).await;
    scene.minutes(60);
    let second = scene.release("built again").await;
    by_pipeline(&scene, &second, "broken").await;
    scene.minutes(60);
    scene.release("bad").await;
    scene.minutes(5);
    let problem = scene.problem().open();

    scene.notify(&problem, "OPEN").await;

    assert_eq!(scene.healed_to(), ["good"]);
}

async fn content_that_a_problem_condemned_elsewhere_is_no_target(scene: Scene) {
    Box::pin(condemned_elsewhere(
        scene,
        "location:s3:bundles/good#",
        None,
    ))
    .await;
}

async fn content_that_is_known_elsewhere_by_its_sources_too_is_no_target(scene: Scene) {
    Box::pin(condemned_elsewhere(
        scene,
        "sources:App=1",
        Some("s3:bundles/good#"),
    ))
    .await;
}

async fn condemned_elsewhere(mut scene: Scene, identity: &str, location: Option<&str>) {
    scene.release("older").await;
    scene.minutes(60);
    let (_, _, problem) = scene.bad_release().await;
    let elsewhere = Group {
        name: "Canary".to_owned(),
        ..group()
    };
    let condemned = Deployment {
        id: "d-CANARY000".to_owned(),
        group: elsewhere.clone(),
        at: scene.world.now,
        execution: None,
        identity: identity.to_owned(),
        location: location.map(str::to_owned),
        digest: None,
        version: "good".to_owned(),
        origin: Origin::Release,
    };
    let ledger = &scene.world.ledger;
    ledger.record_deployment(&condemned).await.unwrap();
    condemn(&scene, &elsewhere, &condemned.id).await;

    scene.notify(&problem, "OPEN").await;

    assert_eq!(scene.healed_to(), ["older"]);
}

async fn culprits_own_content_of_long_ago_is_no_target(mut scene: Scene) {
    let older = scene.release("older").await;
    by_pipeline(&scene, &older, "something older").await;
    scene.minutes(60);
    let first = scene.release("same").await;
    by_pipeline(&scene, &first, "something else").await;
    scene.minutes(LONG);
    scene.release("same").await;
    scene.minutes(5);
    let problem = scene.problem().open();

    scene.notify(&problem, "OPEN").await;

    assert_eq!(scene.healed_to(), ["older"]);
}

async fn content_that_was_bad_long_ago_is_no_target(mut scene: Scene) {
    let good = scene.release("good").await;
    by_pipeline(&scene, &good, "what is good").await;
    scene.minutes(60);
    let leaky = scene.release("leaky").await;
    by_pipeline(&scene, &leaky, "what leaks").await;
    condemn(&scene, &group(), &leaky).await;
    scene.minutes(LONG);
    scene.deploy("leaky");
    scene.minutes(60);
    scene.release("bad").await;
    scene.minutes(5);
    let problem = scene.problem().open();

    scene.notify(&problem, "OPEN").await;

    assert_eq!(scene.healed_to(), ["good"]);
}

async fn content_that_codedeploy_hides_is_fetched(mut scene: Scene) {
    scene.group(on_lambda());
    let [good, bad] = ["1", "2"].map(|version| {
        let spec = format!(r#"{{"version": 0.0, "Resources": [{{"live": "{version}"}}]}}"#);
        Revision::app_spec(&spec)
    });
    for revision in [&good, &bad] {
        let codedeploy = scene.world.aws.codedeploy().clone();
        let id = codedeploy
            .deploy_by_person(APPLICATION, GROUP, revision.clone())
            .unwrap();
        scene.announce(&id, &[PRODUCTION]).await;
        scene.minutes(30);
    }
    let problem = scene.problem().open();

    scene.notify(&problem, "OPEN").await;

    let [heal] = scene.heals().try_into().unwrap();
    assert_eq!(heal.revision, good);
}

async fn content_that_no_application_has_any_more_is_not_fetched(scene: Scene) {
    scene.group(on_lambda());
    let aws = &scene.world.aws;
    aws.codedeploy().application("Other");
    let spec = Revision::app_spec(r#"{"version": 0.0}"#);
    let made = aws.codedeploy().deploy_by_person(APPLICATION, GROUP, spec);
    let client = CodeDeploy::new(aws_sdk_codedeploy::Client::new(&aws.sdk_config()));
    let revision = client.deployment(&made.unwrap()).await.unwrap().unwrap();
    let revision = revision.revision.unwrap();
    let complete = async |application: &str| {
        let target = Target {
            application: application.to_owned(),
            group: GROUP.to_owned(),
        };
        client.complete(&target, &revision).await.unwrap()
    };

    assert!(complete(APPLICATION).await.is_some());
    assert_eq!(complete("Other").await, None);
}

fn on_lambda() -> GroupOptions {
    GroupOptions {
        platform: Platform::Lambda,
        config: "CodeDeployDefault.LambdaAllAtOnce".to_owned(),
        ..GroupOptions::default()
    }
}

/// The ledger hears of a deployment as a pipeline tells it: by what it was
/// built from, and not where that lies.
async fn by_pipeline(scene: &Scene, id: &str, sources: &str) {
    let deployment = Deployment {
        id: id.to_owned(),
        group: group(),
        at: scene.world.now,
        execution: Some(format!("execution of {id}")),
        identity: format!("sources:{sources}"),
        location: None,
        digest: None,
        version: sources.to_owned(),
        origin: Origin::Release,
    };
    let ledger = &scene.world.ledger;
    ledger.record_deployment(&deployment).await.unwrap();
}

async fn condemn(scene: &Scene, group: &Group, id: &str) {
    let ledger = &scene.world.ledger;
    let ruling = Ruling::Condemn;
    let ruled = ledger.rule(group, id, ruling, "a person", "it leaks").await;
    assert!(ruled.unwrap().is_some());
}
