//! A run and everything around it.

use std::collections::BTreeMap;

use jiff::Timestamp;
use proptest::prelude::prop;

use super::*;
use crate::pause::Stopped;
use crate::problem::{Arrival, Problem};
use crate::runbook::{
    About, Cause, Causes, Compat, Counts, Input, Means, Older, Runbook, Template,
};

#[derive(Clone)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub(super) struct World {
    pub(super) run: Run,
    pub(super) problem: Problem,
    pub(super) heard: bool,
    pub(super) lost: bool,
    pub(super) mode: Mode,
    pub(super) listed: bool,
    pub(super) paused: Paused,
    pub(super) permission: Option<Permission>,
    pub(super) now: Timestamp,
    pub(super) known: Observed,
    /// Whether the time for it is over.
    pub(super) is_over: bool,
}

impl World {
    /// A problem of minute 45, looked at in minute 47, with an attempt of minute 46.
    pub(super) fn of(state: State) -> Self {
        let mut problem = Problem::heard_of(
            "P-1",
            Arrival::Webhook,
            minute(46),
            SignedDuration::from_hours(24),
        );
        problem.began = Some(minute(45));
        let guards = matches!(
            state,
            State::Intended { .. }
                | State::Unknown { .. }
                | State::Again { .. }
                | State::Launched { .. }
                | State::Aborting { .. }
        );
        Self {
            run: Run {
                id: "r-1".to_owned(),
                runbook: runbook(),
                problem: "P-1".to_owned(),
                cause: Cause {
                    id: "e-1".to_owned(),
                    kind: "CUSTOM_CONFIGURATION".to_owned(),
                    at: minute(40),
                    title: "promotion rate set to 30 %".to_owned(),
                    source: "Ansible Tower".to_owned(),
                },
                about: About::default(),
                input: Input::default(),
                holds: !matches!(state, State::Joined { .. }),
                guards,
                allowed: None,
                checked: None,
                named: None,
                state,
            },
            problem,
            heard: true,
            lost: false,
            mode: Mode::Auto,
            listed: true,
            paused: Paused::No,
            permission: None,
            now: minute(47),
            known: Observed {
                guard: Some(guard(guards.then_some("r-1"))),
                form: Some(Answer::Is(form())),
                ..Observed::default()
            },
            is_over: false,
        }
    }

    pub(super) fn drawn(state: State, answers: &[prop::sample::Index]) -> Self {
        let mut answers = answers.iter();
        let mut draw = |most: usize| answers.next().expect("there are enough").index(most);
        let mut world = Self::of(state);
        world.heard = draw(3) != 0;
        world.lost = draw(4) == 0;
        world.listed = draw(5) != 0;
        world.run.holds = draw(2) == 0;
        world.run.allowed = (draw(3) == 0).then(|| "ann".to_owned());
        world.run.checked = (draw(2) == 0).then(|| ended("successful", Some(1)));
        world.run.runbook.check = [Check::None, Check::Before][draw(2)];
        world.problem.closed = (draw(3) == 0).then(|| after(50));
        world.mode = [Mode::Off, Mode::Shadow, Mode::Ask, Mode::Auto][draw(4)];
        world.paused = [
            Paused::No,
            Paused::Unknown,
            Paused::Yes(Stopped::Frozen { until: None }),
        ][draw(3)]
        .clone();
        match draw(4) {
            0 => yes(&mut world),
            1 => no(&mut world),
            _ => {}
        }
        world.now = after([0, 5, 60, 200, 1_000, 4_000][draw(6)]);
        if draw(2) == 0 {
            world.known.form = Some(
                [
                    Answer::Gone,
                    Answer::Unheard("no".to_owned()),
                    Answer::Is(Form {
                        active: vec![active()],
                        ..form()
                    }),
                ][draw(3)]
                .clone(),
            );
        }
        if !world.run.guards {
            world.known.guard = Some(guard([None, Some("r-2")][draw(2)]));
        }
        let holder = [None, Some("P-1"), Some("P-2")][draw(3)];
        world.known.holder = Some(holder.map(str::to_owned));
        world.known.found = Some(
            [
                Answer::Is(Vec::new()),
                Answer::Is(found(&[812])),
                Answer::Is(found(&[812, 813])),
                Answer::Unheard("no".to_owned()),
                Answer::Gone,
            ][draw(5)]
            .clone(),
        );
        let status = ["pending", "running", "successful", "failed", "dreaming"][draw(5)];
        world = world.job(status, "");
        if draw(5) == 0 {
            world.known.job = Some(Answer::Unheard("no".to_owned()));
        }
        world.known.ended = Some(
            [
                Answer::Is(ended(status, [None, Some(0), Some(1)][draw(3)])),
                Answer::Gone,
                Answer::Unheard("no".to_owned()),
            ][draw(3)]
            .clone(),
        );
        if draw(3) == 0 {
            world = world.request();
        }
        world.known.launched = [
            None,
            Some(Launched::Job(found(&[812]).remove(0))),
            Some(Launched::NotSent("no".to_owned())),
            Some(Launched::Unknown("no".to_owned())),
            Some(Launched::Done(done("{}"))),
        ][draw(5)]
        .clone();
        world.known.wished = draw(4) == 0;
        world
    }

    pub(super) fn but(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }

    /// The same, where the runbook is a request.
    pub(super) fn request(self) -> Self {
        self.but(|world| {
            world.run.runbook.on = "ops".to_owned();
            world.run.runbook.means = Means::Request {
                url: "https://ops.example.com/hooks/undo".to_owned(),
            };
        })
    }

    pub(super) fn knows(mut self, learn: impl FnOnce(&mut Observed)) -> Self {
        learn(&mut self.known);
        self
    }

    pub(super) fn form(self, change: impl FnOnce(&mut Form)) -> Self {
        let mut form = form();
        change(&mut form);
        self.knows(|known| known.form = Some(Answer::Is(form)))
    }

    pub(super) fn job(self, status: &str, explanation: &str) -> Self {
        let shown = Shown {
            status: status.to_owned(),
            explanation: explanation.to_owned(),
        };
        self.knows(|known| known.job = Some(Answer::Is(shown)))
    }

    pub(super) fn ended(self, ended: Ended) -> Self {
        self.knows(|known| known.ended = Some(Answer::Is(ended)))
    }

    pub(super) fn step(&self) -> Step {
        if self.is_over {
            let guard = self.known.guard.clone().unwrap_or_default();
            let over = give_up(&self.run, &guard, self.now);
            return over.map_or(Step::Rest, |what| Step::Write(Box::new(what)));
        }
        let situation = Situation {
            problem: &self.problem,
            heard: self.heard,
            lost: self.lost,
            mode: self.mode,
            listed: self.listed,
            max_age: SignedDuration::from_mins(30),
            paused: self.paused.clone(),
            permission: self.permission.clone(),
            now: self.now,
        };
        step(&self.run, &situation, &self.known)
    }

    /// Does what a step says, and returns what follows.
    pub(super) fn follow(&mut self, step: &Step) -> Option<Step> {
        let Step::Write(what) = step else {
            return None;
        };
        self.run.take(what);
        for effect in &what.effects {
            if let Effect::Guard { to, .. } = effect {
                self.known.guard = Some(to.clone());
            }
        }
        what.then.clone()
    }
}

/// A step in a line.
pub(super) fn told(step: &Step) -> String {
    let what = match step {
        Step::Ask(question) => return format!("ask {question:?}"),
        Step::Call(Call::Launch) => return "Launch".to_owned(),
        Step::Call(Call::Cancel(jobs)) => {
            let ids: Vec<u64> = jobs.iter().map(|job| job.id).collect();
            return format!("Cancel {ids:?}");
        }
        Step::Wait(wait) => return format!("wait: {}", wait.waiting_for),
        Step::Rest => return "rest".to_owned(),
        Step::Write(what) => what,
    };
    let mut words = vec![
        what.state
            .as_ref()
            .map_or_else(|| "same".to_owned(), state_told),
    ];
    if what.more.allowed.is_some() {
        words.push("allowed".to_owned());
    }
    if what.more.checked.is_some() {
        words.push("checked".to_owned());
    }
    if what.lets_go {
        words.push("letting go".to_owned());
    }
    let effects = what.effects.iter().map(|effect| match effect {
        Effect::Blame { .. } => "blame",
        Effect::Release { .. } => "release",
        Effect::Condemn { .. } => "condemn",
        Effect::Guard { to, .. } if to.active.is_some() => "guard taken",
        Effect::Guard { to, .. } if to.cooldown_until.is_some() => "guard released",
        Effect::Guard { .. } => "guard returned",
        Effect::Trust { .. } | Effect::Enter { .. } => "what no run does",
    });
    let effects: Vec<&str> = effects.collect();
    let said = what.said.as_ref().map_or("", |said| match said {
        Said::State => " said State",
        Said::Paused(_) => " said Paused",
        Said::StillOpen => " said StillOpen",
        Said::Own(Told::Busy { .. }) => " said Busy",
        Said::Own(Told::Queued(_)) => " said Queued",
        Said::Own(Told::Checked) => " said Checked",
    });
    let alarm = if what.more.alarm { ", alarm" } else { "" };
    let then = match &what.then {
        None => "",
        Some(Step::Call(Call::Launch)) => " then Launch",
        Some(Step::Wait(_)) => " then wait",
        Some(Step::Rest) => " then rest",
        Some(_) => " then something else",
    };
    format!(
        "{} [{}]{said}{alarm}{then}",
        words.join(", "),
        effects.join(", ")
    )
}

fn state_told(state: &State) -> String {
    match state {
        State::Intended { attempt } => {
            let purpose = match attempt.purpose {
                Purpose::Check => "check",
                Purpose::Real => "real",
            };
            let second = if attempt.second { " second" } else { "" };
            format!("intended {purpose}{second}")
        }
        State::Unknown {
            attempt,
            again: Some(again),
            ..
        } => {
            let age = again.duration_since(attempt.at).as_secs();
            format!("unknown, again at {age} s")
        }
        State::Launched { job, others, .. } => {
            let others: Vec<String> = others.iter().map(|job| job.id.to_string()).collect();
            match others.as_slice() {
                [] => format!("launched {}", job.id),
                others => format!("launched {} and {}", job.id, others.join(" ")),
            }
        }
        state => state.word().to_owned(),
    }
}

pub(super) fn states() -> Vec<State> {
    vec![
        State::Asked,
        State::Joined {
            problem: "P-2".to_owned(),
        },
        State::Waiting { since: minute(46) },
        State::Intended { attempt: attempt() },
        State::Unknown {
            attempt: attempt(),
            why: "502".to_owned(),
            again: None,
        },
        State::Unknown {
            attempt: Attempt {
                second: true,
                marking: Marking::Sole,
                ..attempt()
            },
            why: "502".to_owned(),
            again: None,
        },
        State::Unknown {
            attempt: attempt(),
            why: "502".to_owned(),
            again: Some(after(60)),
        },
        again(),
        launched(&[], &[]),
        launched(&["`limit` was ignored"], &[813]),
        checking(),
        aborting(0, None),
        aborting(60, Some(60)),
        State::Verifying {
            ended: ended("successful", Some(1)),
        },
        stuck(Purpose::Real),
        State::Shadowed { checked: None },
        State::Refused {
            why: Refusal::SwitchedOff,
        },
        State::NotNeeded {
            why: Needless::Closed,
        },
        State::GaveUp,
    ]
}

pub(super) fn again() -> State {
    State::Again { first: attempt() }
}

pub(super) fn launched(differs: &[&str], others: &[u64]) -> State {
    State::Launched {
        attempt: attempt(),
        job: job(812),
        status: "pending".to_owned(),
        explanation: String::new(),
        differs: differs.iter().map(|text| (*text).to_owned()).collect(),
        others: others.iter().map(|id| job(*id)).collect(),
    }
}

pub(super) fn checking() -> State {
    State::Launched {
        attempt: Attempt {
            purpose: Purpose::Check,
            ..attempt()
        },
        job: job(812),
        status: "pending".to_owned(),
        explanation: String::new(),
        differs: Vec::new(),
        others: Vec::new(),
    }
}

/// Begun so many seconds before minute 47, wished so many before it.
pub(super) fn aborting(seconds: i64, wished: Option<i64>) -> State {
    State::Aborting {
        attempt: attempt(),
        job: job(812),
        why: Abort::Overdue,
        since: after(60 - seconds),
        wished: wished.map(|seconds| after(60 - seconds)),
    }
}

pub(super) fn stuck(purpose: Purpose) -> State {
    State::Stuck {
        purpose,
        job: job(812),
        why: Abort::Overdue,
    }
}

pub(super) fn attempt() -> Attempt {
    Attempt {
        purpose: Purpose::Real,
        floor: 811,
        marking: Marking::Variables,
        at: minute(46),
        deadline: after(900),
        second: false,
    }
}

/// What a receiver has done in minute 47, with its answer.
pub(super) fn done(answer: &str) -> Box<Ended> {
    Box::new(Ended::answered(answer, minute(47)))
}

pub(super) fn wants_proof(world: &mut World) {
    world.run.runbook.proof = Some(Proof {
        artifact: "changed".to_owned(),
        equals: true.into(),
    });
}

/// A job that has ended in minute 47, on so many hosts.
pub(super) fn ended(status: &str, hosts: Option<u64>) -> Ended {
    Ended {
        job: Some(job(812)),
        status: status.to_owned(),
        at: minute(47),
        seconds: Some(20),
        counts: hosts.map(|ok| Counts {
            ok,
            ..Counts::default()
        }),
        artifacts: serde_json::Map::new(),
        task: None,
        tail: String::new(),
        explanation: String::new(),
        revision: String::new(),
    }
}

pub(super) fn found(ids: &[u64]) -> Vec<Found> {
    ids.iter()
        .map(|id| Found {
            job: job(*id),
            status: "pending".to_owned(),
            differences: Vec::new(),
        })
        .collect()
}

pub(super) fn active() -> Active {
    Active {
        id: 811,
        status: "running".to_owned(),
        by: "ann".to_owned(),
    }
}

fn job(id: u64) -> JobAt {
    JobAt {
        id,
        kind: Kind::Job,
        page: None,
    }
}

pub(super) fn guard(active: Option<&str>) -> Guard {
    Guard {
        active: active.map(str::to_owned),
        cooldown_until: None,
        heals: active.map(|_| minute(46)).into_iter().collect(),
    }
}

pub(super) fn form() -> Form {
    Form {
        name: "stop-campaign".to_owned(),
        playbook: "stop.yml".to_owned(),
        takes_variables: true,
        takes_limit: true,
        takes_check: true,
        job_type: "run".to_owned(),
        newest: 811,
        ..Form::default()
    }
}

pub(super) fn runbook() -> Runbook {
    Runbook {
        alias: "stop-campaign".to_owned(),
        on: "awx".to_owned(),
        means: Means::Template(Template {
            kind: Kind::Job,
            id: 18,
            name: "stop-campaign".to_owned(),
            organization: None,
            playbook: None,
            project: None,
        }),
        aliases: Vec::new(),
        causes: Causes {
            events: vec!["CUSTOM_CONFIGURATION".to_owned()],
            sources: vec!["Ansible Tower".to_owned()],
            tag: None,
        },
        variables: BTreeMap::new(),
        limit: None,
        mode: Mode::Auto,
        check: Check::None,
        timeout: SignedDuration::from_mins(15),
        cooldown: SignedDuration::from_mins(30),
        per_day: 3,
        proof: None,
        older: Older::Refuse,
        compat: Compat::None,
    }
}

pub(super) fn minute(minute: i64) -> Timestamp {
    after((minute - 46) * 60)
}

/// So many seconds after the attempt.
pub(super) fn after(seconds: i64) -> Timestamp {
    Timestamp::from_second(46 * 60 + seconds).expect("it is a time")
}
