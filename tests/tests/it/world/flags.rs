//! Flags, and what somebody says of them.

use flags::state::{Author, AuthorKind, State};
use flags::step::{Event, Outcome, Request, Situation, Target, Term, step};
use serde_json::Value;
use store::{Commit, Decision};

use super::World;

/// The set of flags.
pub(crate) const SET: &str = "prod";

impl World {
    /// Declares the flags of a file, which were none before.
    pub(crate) async fn declare_flags(&self, file: &str) {
        let declarations = flags::read(file).declarations.unwrap();
        let declared = self.flags.declare(SET, &declarations, None).await;
        declared.unwrap();
    }

    /// Somebody sets a flag now.
    pub(crate) async fn set_flag(&self, flag: &str, value: Value, term: Term, why: &str) {
        let problem = match &term {
            Term::While { problem, .. } => Some(problem.clone()),
            Term::Stays | Term::Until(_) => None,
        };
        let request = Request {
            change: format!("{flag} at {}", self.now),
            batch: None,
            by: Author {
                name: "ann".to_owned(),
                kind: AuthorKind::Person,
            },
            why: why.to_owned(),
            triggered_by: "manual".to_owned(),
            problem,
            expected: None,
        };
        let written = self.flags.change(SET, None, self.now, |found| {
            let set = found.set.as_ref().unwrap();
            let declared = &set.declarations.flags[flag];
            let untouched = State::default();
            let situation = Situation {
                set: SET,
                flag: declared,
                state: set.states.get(flag).unwrap_or(&untouched),
                now: self.now,
            };
            let to = Target::Value(declared.value(&value).unwrap());
            let term = term.clone();
            match step(situation, &request, &Event::Set { to, term }) {
                Outcome::Written(transition) => Decision::Write(
                    Commit {
                        flags: vec![(flag.to_owned(), *transition)],
                        ..Commit::default()
                    },
                    (),
                ),
                other => panic!("{other:?}"),
            }
        });
        written.await.unwrap();
    }
}
