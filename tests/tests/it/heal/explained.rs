//! What a problem would be answered with, told without answering it.

use std::collections::BTreeMap;

use jiff::SignedDuration;
use release::content::by_place;
use release::deployment::{Deployment, Origin};
use release::pause::Target;
use release::remediation::{HealRefusal, State};
use release::window::saturating_add;
use workflows::handle_problem::explain::{Asked, Explained};

use super::paused::pause;
use super::scene::{APPLICATION, BUCKET, GROUP, Scene, group, healed_by};
use super::stories;
use crate::world::PRODUCTION;

stories! {
    explanation_names_the_culprit_and_the_target_that_the_heal_takes,
    explanation_writes_nothing,
    explanation_at_a_time_needs_no_problem,
    explanation_at_a_time_finds_production_by_the_key_of_its_tag_alone,
    explanation_of_a_problem_that_is_unknown_is_none,
    explanation_of_a_heal_says_that_it_is_not_healed,
    explanation_of_a_culprit_names_the_problem_that_holds_it,
    explanation_of_a_group_in_cooldown_announces_no_heal,
    explanation_says_what_is_paused,
    explanation_of_weeks_ago_finds_what_nobody_announced,
    explanation_finds_processes_that_are_gone,
    explanation_says_what_it_leaves_out,
}

async fn explanation_names_the_culprit_and_the_target_that_the_heal_takes(mut scene: Scene) {
    let (good, bad, problem) = scene.bad_release().await;

    let told = scene.explained(&problem).await;

    assert_eq!(
        told.outcome,
        format!("{bad} is to blame, and {good} is deployed again")
    );
    let blamed: BTreeMap<&str, bool> = told
        .candidates
        .iter()
        .map(|one| (one.change.as_str(), one.blamed))
        .collect();
    assert_eq!(
        blamed,
        BTreeMap::from([(good.as_str(), false), (bad.as_str(), true)])
    );
    scene.notify(&problem, "OPEN").await;
    assert_eq!(healed_by(&scene.state(&problem).await), Some(good));
}

async fn explanation_writes_nothing(mut scene: Scene) {
    let (_, _, problem) = scene.bad_release().await;
    let before = scene.everything().await;

    scene.explained(&problem).await;

    assert_eq!(scene.everything().await, before);
    assert!(scene.heals().is_empty());
    assert!(scene.comments(&problem).is_empty());
}

async fn explanation_at_a_time_needs_no_problem(mut scene: Scene) {
    let (good, bad, problem) = scene.bad_release().await;
    problem.forget();
    let now = scene.world.now;

    let told = scene.explain(Asked::At(now)).await.unwrap();
    let earlier = saturating_add(now, SignedDuration::from_mins(-30));
    let before = scene.explain(Asked::At(earlier)).await.unwrap();

    assert_eq!(
        told.outcome,
        format!("{bad} is to blame, and {good} is deployed again")
    );
    assert!(
        before.candidates.iter().all(|one| one.change == good),
        "{before:?}"
    );
}

async fn explanation_at_a_time_finds_production_by_the_key_of_its_tag_alone(mut scene: Scene) {
    scene.healing.tag.value = None;
    let (good, bad, problem) = scene.bad_release().await;
    problem.forget();
    let now = scene.world.now;

    let told = scene.explain(Asked::At(now)).await.unwrap();

    assert_eq!(
        told.outcome,
        format!("{bad} is to blame, and {good} is deployed again")
    );
}

async fn explanation_of_a_problem_that_is_unknown_is_none(mut scene: Scene) {
    scene.bad_release().await;

    let told = scene.explain(Asked::Problem("-1_1V2".to_owned())).await;

    assert!(told.is_none(), "{told:?}");
}

async fn explanation_of_a_heal_says_that_it_is_not_healed(mut scene: Scene) {
    let (_, _, problem) = scene.bad_release().await;
    scene.notify(&problem, "OPEN").await;
    scene.ticks(1).await;
    let [heal] = scene.heals().try_into().unwrap();
    scene.announce(&heal.id, &[PRODUCTION]).await;
    scene.minutes(30);
    let after = scene.problem().open();

    let told = scene.told(&after).await;

    let expected = format!("{0} is to blame, and is not rolled back: ", heal.id);
    assert!(told.starts_with(&expected), "{told}");
    assert!(told.contains("a heal is never healed"), "{told}");
    scene.notify(&after, "OPEN").await;
    let state = scene.state(&after).await;
    assert!(
        matches!(state, State::Refused(HealRefusal::HealOfHeal { .. })),
        "{state:?}"
    );
}

async fn explanation_of_a_culprit_names_the_problem_that_holds_it(mut scene: Scene) {
    let (_, bad, first) = scene.bad_release().await;
    let second = scene.problem().open();
    scene.notify(&first, "OPEN").await;
    let [heal] = scene.heals().try_into().unwrap();

    assert_eq!(
        scene.told(&first).await,
        format!(
            "{bad} is to blame, and is answered by deployment {}",
            heal.id
        )
    );
    assert_eq!(
        scene.told(&second).await,
        format!(
            "{bad} is to blame, and is answered under problem {}",
            first.id()
        )
    );
    scene.notify(&second, "OPEN").await;
    let state = scene.state(&second).await;
    assert!(
        matches!(&state, State::Joined { problem } if problem == first.id()),
        "{state:?}"
    );
}

async fn explanation_of_a_group_in_cooldown_announces_no_heal(mut scene: Scene) {
    let (_, _, problem) = scene.bad_release().await;
    scene.notify(&problem, "OPEN").await;
    scene.ticks(1).await;
    scene.minutes(3);
    let worse = scene.release("worse").await;
    scene.minutes(3);
    let next = scene.problem().open();

    let told = scene.told(&next).await;

    scene.notify(&next, "OPEN").await;
    let State::Refused(refusal) = scene.state(&next).await else {
        panic!("it is not refused: {told}");
    };
    assert!(
        matches!(refusal, HealRefusal::Cooldown { .. }),
        "{refusal}: {told}"
    );
    let expected = format!("{worse} is to blame, and is not rolled back: {refusal}");
    assert_eq!(told, expected);
}

async fn explanation_says_what_is_paused(mut scene: Scene) {
    let (_, bad, problem) = scene.bad_release().await;
    pause(&scene, Target::Group(group()), 60).await;

    let told = scene.told(&problem).await;

    let expected = format!("{bad} is to blame, and is not rolled back yet: Changes of ");
    assert!(told.starts_with(&expected), "{told}");
    assert!(told.ends_with("the network is being moved"), "{told}");
    scene.notify(&problem, "OPEN").await;
    assert!(scene.heals().is_empty());
}

/// The group is tied to the entity, and the ledger has fifty later deployments.
async fn explanation_of_weeks_ago_finds_what_nobody_announced(mut scene: Scene) {
    let good = scene.release("good").await;
    scene.healing.behind = format!("DeploymentGroup:Production={APPLICATION}/{GROUP}")
        .parse()
        .unwrap();
    enter(&scene, &good).await;
    scene.minutes(10 * 24 * 60);
    let bad = scene.deploy("bad");
    scene.minutes(10);
    let problem = scene.problem().open();
    scene.minutes(10);
    let before = scene.explained(&problem).await;
    problem.resolve(scene.world.now.as_millisecond());
    for number in 0..60 {
        scene.minutes(12 * 60);
        let later = scene.deploy(&format!("later-{number}"));
        enter(&scene, &later).await;
    }

    let after = scene.explained(&problem).await;

    let targets = |told: &Explained| -> Vec<String> {
        let [answer] = told.answers.as_slice() else {
            panic!("somebody is to blame: {told:?}");
        };
        assert_eq!(answer.culprit, bad);
        let chosen = answer.targets.iter().filter(|one| one.chosen);
        chosen.map(|one| one.id.clone()).collect()
    };
    assert_eq!(targets(&before), [good.as_str()]);
    assert_eq!(targets(&after), [good.as_str()]);
    let expected = format!("{bad} is to blame, and is not rolled back: deployment ");
    assert!(after.outcome.starts_with(&expected), "{}", after.outcome);
}

/// A deployment enters the ledger, as CodeDeploy's notice tells it.
async fn enter(scene: &Scene, id: &str) {
    let made = scene.world.aws.codedeploy().deployment(id).unwrap();
    let location = format!("s3:{BUCKET}/{}#", Scene::bundle(&made));
    let deployment = Deployment {
        id: id.to_owned(),
        group: group(),
        at: made.created,
        execution: None,
        identity: by_place(&location),
        location: Some(location),
        digest: None,
        version: id.to_owned(),
        origin: Origin::Release,
    };
    let ledger = &scene.world.ledger;
    ledger.record_deployment(&deployment).await.unwrap();
}

async fn explanation_finds_processes_that_are_gone(mut scene: Scene) {
    const PROCESSES: [&str; 2] = [
        "PROCESS_GROUP_INSTANCE-00000000000000C7",
        "PROCESS_GROUP_INSTANCE-00000000000000C8",
    ];
    let gone = saturating_add(scene.world.now, SignedDuration::from_hours(3));
    for id in PROCESSES {
        let process = scene
            .world
            .tenant
            .entity("PROCESS_GROUP_INSTANCE", id, "node");
        process
            .tag("DeploymentGroup", "Production")
            .last_seen(gone.as_millisecond())
            .add();
    }
    let good = scene.deploy("good");
    scene.announce(&good, &PROCESSES).await;
    scene.minutes(90);
    let bad = scene.deploy("bad");
    scene.announce(&bad, &PROCESSES).await;
    scene.minutes(10);
    let tenant = &scene.world.tenant;
    let problem = PROCESSES
        .iter()
        .fold(tenant.problem("Failure rate increase"), |problem, id| {
            problem.impacts(id)
        })
        .open();
    let expected = format!("{bad} is to blame, and {good} is deployed again");
    assert_eq!(scene.told(&problem).await, expected);

    scene.minutes(3 * 24 * 60);

    assert_eq!(scene.told(&problem).await, expected);
}

async fn explanation_says_what_it_leaves_out(mut scene: Scene) {
    const ROOT: &str = "PROCESS_GROUP_INSTANCE-00000000000000C7";
    let tenant = &scene.world.tenant;
    let mut problem = tenant.problem("Failure rate increase");
    for number in 0..60 {
        let id = format!("SERVICE-{number:016X}");
        let service = tenant.service(&id, "Another");
        service.tag("DeploymentGroup", "Production").add();
        problem = problem.impacts(&id);
    }
    let root = tenant.entity("PROCESS_GROUP_INSTANCE", ROOT, "node");
    root.tag("DeploymentGroup", "Production").add();
    let problem = problem.root_cause(ROOT).open();
    for number in 0..30 {
        scene.deploy(&format!("build-{number}"));
    }
    scene.announce(&scene.deploy("last"), &[ROOT]).await;
    scene.minutes(1);

    let told = scene.explained(&problem).await;

    assert_eq!(
        (told.entities.len(), told.entities[0].as_str()),
        (50, ROOT),
        "the root cause is looked at first"
    );
    let expected = [
        "only 50 of its 61 entities of production are looked at",
        "only the newest 25 of 31 deployments to SampleDevOpsApp/Production are looked at",
    ];
    assert_eq!(told.left_out, expected);
}
