//! What holds of flags and runs after every step of every storm: nothing is lost,
//! nothing is done twice, and nobody's later word is overwritten.

use std::collections::{BTreeMap, BTreeSet};

use flags::state::{AuthorKind, State};
use flags::{Cause, Entry, taken_back_by};
use jiff::Timestamp;
use release::change::{Change, Place};
use release::problem::Problem;
use workflows::handle_problem::Mode;

use super::callers::{FLAGS, SET};
use super::storm::Storm;

/// The services that every flag touches.
const ENTITIES: usize = 2;

impl Storm<'_> {
    /// The histories of all flags go on where they were, and say nothing that must
    /// not be.
    pub(super) async fn flags_hold(&mut self) -> Result<(), String> {
        let flags = self.scene.world.flags.clone();
        let set = flags.set(SET).await.unwrap().unwrap();
        let untouched = State::default();
        for flag in FLAGS {
            let state = set.states.get(flag).unwrap_or(&untouched);
            let before = self.histories.entry(flag).or_default();
            let known = before.last().map_or(0, |entry| entry.record.version);
            if known == state.version {
                continue;
            }
            let history = flags.history(SET, flag).await.unwrap();
            let of_flag = |how: String| format!("{flag}: {how}\n{}", told(&history));
            flags::verify(&history).map_err(|broken| of_flag(broken.to_string()))?;
            let newest = history.last();
            let version = newest.map_or(0, |entry| entry.record.version);
            if version != state.version
                || newest.map(|entry| &entry.digest) != state.digest.as_ref()
            {
                let how = format!(
                    "version {} is no entry, the last is {version}",
                    state.version
                );
                return Err(of_flag(how));
            }
            if !history.starts_with(before) {
                return Err(of_flag("what was written is there no more".to_owned()));
            }
            each_is_done_once(&history).map_err(of_flag)?;
            nothing_returns_over_a_person(&history).map_err(of_flag)?;
            what_is_blamed_stays_taken_back(&history).map_err(of_flag)?;
            let takes_back = |entry: &Entry| entry.record.cause == Cause::TakenBack;
            if self.scene.healing.mode != Mode::Auto && history.iter().any(takes_back) {
                return Err(of_flag("it was taken back in shadow mode".to_owned()));
            }
            self.histories.insert(flag, history);
        }
        for (flag, version) in &self.acknowledged {
            let history = self
                .histories
                .get(flag.as_str())
                .map_or(&[][..], Vec::as_slice);
            if !history.iter().any(|entry| entry.record.version == *version) {
                return Err(format!(
                    "{flag}: version {version} was acknowledged and is lost"
                ));
            }
        }
        self.each_run_is_launched_once()
    }

    /// Once for real, and once as a check before that.
    fn each_run_is_launched_once(&self) -> Result<(), String> {
        let mut runs = BTreeSet::new();
        for job in self.controller.jobs() {
            // Nobody can tell whose a job without a marker is, nor is a colleague's
            // job marked.
            let Some(marker) = job.extra_vars.get("unbreakable") else {
                continue;
            };
            let run = marker["run"].to_string();
            if job.job_type == "run" && self.only_looks {
                return Err(format!("run {run} was made, and nothing may be"));
            }
            if !runs.insert((run.clone(), job.job_type.clone())) {
                return Err(format!("run {run} has two jobs ({})", job.job_type));
            }
        }
        Ok(())
    }

    /// Every history is as it was seen, to its last entry.
    async fn histories_are_there(&self) -> Result<(), String> {
        for (flag, seen) in &self.histories {
            let history = self.scene.world.flags.history(SET, flag).await.unwrap();
            if history != *seen {
                return Err(format!(
                    "{flag}: its history was altered\n{}",
                    told(&history)
                ));
            }
        }
        Ok(())
    }

    /// Once it is calm: every change was told once, no problem holds anything, and
    /// no guard is held.
    pub(super) async fn flags_have_ended(&self, known: &[Problem]) -> Result<(), String> {
        self.histories_are_there().await?;
        let flags = &self.scene.world.flags;
        let set = flags.set(SET).await.unwrap().unwrap();
        let events = self.scene.world.tenant.events();
        for flag in FLAGS {
            let history = &self.histories[flag];
            for entry in history {
                let record = &entry.record;
                let of_it = |cause: Option<&str>| {
                    let has = |event: &&fake_dynatrace::Event, name: &str, value: &str| {
                        event.properties.get(name).is_some_and(|is| is == value)
                    };
                    events
                        .iter()
                        .filter(|event| {
                            has(event, "feature.flag", flag)
                                && has(event, "change.id", &record.change)
                                && match cause {
                                    Some(cause) => has(event, "change.cause", cause),
                                    None => {
                                        has(event, "change.version", &record.version.to_string())
                                    }
                                }
                        })
                        .count()
                };
                let expected = match &record.cause {
                    // It is told only where the tenant has the event of the change.
                    Cause::Aborted(_) => continue,
                    cause if cause.is_announced() => ENTITIES,
                    _ => 0,
                };
                let found = of_it(None);
                if found != expected {
                    return Err(format!(
                        "{flag}: version {} ({}) has {found} events instead of {expected}\n{}",
                        record.version,
                        record.cause.word(),
                        told(history)
                    ));
                }
            }
            let of_aborted = history
                .iter()
                .filter(|entry| matches!(entry.record.cause, Cause::Aborted(_)));
            for entry in of_aborted {
                let of_change = events
                    .iter()
                    .filter(|event| event.properties.get("change.id") == Some(&entry.record.change))
                    .filter(|event| {
                        event
                            .properties
                            .get("feature.flag")
                            .is_some_and(|is| is == flag)
                    });
                let (corrected, made): (Vec<_>, Vec<_>) = of_change.partition(|event| {
                    event
                        .properties
                        .get("change.cause")
                        .is_some_and(|is| is == "aborted")
                });
                if corrected.len() != made.len() {
                    return Err(format!(
                        "{flag}: {} events say that {} was made, and {} that it was not",
                        made.len(),
                        entry.record.change,
                        corrected.len()
                    ));
                }
            }
            if let Some(state) = set.states.get(flag)
                && let Some(problem) = state.held_by().next()
            {
                return Err(format!("{flag} is held by problem {problem} for ever"));
            }
            let place = Place::Flag(release::change::Flag {
                set: SET.to_owned(),
                name: flag.to_owned(),
            });
            self.is_free(&place).await?;
        }
        for run in known.iter().flat_map(|problem| &problem.runs) {
            if !run.is_over() || run.guards {
                return Err(format!("a run was left behind: {run:?}"));
            }
            self.is_free(&Place::Runbook(run.target())).await?;
        }
        for application in known.iter().flat_map(|problem| &problem.applications) {
            if !application.state.is_final() {
                return Err(format!("a rule was left behind: {application:?}"));
            }
        }
        self.every_return_is_known(known)
    }

    async fn is_free(&self, place: &Place) -> Result<(), String> {
        let guard = self.scene.world.ledger.guard(place).await.unwrap();
        match guard.active {
            Some(active) => Err(format!("the guard of {place} is left to problem {active}")),
            None => Ok(()),
        }
    }

    /// Whatever was taken back, its problem says so.
    fn every_return_is_known(&self, known: &[Problem]) -> Result<(), String> {
        let entries = self.histories.values().flatten();
        for entry in entries.filter(|entry| entry.record.cause == Cause::TakenBack) {
            let says_so = known
                .iter()
                .flat_map(|problem| &problem.remediations)
                .any(|one| {
                    let is_it = matches!(&one.culprit, Change::Flag(change)
                    if taken_back_by(&change.id) == entry.record.change);
                    is_it && super::promises::heal(&one.state).is_some()
                });
            if !says_so {
                return Err(format!("nobody knows of {}", entry.record.change));
            }
        }
        Ok(())
    }
}

/// The same request makes one change of a flag, and each change is taken back once.
fn each_is_done_once(history: &[Entry]) -> Result<(), String> {
    let mut asked = BTreeSet::new();
    let mut done = BTreeSet::new();
    for Entry { record, .. } in history {
        let is_asked = record.why.starts_with("ask-");
        if is_asked && record.cause.competes() && !asked.insert(&record.why) {
            return Err(format!("{} was made twice", record.why));
        }
        if record.cause == Cause::TakenBack && !done.insert(&record.change) {
            return Err(format!("{} was done twice", record.change));
        }
    }
    Ok(())
}

/// What ends, is given back or is taken back changes no value that a person has
/// set since.
fn nothing_returns_over_a_person(history: &[Entry]) -> Result<(), String> {
    for (index, Entry { record, .. }) in history.iter().enumerate() {
        if record.before == record.after {
            continue;
        }
        let earlier = &history[..index];
        let is_it = |entry: &&Entry| match record.cause {
            Cause::TakenBack => taken_back_by(&entry.record.change) == record.change,
            Cause::LeaseEnded | Cause::BoundReached => entry.record.change == record.change,
            Cause::GivenBack => {
                entry.record.cause == Cause::Mitigated && entry.record.problem == record.problem
            }
            _ => false,
        };
        let Some(made) = earlier.iter().rev().find(is_it) else {
            continue;
        };
        let since = earlier
            .iter()
            .filter(|entry| made.record.version < entry.record.version);
        for later in since {
            let later = &later.record;
            let is_word = later.by.kind == AuthorKind::Person && later.cause.competes();
            if is_word && holds(later.version, earlier, record.at) {
                return Err(format!(
                    "version {} returns over version {} of {}",
                    record.version, later.version, later.by.name
                ));
            }
        }
    }
    Ok(())
}

/// Whether what made this version still holds at that time.
fn holds(version: u64, history: &[Entry], at: Timestamp) -> bool {
    let mut since = history
        .iter()
        .map(|entry| &entry.record)
        .skip_while(|record| record.version != version);
    let Some(made) = since.next() else {
        return false;
    };
    let is_trial = matches!(made.cause, Cause::Leased | Cause::Mitigated);
    // A person may have shortened or kept it.
    let mut ends = made.ends.filter(|_| is_trial);
    for later in since {
        let is_its = later.change == made.change;
        match later.cause {
            Cause::Confirmed if is_its => ends = None,
            Cause::Extended => ends = later.ends,
            Cause::LeaseEnded | Cause::EndedBelow | Cause::BoundReached if is_its => return false,
            Cause::GivenBack | Cause::Superseded(_)
                if later.problem == made.problem && made.problem.is_some() =>
            {
                return false;
            }
            Cause::TakenBack if later.change == taken_back_by(&made.change) => return false,
            _ => {}
        }
    }
    ends.is_none_or(|ends| at < ends)
}

/// What was blamed is not set again by a rule until a person has spoken.
fn what_is_blamed_stays_taken_back(history: &[Entry]) -> Result<(), String> {
    let mut blamed: Option<u64> = None;
    for Entry { record, .. } in history {
        match (&record.cause, record.by.kind) {
            (Cause::TakenBack, _) => blamed = Some(record.version),
            (_, AuthorKind::Person) => blamed = None,
            (cause, AuthorKind::Rule) if cause.competes() => {
                if let Some(blamed) = blamed {
                    return Err(format!(
                        "a rule sets by version {} what version {blamed} took back",
                        record.version
                    ));
                }
            }
            _ => {}
        }
    }
    Ok(())
}

fn told(history: &[Entry]) -> String {
    let line = |Entry { record, .. }: &Entry| {
        format!(
            "        {} {} {} {} -> {} by {:?}, change {}, ends {:?}, problem {:?}, {}",
            record.version,
            record.at,
            record.cause.word(),
            record.before,
            record.after,
            record.by.kind,
            record.change,
            record.ends,
            record.problem,
            record.why
        )
    };
    history.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// The rows that histories tell of.
pub(super) fn rows(histories: &BTreeMap<&'static str, Vec<Entry>>) -> BTreeSet<&'static str> {
    let mut rows = BTreeSet::new();
    for history in histories.values() {
        for (index, Entry { record, .. }) in history.iter().enumerate() {
            let next = history.get(index + 1).map(|next| &next.record);
            let row = match &record.cause {
                Cause::Changed if record.before == record.after => "settled.kept",
                Cause::Changed => "any.set",
                Cause::Leased => "any.lease",
                Cause::Extended => "leased.again",
                Cause::Mitigated => {
                    let is_held = history[..index].iter().rev().any(|entry| {
                        let earlier = &entry.record;
                        earlier.cause == Cause::Mitigated && earlier.change == record.change
                    });
                    if is_held { "held.other" } else { "any.hold" }
                }
                Cause::Joined => "held.joined",
                Cause::RampStarted => "any.ramp",
                Cause::RampEnded => "moving.over",
                // Stopped by another value, or for its own sake.
                Cause::RampStopped if next.is_some_and(|next| next.why == record.why) => {
                    "moving.change"
                }
                Cause::RampStopped => "moving.stop",
                Cause::Confirmed => "leased.confirm",
                Cause::LeaseEnded => "leased.over",
                Cause::EndedBelow => "any.below",
                Cause::GivenBack => "held.given-back",
                Cause::Released => "held.released",
                Cause::Postponed => "held.flapping",
                Cause::BoundReached => "held.bound",
                Cause::Superseded(_) => "held.superseded",
                Cause::TakenBack => "blamed.back",
                Cause::Unlocked => "any.unlock",
                Cause::Aborted(_) => "any.aborted",
            };
            rows.insert(row);
        }
    }
    rows
}
