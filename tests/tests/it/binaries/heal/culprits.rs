//! Whether a culprit is answered, and by what, through the real binary.

use std::collections::BTreeSet;

use dynatrace::Api;
use fake_aws::Fault;
use fake_aws::codedeploy::{AutoRollback, DeploymentEnd, GroupOptions, Revision, RollbackEvent};
use jiff::{SignedDuration, Timestamp};
use lab::world::{PRODUCTION, Settings};
use release::deployment::{self, Origin};
use release::ledger::Ruling;
use release::remediation::{Actor, Needless, State};

use super::stories::{healed, healed_to, set};
use super::under_both;
use super::{
    APPLICATION, Announcement, GROUP, announce, announced, bad_release, deploy, group, heals, now,
    posted, problem, quick, state, until,
};

#[tokio::test]
async fn culprit_under_way_is_stopped_and_healed() {
    let (world, function) = set(Settings::default()).await;
    group(&world, quick());
    deploy(&world, "good").await;
    group(
        &world,
        GroupOptions {
            duration: SignedDuration::from_mins(10),
            ..quick()
        },
    );
    world.aws.s3().put("bundles", "bad", "bad");
    let revision = Revision::s3("bundles", "bad");
    let codedeploy = world.aws.codedeploy();
    let bad = codedeploy
        .deploy_by_person(APPLICATION, GROUP, revision)
        .unwrap();
    group(&world, quick());
    announce(&world, Api::V2, &bad, &[PRODUCTION]).await;
    let problem = problem(&world);

    posted(&world, &function, &problem, "OPEN").await;
    healed(&world, &function, &problem).await;

    assert_eq!(world.aws.calls("StopDeployment"), 1);
    assert_eq!(healed_to(&world), ["good"]);
    let stopped = codedeploy.deployment(&bad).unwrap();
    assert!(stopped.rollback.is_none(), "{stopped:?}");
}

#[tokio::test]
async fn problem_that_is_heard_of_too_late_changes_nothing() {
    let (world, function) = set(Settings::default()).await;
    let ago = |minutes: i64| now() - minutes * 60_000;
    let moment = |minutes: i64| Timestamp::from_millisecond(ago(minutes)).unwrap();
    // The service's own clock, so that everything was over when it was.
    group(&world, GroupOptions::default());
    let release = |minutes, name: &str| {
        world.aws.set_now(moment(minutes));
        world.aws.s3().put("bundles", name, name.to_owned());
        let revision = Revision::s3("bundles", name);
        let codedeploy = world.aws.codedeploy();
        codedeploy
            .deploy_by_person(APPLICATION, GROUP, revision)
            .unwrap()
    };
    release(60, "good");
    let bad = release(50, "bad");
    world.aws.set_now(moment(0));
    let announcement = Announcement {
        at: Some(ago(50)),
        ..Announcement::of(&bad)
    };
    announced(&world, &announcement).await;
    let problem = world.tenant.problem("Failure rate increase");
    let problem = problem.impacts(PRODUCTION).began(ago(45)).open();

    function.invoke(lab::world::scheduled()).await.unwrap();
    until(&world, &function, &problem, State::is_final).await;

    let state = state(&world, &problem).await;
    assert!(
        matches!(state, State::NotNeeded(Needless::Stale { .. })),
        "{state:?}"
    );
    assert_eq!(world.aws.calls("CreateDeployment"), 0);
}

#[tokio::test]
async fn rollback_of_codedeploy_is_the_heal_to_the_end() {
    under_both(async |api| {
        let (world, function) = set(Settings::default().api(api)).await;
        group(&world, quick());
        deploy(&world, "good").await;
        let codedeploy = world.aws.codedeploy();
        codedeploy.hold(APPLICATION, GROUP).unwrap();
        world.aws.s3().put("bundles", "bad", "bad");
        let bad = codedeploy
            .deploy_by_person(APPLICATION, GROUP, Revision::s3("bundles", "bad"))
            .unwrap();
        announce(&world, api, &bad, &[PRODUCTION]).await;
        let problem = problem(&world);
        group(
            &world,
            GroupOptions {
                auto_rollback: AutoRollback::On(vec![RollbackEvent::Failure]),
                ..quick()
            },
        );
        codedeploy.finish(&bad, DeploymentEnd::Failed).unwrap();

        posted(&world, &function, &problem, "OPEN").await;
        healed(&world, &function, &problem).await;

        let State::Healed { heal, .. } = state(&world, &problem).await else {
            panic!("it is healed");
        };
        assert_eq!(heal.by, Actor::Platform);
        problem.resolve(now());
        posted(&world, &function, &problem, "RESOLVED").await;
        until(&world, &function, &problem, State::is_final).await;
        let ended = state(&world, &problem).await;
        assert!(matches!(ended, State::Confirmed { .. }), "{ended:?}");
        for operation in ["CreateDeployment", "StopDeployment"] {
            assert_eq!(world.aws.calls(operation), 0, "{operation}");
        }
        assert_eq!(world.tenant.comments(problem.id()).len(), 3);
    })
    .await;
}

#[tokio::test]
async fn problem_that_flaps_is_one_heal() {
    let (world, function) = set(Settings::default()).await;
    let problem = bad_release(&world, Api::V2).await;

    for _ in 0..3 {
        posted(&world, &function, &problem, "OPEN").await;
        problem.resolve(now());
        posted(&world, &function, &problem, "RESOLVED").await;
        function.invoke(lab::world::scheduled()).await.unwrap();
        problem.reopen();
    }
    posted(&world, &function, &problem, "OPEN").await;
    until(&world, &function, &problem, |state| {
        state.is_final() || matches!(state, State::Healed { .. })
    })
    .await;

    assert_eq!(healed_to(&world), ["good"]);
}

#[tokio::test]
async fn entity_that_two_pipelines_deploy_blames_the_newest_deployment() {
    let (world, function) = set(Settings::default()).await;
    group(&world, quick());
    deploy(&world, "good").await;
    let codedeploy = world.aws.codedeploy();
    codedeploy.group(APPLICATION, "Billing", quick()).unwrap();
    world.aws.s3().put("bundles", "bills", "bills");
    let bills = codedeploy
        .deploy_by_person(APPLICATION, "Billing", Revision::s3("bundles", "bills"))
        .unwrap();
    let announcement = Announcement {
        group: "Billing",
        ..Announcement::of(&bills)
    };
    announced(&world, &announcement).await;
    let bad = deploy(&world, "bad").await;
    announce(&world, Api::V2, &bad, &[PRODUCTION]).await;
    let problem = problem(&world);

    posted(&world, &function, &problem, "OPEN").await;
    healed(&world, &function, &problem).await;

    assert_eq!(healed_to(&world), ["good"]);
    let billing = codedeploy.history(APPLICATION, "Billing").unwrap();
    assert_eq!(billing.len(), 1);
}

#[tokio::test]
async fn bad_content_under_a_new_key_is_not_deployed_again() {
    let (world, function) = set(Settings::default()).await;
    group(&world, quick());
    deploy(&world, "good").await;
    let mut broken = Vec::new();
    for name in ["built once", "built again"] {
        let id = deploy(&world, name).await;
        let entry = deployment::Deployment {
            id: id.clone(),
            group: deployment::Group {
                application: APPLICATION.to_owned(),
                name: GROUP.to_owned(),
            },
            at: Timestamp::from_millisecond(now()).unwrap(),
            execution: None,
            identity: "sources:App=broken".to_owned(),
            location: None,
            digest: None,
            version: name.to_owned(),
            origin: Origin::Release,
        };
        world.ledger().record_deployment(&entry).await.unwrap();
        broken.push(entry);
    }
    let ledger = world.ledger();
    let ruling = Ruling::Condemn;
    let condemned = ledger.rule(&broken[0].group, &broken[0].id, ruling, "ada", "it leaks");
    assert!(condemned.await.unwrap().is_some());
    let bad = deploy(&world, "bad").await;
    announce(&world, Api::V2, &bad, &[PRODUCTION]).await;
    let problem = problem(&world);

    posted(&world, &function, &problem, "OPEN").await;
    healed(&world, &function, &problem).await;

    assert_eq!(healed_to(&world), ["good"]);
}

#[tokio::test]
async fn codedeploy_that_acts_and_does_not_answer_is_asked_once() {
    let (world, function) = set(Settings::default()).await;
    let problem = bad_release(&world, Api::V2).await;
    world
        .aws
        .fail("CreateDeployment", Fault::TimeoutAfterActing, 1);

    posted(&world, &function, &problem, "OPEN").await;
    healed(&world, &function, &problem).await;

    assert_eq!(world.aws.calls("CreateDeployment"), 1);
    let ids: BTreeSet<String> = heals(&world).into_iter().map(|heal| heal.id).collect();
    assert_eq!(ids.len(), 1);
}
