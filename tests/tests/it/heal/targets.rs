//! Which revision is deployed again.

use fake_aws::codedeploy::{Creator, GroupOptions, Revision};
use fake_aws::pipeline::Mode;
use jiff::SignedDuration;
use release::deployment::Standing;
use release::remediation::{HealRefusal, State};
use release::validation::ValidationId;
use release::window::saturating_add;
use workflows::ruling::adopt;

use super::scene::{APPLICATION, BUCKET, GROUP, Scene, group};
use super::stories;
use crate::world::{PRODUCTION, STAGING, monspec, only};

stories! {
    bundle_that_is_gone_gives_way_to_the_next_one,
    bundle_that_was_overwritten_gives_way_to_the_next_one,
    without_any_target_nothing_is_done_and_a_person_is_told,
    what_failed_or_answered_a_problem_is_no_target,
    revision_that_passed_its_gate_goes_first_and_its_report_is_linked,
    culprit_that_passed_its_gates_is_healed_all_the_same,
    group_that_instances_join_all_day_is_healed,
    adopted_history_of_instances_that_joined_hides_no_target,
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
    let told = scene.told(&problem).await;
    assert!(told.ends_with("nothing can be deployed again"), "{told}");

    scene.notify(&problem, "OPEN").await;
    scene.ticks(2).await;

    assert!(matches!(
        scene.state(&problem).await,
        State::Refused(HealRefusal::NoTarget { .. })
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
        outcome: fake_aws::codedeploy::DeploymentEnd::Failed,
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
    assert_eq!(heal.remedy.id(), validated);
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
    assert_eq!(heal.remedy.id(), first);
    assert_eq!(scene.standing(&second).await, Standing::Suspect);
}

/// More than one list of deployments has, within the days that are looked at.
async fn group_that_instances_join_all_day_is_healed(mut scene: Scene) {
    scene.release("good").await;
    let codedeploy = scene.world.aws.codedeploy().clone();
    codedeploy.page_size(10);
    for instance in 0..150 {
        scene.minutes(48);
        let (name, creator) = (format!("i-{instance}"), Creator::Autoscaling);
        codedeploy.join(APPLICATION, GROUP, &name, creator).unwrap();
    }
    scene.release("bad").await;
    scene.minutes(5);
    let problem = scene.problem().open();

    scene.notify(&problem, "OPEN").await;

    assert_eq!(scene.healed_to(), ["good"]);
}

/// What is good is older than CodeDeploy's history is read, and more instances
/// joined since than the ledger gives out at once.
async fn adopted_history_of_instances_that_joined_hides_no_target(mut scene: Scene) {
    let good = scene.release("good").await;
    let take_over = async |scene: &Scene| {
        let services = scene.services();
        let since = saturating_add(scene.world.now, SignedDuration::from_hours(-90 * 24));
        let span = (since, scene.world.now);
        let adopted = adopt(
            &services.ledger,
            &services.clients.codedeploy,
            &group(),
            span,
        )
        .await;
        adopted.unwrap()
    };
    take_over(&scene).await;
    scene.minutes(9 * 24 * 60);
    let codedeploy = scene.world.aws.codedeploy().clone();
    for instance in 0..60 {
        scene.minutes(60);
        let (name, creator) = (format!("i-{instance}"), Creator::Autoscaling);
        codedeploy.join(APPLICATION, GROUP, &name, creator).unwrap();
    }
    let adopted = take_over(&scene).await;
    assert_eq!(adopted.running.unwrap().deployment, good);
    assert!(adopted.entered.is_empty(), "{:?}", adopted.entered);
    scene.release("bad").await;
    scene.minutes(5);
    let problem = scene.problem().open();

    scene.notify(&problem, "OPEN").await;

    assert_eq!(scene.healed_to(), ["good"]);
}

/// The tutorial's pipeline, and traffic that builds pass with.
fn gated(scene: &Scene) {
    scene.world.pipeline(
        Mode::Superseded,
        "StagingToProduction,5,ApproveStaging",
        "ProductionToStaging,5,ApproveProduction",
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
