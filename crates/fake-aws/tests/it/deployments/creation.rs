//! What may be deployed, and what is remembered of a request.

use aws_sdk_codedeploy::types::{
    Alarm, AlarmConfiguration, AppSpecContent, AutoRollbackConfiguration, AutoRollbackEvent,
    DeploymentCreator, FileExistsBehavior, RevisionLocation, RevisionLocationType,
};
use fake_aws::Fault;
use fake_aws::codedeploy::{AutoRollback, DeploymentStatus, GroupOptions, Platform, Revision};

use super::caller::{APP, Caller, GROUP, key, location};
use crate::world::code;

const APP_SPEC: &str = r#"{"version": 0.0}"#;

#[tokio::test]
async fn request_is_shown_with_all_its_switches() {
    let caller = Caller::instant().await;
    let never = AutoRollbackConfiguration::builder().enabled(false).build();
    let alarm = Alarm::builder().name("latency").build();
    let alarms = AlarmConfiguration::builder().enabled(true).alarms(alarm);
    let create = caller
        .create("good")
        .deployment_config_name("CodeDeployDefault.AllAtOnce")
        .description("heal P-1")
        .ignore_application_stop_failures(true)
        .update_outdated_instances_only(true)
        .auto_rollback_configuration(never)
        .file_exists_behavior(FileExistsBehavior::Overwrite)
        .override_alarm_configuration(alarms.build());
    let id = create.send().await.unwrap().deployment_id.unwrap();

    let shown = caller.get(&id).await;
    assert_eq!(shown.application_name(), Some(APP));
    assert_eq!(shown.deployment_group_name(), Some(GROUP));
    assert_eq!(
        shown.deployment_config_name(),
        Some("CodeDeployDefault.AllAtOnce")
    );
    assert_eq!(shown.description(), Some("heal P-1"));
    assert!(shown.ignore_application_stop_failures());
    assert!(shown.update_outdated_instances_only());
    assert!(!shown.auto_rollback_configuration().unwrap().enabled());
    assert_eq!(
        shown.file_exists_behavior(),
        Some(&FileExistsBehavior::Overwrite)
    );
    let alarms = shown.override_alarm_configuration().unwrap();
    assert_eq!(alarms.alarms()[0].name(), Some("latency"));
    assert_eq!(shown.creator(), Some(&DeploymentCreator::User));
    assert_eq!(key(shown.revision()), Some("good"));
    let settings = caller.seen(&id).settings;
    assert_eq!(settings.auto_rollback, Some(AutoRollback::Disabled));
}

#[tokio::test]
async fn same_request_twice_is_two_deployments() {
    let caller = Caller::instant().await;
    let create = || async { caller.create("good").send().await.unwrap().deployment_id };
    assert_ne!(create().await, create().await);
    assert_eq!(caller.codedeploy().history(APP, GROUP).unwrap().len(), 2);
}

#[tokio::test]
async fn busy_group_refuses_another_deployment() {
    let caller = Caller::slow().await;
    let first = caller.deploy("good");
    for seconds in [0, 10, 79] {
        caller.set_now(seconds);
        let error = caller.create("bad").send().await.unwrap_err();
        assert_eq!(code(&error), "DeploymentLimitExceededException");
        let text = error.into_service_error().to_string();
        assert!(text.contains(&first), "{text}");
    }
    caller.set_now(80);
    caller.create("bad").send().await.unwrap();
}

#[tokio::test]
async fn groups_are_busy_each_for_itself() {
    let caller = Caller::slow().await;
    let codedeploy = caller.codedeploy();
    codedeploy
        .group(APP, "Staging", GroupOptions::default())
        .unwrap();
    caller.deploy("good");
    caller
        .create("bad")
        .deployment_group_name("Staging")
        .send()
        .await
        .unwrap();
    assert_eq!(codedeploy.history(APP, "Staging").unwrap().len(), 1);
    assert!(codedeploy.active(APP, GROUP).unwrap().is_some());
}

#[tokio::test]
async fn bad_request_is_refused_and_leaves_nothing() {
    let caller = Caller::instant().await;
    let create = || caller.create("good");
    let app_spec = |content: Option<&str>, hash: Option<&str>| {
        let spec = AppSpecContent::builder()
            .set_content(content.map(str::to_owned))
            .set_sha256(hash.map(str::to_owned));
        RevisionLocation::builder()
            .revision_type(RevisionLocationType::AppSpecContent)
            .app_spec_content(spec.build())
            .build()
    };
    let no_events = AutoRollbackConfiguration::builder().enabled(true).build();
    let odd_event = AutoRollbackConfiguration::builder()
        .events(AutoRollbackEvent::from("SOMETHING"))
        .build();
    let no_alarms = AlarmConfiguration::builder().enabled(true).build();
    let typeless = RevisionLocation::builder().build();
    let table = vec![
        (
            create().set_application_name(None),
            "ApplicationNameRequired",
        ),
        (
            create().application_name("Other"),
            "ApplicationDoesNotExist",
        ),
        (
            create().set_deployment_group_name(None),
            "DeploymentGroupNameRequired",
        ),
        (
            create().deployment_group_name("Other"),
            "DeploymentGroupDoesNotExist",
        ),
        (create().set_revision(None), "RevisionRequired"),
        (create().revision(typeless), "InvalidRevision"),
        (
            create().revision(app_spec(Some(APP_SPEC), None)),
            "InvalidRevision",
        ),
        (
            create().revision(app_spec(None, Some("ab"))),
            "InvalidRevision",
        ),
        (create().description("x".repeat(257)), "DescriptionTooLong"),
        (
            create().deployment_config_name("Odd"),
            "DeploymentConfigDoesNotExist",
        ),
        (
            create().auto_rollback_configuration(no_events),
            "InvalidAutoRollbackConfig",
        ),
        (
            create().auto_rollback_configuration(odd_event),
            "InvalidAutoRollbackConfig",
        ),
        (
            create().override_alarm_configuration(no_alarms),
            "InvalidAlarmConfig",
        ),
        (
            create().file_exists_behavior("ODD".into()),
            "InvalidFileExistsBehavior",
        ),
        (create().deployment_mode("RESTART".into()), "InvalidInput"),
    ];
    for (create, expected) in table {
        assert_eq!(caller.refused(create).await, format!("{expected}Exception"));
    }
    assert_eq!(caller.codedeploy().history(APP, GROUP).unwrap().len(), 0);
    create().description("ä".repeat(256)).send().await.unwrap();
}

#[tokio::test]
async fn app_spec_is_hidden_by_the_deployment_and_given_by_its_hash() {
    let caller = Caller::with(GroupOptions {
        platform: Platform::Lambda,
        config: "CodeDeployDefault.LambdaAllAtOnce".to_owned(),
        ..GroupOptions::default()
    })
    .await;
    let revision = Revision::app_spec(APP_SPEC);
    let codedeploy = caller.codedeploy();
    let id = codedeploy.deploy_by_person(APP, GROUP, revision).unwrap();

    let shown = caller.get(&id).await.revision.unwrap();
    let hidden = shown.app_spec_content().unwrap();
    assert_eq!(hidden.content(), None);
    assert_eq!(hidden.sha256().unwrap().len(), 64);

    let get = caller.client.get_application_revision();
    let get = get.application_name(APP).revision(shown);
    let found = get.send().await.unwrap();
    let content = found.revision.unwrap().app_spec_content.unwrap().content;
    assert_eq!(content.as_deref(), Some(APP_SPEC));
    assert_eq!(found.revision_info.unwrap().deployment_groups(), [GROUP]);
}

#[tokio::test]
async fn revision_that_was_never_deployed_is_unknown() {
    let caller = Caller::instant().await;
    caller.deploy("good");
    let get = async |key: &str| {
        let get = caller.client.get_application_revision();
        let get = get.application_name(APP).revision(location("bundles", key));
        get.send().await
    };
    get("good").await.unwrap();
    let error = get("bad").await.unwrap_err();
    assert_eq!(code(&error), "RevisionDoesNotExistException");
}

#[tokio::test]
async fn lost_answer_leaves_a_deployment_behind() {
    let caller = Caller::slow().await;
    caller
        .aws
        .fail("CreateDeployment", Fault::TimeoutAfterActing, 1);
    let create = || caller.create("good").description("marker");

    assert_eq!(caller.refused(create()).await, "no answer");

    let active = caller.codedeploy().active(APP, GROUP).unwrap().unwrap();
    assert_eq!(active.description.as_deref(), Some("marker"));
    assert_eq!(active.status, DeploymentStatus::Created);
    let again = caller.refused(create()).await;
    assert_eq!(again, "DeploymentLimitExceededException");
    assert_eq!(caller.aws.calls("CreateDeployment"), 2);
}

#[tokio::test]
async fn throttled_request_deploys_nothing() {
    let caller = Caller::instant().await;
    caller.aws.fail("CreateDeployment", Fault::Throttle, 1);
    let refused = caller.refused(caller.create("good")).await;
    assert_eq!(refused, "ThrottlingException");
    assert_eq!(caller.codedeploy().history(APP, GROUP).unwrap().len(), 0);
}
