//! CodeDeploy and other callers tell of a deployment or another change.

use dynatrace::Api;
use fake_aws::codedeploy::{
    AutoRollback, Creator, DeploymentEnd, GroupOptions, Revision, RollbackEvent,
};
use fake_aws::pipeline::Mode;
use jiff::SignedDuration;
use release::deployment::Origin;
use serde_json::json;
use workflows::push_deployment_event::{Outcome, Request};

use super::APPLICATION;
use crate::gate::stories;
use crate::world::{PRODUCTION, STAGING, World, monspec};

stories![
    announcement_says_for_ninety_days_which_group_is_behind_each_entity,
    instance_that_joins_its_group_is_not_announced,
    notice_of_codedeploy_is_announced_on_its_group,
    deployment_under_way_is_announced_and_enters_the_ledger_when_it_is_done,
    rollback_of_codedeploy_is_announced_as_a_heal,
    deployment_that_a_pipeline_entered_has_one_place_in_the_ledger,
    notice_about_entities_that_are_not_there_fails_to_be_repeated,
    change_of_a_setting_is_announced_once_however_often_the_call_is_repeated,
    remarks_on_one_deployment_are_all_made,
    caller_names_an_environment_of_a_monspec,
];

fn deploy(world: &World, commit: &str) -> String {
    let revision = Revision::github("shop/cart", commit);
    let codedeploy = world.aws.codedeploy();
    codedeploy
        .deploy_by_person(APPLICATION, "Production", revision)
        .unwrap()
}

async fn notice_of_codedeploy_is_announced_on_its_group(world: World) {
    world.production_group(GroupOptions::default());
    let id = deploy(&world, "c0ffee");

    for _ in 0..2 {
        let outcome = world.announce(Request::Deployment(&id)).await.unwrap();
        assert!(matches!(outcome, Outcome::Announced(_)), "{outcome:?}");
    }

    let event = world.event_on(PRODUCTION);
    assert_eq!(event.properties["dt.event.source"], "AWS CodePipeline");
    assert_eq!(event.properties["CodeDeploy.DeploymentId"], id);
    assert!(event.properties["Revision"].contains("shop/cart@c0ffee"));
    assert!(world.events_on(STAGING).is_empty());
    let ledger = world.ledger("Production").await;
    assert_eq!(ledger.len(), 1);
    assert_eq!(ledger[0].deployment.origin, Origin::Release);
    assert_eq!(
        ledger[0].deployment.identity,
        "location:github:shop/cart@c0ffee"
    );
}

async fn announcement_says_for_ninety_days_which_group_is_behind_each_entity(world: World) {
    const DATABASE: &str = "SERVICE-00000000000000DB";
    let kind = match world.api {
        Api::V2 => "DATABASE_SERVICE",
        Api::V1 => "Database",
    };
    let service = world.tenant.service(DATABASE, "carts");
    let service = service.property("serviceType", kind);
    service.tag("DeploymentGroup", "Production").add();
    world.production_group(GroupOptions::default());
    let id = deploy(&world, "c0ffee");
    world.announce(Request::Deployment(&id)).await.unwrap();

    let later = |days: i64| world.now + SignedDuration::from_hours(24 * days);
    let entities = [PRODUCTION, DATABASE, STAGING];
    let known = world.ledger.ties(&entities, later(89)).await.unwrap();
    let mut told: Vec<_> = known
        .iter()
        .map(|tie| (tie.entity.as_str(), tie.group.to_string(), tie.shared))
        .collect();
    told.sort();
    let group = "SampleDevOpsApp/Production".to_owned();
    assert_eq!(
        told,
        [(PRODUCTION, group.clone(), false), (DATABASE, group, true)]
    );
    let expired = world.ledger.ties(&entities, later(90)).await.unwrap();
    assert!(expired.is_empty(), "{expired:?}");
}

async fn instance_that_joins_its_group_is_not_announced(world: World) {
    world.production_group(GroupOptions::default());
    deploy(&world, "c0ffee");
    let codedeploy = world.aws.codedeploy();
    let joining = codedeploy.join(APPLICATION, "Production", "i-1", Creator::Autoscaling);

    let joining = joining.unwrap();
    let outcome = world.announce(Request::Deployment(&joining)).await.unwrap();

    assert!(matches!(outcome, Outcome::NotNeeded(_)), "{outcome:?}");
    assert!(world.events_on(PRODUCTION).is_empty());
    assert!(world.ledger("Production").await.is_empty());
}

async fn deployment_under_way_is_announced_and_enters_the_ledger_when_it_is_done(world: World) {
    world.production_group(GroupOptions::default());
    let codedeploy = world.aws.codedeploy();
    codedeploy.hold(APPLICATION, "Production").unwrap();
    let id = deploy(&world, "c0ffee");

    world.announce(Request::Deployment(&id)).await.unwrap();
    assert!(world.ledger("Production").await.is_empty());
    codedeploy.finish(&id, DeploymentEnd::Succeeded).unwrap();
    world.announce(Request::Deployment(&id)).await.unwrap();

    world.event_on(PRODUCTION);
    assert_eq!(world.ledger("Production").await.len(), 1);
}

async fn rollback_of_codedeploy_is_announced_as_a_heal(world: World) {
    world.production_group(GroupOptions::default());
    deploy(&world, "good");
    world.production_group(GroupOptions {
        auto_rollback: AutoRollback::On(vec![RollbackEvent::Failure]),
        ..GroupOptions::default()
    });
    let codedeploy = world.aws.codedeploy();
    codedeploy.hold(APPLICATION, "Production").unwrap();
    let bad = deploy(&world, "bad");
    codedeploy.finish(&bad, DeploymentEnd::Failed).unwrap();
    let rollback = codedeploy
        .active(APPLICATION, "Production")
        .unwrap()
        .unwrap();
    codedeploy
        .finish(&rollback.id, DeploymentEnd::Succeeded)
        .unwrap();

    let failed = world.announce(Request::Deployment(&bad)).await.unwrap();
    world
        .announce(Request::Deployment(&rollback.id))
        .await
        .unwrap();

    assert!(matches!(failed, Outcome::NotNeeded(_)), "{failed:?}");
    let event = world.event_on(PRODUCTION);
    assert_eq!(event.properties["Unbreakable.Origin"], "heal");
    let ledger = world.ledger("Production").await;
    assert_eq!(ledger.len(), 1);
    assert_eq!(ledger[0].deployment.origin, Origin::Heal);
}

async fn deployment_that_a_pipeline_entered_has_one_place_in_the_ledger(mut world: World) {
    let slow = GroupOptions {
        duration: jiff::SignedDuration::from_secs(90),
        ..GroupOptions::default()
    };
    world.production_group(slow);
    world.announcing_pipeline(Mode::Superseded, "Production,Deploying");
    let execution = world.start_execution("1", &monspec());
    world.advance(jiff::SignedDuration::from_mins(2));
    let job = world.aws.pipelines().next_job().unwrap();
    world.announce_job(&job).await;
    let id = world.event_on(PRODUCTION).properties["CodeDeploy.DeploymentId"].clone();

    let outcome = world.announce(Request::Deployment(&id)).await.unwrap();

    assert!(matches!(outcome, Outcome::Announced(_)), "{outcome:?}");
    world.event_on(PRODUCTION);
    let ledger = world.ledger("Production").await;
    assert_eq!(ledger.len(), 1, "{ledger:?}");
    assert_eq!(ledger[0].deployment.execution, Some(execution));
}

async fn notice_about_entities_that_are_not_there_fails_to_be_repeated(world: World) {
    world.tenant.remove(PRODUCTION);
    world.production_group(GroupOptions::default());
    let id = deploy(&world, "c0ffee");

    let outcome = world.announce(Request::Deployment(&id)).await.unwrap();

    let Outcome::Unattached(missing) = outcome else {
        panic!("{outcome:?}");
    };
    let missing = missing.join("; ");
    assert!(
        missing.contains("no SERVICE has `DeploymentGroup:Production`"),
        "{missing}"
    );
    assert_eq!(world.ledger("Production").await.len(), 1);
}

async fn change_of_a_setting_is_announced_once_however_often_the_call_is_repeated(world: World) {
    let flag = json!({
        "kind": "configuration",
        "title": "Flag promotions",
        "description": "Switched on for the campaign",
        "source": "Flags",
        "attachRules": {"tagRule": [{
            "meTypes": ["SERVICE"],
            "tags": [{"context": "CONTEXTLESS", "key": "DeploymentGroup", "value": "Production"}],
        }]},
        "properties": {"old": false, "new": true, "by": "the shop team"},
    });

    for request in ["call-1", "call-1", "call-2"] {
        world.announce_directly(&flag, request).await;
    }

    let events = world.events_on(PRODUCTION);
    assert_eq!(
        events.len(),
        2,
        "two calls, one of them made twice: {events:?}"
    );
    assert_eq!(events[0].event_type, "CUSTOM_CONFIGURATION");
    assert_eq!(events[0].properties["dt.event.source"], "Flags");
    assert_eq!(events[0].properties["new"], "true");
    assert!(world.ledger("Production").await.is_empty());
}

async fn remarks_on_one_deployment_are_all_made(world: World) {
    world.production_group(GroupOptions::default());
    let id = deploy(&world, "c0ffee");

    for (request, title) in [
        ("call-1", "The smoke test passed"),
        ("call-1", "The smoke test passed"),
        ("call-2", "The load test begins"),
    ] {
        let remark = json!({"deployment": id, "kind": "annotation", "title": title});
        world.announce_directly(&remark, request).await;
    }

    let events = world.events_on(PRODUCTION);
    assert_eq!(events.len(), 2, "{events:?}");
    for event in &events {
        assert_eq!(event.event_type, "CUSTOM_ANNOTATION");
        assert_eq!(event.properties["CodeDeploy.DeploymentId"], id);
    }
}

async fn caller_names_an_environment_of_a_monspec(world: World) {
    world.production_group(GroupOptions::default());
    let id = deploy(&world, "c0ffee");
    let wish = json!({
        "deployment": id,
        "environment": "Staging",
        "monspec": monspec(),
        "name": "By hand",
    });

    let outcome = world.announce_directly(&wish, "call-1").await;

    assert!(matches!(outcome, Outcome::Announced(_)), "{outcome:?}");
    let event = world.event_on(STAGING);
    assert_eq!(event.event_type, "CUSTOM_DEPLOYMENT");
    assert_eq!(event.properties["dt.event.deployment.name"], "By hand");
    assert_eq!(event.properties["CodeDeploy.DeploymentId"], id);
}
