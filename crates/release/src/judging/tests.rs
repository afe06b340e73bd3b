//! The rows `judge.…` of the table in [`crate::validation`] as cases, and random
//! walks that end in a verdict.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;
use crate::deployment::{Group, LedgerEntry, Origin, Standing};
use crate::execution::ExecutionMode;
use crate::otherwise::Otherwise;
use crate::validation::ValidationId;

/// The file that the table is in.
const TABLE: &str = include_str!("../validation.rs");

/// How long a missing number is waited for.
const PATIENCE: SignedDuration = SignedDuration::from_mins(3);

#[test]
fn every_row_is_a_case_and_goes_as_the_table_says() {
    let cases = cases();
    for (row, world, expected) in &cases {
        assert_eq!(told(&world.step()), *expected, "{row}");
    }

    let named: BTreeSet<&str> = cases.iter().map(|(row, ..)| *row).collect();
    let rows: BTreeSet<&str> = TABLE
        .lines()
        .filter_map(|line| line.strip_prefix("//! | `")?.split('`').next())
        .filter(|row| row.starts_with("judge."))
        .collect();
    assert_eq!(named, rows);
}

type Case = (&'static str, World, &'static str);

#[expect(clippy::too_many_lines, reason = "it is a table")]
fn cases() -> Vec<Case> {
    let world = World::new;
    let rollback = || takes_back("d-9", 12, "d-1");
    let no_data = || Measurement::Missing(Gap::NoData("the metric".to_owned()));
    vec![
        (
            "judge.healed",
            world().but(|world| world.home = vec![rollback()]),
            "failed: d-1 was taken back by d-9",
        ),
        (
            "judge.healed",
            world().but(|world| {
                world.home = vec![rollback()];
                world.neighbour = vec![reached("d-7", 11)];
                world.beside = vec![reached("d-8", 11)];
                world.run = Some("e-2");
                world.is_broken = true;
                world.now = world.validation.registration.give_up_at;
            }),
            "failed: d-1 was taken back by d-9",
        ),
        (
            "judge.healed",
            world().but(|world| world.neighbour = vec![takes_back("d-9", 12, "d-2")]),
            "failed: d-2 was taken back by d-9",
        ),
        (
            "judge.overtaken",
            world().but(|world| world.home = vec![reached("d-7", 12), rollback()]),
            "inconclusive: overtaken by d-7",
        ),
        (
            "judge.overtaken",
            world().but(|world| {
                world.neighbour = vec![reached("d-7", 14)];
                world.beside = vec![reached("d-8", 11)];
                world.run = Some("e-2");
            }),
            "inconclusive: overtaken by d-7",
        ),
        (
            "judge.beside",
            world().but(|world| {
                world.beside = vec![reached("d-8", 12)];
                world.run = Some("e-2");
            }),
            "inconclusive: overtaken by d-8",
        ),
        (
            "judge.followed",
            world().but(|world| world.run = Some("e-2")),
            "inconclusive: followed by e-2",
        ),
        (
            "judge.followed",
            world().but(|world| {
                world.run = Some("e-2");
                world.numbers = vec![no_data()];
            }),
            "inconclusive: followed by e-2",
        ),
        (
            "judge.unasked",
            world().but(|world| {
                world.are_groups_known = false;
                world.is_broken = true;
            }),
            "fault",
        ),
        (
            "judge.missing",
            world().but(|world| world.numbers = vec![Measurement::Value(1.0), no_data()]),
            "wait until 1938 s",
        ),
        (
            "judge.missing",
            world().but(|world| {
                world.numbers = vec![no_data()];
                world.now = minute(35) - SignedDuration::from_secs(5);
            }),
            "wait until 2100 s",
        ),
        (
            "judge.fault",
            world().but(|world| world.is_broken = true),
            "fault",
        ),
        (
            "judge.unmeasured",
            world().but(|world| {
                world.is_broken = true;
                world.now = world.validation.registration.give_up_at;
            }),
            "unmeasured",
        ),
        (
            "judge.unmeasured",
            world().but(|world| {
                world.are_groups_known = false;
                world.is_broken = true;
                world.now = world.validation.registration.give_up_at;
            }),
            "unmeasured",
        ),
        ("judge.measured", world(), "judge"),
        (
            "judge.measured",
            world().but(|world| {
                let unknown = Gap::UnknownMetric("the metric".to_owned());
                world.numbers = vec![Measurement::Missing(unknown)];
            }),
            "judge",
        ),
        (
            "judge.measured",
            world().but(|world| {
                world.numbers = vec![no_data()];
                world.now = minute(35);
            }),
            "judge",
        ),
        (
            "judge.measured",
            world().but(|world| world.run = Some("e-1")),
            "judge",
        ),
        (
            "judge.measured",
            world().but(|world| world.home = vec![reached("d-7", 15)]),
            "judge",
        ),
    ]
}

proptest! {
    /// Whatever is found at each look, and however it changes: after the end of
    /// the time there is a verdict, at the latest.
    #[test]
    fn every_walk_ends_in_a_verdict(
        looks in prop::collection::vec(prop::collection::vec(any::<prop::sample::Index>(), 8), 400),
    ) {
        let mut world = World::new();
        let give_up_at = world.validation.registration.give_up_at;
        for look in &looks {
            world.draw(look);
            match world.step() {
                Step::Wait(wait) => {
                    let until = wait.until.expect("it is known when to look again");
                    prop_assert!(world.now < until, "{until}");
                    prop_assert!(until <= minute(32) + PATIENCE, "{until}");
                    world.now = until;
                }
                Step::Fault => {
                    prop_assert!(world.now < give_up_at);
                    world.now += SignedDuration::from_mins(10);
                }
                Step::Ask(question) => prop_assert!(false, "{question:?} is asked again"),
                Step::Unmeasured | Step::Unjudged(_) | Step::Judge => return Ok(()),
            }
        }
        prop_assert!(false, "it goes on at {}", world.now);
    }
}

/// A waiting validation and everything around it.
struct World {
    validation: Validation,
    /// The histories of the group of `d-1`, of that of `d-2`, and of one that is
    /// not judged.
    home: Vec<Reached>,
    neighbour: Vec<Reached>,
    beside: Vec<Reached>,
    /// The execution that ran the same action in the window.
    run: Option<&'static str>,
    numbers: Vec<Measurement>,
    is_broken: bool,
    are_groups_known: bool,
    now: Timestamp,
}

impl World {
    /// Registered in minute 10 with a window of five minutes, looked at in
    /// minute 32, when it was due.
    fn new() -> Self {
        Self {
            validation: Validation::registered(registration()),
            home: Vec::new(),
            neighbour: Vec::new(),
            beside: Vec::new(),
            run: None,
            numbers: vec![Measurement::Value(1.0)],
            is_broken: false,
            are_groups_known: true,
            now: minute(32),
        }
    }

    fn but(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }

    /// What this look finds. Most looks find that something is broken or missing,
    /// so that walks are long.
    fn draw(&mut self, answers: &[prop::sample::Index]) {
        let mut answers = answers.iter();
        let mut draw = |most: usize| answers.next().expect("there are enough").index(most);
        self.are_groups_known = draw(4) != 0;
        self.is_broken = !self.are_groups_known || draw(8) != 0;
        let gap = [
            Gap::NoData("a".to_owned()),
            Gap::NoEntity("a".to_owned()),
            Gap::Unavailable("a".to_owned()),
            Gap::UnknownMetric("a".to_owned()),
        ][draw(4)]
        .clone();
        self.numbers = vec![Measurement::Missing(gap)];
        self.home = match draw(64) {
            0 => vec![takes_back("d-9", 12, "d-1")],
            1 => vec![reached("d-7", 12)],
            _ => Vec::new(),
        };
    }

    fn step(&self) -> Step {
        let registration = &self.validation.registration;
        let histories = [&self.home, &self.neighbour];
        let judged = registration.deployments.iter().zip(histories);
        let judged = judged.map(|(deployment, history)| Own {
            deployment,
            since: deployment.at,
            history,
        });
        let run = self.run.map(|execution| Run {
            execution,
            stage: "Deploy",
            action: "Roll",
            began: minute(13),
            ended: None,
        });
        let groups = Groups {
            window: registration.window,
            judged: judged.collect(),
            beside: vec![&self.beside],
            runs: run.into_iter().collect(),
        };
        let mut observed = Observed {
            is_broken: self.is_broken,
            ..Observed::default()
        };
        for _ in 0..3 {
            match step(&self.validation, &observed, PATIENCE, self.now) {
                Step::Ask(Question::Groups) if self.are_groups_known => {
                    observed.groups = Some(groups.clone());
                }
                Step::Ask(Question::Numbers) if !self.is_broken => {
                    observed.numbers = Some(self.numbers.iter().collect());
                }
                // Both are asked at the same time, and a fault of the numbers is
                // met where the groups say nothing.
                Step::Fault | Step::Unmeasured
                    if self.are_groups_known && observed.groups.is_none() =>
                {
                    observed.groups = Some(groups.clone());
                }
                decided => return decided,
            }
        }
        panic!("questions have an end");
    }
}

/// A step in a line.
fn told(step: &Step) -> String {
    match step {
        Step::Ask(question) => format!("ask {question:?}"),
        Step::Wait(wait) => {
            let until = wait.until.map(Timestamp::as_second).unwrap_or_default();
            format!("wait until {until} s")
        }
        Step::Fault => "fault".to_owned(),
        Step::Unmeasured => "unmeasured".to_owned(),
        Step::Judge => "judge".to_owned(),
        Step::Unjudged(mixed) => {
            let verdict = format!("{:?}", mixed.verdict()).to_lowercase();
            let why = match mixed.as_ref() {
                Mixed::Healed { of, by } => {
                    let of: Vec<&str> = of.iter().map(|one| one.id.as_str()).collect();
                    format!("{} was taken back by {}", of.join(" and "), by.id)
                }
                Mixed::Overtaken(by) => format!("overtaken by {}", by.entry.deployment.id),
                Mixed::Followed { execution, .. } => format!("followed by {execution}"),
            };
            format!("{verdict}: {why}")
        }
    }
}

fn takes_back(id: &str, at: i64, other: &str) -> Reached {
    Reached {
        takes_back: Some(other.to_owned()),
        ..reached(id, at)
    }
}

fn reached(id: &str, at: i64) -> Reached {
    Reached {
        entry: LedgerEntry {
            deployment: deployment(id, at),
            standing: Standing::Unknown,
            taught_by: String::new(),
            bound_to: None,
        },
        everywhere: Some(minute(at)),
        ended: Some(minute(at)),
        takes_back: None,
    }
}

fn deployment(id: &str, at: i64) -> Deployment {
    Deployment {
        id: id.to_owned(),
        group: Group {
            application: "Shop".to_owned(),
            name: "Staging".to_owned(),
        },
        at: minute(at),
        execution: None,
        version: id.to_owned(),
        identity: id.to_owned(),
        location: None,
        digest: None,
        origin: Origin::Release,
    }
}

fn registration() -> Registration {
    Registration {
        id: ValidationId::new(minute(10), [0; 10]),
        pipeline: "Shop".to_owned(),
        execution: Some("e-1".to_owned()),
        mode: ExecutionMode::Superseded,
        registrant: Registrant::Action {
            stage: "Validate".to_owned(),
            action: "Register".to_owned(),
        },
        comparison: "StagingToProduction".to_owned(),
        window: Window {
            start: minute(10),
            end: minute(15),
        },
        approval: None,
        spec: String::new(),
        sources: Vec::new(),
        version: "1".to_owned(),
        deployments: vec![deployment("d-1", 9), deployment("d-2", 9)],
        untaught: None,
        source_groups: Vec::new(),
        otherwise: vec![Otherwise {
            stage: "Deploy".to_owned(),
            action: "Roll".to_owned(),
            since: minute(9),
        }],
        compare_groups: Vec::new(),
        compared: BTreeMap::new(),
        environments: Vec::new(),
        result_hook: None,
        registered_at: minute(10),
        due_at: minute(32),
        give_up_at: minute(10) + SignedDuration::from_hours(24),
        expires_at: minute(10) + SignedDuration::from_hours(24 * 90),
    }
}

fn minute(minute: i64) -> Timestamp {
    Timestamp::from_second(minute * 60).unwrap()
}
