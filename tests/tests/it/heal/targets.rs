//! Which revision is deployed again.

use lab::codedeploy::{GroupOptions, Platform, Revision};
use lab::pipeline::Mode;
use release::deployment::{Deployment, Group, Origin, Standing};
use release::remediation::{Refusal, State};
use release::validation::ValidationId;

use super::scene::{APPLICATION, BUCKET, GROUP, Scene, group};
use super::stories;
use crate::world::{PRODUCTION, STAGING, monspec, only};

stories! {
    bad_content_is_no_target_under_another_id,
    bundle_that_is_gone_gives_way_to_the_next_one,
    bundle_that_was_overwritten_gives_way_to_the_next_one,
    without_any_target_nothing_is_done_and_a_person_is_told,
    what_failed_or_answered_a_problem_is_no_target,
    content_that_a_problem_condemned_elsewhere_is_no_target,
    content_that_is_known_elsewhere_by_its_sources_too_is_no_target,
    revision_that_passed_its_gate_goes_first_and_its_report_is_linked,
    content_that_codedeploy_hides_is_fetched,
    culprit_that_passed_its_gates_is_healed_all_the_same,
}

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

async fn bundle_that_is_gone_gives_way_to_the_next_one(mut scene: Scene) {
    scene.release("older").await;
    scene.minutes(60);
    let (_, _, problem) = scene.bad_release().await;
    scene.world.aws.s3().delete(BUCKET, "good");

    scene.notify(&problem, "OPEN").await;

    assert_eq!(scene.healed_to(), ["older"]);
    let comments = scene.comments(&problem);
    assert!(comments[0].contains("is gone"), "{comments:?}");
}

async fn bundle_that_was_overwritten_gives_way_to_the_next_one(mut scene: Scene) {
    scene.release("older").await;
    scene.minutes(60);
    scene.world.aws.s3().put(BUCKET, "latest.zip", "good");
    let etag = scene
        .world
        .aws
        .s3()
        .get(BUCKET, "latest.zip")
        .unwrap()
        .etag();
    let revision = Revision::s3(BUCKET, "latest.zip").with_etag(&etag);
    scene
        .world
        .aws
        .codedeploy()
        .deploy_by_person(APPLICATION, GROUP, revision)
        .unwrap();
    scene.minutes(30);
    scene.release("bad").await;
    scene
        .world
        .aws
        .s3()
        .put(BUCKET, "latest.zip", "something else");
    scene.minutes(5);
    let problem = scene.problem().open();

    scene.notify(&problem, "OPEN").await;

    assert_eq!(scene.healed_to(), ["older"]);
}

async fn without_any_target_nothing_is_done_and_a_person_is_told(mut scene: Scene) {
    scene.release("bad").await;
    scene.minutes(5);
    let problem = scene.problem().open();

    scene.notify(&problem, "OPEN").await;
    scene.ticks(2).await;

    assert!(matches!(
        scene.state(&problem).await,
        State::Refused(Refusal::NoTarget { .. })
    ));
    assert!(scene.heals().is_empty());
    let comments = scene.comments(&problem);
    assert_eq!(comments.len(), 1, "{comments:?}");
    assert!(comments[0].contains("by hand"), "{comments:?}");
}

async fn what_failed_or_answered_a_problem_is_no_target(mut scene: Scene) {
    scene.release("good").await;
    scene.minutes(60);
    scene.group(GroupOptions {
        outcome: lab::codedeploy::Outcome::Failed,
        ..GroupOptions::default()
    });
    scene.deploy("failed");
    scene.group(GroupOptions::default());
    scene.minutes(10);
    scene.release("bad").await;
    scene.minutes(5);
    let problem = scene.problem().open();

    scene.notify(&problem, "OPEN").await;

    assert_eq!(scene.healed_to(), ["good"]);
}

async fn content_that_a_problem_condemned_elsewhere_is_no_target(scene: Scene) {
    condemned_elsewhere(scene, "location:s3:bundles/good#", None).await;
}

async fn content_that_is_known_elsewhere_by_its_sources_too_is_no_target(scene: Scene) {
    condemned_elsewhere(scene, "sources:App=1", Some("s3:bundles/good#")).await;
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
        version: "good".to_owned(),
        origin: Origin::Release,
    };
    let store = &scene.world.store;
    store.record_deployment(&condemned).await.unwrap();
    let ruling = store::Ruling::Condemn;
    let ruled = store
        .rule(&elsewhere, &condemned.id, ruling, "a person", "it leaks")
        .await;
    assert!(ruled.unwrap().is_some());

    scene.notify(&problem, "OPEN").await;

    assert_eq!(scene.healed_to(), ["older"]);
}

async fn revision_that_passed_its_gate_goes_first_and_its_report_is_linked(mut scene: Scene) {
    gated(&scene);
    let (validated, validation) = passes_its_gates(&mut scene, "1").await;
    scene.minutes(60);
    scene.release("unproven").await;
    scene.minutes(60);
    scene.release("bad").await;
    scene.minutes(10);
    let problem = scene.problem().open();

    scene.notify(&problem, "OPEN").await;

    let State::Healed { heal, .. } = scene.state(&problem).await else {
        panic!("it is not healed: {:?}", scene.comments(&problem));
    };
    assert_eq!(heal.target.id, validated);
    let comments = scene.comments(&problem);
    let link = format!("https://report.example/v/{validation}?");
    assert!(comments[0].contains(&link), "{comments:?}");
}

async fn culprit_that_passed_its_gates_is_healed_all_the_same(mut scene: Scene) {
    gated(&scene);
    let (first, _) = passes_its_gates(&mut scene, "1").await;
    scene.minutes(60);
    let (second, _) = passes_its_gates(&mut scene, "2").await;
    assert_eq!(scene.standing(&second).await, Standing::Good);
    scene.announce(&second, &[PRODUCTION]).await;
    scene.minutes(45);
    let problem = scene.problem().open();

    scene.notify(&problem, "OPEN").await;

    let State::Healed { heal, .. } = scene.state(&problem).await else {
        panic!("it is not healed: {:?}", scene.comments(&problem));
    };
    assert_eq!(heal.target.id, first);
    assert_eq!(scene.standing(&second).await, Standing::Suspect);
}

/// The tutorial's pipeline, and traffic that builds pass with.
fn gated(scene: &Scene) {
    let gate = "StagingToProduction,5";
    scene.world.pipeline(
        Mode::Superseded,
        &format!("{gate},ApproveStaging"),
        &format!("{gate},ApproveProduction"),
    );
}

/// Releases a build that passes both gates; its deployment to production, and
/// the validation of that.
async fn passes_its_gates(scene: &mut Scene, revision: &str) -> (String, ValidationId) {
    for service in [STAGING, PRODUCTION] {
        scene.world.traffic(service, 100.0, 0.0);
    }
    scene.world.release(revision, &monspec()).await;
    scene.minutes(8);
    scene.world.tick().await;
    scene.world.run_jobs().await;
    scene.minutes(8);
    let validation = only(&scene.world.tick().await);
    let codedeploy = scene.world.aws.codedeploy();
    let history = codedeploy.history(APPLICATION, GROUP).unwrap();
    (history[0].id.clone(), validation)
}

async fn content_that_codedeploy_hides_is_fetched(mut scene: Scene) {
    scene.group(GroupOptions {
        platform: Platform::Lambda,
        config: "CodeDeployDefault.LambdaAllAtOnce".to_owned(),
        ..GroupOptions::default()
    });
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
