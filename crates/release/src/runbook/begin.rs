//! How a run begins, and what its steps do to the ledger.

use super::{About, Cause, Configuration, Input, Mode, Needless, Refusal, Run, Runbook, State};
use crate::change::{Change, Place};
use crate::deployment::Standing;
use crate::ledger::{self, Known};
use crate::problem::Problem;

/// A run that a change would lead to.
#[derive(Clone, Debug, PartialEq)]
pub struct Draft {
    /// The runbook.
    pub runbook: Runbook,
    /// The change.
    pub cause: Cause,
    /// What the runbook is given.
    pub input: Input,
}

/// How the answer to a change that is to blame begins.
#[derive(Clone, Debug, PartialEq)]
pub enum Begun {
    /// By this run.
    Run(Box<Run>),
    /// Not again: the problem has its run already.
    Before,
    /// Not at all: an earlier run has answered the change.
    Answered {
        /// What is known of it.
        by: String,
    },
}

/// The earlier run that has answered a change, if one has.
fn answered_by(known: &Known) -> Option<&str> {
    let standing = known.said.standing;
    let is_answered =
        standing == Standing::Bad || (known.bound_to.is_none() && standing.is_against());
    is_answered.then_some(known.said.by.as_str())
}

impl Draft {
    /// The change, as it competes with others for the blame.
    pub fn change(&self) -> Change {
        Change::Configuration(Configuration {
            event: self.cause.clone(),
            target: self.runbook.target(self.input.limit.as_deref()),
        })
    }

    /// Why its runbook would not be run for a problem that led to these runs, where
    /// that is known without asking the controller.
    pub fn kept(&self, known: &Known, runs: &[Run]) -> Option<String> {
        let alias = &self.runbook.alias;
        if let Some(by) = answered_by(known) {
            return Some(format!("its runbook ran for it before ({by})"));
        }
        if let Some(State::Refused { why }) = self.answer_among(runs).map(|run| &run.state) {
            return Some(format!("runbook {alias} is not run for it: {why}"));
        }
        // HEAL_MODE holds for deployments as well: only the runbook's own mode makes
        // a difference between the two.
        match self.runbook.mode {
            Mode::Off => Some(format!("runbook {alias} is for it and is switched off")),
            Mode::Shadow => Some(format!(
                "runbook {alias} would have been run for it (shadow mode)"
            )),
            Mode::Ask | Mode::Auto => None,
        }
    }

    fn answer_among<'r>(&self, runs: &'r [Run]) -> Option<&'r Run> {
        let is_of = |run: &&Run| run.cause.identity() == self.cause.identity();
        runs.iter().find(is_of)
    }

    /// The answer to `problem`, with what is known of the change. `id` is new.
    pub fn begin(self, id: String, problem: &Problem, about: About, known: &Known) -> Begun {
        if self.answer_among(&problem.runs).is_some() {
            return Begun::Before;
        }
        if let Some(by) = answered_by(known) {
            return Begun::Answered { by: by.to_owned() };
        }
        let problem = &problem.id;
        let holder = known.bound_to.clone().filter(|holder| holder != problem);
        let is_free = holder.is_none();
        let run = Run {
            id,
            runbook: self.runbook,
            problem: problem.to_owned(),
            cause: self.cause,
            about,
            input: self.input,
            holds: is_free,
            guards: false,
            allowed: None,
            checked: None,
            named: None,
            state: match holder {
                Some(problem) => State::Joined { problem },
                None => State::Asked,
            },
        };
        Begun::Run(Box::new(run))
    }
}

impl Run {
    /// The change that it takes back.
    pub fn change(&self) -> Change {
        Change::Configuration(Configuration {
            event: self.cause.clone(),
            target: self.target(),
        })
    }

    /// What its beginning does to the ledger.
    pub fn blame(&self) -> Option<ledger::Effect> {
        self.holds.then(|| ledger::Effect::Blame {
            change: self.change(),
        })
    }

    /// What its guard protects, as a place.
    pub fn place(&self) -> Place {
        Place::Runbook(self.target())
    }

    /// Whether nothing was run for the problem, and nothing more is.
    pub fn did_nothing(&self) -> bool {
        let waited = matches!(self.state, State::Refused { .. } | State::NotNeeded { .. });
        waited && !self.holds
    }

    /// Whether it ended before anything was changed, so that the change behind it hides
    /// no other. A person who says no has looked at it.
    pub fn gives_way(&self) -> bool {
        match &self.state {
            State::Refused { why } => !matches!(why, Refusal::Denied { .. }),
            _ => false,
        }
    }

    /// Whether the problem was over before anything was run.
    pub fn was_over(&self) -> bool {
        let why = Needless::Closed;
        self.state == State::NotNeeded { why }
    }

    /// Whether nothing more is done, and the change has heard what becomes of it.
    pub fn is_over(&self) -> bool {
        self.state.is_final() && !self.holds
    }
}

#[cfg(test)]
mod tests {
    use jiff::{SignedDuration, Timestamp};
    use serde_json::json;

    use super::*;
    use crate::ledger::Lesson;
    use crate::problem::Arrival;
    use crate::runbook::Runbooks;

    fn draft() -> Draft {
        let settings = json!({
            "controllers": {
                "awx": {"base": "https://awx.acme/api/v2", "auth": "bearer", "secret": "/ub/awx"},
            },
            "runbooks": {"stop": {
                "on": "awx", "template": 18, "name": "stop-campaign",
                "for": {"events": ["CUSTOM_CONFIGURATION"], "sources": ["Ansible"]},
            }},
        });
        let listed = Runbooks::read(&settings.to_string()).unwrap();
        Draft {
            runbook: listed.runbooks["stop"].clone(),
            cause: Cause {
                id: "e-1".to_owned(),
                kind: "CUSTOM_CONFIGURATION".to_owned(),
                at: Timestamp::UNIX_EPOCH,
                title: "rate".to_owned(),
                source: "Ansible".to_owned(),
            },
            input: Input::default(),
        }
    }

    fn problem() -> Problem {
        let now = Timestamp::UNIX_EPOCH;
        Problem::heard_of("P-1", Arrival::Webhook, now, SignedDuration::from_hours(1))
    }

    #[test]
    fn runbook_that_will_not_be_run_says_why() {
        let mut draft = draft();
        let mut problem = problem();
        let known = Known::default();
        let kept = |draft: &Draft, problem: &Problem, known: &Known| {
            draft.kept(known, &problem.runs).unwrap_or_default()
        };
        draft.runbook.mode = Mode::Auto;
        assert_eq!(kept(&draft, &problem, &known), "");
        draft.runbook.mode = Mode::Shadow;
        assert!(kept(&draft, &problem, &known).contains("(shadow mode)"));
        draft.runbook.mode = Mode::Off;
        assert!(kept(&draft, &problem, &known).contains("is switched off"));

        draft.runbook.mode = Mode::Auto;
        let begun = draft
            .clone()
            .begin("r-1".to_owned(), &problem, About::default(), &known);
        let Begun::Run(mut run) = begun else {
            panic!("{begun:?}");
        };
        assert!(!run.gives_way());
        run.state = State::Refused {
            why: Refusal::SwitchedOff,
        };
        assert!(run.gives_way());
        problem.runs.push(*run);
        assert!(kept(&draft, &problem, &known).contains("is not run for it: running"));
        let again = draft
            .clone()
            .begin("r-2".to_owned(), &problem, About::default(), &known);
        assert_eq!(again, Begun::Before);
        problem.runs[0].state = State::Refused {
            why: Refusal::Denied {
                who: "ann".to_owned(),
            },
        };
        assert!(!problem.runs[0].gives_way(), "a person has looked at it");

        let answered = Known {
            said: Lesson {
                standing: Standing::Bad,
                by: "problem P-0".to_owned(),
            },
            ..Known::default()
        };
        assert!(kept(&draft, &problem, &answered).contains("ran for it before (problem P-0)"));
    }

    fn begun(standing: Standing, bound_to: Option<&str>) -> String {
        let known = Known {
            said: Lesson {
                standing,
                by: "problem P-0".to_owned(),
            },
            bound_to: bound_to.map(str::to_owned),
            ..Known::default()
        };
        let begun = draft().begin("r-1".to_owned(), &problem(), About::default(), &known);
        match begun {
            Begun::Before => "as before".to_owned(),
            Begun::Answered { by } => format!("answered: {by}"),
            Begun::Run(run) => {
                let blames = matches!(run.blame(), Some(ledger::Effect::Blame { change })
                    if change == run.change() && change.place() == run.place());
                format!("{} {blames}", run.state.word())
            }
        }
    }

    #[test]
    fn change_is_answered_once_and_under_one_problem() {
        use Standing::{Bad, Suspect, Unknown};

        assert_eq!(begun(Unknown, None), "asked true");
        assert_eq!(begun(Suspect, Some("P-1")), "asked true");
        assert_eq!(begun(Suspect, Some("P-0")), "joined false");
        assert_eq!(begun(Suspect, None), "answered: problem P-0");
        assert_eq!(begun(Bad, Some("P-0")), "answered: problem P-0");
    }

    #[test]
    fn announcement_is_the_same_on_every_entity() {
        let one = draft().cause;
        let other = Cause {
            id: "e-2".to_owned(),
            ..one.clone()
        };
        let later = Cause {
            title: "rate 2".to_owned(),
            ..one.clone()
        };

        assert_eq!(one.identity(), other.identity());
        assert_ne!(one.identity(), later.identity());
    }
}
