//! What callers find when they look for deployments.

use aws_sdk_codedeploy::types::{DeploymentStatus, TimeRange};
use fake_aws::codedeploy::{DeploymentEnd, GroupOptions};

use super::caller::{APP, Caller, GROUP, at, key};
use crate::world::code;

#[tokio::test]
async fn list_holds_the_group_in_no_order_of_time() {
    let caller = Caller::instant().await;
    let ids: Vec<_> = (0..4).map(|_| caller.deploy("good")).collect();
    caller.codedeploy().application("Other");
    let other = GroupOptions::default();
    caller.codedeploy().group("Other", GROUP, other).unwrap();
    let list = caller.client.list_deployments();
    let list = list.application_name(APP).deployment_group_name(GROUP);
    let found = list.send().await.unwrap();

    let expected = [&ids[0], &ids[2], &ids[1], &ids[3]].map(String::clone);
    assert_eq!(found.deployments(), expected);
    assert_eq!(found.next_token, None);
    let all = caller.client.list_deployments().send().await.unwrap();
    assert_eq!(all.deployments().len(), 4);
}

#[tokio::test]
async fn list_comes_in_pages() {
    let caller = Caller::instant().await;
    let mut ids: Vec<_> = (0..5).map(|_| caller.deploy("good")).collect();
    caller.codedeploy().page_size(2);
    let mut pages = caller.client.list_deployments().into_paginator().send();
    let mut sizes = Vec::new();
    let mut found = Vec::new();
    while let Some(page) = pages.next().await {
        let page = page.unwrap();
        sizes.push(page.deployments().len());
        found.extend(page.deployments.unwrap_or_default());
    }
    assert_eq!(sizes, [2, 2, 1]);
    ids.sort();
    found.sort();
    assert_eq!(found, ids);
}

#[tokio::test]
async fn list_is_narrowed_by_status_and_time() {
    let caller = Caller::instant().await;
    let old = caller.deploy("good");
    caller.seen(&old);
    caller.codedeploy().hold(APP, GROUP).unwrap();
    caller.set_now(100);
    let failed = caller.deploy("bad");
    caller.seen(&failed);
    caller
        .codedeploy()
        .finish(&failed, DeploymentEnd::Failed)
        .unwrap();
    caller.set_now(200);
    let running = caller.deploy("other");

    let list = || caller.client.list_deployments();
    let by_status = list()
        .include_only_statuses(DeploymentStatus::Failed)
        .include_only_statuses(DeploymentStatus::InProgress);
    let found = by_status.send().await.unwrap();
    assert_eq!(found.deployments(), [failed.clone(), running.clone()]);

    let time =
        |seconds| aws_sdk_codedeploy::primitives::DateTime::from_secs(at(seconds).as_second());
    let range = TimeRange::builder().start(time(100)).end(time(199));
    let found = list()
        .create_time_range(range.build())
        .send()
        .await
        .unwrap();
    assert_eq!(found.deployments(), [failed]);
    let range = TimeRange::builder().start(time(101)).build();
    let found = list().create_time_range(range).send().await.unwrap();
    assert_eq!(found.deployments(), [running]);
}

#[tokio::test]
async fn contradictory_list_is_refused() {
    let caller = Caller::instant().await;
    let list = || caller.client.list_deployments();
    let time = aws_sdk_codedeploy::primitives::DateTime::from_secs;
    let backwards = TimeRange::builder().start(time(2)).end(time(1)).build();
    let both = || list().application_name(APP).deployment_group_name(GROUP);
    let table = [
        (list().application_name(APP), "DeploymentGroupNameRequired"),
        (
            list().deployment_group_name(GROUP),
            "ApplicationNameRequired",
        ),
        (both().application_name("Other"), "ApplicationDoesNotExist"),
        (
            both().deployment_group_name("Other"),
            "DeploymentGroupDoesNotExist",
        ),
        (
            list().include_only_statuses("Odd".into()),
            "InvalidDeploymentStatus",
        ),
        (list().create_time_range(backwards), "InvalidTimeRange"),
        (list().next_token("odd"), "InvalidNextToken"),
    ];
    for (list, expected) in table {
        let refused = code(&list.send().await.unwrap_err());
        assert_eq!(refused, format!("{expected}Exception"));
    }
}

#[tokio::test]
async fn batch_gives_25_at_most_and_leaves_unknown_ones_out() {
    let caller = Caller::instant().await;
    let id = caller.deploy("good");
    let batch = async |ids: Vec<String>| {
        let batch = caller.client.batch_get_deployments();
        let answer = batch.set_deployment_ids(Some(ids)).send().await;
        answer
            .map(|answer| answer.deployments_info.unwrap_or_default().len())
            .map_err(|error| code(&error))
    };
    let unknown = "d-000000000".to_owned();
    assert_eq!(batch(vec![id.clone(), unknown]).await, Ok(1));
    assert_eq!(batch(vec![id.clone(); 25]).await, Ok(25));
    let table = [
        (vec![id; 26], "BatchLimitExceededException"),
        (vec![], "DeploymentIdRequiredException"),
        (vec!["odd".to_owned()], "InvalidDeploymentIdException"),
    ];
    for (ids, expected) in table {
        assert_eq!(batch(ids).await, Err(expected.to_owned()));
    }
}

#[tokio::test]
async fn deployment_is_found_by_its_exact_id_only() {
    let caller = Caller::instant().await;
    let get = async |id: Option<&str>| {
        let get = caller.client.get_deployment();
        let get = get.set_deployment_id(id.map(str::to_owned));
        code(&get.send().await.unwrap_err())
    };
    assert_eq!(get(None).await, "DeploymentIdRequiredException");
    assert_eq!(get(Some("d-1")).await, "InvalidDeploymentIdException");
    let unknown = get(Some("d-000000000")).await;
    assert_eq!(unknown, "DeploymentDoesNotExistException");
}

#[tokio::test]
async fn group_names_its_last_attempt_and_its_last_success() {
    let caller = Caller::instant().await;
    let group = async || {
        let get = caller.client.get_deployment_group().application_name(APP);
        let answer = get.deployment_group_name(GROUP).send().await.unwrap();
        answer.deployment_group_info.unwrap()
    };
    let fresh = group().await;
    assert_eq!(fresh.last_attempted_deployment, None);
    assert_eq!(fresh.last_successful_deployment, None);
    assert_eq!(fresh.target_revision, None);

    let good = caller.deploy("good");
    caller.seen(&good);
    caller.codedeploy().hold(APP, GROUP).unwrap();
    let running = caller.deploy("bad");

    let busy = group().await;
    let attempted = busy.last_attempted_deployment.unwrap();
    assert_eq!(attempted.deployment_id.unwrap(), running);
    assert_eq!(attempted.status, Some(DeploymentStatus::InProgress));
    assert_eq!(attempted.end_time, None);
    let successful = busy.last_successful_deployment.unwrap();
    assert_eq!(successful.deployment_id.unwrap(), good);
    assert!(successful.end_time.is_some());
    assert_eq!(key(busy.target_revision.as_ref()), Some("bad"));
}
