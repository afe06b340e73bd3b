//! The table of remediations.

use release::change::{Change, Flag, FlagChange, FlagValue, Remedy};
use release::configuration::{self, Configuration};
use release::outbox::Entry;
use release::problem::{Arrival, Cause, Phase, Problem, Remediation, Reported};
use release::remediation::{Actor, Heal, HealRefusal, Needless, State};

use store::Due;

use super::check;
use crate::world::{REMEDIATIONS, World, at, deployment};

/// One that was heard of, one that a worker has, one that waits, one that has
/// settled and one that rests.
#[tokio::test]
async fn stored_form_of_phases_of_problems_is_kept() {
    let heard = |id: &str| {
        let patience = jiff::SignedDuration::from_hours(24);
        Problem::heard_of(id, Arrival::Webhook, at(0), patience)
    };
    let settled = Problem {
        cause: Cause::NothingChanged,
        phase: Phase::Settled,
        ..heard("P-4")
    };
    check(
        "phases",
        [REMEDIATIONS],
        async |world| {
            let remediations = &world.remediations;
            for id in ["P-1", "P-2", "P-3", "P-4", "P-5"] {
                let noticed = remediations.notice(&heard(id), Reported::Open, at(0)).await;
                noticed.unwrap();
            }
            world.claim_problem("P-2", 0, "worker").await.unwrap();
            let mut waits = world.claim_problem("P-3", 0, "worker").await.unwrap();
            waits.problem.waits = 3;
            waits.problem.faults = 2;
            remediations.queue().defer(waits, at(500)).await.unwrap();
            let noticed = remediations
                .notice(&heard("P-3"), Reported::Resolved, at(20))
                .await;
            noticed.unwrap();
            let mut settles = world.claim_problem("P-4", 0, "worker").await.unwrap();
            settles.problem.cause = Cause::NothingChanged;
            world.written(&mut settles, &[]).await;
            remediations.queue().settle(settles).await.unwrap();
            let mut due = Some(at(0));
            while let Some(now) = due {
                let lease = crate::world::lease(now);
                let claimed = remediations
                    .queue()
                    .claim(&Due::problem("P-5", now), "worker", now, lease)
                    .await;
                let held = claimed.unwrap().held();
                due = remediations
                    .queue()
                    .panicked(&held, now)
                    .await
                    .unwrap()
                    .until;
            }
        },
        async |world| {
            for id in ["P-1", "P-2", "P-5"] {
                assert_eq!(world.problem(id).await, heard(id));
            }
            let waits = world.problem("P-3").await;
            assert_eq!((waits.waits, waits.faults), (0, 2));
            assert_eq!(world.problem("P-4").await, settled);
            let mut due = world.due_problems(30).await;
            due.sort();
            assert_eq!(due, ["P-1", "P-3"]);
            let claimed = world.claim_problem("P-3", 30, "next").await.unwrap();
            assert_eq!(claimed.reported, Reported::Resolved);
        },
    )
    .await;
}

/// Every cause and every state of a remediation, in one document each.
#[tokio::test]
async fn stored_form_of_findings_and_states_is_kept() {
    let mut expected: Vec<Problem> = Vec::new();
    for cause in causes() {
        expected.push(problem(expected.len(), cause, Vec::new()));
    }
    for state in states() {
        let remediation = Remediation {
            culprit: Change::Deployment(deployment("d-2", 10)),
            holds: !state.is_final(),
            stopped: state == State::Attributed,
            state,
        };
        let found = problem(expected.len(), Cause::Blamed, vec![remediation]);
        expected.push(found);
    }
    check_problems("problems", &expected).await;
}

/// Changes of flags, which earlier versions did not blame.
#[tokio::test]
async fn stored_form_of_blamed_flags_is_kept() {
    let blamed = problem(0, Cause::Blamed, of_flags());
    check_problems("restored", &[blamed]).await;
}

/// What a problem that goes on names, in each kind of change.
#[tokio::test]
async fn stored_form_of_next_older_changes_is_kept() {
    let event = configuration::Cause {
        id: "e-1".to_owned(),
        kind: "CUSTOM_CONFIGURATION".to_owned(),
        at: at(5),
        title: "Campaign".to_owned(),
        source: "AWX".to_owned(),
    };
    let older = [
        Change::Deployment(deployment("d-1", 0)),
        of_flags().remove(0).culprit,
        Change::Configuration(Configuration {
            event,
            target: "runbook#stop#web-1".to_owned(),
        }),
    ];
    let numbered = older.into_iter().enumerate();
    let expected = numbered.map(|(number, older)| Problem {
        next_older: Some(older),
        ..problem(number, Cause::Blamed, Vec::new())
    });
    check_problems("older", &expected.collect::<Vec<_>>()).await;
}

async fn check_problems(name: &str, expected: &[Problem]) {
    check(
        name,
        [REMEDIATIONS],
        async |world| {
            for problem in expected {
                let heard = Problem {
                    cause: Cause::Pending,
                    remediations: Vec::new(),
                    ..problem.clone()
                };
                world
                    .remediations
                    .notice(&heard, Reported::Open, at(0))
                    .await
                    .unwrap();
                let mut worker = world.claim_problem(&problem.id, 0, "worker").await.unwrap();
                worker.problem = problem.clone();
                world.written(&mut worker, &[]).await;
            }
        },
        async |world: &World| {
            for problem in expected {
                assert_eq!(world.problem(&problem.id).await, *problem);
            }
        },
    )
    .await;
}

fn problem(number: usize, cause: Cause, remediations: Vec<Remediation>) -> Problem {
    Problem {
        id: format!("-{number}_2V2"),
        display_id: Some(format!("P-{number}")),
        title: Some("Response time".to_owned()),
        noticed: at(30),
        arrival: match number {
            0 => Arrival::Adopted,
            _ => Arrival::Webhook,
        },
        began: Some(at(0)),
        closed: Some(at(900)),
        merged_into: Some("-99_2V2".to_owned()),
        impacted: vec!["SERVICE-1".to_owned(), "SERVICE-2".to_owned()],
        root_cause: Some("SERVICE-1".to_owned()),
        cause,
        remediations,
        applications: Vec::new(),
        runs: Vec::new(),
        next_older: None,
        comments: vec![
            Entry {
                text: "d-2 is suspect".to_owned(),
                at: at(30),
                posted: Some(at(31)),
                attempts: 1,
                given_up: None,
            },
            Entry::new("d-1 is deployed again".to_owned(), at(40)),
        ],
        faults: 1,
        waits: 2,
        give_up_at: at(86_400),
        phase: Phase::Active,
    }
}

fn causes() -> Vec<Cause> {
    vec![
        Cause::Pending,
        Cause::Test,
        Cause::NotProduction,
        Cause::Over,
        Cause::NothingChanged,
        Cause::TooManyPlaces { places: 4 },
        Cause::Ambiguous {
            changes: vec!["d-1".to_owned(), "d-2".to_owned()],
        },
        Cause::GaveUp,
    ]
}

/// What is stored only where a flag is to blame.
fn of_flags() -> Vec<Remediation> {
    let flag = Flag {
        set: "prod".to_owned(),
        name: "percent".to_owned(),
    };
    let name = || flag.to_string();
    let culprit = FlagChange {
        id: "c-2".to_owned(),
        flag: flag.clone(),
        version: 2,
        at: at(10),
        before: "5".to_owned(),
        after: "50".to_owned(),
        by: "ann".to_owned(),
    };
    let heal = Heal {
        remedy: Remedy::Restore(FlagValue {
            flag: flag.clone(),
            value: "5".to_owned(),
        }),
        by: Actor::Ours,
        marker: "[unbreakable:P-1:c-2]".to_owned(),
        at: at(40),
    };
    let states = vec![
        State::Healed {
            heal,
            deployment: "back-c-2".to_owned(),
            at: at(41),
        },
        State::Refused(HealRefusal::ChangedSince {
            flag: name(),
            who: "bob".to_owned(),
            at: at(35),
        }),
        State::Refused(HealRefusal::NothingBefore { flag: name() }),
        State::Refused(HealRefusal::Undeclared { flag: name() }),
        State::NotNeeded(Needless::Over),
    ];
    let states = states.into_iter().map(|state| Remediation {
        culprit: Change::Flag(culprit.clone()),
        holds: true,
        stopped: false,
        state,
    });
    states.collect()
}

fn states() -> Vec<State> {
    let heal = |by| Heal {
        remedy: Remedy::Redeploy(deployment("d-1", 0)),
        by,
        marker: "[unbreakable:P-1:d-2]".to_owned(),
        at: at(40),
    };
    let ours = || heal(Actor::Ours);
    let made = || "d-3".to_owned();
    let group = || "ShopApp/Staging".to_owned();
    let culprit = || "d-2".to_owned();
    let (ended, closed) = (at(300), at(900));
    vec![
        State::Attributed,
        State::Joined {
            problem: "-98_2V2".to_owned(),
        },
        State::Intended(ours()),
        State::UnderWay {
            heal: heal(Actor::Platform),
            deployment: made(),
        },
        State::Healed {
            heal: ours(),
            deployment: made(),
            at: ended,
        },
        State::Confirmed {
            heal: ours(),
            deployment: made(),
            at: ended,
            closed,
        },
        State::Unconfirmed {
            heal: ours(),
            deployment: made(),
            at: ended,
        },
        State::HealFailed {
            heal: ours(),
            deployment: Some(made()),
            reason: "the hosts are gone".to_owned(),
        },
        State::Shadowed(ours()),
        State::Refused(HealRefusal::NoTarget { group: group() }),
        State::Refused(HealRefusal::HealOfHeal { deployment: made() }),
        State::Refused(HealRefusal::Cooldown {
            group: group(),
            until: closed,
        }),
        State::Refused(HealRefusal::TooOften {
            group: group(),
            count: 2,
            hours: 24,
        }),
        State::Refused(HealRefusal::SwitchedOff),
        State::NotNeeded(Needless::Closed),
        State::NotNeeded(Needless::Replaced {
            running: made(),
            culprit: culprit(),
        }),
        State::NotNeeded(Needless::Untouched { culprit: culprit() }),
        State::NotNeeded(Needless::Older { culprit: culprit() }),
        State::NotNeeded(Needless::Stale { minutes: 31 }),
        State::GaveUp {
            heal: Some(ours()),
            deployment: Some(made()),
        },
        State::GaveUp {
            heal: None,
            deployment: None,
        },
    ]
}
