//! What the ledger learns, from whom, and what it does not unlearn.

use aws_sdk_dynamodb::types::AttributeValue;
use monspec::{Outcome, Verdict};
use release::approval::Answer;
use release::deployment::{Deployment, Group, LedgerEntry, Standing};
use release::evidence::Evidence;
use release::validation::{Ending, Registration};
use serde_json::Value;

use crate::world::{
    LEDGER, World, answer, at, deployment, evidence, group, judgement, overridden, person,
    registration, text,
};

#[tokio::test]
async fn verdict_says_what_is_known_of_the_deployment() {
    for (verdict, standing) in [
        (Verdict::Passed, Standing::Good),
        (Verdict::Failed, Standing::Bad),
        (Verdict::Inconclusive, Standing::Unknown),
    ] {
        let world = World::start().await;
        let asked = registration(1);

        world.judged(&asked, verdict).await;

        let known = only(&world).await;
        assert_eq!(known.standing, standing);
        assert_eq!(
            known.taught_by,
            format!("validation {} ({verdict})", asked.id)
        );
    }
}

#[tokio::test]
async fn first_release_proves_nothing() {
    let world = World::start().await;
    let mut worker = world.claimed(&registration(1)).await;
    let mut accepted = evidence(Verdict::Passed);
    accepted.findings[0].finding.accepted = true;
    accepted.findings[0].finding.outcome = Outcome::Inconclusive;

    let judgement = judgement(Verdict::Passed);
    world
        .validations
        .judged(&world.ledger, &mut worker, judgement, &accepted, &[])
        .await
        .unwrap();

    assert_eq!(only(&world).await.standing, Standing::Unknown);
}

#[tokio::test]
async fn violation_of_a_first_release_is_still_bad() {
    let world = World::start().await;
    let mut worker = world.claimed(&registration(1)).await;
    let mut findings = evidence(Verdict::Failed).findings;
    findings[0].finding.accepted = true;
    let violated = Evidence {
        findings,
        ..evidence(Verdict::Failed)
    };

    let judgement = judgement(Verdict::Failed);
    world
        .validations
        .judged(&world.ledger, &mut worker, judgement, &violated, &[])
        .await
        .unwrap();

    assert_eq!(only(&world).await.standing, Standing::Bad);
}

#[tokio::test]
async fn no_verdict_changes_what_a_problem_said() {
    for said in ["suspect", "bad"] {
        for verdict in [Verdict::Passed, Verdict::Failed, Verdict::Inconclusive] {
            let world = World::start().await;
            let mut worker = world.claimed(&registration(1)).await;
            problem_said(&world, said).await;
            let before = only(&world).await;

            world.judge(&mut worker, verdict).await;

            assert_eq!(only(&world).await, before, "{verdict} on {said}");
        }
    }
}

#[tokio::test]
async fn person_replaces_what_the_validation_taught() {
    for (verdict, status) in [
        (Verdict::Passed, "Rejected"),
        (Verdict::Failed, "Approved"),
        (Verdict::Inconclusive, "Approved"),
    ] {
        let world = World::start().await;
        let mut worker = world.judged(&registration(1), verdict).await;

        world
            .ended(&mut worker, overridden(answer(verdict), person(status)))
            .await
            .unwrap();

        let known = only(&world).await;
        assert_eq!(known.standing, Standing::Unknown);
        assert_eq!(known.taught_by, format!("{status} by ada"));
        let told = worker.ending().and_then(Ending::overridden);
        assert_eq!(told, Some(&person(status)));
    }
}

#[tokio::test]
async fn person_who_is_faster_and_decides_otherwise_teaches_as_one_who_overrides() {
    let world = World::start().await;
    let asked = registration(1);
    let mut worker = world.judged(&asked, Verdict::Passed).await;

    let ending = Ending::Person(person("Rejected"));
    world.ended(&mut worker, ending.clone()).await.unwrap();

    assert_eq!(only(&world).await.taught_by, "Rejected by ada");
    assert_eq!(only(&world).await.standing, Standing::Unknown);
    assert_eq!(world.validation(&asked).await.ending(), Some(&ending));
}

#[tokio::test]
async fn person_who_agrees_with_the_verdict_teaches_nothing_new() {
    for (verdict, status, standing) in [
        (Verdict::Failed, "Rejected", Standing::Bad),
        (Verdict::Passed, "Approved", Standing::Good),
    ] {
        let world = World::start().await;
        let mut worker = world.judged(&registration(1), verdict).await;

        let ending = Ending::Person(person(status));
        world.ended(&mut worker, ending).await.unwrap();

        assert_eq!(only(&world).await.standing, standing, "{status}");
    }
}

#[tokio::test]
async fn person_does_not_lift_what_a_problem_said() {
    for said in ["suspect", "bad", "unknown"] {
        let world = World::start().await;
        let mut worker = world.judged(&registration(1), Verdict::Failed).await;
        problem_said(&world, said).await;
        let before = only(&world).await;

        world
            .ended(&mut worker, overridden(Answer::Reject, person("Approved")))
            .await
            .unwrap();

        assert_eq!(only(&world).await, before, "{said}");
    }
}

#[tokio::test]
async fn person_does_not_lift_what_another_validation_said() {
    for (first, second) in [
        (Verdict::Passed, Verdict::Failed),
        (Verdict::Failed, Verdict::Failed),
    ] {
        let world = World::start().await;
        let mut worker = world.judged(&registration(1), first).await;
        let other = registration(2);
        world.judged(&other, second).await;

        world
            .ended(&mut worker, overridden(Answer::Reject, person("Approved")))
            .await
            .unwrap();

        let known = only(&world).await;
        assert_eq!(known.standing, Standing::Bad, "{first}");
        assert_eq!(
            known.taught_by,
            format!("validation {} ({second})", other.id)
        );
    }
}

#[tokio::test]
async fn person_who_rejects_what_one_of_two_passed_leaves_nothing_proven() {
    let world = World::start().await;
    world.judged(&registration(1), Verdict::Passed).await;
    let mut worker = world.judged(&registration(2), Verdict::Passed).await;

    world
        .ended(&mut worker, overridden(Answer::Approve, person("Rejected")))
        .await
        .unwrap();

    let known = only(&world).await;
    assert_eq!(known.standing, Standing::Unknown);
    assert_eq!(known.taught_by, "Rejected by ada");
}

#[tokio::test]
async fn validations_of_one_deployment_teach_the_worst_in_any_order() {
    use Verdict::{Failed, Inconclusive, Passed};
    for (verdicts, standing, named) in [
        ([Passed, Passed, Passed], Standing::Good, 1),
        ([Passed, Inconclusive, Passed], Standing::Unknown, 2),
        ([Inconclusive, Passed, Passed], Standing::Unknown, 1),
        ([Passed, Passed, Inconclusive], Standing::Unknown, 3),
        ([Failed, Passed, Inconclusive], Standing::Bad, 1),
        ([Inconclusive, Passed, Failed], Standing::Bad, 3),
    ] {
        let world = World::start().await;
        for (second, verdict) in (1..).zip(verdicts) {
            world.judged(&registration(second), verdict).await;
        }

        let known = only(&world).await;
        assert_eq!(known.standing, standing, "{verdicts:?}");
        let named = format!("validation {} (", registration(named).id);
        assert!(known.taught_by.starts_with(&named), "{verdicts:?}");
    }
}

#[tokio::test]
async fn only_a_validation_that_failed_first_is_named_for_it() {
    let world = World::start().await;
    let first = registration(1);
    world.judged(&first, Verdict::Failed).await;
    world.judged(&registration(2), Verdict::Failed).await;

    assert!(only(&world).await.taught_by.contains(&first.id.to_string()));
}

/// Something that runs for months may be judged every hour.
#[tokio::test]
async fn however_often_a_deployment_is_judged_its_record_has_a_bound() {
    let world = World::start().await;
    let failed = registration(1);
    let worker = world.judged(&failed, Verdict::Failed).await;
    world.validations.queue().settle(worker).await.unwrap();
    for second in 2..=119 {
        let worker = world.judged(&registration(second), Verdict::Passed).await;
        world.validations.queue().settle(worker).await.unwrap();
    }
    let mut worker = world.judged(&registration(120), Verdict::Failed).await;
    world
        .ended(&mut worker, overridden(Answer::Reject, person("Approved")))
        .await
        .unwrap();

    let known = only(&world).await;
    assert_eq!(known.standing, Standing::Bad);
    assert!(known.taught_by.contains(&failed.id.to_string()));
    let items = world.items(LEDGER).await;
    let item = items.iter().find(|item| item.contains_key("lessons"));
    let read = |name: &str| -> Value { serde_json::from_str(text(item.unwrap(), name)).unwrap() };
    let remembered = read("lessons");
    assert_eq!(remembered.as_object().map(serde_json::Map::len), Some(50));
    let latest = &remembered[registration(120).id.to_string()];
    assert_eq!(latest["by"], "Approved by ada");
    assert_eq!(read("forgotten")["count"], 70);
}

#[tokio::test]
async fn every_judged_deployment_learns_its_lesson() {
    let world = World::start().await;
    let asked = Registration {
        deployments: vec![deployment("d-1", 0), deployment("d-2", 1)],
        ..registration(1)
    };

    world.judged(&asked, Verdict::Passed).await;

    let known = world.known().await;
    assert_eq!(
        known.iter().map(|entry| entry.standing).collect::<Vec<_>>(),
        [Standing::Good, Standing::Good]
    );
}

#[tokio::test]
async fn recording_a_deployment_again_changes_nothing() {
    let world = World::start().await;
    world.judged(&registration(1), Verdict::Passed).await;
    let before = only(&world).await;

    let renamed = Deployment {
        version: "another name".to_owned(),
        execution: None,
        ..deployment("d-1", 0)
    };
    world.ledger.record_deployment(&renamed).await.unwrap();

    assert_eq!(only(&world).await, before);
}

#[tokio::test]
async fn deployments_are_read_newest_first_up_to_a_moment() {
    let world = World::start().await;
    for (id, second) in [("d-2", 20), ("d-1", 10), ("d-4", 40), ("d-3", 30)] {
        record(&world, &deployment(id, second)).await;
    }

    for (until, expected) in [
        (9, vec![]),
        (10, vec!["d-1"]),
        (30, vec!["d-3", "d-2", "d-1"]),
        (39, vec!["d-3", "d-2", "d-1"]),
        (999, vec!["d-4", "d-3", "d-2", "d-1"]),
    ] {
        let found = world.ledger.deployments(&group(), at(until)).await.unwrap();
        let ids: Vec<_> = found.iter().map(|entry| &entry.deployment.id).collect();
        assert_eq!(ids, expected, "until {until}");
    }
}

#[tokio::test]
async fn all_deployments_between_two_moments_are_read() {
    let world = World::start().await;
    for second in 0..120 {
        record(&world, &deployment(&format!("d-{second}"), second)).await;
    }

    let group = group();
    let found = world.ledger.deployments_between(&group, at(10), at(110));

    let found = found.await.unwrap();
    let ids: Vec<&str> = found
        .iter()
        .map(|entry| entry.deployment.id.as_str())
        .collect();
    assert_eq!(ids.len(), 101);
    assert_eq!((ids[0], ids[100]), ("d-110", "d-10"));
}

#[tokio::test]
async fn long_history_is_read_back_only_so_far() {
    let world = World::start().await;
    for second in 0..60 {
        record(&world, &deployment(&format!("d-{second}"), second)).await;
    }
    let before = world.rows_read();

    let found = world.known().await;

    assert_eq!(found.len(), 50);
    assert_eq!(found[0].deployment.id, "d-59");
    assert_eq!(world.rows_read() - before, 50);
}

#[tokio::test]
async fn groups_have_histories_of_their_own() {
    let world = World::start().await;
    let named = |application: &str, name: &str| Group {
        application: application.to_owned(),
        name: name.to_owned(),
    };
    let groups = [
        named("Shop", "Staging"),
        named("Shop", "Staging#2"),
        named("Shop#Staging", "2"),
        named("Shop%23Staging", "2"),
    ];
    for (index, group) in groups.iter().enumerate() {
        let deployed = Deployment {
            group: group.clone(),
            ..deployment(&format!("d-{index}"), 0)
        };
        record(&world, &deployed).await;
    }

    for (index, group) in groups.iter().enumerate() {
        let found = world.ledger.deployments(group, at(1)).await.unwrap();
        let ids: Vec<_> = found.iter().map(|entry| &entry.deployment.id).collect();
        assert_eq!(ids, [&format!("d-{index}")], "{group}");
    }
}

async fn record(world: &World, deployment: &Deployment) {
    world.ledger.record_deployment(deployment).await.unwrap();
}

async fn only(world: &World) -> LedgerEntry {
    let mut known = world.known().await;
    assert_eq!(known.len(), 1);
    known.remove(0)
}

/// What the answer to a problem will write one day.
async fn problem_said(world: &World, standing: &str) {
    let items = world.items(LEDGER).await;
    let mut entries = items
        .into_iter()
        .filter(|item| item.contains_key("standing"));
    let mut item = entries.next().unwrap();
    for (name, value) in [("standing", standing), ("taughtBy", "problem P-1")] {
        item.insert(name.to_owned(), AttributeValue::S(value.to_owned()));
    }
    assert_eq!(text(&item, "taughtBy"), "problem P-1");
    world
        .raw
        .put_item()
        .table_name(LEDGER)
        .set_item(Some(item))
        .send()
        .await
        .unwrap();
}
