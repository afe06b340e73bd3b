//! What CodeDeploy itself knows of the groups behind a problem's entities:
//! deployments that nobody announced, of any status, by what they touched.

use fake_aws::codedeploy::{
    AutoRollback, Creator, DeploymentEnd, GroupOptions, Revision, RollbackEvent,
};
use jiff::SignedDuration;
use release::deployment::{Deployment, Group, Origin, Standing};
use release::ledger::Ruling;
use release::problem::Cause;
use release::tie::Tie;

use super::scene::{APPLICATION, GROUP, Scene, group, healed_by};
use super::stories;
use crate::world::{PRODUCTION, STAGING};

stories! {
    release_that_failed_and_was_rolled_back_is_blamed_unannounced,
    release_that_is_rolling_out_is_blamed_unannounced,
    rollback_that_is_under_way_hides_no_cause,
    deployment_that_touched_no_instance_is_no_cause,
    deployment_that_touched_an_instance_only_after_the_beginning_is_no_cause,
    joining_instance_is_no_change,
    group_that_is_listed_for_a_tag_is_behind_its_entities,
    group_that_was_announced_long_ago_is_behind_its_entity_for_ninety_days,
    group_of_the_only_application_that_the_tag_can_mean_is_behind_its_entities,
    tag_that_names_groups_of_two_applications_decides_nothing_and_the_setting_does,
    host_and_process_are_hit_by_a_rollout_only_once_it_has_reached_them,
    group_behind_staging_alone_is_never_a_target,
    newest_by_rounding_alone_is_not_blamed_beside_an_older_one_in_doubt,
    newest_by_rounding_alone_is_blamed_over_one_that_passed,
    group_that_nobody_may_look_at_stops_no_answer,
    problem_of_a_group_that_nobody_may_look_at_says_so,
    second_group_of_an_application_is_behind_its_entity_as_long_as_it_may_be_the_cause,
    rollout_that_failed_is_no_cause_where_it_never_came,
    groups_that_nothing_tells_apart_are_named_and_left_alone,
}

/// A group of six instances, each of which takes ten minutes.
fn slow(outcome: DeploymentEnd) -> GroupOptions {
    GroupOptions {
        duration: SignedDuration::from_mins(60),
        instances: (0..6)
            .map(|number| format!("i-0000000000000000{number}"))
            .collect(),
        outcome,
        ..GroupOptions::default()
    }
}

/// What was blamed on the problem.
async fn blamed(scene: &Scene, problem: &fake_dynatrace::Problem) -> Vec<String> {
    let stored = scene.stored(problem).await;
    let culprits = stored.remediations.iter();
    culprits
        .map(|remediation| remediation.culprit.id().to_owned())
        .collect()
}

/// What is said of a deployment when the problem is explained.
async fn why(scene: &Scene, problem: &fake_dynatrace::Problem, deployment: &str) -> String {
    let told = scene.explained(problem).await;
    let found = told.candidates.iter().find(|one| one.change == deployment);
    found.map_or_else(|| "nothing".to_owned(), |one| one.why.clone())
}

async fn release_that_failed_and_was_rolled_back_is_blamed_unannounced(mut scene: Scene) {
    scene.release("zero").await;
    scene.minutes(10);
    let innocent = scene.release("one").await;
    scene.minutes(10);
    scene.group(GroupOptions {
        auto_rollback: AutoRollback::On(vec![RollbackEvent::Failure]),
        ..slow(DeploymentEnd::Failed)
    });
    let bad = scene.deploy("two");
    scene.minutes(20);
    let problem = scene.problem().open();
    scene.minutes(39);
    scene.group(GroupOptions {
        auto_rollback: AutoRollback::On(vec![RollbackEvent::Failure]),
        ..GroupOptions::default()
    });
    scene.minutes(2);
    assert_eq!(scene.rollbacks().len(), 1);

    let told = scene.explained(&problem).await;
    assert!(
        told.outcome.starts_with(&format!("{bad} is to blame")),
        "{}",
        told.outcome
    );
    scene.healing.max_age = SignedDuration::from_mins(90);
    scene.notify(&problem, "OPEN").await;
    scene.ticks(3).await;

    assert_eq!(blamed(&scene, &problem).await, [bad]);
    assert!(
        scene.healed_to().is_empty(),
        "nothing is deployed over the rollback"
    );
    let entry = scene.world.ledger.entry(&group(), &innocent).await;
    let standing = entry.unwrap().map(|entry| entry.standing);
    assert!(standing.is_none_or(|standing| standing == Standing::Unknown));
}

async fn release_that_is_rolling_out_is_blamed_unannounced(mut scene: Scene) {
    let innocent = scene.release("one").await;
    scene.minutes(5);
    scene.group(slow(DeploymentEnd::Succeeded));
    let bad = scene.deploy("two");
    scene.minutes(45);
    let problem = scene.problem().open();
    scene.minutes(1);
    scene.group(GroupOptions::default());

    let told = scene.explained(&problem).await;
    assert_eq!(
        told.outcome,
        format!("{bad} is to blame, and is stopped, and then {innocent} is deployed again")
    );
    scene.notify(&problem, "OPEN").await;
    scene.ticks(3).await;

    assert_eq!(blamed(&scene, &problem).await, [bad]);
    assert_eq!(scene.healed_to(), ["one"]);
    assert_eq!(healed_by(&scene.state(&problem).await), Some(innocent));
}

async fn rollback_that_is_under_way_hides_no_cause(mut scene: Scene) {
    scene.release("one").await;
    scene.minutes(5);
    scene.group(GroupOptions {
        duration: SignedDuration::from_mins(10),
        auto_rollback: AutoRollback::On(vec![RollbackEvent::Failure]),
        ..slow(DeploymentEnd::Failed)
    });
    let bad = scene.deploy("two");
    scene.minutes(9);
    scene.group(GroupOptions {
        auto_rollback: AutoRollback::On(vec![RollbackEvent::Failure]),
        ..slow(DeploymentEnd::Succeeded)
    });
    scene.minutes(3);
    let problem = scene.problem().open();
    let rollback = scene.rollbacks().remove(0).id;

    scene.notify(&problem, "OPEN").await;

    assert_eq!(blamed(&scene, &problem).await, [bad]);
    assert_eq!(
        why(&scene, &problem, &rollback).await,
        "it is a rollback that had not ended when the problem began"
    );
}

/// Both builds ten minutes apart, the second ten minutes ago.
async fn released(scene: &mut Scene) -> String {
    scene.release("good").await;
    scene.minutes(10);
    let bad = scene.release("bad").await;
    scene.minutes(10);
    bad
}

async fn deployment_that_touched_no_instance_is_no_cause(mut scene: Scene) {
    let bad = released(&mut scene).await;
    scene.group(GroupOptions {
        outcome: DeploymentEnd::Failed,
        reaches: Some(0),
        ..GroupOptions::default()
    });
    let failed = scene.deploy("three");
    scene.announce(&failed, &[PRODUCTION]).await;
    scene.group(GroupOptions::default());
    scene.minutes(5);
    let problem = scene.problem().open();

    assert_eq!(
        why(&scene, &problem, &failed).await,
        "it changed no instance"
    );
    scene.notify(&problem, "OPEN").await;

    assert_eq!(blamed(&scene, &problem).await, [bad]);
    assert_eq!(scene.healed_to(), ["good"]);
}

async fn deployment_that_touched_an_instance_only_after_the_beginning_is_no_cause(
    mut scene: Scene,
) {
    let bad = released(&mut scene).await;
    scene.group(GroupOptions {
        lead: SignedDuration::from_mins(5),
        ..slow(DeploymentEnd::Succeeded)
    });
    let waiting = scene.deploy("three");
    scene.announce(&waiting, &[PRODUCTION]).await;
    scene.minutes(2);
    let problem = scene.problem().open();
    scene.minutes(10);

    scene.notify(&problem, "OPEN").await;

    assert_eq!(blamed(&scene, &problem).await, [bad]);
    assert_eq!(
        why(&scene, &problem, &waiting).await,
        "it came after the problem began"
    );
}

async fn joining_instance_is_no_change(mut scene: Scene) {
    let bad = released(&mut scene).await;
    let codedeploy = scene.world.aws.codedeploy().clone();
    let join = |instance| {
        let creator = Creator::Autoscaling;
        codedeploy
            .join(APPLICATION, GROUP, instance, creator)
            .unwrap()
    };
    let joining = join("i-000000000000000aa");
    scene.announce(&joining, &[PRODUCTION]).await;
    scene.minutes(5);
    let problem = scene.problem().open();
    scene.minutes(1);
    join("i-000000000000000bb");

    assert_eq!(
        why(&scene, &problem, &joining).await,
        "it deployed the running revision to an instance that joined the group"
    );
    scene.notify(&problem, "OPEN").await;

    assert_eq!(blamed(&scene, &problem).await, [bad]);
    assert_eq!(
        scene.healed_to(),
        ["good"],
        "the culprit runs on all of them"
    );
}

async fn group_that_is_listed_for_a_tag_is_behind_its_entities(mut scene: Scene) {
    let setting = format!("DeploymentGroup:Production={APPLICATION}/{GROUP}");
    scene.healing.behind = setting.parse().unwrap();
    scene.deploy("good");
    scene.minutes(70);
    let bad = scene.deploy("bad");
    scene.minutes(10);
    let problem = scene.problem().open();

    scene.notify(&problem, "OPEN").await;

    assert_eq!(blamed(&scene, &problem).await, [bad]);
    assert_eq!(scene.healed_to(), ["good"]);
}

async fn group_that_was_announced_long_ago_is_behind_its_entity_for_ninety_days(mut scene: Scene) {
    scene.healing.group_tag = "Team".parse().unwrap();
    let tie = Tie {
        entity: PRODUCTION.to_owned(),
        group: group(),
        at: scene.world.now,
        shared: false,
    };
    let days = |days: i64| SignedDuration::from_hours(24 * days);
    let until = scene.world.now + days(90);
    scene.world.ledger.tie(&[tie], until).await.unwrap();
    scene.world.advance(days(89));
    scene.deploy("good");
    scene.minutes(70);
    let bad = scene.deploy("bad");
    scene.minutes(10);
    let problem = scene.problem().open();

    scene.notify(&problem, "OPEN").await;

    assert_eq!(blamed(&scene, &problem).await, [bad]);
    assert_eq!(scene.healed_to(), ["good"]);
    scene.world.advance(days(2));
    scene.deploy("worse");
    scene.minutes(10);
    let later = scene.problem().open();
    let told = scene.explained(&later).await;
    assert_eq!(told.outcome, "no change is to blame");
}

/// A deployment that the ledger knows, of an application to a group of its own.
async fn entered(scene: &Scene, application: &str) {
    let made = Deployment {
        id: "d-ENTERED00".to_owned(),
        group: Group {
            application: application.to_owned(),
            name: GROUP.to_owned(),
        },
        at: scene.world.now,
        execution: None,
        identity: application.to_owned(),
        location: None,
        digest: None,
        version: "1".to_owned(),
        origin: Origin::Release,
    };
    scene.world.ledger.record_deployment(&made).await.unwrap();
}

async fn group_of_the_only_application_that_the_tag_can_mean_is_behind_its_entities(
    mut scene: Scene,
) {
    entered(&scene, APPLICATION).await;
    scene.deploy("good");
    scene.minutes(70);
    let bad = scene.deploy("bad");
    scene.minutes(10);
    let problem = scene.problem().open();

    scene.notify(&problem, "OPEN").await;

    assert_eq!(blamed(&scene, &problem).await, [bad]);
    assert_eq!(scene.healed_to(), ["good"]);
}

async fn tag_that_names_groups_of_two_applications_decides_nothing_and_the_setting_does(
    mut scene: Scene,
) {
    entered(&scene, APPLICATION).await;
    entered(&scene, "Billing").await;
    scene.deploy("good");
    scene.minutes(70);
    let bad = scene.deploy("bad");
    scene.minutes(10);
    let problem = scene.problem().open();
    let told = scene.explained(&problem).await;
    assert!(
        told.outcome.contains("DEPLOYMENT_GROUPS"),
        "{}",
        told.outcome
    );

    scene.notify(&problem, "OPEN").await;
    scene.minutes(31);
    scene.tick().await;

    let found = scene.stored(&problem).await;
    assert_eq!(found.cause, Cause::NothingChanged);
    assert!(found.comments[0].text.contains("DEPLOYMENT_GROUPS"));
    assert!(scene.heals().is_empty());
    let setting = format!("DeploymentGroup:Production={APPLICATION}/{GROUP}");
    scene.healing.behind = setting.parse().unwrap();
    let told = scene.explained(&problem).await;
    assert!(
        told.outcome.starts_with(&format!("{bad} is to blame")),
        "{}",
        told.outcome
    );
}

async fn host_and_process_are_hit_by_a_rollout_only_once_it_has_reached_them(mut scene: Scene) {
    const HOSTS: [&str; 2] = ["HOST-00000000000000A1", "HOST-00000000000000A2"];
    const PROCESSES: [&str; 2] = [
        "PROCESS_GROUP_INSTANCE-00000000000000A1",
        "PROCESS_GROUP_INSTANCE-00000000000000A2",
    ];
    let setting = format!("DeploymentGroup:Production={APPLICATION}/{GROUP}");
    scene.healing.behind = setting.parse().unwrap();
    let instances = ["i-00000000000000000", "i-00000000000000005"];
    for (place, instance) in instances.into_iter().enumerate() {
        let tenant = &scene.world.tenant;
        let host = tenant.entity("HOST", HOSTS[place], "a host");
        let host = host.property("awsInstanceId", instance);
        host.tag("DeploymentGroup", "Production").add();
        let process = tenant.entity("PROCESS_GROUP_INSTANCE", PROCESSES[place], "a process");
        let process = process.relates("isProcessOf", HOSTS[place]);
        process.tag("DeploymentGroup", "Production").add();
    }
    scene.deploy("good");
    scene.minutes(70);
    scene.group(slow(DeploymentEnd::Succeeded));
    let bad = scene.deploy("bad");
    scene.minutes(35);

    for (entities, expected) in [
        (
            [HOSTS[0], PROCESSES[0]],
            "it is the newest before the problem",
        ),
        ([HOSTS[1], PROCESSES[1]], "it had not reached this instance"),
    ] {
        for entity in entities {
            let problem = scene.world.tenant.problem("CPU").impacts(entity).open();
            assert_eq!(why(&scene, &problem, &bad).await, expected, "{entity}");
            let service = scene.problem().impacts(entity).open();
            let told = scene.explained(&service).await;
            assert!(
                told.candidates.iter().any(|one| one.blamed),
                "the service is hit"
            );
        }
    }
    // What joins the group later gets all of it.
    scene.minutes(70);
    scene
        .world
        .tenant
        .entity("HOST", HOSTS[1], "a host")
        .property("awsInstanceId", "i-000000000000000ff")
        .tag("DeploymentGroup", "Production")
        .add();
    let problem = scene.world.tenant.problem("CPU").impacts(HOSTS[1]).open();
    assert_eq!(
        why(&scene, &problem, &bad).await,
        "it is the newest before the problem"
    );
}

async fn group_behind_staging_alone_is_never_a_target(mut scene: Scene) {
    let setting = format!("DeploymentGroup:Staging={APPLICATION}/{GROUP}");
    scene.healing.behind = setting.parse().unwrap();
    scene.deploy("good");
    scene.minutes(10);
    scene.deploy("bad");
    scene.minutes(10);
    let problem = scene.problem().impacts(STAGING).root_cause(STAGING).open();

    scene.notify(&problem, "OPEN").await;
    scene.minutes(31);
    scene.tick().await;

    assert_eq!(scene.stored(&problem).await.cause, Cause::NothingChanged);
    assert!(scene.heals().is_empty());
}

/// One release ten minutes ago, another one twenty seconds after the beginning
/// that the tenant tells, which is rounded to the minute.
async fn rounded(scene: &mut Scene) -> (String, String, fake_dynatrace::Problem) {
    scene.release("good").await;
    scene.minutes(30);
    let older = scene.release("one").await;
    scene.minutes(10);
    let began = scene.world.now.as_millisecond();
    scene.world.advance(SignedDuration::from_secs(20));
    let newest = scene.deploy("two");
    scene.world.advance(SignedDuration::from_secs(20));
    let problem = scene.problem().began(began).open();
    scene.minutes(1);
    (older, newest, problem)
}

async fn newest_by_rounding_alone_is_not_blamed_beside_an_older_one_in_doubt(mut scene: Scene) {
    let (older, newest, problem) = rounded(&mut scene).await;
    let told = scene.explained(&problem).await;
    assert_eq!(
        told.outcome,
        format!("either {newest} or {older} is to blame, and it is unknown which")
    );

    scene.notify(&problem, "OPEN").await;
    scene.ticks(2).await;

    assert_eq!(
        scene.stored(&problem).await.cause,
        Cause::Ambiguous {
            changes: vec![newest.clone(), older.clone()]
        }
    );
    assert!(scene.heals().is_empty());
    let comments = scene.comments(&problem);
    assert_eq!(comments.len(), 1, "{comments:?}");
    assert!(comments[0].contains(&newest) && comments[0].contains(&older));
}

async fn newest_by_rounding_alone_is_blamed_over_one_that_passed(mut scene: Scene) {
    let (older, newest, problem) = rounded(&mut scene).await;
    let made = Deployment {
        id: older.clone(),
        group: group(),
        at: scene.world.now - SignedDuration::from_mins(11),
        execution: None,
        identity: "one".to_owned(),
        location: None,
        digest: None,
        version: "one".to_owned(),
        origin: Origin::Release,
    };
    let ledger = &scene.world.ledger;
    ledger.record_deployment(&made).await.unwrap();
    ledger
        .rule(&group(), &older, Ruling::Confirm, "a person", "it passed")
        .await
        .unwrap();

    scene.notify(&problem, "OPEN").await;
    scene.ticks(1).await;

    assert_eq!(blamed(&scene, &problem).await, [newest]);
    assert_eq!(scene.healed_to(), ["one"]);
}

async fn group_that_nobody_may_look_at_stops_no_answer(mut scene: Scene) {
    let bad = released(&mut scene).await;
    scene.world.aws.codedeploy().close(APPLICATION, "Elsewhere");
    scene
        .announce_in("Elsewhere", "d-ELSEWHERE", &[PRODUCTION])
        .await;
    scene.minutes(5);
    let problem = scene.problem().open();

    assert_eq!(
        why(&scene, &problem, "d-ELSEWHERE").await,
        "CodeDeploy denies access to its group"
    );
    scene.notify(&problem, "OPEN").await;

    assert_eq!(blamed(&scene, &problem).await, [bad]);
    assert_eq!(scene.healed_to(), ["good"]);
}

async fn problem_of_a_group_that_nobody_may_look_at_says_so(mut scene: Scene) {
    scene.world.aws.codedeploy().close(APPLICATION, "Elsewhere");
    scene
        .announce_in("Elsewhere", "d-ELSEWHERE", &[PRODUCTION])
        .await;
    scene.minutes(5);
    let problem = scene.problem().open();

    scene.notify(&problem, "OPEN").await;
    scene.ticks(36).await;

    let stored = scene.stored(&problem).await;
    assert_eq!(stored.cause, Cause::NothingChanged);
    let comments = scene.comments(&problem);
    let told = format!("denies this installation access to {APPLICATION}/Elsewhere");
    assert!(comments[0].contains(&told), "{comments:?}");
}

async fn second_group_of_an_application_is_behind_its_entity_as_long_as_it_may_be_the_cause(
    mut scene: Scene,
) {
    let codedeploy = scene.world.aws.codedeploy();
    codedeploy
        .group(APPLICATION, "Api", GroupOptions::default())
        .unwrap();
    scene.world.aws.s3().put("bundles", "api", "api".to_owned());
    scene.release("good").await;
    scene.minutes(5);
    let api = scene
        .world
        .aws
        .codedeploy()
        .deploy_by_person(APPLICATION, "Api", Revision::s3("bundles", "api"))
        .unwrap();
    scene.announce_in("Api", &api, &[PRODUCTION]).await;
    scene.minutes(15);
    scene.group(slow(DeploymentEnd::Succeeded));
    let bad = scene.deploy("bad");
    scene.minutes(20);
    let problem = scene.problem().open();
    scene.minutes(1);

    scene.notify(&problem, "OPEN").await;

    assert_eq!(blamed(&scene, &problem).await, [bad]);
}

async fn rollout_that_failed_is_no_cause_where_it_never_came(mut scene: Scene) {
    const HOST: &str = "HOST-00000000000000A1";
    let setting = format!("DeploymentGroup:Production={APPLICATION}/{GROUP}");
    scene.healing.behind = setting.parse().unwrap();
    let host = scene.world.tenant.entity("HOST", HOST, "a host");
    let host = host.property("awsInstanceId", "i-00000000000000005");
    host.tag("DeploymentGroup", "Production").add();
    let older = released(&mut scene).await;
    scene.group(GroupOptions {
        duration: SignedDuration::from_mins(5),
        reaches: Some(1),
        ..slow(DeploymentEnd::Failed)
    });
    let failed = scene.deploy("failed");
    scene.minutes(15);
    let problem = scene.world.tenant.problem("CPU").impacts(HOST).open();

    assert_eq!(
        why(&scene, &problem, &failed).await,
        "it had not reached this instance"
    );
    assert_eq!(
        why(&scene, &problem, &older).await,
        "it is the newest before the problem"
    );
}

async fn groups_that_nothing_tells_apart_are_named_and_left_alone(mut scene: Scene) {
    let codedeploy = scene.world.aws.codedeploy();
    codedeploy
        .group(APPLICATION, "Smoke_Tests", GroupOptions::default())
        .unwrap();
    scene.world.aws.s3().put("bundles", "tests", "t".to_owned());
    scene.release("good").await;
    scene.minutes(10);
    let bad = scene.deploy("bad");
    scene.announce_unsurely(GROUP, &bad, &[PRODUCTION]).await;
    scene.minutes(1);
    let tests = scene
        .world
        .aws
        .codedeploy()
        .deploy_by_person(APPLICATION, "Smoke_Tests", Revision::s3("bundles", "tests"))
        .unwrap();
    scene
        .announce_unsurely("Smoke_Tests", &tests, &[PRODUCTION])
        .await;
    scene.minutes(10);
    let problem = scene.problem().open();

    scene.notify(&problem, "OPEN").await;

    let stored = scene.stored(&problem).await;
    let both = vec![tests, bad];
    assert_eq!(stored.cause, Cause::Ambiguous { changes: both });
    assert!(scene.heals().is_empty());
    let comments = scene.comments(&problem);
    assert!(
        comments[0].contains("set DEPLOYMENT_GROUPS"),
        "{comments:?}"
    );
}
