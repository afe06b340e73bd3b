//! Rollbacks that the service makes by itself.

use aws_sdk_codedeploy::types::{AutoRollbackConfiguration, AutoRollbackEvent, DeploymentCreator};
use fake_aws::codedeploy::{
    AutoRollback, Creator, DeploymentEnd, DeploymentStatus, GroupOptions, Rollback, RollbackEvent,
};

use super::caller::{APP, Caller, GROUP, key};

/// A group whose last success is `good` and which holds what comes next.
async fn after_a_success(auto_rollback: AutoRollback) -> Caller {
    let caller = Caller::with(GroupOptions {
        auto_rollback,
        ..GroupOptions::default()
    })
    .await;
    let good = caller.deploy("good");
    assert_eq!(caller.seen(&good).status, DeploymentStatus::Succeeded);
    caller.codedeploy().hold(APP, GROUP).unwrap();
    caller
}

#[tokio::test]
async fn stop_with_rollback_redeploys_the_last_success() {
    let caller = after_a_success(AutoRollback::Disabled).await;
    let bad = caller.deploy("bad");

    caller.stop(&bad, Some(true)).await.unwrap();

    let stopped = caller.get(&bad).await;
    assert_eq!(stopped.status.unwrap().as_str(), "Stopped");
    let id = stopped.rollback_info.unwrap().rollback_deployment_id;
    let rollback = caller.get(&id.unwrap()).await;
    assert_eq!(
        rollback.creator,
        Some(DeploymentCreator::CodeDeployRollback)
    );
    assert_eq!(key(rollback.revision.as_ref()), Some("good"));
    let info = rollback.rollback_info.unwrap();
    assert_eq!(info.rollback_triggering_deployment_id.unwrap(), bad);
    assert!(!rollback.auto_rollback_configuration.unwrap().enabled);
    let refused = caller.refused(caller.create("other")).await;
    assert_eq!(refused, "DeploymentLimitExceededException");
}

#[tokio::test]
async fn stop_leaves_the_rollback_to_the_group_unless_it_is_said() {
    let rules = AutoRollback::On(vec![RollbackEvent::StopOnRequest]);
    let table = [(Some(false), false), (None, true), (Some(true), true)];
    for (said, expected) in table {
        let caller = after_a_success(rules.clone()).await;
        let bad = caller.deploy("bad");
        caller.stop(&bad, said).await.unwrap();
        assert_eq!(caller.seen(&bad).rollback.is_some(), expected, "{said:?}");
    }
    let caller = after_a_success(AutoRollback::Disabled).await;
    let bad = caller.deploy("bad");
    caller.stop(&bad, None).await.unwrap();
    assert_eq!(caller.seen(&bad).rollback, None);
}

#[tokio::test]
async fn failure_rolls_back_as_the_deployment_says_before_the_group() {
    let on_failure = AutoRollback::On(vec![RollbackEvent::Failure]);
    let ask = |enabled: bool| {
        AutoRollbackConfiguration::builder()
            .enabled(enabled)
            .events(AutoRollbackEvent::DeploymentFailure)
            .build()
    };
    let table = [
        (on_failure.clone(), None, true),
        (on_failure, Some(ask(false)), false),
        (AutoRollback::Disabled, Some(ask(true)), true),
        (AutoRollback::Disabled, None, false),
    ];
    for (rules, asked, expected) in table {
        let caller = after_a_success(rules).await;
        let create = caller.create("bad").set_auto_rollback_configuration(asked);
        let bad = create.send().await.unwrap().deployment_id.unwrap();
        caller.seen(&bad);
        caller
            .codedeploy()
            .finish(&bad, DeploymentEnd::Failed)
            .unwrap();

        let active = caller.codedeploy().active(APP, GROUP).unwrap();
        assert_eq!(active.is_some(), expected);
        let taken_back = active.map(|active| Rollback::TakenBackBy(active.id));
        assert_eq!(caller.seen(&bad).rollback, taken_back);
    }
}

#[tokio::test]
async fn rollback_without_a_success_is_impossible() {
    let caller = Caller::instant().await;
    caller.codedeploy().hold(APP, GROUP).unwrap();
    let first = caller.deploy("bad");
    caller.stop(&first, Some(true)).await.unwrap();

    assert_eq!(caller.seen(&first).rollback, Some(Rollback::Impossible));
    let info = caller.get(&first).await.rollback_info.unwrap();
    assert_eq!(info.rollback_deployment_id, None);
    assert!(caller.codedeploy().active(APP, GROUP).unwrap().is_none());
}

#[tokio::test]
async fn failed_rollback_is_not_rolled_back() {
    let caller = after_a_success(AutoRollback::On(vec![RollbackEvent::Failure])).await;
    let bad = caller.deploy("bad");
    caller.seen(&bad);
    caller.aws.s3().delete("bundles", "good");
    caller
        .codedeploy()
        .finish(&bad, DeploymentEnd::Failed)
        .unwrap();

    let history = caller.codedeploy().history(APP, GROUP).unwrap();
    assert_eq!(history.len(), 3);
    assert_eq!(history[0].creator, Creator::Rollback);
    assert_eq!(history[0].status, DeploymentStatus::Failed);
    assert_eq!(history[0].rollback, Some(Rollback::Of(bad)));
}
