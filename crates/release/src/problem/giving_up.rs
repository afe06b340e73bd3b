//! What becomes of a problem whose time is over.
//!
//! | Row | What is owed | Comes to |
//! |---|---|---|
//! | `cause` | its cause is not found | given up, and said |
//! | `cause.again` | the same, after an answer that came to nothing | blamed, as it was |
//! | `remediation` | a remediation is not over | the row `gave-up` of [`crate::remediation`] |
//! | `application` | a rule is being applied | given up by [`crate::rule::application`] |
//! | `run` | a run is not over | the row `gave-up` of [`crate::runbook`] |
//! | `nothing` | nothing | nothing |

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::{Cause, Problem};
use crate::change::Place;
use crate::ledger::Effect;
use crate::remediation::{self, Guard, Limits};
use crate::rule::application;
use crate::runbook;

/// One thing that ends.
#[derive(Clone, Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "a problem has a handful of them, once"
)]
pub enum Ended {
    /// The search for the cause, like this.
    Cause(Cause),
    /// The remediation at this place of the problem.
    Remediation(usize, remediation::Move),
    /// The application of a rule, in this state.
    Application(usize, application::State),
    /// The run.
    Run(usize, runbook::Move),
}

/// The places whose guards have to be known to give a problem up.
pub fn guarded(problem: &Problem) -> impl Iterator<Item = Place> {
    let heals = problem.remediations.iter().map(|one| one.culprit.place());
    heals.chain(problem.runs.iter().map(runbook::Run::place))
}

/// Everything that ends because the time is over, in the order in which it is said.
/// `guards` are those of all places of the problem.
pub fn give_up(
    problem: &Problem,
    guards: &BTreeMap<Place, Guard>,
    limits: Limits,
    now: Timestamp,
) -> Vec<Ended> {
    let free = Guard::default();
    let guard = |place: Place| guards.get(&place).unwrap_or(&free);
    let mut ended = Vec::new();
    if problem.cause == Cause::Pending {
        let has_answers = !problem.remediations.is_empty() || !problem.runs.is_empty();
        let cause = if has_answers {
            Cause::Blamed
        } else {
            Cause::GaveUp
        };
        ended.push(Ended::Cause(cause));
    }
    for (index, one) in problem.remediations.iter().enumerate() {
        let guard = guard(one.culprit.place());
        let what = remediation::give_up(one, &problem.id, guard, limits, now);
        ended.extend(what.map(|what| Ended::Remediation(index, what)));
    }
    for (index, one) in problem.applications.iter().enumerate() {
        let state = application::give_up(one);
        ended.extend(state.map(|state| Ended::Application(index, state)));
    }
    for (index, one) in problem.runs.iter().enumerate() {
        let what = runbook::give_up(one, guard(one.place()), now);
        ended.extend(what.map(|what| Ended::Run(index, what)));
    }
    ended
}

impl Ended {
    /// What it does to the ledger.
    pub fn effects(&self) -> &[Effect] {
        match self {
            Self::Remediation(_, what) => &what.effects,
            Self::Run(_, what) => &what.effects,
            Self::Cause(_) | Self::Application(..) => &[],
        }
    }
}

impl Problem {
    /// Takes in that something ends.
    pub fn end(&mut self, ended: Ended) {
        match ended {
            Ended::Cause(cause) => self.cause = cause,
            Ended::Remediation(index, what) => self.remediations[index].take(&what),
            Ended::Application(index, state) => self.applications[index].state = state,
            Ended::Run(index, what) => self.runs[index].take(&what),
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;
    use crate::change::{Change, Flag, FlagChange};
    use crate::problem::Remediation;
    use crate::problem::sample::{minute, problem, run};
    use crate::remediation::State;
    use crate::rule::Application;

    fn remediation() -> Remediation {
        let flag = Flag {
            set: "prod".to_owned(),
            name: "percent".to_owned(),
        };
        Remediation {
            culprit: Change::Flag(FlagChange {
                id: "c-1".to_owned(),
                flag,
                version: 2,
                at: minute(5),
                before: "5".to_owned(),
                after: "50".to_owned(),
                by: "Ann".to_owned(),
            }),
            holds: true,
            stopped: false,
            state: State::Attributed,
        }
    }

    /// What ends, and in which cause the problem is left.
    fn goes(mut problem: Problem) -> (String, Cause) {
        let limits = Limits {
            cooldown: SignedDuration::from_mins(15),
            most: 2,
            window: SignedDuration::from_hours(24),
        };
        let guards = guarded(&problem).map(|place| (place, Guard::default()));
        let guards = guards.collect();
        let ended = give_up(&problem, &guards, limits, minute(10 + 1440));
        let told = ended.iter().map(|one| match one {
            Ended::Cause(_) => "cause".to_owned(),
            Ended::Remediation(..) => format!("remediation {}", one.effects().len()),
            Ended::Application(..) => "application".to_owned(),
            Ended::Run(..) => format!("run {}", one.effects().len()),
        });
        let told: Vec<String> = told.collect();
        for one in ended {
            problem.end(one);
        }
        assert!(problem.is_decided(), "{problem:?}");
        (told.join(", "), problem.cause)
    }

    #[test]
    fn every_row_is_a_case_and_goes_as_the_table_says() {
        let with = |change: fn(&mut Problem)| {
            let mut problem = problem();
            problem.cause = Cause::Blamed;
            change(&mut problem);
            goes(problem)
        };
        let pending = |problem: &mut Problem| problem.cause = Cause::Pending;
        let cases = [
            ("nothing", with(|_| {}), "", Cause::Blamed),
            ("cause", with(pending), "cause", Cause::GaveUp),
            (
                "cause.again",
                with(|problem| {
                    problem.cause = Cause::Pending;
                    problem.runs.push(run());
                }),
                "cause, run 1",
                Cause::Blamed,
            ),
            (
                "remediation",
                with(|problem| problem.remediations.push(remediation())),
                "remediation 1",
                Cause::Blamed,
            ),
            (
                "application",
                with(|problem| {
                    problem.applications.push(Application {
                        rule: "defensive".to_owned(),
                        at: minute(10),
                        state: application::State::Holding {
                            flags: BTreeMap::new(),
                        },
                    });
                }),
                "application",
                Cause::Blamed,
            ),
            (
                "run",
                with(|problem| problem.runs.push(run())),
                "run 1",
                Cause::Blamed,
            ),
        ];
        for (row, (told, cause), expected, left) in &cases {
            assert_eq!((told.as_str(), cause), (*expected, left), "{row}");
        }
        let rows = include_str!("giving_up.rs").lines();
        for line in rows.filter_map(|line| line.strip_prefix("//! | `")) {
            let row = line.split('`').next();
            assert!(cases.iter().any(|(told, ..)| Some(*told) == row), "{row:?}");
        }
    }
}
