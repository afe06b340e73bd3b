//! What a deployment did to its targets, as the real client reads it.

use std::collections::BTreeMap;

use fake_aws::codedeploy::{Creator, DeploymentEnd, GroupOptions, Platform, Revision};
use jiff::SignedDuration;

use super::caller::{APP, Caller, GROUP, at};
use crate::world::code;

const MINUTE: SignedDuration = SignedDuration::from_secs(60);

/// The events of one target as name, status and seconds of their beginning.
type Events = Vec<(String, String, Option<i64>)>;

fn instances(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("i-{number}")).collect()
}

async fn events(caller: &Caller, id: &str, target: &str) -> Events {
    let asked = caller.client.batch_get_deployment_targets();
    let asked = asked.deployment_id(id).target_ids(target).send().await;
    let [found] = asked
        .unwrap()
        .deployment_targets
        .unwrap()
        .try_into()
        .unwrap();
    let events = match (found.instance_target, found.lambda_target) {
        (Some(instance), None) => instance.lifecycle_events,
        (None, Some(function)) => function.lifecycle_events,
        other => panic!("{other:?}"),
    };
    let told = events.unwrap().into_iter().map(|event| {
        (
            event.lifecycle_event_name.unwrap(),
            event.status.unwrap().as_str().to_owned(),
            event.start_time.map(|time| time.secs() - at(0).as_second()),
        )
    });
    told.collect()
}

fn told(events: &Events, name: &str) -> (String, Option<i64>) {
    let (_, status, began) = events.iter().find(|(known, ..)| known == name).unwrap();
    (status.clone(), *began)
}

#[tokio::test]
async fn instances_are_reached_one_after_the_other() {
    let caller = Caller::with(GroupOptions {
        lead: SignedDuration::from_secs(10),
        duration: MINUTE * 3,
        instances: instances(3),
        ..GroupOptions::default()
    })
    .await;
    let id = caller.deploy("good");
    let list = async || {
        let asked = caller.client.list_deployment_targets().deployment_id(&id);
        let answer = asked.send().await;
        answer
            .map(|page| page.target_ids.unwrap_or_default())
            .map_err(|error| code(&error))
    };
    assert_eq!(
        list().await,
        Err("DeploymentNotStartedException".to_owned())
    );

    caller.set_now(20 + 70);
    assert_eq!(list().await.unwrap(), instances(3));
    let install = async |instance: &str| told(&events(&caller, &id, instance).await, "Install");
    assert_eq!(install("i-0").await, ("Succeeded".to_owned(), Some(20)));
    assert_eq!(install("i-1").await, ("Succeeded".to_owned(), Some(80)));
    assert_eq!(install("i-2").await, ("Pending".to_owned(), None));
    let last = events(&caller, &id, "i-1").await;
    assert_eq!(told(&last, "ValidateService").0, "InProgress");
    assert_eq!(
        told(&last, "ApplicationStop").0,
        "Skipped",
        "nothing ran before"
    );

    caller.stop(&id, Some(false)).await.unwrap();
    assert_eq!(install("i-2").await, ("Skipped".to_owned(), None));
    let stopped = events(&caller, &id, "i-1").await;
    assert_eq!(told(&stopped, "ValidateService").0, "Failed");
}

#[tokio::test]
async fn failed_deployment_reaches_as_many_as_the_group_says() {
    for (reaches, expected) in [(Some(0), 0), (Some(2), 2), (None, 3)] {
        let caller = Caller::with(GroupOptions {
            outcome: DeploymentEnd::Failed,
            duration: MINUTE,
            instances: instances(3),
            reaches,
            ..GroupOptions::default()
        })
        .await;
        let id = caller.deploy("bad");
        caller.set_now(60);
        assert_eq!(caller.seen(&id).status.as_str(), "Failed");
        let mut reached = 0;
        for instance in instances(3) {
            let (status, _) = told(&events(&caller, &id, &instance).await, "Install");
            reached += usize::from(status == "Succeeded");
        }
        assert_eq!(reached, expected, "{reaches:?}");
    }
}

#[tokio::test]
async fn functions_get_their_traffic_half_way() {
    let caller = Caller::with(GroupOptions {
        platform: Platform::Lambda,
        config: "CodeDeployDefault.LambdaAllAtOnce".to_owned(),
        duration: MINUTE,
        ..GroupOptions::default()
    })
    .await;
    let revision = Revision::app_spec("{}");
    let id = caller.codedeploy().deploy_by_person(APP, GROUP, revision);
    let id = id.unwrap();
    caller.set_now(10);
    let before = events(&caller, &id, "function").await;
    assert_eq!(
        told(&before, "BeforeAllowTraffic"),
        ("Succeeded".to_owned(), Some(0))
    );
    assert_eq!(told(&before, "AllowTraffic"), ("Pending".to_owned(), None));
    caller.set_now(40);
    let after = events(&caller, &id, "function").await;
    assert_eq!(
        told(&after, "AllowTraffic"),
        ("Succeeded".to_owned(), Some(30))
    );
}

#[tokio::test]
async fn life_begins_with_the_first_instance_and_names_those_it_reached() {
    let caller = Caller::with(GroupOptions {
        lead: MINUTE,
        duration: MINUTE * 3,
        instances: instances(3),
        ..GroupOptions::default()
    })
    .await;
    let codedeploy = delivery::codedeploy::CodeDeploy::new(caller.client.clone());
    let life = async |id: &str| {
        let made = codedeploy.deployment(id).await.unwrap().unwrap();
        codedeploy.life(&made).await.unwrap()
    };
    let id = caller.deploy("good");
    assert_eq!(life(&id).await, None, "nothing was touched yet");

    caller.set_now(200);
    let under_way = life(&id).await.unwrap();
    assert_eq!((under_way.began, under_way.ended), (at(120), None));
    assert_eq!(
        under_way.reached,
        BTreeMap::from([("i-0".to_owned(), at(120)), ("i-1".to_owned(), at(180))])
    );

    caller.set_now(500);
    let over = life(&id).await.unwrap();
    assert_eq!((over.began, over.ended), (at(120), Some(at(300))));
    assert_eq!(over.reached.len(), 3);
}

#[tokio::test]
async fn life_of_what_touched_nothing_is_none() {
    let caller = Caller::with(GroupOptions {
        outcome: DeploymentEnd::Failed,
        reaches: Some(0),
        ..GroupOptions::default()
    })
    .await;
    let codedeploy = delivery::codedeploy::CodeDeploy::new(caller.client.clone());
    let failed = caller.deploy("bad");
    caller
        .codedeploy()
        .group(APP, GROUP, GroupOptions::default())
        .unwrap();
    caller.aws.s3().delete("bundles", "other");
    let missing = caller.deploy("other");
    let good = caller.deploy("good");

    let ids = [failed, missing, good.clone()];
    let made = codedeploy.deployments(&ids).await.unwrap();
    assert_eq!(made.len(), 3);
    let lives = codedeploy.lives(&made).await.unwrap();
    assert_eq!(lives.keys().collect::<Vec<_>>(), [&good]);
}

#[tokio::test]
async fn targets_come_in_pages_and_batches_and_too_many_are_refused() {
    let caller = Caller::with(GroupOptions {
        instances: instances(60),
        ..GroupOptions::default()
    })
    .await;
    let codedeploy = delivery::codedeploy::CodeDeploy::new(caller.client.clone());
    let id = caller.deploy("good");
    let made = codedeploy.deployment(&id).await.unwrap().unwrap();

    caller.codedeploy().page_size(7);
    let life = codedeploy.life(&made).await.unwrap().unwrap();
    assert_eq!(life.reached.len(), 60);
    assert_eq!(caller.aws.calls("ListDeploymentTargets"), 9);
    assert_eq!(caller.aws.calls("BatchGetDeploymentTargets"), 3);

    caller.codedeploy().page_size(5);
    let error = codedeploy.life(&made).await.unwrap_err();
    assert!(
        matches!(error, delivery::DeliveryError::TooMany { .. }),
        "{error:?}"
    );
}

#[tokio::test]
async fn targets_that_are_not_there_are_refused() {
    let caller = Caller::instant().await;
    let id = caller.deploy("good");
    let batch = async |ids: Vec<String>| {
        let asked = caller
            .client
            .batch_get_deployment_targets()
            .deployment_id(&id);
        code(&asked.set_target_ids(Some(ids)).send().await.unwrap_err())
    };
    assert_eq!(
        batch(Vec::new()).await,
        "DeploymentTargetIdRequiredException"
    );
    let unknown = vec!["i-unknown".to_owned()];
    assert_eq!(
        batch(unknown).await,
        "DeploymentTargetDoesNotExistException"
    );
    assert_eq!(
        batch(instances(26)).await,
        "DeploymentTargetListSizeExceededException"
    );
}

#[tokio::test]
async fn instance_that_joins_gets_what_runs_and_keeps_nobody_out() {
    let caller = Caller::slow().await;
    let codedeploy = delivery::codedeploy::CodeDeploy::new(caller.client.clone());
    let join = |creator| caller.codedeploy().join(APP, GROUP, "i-new", creator);
    assert!(join(Creator::Autoscaling).is_err(), "nothing runs yet");
    let good = caller.deploy("good");
    caller.set_now(80);
    let bad = caller.deploy("bad");

    for creator in [
        Creator::Autoscaling,
        Creator::AutoscalingTermination,
        Creator::AutoUpdate,
    ] {
        let id = join(creator).unwrap();
        let joined = caller.seen(&id);
        assert_eq!(joined.revision, caller.seen(&good).revision);
        let made = codedeploy.deployment(&id).await.unwrap().unwrap();
        assert_eq!(made.maker, delivery::codedeploy::Maker::Joining);
    }
    let active = caller.codedeploy().active(APP, GROUP).unwrap().unwrap();
    assert_eq!(active.id, bad);
}
