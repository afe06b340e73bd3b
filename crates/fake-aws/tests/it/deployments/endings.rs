//! The way of a deployment through its states, row by row of the table.

use fake_aws::codedeploy::{
    DeploymentEnd, DeploymentStatus, ErrorCode, GroupOptions, Revision, ServiceError,
};
use jiff::SignedDuration;

use super::caller::{APP, BUCKET, Caller, GROUP, at, key};

#[tokio::test]
async fn deployment_moves_on_as_time_passes() {
    let caller = Caller::slow().await;
    let id = caller.deploy("good");
    let table = [
        (0, "Created"),
        (9, "Created"),
        (10, "Queued"),
        (20, "InProgress"),
        (79, "InProgress"),
        (500, "Succeeded"),
    ];
    for (seconds, expected) in table {
        caller.set_now(seconds);
        assert_eq!(caller.get(&id).await.status.unwrap().as_str(), expected);
    }
    let seen = caller.seen(&id);
    assert_eq!((seen.created, seen.started), (at(0), Some(at(20))));
    assert_eq!(seen.completed, Some(at(80)), "not when somebody looked");
}

#[tokio::test]
async fn deployment_fails_where_the_group_says_so() {
    let caller = Caller::with(GroupOptions {
        outcome: DeploymentEnd::Failed,
        ..GroupOptions::default()
    })
    .await;
    let id = caller.deploy("bad");
    let shown = caller.get(&id).await;
    assert_eq!(shown.status.unwrap().as_str(), "Failed");
    let error = shown.error_information.unwrap();
    assert_eq!(error.code.unwrap().as_str(), "HEALTH_CONSTRAINTS");
    assert_eq!(shown.deployment_overview.unwrap().failed, 1);
    assert_eq!(caller.seen(&id).rollback, None);
}

#[tokio::test]
async fn held_deployment_waits_for_a_hand() {
    let caller = Caller::instant().await;
    caller.codedeploy().hold(APP, GROUP).unwrap();
    let id = caller.deploy("good");
    caller.set_now(1_000_000);
    assert_eq!(caller.seen(&id).status, DeploymentStatus::InProgress);

    caller
        .codedeploy()
        .finish(&id, DeploymentEnd::Succeeded)
        .unwrap();

    let seen = caller.seen(&id);
    assert_eq!(seen.status, DeploymentStatus::Succeeded);
    assert_eq!(seen.completed, Some(at(1_000_000)));
    assert!(caller.codedeploy().active(APP, GROUP).unwrap().is_none());
}

#[tokio::test]
async fn deployment_that_has_not_begun_or_has_ended_cannot_be_finished() {
    let caller = Caller::slow().await;
    let id = caller.deploy("good");
    let finish = || caller.codedeploy().finish(&id, DeploymentEnd::Failed);
    assert_eq!(finish(), Err(ServiceError::NotBegun(id.clone())));
    caller.set_now(10);
    assert_eq!(finish(), Err(ServiceError::NotBegun(id.clone())));
    caller.set_now(80);
    assert_eq!(
        finish(),
        Err(ServiceError::DeploymentAlreadyCompleted(id.clone()))
    );
    assert_eq!(caller.seen(&id).status, DeploymentStatus::Succeeded);
}

#[tokio::test]
async fn missing_or_changed_bundle_fails_its_deployment() {
    let caller = Caller::instant().await;
    let s3 = caller.aws.s3();
    let tag = s3.get(BUCKET, "good").unwrap().etag();
    let exact = Revision::s3(BUCKET, "good").with_etag(&tag);
    let deploy = |revision| {
        let codedeploy = caller.codedeploy();
        let id = codedeploy.deploy_by_person(APP, GROUP, revision).unwrap();
        let seen = caller.seen(&id);
        (seen.status, seen.error.map(|error| error.code))
    };
    let missing = (DeploymentStatus::Failed, Some(ErrorCode::RevisionMissing));
    assert_eq!(deploy(exact.clone()), (DeploymentStatus::Succeeded, None));
    s3.put(BUCKET, "good", "other content");
    assert_eq!(deploy(exact), missing);
    s3.delete(BUCKET, "good");
    assert_eq!(deploy(Revision::s3(BUCKET, "good")), missing);
}

#[tokio::test]
async fn stop_is_possible_until_the_end() {
    let caller = Caller::slow().await;
    for start in [0, 110, 230] {
        caller.set_now(start);
        let id = caller.deploy("good");
        // Created, queued and in progress, in turn.
        caller.set_now(start + start / 10);
        assert_eq!(caller.stop(&id, Some(false)).await.unwrap(), "Succeeded");
        let shown = caller.get(&id).await;
        assert_eq!(shown.status.unwrap().as_str(), "Stopped");
        let error = shown.error_information.unwrap();
        assert_eq!(error.code.unwrap().as_str(), "MANUAL_STOP");
        let again = caller.stop(&id, Some(false)).await.unwrap_err();
        assert_eq!(again, "DeploymentAlreadyCompletedException");
    }
    let unknown = caller.stop("d-000000000", None).await.unwrap_err();
    assert_eq!(unknown, "DeploymentDoesNotExistException");
}

#[tokio::test]
async fn stop_that_takes_time_keeps_the_group_busy() {
    let caller = Caller::with(GroupOptions {
        duration: SignedDuration::from_secs(60),
        stopping: SignedDuration::from_secs(5),
        ..GroupOptions::default()
    })
    .await;
    let id = caller.deploy("bad");
    assert_eq!(caller.stop(&id, Some(false)).await.unwrap(), "Pending");
    caller.set_now(4);
    assert_eq!(caller.stop(&id, Some(true)).await.unwrap(), "Pending");
    let refused = caller.refused(caller.create("good")).await;
    assert_eq!(refused, "DeploymentLimitExceededException");

    caller.set_now(5);

    let seen = caller.seen(&id);
    assert_eq!(seen.status, DeploymentStatus::Stopped);
    assert_eq!(seen.rollback, None, "the first request decided");
    caller.create("good").send().await.unwrap();
}

#[tokio::test]
async fn end_before_the_stop_takes_effect_counts() {
    let caller = Caller::with(GroupOptions {
        duration: SignedDuration::from_secs(60),
        stopping: SignedDuration::from_secs(30),
        ..GroupOptions::default()
    })
    .await;
    let id = caller.deploy("good");
    caller.set_now(50);
    assert_eq!(caller.stop(&id, Some(true)).await.unwrap(), "Pending");
    caller.set_now(100);
    assert_eq!(caller.seen(&id).status, DeploymentStatus::Succeeded);
}

#[tokio::test]
async fn previous_revision_is_what_had_succeeded_last() {
    let caller = Caller::instant().await;
    let codedeploy = caller.codedeploy();
    let previous = async |id: &str| {
        let shown = caller.get(id).await;
        key(shown.previous_revision.as_ref()).map(str::to_owned)
    };
    let first = caller.deploy("good");
    let empty = caller.get(&first).await.previous_revision.unwrap();
    assert_eq!((empty.revision_type, empty.s3_location), (None, None));

    let bad = caller.deploy("bad");
    assert_eq!(previous(&bad).await.as_deref(), Some("good"));
    let heal = caller.deploy("good");
    assert_eq!(previous(&heal).await.as_deref(), Some("bad"));

    codedeploy.hold(APP, GROUP).unwrap();
    let failed = caller.deploy("other");
    caller.seen(&failed);
    codedeploy.finish(&failed, DeploymentEnd::Failed).unwrap();
    let next = caller.deploy("bad");
    assert_eq!(previous(&next).await.as_deref(), Some("good"));
}
