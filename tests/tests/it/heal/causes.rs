//! Which deployment is to blame, and when none is.

use delivery::codedeploy::LONGEST_DESCRIPTION;
use dynatrace::Event;
use fake_aws::Fault;
use fake_aws::codedeploy::GroupOptions;
use release::problem::{Cause, Phase};
use release::remediation::State;
use workflows::work::Progress;

use super::scene::{APPLICATION, Scene, worked};
use super::stories;
use crate::world::{PRODUCTION, STAGING};

stories! {
    four_entities_of_one_deployment_are_one_heal,
    nothing_deployed_is_told_once,
    deployment_after_the_beginning_is_not_its_cause,
    problem_of_another_environment_is_ignored,
    entity_of_another_environment_is_no_cause,
    two_groups_are_too_many_unless_one_is_the_root,
    entity_that_two_pipelines_deploy_blames_the_newest_deployment,
    deployment_that_never_was_is_not_blamed,
    group_that_codedeploy_does_not_know_hides_nothing,
    groups_are_counted_when_they_are_known_to_be_real,
    announcement_of_somebody_else_is_not_blamed,
    announcement_outside_the_evidence_is_found,
    announcement_that_comes_late_is_found,
    problem_that_was_over_and_opens_again_is_answered,
    problem_that_flaps_before_anything_is_done_is_answered,
    process_as_root_cause_hides_no_deployment,
    wait_for_a_tag_is_told,
    entity_is_not_production_because_the_problem_touches_production,
    production_is_found_among_many_entities,
    production_is_found_by_the_key_of_its_tag_alone,
    production_is_found_behind_all_its_process_instances,
    problem_that_was_over_and_opens_again_unheard_is_answered,
}

async fn four_entities_of_one_deployment_are_one_heal(mut scene: Scene) {
    let others = [
        "SERVICE-00000000000000B2",
        "SERVICE-00000000000000B3",
        "SERVICE-00000000000000B4",
    ];
    for id in others {
        let service = scene.world.tenant.service(id, "Another");
        service.tag("DeploymentGroup", "Production").add();
    }
    scene.release("good").await;
    scene.minutes(30);
    let bad = scene.deploy("bad");
    scene
        .announce(&bad, &[PRODUCTION, others[0], others[1], others[2]])
        .await;
    scene.minutes(10);
    let problem = others
        .iter()
        .fold(scene.problem(), |problem, id| problem.impacts(id))
        .open();

    scene.notify(&problem, "OPEN").await;
    scene.ticks(2).await;

    assert_eq!(scene.healed_to(), ["good"]);
    assert_eq!(scene.stored(&problem).await.remediations.len(), 1);
    let [heal] = scene.heals().try_into().unwrap();
    let description = heal.description.unwrap();
    assert!(description.chars().count() <= LONGEST_DESCRIPTION);
    assert!(description.contains(problem.id()) && description.contains(&bad));
}

async fn nothing_deployed_is_told_once(mut scene: Scene) {
    scene.release("good").await;
    scene.minutes(61);
    let problem = scene.problem().open();

    scene.notify(&problem, "OPEN").await;
    scene.notify(&problem, "OPEN").await;
    scene.minutes(29);
    scene.tick().await;
    assert!(scene.comments(&problem).is_empty(), "one may be announced");
    scene.minutes(6);
    scene.tick().await;
    scene.notify(&problem, "OPEN").await;
    scene.minutes(31);
    scene.tick().await;

    let comments = scene.comments(&problem);
    assert_eq!(comments.len(), 1, "{comments:?}");
    assert!(
        comments[0].contains("no change in the 60 minutes before"),
        "{comments:?}"
    );
    let stored = scene.stored(&problem).await;
    assert_eq!(stored.cause, Cause::NothingChanged);
    assert_eq!(stored.phase, Phase::Settled);
}

async fn deployment_after_the_beginning_is_not_its_cause(mut scene: Scene) {
    let problem = scene.problem().open();
    scene.minutes(5);
    scene.release("good").await;

    scene.notify(&problem, "OPEN").await;
    scene.minutes(31);
    scene.tick().await;

    assert_eq!(scene.stored(&problem).await.cause, Cause::NothingChanged);
    assert!(scene.heals().is_empty());
}

async fn problem_of_another_environment_is_ignored(mut scene: Scene) {
    scene.release("good").await;
    scene.minutes(10);
    let bad = scene.deploy("bad");
    scene.announce(&bad, &[STAGING]).await;
    scene.minutes(10);
    let problem = scene.world.tenant.problem("Slow").impacts(STAGING).open();

    scene.notify(&problem, "OPEN").await;
    scene.minutes(31);
    scene.tick().await;

    let stored = scene.stored(&problem).await;
    assert_eq!(stored.cause, Cause::NotProduction);
    assert_eq!(stored.phase, Phase::Settled);
    assert!(scene.comments(&problem).is_empty());
    assert!(scene.heals().is_empty());
}

async fn entity_of_another_environment_is_no_cause(mut scene: Scene) {
    scene.release("good").await;
    scene.minutes(61);
    let bad = scene.deploy("bad");
    scene.announce(&bad, &[STAGING]).await;
    scene.minutes(10);
    let problem = scene.problem().impacts(STAGING).root_cause(STAGING).open();

    scene.notify(&problem, "OPEN").await;
    scene.minutes(31);
    scene.tick().await;

    let stored = scene.stored(&problem).await;
    assert_eq!(stored.cause, Cause::NothingChanged);
    assert!(scene.heals().is_empty());
}

async fn entity_is_not_production_because_the_problem_touches_production(mut scene: Scene) {
    scene.release("good").await;
    scene.minutes(61);
    let bad = scene.deploy("bad");
    scene.announce(&bad, &[STAGING]).await;
    scene.minutes(10);
    let problem = scene.world.tenant.problem("Failure rate increase");
    let problem = problem.impacts(STAGING).touches(PRODUCTION).open();

    scene.notify(&problem, "OPEN").await;
    scene.minutes(31);
    scene.tick().await;

    let stored = scene.stored(&problem).await;
    assert_eq!(stored.cause, Cause::NotProduction);
    assert!(scene.heals().is_empty());
}

async fn production_is_found_among_many_entities(mut scene: Scene) {
    scene.release("good").await;
    scene.minutes(61);
    scene.release("bad").await;
    scene.minutes(10);
    let tenant = &scene.world.tenant;
    let mut problem = tenant.problem("Failure rate increase");
    for number in 0..25 {
        let id = format!("SERVICE-{number:016X}");
        tenant
            .service(&id, "Another")
            .tag("DeploymentGroup", "Staging")
            .add();
        problem = problem.impacts(&id);
    }
    let problem = problem.impacts(PRODUCTION).open();

    scene.notify(&problem, "OPEN").await;

    assert_eq!(scene.healed_to(), ["good"]);
}

async fn production_is_found_behind_all_its_process_instances(mut scene: Scene) {
    scene.release("good").await;
    scene.minutes(61);
    scene.release("bad").await;
    scene.minutes(10);
    let tenant = &scene.world.tenant;
    let mut problem = tenant.problem("Failure rate increase");
    for number in 0..120 {
        let id = format!("PROCESS_GROUP_INSTANCE-{number:016X}");
        tenant
            .entity("PROCESS_GROUP_INSTANCE", &id, "node")
            .tag("DeploymentGroup", "Production")
            .add();
        problem = problem.impacts(&id);
    }
    let problem = problem.impacts(PRODUCTION).open();

    scene.notify(&problem, "OPEN").await;

    assert_eq!(scene.healed_to(), ["good"]);
}

async fn two_groups_are_too_many_unless_one_is_the_root(mut scene: Scene) {
    const OTHER: &str = "SERVICE-00000000000000B2";
    let service = scene.world.tenant.service(OTHER, "Another");
    service.tag("DeploymentGroup", "Production").add();
    let codedeploy = scene.world.aws.codedeploy().clone();
    codedeploy
        .group(APPLICATION, "Billing", GroupOptions::default())
        .unwrap();
    scene.release("good").await;
    scene.minutes(10);
    scene.release("bad").await;
    scene.world.aws.s3().put("bundles", "billing", "billing");
    let billing = fake_aws::codedeploy::Revision::s3("bundles", "billing");
    let billing = codedeploy
        .deploy_by_person(APPLICATION, "Billing", billing)
        .unwrap();
    scene.announce_in("Billing", &billing, &[OTHER]).await;
    scene.minutes(10);
    let unclear = scene.problem().impacts(OTHER).open();

    scene.notify(&unclear, "OPEN").await;

    assert_eq!(
        scene.stored(&unclear).await.cause,
        Cause::TooManyPlaces { places: 2 }
    );
    let comments = scene.comments(&unclear);
    assert!(comments[0].contains("HEAL\\_MAX\\_GROUPS") || comments[0].contains("HEAL_MAX_GROUPS"));
    assert!(scene.heals().is_empty());

    let clear = scene.problem().impacts(OTHER).root_cause(PRODUCTION).open();
    scene.notify(&clear, "OPEN").await;
    assert_eq!(scene.healed_to(), ["good"]);
    assert_eq!(codedeploy.history(APPLICATION, "Billing").unwrap().len(), 1);
}

async fn entity_that_two_pipelines_deploy_blames_the_newest_deployment(mut scene: Scene) {
    let codedeploy = scene.world.aws.codedeploy().clone();
    codedeploy
        .group(APPLICATION, "Billing", GroupOptions::default())
        .unwrap();
    for name in ["good", "bad"] {
        scene.release(name).await;
        scene.minutes(10);
        let key = format!("billing-{name}");
        scene.world.aws.s3().put("bundles", &key, name);
        let bundle = fake_aws::codedeploy::Revision::s3("bundles", &key);
        let id = codedeploy
            .deploy_by_person(APPLICATION, "Billing", bundle)
            .unwrap();
        scene.announce_in("Billing", &id, &[PRODUCTION]).await;
        scene.minutes(10);
    }
    let problem = scene.problem().open();
    let told = scene.explained(&problem).await;
    assert_eq!(told.answers.len(), 1);
    assert_eq!(told.answers[0].place, "SampleDevOpsApp/Billing");

    scene.notify(&problem, "OPEN").await;

    assert!(scene.heals().is_empty(), "the other group is left alone");
    let billing = codedeploy.history(APPLICATION, "Billing").unwrap();
    assert_eq!(billing.len(), 3);
    assert_eq!(Scene::bundle(&billing[0]), "billing-good");
}

async fn problem_that_flaps_before_anything_is_done_is_answered(mut scene: Scene) {
    let (_, _, problem) = scene.bad_release().await;
    scene.world.aws.fail("CreateDeployment", Fault::Throttle, 1);
    scene.notify(&problem, "OPEN").await;
    problem.resolve(scene.world.now.as_millisecond());
    scene.notify(&problem, "RESOLVED").await;
    scene.ticks(2).await;
    let stored = scene.stored(&problem).await;
    assert_eq!(
        (stored.cause, stored.phase),
        (Cause::Blamed, Phase::Settled)
    );
    assert!(scene.heals().is_empty());
    scene.minutes(1);
    problem.reopen();

    scene.notify(&problem, "OPEN").await;

    assert_eq!(scene.healed_to(), ["good"]);
}

async fn process_as_root_cause_hides_no_deployment(mut scene: Scene) {
    const PROCESS: &str = "PROCESS_GROUP_INSTANCE-00000000000000C7";
    scene.release("good").await;
    scene.minutes(45);
    scene.release("bad").await;
    scene.minutes(10);
    let problem = scene.problem().root_cause(PROCESS).open();

    scene.notify(&problem, "OPEN").await;

    assert_eq!(scene.healed_to(), ["good"]);
}

async fn wait_for_a_tag_is_told(mut scene: Scene) {
    let (_, _, problem) = scene.bad_release().await;
    scene.healing.tag.value = Some("Elsewhere".to_owned());

    let look = worked(scene.notify(&problem, "OPEN").await);

    let Progress::Deferred { waiting_for, .. } = look.progress else {
        panic!("tags may come late: {:?}", look.progress);
    };
    assert!(waiting_for.contains("tag of production"), "{waiting_for}");
}

async fn deployment_that_never_was_is_not_blamed(mut scene: Scene) {
    scene.release("good").await;
    scene.minutes(10);
    scene.release("bad").await;
    scene.minutes(5);
    scene.announce("d-FORGED000", &[PRODUCTION]).await;
    scene.minutes(5);
    let problem = scene.problem().open();
    let told = scene.explained(&problem).await;
    let forged = &told.candidates[0];
    assert_eq!(
        (forged.change.as_str(), forged.blamed),
        ("d-FORGED000", false)
    );
    assert_eq!(forged.why, "neither the ledger nor CodeDeploy knows it");

    scene.notify(&problem, "OPEN").await;

    assert_eq!(scene.healed_to(), ["good"]);
    assert!(matches!(
        scene.state(&problem).await,
        State::UnderWay { .. } | State::Healed { .. }
    ));
}

async fn group_that_codedeploy_does_not_know_hides_nothing(mut scene: Scene) {
    scene.release("good").await;
    scene.minutes(10);
    scene.release("bad").await;
    scene.minutes(5);
    for deployment in ["d-GONE00000", "d-GONE00001"] {
        scene
            .announce_in("Deleted", deployment, &[PRODUCTION])
            .await;
    }
    scene.minutes(5);
    let problem = scene.problem().open();

    scene.notify(&problem, "OPEN").await;

    assert_eq!(scene.healed_to(), ["good"]);
}

async fn groups_are_counted_when_they_are_known_to_be_real(mut scene: Scene) {
    const OTHER: &str = "SERVICE-00000000000000B2";
    let service = scene.world.tenant.service(OTHER, "Another");
    service.tag("DeploymentGroup", "Production").add();
    let codedeploy = scene.world.aws.codedeploy().clone();
    codedeploy
        .group(APPLICATION, "Billing", GroupOptions::default())
        .unwrap();
    scene.release("good").await;
    scene.minutes(10);
    scene.release("bad").await;
    scene.announce_in("Billing", "d-FORGED000", &[OTHER]).await;
    scene.minutes(5);
    let problem = scene.problem().impacts(OTHER).open();

    scene.notify(&problem, "OPEN").await;

    assert_eq!(scene.healed_to(), ["good"]);
}

async fn announcement_of_somebody_else_is_not_blamed(mut scene: Scene) {
    let bad = scene.deploy("bad");
    let event = Event {
        title: "Deploy".to_owned(),
        name: Some("Deploy".to_owned()),
        version: Some("1".to_owned()),
        source: "Somebody".to_owned(),
        entities: vec![PRODUCTION.to_owned()],
        properties: [
            ("CodeDeploy.Application", APPLICATION),
            ("CodeDeploy.DeploymentGroup", "Production"),
            ("CodeDeploy.DeploymentId", &bad),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into_iter()
        .collect(),
        ..Event::default()
    };
    let deadline = tokio::time::Instant::now() + std::time::Duration::from_secs(5);
    let _ = scene
        .world
        .dynatrace()
        .announce(&event, deadline)
        .await
        .unwrap();
    scene.minutes(5);
    let problem = scene.problem().open();

    scene.notify(&problem, "OPEN").await;
    scene.minutes(31);
    scene.tick().await;

    assert_eq!(scene.stored(&problem).await.cause, Cause::NothingChanged);
}

async fn announcement_outside_the_evidence_is_found(mut scene: Scene) {
    scene.release("good").await;
    scene.minutes(30);
    scene.release("bad").await;
    scene.minutes(10);
    let problem = scene.problem().without_deployment_evidence().open();

    scene.notify(&problem, "OPEN").await;

    assert_eq!(scene.healed_to(), ["good"]);
}

async fn announcement_that_comes_late_is_found(mut scene: Scene) {
    scene.release("good").await;
    scene.minutes(61);
    let bad = scene.deploy("bad");
    let deployed = scene.world.now;
    scene.minutes(10);
    let problem = scene.problem().open();
    scene.notify(&problem, "OPEN").await;
    assert_eq!(scene.stored(&problem).await.cause, Cause::Pending);
    scene.ticks(3).await;

    let now = std::mem::replace(&mut scene.world.now, deployed);
    scene.announce(&bad, &[PRODUCTION]).await;
    scene.world.now = now;
    scene.ticks(6).await;

    assert_eq!(scene.healed_to(), ["good"]);
}

async fn problem_that_was_over_and_opens_again_is_answered(mut scene: Scene) {
    let (_, _, problem) = scene.bad_release().await;
    problem.resolve(scene.world.now.as_millisecond());
    scene.notify(&problem, "OPEN").await;
    let stored = scene.stored(&problem).await;
    assert_eq!(stored.cause, Cause::Over);
    assert_eq!(stored.phase, Phase::Settled);
    scene.minutes(3);
    problem.reopen();

    scene.notify(&problem, "OPEN").await;

    assert_eq!(scene.healed_to(), ["good"]);
}

async fn problem_that_was_over_and_opens_again_unheard_is_answered(mut scene: Scene) {
    let (_, _, problem) = scene.bad_release().await;
    problem.resolve(scene.world.now.as_millisecond());
    scene.notify(&problem, "OPEN").await;
    assert_eq!(scene.stored(&problem).await.cause, Cause::Over);
    scene.minutes(3);
    problem.reopen();

    scene.ticks(3).await;

    assert_eq!(scene.healed_to(), ["good"]);
}

async fn production_is_found_by_the_key_of_its_tag_alone(mut scene: Scene) {
    const NEIGHBOUR: &str = "SERVICE-00000000000000B2";
    scene.healing.tag.value = None;
    let neighbour = scene.world.tenant.service(NEIGHBOUR, "Another");
    neighbour.tag("Team", "Shop").add();
    scene.release("good").await;
    scene.minutes(30);
    scene.release("bad").await;
    scene.minutes(10);
    let problem = scene.problem().impacts(NEIGHBOUR).open();

    scene.notify(&problem, "OPEN").await;

    assert_eq!(scene.healed_to(), ["good"]);
}
