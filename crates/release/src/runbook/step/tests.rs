//! Each row of the table in [`crate::runbook`] as a case, and random walks that
//! find no state without a way on.

mod world;

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::pause::Stopped;
use crate::remediation::Paused;
use crate::runbook::{Active, Check, Form, Hosts, Kind, Mode, Permission, Proof, Shown};
use world::{World, told};

/// The file that the table is in.
const TABLE: &str = include_str!("../../runbook.rs");

#[test]
fn every_row_is_a_case_and_goes_as_the_table_says() {
    let cases: Vec<Case> = [
        before(),
        launching(),
        asking(),
        repeating(),
        watching(),
        ending(),
    ]
    .concat();
    for Case {
        row,
        world,
        expected,
    } in &cases
    {
        assert_eq!(told(&world.step()), *expected, "{row}");
    }

    let named: BTreeSet<&str> = cases.iter().map(|case| case.row).collect();
    let rows: BTreeSet<&str> = TABLE
        .lines()
        .filter_map(|line| line.strip_prefix("//! | `")?.split('`').next())
        .collect();
    assert_eq!(named, rows);
}

#[derive(Clone)]
struct Case {
    row: &'static str,
    world: World,
    expected: &'static str,
}

fn case(row: &'static str, world: World, expected: &'static str) -> Case {
    Case {
        row,
        world,
        expected,
    }
}

fn asked() -> World {
    World::of(State::Asked)
}

fn waiting() -> World {
    World::of(State::Waiting {
        since: world::minute(46),
    })
}

fn yes(world: &mut World) {
    world.permission = Some(Permission::Given {
        who: "ann".to_owned(),
    });
}

fn no(world: &mut World) {
    world.permission = Some(Permission::Refused {
        who: "ann".to_owned(),
    });
}

fn closed(world: &mut World) {
    world.problem.closed = Some(world::minute(48));
}

/// Everything up to an intent, and everything that keeps from it.
#[expect(clippy::too_many_lines, reason = "it is a table")]
fn before() -> Vec<Case> {
    let joined = || {
        World::of(State::Joined {
            problem: "P-2".to_owned(),
        })
    };
    let holder = |holder: Option<&str>| {
        let holder = holder.map(str::to_owned);
        joined().knows(|known| known.holder = Some(holder))
    };
    vec![
        case("joined.free", holder(None), "asked [blame]"),
        case(
            "joined.held",
            holder(Some("P-2")),
            "wait: the answer to another problem",
        ),
        case("closed", joined().but(closed), "notNeeded [] said State"),
        case(
            "closed",
            asked().but(closed),
            "notNeeded [release] said State",
        ),
        case(
            "closed",
            World::of(world::again())
                .knows(|known| known.found = Some(Answer::Is(Vec::new())))
                .but(closed),
            "notNeeded [release, guard returned] said State",
        ),
        case(
            "closed",
            waiting().but(closed),
            "notNeeded [release] said State",
        ),
        case(
            "unheard",
            asked().but(|world| world.heard = false),
            "wait: the tenant to say whether the problem goes on",
        ),
        case(
            "unheard",
            waiting().but(|world| world.heard = false),
            "wait: the tenant to say whether the problem goes on",
        ),
        case(
            "asked.off",
            asked().but(|world| world.mode = Mode::Off),
            "refused [] said State",
        ),
        case(
            "asked.changed",
            asked().but(|world| world.listed = false),
            "refused [] said State",
        ),
        case("asked.denied", asked().but(no), "refused [] said State"),
        case("asked.denied", waiting().but(no), "refused [] said State"),
        case(
            "asked.needless",
            asked().but(|world| world.run.cause.at = world::minute(47)),
            "notNeeded [] said State",
        ),
        case(
            "asked.needless",
            asked().but(|world| world.now = world::minute(77)),
            "notNeeded [] said State",
        ),
        case(
            "asked.paused",
            asked().but(|world| world.paused = Paused::Yes(Stopped::Frozen { until: None })),
            "same [] said Paused then wait",
        ),
        case(
            "asked.paused",
            asked().but(|world| world.paused = Paused::Unknown),
            "wait: the ledger to say what is paused",
        ),
        case(
            "asked.busy",
            asked().knows(|known| known.guard = Some(world::guard(Some("r-2")))),
            "wait: another run of the same runbook",
        ),
        case(
            "asked.guarded",
            asked().knows(|known| {
                known.guard = Some(Guard {
                    cooldown_until: Some(world::minute(60)),
                    ..Guard::default()
                });
            }),
            "refused [] said State",
        ),
        case(
            "asked.guarded",
            asked().knows(|known| {
                known.guard = Some(Guard {
                    heals: vec![world::minute(1), world::minute(2), world::minute(3)],
                    ..Guard::default()
                });
            }),
            "refused [] said State",
        ),
        case(
            "asked.unreachable",
            asked().knows(|known| known.form = Some(Answer::Unheard("no".to_owned()))),
            "wait: the controller to answer (no)",
        ),
        case(
            "asked.unfit",
            asked().knows(|known| known.form = Some(Answer::Gone)),
            "refused [] said State",
        ),
        case(
            "asked.unfit",
            asked().form(|form| form.name = "another".to_owned()),
            "refused [] said State",
        ),
        case(
            "asked.unfit",
            asked()
                .but(|world| {
                    world.run.runbook.limit = Some(Hosts::These("web-1".to_owned()));
                    world.run.input.limit = Some("web-1".to_owned());
                })
                .form(|form| form.takes_limit = false),
            "refused [] said State",
        ),
        case(
            "asked.unfit",
            asked()
                .but(|world| world.run.runbook.check = Check::Before)
                .form(|form| form.takes_check = false),
            "refused [] said State",
        ),
        case(
            "asked.active",
            asked().form(|form| form.active = vec![world::active()]),
            "same [] said Busy then wait",
        ),
        case(
            "asked.active",
            asked()
                .but(|world| world.run.named = Some(811))
                .form(|form| form.active = vec![world::active()]),
            "wait: job 811 of ann, which is running",
        ),
        case(
            "asked.too-large",
            asked().but(|world| {
                let long = "x".repeat(16 * 1024).into();
                world.run.input.variables.insert("rate".to_owned(), long);
            }),
            "refused [] said State",
        ),
        case(
            "asked.ask",
            asked().but(|world| world.mode = Mode::Ask),
            "waiting [] said State",
        ),
        case(
            "asked.shadow",
            asked().but(|world| world.mode = Mode::Shadow),
            "shadowed [guard released] said State",
        ),
        case(
            "asked.check",
            asked().but(|world| world.run.runbook.check = Check::Before),
            "intended check [guard taken] then Launch",
        ),
        case(
            "asked.check",
            asked().but(|world| {
                world.run.runbook.check = Check::Before;
                world.mode = Mode::Shadow;
            }),
            "intended check [guard taken] then Launch",
        ),
        case(
            "asked.intend",
            asked(),
            "intended real [guard taken] then Launch",
        ),
        case(
            "asked.intend",
            asked().but(|world| {
                world.mode = Mode::Ask;
                world.now = world::minute(100);
                world.run.allowed = Some("ann".to_owned());
            }),
            "intended real [guard taken] then Launch",
        ),
        case("waiting.open", waiting(), "wait: a person to answer"),
        case("waiting.yes", waiting().but(yes), "asked, allowed []"),
    ]
}

/// From an intent to a job.
#[expect(clippy::too_many_lines, reason = "it is a table")]
fn launching() -> Vec<Case> {
    let intended = || {
        World::of(State::Intended {
            attempt: world::attempt(),
        })
    };
    let unknown = |attempt: Attempt, seconds: i64, found: &[u64]| {
        World::of(State::Unknown {
            attempt,
            why: "502".to_owned(),
            again: None,
        })
        .but(|world| world.now = world::after(seconds))
        .knows(|known| known.found = Some(Answer::Is(world::found(found))))
    };
    let second = || Attempt {
        second: true,
        ..world::attempt()
    };
    let sole = || Attempt {
        marking: Marking::Sole,
        ..world::attempt()
    };
    let launched = |launched: Launched| intended().knows(|known| known.launched = Some(launched));
    let not_sent = || Launched::NotSent("no route".to_owned());
    vec![
        case(
            "intended.launched",
            launched(Launched::Job(world::found(&[812]).remove(0))),
            "launched 812 [] said State",
        ),
        case(
            "intended.refused",
            launched(Launched::Refused {
                status: 403,
                text: "no".to_owned(),
            }),
            "refused [guard returned] said State",
        ),
        case(
            "intended.not-sent",
            launched(not_sent()),
            "asked [guard returned] then wait",
        ),
        case(
            "intended.not-sent",
            World::of(State::Intended { attempt: second() })
                .knows(|known| known.launched = Some(not_sent())),
            "again [guard returned] then wait",
        ),
        case(
            "intended.unknown",
            launched(Launched::Unknown("502".to_owned())),
            "unknown [] said State then wait",
        ),
        case("intended.met", intended(), "ask Found"),
        case(
            "intended.met",
            intended().knows(|known| known.found = Some(Answer::Is(world::found(&[812])))),
            "launched 812 [] said State",
        ),
        case(
            "unknown.found",
            unknown(world::attempt(), 5, &[812]),
            "launched 812 [] said State",
        ),
        case(
            "unknown.found",
            unknown(sole(), 5, &[812]),
            "launched 812 [] said State",
        ),
        case(
            "unknown.several",
            unknown(second(), 5, &[812, 813, 814]),
            "launched 812 and 813 814 [] said State",
        ),
        case(
            "unknown.unclear",
            unknown(sole(), 5, &[812, 813]),
            "lost [guard released] said State, alarm",
        ),
        case(
            "unknown.early",
            unknown(world::attempt(), 149, &[]),
            "wait: the launch to turn up",
        ),
        case(
            "unknown.unheard",
            unknown(world::attempt(), 600, &[])
                .knows(|known| known.found = Some(Answer::Unheard("503".to_owned()))),
            "wait: the controller to answer (503)",
        ),
        case(
            "unknown.again",
            unknown(world::attempt(), 150, &[]),
            "again []",
        ),
        case(
            "unknown.lost",
            unknown(second(), 150, &[]),
            "lost [guard released] said State, alarm",
        ),
        case(
            "again.found",
            World::of(world::again())
                .but(closed)
                .knows(|known| known.found = Some(Answer::Is(world::found(&[812])))),
            "launched 812 [] said State",
        ),
        case(
            "again.intend",
            World::of(world::again()).knows(|known| known.found = Some(Answer::Is(Vec::new()))),
            "intended real second [] then Launch",
        ),
    ]
}

/// From an intent to the answer of a receiver.
fn asking() -> Vec<Case> {
    let intended = || {
        World::of(State::Intended {
            attempt: world::attempt(),
        })
        .request()
    };
    let answered = |launched: Launched| intended().knows(|known| known.launched = Some(launched));
    vec![
        case(
            "asked.unreachable",
            asked()
                .request()
                .knows(|known| known.form = Some(Answer::Unheard("no secret".to_owned()))),
            "wait: the receiver to answer (no secret)",
        ),
        case(
            "asked.shadow",
            asked().request().but(|world| world.mode = Mode::Shadow),
            "shadowed [guard released] said State",
        ),
        case(
            "asked.intend",
            asked()
                .request()
                .knows(|known| known.form = Some(Answer::Is(Form::default()))),
            "intended real [guard taken] then Launch",
        ),
        case(
            "intended.done",
            answered(Launched::Done(world::done("{}"))),
            "verifying [guard released] said State",
        ),
        case(
            "intended.disproved",
            answered(Launched::Done(world::done("{}"))).but(world::wants_proof),
            "failed [guard released] said State",
        ),
        case(
            "intended.refused",
            answered(Launched::Refused {
                status: 403,
                text: String::new(),
            }),
            "refused [guard returned] said State",
        ),
        case(
            "intended.not-sent",
            answered(Launched::NotSent("no route".to_owned())),
            "asked [guard returned] then wait",
        ),
        case(
            "intended.unknown",
            answered(Launched::Unknown("502".to_owned())),
            "unknown, again at 120 s [] said State then wait",
        ),
        case("intended.met", intended(), "unknown, again at 60 s []"),
    ]
}

/// While nobody knows whether a receiver has done it.
fn repeating() -> Vec<Case> {
    let unknown = |seconds: i64, due: i64| {
        World::of(State::Unknown {
            attempt: world::attempt(),
            why: "502".to_owned(),
            again: Some(world::after(due)),
        })
        .request()
        .but(|world| world.now = world::after(seconds))
    };
    let answered = |seconds: i64, launched: Launched| {
        unknown(seconds, seconds).knows(|known| known.launched = Some(launched))
    };
    let over = "lost [guard released] said State, alarm";
    vec![
        case("unknown.due", unknown(60, 60), "Launch"),
        case("unknown.due", unknown(899, 70), "Launch"),
        case(
            "unknown.due",
            unknown(60, 60).but(|world| world.heard = false),
            "Launch",
        ),
        case(
            "unknown.not-due",
            unknown(60, 61),
            "wait: the request to be repeated",
        ),
        case(
            "unknown.paused",
            unknown(60, 60)
                .but(|world| world.paused = Paused::Yes(Stopped::Frozen { until: None })),
            "wait: Changes are frozen by the setting CHANGE_FREEZE",
        ),
        case(
            "unknown.paused",
            unknown(60, 60).but(|world| world.paused = Paused::Unknown),
            "wait: the ledger to say what is paused",
        ),
        case(
            "unknown.unanswered",
            answered(2, Launched::Unknown("502".to_owned())),
            "unknown, again at 7 s [] then wait",
        ),
        case(
            "unknown.unanswered",
            answered(120, Launched::NotSent("no route".to_owned())),
            "unknown, again at 240 s [] then wait",
        ),
        case(
            "unknown.unanswered",
            answered(400, Launched::Unknown("502".to_owned())),
            "unknown, again at 700 s [] then wait",
        ),
        case(
            "unknown.unanswered",
            answered(890, Launched::Unknown("502".to_owned())),
            "unknown, again at 900 s [] then wait",
        ),
        case(
            "intended.done",
            answered(60, Launched::Done(world::done("{}"))),
            "verifying [guard released] said State",
        ),
        case(
            "intended.disproved",
            answered(60, Launched::Done(world::done("{}"))).but(world::wants_proof),
            "failed [guard released] said State",
        ),
        case(
            "unknown.refused",
            answered(
                60,
                Launched::Refused {
                    status: 401,
                    text: String::new(),
                },
            ),
            over,
        ),
        case("unknown.over", unknown(900, 900), over),
        case("unknown.over", unknown(60, 60).but(closed), over),
        case("unknown.over", unknown(60, 60).but(no), over),
        case(
            "unknown.over",
            unknown(60, 61).but(|world| world.listed = false),
            over,
        ),
        case(
            "unknown.over",
            unknown(60, 60).but(|world| world.mode = Mode::Shadow),
            over,
        ),
    ]
}

/// While a job goes on.
#[expect(clippy::too_many_lines, reason = "it is a table")]
fn watching() -> Vec<Case> {
    let launched = || World::of(world::launched(&[], &[]));
    let shows = |status: &'static str| launched().job(status, "");
    vec![
        case(
            "launched.others",
            World::of(world::launched(&[], &[813])),
            "Cancel [813]",
        ),
        case(
            "launched.others",
            World::of(world::launched(&[], &[813])).knows(|known| known.wished = true),
            "launched 812 []",
        ),
        case(
            "launched.differs",
            World::of(world::launched(&["`limit` was ignored"], &[])).job("running", ""),
            "aborting [] said State",
        ),
        case(
            "launched.differs",
            World::of(world::launched(&["`limit` was ignored"], &[]))
                .job("successful", "")
                .ended(world::ended("successful", Some(1))),
            "aborted [guard released] said State",
        ),
        case(
            "launched.moved",
            shows("running"),
            "launched 812 [] then wait",
        ),
        case(
            "launched.moved",
            launched().job("pending", "waiting for job-811 to finish"),
            "launched 812 [] said Queued then wait",
        ),
        case("launched.same", shows("pending"), "wait: the job to end"),
        case(
            "launched.same",
            shows("dreaming").but(|world| {
                if let State::Launched { status, .. } = &mut world.run.state {
                    "dreaming".clone_into(status);
                }
            }),
            "wait: the job to end",
        ),
        case(
            "launched.unheard",
            launched().knows(|known| known.job = Some(Answer::Unheard("503".to_owned()))),
            "wait: the controller to say how far the job is",
        ),
        case(
            "launched.overdue",
            shows("running").but(|world| world.now = world::after(900)),
            "aborting [] said State",
        ),
        case(
            "launched.overdue",
            launched()
                .knows(|known| known.job = Some(Answer::Unheard("503".to_owned())))
                .but(|world| world.now = world::after(900)),
            "aborting [] said State",
        ),
        case(
            "launched.stopped",
            shows("running").but(no),
            "aborting [] said State",
        ),
        case(
            "launched.closed",
            shows("pending").but(closed),
            "aborting [] said State",
        ),
        case(
            "launched.gone",
            launched().knows(|known| known.job = Some(Answer::Gone)),
            "gone [guard released] said State",
        ),
        case(
            "launched.gone",
            World::of(world::aborting(0, None)).knows(|known| known.job = Some(Answer::Gone)),
            "gone [guard released] said State",
        ),
        case(
            "launched.late-details",
            shows("successful").ended(world::ended("successful", None)),
            "wait: the controller to say where the job ran",
        ),
        case(
            "launched.checked",
            World::of(world::checking())
                .job("successful", "")
                .ended(world::ended("successful", Some(1))),
            "asked, checked [] said Checked",
        ),
        case(
            "launched.check-shadow",
            World::of(world::checking())
                .but(|world| world.mode = Mode::Shadow)
                .job("successful", "")
                .ended(world::ended("successful", Some(1))),
            "shadowed [guard released] said State",
        ),
        case(
            "launched.check-failed",
            World::of(world::checking())
                .job("failed", "")
                .ended(world::ended("failed", Some(0))),
            "refused [guard returned] said State",
        ),
        case(
            "launched.well",
            shows("successful").ended(world::ended("successful", Some(1))),
            "verifying [guard released] said State",
        ),
        case(
            "launched.well",
            shows("successful")
                .but(closed)
                .ended(world::ended("successful", Some(1))),
            "verifying [guard released] said State",
        ),
        case(
            "launched.badly",
            shows("failed").ended(world::ended("failed", Some(0))),
            "failed [guard released] said State",
        ),
        case(
            "launched.badly",
            shows("canceled").ended(world::ended("canceled", Some(0))),
            "failed [guard released] said State",
        ),
        case(
            "launched.badly",
            shows("error").ended(world::ended("error", Some(0))),
            "failed [guard released] said State",
        ),
        case(
            "launched.badly",
            shows("successful").ended(world::ended("successful", Some(0))),
            "failed [guard released] said State",
        ),
        case(
            "launched.badly",
            shows("successful")
                .but(|world| {
                    world.run.runbook.proof = Some(Proof {
                        artifact: "rate".to_owned(),
                        equals: 0.into(),
                    });
                })
                .ended(world::ended("successful", Some(1))),
            "failed [guard released] said State",
        ),
        case(
            "launched.badly",
            shows("successful")
                .but(|world| world.now = world::after(120))
                .ended(world::ended("successful", None)),
            "failed [guard released] said State",
        ),
    ]
}

/// How a run ends.
#[expect(clippy::too_many_lines, reason = "it is a table")]
fn ending() -> Vec<Case> {
    let aborting = |seconds: i64, wished: Option<i64>| {
        World::of(world::aborting(seconds, wished)).job("running", "")
    };
    let verifying = || {
        World::of(State::Verifying {
            ended: world::ended("successful", Some(1)),
        })
    };
    let closed_at =
        |second: i64| verifying().but(|world| world.problem.closed = Some(world::after(second)));
    let over = |state: State| World::of(state).but(|world| world.is_over = true);
    vec![
        case("aborting.wish", aborting(0, None), "Cancel [812]"),
        case(
            "aborting.wish",
            aborting(0, None).knows(|known| known.wished = true),
            "aborting [] then wait",
        ),
        case("aborting.wish", aborting(61, Some(61)), "Cancel [812]"),
        case(
            "aborting.wait",
            aborting(30, Some(30)),
            "wait: the job to end",
        ),
        case(
            "aborting.ended",
            aborting(30, Some(30)).job("canceled", ""),
            "aborted [guard released] said State",
        ),
        case(
            "aborting.ended",
            aborting(30, Some(30)).job("successful", ""),
            "aborted [guard released] said State",
        ),
        case(
            "aborting.stuck",
            aborting(600, Some(30)),
            "stuck [guard released] said State, alarm",
        ),
        case(
            "aborting.stuck",
            aborting(600, None).knows(|known| known.job = Some(Answer::Unheard("no".to_owned()))),
            "stuck [guard released] said State, alarm",
        ),
        case("verifying.wait", verifying(), "wait: the problem to end"),
        case(
            "verifying.healed",
            closed_at(60),
            "healed [condemn] said State",
        ),
        case(
            "verifying.late",
            closed_at(59),
            "late, letting go [] said State",
        ),
        case(
            "verifying.unconfirmed",
            closed_at(61).but(|world| world.lost = true),
            "unconfirmed, letting go [] said State",
        ),
        case(
            "verifying.unheard",
            verifying().but(|world| {
                world.now = world::after(60 + 1800);
                world.heard = false;
            }),
            "wait: the problem to end",
        ),
        case(
            "verifying.unheard",
            closed_at(60).but(|world| world.heard = false),
            "healed [condemn] said State",
        ),
        case(
            "verifying.still-open",
            verifying().but(|world| world.now = world::after(60 + 600)),
            "same [] said StillOpen then wait",
        ),
        case(
            "ended.released",
            World::of(State::Refused {
                why: Refusal::SwitchedOff,
            })
            .but(closed),
            "same, letting go [release] then rest",
        ),
        case(
            "ended.released",
            World::of(world::stuck(Purpose::Check)).but(closed),
            "same, letting go [release] then rest",
        ),
        case(
            "ended.kept",
            World::of(world::stuck(Purpose::Real)).but(closed),
            "same, letting go [] then rest",
        ),
        case(
            "gave-up",
            over(State::Asked),
            "gaveUp, letting go [release] said State",
        ),
        case(
            "gave-up",
            over(State::Intended {
                attempt: world::attempt(),
            }),
            "lost, letting go [guard released] said State, alarm",
        ),
        case(
            "gave-up",
            over(world::launched(&[], &[])),
            "stuck, letting go [guard released] said State, alarm",
        ),
        case(
            "gave-up",
            over(State::Verifying {
                ended: world::ended("successful", Some(1)),
            }),
            "unconfirmed, letting go [] said State",
        ),
    ]
}

#[test]
fn launch_is_looked_for_after_five_thirty_and_a_hundred_and_fifty_seconds() {
    for (age, look_in) in [(0, 5), (4, 1), (5, 25), (29, 1), (30, 120), (149, 1)] {
        let world = World::of(State::Unknown {
            attempt: world::attempt(),
            why: String::new(),
            again: None,
        })
        .but(|world| world.now = world::after(age))
        .knows(|known| known.found = Some(Answer::Is(Vec::new())));

        let Step::Wait(wait) = world.step() else {
            panic!("it is early after {age} s");
        };
        assert_eq!(wait.until, Some(world::after(age + look_in)), "{age}");
    }
}

#[test]
fn second_launch_keeps_the_floor_of_the_first() {
    let world = World::of(world::again())
        .knows(|known| known.found = Some(Answer::Is(Vec::new())))
        .form(|form| form.newest = 900);

    let Step::Write(what) = world.step() else {
        panic!("it is written");
    };
    let Some(State::Intended { attempt }) = what.state else {
        panic!("it is intended");
    };
    assert_eq!((attempt.floor, attempt.second), (811, true));
}

/// However often it goes wrong, and whatever is found out, there are at most two
/// launches for one purpose.
#[test]
fn no_run_launches_more_than_twice() {
    let mut world = asked();
    let mut launches = 0;
    for pass in 0..100 {
        world.now = world::after(pass * 200);
        world.known.found = Some(Answer::Is(Vec::new()));
        world.run.allowed = Some("ann".to_owned());
        let step = world.step();
        let then = world.follow(&step);
        if let Some(Step::Call(Call::Launch)) = then {
            launches += 1;
            world.known.launched = Some(Launched::Unknown("502".to_owned()));
            let step = world.step();
            world.follow(&step);
            world.known.launched = None;
        }
    }

    assert_eq!(launches, 2);
    assert_eq!(world.run.state.word(), "lost");
}

proptest! {
    /// Whatever is true: all questions together come to an answer, and a state
    /// that is not final waits for something, is left, or is given up.
    #[test]
    fn no_state_is_without_a_way_on(
        state in any::<prop::sample::Index>(),
        answers in prop::collection::vec(any::<prop::sample::Index>(), 25),
    ) {
        let states = world::states();
        let world = World::drawn(state.get(&states).clone(), &answers);

        let decided = world.step();

        prop_assert!(!matches!(decided, Step::Ask(_)), "{decided:?}: {:?}", world.run.state);
        let is_final = world.run.state.is_final();
        prop_assert!(is_final || decided != Step::Rest, "{:?}", world.run.state);
        if let Step::Wait(wait) = &decided {
            prop_assert!(Some(world.now) < wait.until);
        }
        if let Step::Write(what) = &decided {
            let mut after = world.run.clone();
            after.take(what);
            let is_something = what.then.is_some() || what.said.is_some() || after != world.run;
            prop_assert!(is_something, "nothing changes: {:?}", world.run.state);
            let launches = what.then == Some(Step::Call(Call::Launch));
            let intends = matches!(after.state, State::Intended { .. });
            prop_assert_eq!(launches, intends, "a launch and its intent belong together");
            // Whatever comes to an end gives the guard back.
            prop_assert!(!after.state.is_final() || !after.guards, "{:?}", after.state);
            if let State::Intended { attempt } = &after.state {
                let open = world.problem.closed.is_none() && world.heard && world.listed;
                let paused = world.paused != Paused::No;
                prop_assert!(open && !paused, "{:?}", world.run.state);
                let real = attempt.purpose == Purpose::Real;
                prop_assert!(!real || Mode::Ask <= world.mode);
                prop_assert!(!real || world.mode == Mode::Auto || after.allowed.is_some());
            }
        }
        // Watching never launches, and only a request is repeated, within its time.
        if decided == Step::Call(Call::Launch) {
            let State::Unknown { attempt, again: Some(due), .. } = &world.run.state else {
                panic!("{:?}", world.run.state);
            };
            prop_assert!(world.run.runbook.is_request());
            prop_assert!(*due <= world.now && world.now < attempt.deadline);
            prop_assert!(Mode::Ask <= world.mode && world.paused == Paused::No);
        }
        let mut given_up = world.run.clone();
        let guard = world.known.guard.clone().unwrap_or_default();
        if let Some(what) = give_up(&given_up, &guard, world.now) {
            given_up.take(&what);
        }
        prop_assert!(given_up.state.is_final() && !given_up.holds);
    }
}
