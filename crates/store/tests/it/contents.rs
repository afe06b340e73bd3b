//! What is bad in one group is a target in none.

use monspec::Verdict;
use release::approval::Answer;
use release::change::Change;
use release::deployment::{Deployment, Group, Standing};
use release::ledger::{Effect, Ruling};
use release::remediation::targets;
use release::validation::Registration;

use crate::world::{World, at, deployment, group, overridden, person, registration};

#[tokio::test]
async fn content_bad_in_staging_is_no_target_in_production() {
    let world = World::start().await;
    let staged = Registration {
        deployments: vec![deployment("d-1", 0)],
        ..registration(1)
    };
    let old = in_production("d-10", 10, "d-1");
    let culprit = in_production("d-11", 20, "d-2");
    for deployment in [&old, &culprit] {
        world.ledger.record_deployment(deployment).await.unwrap();
    }
    let history = world.ledger.deployments(&production(), at(100)).await;
    let history = history.unwrap();
    let candidates = async || {
        let contents = history.iter().flat_map(|entry| entry.deployment.contents());
        let bad = world
            .ledger
            .bad_contents(&contents.collect())
            .await
            .unwrap();
        targets(&history, "d-11", &bad).len()
    };
    assert_eq!(candidates().await, 1);

    world.judged(&staged, Verdict::Failed).await;

    assert_eq!(candidates().await, 0);
}

#[tokio::test]
async fn pipelines_word_replaces_the_notice_that_came_first() {
    let world = World::start().await;
    let noticed = Deployment {
        execution: None,
        ..in_production("d-10", 10, "where it lies")
    };
    let told = in_production("d-10", 9, "what it is made of");
    world.ledger.record_deployment(&noticed).await.unwrap();
    let blame = Effect::Blame {
        change: Change::Deployment(noticed.clone()),
    };
    let mut answer = world.noticed_and_claimed("P-1").await;
    world.written(&mut answer, &[blame]).await;

    let known = world.ledger.record_deployment(&told).await.unwrap();
    let again = world.ledger.record_deployment(&noticed).await.unwrap();

    assert_eq!(known.execution, told.execution);
    assert_eq!(known, again, "who knows less changes nothing");
    assert_eq!(known.at, noticed.at, "it has one place");
    let contents = ["where it lies", "what it is made of"];
    assert_eq!(world.bad(&contents).await, ["what it is made of"]);
}

#[tokio::test]
async fn content_that_one_group_knows_by_its_sources_is_bad_where_only_its_place_is_known() {
    let world = World::start().await;
    let by_sources = deployment("d-1", 0);
    world.ledger.record_deployment(&by_sources).await.unwrap();
    let blamed = Deployment {
        location: Some("s3:bundles/1#".to_owned()),
        digest: None,
        ..by_sources
    };
    let by_place = Deployment {
        identity: "location:s3:bundles/1#".to_owned(),
        ..in_production("d-10", 10, "d-1")
    };
    let mut answer = world.noticed_and_claimed("P-1").await;
    let bad = async || {
        let bad = world.ledger.bad_contents(&by_place.contents()).await;
        !bad.unwrap().is_empty()
    };

    let deployment = blamed.clone();
    let blame = Effect::Blame {
        change: Change::Deployment(deployment),
    };
    world.written(&mut answer, &[blame]).await;
    assert!(bad().await);

    let release = Effect::Release {
        change: Change::Deployment(blamed),
    };
    world.written(&mut answer, &[release]).await;
    assert!(!bad().await);
}

#[tokio::test]
async fn place_that_is_learnt_later_is_held_against_what_was_bad_before() {
    let world = World::start().await;
    world.judged(&registration(1), Verdict::Failed).await;
    let noticed = Deployment {
        execution: None,
        identity: "location:s3:bundles/1#".to_owned(),
        location: Some("s3:bundles/1#".to_owned()),
        digest: None,
        ..deployment("d-1", 0)
    };
    let bad = async || {
        let bad = world.ledger.bad_contents(&noticed.contents()).await;
        bad.unwrap().len()
    };
    assert_eq!(bad().await, 0);

    let known = world.ledger.record_deployment(&noticed).await.unwrap();

    assert_eq!(known.identity, "sources:App=d-1");
    assert_eq!(bad().await, 1);
    assert_eq!(world.bad(&["d-1"]).await, ["d-1"]);
}

#[tokio::test]
async fn content_is_bad_until_the_last_group_takes_its_word_back() {
    let world = World::start().await;
    let mut worker = world.judged(&registration(1), Verdict::Failed).await;
    let blamed = in_production("d-10", 10, "d-1");
    let mut answer = world.noticed_and_claimed("P-1").await;
    let blame = Effect::Blame {
        change: Change::Deployment(blamed.clone()),
    };
    world.written(&mut answer, &[blame]).await;
    assert_eq!(world.bad(&["d-1"]).await, ["d-1"]);

    let status = person("Approved");
    world
        .ended(&mut worker, overridden(Answer::Reject, status))
        .await
        .unwrap();
    assert_eq!(world.entry("d-1").await.standing, Standing::Unknown);
    assert_eq!(world.bad(&["d-1"]).await, ["d-1"], "production holds it");

    let release = Effect::Release {
        change: Change::Deployment(blamed),
    };
    world.written(&mut answer, &[release]).await;
    assert!(world.bad(&["d-1"]).await.is_empty());
}

#[tokio::test]
async fn two_groups_with_one_content_are_blamed_in_one_step() {
    let world = World::start().await;
    let mut worker = world.noticed_and_claimed("P-1").await;
    let [here, there] = [deployment("d-1", 0), in_production("d-10", 0, "d-1")];
    let blame = |deployment: &Deployment| Effect::Blame {
        change: Change::Deployment(deployment.clone()),
    };
    let release = |deployment: &Deployment| Effect::Release {
        change: Change::Deployment(deployment.clone()),
    };

    world
        .written(&mut worker, &[blame(&here), blame(&there)])
        .await;
    assert_eq!(world.bad(&["d-1"]).await, ["d-1"]);
    world.written(&mut worker, &[release(&here)]).await;
    assert_eq!(world.bad(&["d-1"]).await, ["d-1"]);
    world.written(&mut worker, &[release(&there)]).await;
    assert!(world.bad(&["d-1"]).await.is_empty());
}

#[tokio::test]
async fn more_contents_are_asked_for_than_fit_into_one_request() {
    let world = World::start().await;
    let ids: Vec<String> = (0..250).map(|number| format!("d-{number}")).collect();
    for id in ["d-3", "d-249"] {
        let deployment = deployment(id, 0);
        world.ledger.record_deployment(&deployment).await.unwrap();
        let ruled = world
            .ledger
            .rule(&group(), id, Ruling::Condemn, "ada", "it leaks")
            .await;
        assert!(ruled.unwrap().is_some());
    }

    let asked: Vec<&str> = ids.iter().chain(&ids).map(String::as_str).collect();
    let bad = world.bad(&asked[..250]).await;

    assert_eq!(bad, ["d-3", "d-249"]);
    assert!(world.bad(&[]).await.is_empty());
}

fn production() -> Group {
    Group {
        name: "Production".to_owned(),
        ..group()
    }
}

/// A deployment to production of what staging has as `content`.
fn in_production(id: &str, second: i64, content: &str) -> Deployment {
    Deployment {
        group: production(),
        identity: deployment(content, 0).identity,
        ..deployment(id, second)
    }
}
