//! The table of flags.

mod changes;
mod log;
mod rules;
mod sets;

use flags::state::{Author, AuthorKind, State};
use flags::step::{Event, Outcome, Request, Situation, Target, Term, step};
use flags::{Declarations, Value, read};
use jiff::Timestamp;
use store::{Claimed, Commit, Completion, Decision, FlagSet, Flags, Found, Owed, Repeat, RepeatId};

use crate::world::{FLAGS, World};

pub(crate) const SET: &str = "prod";

/// A set of one flag of each kind that these tests need.
const FILE: &str = r#"{ "flags": {
    "errorInjectionEnabled": {
        "type": "boolean", "default": true,
        "touches": { "etype": "SERVICE", "tags": [{ "key": "app", "value": "shop" }] }
    },
    "canaryTrafficPercent": { "type": "integer", "default": 0, "min": 0, "max": 100 }
} }"#;

fn declarations(file: &str) -> Declarations {
    let reading = read(file);
    reading
        .declarations
        .unwrap_or_else(|| panic!("{:?}", reading.messages))
}

pub(crate) fn second(second: i64) -> Timestamp {
    Timestamp::from_second(1_700_000_000 + second).unwrap()
}

pub(crate) async fn declared(world: &World) -> Flags {
    let flags = Flags::new(world.raw.clone(), FLAGS);
    let mut declarations = declarations(FILE);
    for flag in declarations.flags.values_mut() {
        // Fifty people may.
        flag.rate.changes = usize::MAX;
    }
    let stored = flags.declare(SET, &declarations, None).await;
    assert_eq!(stored.unwrap(), store::Declared::Stored(1));
    flags
}

/// What somebody asks for.
#[derive(Clone)]
pub(crate) struct Wish {
    flag: &'static str,
    change: String,
    target: Target,
    pub(crate) term: Term,
    pub(crate) now: Timestamp,
    pub(crate) repeat: Option<RepeatId>,
    pub(crate) claim: Option<(String, Timestamp)>,
}

pub(crate) fn wish(change: impl Into<String>, value: bool) -> Wish {
    Wish {
        flag: "errorInjectionEnabled",
        change: change.into(),
        target: Target::Value(Value::Boolean(value)),
        term: Term::Stays,
        now: second(0),
        repeat: None,
        claim: None,
    }
}

/// What became of it.
#[derive(Debug, PartialEq)]
pub(crate) enum Made {
    Done,
    Unchanged,
    Before(String),
}

impl Wish {
    fn request(&self) -> Request {
        Request {
            change: self.change.clone(),
            batch: None,
            by: Author {
                name: "ann".to_owned(),
                kind: AuthorKind::Person,
            },
            why: "a test".to_owned(),
            triggered_by: "manual".to_owned(),
            problem: None,
            expected: None,
        }
    }

    pub(crate) async fn made(&self, flags: &Flags) -> (Made, Vec<Claimed<Owed>>) {
        let event = Event::Set {
            to: self.target.clone(),
            term: self.term.clone(),
        };
        self.with(flags, &event).await
    }

    /// The other value, whatever it is by then.
    async fn toggled(&self, flags: &Flags) -> Made {
        let decide = |found: &Found| {
            let set = found.set.as_ref().unwrap();
            let flag = &set.declarations.flags[self.flag];
            let state = set.states.get(self.flag).cloned().unwrap_or_default();
            let value = state.value(flag, self.now) == Value::Boolean(false);
            let event = Event::Set {
                to: Target::Value(Value::Boolean(value)),
                term: Term::Stays,
            };
            self.decided(found, &event)
        };
        let written = flags.change(SET, None, self.now, decide).await;
        written.unwrap().decided
    }

    async fn with(&self, flags: &Flags, event: &Event) -> (Made, Vec<Claimed<Owed>>) {
        let decide = |found: &Found| self.decided(found, event);
        let written = flags
            .change(SET, self.repeat.as_ref(), self.now, decide)
            .await;
        let written = written.unwrap();
        (written.decided, written.events)
    }

    fn decided(&self, found: &Found, event: &Event) -> Decision<Made> {
        if let Some(repeat) = &found.repeat {
            return Decision::Leave(Made::Before(repeat.body.clone()));
        }
        let set = found.set.as_ref().unwrap();
        let untouched = State::default();
        let situation = Situation {
            set: SET,
            flag: &set.declarations.flags[self.flag],
            state: set.states.get(self.flag).unwrap_or(&untouched),
            now: self.now,
        };
        match step(situation, &self.request(), event) {
            Outcome::Written(transition) => {
                let commit = Commit {
                    flags: vec![(self.flag.to_owned(), *transition)],
                    repeat: Some(Box::new(Repeat {
                        change: self.change.clone(),
                        versions: [(self.flag.to_owned(), 1)].into(),
                        at: self.now,
                        asked: "hash".to_owned(),
                        completion: Completion::Done,
                        body: format!("the answer of {}", self.change),
                    })),
                    claim: self.claim.clone(),
                    ..Commit::default()
                };
                Decision::Write(commit, Made::Done)
            }
            Outcome::Unchanged => Decision::Leave(Made::Unchanged),
            other => panic!("{other:?}"),
        }
    }
}

pub(crate) async fn set(flags: &Flags) -> FlagSet {
    flags.set(SET).await.unwrap().unwrap()
}
