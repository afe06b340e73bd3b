//! Killed at moments that nobody chose: whatever was under way, the problem is
//! answered once, told once, and brought to its end.
//!
//! `HEAL_KILLS=30` kills that often; `HEAL_KILLS_FROM=<seed>` draws other
//! moments.

use std::time::Duration;

use dynatrace::Api;
use fastrand::Rng;
use futures_util::{StreamExt as _, stream};
use lab::world::{self, HANDLE_PROBLEM, Settings, World};
use lambda_host::runtime::InvocationOutcome;
use release::change::Place;
use release::deployment::Group;
use release::problem::{self, Phase};
use release::remediation::State;
use serde_json::json;
use store::tables;
use tokio::time::Instant;

use super::{APPLICATION, GROUP, bad_release, heals, notification, now, post};
use crate::heal::interleavings::asked;

/// How many kills are seen unless somebody asks for more.
const KILLS: u64 = 4;

/// How many of them happen at most in one life of a problem.
const KILLS_A_LIFE: u64 = 2;

/// How many lives are lived at the same time, most of it waiting for leases.
const AT_ONCE: usize = 4;

/// What every remote takes, so that there is time to die in.
const LATENCY: Duration = Duration::from_millis(10);

/// The latest moment of a kill: a little later than most invocations end.
const LATEST: u64 = 700;

/// Much longer than any life takes.
const LIFE: Duration = Duration::from_mins(5);

#[tokio::test]
async fn killed_whenever_it_heals_once_and_tells_once() {
    let wanted = asked("HEAL_KILLS").unwrap_or(KILLS);
    let first = asked("HEAL_KILLS_FROM").unwrap_or(1);
    let mut lives = stream::iter(first..).map(live).buffer_unordered(AT_ONCE);
    let (mut killed, mut lived) = (0, 0);

    while killed < wanted {
        killed += lives.next().await.unwrap();
        lived += 1;
    }

    show(killed, lived);
}

#[expect(clippy::print_stdout, reason = "whoever asks for figures reads them")]
fn show(killed: u64, lived: u64) {
    println!("{killed} kills in {lived} lives");
}

/// Lives through one problem, and says how often the function was killed.
async fn live(seed: u64) -> u64 {
    let mut dice = Rng::with_seed(seed);
    // A lease outlives the function's timeout, and this waits for leases.
    let settings = Settings::default().timeout(Duration::from_secs(4));
    let world = World::start(settings).await.unwrap();
    let function = world.another(HANDLE_PROBLEM).await.unwrap();
    let problem = bad_release(&world, Api::V2).await;
    world.aws.latency(LATENCY);
    world.tenant.latency(LATENCY);
    let token = world.settings().webhook_token();
    let deadline = Instant::now() + LIFE;
    let mut kills = 0;
    let mut is_over = false;

    loop {
        let stored = world.remediations().problem(problem.id()).await.unwrap();
        let states: Vec<&State> = stored.iter().flat_map(states).collect();
        if stored
            .as_ref()
            .is_some_and(|known| known.phase == Phase::Settled)
        {
            break;
        }
        if matches!(states[..], [State::Healed { .. }]) && !is_over {
            problem.resolve(now());
            is_over = true;
        }
        assert!(
            Instant::now() < deadline,
            "seed {seed}: still {stored:?}; the function wrote:\n{}",
            function.logs()
        );
        // Who gets no answer sends again.
        let event = if stored.is_none() || dice.bool() {
            let state = if is_over { "RESOLVED" } else { "OPEN" };
            let body = notification(&problem, state).to_string();
            post(&body, &json!({"x-unbreakable-token": token}))
        } else {
            world::scheduled()
        };
        let invoked = if kills < KILLS_A_LIFE {
            let moment = Duration::from_millis(dice.u64(..LATEST));
            let killed = async {
                tokio::time::sleep(moment).await;
                function.kill().await;
            };
            tokio::join!(function.invoke(event), killed).0
        } else {
            function.invoke(event).await
        };
        match invoked.unwrap().outcome {
            InvocationOutcome::Ok(_) => {}
            InvocationOutcome::Crashed(_) => kills += 1,
            other => panic!("seed {seed}: {other:?}"),
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }

    let stored = world
        .remediations()
        .problem(problem.id())
        .await
        .unwrap()
        .unwrap();
    let states: Vec<&State> = states(&stored).collect();
    assert!(
        matches!(states[..], [State::Confirmed { .. }]),
        "seed {seed}: {stored:?}"
    );
    assert_eq!(heals(&world).len(), 1, "seed {seed}");
    let said = world.tenant.comments(problem.id());
    assert_eq!(said.len(), stored.comments.len(), "seed {seed}: {said:?}");
    for comment in &stored.comments {
        let told = said.iter().filter(|said| said.text == comment.text);
        assert_eq!(told.count(), 1, "seed {seed}: {said:?}");
    }
    let place = Place::Group(Group {
        application: APPLICATION.to_owned(),
        name: GROUP.to_owned(),
    });
    let guard = world.ledger().guard(&place).await.unwrap();
    assert_eq!(guard.active, None, "seed {seed}");
    assert_eq!(guard.heals.len(), 1, "seed {seed}: a heal counts once");
    for shard in 0..tables::SHARDS {
        let later = jiff::Timestamp::MAX;
        let due = world
            .remediations()
            .queue()
            .due(shard, later, 10, None)
            .await;
        assert_eq!(due.unwrap(), [], "seed {seed}");
    }
    kills
}

fn states(problem: &problem::Problem) -> impl Iterator<Item = &State> {
    let remediations = problem.remediations.iter();
    remediations.map(|remediation| &remediation.state)
}
