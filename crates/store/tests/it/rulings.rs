//! A person's word on a deployment.

use monspec::Verdict;
use release::change::Change;
use release::deployment::Standing;
use release::ledger::{Effect, Ruling};

use crate::world::{World, deployment, group, registration};

#[tokio::test]
async fn person_lifts_what_a_problem_said_and_the_binding_stays() {
    for condemned in [false, true] {
        let world = World::start().await;
        let mut worker = world.noticed_and_claimed("P-1").await;
        let culprit = || deployment("d-1", 10);
        let mut effects = vec![Effect::Blame {
            change: Change::Deployment(culprit()),
        }];
        if condemned {
            effects.push(Effect::Condemn {
                change: Change::Deployment(culprit()),
            });
        }
        world.written(&mut worker, &effects).await;

        let ruled = rule(&world, Ruling::Clear).await;

        assert_eq!(ruled.standing, Standing::Unknown);
        assert_eq!(ruled.taught_by, "cleared by ada: it was the database");
        assert_eq!(ruled.bound_to.as_deref(), Some("P-1"));
        assert_eq!(world.entry("d-1").await, ruled);
        assert!(world.bad(&["d-1"]).await.is_empty());

        // What the problem has to say afterwards does not count any more.
        let condemn = Effect::Condemn {
            change: Change::Deployment(culprit()),
        };
        world.written(&mut worker, &[condemn]).await;
        assert_eq!(world.entry("d-1").await, ruled);
    }
}

#[tokio::test]
async fn person_lifts_what_a_validation_said_and_a_later_one_starts_anew() {
    let world = World::start().await;
    world.judged(&registration(1), Verdict::Failed).await;
    assert_eq!(world.bad(&["d-1"]).await, ["d-1"]);

    rule(&world, Ruling::Clear).await;
    assert!(world.bad(&["d-1"]).await.is_empty());
    world.judged(&registration(2), Verdict::Passed).await;

    assert_eq!(world.entry("d-1").await.standing, Standing::Good);
    assert!(world.bad(&["d-1"]).await.is_empty());
}

#[tokio::test]
async fn no_validation_lifts_what_a_person_condemned() {
    let world = World::start().await;
    world.judged(&registration(1), Verdict::Passed).await;

    let ruled = rule(&world, Ruling::Condemn).await;
    world.judged(&registration(2), Verdict::Passed).await;

    assert_eq!(ruled.standing, Standing::Bad);
    assert_eq!(ruled.taught_by, "condemned by ada: it was the database");
    assert_eq!(world.entry("d-1").await, ruled);
    assert_eq!(world.bad(&["d-1"]).await, ["d-1"]);
}

#[tokio::test]
async fn nothing_is_said_of_a_deployment_that_is_not_known() {
    let world = World::start().await;

    let ruled = world
        .ledger
        .rule(&group(), "d-1", Ruling::Condemn, "ada", "it leaks")
        .await;

    assert_eq!(ruled.unwrap(), None);
    assert_eq!(world.known().await, []);
    assert!(world.bad(&["d-1"]).await.is_empty());
}

async fn rule(world: &World, ruling: Ruling) -> release::deployment::LedgerEntry {
    let ruled = world
        .ledger
        .rule(&group(), "d-1", ruling, "ada", "it was the database")
        .await;
    ruled.unwrap().expect("it is known")
}
