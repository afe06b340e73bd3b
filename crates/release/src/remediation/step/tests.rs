//! Each row of the table in [`crate::remediation`] as a case, and random walks
//! that find no state without a way on.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::change::{Change, Remedy};
use crate::deployment::{Deployment, Group, Origin};
use crate::pause::Stopped;
use crate::problem::{Arrival, Problem};
use crate::remediation::{Policy, Progress, Running, Runs};

/// The file that the table is in.
const TABLE: &str = include_str!("../../remediation.rs");

#[test]
fn every_row_is_a_case_and_goes_as_the_table_says() {
    let cases = cases();
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
        .filter(|row| {
            let elsewhere = ["cause.", "begin.", "story."];
            !elsewhere.iter().any(|prefix| row.starts_with(prefix))
        })
        .collect();
    assert_eq!(named, rows);
}

struct Case {
    row: &'static str,
    world: World,
    expected: &'static str,
}

#[expect(clippy::too_many_lines, reason = "it is a table")]
fn cases() -> Vec<Case> {
    let attributed = || World::of(State::Attributed);
    let case = |row, world, expected| Case {
        row,
        world,
        expected,
    };
    vec![
        case(
            "joined.free",
            World::of(joined()).knows(|known| known.holder = Some(None)),
            "attributed [blame]",
        ),
        case(
            "joined.held",
            World::of(joined()).knows(|known| known.holder = Some(Some("P-2".to_owned()))),
            "wait: the answer to another problem",
        ),
        case(
            "unheard",
            attributed().but(|world| world.heard = false),
            "wait: the tenant to say whether the problem is still open",
        ),
        case(
            "unheard",
            World::of(deploying(Actor::Ours))
                .but(|world| world.heard = false)
                .knows(|known| known.heal = Some(Some(Shown::Well(Some(minute(50)))))),
            "healed [guard] said State",
        ),
        case(
            "unheard.waits",
            World::of(joined()).but(|world| world.heard = false),
            "wait: the tenant to say whether the problem is still open",
        ),
        case(
            "unheard.waits",
            World::of(healed()).but(|world| {
                world.heard = false;
                world.problem.closed = Some(minute(53));
            }),
            "wait: the tenant to say whether the problem is still open",
        ),
        case(
            "unheard.waits",
            World::of(failed()).but(|world| {
                world.heard = false;
                world.problem.closed = Some(minute(53));
            }),
            "wait: the tenant to say whether the problem is still open",
        ),
        case(
            "attributed.no",
            attributed().but(|world| world.policy.mode = Mode::Off),
            "refused [] said State",
        ),
        case(
            "attributed.no",
            attributed()
                .free()
                .runs(Runs::Another("d-3".to_owned(), Progress::Ended)),
            "notNeeded [] said State",
        ),
        case(
            "attributed.no",
            attributed()
                .free()
                .runs(Runs::Culprit(Progress::Ended))
                .but(|world| world.now = minute(90)),
            "notNeeded [] said State",
        ),
        case(
            "attributed.no",
            attributed()
                .free()
                .runs(Runs::Culprit(Progress::Ended))
                .knows(|known| known.remedy = Some(None)),
            "refused [] said State",
        ),
        case(
            "attributed.busy",
            attributed()
                .free()
                .runs(Runs::Another("d-3".to_owned(), Progress::Running)),
            "wait: another deployment to end",
        ),
        case(
            "attributed.busy",
            attributed()
                .free()
                .runs(Runs::Culprit(Progress::Ended))
                .knows(|known| known.guard = Some(guard(Some("P-2")))),
            "wait: the answer to another problem in the same group",
        ),
        case(
            "attributed.paused",
            attributed()
                .free()
                .runs(Runs::Culprit(Progress::Ended))
                .but(|world| world.paused = Paused::Yes(Stopped::Frozen { until: None })),
            "same [] said Paused then wait",
        ),
        case(
            "attributed.pauses-unknown",
            attributed()
                .free()
                .runs(Runs::Culprit(Progress::Ended))
                .but(|world| world.paused = Paused::Unknown),
            "wait: the ledger to say whether changes are paused",
        ),
        case(
            "attributed.stop",
            attributed()
                .free()
                .runs(Runs::Culprit(Progress::Running))
                .remedy(),
            "same, stopping [] said Stopping then Stop",
        ),
        case(
            "attributed.stop",
            attributed()
                .free()
                .runs(Runs::Culprit(Progress::Running))
                .remedy()
                .but(|world| world.remediation.stopped = true),
            "Stop",
        ),
        case(
            "attributed.owed",
            attributed()
                .free()
                .runs(Runs::Culprit(Progress::Ended))
                .remedy()
                .but(|world| {
                    world.remediation.stopped = true;
                    world.problem.closed = Some(minute(55));
                    world.now = minute(200);
                    world.paused = Paused::Unknown;
                    world.heard = false;
                }),
            "intended [guard, trust] then Create",
        ),
        case(
            "attributed.marker",
            attributed().knows(|known| {
                known.answer = Some(Some(made("d-9")));
                known.brought = Some(redeploy("d-1"));
            }),
            "deploying [enter, guard] said State",
        ),
        case(
            "attributed.rollback",
            attributed()
                .free()
                .runs(rollback(None))
                .knows(|known| known.brought = Some(redeploy("d-1"))),
            "deploying [enter, guard] said State",
        ),
        case(
            "attributed.rollback",
            attributed()
                .free()
                .runs(rollback(Some(48)))
                .knows(|known| known.brought = Some(redeploy("d-1")))
                .but(|world| {
                    world.problem.closed = Some(minute(50));
                    world.now = minute(200);
                }),
            "deploying [enter, guard] said State",
        ),
        case(
            "attributed.rollback-tainted",
            attributed().free().runs(rollback(None).distrusted()),
            "wait: another deployment to end",
        ),
        case(
            "attributed.rollback-tainted",
            attributed()
                .free()
                .runs(rollback(Some(48)).distrusted())
                .remedy(),
            "intended [guard, trust] then Create",
        ),
        case(
            "attributed.rollback-failed",
            attributed()
                .free()
                .runs(Runs::Culprit(Progress::Ended))
                .remedy(),
            "intended [guard, trust] then Create",
        ),
        case(
            "attributed.untouched",
            attributed().free().runs(Runs::Untouched),
            "notNeeded [] said State",
        ),
        case(
            "attributed.over",
            attributed().free().runs(Runs::Over),
            "notNeeded [] said State",
        ),
        case(
            "attributed.kept",
            attributed()
                .free()
                .runs(Runs::Kept(HealRefusal::NothingBefore {
                    flag: "prod/percent".to_owned(),
                })),
            "refused [] said State",
        ),
        case(
            "attributed.intend",
            attributed()
                .free()
                .runs(Runs::Culprit(Progress::Ended))
                .remedy(),
            "intended [guard, trust] then Create",
        ),
        case(
            "attributed.shadow",
            attributed()
                .free()
                .runs(Runs::Culprit(Progress::Ended))
                .remedy()
                .but(|world| world.policy.mode = Mode::Shadow),
            "shadowed [guard] said State",
        ),
        case(
            "attributed.shadow",
            attributed()
                .free()
                .runs(Runs::Culprit(Progress::Running))
                .remedy()
                .but(|world| world.policy.mode = Mode::Shadow),
            "shadowed [guard] said ShadowedAfterStop",
        ),
        case(
            "intended.created",
            World::of(intended())
                .knows(|known| known.created = Some(Created::Deployment("d-9".to_owned()))),
            "deploying [enter] said State",
        ),
        case(
            "intended.found",
            World::of(intended()).knows(|known| known.answer = Some(Some(made("d-9")))),
            "deploying [enter] said State",
        ),
        case(
            "intended.not-found",
            World::of(intended()).knows(|known| known.answer = Some(None)),
            "attributed [guard]",
        ),
        case(
            "intended.busy",
            World::of(intended()).knows(|known| known.created = Some(Created::Busy)),
            "attributed [guard] then wait",
        ),
        case(
            "intended.refused",
            World::of(intended())
                .knows(|known| known.created = Some(Created::Refused("no such group".to_owned()))),
            "healFailed [guard] said Failed",
        ),
        case(
            "under-way.hidden",
            World::of(deploying(Actor::Ours)).knows(|known| known.heal = Some(None)),
            "wait: the heal to be deployed",
        ),
        case(
            "under-way.succeeded",
            World::of(deploying(Actor::Ours))
                .knows(|known| known.heal = Some(Some(Shown::Well(None)))),
            "healed [guard] said State",
        ),
        case(
            "under-way.failed",
            World::of(deploying(Actor::Ours))
                .knows(|known| known.heal = Some(Some(Shown::Badly("no".to_owned(), None)))),
            "healFailed [guard] said Failed",
        ),
        case(
            "under-way.failed",
            World::of(deploying(Actor::Ours))
                .knows(|known| known.heal = Some(None))
                .but(|world| world.now = minute(56)),
            "healFailed [guard] said Failed",
        ),
        case(
            "under-way.rollback-failed",
            World::of(deploying(Actor::Platform))
                .knows(|known| known.heal = Some(Some(Shown::Badly("no".to_owned(), None)))),
            "attributed [guard] said RollbackFailed",
        ),
        case(
            "healed.confirmed",
            World::of(healed()).but(|world| world.problem.closed = Some(minute(53))),
            "confirmed [condemn] said State",
        ),
        case(
            "healed.still-open",
            World::of(healed()).but(|world| world.now = minute(62)),
            "same [] said StillOpen then wait",
        ),
        case(
            "healed.unconfirmed",
            World::of(healed()).but(|world| world.problem.closed = Some(minute(51))),
            "unconfirmed, letting go [] said State",
        ),
        case(
            "healed.unconfirmed",
            World::of(healed()).but(|world| {
                world.problem.closed = Some(minute(53));
                world.lost = true;
            }),
            "unconfirmed, letting go [] said State",
        ),
        case(
            "closed",
            attributed()
                .free()
                .runs(Runs::Culprit(Progress::Ended))
                .but(|world| world.problem.closed = Some(minute(51))),
            "notNeeded [release] said State",
        ),
        case(
            "closed",
            World::of(joined()).but(|world| world.problem.closed = Some(minute(51))),
            "notNeeded []",
        ),
        case(
            "ended.released",
            World::of(State::Refused(HealRefusal::SwitchedOff))
                .but(|world| world.problem.closed = Some(minute(51))),
            "same, letting go [release] then rest",
        ),
        case(
            "ended.kept",
            World::of(failed()).but(|world| world.problem.closed = Some(minute(51))),
            "same, letting go [] then rest",
        ),
        case(
            "gave-up",
            attributed().over(),
            "gaveUp, letting go [release] said Released",
        ),
        case(
            "gave-up",
            World::of(intended()).over(),
            "gaveUp, letting go [guard] said GaveUp",
        ),
        case(
            "gave-up",
            World::of(deploying(Actor::Ours)).over(),
            "gaveUp, letting go [guard] said GaveUp",
        ),
        case(
            "gave-up",
            World::of(healed()).over(),
            "unconfirmed, letting go [] said State",
        ),
        case(
            "gave-up",
            World::of(State::Refused(HealRefusal::SwitchedOff)).over(),
            "same, letting go [release] said Released",
        ),
        case("gave-up", World::of(failed()).over(), "same, letting go []"),
    ]
}

proptest! {
    /// Whatever is true: all questions together come to an answer, and a state
    /// that is not final waits for something, is left, or is given up.
    #[test]
    fn no_state_is_without_a_way_on(
        state in any::<prop::sample::Index>(),
        answers in prop::collection::vec(any::<prop::sample::Index>(), 16),
    ) {
        let states = states();
        let world = World::drawn(state.get(&states).clone(), &answers);

        let decided = world.step();

        prop_assert!(!matches!(decided, Step::Ask(_)), "{:?}", world.remediation.state);
        let is_final = world.remediation.state.is_final();
        prop_assert!(is_final || decided != Step::Rest, "{:?}", world.remediation.state);
        if let Step::Write(what) = &decided {
            let mut after = world.remediation.clone();
            after.take(what);
            let is_said = what.then.is_some() || what.said.is_some() || after != world.remediation;
            prop_assert!(is_said, "nothing changes: {:?}", world.remediation.state);
        }
        let mut given_up = world.remediation.clone();
        let guard = world.known.guard.clone().unwrap_or_default();
        let limits = world.policy.limits;
        if let Some(what) = give_up(&given_up, "P-1", &guard, limits, world.now) {
            given_up.take(&what);
        }
        prop_assert!(given_up.state.is_final() && !given_up.holds);
    }

    /// As long as nothing around it changes, a remediation comes to rest, to a wait
    /// or to a call within a few steps, and in no state twice. When it changes from
    /// look to look, the end of the time ends it.
    #[test]
    fn every_walk_comes_to_rest(
        state in any::<prop::sample::Index>(),
        looks in prop::collection::vec(prop::collection::vec(any::<prop::sample::Index>(), 16), 1..12),
    ) {
        let states: Vec<State> = states().into_iter().filter(|state| !state.is_final()).collect();
        let mut remediation = World::of(state.get(&states).clone()).remediation;
        for (number, look) in looks.iter().enumerate() {
            let mut world = World::drawn(remediation.state.clone(), look);
            if number % 2 == 0 {
                world = world.inviting();
            }
            // These only ever change by what is written.
            world.remediation = remediation;
            world.walk();
            remediation = world.remediation;
        }
        let limits = World::of(State::Attributed).policy.limits;
        let guard = guard(Some("P-1"));
        if let Some(what) = give_up(&remediation, "P-1", &guard, limits, minute(90)) {
            remediation.take(&what);
        }
        prop_assert!(remediation.is_over(), "{:?}", remediation.state);
    }
}

/// A remediation and everything around it.
#[derive(Clone)]
struct World {
    remediation: Remediation,
    problem: Problem,
    heard: bool,
    lost: bool,
    policy: Policy,
    paused: Paused,
    now: Timestamp,
    known: Observed,
    /// Whether the time for it is over.
    is_over: bool,
}

impl World {
    /// A problem of minute 45, looked at in minute 52.
    fn of(state: State) -> Self {
        let mut problem = Problem::heard_of(
            "P-1",
            Arrival::Webhook,
            minute(46),
            SignedDuration::from_hours(24),
        );
        problem.began = Some(minute(45));
        let is_begun = matches!(state, State::Intended(_) | State::UnderWay { .. });
        Self {
            remediation: Remediation {
                culprit: Change::Deployment(deployment("d-2", 40)),
                holds: !matches!(state, State::Joined { .. }),
                stopped: false,
                state,
            },
            problem,
            heard: true,
            lost: false,
            policy: Policy {
                mode: Mode::Auto,
                max_age: SignedDuration::from_mins(30),
                limits: Limits {
                    cooldown: SignedDuration::from_mins(15),
                    most: 2,
                    window: SignedDuration::from_hours(24),
                },
            },
            paused: Paused::No,
            now: minute(52),
            known: Observed {
                guard: Some(guard(is_begun.then_some("P-1"))),
                ..Observed::default()
            },
            is_over: false,
        }
    }

    fn drawn(state: State, answers: &[prop::sample::Index]) -> Self {
        let mut answers = answers.iter();
        let mut draw = |most: usize| answers.next().expect("there are enough").index(most);
        let mut world = Self::of(state);
        world.heard = draw(2) == 0;
        world.lost = draw(4) == 0;
        world.remediation.stopped = draw(3) == 0;
        world.remediation.holds = draw(2) == 0;
        world.problem.closed = (draw(3) == 0).then(|| minute(50));
        world.policy.mode = [Mode::Off, Mode::Shadow, Mode::Auto][draw(3)];
        world.paused = [
            Paused::No,
            Paused::Unknown,
            Paused::Yes(Stopped::Frozen { until: None }),
        ][draw(3)]
        .clone();
        world.now = minute([52, 58, 90][draw(3)]);
        let holder = [None, Some("P-1"), Some("P-2")][draw(3)];
        let runs = [
            Runs::Culprit(Progress::Running),
            Runs::Culprit(Progress::Ended),
            Runs::Untouched,
            Runs::Another("d-3".to_owned(), Progress::Running),
            Runs::Another("d-3".to_owned(), Progress::Ended),
            rollback(None),
            rollback(Some(48)),
        ][draw(7)]
        .clone();
        world.known = Observed {
            holder: Some(holder.map(str::to_owned)),
            guard: Some(guard([None, Some("P-1"), Some("P-2")][draw(3)])),
            answer: Some((draw(3) == 0).then(|| made("d-9"))),
            runs: None,
            brought: Some(redeploy("d-1")),
            remedy: Some((draw(3) != 0).then(|| redeploy("d-1"))),
            heal: Some(
                [
                    None,
                    Some(Shown::NotYet),
                    Some(Shown::Well(Some(minute(51)))),
                    Some(Shown::Badly("no".to_owned(), None)),
                ][draw(4)]
                .clone(),
            ),
            created: [
                None,
                Some(Created::Busy),
                Some(Created::Refused("no".to_owned())),
                Some(Created::Deployment("d-9".to_owned())),
            ][draw(4)]
            .clone(),
        };
        world.runs(runs)
    }

    /// Nothing speaks against a heal.
    fn inviting(self) -> Self {
        let world = self.free().remedy().runs(Runs::Culprit(Progress::Ended));
        world
            .knows(|known| known.guard = Some(guard(None)))
            .but(|world| {
                world.heard = true;
                world.problem.closed = None;
                world.policy.mode = Mode::Auto;
                world.paused = Paused::No;
                world.now = minute(52);
            })
    }

    fn but(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }

    fn knows(mut self, learn: impl FnOnce(&mut Observed)) -> Self {
        learn(&mut self.known);
        self
    }

    /// Nothing was made in answer to the culprit.
    fn free(self) -> Self {
        self.knows(|known| known.answer = Some(None))
    }

    fn runs(self, runs: Runs) -> Self {
        let rollback = matches!(runs, Runs::Rollback { .. }).then(|| made("d-5"));
        self.knows(|known| {
            known.runs = Some(Running {
                runs,
                rollback,
                unfinished: true,
            });
        })
    }

    fn remedy(self) -> Self {
        self.knows(|known| known.remedy = Some(Some(redeploy("d-1"))))
    }

    fn over(self) -> Self {
        self.but(|world| world.is_over = true)
    }

    fn step(&self) -> Step {
        if self.is_over {
            let guard = self.known.guard.clone().unwrap_or_default();
            let limits = self.policy.limits;
            let over = give_up(&self.remediation, "P-1", &guard, limits, self.now);
            return over.map_or(Step::Rest, |what| Step::Write(Box::new(what)));
        }
        let situation = Situation {
            problem: &self.problem,
            heard: self.heard,
            lost: self.lost,
            policy: self.policy,
            paused: self.paused.clone(),
            now: self.now,
        };
        step(&self.remediation, &situation, &self.known)
    }
}

impl World {
    /// Takes steps until something has to happen first. Nothing changes but what is
    /// written, and what a call creates.
    fn walk(&mut self) {
        // A rollback that runs shows as one.
        if let Some(running) = &self.known.runs
            && let Runs::Rollback { ended, .. } = running.runs
        {
            let shown = ended.map_or(Shown::NotYet, |ended| Shown::Well(Some(ended)));
            self.known.heal = Some(Some(shown));
        }
        let created = self.known.created.take().unwrap_or(Created::Busy);
        let mut seen = Vec::new();
        let mut next = None;
        loop {
            match next.take().unwrap_or_else(|| self.step()) {
                Step::Ask(question) => panic!("{question:?} is known already"),
                Step::Wait(_) | Step::Rest | Step::Call(Call::Stop) => return,
                Step::Call(Call::Create) => {
                    assert!(self.known.created.is_none(), "it is created twice");
                    self.known.created = Some(created.clone());
                    seen.clear();
                }
                Step::Write(what) => {
                    self.remediation.take(&what);
                    for effect in &what.effects {
                        if let Effect::Guard { to, .. } = effect {
                            self.known.guard = Some(to.clone());
                        }
                    }
                    next = what.then;
                    let is_said_only =
                        what.state.is_none() && what.more == Stopping(false) && !what.lets_go;
                    let now = self.remediation.clone();
                    assert!(is_said_only || !seen.contains(&now), "again {now:?}");
                    seen.push(now);
                }
            }
        }
    }
}

/// A step in a line.
fn told(step: &Step) -> String {
    let what = match step {
        Step::Ask(question) => return format!("ask {question:?}"),
        Step::Call(call) => return format!("{call:?}"),
        Step::Wait(wait) => return format!("wait: {}", wait.waiting_for),
        Step::Rest => return "rest".to_owned(),
        Step::Write(what) => what,
    };
    let mut told = vec![what.state.as_ref().map_or("same", State::word).to_owned()];
    if what.more.0 {
        told.push("stopping".to_owned());
    }
    if what.lets_go {
        told.push("letting go".to_owned());
    }
    let effects = what.effects.iter().map(|effect| match effect {
        Effect::Blame { .. } => "blame",
        Effect::Release { .. } => "release",
        Effect::Condemn { .. } => "condemn",
        Effect::Guard { .. } => "guard",
        Effect::Trust { .. } => "trust",
        Effect::Enter { .. } => "enter",
    });
    let effects: Vec<&str> = effects.collect();
    let said = what.said.as_ref().map_or_else(String::new, |said| {
        let said = match said {
            Said::Own(told) => format!("{told:?}"),
            said => format!("{said:?}"),
        };
        format!(
            " said {}",
            said.split([' ', '(']).next().unwrap_or_default()
        )
    });
    let then = match &what.then {
        None => String::new(),
        Some(Step::Call(call)) => format!(" then {call:?}"),
        Some(Step::Wait(_)) => " then wait".to_owned(),
        Some(Step::Rest) => " then rest".to_owned(),
        Some(other) => format!(" then {other:?}"),
    };
    format!("{} [{}]{said}{then}", told.join(", "), effects.join(", "))
}

fn states() -> Vec<State> {
    vec![
        State::Attributed,
        joined(),
        intended(),
        deploying(Actor::Ours),
        deploying(Actor::Platform),
        healed(),
        failed(),
        State::HealFailed {
            heal: heal(Actor::Ours),
            deployment: None,
            reason: "no".to_owned(),
        },
        State::Shadowed(heal(Actor::Ours)),
        State::Refused(HealRefusal::SwitchedOff),
        State::NotNeeded(Needless::Closed),
        State::GaveUp {
            heal: None,
            deployment: None,
        },
    ]
}

fn joined() -> State {
    State::Joined {
        problem: "P-2".to_owned(),
    }
}

fn intended() -> State {
    State::Intended(heal(Actor::Ours))
}

fn deploying(by: Actor) -> State {
    State::UnderWay {
        heal: heal(by),
        deployment: "d-9".to_owned(),
    }
}

fn healed() -> State {
    State::Healed {
        heal: heal(Actor::Ours),
        deployment: "d-9".to_owned(),
        at: minute(52),
    }
}

fn failed() -> State {
    State::HealFailed {
        heal: heal(Actor::Ours),
        deployment: Some("d-9".to_owned()),
        reason: "no".to_owned(),
    }
}

fn heal(by: Actor) -> Heal {
    Heal {
        remedy: redeploy("d-1"),
        by,
        marker: marker("P-1", "d-2"),
        at: minute(50),
    }
}

fn rollback(ended: Option<i64>) -> Runs {
    Runs::Rollback {
        id: "d-5".to_owned(),
        ended: ended.map(minute),
    }
}

fn made(id: &str) -> Made {
    Made {
        id: id.to_owned(),
        at: minute(47),
    }
}

fn guard(active: Option<&str>) -> Guard {
    Guard {
        active: active.map(str::to_owned),
        cooldown_until: None,
        heals: active.map(|_| minute(50)).into_iter().collect(),
    }
}

fn redeploy(id: &str) -> Remedy {
    Remedy::Redeploy(deployment(id, 10))
}

fn deployment(id: &str, at: i64) -> Deployment {
    Deployment {
        id: id.to_owned(),
        group: Group {
            application: "Shop".to_owned(),
            name: "Production".to_owned(),
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

fn minute(minute: i64) -> Timestamp {
    Timestamp::from_second(minute * 60).unwrap()
}
