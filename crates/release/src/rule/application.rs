//! One rule applied to one problem, and its life.
//!
//! # Transitions
//!
//! [`begin`] decides the rows whose name begins with `none.`, [`give_up`] those with
//! `gave-up.`, and [`step()`] the others; each is a case of the tests.
//!
//! An application is a part of the problem's document, and is written as long as
//! the claim on that is held. Flags are set in one transaction: each with its entry,
//! its event and how often the rule was followed today. Each is given back in one of
//! its own. Changes have ids
//! that follow from problem, rule and flag, so that one that was made is found
//! again and is not made twice. Comments are stored with the state that causes them.
//!
//! | Row | State | Event | Durable write | Call | Killed before | Killed after |
//! |---|---|---|---|---|---|---|
//! | `none.late` | – | the problem became known too long ago | – | – | – | – |
//! | `none.differs` | – | a clause does not hold | – | – | – | looked at again |
//! | `none.ask` | – | only the number is not known | – | the tenant is asked for it | – | looked at again |
//! | `none.paused` | – | it matches, and changes are paused, or nobody can say | – | – | – | looked at again |
//! | `none.shadow` | – | it matches, and is only told | Shadowed | – | matched again | as written |
//! | `none.matches` | – | it matches | Applying | – | matched again | set in the next look |
//! | `applying.unheard` | Applying | the tenant says nothing of the problem | – | – | – | looked at again |
//! | `applying.set` | Applying | the problem is open | – | the flags are set, but for what is blamed and what another rule has set | set again | found set |
//! | `applying.disallowed` | Applying | it is open, and nothing may be set any more: see the two rows below | – | it is looked whether an earlier look set them | looked at again | looked at again |
//! | `applying.paused` | Applying | none was set, and changes are paused, or nobody can say | – | – | – | looked at again |
//! | `applying.dropped` | Applying | none was set, and the problem became known too long ago, or the rule is off, only told or no longer declared | not needed | – | decided again | as written |
//! | `applying.held` | Applying | they are, and are given back on close | Holding | – | found set | as written |
//! | `applying.kept` | Applying | they are, and stay | Kept | – | found set | as written |
//! | `applying.nothing` | Applying | there is no flag to be set | not needed | – | decided again | as written |
//! | `applying.refused` | Applying | one cannot be set, the rule was followed too often, or it takes more writes than are made together | Refused | – | decided again | as written |
//! | `applying.closed` | Applying | the problem is closed | – | it is looked whether an earlier look set them | looked at again | looked at again |
//! | `applying.in-vain` | Applying | it is closed, and none was set | not needed | – | decided again | as written |
//! | `holding.open` | Holding | the problem is open, or nobody says that it is closed | – | – | – | looked at again; the clock ends it after a day, and says so an hour before: [`crate::hold`] |
//! | `holding.close` | Holding | it is closed, be it by the word of its notification while the tenant is silent | – | the flags are given back, unless somebody said something later | given back again | found given back |
//! | `holding.over` | Holding | they are | Ended | – | found given back | as written |
//! | `ended` | any that is final | – | – | – | – | – |
//! | `gave-up.applying` | Applying | the problem is followed no longer | before it, that the problem is watched if it holds flags; GaveUp | – | given up again | as written; the watch or the clock gives back what was set |
//! | `gave-up.holding` | Holding | the same | the same | – | given up again | as written; the watch or the clock gives back what was set |

use std::collections::BTreeMap;
use std::convert::Infallible;

use flags::Value;
use flags::state::Since;
use jiff::Timestamp;
use sha2::{Digest as _, Sha256};

use super::{Mode, Restore, Rule};
use crate::condition::{Answer, Checked, Metric};
use crate::step;

/// A rule applied to a problem.
#[derive(Clone, Debug, PartialEq)]
pub struct Application {
    /// The id of the rule.
    pub rule: String,
    /// When it matched.
    pub at: Timestamp,
    /// How far it is.
    pub state: State,
}

/// How far an application is.
#[derive(Clone, Debug, PartialEq)]
pub enum State {
    /// It matched, and is about to be done.
    Applying {
        /// The rule, as it matched.
        as_matched: Box<Rule>,
    },
    /// Flags are set for as long as the problem is open.
    Holding {
        /// What became of each.
        flags: BTreeMap<String, Became>,
    },
    /// Flags are set, and nothing is given back.
    Kept {
        /// What became of each.
        flags: BTreeMap<String, Became>,
    },
    /// The problem closed.
    Ended {
        /// What became of each flag.
        flags: BTreeMap<String, Back>,
    },
    /// It was said what would be done.
    Shadowed,
    /// It cannot be done.
    Refused {
        /// Why.
        why: String,
    },
    /// Nothing had to be done.
    NotNeeded {
        /// Why.
        why: String,
    },
    /// The problem was followed no longer; what was set is given back once it is
    /// over, or by the clock.
    GaveUp,
}

/// What became of a flag that a rule sets.
#[derive(Clone, Debug, PartialEq)]
pub enum Became {
    /// It was set.
    Set {
        /// What it was.
        before: Value,
        /// What it is, or moves to.
        after: Value,
    },
    /// It is what the rule wants, by this rule or by others.
    Already,
    /// It is left alone: it is blamed for the problem, or was for another and no
    /// person has changed it since.
    Blamed,
    /// It is left alone: another rule set it for the problem.
    Taken {
        /// Which.
        by: String,
    },
}

/// What became of a flag once the problem closed.
#[derive(Clone, Debug, PartialEq)]
pub enum Back {
    /// What was before is back.
    Given {
        /// What it is.
        value: Value,
    },
    /// Other problems hold it on.
    Shared,
    /// It is given back later, because it was changed back and forth.
    Later,
    /// Somebody said something later, and that holds.
    Superseded {
        /// Who, and when.
        by: Since,
    },
    /// The clock had given it back before.
    Ended,
    /// It had been blamed for a problem, and was taken back with what was set.
    Blamed,
    /// The problem held nothing any more, and nobody knows why.
    Gone,
}

/// What is known of the problem.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Situation {
    /// Whether the tenant said in this look how it stands.
    pub heard: bool,
    /// Whether it is closed, as the tenant says, or, while that is silent, its
    /// notification.
    pub closed: bool,
    /// What allows flags to be set. What is set already is given back regardless.
    pub allowed: Allowed,
}

/// What became of the calls since the last write.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Observed {
    /// Of setting flags.
    pub set: Option<Set>,
    /// Of giving them back.
    pub back: Option<BTreeMap<String, Back>>,
}

/// What became of setting flags.
#[derive(Clone, Debug, PartialEq)]
pub enum Set {
    /// All that had to be set are; where it is only looked, nothing of those that
    /// are not.
    Done(BTreeMap<String, Became>),
    /// None is, for this reason.
    Refused(String),
}

/// What comes next for an application: nothing is asked, a state is written and said.
pub type Step = step::Step<Infallible, State, Call>;

/// What is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    /// The flags are set.
    Set,
    /// It is only looked whether they were.
    Look,
    /// They are given back.
    GiveBack,
}

/// Whether a rule is applied to a problem that it was not applied to.
#[derive(Clone, Debug, PartialEq)]
pub enum Begin<'a> {
    /// It is not, and is not looked at again.
    Late,
    /// It is not for now: this clause does not hold.
    Differs(Checked),
    /// This number has to be known.
    Ask(&'a Metric),
    /// It matches, and waits for changes to be allowed.
    Paused,
    /// This is written, and said where it is final.
    Write(Application),
}

/// What allows a rule to be applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Allowed {
    /// Whether the problem is young enough.
    pub in_time: bool,
    /// Whether changes are paused, or nobody can say.
    pub paused: bool,
    /// What of the rule is done: nothing, if it is no longer declared.
    pub mode: Mode,
}

impl Allowed {
    /// What comes instead of setting flags, if they must not be set.
    fn instead(self) -> Option<Step> {
        let why = match self.mode {
            _ if !self.in_time => "the problem is too old",
            Mode::Off => "the rule is off or no longer declared",
            Mode::Shadow => "the mode is shadow",
            Mode::Auto if self.paused => return Some(Step::wait("changes to be allowed")),
            Mode::Auto => return None,
        };
        Some(Step::write(State::NotNeeded {
            why: why.to_owned(),
        }))
    }
}

/// Whether a rule is applied to a problem. `answer` is whether its condition holds.
pub fn begin<'a>(
    id: &str,
    rule: &Rule,
    answer: Answer<'a>,
    allowed: Allowed,
    now: Timestamp,
) -> Begin<'a> {
    match answer {
        _ if !allowed.in_time || allowed.mode == Mode::Off => return Begin::Late,
        Answer::Differs(checked) => return Begin::Differs(checked),
        Answer::Ask(metric) => return Begin::Ask(metric),
        Answer::Holds => {}
    }
    let state = match allowed.mode {
        Mode::Shadow | Mode::Off => State::Shadowed,
        Mode::Auto if allowed.paused => return Begin::Paused,
        Mode::Auto => State::Applying {
            as_matched: Box::new(rule.clone()),
        },
    };
    Begin::Write(Application {
        rule: id.to_owned(),
        at: now,
        state,
    })
}

/// The next step of an application.
pub fn step(application: &Application, situation: Situation, observed: &Observed) -> Step {
    let Situation {
        heard,
        closed,
        allowed,
    } = situation;
    let instead = allowed.instead().filter(|_| !closed);
    match (&application.state, &observed.set, &observed.back) {
        (State::Applying { .. }, Some(Set::Refused(why)), _) => {
            Step::write(State::Refused { why: why.clone() })
        }
        (State::Applying { as_matched }, Some(Set::Done(flags)), _) => {
            let instead = instead.filter(|_| flags.is_empty());
            let set = || Step::write(after_setting(as_matched.restore, flags.clone()));
            instead.unwrap_or_else(set)
        }
        (State::Applying { .. }, ..) if !heard && !closed => {
            Step::wait("the tenant to know the problem")
        }
        (State::Applying { .. }, ..) if closed || instead.is_some() => Step::Call(Call::Look),
        (State::Applying { .. }, ..) => Step::Call(Call::Set),
        (State::Holding { .. }, _, Some(back)) => Step::write(State::Ended {
            flags: back.clone(),
        }),
        (State::Holding { .. }, ..) if closed => Step::Call(Call::GiveBack),
        (State::Holding { .. }, ..) => Step::wait("the problem to close"),
        (
            State::Kept { .. }
            | State::Ended { .. }
            | State::Shadowed
            | State::Refused { .. }
            | State::NotNeeded { .. }
            | State::GaveUp,
            ..,
        ) => Step::Rest,
    }
}

fn after_setting(restore: Restore, flags: BTreeMap<String, Became>) -> State {
    let is_left = |became: &Became| matches!(became, Became::Blamed | Became::Taken { .. });
    if flags.values().all(is_left) {
        let why = if flags.is_empty() {
            "the problem closed before anything was set"
        } else {
            "every flag was blamed for a problem, or was set by another rule"
        };
        return State::NotNeeded {
            why: why.to_owned(),
        };
    }
    match restore {
        Restore::OnClose => State::Holding { flags },
        Restore::Never => State::Kept { flags },
    }
}

/// What an application ends in when its problem is followed no longer.
pub fn give_up(application: &Application) -> Option<State> {
    (!application.state.is_final()).then_some(State::GaveUp)
}

impl State {
    /// Whether nothing follows any more.
    pub fn is_final(&self) -> bool {
        !matches!(self, Self::Applying { .. } | Self::Holding { .. })
    }

    /// Whether something was set or told, so that the rule is not applied to the
    /// problem again, even if that opens again.
    pub fn is_spent(&self) -> bool {
        !matches!(self, Self::Refused { .. } | Self::NotNeeded { .. })
    }

    /// The flags that the problem may hold because of it.
    pub fn flags(&self) -> Vec<&str> {
        let (Self::Holding { flags } | Self::Kept { flags }) = self else {
            return Vec::new();
        };
        let set = flags
            .iter()
            .filter(|(_, became)| matches!(became, Became::Set { .. } | Became::Already));
        set.map(|(flag, _)| flag.as_str()).collect()
    }

    /// How far it is, in a word for logs.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Applying { .. } => "applying",
            Self::Holding { .. } => "holding",
            Self::Kept { .. } => "kept",
            Self::Ended { .. } => "ended",
            Self::Shadowed => "shadowed",
            Self::Refused { .. } => "refused",
            Self::NotNeeded { .. } => "notNeeded",
            Self::GaveUp => "gaveUp",
        }
    }
}

/// The id of the change that sets a flag for a problem by a rule: always the same.
pub fn change_of(problem: &str, rule: &str, flag: &str) -> String {
    id(["set", problem, rule, flag])
}

/// The id of the change that gives a flag back once a problem closed.
pub fn return_of(problem: &str, flag: &str) -> String {
    id(["back", problem, flag, ""])
}

fn id(parts: [&str; 4]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part.as_bytes());
        hash.update([0]);
    }
    let hash = hash.finalize();
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&hash[..16]);
    uuid::Builder::from_custom_bytes(bytes)
        .into_uuid()
        .to_string()
}

#[cfg(test)]
mod tests;
