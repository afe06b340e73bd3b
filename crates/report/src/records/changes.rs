//! What flags are, and what became of them.

use flags::state::{Assignment, Course, End, State};
use flags::{Audience, Declaration, Difference, Entry, Rollout, Share, Value};
use jiff::Timestamp;

/// All flags of a set.
#[derive(Clone, Debug)]
pub struct Changes<'a> {
    /// The set.
    pub set: &'a str,
    /// The flags by name.
    pub flags: &'a [FlagNow<'a>],
    /// Where the same is as JSON.
    pub json: Option<&'a str>,
}

/// One flag.
#[derive(Clone, Debug)]
pub struct FlagNow<'a> {
    /// What is declared.
    pub declaration: &'a Declaration,
    /// What was said; nothing, if nobody touched it.
    pub state: Option<&'a State>,
    /// What was written down when the word was said that holds, or of the last
    /// change if none does.
    pub entry: Option<&'a Entry>,
    /// Where its history is.
    pub history: Option<String>,
}

/// Part of the history of one flag.
#[derive(Clone, Debug)]
pub struct FlagHistory<'a> {
    /// The set.
    pub set: &'a str,
    /// The flag.
    pub flag: &'a str,
    /// What it is now; nothing, if it is no longer declared.
    pub now: Option<&'a FlagNow<'a>>,
    /// The entries of this page, the newest first.
    pub entries: &'a [Written],
    /// Two entries to be compared, the older one first.
    pub compared: Option<(&'a Entry, &'a Entry)>,
    /// Where the newest entries are, if this is not their page.
    pub newest: Option<&'a str>,
    /// Where older entries are.
    pub older: Option<&'a str>,
    /// Where the same is as JSON.
    pub json: Option<&'a str>,
}

/// An entry of a history.
#[derive(Clone, Debug)]
pub struct Written {
    /// The entry.
    pub entry: Entry,
    /// What it changed.
    pub changed: Vec<Difference>,
    /// Where it is compared with the entry before it; nothing for the first.
    pub compared: Option<String>,
}

/// What everybody is answered.
pub(crate) enum Answered<'a> {
    /// The same value.
    Same(Value),
    /// A share of all users one variant, the others another.
    Split(&'a Rollout),
    /// As a rule says.
    Rule,
}

/// When what holds ends.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Until<'a> {
    /// When somebody says otherwise.
    Open,
    /// At this moment, unless somebody keeps it.
    Lease(Timestamp),
    /// With the last of these problems, at this moment at the latest.
    Problems(&'a End, Timestamp),
}

impl<'a> FlagNow<'a> {
    /// The word that holds; none, if it is what was declared.
    pub(crate) fn assignment(&self, now: Timestamp) -> Option<&'a Assignment> {
        let off = self.declaration.off.is_some();
        self.state.filter(|_| !off)?.assignment(now)
    }

    pub(crate) fn answered(&self, now: Timestamp) -> Answered<'a> {
        let declared = self.declaration;
        if let Some(off) = &declared.off {
            return Answered::Same(off.clone());
        }
        match (self.assignment(now), &declared.audience) {
            (Some(assignment), _) => Answered::Same(assignment.course.at(now)),
            (None, Audience::Everybody) => Answered::Same(declared.default.clone()),
            (None, Audience::Rollout(rollout)) => Answered::Split(rollout),
            (None, Audience::Targeting(_)) => Answered::Rule,
        }
    }

    pub(crate) fn until(&self, now: Timestamp) -> Until<'a> {
        match self.assignment(now).map(|assignment| &assignment.end) {
            None | Some(End::Never) => Until::Open,
            Some(End::Lease(until)) => Until::Lease(*until),
            Some(end @ End::Holds(_)) => match end.at_the_latest() {
                Some(until) => Until::Problems(end, until),
                None => Until::Open,
            },
        }
    }

    /// The value once what holds has ended by itself, if it does.
    pub(crate) fn then(&self, now: Timestamp) -> Option<Value> {
        let at = match self.until(now) {
            Until::Open => return None,
            Until::Lease(at) | Until::Problems(_, at) => at,
        };
        Some(self.state?.value(self.declaration, at))
    }

    /// Where the value moves to, and when it has arrived.
    pub(crate) fn moves(&self, now: Timestamp) -> Option<(&'a Value, Timestamp)> {
        match &self.assignment(now)?.course {
            Course::Ramp(ramp) if now < ramp.end => Some((&ramp.to, ramp.end)),
            Course::Ramp(_) | Course::Steady(_) => None,
        }
    }
}

impl Answered<'_> {
    /// In a few words, where it is no single value.
    pub(crate) fn in_words(&self) -> Option<String> {
        match self {
            Self::Same(_) => None,
            Self::Split(Rollout {
                variant,
                otherwise,
                share,
            }) => Some(match share {
                Share::Percent(percent) => {
                    format!("{variant} for {percent} % of users, {otherwise} for the others")
                }
                Share::Flag(flag) => format!(
                    "{variant} for as many percent of users as {flag} says, {otherwise} for the others"
                ),
            }),
            Self::Rule => Some("As its rule says".to_owned()),
        }
    }
}

/// A change of a flag that may be taken back.
#[derive(Clone, Debug)]
pub struct TakingBack<'a> {
    /// The set.
    pub set: &'a str,
    /// The flag.
    pub flag: &'a str,
    /// What the change said, where that is still kept.
    pub said: Option<Said<'a>>,
    /// What the flag is now.
    pub value: String,
    /// What it would be afterwards; else why the change cannot be taken back.
    pub after: Result<String, String>,
    /// Where it is taken back.
    pub action: &'a str,
    /// What came of asking for it, if it was asked for.
    pub outcome: Option<&'a str>,
}

/// What somebody said of a flag.
#[derive(Clone, Debug)]
pub struct Said<'a> {
    /// The value.
    pub value: String,
    /// Who.
    pub by: &'a str,
    /// When.
    pub at: Timestamp,
}
