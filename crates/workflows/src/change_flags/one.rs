//! What one request leads to, whatever is found.

use std::collections::{BTreeMap, BTreeSet};

use flags::key::{Action, Key};
use flags::require::{Purpose, requires_event};
use flags::state::{Author, AuthorKind, State};
use flags::step::{self, Refusal, Request, Situation, Target, Transition, step};
use flags::{Declarations, Value};
use jiff::{SignedDuration, Timestamp};
use release::window::saturating_add;
use store::{
    Commit, Completion, Decision, FlagSet, Found, PreparedChange, Repeat, RepeatId, WantedChange,
};

use super::asked::{Asked, Happens, Wish};
use super::follows::{Follows, Transitions};
use super::watched::{Recovery, begun};
use super::{Answer, Ended, Services, answer};

/// How long the same request without a key of its own is the same one.
const SAME_REQUEST: SignedDuration = SignedDuration::from_mins(15);

/// One request that changes flags, whatever is found.
pub(super) struct OneChange<'a> {
    pub(super) services: &'a Services,
    pub(super) key: &'a Key,
    pub(super) id: &'a RepeatId,
    pub(super) asked: &'a Asked,
    /// Whether the problem is over that a recovery names.
    pub(super) recovery: Option<Recovery>,
    pub(super) hash: String,
    pub(super) is_named: bool,
    pub(super) batch: &'a str,
    pub(super) claim: (String, Timestamp),
    pub(super) now: Timestamp,
}

impl OneChange<'_> {
    pub(super) fn decide(&self, found: &Found) -> Decision<Answer> {
        let Some(set) = &found.set else {
            return Decision::Leave(Answer::undeclared(self.services));
        };
        if let Some(repeat) = &found.repeat
            && (self.is_named || self.still_holds(set, repeat))
        {
            return Decision::Leave(self.again(repeat));
        }
        match self.transitions(set) {
            Err(refused) => Decision::Leave(*refused),
            Ok((transitions, requiring)) => {
                let told = answer::done(set, self.asked, self.batch, &transitions, self.now);
                let watches = self.watches(set, &transitions);
                let flags = transitions.into_iter().filter_map(|(flag, follows)| {
                    let Follows::Written(transition) = follows else {
                        return None;
                    };
                    Some((flag, transition))
                });
                let flags: Vec<(String, Transition)> = flags.collect();
                if flags.is_empty() && watches.is_empty() {
                    return Decision::Leave(told);
                }
                let prepares = (!requiring.is_empty())
                    .then(|| Box::new(self.prepares(set, &flags, &requiring, &told)));
                let commit = Commit {
                    repeat: (!flags.is_empty()).then(|| Box::new(self.repeat(&told))),
                    flags,
                    watches,
                    claim: Some(self.claim.clone()),
                    prepares,
                    ends: None,
                };
                Decision::Write(commit, told)
            }
        }
    }

    /// What was answered before, if the same was asked for.
    fn again(&self, repeat: &Repeat) -> Answer {
        if repeat.asked != self.hash {
            let why = "this Idempotency-Key belongs to another request";
            return Answer::refused(Ended::Conflict, why);
        }
        let ended = match repeat.completion {
            Completion::Begun => Ended::Begun,
            Completion::Done => Ended::Done,
        };
        Answer {
            ended,
            body: serde_json::from_str(&repeat.body).unwrap_or_default(),
            made: Vec::new(),
            versions: BTreeMap::new(),
        }
    }

    /// Whether the same request is a repetition: it is none once anything else
    /// was done with a flag, be it by the clock.
    fn still_holds(&self, set: &FlagSet, repeat: &Repeat) -> bool {
        let untouched = State::default();
        let is_as_it_was = |(flag, version): (&String, &u64)| {
            let state = set.states.get(flag).unwrap_or(&untouched);
            state.version == *version && !state.is_overdue(self.now)
        };
        self.now < saturating_add(repeat.at, SAME_REQUEST)
            && repeat.versions.iter().all(is_as_it_was)
    }

    pub(super) fn repeat(&self, told: &Answer) -> Repeat {
        Repeat {
            change: self.batch.to_owned(),
            versions: told.versions.clone(),
            at: self.now,
            asked: self.hash.clone(),
            completion: match told.ended {
                Ended::Begun => Completion::Begun,
                _ => Completion::Done,
            },
            body: told.body.to_string(),
        }
    }

    /// The problems that are watched from now on, because something is given back
    /// when they close.
    fn watches(&self, set: &FlagSet, transitions: &Transitions) -> Vec<String> {
        let Some(problem) = &self.asked.problem else {
            return Vec::new();
        };
        let waits = transitions.iter().any(|(flag, follows)| match follows {
            Follows::Deferred => true,
            Follows::Written(to) => begun(set, flag, to).contains(problem),
            Follows::Unchanged | Follows::NotHeld(_) => false,
        });
        if waits {
            vec![problem.clone()]
        } else {
            Vec::new()
        }
    }

    /// The request, while its events are sent.
    fn prepares(
        &self,
        set: &FlagSet,
        flags: &[(String, Transition)],
        requiring: &BTreeSet<String>,
        told: &Answer,
    ) -> PreparedChange {
        let wanted = flags
            .iter()
            .map(|(flag, to)| (flag.clone(), WantedChange::of(to, requiring.contains(flag))));
        let author = self.key.author();
        PreparedChange {
            set: set.name.clone(),
            request: self.batch.to_owned(),
            since: self.now,
            by: author.expect("whoever changes flags has a name"),
            why: self.asked.reason.clone().unwrap_or_default(),
            triggered_by: self.asked.triggered_by.clone(),
            wanted: wanted.collect(),
            answer: Some((self.id.clone(), self.repeat(told))),
            ended: None,
        }
    }

    /// What follows for each flag; nothing, where it is so already. What is wrong
    /// with one of them refuses all. And the flags whose events are required.
    fn transitions(&self, set: &FlagSet) -> Result<(Transitions, BTreeSet<String>), Box<Answer>> {
        let Some(author) = self.key.author() else {
            let why = "a key that browsers have changes nothing";
            return Err(Box::new(Answer::refused(Ended::Forbidden, why)));
        };
        let wishes = self.asked.wishes(&set.declarations);
        let wishes = wishes.map_err(|unknown| Box::new(self.no_preset(&unknown, set)))?;
        let events = self.events(set, &wishes, &author)?;
        let untouched = State::default();
        let many = 1 < wishes.len() || self.asked.is_bulk;
        let mut transitions = Transitions::new();
        let mut requiring = BTreeSet::new();
        for (index, (wish, event)) in wishes.iter().zip(&events).enumerate() {
            let situation = Situation {
                set: &set.name,
                flag: &set.declarations.flags[&wish.flag],
                state: set.states.get(&wish.flag).unwrap_or(&untouched),
                now: self.now,
            };
            let request = Request {
                change: if many {
                    format!("{}-{index}", self.batch)
                } else {
                    self.batch.to_owned()
                },
                batch: many.then(|| self.batch.to_owned()),
                by: author.clone(),
                why: self.asked.reason.clone().unwrap_or_default(),
                triggered_by: self.asked.triggered_by.clone(),
                problem: self.asked.problem.clone(),
                expected: self.asked.expected,
            };
            let follows = match step(situation, &request, event) {
                step::Outcome::Written(transition) => {
                    let purpose = self.purpose(&wish.flag, event);
                    if requires_event(situation.flag, purpose, event) {
                        requiring.insert(wish.flag.clone());
                    }
                    Follows::Written(*transition)
                }
                step::Outcome::Refused(refusal) => {
                    return Err(Box::new(self.refused(&wish.flag, &refusal)));
                }
                step::Outcome::Deferred => Follows::Deferred,
                step::Outcome::NotHeld(since) => Follows::NotHeld(since),
                // The latter follows from an event that nobody asks for here.
                step::Outcome::Unchanged | step::Outcome::AlreadyBack => Follows::Unchanged,
            };
            transitions.insert(wish.flag.clone(), follows);
        }
        let waits = |flag: &String| set.waiting(flag).is_some();
        if !requiring.is_empty() && transitions.keys().any(waits) {
            let why = "another change waits for its event; send it again";
            return Err(Box::new(Answer::refused(Ended::Waits, why)));
        }
        Ok((transitions, requiring))
    }

    /// What a change is for: anybody can name a problem, so that the key must admit
    /// a mitigation.
    fn purpose(&self, flag: &str, event: &step::Event) -> Purpose {
        let value = match event {
            step::Event::Set {
                to: Target::Value(to) | Target::Ramp { to, .. },
                ..
            } => Some(to),
            _ => None,
        };
        let set = &self.services.set;
        let may = self.key.admit(Action::Mitigate, set, flag, value).is_ok();
        match &self.asked.problem {
            Some(_) if may => Purpose::Mitigation,
            _ => Purpose::Wish,
        }
    }

    /// What is to happen to each flag, if there is one, it may be so, and the key
    /// admits it: first what is wrong with the request, then who asks.
    fn events(
        &self,
        set: &FlagSet,
        wishes: &[Wish],
        author: &Author,
    ) -> Result<Vec<step::Event>, Box<Answer>> {
        let declared = &set.declarations;
        // What a program sets because of a problem ends with it.
        let is_driven = author.kind == AuthorKind::Machine && self.recovery.is_none();
        let held_by = self.asked.problem.as_deref().filter(|_| is_driven);
        let mut events = Vec::new();
        let mut invalid = Vec::new();
        let mut forbidden = None;
        for wish in wishes {
            match wish.event(declared, held_by, self.now) {
                Err(bad) => invalid.push((wish.flag.as_str(), bad)),
                Ok(Happens {
                    action,
                    value,
                    event,
                }) => {
                    let of = &self.services.set;
                    let admitted = self.key.admit(action, of, &wish.flag, value.as_ref());
                    forbidden = forbidden.or(admitted.err());
                    events.push(self.recovered(set, &wish.flag).unwrap_or(event));
                }
            }
        }
        if !invalid.is_empty() {
            let known = self.visible(declared);
            return Err(Box::new(answer::invalid(self.asked, &invalid, &known)));
        }
        match forbidden {
            Some(denied) => Err(Box::new(Answer::refused(Ended::Forbidden, denied))),
            None => Ok(events),
        }
    }

    /// What a recovery means for a flag that its problem holds or held: not the
    /// value that it names, but that the problem is over.
    fn recovered(&self, set: &FlagSet, flag: &str) -> Option<step::Event> {
        let problem = self.asked.problem.clone()?;
        let known = set
            .states
            .get(flag)
            .is_some_and(|state| state.knows(&problem));
        match self.recovery.filter(|_| known)? {
            Recovery::StillOpen => Some(step::Event::Recovery { problem }),
            Recovery::Over => Some(step::Event::Closed { problem }),
        }
    }

    fn no_preset(&self, unknown: &str, set: &FlagSet) -> Answer {
        let mut answer = Answer::refused(Ended::Bad, format!("Unknown preset: {unknown}"));
        let presets = &set.declarations.presets;
        let known = presets.iter().filter(|(_, preset)| {
            let may = |(flag, value): (&String, &Value)| {
                let admitted = self.key.admit(Action::Preset, &set.name, flag, Some(value));
                admitted.is_ok()
            };
            preset.set.iter().all(may)
        });
        let known: Vec<&str> = known.map(|(name, _)| name.as_str()).collect();
        answer.body["availablePresets"] = known.into();
        answer
    }

    /// The flags that whoever asks may know of.
    fn visible<'d>(&self, declared: &'d Declarations) -> Vec<&'d str> {
        let set = &self.services.set;
        let may = |name: &&str| {
            let named = |action| {
                self.key.scopes.iter().any(|scope| {
                    let unlimited = flags::key::Scope {
                        limits: Vec::new(),
                        ..scope.clone()
                    };
                    unlimited.admits(action, set, name, None)
                })
            };
            Action::ALL.into_iter().any(named)
        };
        declared.names().filter(may).collect()
    }

    fn refused(&self, flag: &str, refusal: &Refusal) -> Answer {
        let ended = match refusal {
            Refusal::Value(_)
            | Refusal::NothingBetween
            | Refusal::BadRamp
            | Refusal::Over(_)
            | Refusal::TooLong(_) => Ended::Bad,
            Refusal::TooOften { .. } | Refusal::Flapping { .. } => Ended::TooOften {
                seconds: refusal.retry_after(self.now).unwrap_or(1),
            },
            Refusal::NotAPerson => Ended::Forbidden,
            Refusal::Moved { .. }
            | Refusal::TooManyTrials
            | Refusal::Overruled(_)
            | Refusal::NothingToKeep
            | Refusal::NothingMoves
            | Refusal::NotLocked
            | Refusal::ChangedSince(_)
            | Refusal::UnknownChange(_)
            | Refusal::NothingBefore => Ended::Conflict,
        };
        let mut answer = Answer::refused(ended, refusal);
        answer.body["flag"] = flag.into();
        answer
    }
}
