//! A validation: the requested judgement of one build, and its life.
//!
//! # Transitions
//!
//! A validation is found when it is due, and worked on by the holder of its
//! claim. Claiming is a conditional write that moves the due time past the
//! lease, so that a crashed worker's validation becomes due again by itself.
//! Every later write is conditional on the claim.
//!
//! [`crate::judging::step`] decides the rows whose name begins with `judge.`, and
//! [`crate::approval::step`] those without a `story.`; each of them is a case of
//! the tests of its function. A row whose name begins with `story.` takes a store
//! or a person; `tests/tests/it/rows.rs` names the test of each.
//! What one look does in which order is the table of [`life`], and when it is
//! looked at again that of [`crate::work`]. What becomes of a result that its hook
//! does not take is the table of [`crate::outbox`].
//!
//! # States
//!
//! A [`State`] holds what belongs to it and nothing else. Its phase is the word
//! that is stored and that the table below uses.
//!
//! | State | Phase | Holds |
//! |---|---|---|
//! | [`State::Waiting`] | Waiting | nothing |
//! | [`State::Unjudged`] | Settled | how it ended: superseded, or given up |
//! | [`State::Judged`], [`Progress::Owed`] | Judged | the verdict; the intent, where an answer is about to be sent; who released it |
//! | [`State::Judged`], [`Progress::Ended`] | Judged | the same, and how its approval ended, with who overrode our answer |
//! | [`State::Judged`], [`Progress::Settled`] | Settled | the same |
//!
//! Whoever takes an approval further holds [`Answering`], which
//! [`life::next`] makes of a judged validation alone. The result hook is owed
//! beside the approval, and whether a worker is stuck says nothing of the state;
//! neither do the intent that a superseded validation left behind, and those who
//! had it judged again.
//!
//! # Rows
//!
//! The time of a validation is over at `give_up_at`; a person's wish gives it as
//! much time again as it had from its registration, counted from the wish.
//!
//! | Row | Phase | Event | Durable write | External call | Killed before the write | Killed after the write |
//! |---|---|---|---|---|---|---|
//! | `story.registered` | – | registered | validation, slot, job marker, spec, ledger in one transaction; predecessor in the slot → Settled(superseded), its intent inherited; due only while its hook is owed | job success | nothing stored, the job is delivered again | the job is delivered again and finds its marker |
//! | `story.unreadable` | any | cannot be read, or makes its worker panic | looks + 1, due = backoff; after the last look: stuck, due for nobody | – | lease | as written |
//! | `story.claimed` | any | due | claim, due = lease | – | still due | due again at the lease |
//! | `judge.healed` | Waiting | a heal that names the build, or its rollback, reached the group first, before the window ended | → Judged(Failed), evidence | – | lease, judged again | next row of Judged |
//! | `judge.overtaken` | Waiting | any other deployment reached the group first, before the window ended | → Judged(Inconclusive), evidence, nothing is learnt | – | lease, judged again | next row of Judged |
//! | `judge.beside` | Waiting | a group behind the source environment that is not judged was changed in the window | the same | – | lease, judged again | next row of Judged |
//! | `judge.followed` | Waiting | another execution may have changed in the window what this one brought by other means than CodeDeploy | the same | – | lease, judged again | next row of Judged |
//! | `judge.unasked` | Waiting | a group cannot be asked what was deployed to it | due = backoff, faults + 1, claim released | – | lease | as written |
//! | `judge.missing` | Waiting | a number is missing and patience is left | due = next look, claim released | – | lease | as written |
//! | `judge.fault` | Waiting | a fault | due = backoff, faults + 1, claim released | – | lease | as written |
//! | `judge.unmeasured` | Waiting | a fault, and its time is over | → Judged(Inconclusive), evidence | – | lease | next row of Judged |
//! | `judge.measured` | Waiting | everything is measured; what is compared is no baseline where it is bad, or the build itself and not good there | → Judged, evidence, slot, ledger in one transaction | – | lease, judged again from the same window | next row of Judged |
//! | `story.judged-and-intended` | Waiting | the same, and its approval was seen open beside it, and it is the only validation of it | the same, and the intent with its action execution in the same transaction | – | lease, judged again from the same window | row of the intent |
//! | `story.counted` | Judged | its verdict was not counted for certain | with the next deferral: told | metric of the verdict | counted again | as written |
//! | `nothing-to-answer` | Judged | no approval asked for | ending = nothing to answer | – | lease | as written |
//! | `not-yet` | Judged | another validation of the approval is not judged or rejects, the verdict is held, or the approval is not open | due = backoff, claim released | – | lease | as written |
//! | `paused` | Judged | the approval is open, and approving is paused for its pipeline or frozen | due = backoff, claim released | – | lease, asked again | as written |
//! | `intend` | Judged | the approval is open | intent with its action execution | – | lease, asked again | sent again: the same token answers once |
//! | `send` | Judged, intent | – | – | approval result | lease, sent again | found answered, counts as its own |
//! | `answered` | Judged, intent | sent, or found answered, or another action execution is met | ending = answered; a rejection is watched | – | lease, asked again | as written |
//! | `ended` | Judged | a person answered, or the execution ended | ending, ledger | – | lease, asked again | as written |
//! | `story.hook` | Judged, hook | delivered | hook = delivered | result hook | delivered again: the receiver sees the same id | as written |
//! | `story.hook.refused` | Judged or settled, hook owed | not delivered | with the next deferral: attempts + 1, due = backoff by its attempts | – | delivered again: the receiver sees the same id | as written |
//! | `story.hook.never` | Judged or settled, hook owed | nothing signs results any more, or its origin is not allowed | hook = given up, with the reason | – | due again, given up | as written |
//! | `story.hook.no-result` | Settled, hook owed | superseded before it was judged, or its time is over | hook = given up | – | lease | due again, leaves the index |
//! | `story.hook.superseded` | Settled, hook owed | superseded after it was judged | hook = delivered | result hook | delivered again: the receiver sees the same id | due again, leaves the index |
//! | `watched` | Judged, watched | the stage can still be retried | due = backoff, claim released | – | lease, asked again | as written |
//! | `watched.over` | Judged, watched | nobody can retry any more: the execution is over, or a newer one is in the stage | – | – | lease, asked again | next row but one |
//! | `watched.overridden` | Judged, watched | a person overrides a rejection or answers what was held | override, ledger | – | lease, asked again | as written |
//! | `story.gave-up.unjudged` | Waiting | a fault, although its time is over | → Settled(gave up), hook = given up | – | lease | finished |
//! | `story.gave-up` | Judged | its time is over | ending = gave up, unless it ended before; hook = given up, if owed; → Settled, listed for people while its approval may wait | – | lease | finished |
//! | `story.released` | Judged and held, or given up, released before or not | a person releases it | released, the slot's answer = approve, ledger, due now, no claim, in one transaction; a worker's claim is lost | – | as it was | the rows of Judged: approved through an intent |
//! | `story.rejudged` | Judged as inconclusive and unanswered, or given up | a person wants it judged again | → Waiting, due now, no verdict, no answer in the slot, hook owed, no claim, in one transaction; a worker's claim is lost | – | as it was | judged again from the same window |
//! | `story.rejudged.unjudged` | Settled as given up before it was judged | a person wants it judged again | the same | – | as it was | judged again from the same window |
//! | `story.rejudged.stuck` | any but Settled, stuck | a person wants it judged again | the same where nothing was decided; else due now, no claim; the looks are forgotten | – | as it was | goes on from where it was left |
//! | `story.settled` | Judged | nothing is left to do | → Settled, no due time, expiry | – | lease | finished |

pub mod life;
pub mod wish;

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use monspec::{Comparison, ServiceEntry, Verdict};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::approval::Answer;
use crate::deployment::{Deployment, Group};
use crate::execution::{ExecutionMode, SourceRevision};
use crate::otherwise::Otherwise;
use crate::outbox::Entry;
use crate::window::{Window, saturating_add};
use crate::work::{Counts, Outcome, Time};

/// Names one validation. Ids sort by the time of registration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ValidationId(Uuid);

impl ValidationId {
    /// An id for a validation registered at `now`; `random` tells apart those
    /// of the same millisecond.
    pub fn new(now: Timestamp, random: [u8; 10]) -> Self {
        let millis = u64::try_from(now.as_millisecond()).unwrap_or(0);
        Self(uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid())
    }
}

impl fmt::Display for ValidationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for ValidationId {
    type Err = uuid::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Uuid::parse_str(text).map(Self)
    }
}

/// What was asked for. Its record never changes after registration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registration {
    /// The validation's id.
    pub id: ValidationId,
    /// The pipeline whose build is judged.
    pub pipeline: String,
    /// The execution that the verdict belongs to. Only a direct registration
    /// without an approval may lack it.
    pub execution: Option<String>,
    /// How approvals of this pipeline are found.
    pub mode: ExecutionMode,
    /// Who registered it.
    pub registrant: Registrant,
    /// The comparison of the monspec.
    pub comparison: String,
    /// The span that belongs to the build, before any shift.
    pub window: Window,
    /// The approval to answer, if any.
    pub approval: Option<ApprovalAction>,
    /// The hash of the monspec that judges it.
    pub spec: String,
    /// What the execution released.
    pub sources: Vec<SourceRevision>,
    /// What a person calls the build.
    pub version: String,
    /// The deployments that the window has to belong to.
    pub deployments: Vec<Deployment>,
    /// Why the verdict teaches nothing, in words for people: it is not known
    /// which of them it is about. Without a reason it teaches.
    pub untaught: Option<String>,
    /// The deployment groups behind the source environments, where known. Those
    /// of them that none of the deployments is to have to stay as they are.
    pub source_groups: Vec<Group>,
    /// What may have brought the build by other means than CodeDeploy.
    pub otherwise: Vec<Otherwise>,
    /// The deployment groups behind the compared environments, which only records
    /// of earlier versions do not tell by service entry.
    pub compare_groups: Vec<Group>,
    /// The deployment groups behind the compared environment of each service
    /// entry, where known.
    pub compared: BTreeMap<String, Vec<Group>>,
    /// The environments that are compared, and by which service entries. Records
    /// of earlier versions do not name them.
    pub environments: Vec<Environments>,
    /// Where the result is posted, if anywhere.
    pub result_hook: Option<String>,
    /// When it was registered.
    pub registered_at: Timestamp,
    /// When the first look is taken.
    pub due_at: Timestamp,
    /// When waiting ends in a visible state.
    pub give_up_at: Timestamp,
    /// When the record may be forgotten.
    pub expires_at: Timestamp,
}

impl Registration {
    /// The deployments that the ledger learns the verdict of.
    pub fn taught(&self) -> &[Deployment] {
        match self.untaught {
            None => &self.deployments,
            Some(_) => &[],
        }
    }

    /// All deployment groups behind compared environments.
    pub fn compared_groups(&self) -> impl Iterator<Item = &Group> {
        let groups = self.compared.values().flatten();
        groups.chain(&self.compare_groups)
    }

    /// The deployment groups behind the compared environment of a service
    /// entry, where known.
    pub fn compared_by(&self, entry: &str) -> &[Group] {
        match self.compared.get(entry) {
            Some(groups) => groups,
            None if self.compared.is_empty() => &self.compare_groups,
            None => &[],
        }
    }
}

/// Two environments that are compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Environments {
    /// That of the new build.
    pub source: String,
    /// The one that it is compared with, if any.
    pub compare: Option<String>,
    /// The service entries that compare these two.
    pub entries: Vec<String>,
}

impl Environments {
    /// Each two environments once, with the entries that compare them.
    pub fn of(compared: &[(&ServiceEntry, &Comparison)]) -> Vec<Self> {
        let mut all: Vec<Self> = Vec::new();
        for (
            entry,
            Comparison {
                source, compare, ..
            },
        ) in compared
        {
            let is_same = |one: &&mut Self| one.source == *source && one.compare == *compare;
            match all.iter_mut().find(is_same) {
                Some(same) => same.entries.push(entry.id.clone()),
                None => all.push(Self {
                    source: source.clone(),
                    compare: compare.clone(),
                    entries: vec![entry.id.clone()],
                }),
            }
        }
        all
    }
}

/// Who registered a validation. Registering again replaces what the same
/// registrant asked for in the same execution.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Registrant {
    /// An action of the pipeline.
    Action {
        /// The stage of the registering action.
        stage: String,
        /// The registering action.
        action: String,
    },
    /// Another caller.
    Direct,
}

/// A manual approval action.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApprovalAction {
    /// The stage that holds it.
    pub stage: String,
    /// Its name.
    pub action: String,
}

/// A validation as it stands.
#[derive(Clone, Debug, PartialEq)]
pub struct Validation {
    /// What was asked for.
    pub registration: Registration,
    /// The answer that the validation it superseded was about to give.
    pub inherited: Option<Intent>,
    /// How far it is.
    pub state: State,
    /// The result that is posted, where a hook asked for it: known by the name of
    /// its delivery.
    pub result: Option<Entry>,
    /// Those who had it judged again, the first one first.
    pub rejudged: Vec<PersonsDecision>,
    /// How often it was looked at without result.
    pub counts: Counts,
    /// Since when nobody works on it, because nobody can.
    pub stuck_since: Option<Timestamp>,
}

/// How far a validation is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// Registered, not judged.
    Waiting,
    /// It ended before it was judged.
    Unjudged(Ending),
    /// It has a verdict.
    Judged(Judged),
}

/// How far a validation is, in a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Registered, not judged.
    Waiting,
    /// Judged; the answer or the result hook is still owed.
    Judged,
    /// Nothing is left to do for its approval. Only one that was superseded may
    /// still owe its result hook.
    Settled,
}

/// A verdict and what became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judged {
    /// The verdict.
    pub judgement: Judgement,
    /// Whether the verdict was counted for certain.
    pub told: bool,
    /// The person who had it approved although its verdict was held.
    pub released: Option<PersonsDecision>,
    /// The answer that is about to be given, or was.
    pub intent: Option<Intent>,
    /// How far its approval is.
    pub progress: Progress,
}

/// How far the approval of a judged validation is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Progress {
    /// It has to be answered, or it has to be learnt who did.
    Owed,
    /// It ended like this; a person may decide otherwise, or the result is owed.
    Ended(Ending),
    /// The same, and nothing is left to do for it.
    Settled(Ending),
}

/// The verdict in the form that decides what follows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judgement {
    /// The verdict.
    pub verdict: Verdict,
    /// What it says to the approval.
    pub answer: Answer,
    /// The approval's summary without its link.
    pub summary: String,
    /// When it fell.
    pub at: Timestamp,
}

/// A judged validation in the hands of whoever takes its approval further.
#[derive(Debug, PartialEq)]
pub struct Answering<'a> {
    /// What was asked for.
    pub registration: &'a Registration,
    /// The answer that the validation it superseded was about to give.
    pub inherited: Option<&'a Intent>,
    /// Its verdict and what became of it.
    pub judged: &'a mut Judged,
}

/// An answer that is about to be sent, stored before it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Intent {
    /// The action execution that is answered, and no other.
    pub action_execution: String,
    /// The answer.
    pub answer: Answer,
    /// When it was decided.
    pub at: Timestamp,
}

/// How the approval of a validation ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// No approval was asked for.
    NothingToAnswer,
    /// This product answered.
    Answered {
        /// What was answered.
        answer: Answer,
        /// The action execution that was answered.
        action_execution: String,
        /// A person's answer that came after ours.
        overridden: Option<PersonsAnswer>,
    },
    /// A person was faster.
    Person(PersonsAnswer),
    /// The execution ended before its approval was answered.
    ExecutionEnded {
        /// CodePipeline's status.
        status: String,
    },
    /// The same registrant asked again in the same execution.
    Superseded {
        /// The validation that took its place.
        by: ValidationId,
    },
    /// Nobody answered in time.
    GaveUp {
        /// What was waited for.
        waiting_for: String,
    },
}

/// What a person told an approval.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PersonsAnswer {
    /// Approved or Rejected, in CodePipeline's words.
    pub status: String,
    /// Who answered, as far as CodePipeline says.
    pub who: Option<String>,
    /// Why, in their words.
    pub why: Option<String>,
    /// When.
    pub at: Option<Timestamp>,
}

/// Who decided, why and when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PersonsDecision {
    /// Who.
    pub who: String,
    /// Why.
    pub why: String,
    /// When.
    pub at: Timestamp,
}

/// What became of the result, in a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hook {
    /// Nobody asked for it.
    None,
    /// Owed.
    Owed,
    /// The receiver said yes.
    Delivered,
    /// The receiver never said yes.
    GivenUp,
}

impl Ending {
    /// Whether a person may still decide otherwise than we did.
    pub fn is_watched(&self) -> bool {
        let Self::Answered {
            answer, overridden, ..
        } = self
        else {
            return false;
        };
        *answer == Answer::Reject && overridden.is_none()
    }

    /// A person's answer that came after ours.
    pub fn overridden(&self) -> Option<&PersonsAnswer> {
        match self {
            Self::Answered { overridden, .. } => overridden.as_ref(),
            _ => None,
        }
    }
}

impl Judged {
    /// A verdict that just fell, and what is about to be answered where that is
    /// known already.
    pub fn new(judgement: Judgement, intent: Option<Intent>) -> Self {
        Self {
            judgement,
            told: false,
            released: None,
            intent,
            progress: Progress::Owed,
        }
    }

    /// What it says to its approval: its verdict's answer, unless a person
    /// released it.
    pub fn answer(&self) -> Answer {
        match self.released {
            Some(_) => Answer::Approve,
            None => self.judgement.answer,
        }
    }

    /// How its approval ended, if it has.
    pub fn ending(&self) -> Option<&Ending> {
        match &self.progress {
            Progress::Owed => None,
            Progress::Ended(ending) | Progress::Settled(ending) => Some(ending),
        }
    }

    /// The person whose word counts instead of the verdict, where the approval
    /// ends like this. One who was faster and agrees with it says nothing new of
    /// the build.
    pub fn overruled<'e>(&self, ending: &'e Ending) -> Option<&'e PersonsAnswer> {
        let Ending::Person(person) = ending else {
            return ending.overridden();
        };
        let agrees = matches!(
            (self.judgement.answer, person.status.as_str()),
            (Answer::Approve, "Approved") | (Answer::Reject, "Rejected")
        );
        (!agrees).then_some(person)
    }
}

impl Validation {
    /// A validation that was just registered.
    pub fn registered(registration: Registration) -> Self {
        let result = registration
            .result_hook
            .as_ref()
            .map(|_| Entry::new(registration.id.to_string(), registration.registered_at));
        Self {
            registration,
            inherited: None,
            state: State::Waiting,
            result,
            rejudged: Vec::new(),
            counts: Counts::default(),
            stuck_since: None,
        }
    }

    /// How far it is, in a word.
    pub fn phase(&self) -> Phase {
        match &self.state {
            State::Waiting => Phase::Waiting,
            State::Unjudged(_) => Phase::Settled,
            State::Judged(judged) => match judged.progress {
                Progress::Owed | Progress::Ended(_) => Phase::Judged,
                Progress::Settled(_) => Phase::Settled,
            },
        }
    }

    /// Its verdict and what became of it, once it is judged.
    pub fn judged(&self) -> Option<&Judged> {
        match &self.state {
            State::Judged(judged) => Some(judged),
            State::Waiting | State::Unjudged(_) => None,
        }
    }

    /// Its verdict, once it is judged.
    pub fn judgement(&self) -> Option<&Judgement> {
        self.judged().map(|judged| &judged.judgement)
    }

    /// The answer that is about to be given, or was.
    pub fn intent(&self) -> Option<&Intent> {
        self.judged().and_then(|judged| judged.intent.as_ref())
    }

    /// The person who had it approved although its verdict was held.
    pub fn released(&self) -> Option<&PersonsDecision> {
        self.judged().and_then(|judged| judged.released.as_ref())
    }

    /// What it says to its approval, once it is judged.
    pub fn answer(&self) -> Option<Answer> {
        self.judged().map(Judged::answer)
    }

    /// How its approval ended, if it has.
    pub fn ending(&self) -> Option<&Ending> {
        match &self.state {
            State::Waiting => None,
            State::Unjudged(ending) => Some(ending),
            State::Judged(judged) => judged.ending(),
        }
    }

    /// What became of its result, in a word.
    pub fn hook(&self) -> Hook {
        match &self.result {
            None => Hook::None,
            Some(result) if result.posted.is_some() => Hook::Delivered,
            Some(result) if result.given_up.is_some() => Hook::GivenUp,
            Some(_) => Hook::Owed,
        }
    }

    /// Names one delivery of the result: the same on every attempt, and another
    /// once it was judged again.
    pub fn delivery(&self) -> String {
        delivery(self.registration.id, self.rejudged.len())
    }

    /// Until when it waits for whatever it needs. What a person wants has as
    /// much time from then on as what was registered had.
    pub fn waits_until(&self) -> Timestamp {
        let Registration {
            registered_at,
            give_up_at,
            ..
        } = self.registration;
        let words = self.rejudged.iter().chain(self.released());
        let anew = words
            .map(|word| saturating_add(word.at, give_up_at.duration_since(registered_at)))
            .max();
        anew.map_or(give_up_at, |anew| anew.max(give_up_at))
    }

    /// Whether its registrant, the approval or the watch has had its time.
    pub fn expired(&self, now: Timestamp) -> bool {
        self.waits_until() <= now
    }

    /// Whether it may be worked on any longer, having come so far. What it waits
    /// for before it is judged has its own end.
    pub fn time(&self, outcome: &Outcome, now: Timestamp) -> Time {
        let has_own_end = self.state == State::Waiting && matches!(outcome, Outcome::Waits(_));
        if self.expired(now) && !has_own_end {
            Time::Over
        } else {
            Time::Left
        }
    }
}

/// The same, of a validation that was judged again so many times.
pub fn delivery(id: ValidationId, again: usize) -> String {
    match again {
        0 => id.to_string(),
        times => format!("{id}-{times}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_sort_by_registration() {
        let early = ValidationId::new(Timestamp::from_second(1_000).unwrap(), [255; 10]);
        let late = ValidationId::new(Timestamp::from_second(1_001).unwrap(), [0; 10]);

        assert!(early < late);
        assert!(early.to_string() < late.to_string());
        assert_eq!(late.to_string().parse::<ValidationId>().unwrap(), late);
    }
}
