//! What answers to problems do to the ledger, row by row of the transitions of
//! a remediation.

use aws_sdk_dynamodb::types::AttributeValue;
use monspec::Verdict;
use release::change::{Change, Flag, FlagChange, Place, Remedy};
use release::deployment::{Deployment, Group, LedgerEntry, Origin, Standing};
use release::ledger::Effect;
use release::remediation::Guard;
use store::{Advanced, ClaimedProblem, Reading, StoreError};

use crate::world::{LEDGER, World, at, deployment, group, registration};

#[tokio::test]
async fn blame_makes_suspect_and_binds_together_with_the_document() {
    let world = World::start().await;
    let mut worker = world.noticed_and_claimed("P-1").await;
    let title = Some("with the document".to_owned());
    worker.problem.title.clone_from(&title);

    world.written(&mut worker, &[blame("d-1")]).await;

    let known = world.entry("d-1").await;
    assert_eq!(known.standing, Standing::Suspect);
    assert_eq!(known.taught_by, "problem P-1");
    assert_eq!(known.bound_to.as_deref(), Some("P-1"));
    assert_eq!(world.known().await, [known]);
    assert_eq!(world.bad(&["d-1", "d-2"]).await, ["d-1"]);
    assert_eq!(world.problem("P-1").await.title, title);
}

#[tokio::test]
async fn blame_rests_on_an_earlier_reading_only_while_it_holds() {
    let world = World::start().await;
    let mut first = world.noticed_and_claimed("P-1").await;
    let mut second = world.noticed_and_claimed("P-2").await;
    let entered = Effect::Enter {
        change: Change::Deployment(deployment("d-1", 10)),
    };
    world.written(&mut first, &[entered]).await;
    let readings = world.ledger.readings(&group(), at(100)).await.unwrap();
    let blamed = async |worker: &mut ClaimedProblem| {
        let effects = [blame("d-1")];
        let outcome = world
            .remediations
            .advance_on(&world.ledger, worker, &effects, &readings)
            .await;
        outcome.unwrap()
    };

    assert_eq!(blamed(&mut first).await, Advanced::Written);
    let bound = world.entry("d-1").await;
    assert_eq!(bound.bound_to.as_deref(), Some("P-1"));
    assert_eq!(bound.standing, Standing::Suspect);

    // The reading says that nobody holds it.
    assert_eq!(blamed(&mut second).await, Advanced::Stale);
    assert_eq!(world.entry("d-1").await, bound);

    // It is free again, and something else is known of it than was read.
    world.written(&mut first, &[release("d-1")]).await;
    assert_eq!(blamed(&mut second).await, Advanced::Written);
    let bound = world.entry("d-1").await;
    assert_eq!(bound.bound_to.as_deref(), Some("P-2"));
}

/// The history of a group that was read need not reach back to it, and whoever
/// enters it may come in between.
#[tokio::test]
async fn blame_of_what_seemed_unknown_finds_it_where_it_was_entered() {
    let world = World::start().await;
    let mut worker = world.noticed_and_claimed("P-1").await;
    let readings = [Reading::of_unknown(deployment("d-1", 12))];
    let entered = Effect::Enter {
        change: Change::Deployment(deployment("d-1", 10)),
    };
    world.written(&mut worker, &[entered]).await;

    let effects = [Effect::Blame {
        change: Change::Deployment(deployment("d-1", 12)),
    }];
    let outcome = world
        .remediations
        .advance_on(&world.ledger, &mut worker, &effects, &readings);
    assert_eq!(outcome.await.unwrap(), Advanced::Written);

    let [known] = &world.known().await[..] else {
        panic!("there is one deployment");
    };
    assert_eq!(known.deployment.at, at(10));
    assert_eq!(known.bound_to.as_deref(), Some("P-1"));
}

#[tokio::test]
async fn blame_that_is_repeated_after_a_crash_changes_nothing() {
    let world = World::start().await;
    let mut worker = world.noticed_and_claimed("P-1").await;
    world.written(&mut worker, &[blame("d-1")]).await;
    let before = world.entry("d-1").await;

    // The worker dies; the next one decides the same.
    let mut next = world.claim_problem("P-1", 60, "next").await.unwrap();
    world.written(&mut next, &[blame("d-1")]).await;

    assert_eq!(world.entry("d-1").await, before);
    assert_eq!(world.bad(&["d-1"]).await, ["d-1"]);
}

#[tokio::test]
async fn worker_whose_claim_is_gone_does_nothing_to_the_ledger() {
    let world = World::start().await;
    let mut late = world.noticed_and_claimed("P-1").await;
    world.claim_problem("P-1", 60, "next").await.unwrap();

    let effects = [blame("d-1"), guard(&Guard::default(), &active("P-1"))];
    let outcome = world
        .remediations
        .advance(&world.ledger, &mut late, &effects)
        .await;

    assert!(matches!(outcome, Err(StoreError::Lost)));
    assert_eq!(world.known().await, []);
    assert_eq!(world.guard().await, Guard::default());
    assert_eq!(world.bad(&["d-1"]).await, NOTHING);
}

#[tokio::test]
async fn one_culprit_is_bound_to_the_first_of_two_problems() {
    for released in [false, true] {
        let world = World::start().await;
        let mut first = world.noticed_and_claimed("P-1").await;
        let mut second = world.noticed_and_claimed("P-2").await;

        let (one, other) = (blame("d-1"), blame("d-1"));
        let (one, other) = tokio::join!(
            world.advance(&mut first, std::slice::from_ref(&one)),
            world.advance(&mut second, std::slice::from_ref(&other))
        );

        let winner = match (one, other) {
            (Advanced::Written, Advanced::Stale) => &mut first,
            (Advanced::Stale, Advanced::Written) => &mut second,
            other => panic!("{other:?}"),
        };
        let winners = winner.problem.id.clone();
        let bound = world.entry("d-1").await.bound_to;
        assert_eq!(bound.as_deref(), Some(winners.as_str()));
        if released {
            world.written(winner, &[release("d-1")]).await;
            let loser = if winners == "P-1" {
                &mut second
            } else {
                &mut first
            };
            world.written(loser, &[blame("d-1")]).await;
            let known = world.entry("d-1").await;
            assert_eq!(known.bound_to, Some(loser.problem.id.clone()));
            assert_eq!(known.taught_by, format!("problem {}", loser.problem.id));
        }
    }
}

#[tokio::test]
async fn stale_step_leaves_the_document_as_it_was() {
    let world = World::start().await;
    let mut first = world.noticed_and_claimed("P-1").await;
    world.written(&mut first, &[blame("d-1")]).await;
    let mut second = world.noticed_and_claimed("P-2").await;
    let before = second.problem.clone();
    second.problem.title = Some("half decided".to_owned());

    assert_eq!(
        world.advance(&mut second, &[blame("d-1")]).await,
        Advanced::Stale
    );

    assert_eq!(second.problem, before);
    assert_eq!(world.problem("P-2").await, before);
    // It goes on with the same claim.
    second.problem.title = Some("decided anew".to_owned());
    world.written(&mut second, &[]).await;
    assert_eq!(world.problem("P-2").await, second.problem);
}

#[tokio::test]
async fn problem_that_closes_without_a_heal_lifts_what_it_said() {
    let world = World::start().await;
    world.judged(&registration(1), Verdict::Passed).await;
    let mut worker = world.noticed_and_claimed("P-1").await;
    world.written(&mut worker, &[blame("d-1")]).await;

    world.written(&mut worker, &[release("d-1")]).await;
    // Killed after the write: the same again.
    world.written(&mut worker, &[release("d-1")]).await;

    let known = world.entry("d-1").await;
    assert_eq!(known.bound_to, None);
    assert_eq!(known.standing, Standing::Unknown);
    assert_eq!(world.bad(&["d-1"]).await, NOTHING);
}

#[tokio::test]
async fn lifting_does_not_unsay_what_a_validation_held_against_it_meanwhile() {
    let world = World::start().await;
    let mut judge = world.claimed(&registration(1)).await;
    let mut worker = world.noticed_and_claimed("P-1").await;
    world.written(&mut worker, &[blame("d-1")]).await;
    world.judge(&mut judge, Verdict::Failed).await;
    assert_eq!(world.entry("d-1").await.standing, Standing::Suspect);

    world.written(&mut worker, &[release("d-1")]).await;

    let known = world.entry("d-1").await;
    assert_eq!(known.standing, Standing::Bad);
    assert!(known.taught_by.starts_with("validation "));
    assert_eq!(world.bad(&["d-1"]).await, ["d-1"]);
}

#[tokio::test]
async fn another_problem_neither_releases_nor_lifts_nor_condemns() {
    let world = World::start().await;
    let mut holder = world.noticed_and_claimed("P-1").await;
    world.written(&mut holder, &[blame("d-1")]).await;
    let before = world.entry("d-1").await;
    let mut other = world.noticed_and_claimed("P-2").await;

    for effect in [release("d-1"), condemn("d-1")] {
        world.written(&mut other, &[effect]).await;
        assert_eq!(world.entry("d-1").await, before);
    }
}

#[tokio::test]
async fn problem_that_closes_after_the_heal_condemns_and_keeps_the_binding() {
    let world = World::start().await;
    let mut worker = world.noticed_and_claimed("P-1").await;
    world.written(&mut worker, &[blame("d-1")]).await;

    world.written(&mut worker, &[condemn("d-1")]).await;
    world.written(&mut worker, &[condemn("d-1")]).await;

    let known = world.entry("d-1").await;
    assert_eq!(known.standing, Standing::Bad);
    assert_eq!(known.bound_to.as_deref(), Some("P-1"));
    assert_eq!(world.bad(&["d-1"]).await, ["d-1"]);
}

#[tokio::test]
async fn later_passed_lifts_neither_suspect_nor_bad() {
    for condemned in [false, true] {
        let world = World::start().await;
        let mut judge = world.claimed(&registration(1)).await;
        let mut worker = world.noticed_and_claimed("P-1").await;
        world.written(&mut worker, &[blame("d-1")]).await;
        if condemned {
            world.written(&mut worker, &[condemn("d-1")]).await;
        }
        let before = world.entry("d-1").await;

        world.judge(&mut judge, Verdict::Passed).await;

        assert_eq!(world.entry("d-1").await, before);
        assert_eq!(world.bad(&["d-1"]).await, ["d-1"]);
    }
}

#[tokio::test]
async fn change_of_a_flag_is_held_by_one_problem_at_a_time() {
    let world = World::start().await;
    let flag = Flag {
        set: "prod".to_owned(),
        name: "percent".to_owned(),
    };
    let change = Change::Flag(FlagChange {
        id: "c-1".to_owned(),
        flag,
        version: 1,
        at: at(0),
        before: "5".to_owned(),
        after: "50".to_owned(),
        by: "ann".to_owned(),
    });
    let [blame, release, condemn] = [
        Effect::Blame {
            change: change.clone(),
        },
        Effect::Release {
            change: change.clone(),
        },
        Effect::Condemn {
            change: change.clone(),
        },
    ];
    let holder = async || world.ledger.holder(&change).await.unwrap();
    let mut first = world.noticed_and_claimed("P-1").await;
    let mut second = world.noticed_and_claimed("P-2").await;
    assert_eq!(holder().await, None);

    world
        .written(&mut first, std::slice::from_ref(&blame))
        .await;
    // Killed after the write: the same again.
    world
        .written(&mut first, std::slice::from_ref(&blame))
        .await;
    assert_eq!(holder().await.as_deref(), Some("P-1"));
    let stale = world.advance(&mut second, std::slice::from_ref(&blame));
    assert_eq!(stale.await, Advanced::Stale);

    world.written(&mut first, &[release]).await;
    assert_eq!(holder().await, None);
    world.written(&mut second, &[blame]).await;
    world.written(&mut second, &[condemn]).await;
    assert_eq!(holder().await.as_deref(), Some("P-2"));
}

#[tokio::test]
async fn what_a_validation_found_bad_stays_its_word() {
    let world = World::start().await;
    world.judged(&registration(1), Verdict::Failed).await;
    let before = world.entry("d-1").await;
    let mut worker = world.noticed_and_claimed("P-1").await;

    let steps = [blame("d-1"), release("d-1")];
    world.written(&mut worker, &steps[..1]).await;
    assert_eq!(
        world.entry("d-1").await,
        LedgerEntry {
            bound_to: Some("P-1".to_owned()),
            ..before.clone()
        }
    );
    world.written(&mut worker, &steps[1..]).await;

    assert_eq!(world.entry("d-1").await, before);
}

#[tokio::test]
async fn deployment_has_one_entry_whatever_time_it_is_entered_with() {
    let world = World::start().await;
    let seen = |second| deployment("d-1", second);
    world.ledger.record_deployment(&seen(12)).await.unwrap();
    let mut worker = world.noticed_and_claimed("P-1").await;

    world.written(&mut worker, &[blame("d-1")]).await;
    world.ledger.record_deployment(&seen(14)).await.unwrap();
    world.judged(&registration(1), Verdict::Passed).await;

    let [known] = &world.known().await[..] else {
        panic!("there is one deployment");
    };
    assert_eq!(known.deployment, seen(12));
    assert_eq!(known.bound_to.as_deref(), Some("P-1"));
    assert_eq!(*known, world.entry("d-1").await);
}

#[tokio::test]
async fn guard_is_taken_by_one_of_two() {
    let world = World::start().await;
    let mut first = world.noticed_and_claimed("P-1").await;
    let mut second = world.noticed_and_claimed("P-2").await;
    let free = world.guard().await;
    assert_eq!(free, Guard::default());

    let (one, other) = (
        [guard(&free, &active("P-1"))],
        [guard(&free, &active("P-2"))],
    );
    let outcomes = tokio::join!(
        world.advance(&mut first, &one),
        world.advance(&mut second, &other)
    );

    let holder = match outcomes {
        (Advanced::Written, Advanced::Stale) => "P-1",
        (Advanced::Stale, Advanced::Written) => "P-2",
        other => panic!("{other:?}"),
    };
    assert_eq!(world.guard().await, active(holder));
}

#[tokio::test]
async fn guard_of_a_group_is_found_where_it_was_before_there_were_other_places() {
    let world = World::start().await;
    let stored = r#"{"active":"P-1","cooldownUntil":null,"heals":["2026-01-05T10:00:00Z"]}"#;
    let Group { application, name } = group();
    let item = [
        ("pk", format!("{application}#{name}")),
        ("sk", "guard".to_owned()),
        ("guard", stored.to_owned()),
    ];
    let item = item.map(|(name, value)| (name.to_owned(), AttributeValue::S(value)));
    world.put(LEDGER, item.into()).await;

    assert_eq!(world.guard().await, active("P-1"));
}

#[tokio::test]
async fn guard_goes_on_only_from_what_was_read() {
    let world = World::start().await;
    let mut worker = world.noticed_and_claimed("P-1").await;
    let taken = active("P-1");
    let rested = Guard {
        active: None,
        cooldown_until: Some(at(900)),
        heals: vec![at(0)],
    };
    world
        .written(&mut worker, &[guard(&Guard::default(), &taken)])
        .await;

    for wrong in [Guard::default(), rested.clone()] {
        assert_eq!(
            world.advance(&mut worker, &[guard(&wrong, &rested)]).await,
            Advanced::Stale
        );
    }
    world.written(&mut worker, &[guard(&taken, &rested)]).await;

    assert_eq!(world.guard().await, rested);
    let elsewhere = Group {
        name: "Elsewhere".to_owned(),
        ..group()
    };
    let untouched = world.ledger.guard(&Place::Group(elsewhere)).await.unwrap();
    assert_eq!(untouched, Guard::default());
}

#[tokio::test]
async fn nothing_is_written_where_one_effect_of_several_is_stale() {
    let world = World::start().await;
    let mut holder = world.noticed_and_claimed("P-1").await;
    world.written(&mut holder, &[blame("d-1")]).await;
    let mut other = world.noticed_and_claimed("P-2").await;

    let effects = [
        guard(&Guard::default(), &active("P-2")),
        blame("d-2"),
        blame("d-1"),
    ];
    assert_eq!(world.advance(&mut other, &effects).await, Advanced::Stale);

    assert_eq!(world.guard().await, Guard::default());
    assert_eq!(world.known().await.len(), 1);
}

#[tokio::test]
async fn heal_is_entered_as_one_even_where_somebody_took_it_for_a_release() {
    let heal = Deployment {
        origin: Origin::Heal,
        identity: "sources:App=d-0".to_owned(),
        ..deployment("d-2", 20)
    };
    for known_before in [false, true] {
        let world = World::start().await;
        if known_before {
            let release = deployment("d-2", 18);
            world.ledger.record_deployment(&release).await.unwrap();
        }
        let mut worker = world.noticed_and_claimed("P-1").await;

        let enter = Effect::Enter {
            change: Change::Deployment(heal.clone()),
        };
        let enter = [enter];
        world.written(&mut worker, &enter).await;
        world.written(&mut worker, &enter).await;

        let [known] = &world.known().await[..] else {
            panic!("there is one deployment");
        };
        let expected = Deployment {
            at: at(if known_before { 18 } else { 20 }),
            ..heal.clone()
        };
        assert_eq!(known.deployment, expected);
        assert_eq!(known.standing, Standing::Unknown);
    }
}

#[tokio::test]
async fn remedy_is_trusted_until_its_standing_is_against_it() {
    for standing in Standing::ALL {
        let world = World::start().await;
        let verdict = match standing {
            Standing::Good => Verdict::Passed,
            Standing::Bad => Verdict::Failed,
            Standing::Unknown | Standing::Suspect => Verdict::Inconclusive,
        };
        world.judged(&registration(1), verdict).await;
        if standing == Standing::Suspect {
            let mut other = world.noticed_and_claimed("P-2").await;
            world.written(&mut other, &[blame("d-1")]).await;
        }
        let known = world.entry("d-1").await;
        assert_eq!(known.standing, standing);
        // Nothing is known of this content, so that the standing alone decides.
        let target = Deployment {
            identity: "another".to_owned(),
            ..known.deployment
        };
        let trust = Effect::Trust {
            remedy: Remedy::Redeploy(target),
        };
        let mut worker = world.noticed_and_claimed("P-1").await;

        let advanced = world.advance(&mut worker, &[trust]).await;

        let is_trusted = advanced == Advanced::Written;
        assert_eq!(is_trusted, !standing.is_against(), "{standing:?}");
    }
}

#[tokio::test]
async fn one_step_writes_one_deployment_once() {
    let world = World::start().await;
    let mut worker = world.noticed_and_claimed("P-1").await;

    world
        .written(&mut worker, &[blame("d-1"), condemn("d-1")])
        .await;

    let known = world.entry("d-1").await;
    assert_eq!(known.standing, Standing::Bad);
    assert_eq!(known.bound_to.as_deref(), Some("P-1"));
}

const NOTHING: [&str; 0] = [];

fn blame(id: &str) -> Effect {
    Effect::Blame {
        change: Change::Deployment(deployment(id, 10)),
    }
}

fn release(id: &str) -> Effect {
    Effect::Release {
        change: Change::Deployment(deployment(id, 10)),
    }
}

fn condemn(id: &str) -> Effect {
    Effect::Condemn {
        change: Change::Deployment(deployment(id, 10)),
    }
}

fn guard(from: &Guard, to: &Guard) -> Effect {
    Effect::Guard {
        place: Place::Group(group()),
        from: from.clone(),
        to: to.clone(),
    }
}

fn active(problem: &str) -> Guard {
    Guard {
        active: Some(problem.to_owned()),
        cooldown_until: None,
        heals: vec![at(0)],
    }
}

impl World {
    async fn advance(&self, worker: &mut ClaimedProblem, effects: &[Effect]) -> Advanced {
        self.remediations
            .advance(&self.ledger, worker, effects)
            .await
            .unwrap()
    }

    /// Advances, and nothing is in the way.
    pub(crate) async fn written(&self, worker: &mut ClaimedProblem, effects: &[Effect]) {
        assert_eq!(self.advance(worker, effects).await, Advanced::Written);
    }

    pub(crate) async fn entry(&self, id: &str) -> LedgerEntry {
        let found = self.ledger.entry(&group(), id).await.unwrap();
        found.expect("it was entered")
    }

    async fn guard(&self) -> Guard {
        self.ledger.guard(&Place::Group(group())).await.unwrap()
    }

    /// Which of these deployments' contents are bad somewhere.
    pub(crate) async fn bad(&self, ids: &[&str]) -> Vec<String> {
        let contents = ids.iter().map(|id| deployment(id, 0).identity).collect();
        let bad = self.ledger.bad_contents(&contents).await.unwrap();
        ids.iter()
            .filter(|id| bad.contains(&deployment(id, 0).identity))
            .map(|id| (*id).to_owned())
            .collect()
    }
}
