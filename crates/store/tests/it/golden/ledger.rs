//! The ledger.

use monspec::Verdict;
use release::change::{Change, Place};
use release::deployment::{Deployment, Group, LedgerEntry, Origin, Standing};
use release::ledger::{Effect, Ruling};
use release::pause::Pause;
use release::remediation::Guard;
use release::tie::Tie;
use store::Paused;

use super::check;
use crate::world::{LEDGER, World, at, deployment, group, registration};

#[tokio::test]
async fn stored_form_of_standings_is_kept() {
    check(
        "standings",
        [LEDGER],
        async |world| {
            let mut worker = world.noticed_and_claimed("P-1").await;
            let each = ["unknown", "good", "suspect", "bad", "healing", "cleared"];
            for (second, id) in (0..).zip(each) {
                let deployment = Deployment {
                    origin: match id {
                        "healing" => Origin::Heal,
                        _ => Origin::Release,
                    },
                    execution: (id != "healing").then(|| "execution-1".to_owned()),
                    location: (id == "bad").then(|| "s3://builds/bad.zip".to_owned()),
                    digest: (id == "bad").then(|| "sha256:4f".to_owned()),
                    ..deployment(id, second)
                };
                let entered = world.ledger.record_deployment(&deployment);
                entered.await.unwrap();
            }
            judge(world, 1, "good", Verdict::Passed).await;
            judge(world, 2, "bad", Verdict::Failed).await;
            judge(world, 3, "cleared", Verdict::Failed).await;
            let (who, why) = ("ada", "it was the network");
            let group = group();
            let cleared = world
                .ledger
                .rule(&group, "cleared", Ruling::Clear, who, why);
            cleared.await.unwrap();
            let blame = Effect::Blame {
                change: Change::Deployment(deployment("suspect", 2)),
            };
            world.written(&mut worker, &[blame]).await;
        },
        async |world| {
            let validation = |number| format!("validation {}", registration(number).id);
            let (passed, failed) = (validation(1) + " (passed)", validation(2) + " (failed)");
            let expected = [
                ("unknown", Standing::Unknown, "nobody yet"),
                ("good", Standing::Good, passed.as_str()),
                ("suspect", Standing::Suspect, "problem P-1"),
                ("bad", Standing::Bad, failed.as_str()),
                ("healing", Standing::Unknown, "nobody yet"),
                (
                    "cleared",
                    Standing::Unknown,
                    "cleared by ada: it was the network",
                ),
            ];
            for (id, standing, by) in expected {
                let LedgerEntry {
                    deployment: read,
                    standing: found,
                    taught_by,
                    bound_to,
                } = world.entry(id).await;
                assert_eq!((found, taught_by.as_str()), (standing, by), "{id}");
                let problem = (id == "suspect").then(|| "P-1".to_owned());
                assert_eq!(bound_to, problem, "{id}");
                assert_eq!(read.origin == Origin::Heal, id == "healing");
                assert_eq!(read.location.is_some(), id == "bad");
            }
            assert_eq!(world.known().await.len(), expected.len());
            let all = expected.map(|(id, ..)| id);
            assert_eq!(world.bad(&all).await, ["suspect", "bad"]);
            let bad = world.entry("bad").await.deployment.contents();
            assert_eq!(world.ledger.bad_contents(&bad).await.unwrap(), bad);
            let applications = world.ledger.applications_with("Staging").await;
            assert_eq!(applications.unwrap(), ["ShopApp"]);
        },
    )
    .await;
}

/// More validations than are remembered one by one, and a person's word.
#[tokio::test]
async fn stored_form_of_lessons_is_kept() {
    const MANY: u16 = 52;
    check(
        "lessons",
        [LEDGER],
        async |world| {
            for number in 1..=MANY {
                let verdict = match number {
                    1 => Verdict::Failed,
                    _ => Verdict::Passed,
                };
                judge(world, number, "d-1", verdict).await;
            }
        },
        async |world| {
            let known = world.entry("d-1").await;
            assert_eq!(known.standing, Standing::Bad);
            assert_eq!(known.validation(), Some(registration(1).id));
            // What is remembered of the others counts on.
            judge(world, MANY + 1, "d-1", Verdict::Passed).await;
            assert_eq!(world.entry("d-1").await, known);
        },
    )
    .await;
}

#[tokio::test]
async fn stored_form_of_guards_is_kept() {
    let guards = [
        Guard {
            active: Some("P-1".to_owned()),
            cooldown_until: None,
            heals: vec![at(0)],
        },
        Guard {
            active: None,
            cooldown_until: Some(at(900)),
            heals: vec![at(0), at(600)],
        },
    ];
    let places = ["Staging", "Group #2"].map(|name| {
        Place::Group(Group {
            name: name.to_owned(),
            ..group()
        })
    });
    check(
        "guards",
        [LEDGER],
        async |world| {
            let mut worker = world.noticed_and_claimed("P-1").await;
            for (place, guard) in places.iter().zip(&guards) {
                let effect = Effect::Guard {
                    place: place.clone(),
                    from: Guard::default(),
                    to: guard.clone(),
                };
                world.written(&mut worker, &[effect]).await;
            }
        },
        async |world| {
            for (place, guard) in places.iter().zip(&guards) {
                assert_eq!(world.ledger.guard(place).await.unwrap(), *guard);
            }
        },
    )
    .await;
}

#[tokio::test]
async fn stored_form_of_pauses_is_kept() {
    let pauses = ["all", "group:ShopApp/Staging", "pipeline:Shop"].map(|target| Pause {
        target: target.parse().unwrap(),
        until: at(9_000),
        who: "ada".to_owned(),
        why: "the fair".to_owned(),
    });
    check(
        "pauses",
        [LEDGER],
        async |world| {
            for pause in &pauses {
                let stored = world.ledger.pause(pause).await.unwrap();
                assert_eq!(stored, Paused::Stored { replaced: None });
            }
        },
        async |world| {
            assert_eq!(world.ledger.pauses(at(8_000)).await.unwrap(), pauses);
            assert_eq!(world.ledger.pauses(at(9_000)).await.unwrap(), []);
        },
    )
    .await;
}

#[tokio::test]
async fn stored_form_of_ties_is_kept() {
    let ties = [("SERVICE-1", false), ("HOST#1", true)].map(|(entity, shared)| Tie {
        entity: entity.to_owned(),
        group: group(),
        at: at(0),
        shared,
    });
    check(
        "ties",
        [LEDGER],
        async |world| world.ledger.tie(&ties, at(9_000)).await.unwrap(),
        async |world| {
            for tie in &ties {
                let found = world.ledger.ties(&[&tie.entity], at(8_000)).await;
                assert_eq!(found.unwrap(), std::slice::from_ref(tie));
            }
        },
    )
    .await;
}

/// Has a validation judge this deployment alone.
async fn judge(world: &World, number: u16, id: &str, verdict: Verdict) {
    let known = world.known().await;
    let known = known.into_iter().map(|entry| entry.deployment);
    let judged = known.into_iter().find(|deployment| deployment.id == id);
    let asked = release::validation::Registration {
        deployments: vec![judged.unwrap_or_else(|| deployment(id, 0))],
        ..registration(number)
    };
    world.judged(&asked, verdict).await;
}
