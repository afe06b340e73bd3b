//! What follows from a problem, in a sentence.

use std::collections::BTreeSet;
use std::fmt;

use release::change::words::{answered, done, taken_back};
use release::change::{Change, Remedy};
use release::grouping::SETTING;
use release::pause::Stopped;
use release::remediation::{Actor, HealRefusal, Move, Said, State, Told};
use release::runbook::{self, Run};

/// What follows, by what is known today.
pub(super) enum Conclusion {
    /// The problem is about nothing that is production.
    NotProduction,
    /// Nobody is to blame.
    Nothing {
        /// The names of groups that several applications have.
        undecided: BTreeSet<String>,
    },
    /// Either may be to blame.
    Ambiguous { newest: String, older: String },
    /// More groups would be changed than may be.
    TooManyPlaces { count: usize, most: usize },
    /// These are to blame, and this becomes of each.
    Blamed(Vec<(Change, Fate)>),
}

/// What becomes of a change that is to blame.
pub(super) enum Fate {
    /// It is replaced.
    Replaced { by: Remedy },
    /// It is under way, and is stopped before it is replaced.
    Stopped { by: Remedy },
    /// Nothing can replace it.
    WithoutTarget,
    /// Another problem answers for it.
    Joined { problem: String },
    /// Something was deployed in answer to it.
    Answered { by: String },
    /// CodeDeploy itself replaces it.
    TakenBack { by: String },
    /// This has to happen first.
    Waits(String),
    /// Nothing is begun for now.
    Paused(Stopped),
    /// A runbook is run, after its check where that is wanted.
    Run(String),
    /// It need not be taken back, or must not, for this reason.
    Kept(String),
}

impl Fate {
    /// What a first step leads to, where nothing is done.
    pub(super) fn of(what: Move) -> Option<Self> {
        Some(match (what.state, what.said) {
            (None, Some(Said::Paused(stopped))) => Self::Paused(stopped),
            (Some(State::Shadowed(heal)), said) => {
                let by = heal.remedy;
                match said {
                    Some(Said::Own(Told::ShadowedAfterStop)) => Self::Stopped { by },
                    _ => Self::Replaced { by },
                }
            }
            (Some(State::Joined { problem }), _) => Self::Joined { problem },
            (Some(State::UnderWay { heal, deployment }), _) => match heal.by {
                Actor::Ours => Self::Answered { by: deployment },
                Actor::Platform => Self::TakenBack { by: deployment },
            },
            (Some(State::NotNeeded(needless)), _) => Self::Kept(needless.to_string()),
            (Some(State::Refused(HealRefusal::NoTarget { .. })), _) => Self::WithoutTarget,
            (Some(State::Refused(refusal)), _) => Self::Kept(refusal.to_string()),
            _ => return None,
        })
    }

    /// The same of a run.
    pub(super) fn of_run(run: &Run, what: runbook::Move) -> Option<Self> {
        let name = || format!("runbook {}", run.runbook.alias);
        Some(match (what.state, what.said) {
            (None, Some(runbook::Said::Paused(stopped))) => Self::Paused(stopped),
            (None, Some(runbook::Said::Own(runbook::Told::Busy { job, status, by }))) => {
                Self::Waits(format!("job {job} of {by}, which is {status}"))
            }
            (Some(runbook::State::Shadowed { .. } | runbook::State::Intended { .. }), _) => {
                Self::Run(name())
            }
            (Some(runbook::State::Joined { problem }), _) => Self::Joined { problem },
            (Some(runbook::State::NotNeeded { why }), _) => Self::Kept(why.to_string()),
            (Some(runbook::State::Refused { why }), _) => Self::Kept(why.to_string()),
            _ => return None,
        })
    }
}

impl fmt::Display for Conclusion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotProduction => f.write_str("none of its entities is production"),
            Self::Nothing { undecided } if undecided.is_empty() => {
                f.write_str("no change is to blame")
            }
            Self::Nothing { undecided } => {
                let names: Vec<&str> = undecided.iter().map(String::as_str).collect();
                write!(
                    f,
                    "no change is to blame; several applications have a group named {}, and \
                     {SETTING} can name the right one",
                    names.join(", ")
                )
            }
            Self::Ambiguous { newest, older } => write!(
                f,
                "either {newest} or {older} is to blame, and it is unknown which"
            ),
            Self::TooManyPlaces { count, most } => {
                write!(f, "{count} places are to blame, and {most} may be changed")
            }
            Self::Blamed(fates) => {
                let told = fates.iter().map(|(culprit, fate)| {
                    format!("{} is to blame, and {}", culprit.id(), fate.told(culprit))
                });
                f.write_str(&told.collect::<Vec<_>>().join("; "))
            }
        }
    }
}

impl Fate {
    fn told(&self, culprit: &Change) -> String {
        let taken_back = taken_back(culprit);
        match self {
            Self::Replaced { by } => done(by),
            Self::Stopped { by } => format!("is stopped, and then {}", done(by)),
            Self::WithoutTarget => "nothing can be deployed again".to_owned(),
            Self::Joined { problem } => format!("is answered under problem {problem}"),
            Self::Answered { by } => answered(culprit, by),
            Self::TakenBack { by } => format!("CodeDeploy itself rolls it back by {by}"),
            Self::Waits(what) => format!("what is done waits for {what}"),
            Self::Paused(stopped) => format!("is not {taken_back} yet: {stopped}"),
            Self::Run(runbook) => format!("{runbook} is run"),
            Self::Kept(why) => format!("is not {taken_back}: {why}"),
        }
    }
}
