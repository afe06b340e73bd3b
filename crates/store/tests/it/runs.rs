//! What runs of runbooks leave beside the document of their problem.

use release::change::Change;
use release::configuration::{Cause, Configuration};
use release::deployment::Standing;
use release::ledger::Effect;
use release::problem::Reported;
use release::runbook::Permission;
use store::{Advanced, Heard};

use crate::world::{World, at};

fn event(id: &str) -> Cause {
    Cause {
        id: id.to_owned(),
        kind: "CUSTOM_CONFIGURATION".to_owned(),
        at: at(10),
        title: "rate # 30 %".to_owned(),
        source: "Ansible".to_owned(),
    }
}

fn change(id: &str) -> Change {
    Change::Configuration(Configuration {
        event: event(id),
        target: "runbook#stop#*".to_owned(),
    })
}

#[tokio::test]
async fn configuration_is_bound_to_one_problem_on_whichever_entity_it_is_met() {
    let world = World::start().await;
    let mut first = world.noticed_and_claimed("P-1").await;
    let mut second = world.noticed_and_claimed("P-2").await;
    let blame = |id: &str| Effect::Blame { change: change(id) };
    world.written(&mut first, &[blame("e-1")]).await;
    let ledger = &world.ledger;
    assert_eq!(
        ledger.holder(&change("e-2")).await.unwrap().as_deref(),
        Some("P-1")
    );

    let late = world
        .remediations
        .advance(ledger, &mut second, &[blame("e-2")])
        .await;
    assert_eq!(late.unwrap(), Advanced::Stale);
    world
        .written(
            &mut first,
            &[Effect::Condemn {
                change: change("e-1"),
            }],
        )
        .await;

    let known = ledger.known_of(&event("e-3")).await.unwrap();
    assert_eq!(known.said.standing, Standing::Bad);
    let other = Cause {
        title: "another".to_owned(),
        ..event("e-4")
    };
    let unknown = ledger.known_of(&other).await.unwrap();
    assert_eq!(
        (unknown.said.standing, unknown.bound_to),
        (Standing::Unknown, None)
    );
}

#[tokio::test]
async fn what_a_person_says_waits_for_no_worker_and_wakes_the_problem() {
    let world = World::start().await;
    let yes = Permission::Given {
        who: "ann".to_owned(),
    };
    let say = async |problem: &str, second: i64| {
        let said = world.remediations.say(problem, "r-1", &yes, at(second));
        said.await.unwrap()
    };
    assert_eq!(say("P-1", 5).await, Heard::TooLate);
    let claimed = world.noticed_and_claimed("P-1").await;
    assert!(claimed.permissions.is_empty());

    assert_eq!(say("P-1", 20).await, Heard::Stored);
    // Whoever has it gives it back, and it is due at once.
    let queue = world.remediations.queue();
    queue.defer(claimed, at(1_000)).await.unwrap();
    assert_eq!(world.due_problems(20).await, ["P-1"]);
    let again = world.noticed_and_claimed("P-1").await;
    assert_eq!(again.permissions["r-1"], yes);

    queue.settle(again).await.unwrap();
    assert_eq!(say("P-1", 30).await, Heard::TooLate);
    world.notice("P-2", Reported::Open, 0).await;
    assert_eq!(say("P-2", 40).await, Heard::Stored);
}
