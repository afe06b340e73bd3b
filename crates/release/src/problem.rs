//! A problem that the tenant reported, and everything that was done about it.
//!
//! One problem is one document: the holder of its claim writes it as a whole,
//! with the comments that its steps cause, so that no step can be stored
//! without the words for it.

pub mod adoption;
pub mod cause;
pub mod following;
pub mod giving_up;
#[cfg(test)]
mod sample;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::change::Change;
use crate::outbox::Entry;
use crate::remediation::{Needless, State};
use crate::rule::Application;
use crate::runbook::Run;
use crate::work::{Counts, Time};

/// The longest id that a problem may have, in bytes.
pub const LONGEST_ID: usize = 200;

/// How many comments a record holds. A problem that opens and closes for days
/// leaves out its oldest ones, those first that are no longer owed.
const MOST_COMMENTS: usize = 40;

/// A problem that the tenant reported.
#[derive(Clone, Debug, PartialEq)]
pub struct Problem {
    /// What the tenant's API calls it.
    pub id: String,
    /// What people call it, such as `P-22013994`.
    pub display_id: Option<String>,
    /// What is wrong, in a few words.
    pub title: Option<String>,
    /// When it was first reported or found; what is done without a person has to be done
    /// soon after.
    pub noticed: Timestamp,
    /// How it became known.
    pub arrival: Arrival,
    /// When it began, as the tenant says.
    pub began: Option<Timestamp>,
    /// When it ended.
    pub closed: Option<Timestamp>,
    /// The problem that it became a part of. From then on that one says whether
    /// this one is over.
    pub merged_into: Option<String>,
    /// The ids of the entities that it is felt on.
    pub impacted: Vec<String>,
    /// The id of the entity that it comes from.
    pub root_cause: Option<String>,
    /// What was found out about its cause.
    pub cause: Cause,
    /// What is done about it, one per place.
    pub remediations: Vec<Remediation>,
    /// The rules that were applied to it, each once.
    pub applications: Vec<Application>,
    /// The runs of runbooks that answer it, one per target.
    pub runs: Vec<Run>,
    /// The newest change that could be the cause if none that is blamed is.
    pub next_older: Option<Change>,
    /// What is to be said about it and what was, the oldest first.
    pub comments: Vec<Entry>,
    /// How often looking at it failed since it last went well.
    pub faults: u32,
    /// How often it was looked at without result since something last changed.
    pub waits: u32,
    /// When nothing more is tried.
    pub give_up_at: Timestamp,
    /// Whether something is still owed.
    pub phase: Phase,
}

/// How a problem became known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Arrival {
    /// The tenant sent a notification.
    Webhook,
    /// It was found open, and no notification had come.
    Adopted,
}

/// What a notification says of a problem.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Reported {
    /// It goes on.
    Open,
    /// It is over.
    Resolved,
    /// It became a part of another one.
    Merged,
}

/// What was found out about the cause of a problem.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cause {
    /// Nobody looked yet.
    Pending,
    /// The tenant tried out its connection; there is no such problem.
    Test,
    /// No affected entity belongs to production.
    NotProduction,
    /// It was over before anything was found out.
    Over,
    /// Nothing that touches the affected entities was changed shortly before.
    NothingChanged,
    /// Changes are to blame; each has its remediation.
    Blamed,
    /// More places would have to change than the operator allows.
    TooManyPlaces {
        /// How many.
        places: usize,
    },
    /// Either of two changes may be to blame, and nobody can say which.
    Ambiguous {
        /// Their ids.
        changes: Vec<String>,
    },
    /// The cause could not be found out in time.
    GaveUp,
}

/// What is done about a problem in one place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remediation {
    /// The change that is to blame, as it is known.
    pub culprit: Change,
    /// Whether the culprit is suspect because of this problem, and this problem
    /// still has to say what becomes of it.
    pub holds: bool,
    /// Whether the culprit's own deployment is stopped for this problem: what
    /// it left half done has to be replaced, even once the problem is over.
    pub stopped: bool,
    /// How far it is.
    pub state: State,
}

/// Whether something is still owed to a problem.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Phase {
    /// It is looked at until it is over.
    Active,
    /// Nothing more will be done.
    Settled,
}

impl Problem {
    /// A problem whose id is all that is known.
    pub fn heard_of(
        id: impl Into<String>,
        arrival: Arrival,
        now: Timestamp,
        patience: SignedDuration,
    ) -> Self {
        Self {
            id: id.into(),
            display_id: None,
            title: None,
            noticed: now,
            arrival,
            began: None,
            closed: None,
            merged_into: None,
            impacted: Vec::new(),
            root_cause: None,
            cause: Cause::Pending,
            remediations: Vec::new(),
            applications: Vec::new(),
            runs: Vec::new(),
            next_older: None,
            comments: Vec::new(),
            faults: 0,
            waits: 0,
            give_up_at: now.saturating_add(patience).unwrap_or(Timestamp::MAX),
            phase: Phase::Active,
        }
    }

    /// How often it was looked at without result.
    pub fn counts(&self) -> Counts {
        let Self { faults, waits, .. } = *self;
        Counts { faults, waits }
    }

    /// Remembers how often it was.
    pub fn count(&mut self, Counts { faults, waits }: Counts) {
        self.faults = faults;
        self.waits = waits;
    }

    /// Whether it settled before anything was done, so that it is looked at
    /// once more if it is said to be open again.
    pub fn may_begin_again(&self) -> bool {
        let nothing_done = match self.cause {
            Cause::NotProduction
            | Cause::Over
            | Cause::NothingChanged
            | Cause::Ambiguous { .. }
            | Cause::TooManyPlaces { .. } => true,
            Cause::Blamed => {
                let healed_nothing = self.remediations.iter().all(Remediation::did_nothing);
                healed_nothing && self.runs.iter().all(Run::did_nothing)
            }
            Cause::Pending | Cause::Test | Cause::GaveUp => false,
        };
        self.phase == Phase::Settled && nothing_done
    }

    /// Whether it settled because it was over before anything was done.
    pub fn was_over(&self) -> bool {
        let over = match self.cause {
            Cause::Over => true,
            Cause::Blamed => {
                let heals = self.remediations.iter();
                let mut over = heals.map(|heal| heal.state == State::NotNeeded(Needless::Closed));
                // A change that was answered before leaves neither of them.
                let is_answered = !self.remediations.is_empty() || !self.runs.is_empty();
                is_answered && over.all(|over| over) && self.runs.iter().all(Run::was_over)
            }
            _ => false,
        };
        self.phase == Phase::Settled && over
    }

    /// The problem as if it had become known now; its comments stay, and so do the
    /// rules that need not be applied again.
    #[must_use]
    pub fn begun_again(self, now: Timestamp, patience: SignedDuration) -> Self {
        Self {
            display_id: self.display_id,
            title: self.title,
            impacted: self.impacted,
            comments: self.comments,
            applications: self
                .applications
                .into_iter()
                .filter(|one| one.state.is_spent())
                .collect(),
            ..Self::heard_of(self.id, self.arrival, now, patience)
        }
    }

    /// Takes in whom it is blamed on, beside what answers it already, and the newest
    /// change that could be the cause otherwise.
    pub fn blame(
        &mut self,
        remediations: Vec<Remediation>,
        runs: Vec<Run>,
        next_older: Option<Change>,
    ) {
        self.cause = Cause::Blamed;
        self.remediations.extend(remediations);
        self.runs.extend(runs);
        self.next_older = next_older;
    }

    /// Whether this change has its answer here.
    pub fn answers(&self, change: &Change) -> bool {
        let mut culprits = self.remediations.iter().map(|one| &one.culprit);
        culprits.any(|culprit| culprit.id() == change.id() && culprit.place() == change.place())
    }

    /// Takes in a step of a run. Where that comes to nothing, its change hides no other
    /// one: the cause is looked for once more.
    pub fn take_of_run(&mut self, index: usize, has_moved: bool, take: impl FnOnce(&mut Run)) {
        let run = &mut self.runs[index];
        take(run);
        if has_moved && run.gives_way() && self.closed.is_none() {
            self.cause = Cause::Pending;
        }
    }

    /// Has the words of a step said. What has moved on is looked at again soon.
    pub fn stepped(&mut self, has_moved: bool, said: Option<String>, now: Timestamp) {
        if has_moved {
            self.waits = 0;
        }
        if let Some(text) = said {
            self.say(text, now);
        }
    }

    /// Has something said about it, unless that was said already: a problem that
    /// begins again may come to what it came to before.
    pub fn say(&mut self, text: String, now: Timestamp) {
        if self.has_said(&text) {
            return;
        }
        if self.comments.len() >= MOST_COMMENTS {
            let done = |comment: &Entry| !comment.is_owed();
            let oldest = self.comments.iter().position(done).unwrap_or(0);
            self.comments.remove(oldest);
        }
        self.comments.push(Entry::new(text, now));
    }

    /// Whether this was said about it already, or is to be.
    pub fn has_said(&self, text: &str) -> bool {
        self.comments.iter().any(|said| said.text == text)
    }

    /// What a person calls it.
    pub fn name(&self) -> &str {
        self.display_id.as_deref().unwrap_or(&self.id)
    }

    /// How far it is, in a word for answers and logs.
    pub fn word(&self) -> &'static str {
        match self.cause {
            Cause::Pending => "pending",
            Cause::Test => "test",
            Cause::NotProduction => "ignored",
            Cause::Over => "over",
            Cause::NothingChanged => "nothingDeployed",
            Cause::TooManyPlaces { .. } | Cause::Ambiguous { .. } => "refused",
            Cause::GaveUp => "gaveUp",
            Cause::Blamed => {
                let heal = self.remediations.first().map(|heal| heal.state.word());
                let run = self.runs.first().map(|run| run.state.word());
                heal.or(run).unwrap_or("blamed")
            }
        }
    }

    /// The comments that the tenant has not taken yet.
    pub fn owed(&self) -> impl Iterator<Item = &Entry> {
        self.comments.iter().filter(|comment| comment.is_owed())
    }

    /// Whether it may be worked on any longer.
    pub fn time(&self, now: Timestamp) -> Time {
        if self.give_up_at <= now {
            Time::Over
        } else {
            Time::Left
        }
    }

    /// Whether the tenant need not be asked about it any more: its cause is found
    /// or given up, nothing is being done, no culprit waits to hear what becomes of
    /// it, and no rule has set what is to be given back.
    pub fn is_decided(&self) -> bool {
        self.cause != Cause::Pending
            && self.remediations.iter().all(Remediation::is_over)
            && self.applications.iter().all(|one| one.state.is_final())
            && self.runs.iter().all(Run::is_over)
    }

    /// Whether nothing more can change here: it is decided, and everything is
    /// said.
    pub fn is_over(&self) -> bool {
        self.is_decided() && self.owed().next().is_none()
    }
}

impl Remediation {
    /// Whether it has changed its place, or is about to, and is not done with it:
    /// it goes on whatever the tenant says.
    pub fn is_begun(&self) -> bool {
        match self.state {
            State::Intended(_) | State::UnderWay { .. } => true,
            State::Attributed => self.stopped,
            _ => false,
        }
    }

    /// Whether nothing more is done, and the culprit has heard what becomes of
    /// it.
    pub fn is_over(&self) -> bool {
        self.state.is_final() && !self.holds
    }

    /// Whether nothing was done about the culprit, nor is it known to be good
    /// or bad because of this problem.
    fn did_nothing(&self) -> bool {
        let waited = matches!(self.state, State::Refused(_) | State::NotNeeded(_));
        waited && !self.holds && !self.stopped
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::change::Remedy;
    use crate::deployment::{Deployment, Group, Origin};
    use crate::remediation::{Actor, Heal, HealRefusal, Needless};

    fn deployment() -> Deployment {
        Deployment {
            id: "d-1".to_owned(),
            group: Group {
                application: "App".to_owned(),
                name: "Production".to_owned(),
            },
            at: Timestamp::UNIX_EPOCH,
            execution: None,
            identity: "one".to_owned(),
            location: None,
            digest: None,
            version: "1".to_owned(),
            origin: Origin::Release,
        }
    }

    #[test]
    fn problem_that_opens_and_closes_for_days_says_what_is_newest() {
        let now = Timestamp::UNIX_EPOCH;
        let mut problem =
            Problem::heard_of("P-1", Arrival::Webhook, now, SignedDuration::from_hours(1));
        for number in 0..200 {
            problem.say(format!("opened for the {number}th time"), now);
            if number % 2 == 0 {
                problem.comments.last_mut().unwrap().posted = Some(now);
            }
        }

        assert_eq!(problem.comments.len(), MOST_COMMENTS);
        let newest = problem.comments.last().unwrap();
        assert_eq!(newest.text, "opened for the 199th time");
        assert!(problem.owed().count() > MOST_COMMENTS / 2);
    }

    fn states() -> Vec<State> {
        let at = Timestamp::UNIX_EPOCH;
        let heal = Heal {
            remedy: Remedy::Redeploy(deployment()),
            by: Actor::Ours,
            marker: "[mark]".to_owned(),
            at,
        };
        let text = || "text".to_owned();
        vec![
            State::Attributed,
            State::Joined { problem: text() },
            State::Intended(heal.clone()),
            State::UnderWay {
                heal: heal.clone(),
                deployment: text(),
            },
            State::Confirmed {
                heal: heal.clone(),
                deployment: text(),
                at,
                closed: at,
            },
            State::HealFailed {
                heal: heal.clone(),
                deployment: None,
                reason: text(),
            },
            State::Shadowed(heal.clone()),
            State::Refused(HealRefusal::SwitchedOff),
            State::Refused(HealRefusal::TooOften {
                group: text(),
                count: 2,
                hours: 24,
            }),
            State::NotNeeded(Needless::Closed),
            State::NotNeeded(Needless::Replaced {
                running: text(),
                culprit: text(),
            }),
            State::GaveUp {
                heal: Some(heal),
                deployment: None,
            },
        ]
    }

    #[test]
    fn problem_was_over_only_if_each_of_its_answers_was_not_needed() {
        let now = Timestamp::UNIX_EPOCH;
        let mut problem =
            Problem::heard_of("P-1", Arrival::Webhook, now, SignedDuration::from_hours(1));
        problem.phase = Phase::Settled;
        problem.cause = Cause::Blamed;
        assert!(!problem.was_over(), "its change was answered before");
        for state in states() {
            let is_over = state == State::NotNeeded(Needless::Closed);
            problem.remediations = vec![Remediation {
                culprit: Change::Deployment(deployment()),
                holds: false,
                stopped: false,
                state,
            }];
            assert_eq!(problem.was_over(), is_over);
        }
    }

    #[test]
    fn nothing_is_over_while_something_is_owed() {
        let now = Timestamp::UNIX_EPOCH;
        let mut problem =
            Problem::heard_of("P-1", Arrival::Webhook, now, SignedDuration::from_hours(1));
        assert!(!problem.is_over(), "nobody looked yet");
        problem.cause = Cause::NothingChanged;
        assert!(problem.is_over());
        problem.comments = vec![Entry::new("said".to_owned(), now)];
        assert!(!problem.is_over(), "a comment is owed");
        problem.comments[0].posted = Some(now);
        assert!(problem.is_over());

        problem.cause = Cause::Blamed;
        for state in states() {
            let is_final = state.is_final();
            problem.remediations = vec![Remediation {
                culprit: Change::Deployment(deployment()),
                holds: false,
                stopped: false,
                state,
            }];
            assert_eq!(problem.is_over(), is_final);
            problem.remediations[0].holds = true;
            assert!(!problem.is_over(), "the culprit waits");
        }
    }
}
