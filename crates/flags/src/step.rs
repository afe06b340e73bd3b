//! What follows from an event for a flag.
//!
//! A *word* is what somebody said; [`crate::state`] has how words lie on top of
//! each other. "Settled" has a word on top that stays, "leased" one that ends at a
//! moment, "held" one that ends with problems; each may be moving. Before
//! anything else, what the clock did is written, with its true times.
//!
//! Everything is one transaction: the flag if its version is still the one that
//! was read, the entries, and the event in the outbox. There is no call: the
//! outbox sends the event and looks for it before it sends it twice. A crash
//! before the transaction leaves what was; the caller repeats, and the version or
//! the id of the change says whether it had been done. A crash after it leaves
//! everything written: the answer is lost, the event follows.
//!
//! | Row | State | Event | Durable write | Then | Crash before | Crash after |
//! |---|---|---|---|---|---|---|
//! | `settled.same` | settled | the same value again, by the same author or a program | – | – | – | – |
//! | `settled.kept` | settled by somebody else | the same value, by a person | their word on top: from now on it is theirs | – | repeated | as written |
//! | `any.set` | any | a value that stays | the word on top; what lay below is kept for taking this one back, and older words are dropped that no problem holds | event | repeated | event follows |
//! | `any.lease` | any | a value until a moment | the word on top | event | repeated | event follows, the clock ends it |
//! | `leased.again` | leased | the same value by the same author, another moment | the same word ends then | event | repeated | event follows |
//! | `leased.confirm` | leased | it is kept | the word stays | event | repeated | event follows |
//! | `leased.over` | leased | its moment comes | the word is dropped | event | the value ended all the same; written later | event follows |
//! | `any.below` | a trial or a mitigation below another word | its end comes | the word is dropped, the value stays | – | dropped later | – |
//! | `any.ramp` | any | a value to move to | the moving word on top | event | repeated | event follows, the clock moves it |
//! | `moving.over` | moving | its end comes | the word is steady | event | the value arrived all the same; written later | event follows |
//! | `moving.stop` | moving | stop | the word is steady at what it is now | event | repeated, a little later | event follows |
//! | `moving.change` | moving | another value | the moving word is steady at what it is now, the other is on top | two events | repeated | events follow |
//! | `any.hold` | any | a value for as long as a problem is open | the word on top, held by the problem for as long as is said, a day at most | event | the problem is looked at again | event follows |
//! | `held.joined` | held by a problem | the same value for another | the other holds it as well | comment | the problem is looked at again | comment follows |
//! | `held.other` | held by a problem | another value for the same or another | the word has the other value, and both hold it | event | the problem is looked at again | event follows |
//! | `held.again` | held by a problem | the same value for the same | – | – | – | – |
//! | `held.overruled` | held by a problem, and a person said something later | a value for the same problem | refused with who and when | comment | – | – |
//! | `held.released` | held by two | one closes | the other holds it | comment | closed again | comment follows |
//! | `held.given-back` | held by one | it closes | the word is dropped | event, comment | closed again | event and comment follow |
//! | `held.superseded` | held by one, and another word on top | it closes | the word is dropped below, the value stays | comment with who and when | closed again | comment follows |
//! | `held.gone` | held by none any more | it closes, or is said to be over | – | comment with who and when | – | – |
//! | `held.early` | held by one | somebody says that it is over while it is open | –, deferred to its close | – | – | – |
//! | `held.flapping` | held by one, three reversals in half an hour | it closes | held on until the flag is steady | comment | closed again | comment follows, the clock gives it back |
//! | `held.bound` | held | a day has passed | the problem holds it no longer; the word is dropped with the last | event, comment | the value ended all the same; written later | event and comment follow |
//! | `any.often` | any | as many changes by this hand as there may be | refused until when | metric, comment | – | – |
//! | `any.flapping` | any, three reversals in half an hour | a value by a program that no problem holds | refused until when | metric, comment | – | – |
//! | `any.unlock` | flapping | a person lets it go on | the reversals are forgotten, and what waited for it is given back | event, comment | repeated | event and comment follow |
//! | `any.moved` | any | a change of another version | refused with the version | – | – | – |
//! | `any.bad` | any | a value that the flag may not have, or a trial that is too long | refused with the reason | – | – | – |
//! | `blamed.back` | the blamed word on top, or below what problems hold and rules set | it is taken back | the word is dropped, and what problems hold and rules set above it: blame wins over mitigation | event, comment | taken back again | event and comment follow |
//! | `blamed.since` | another word on top of it, or it is gone behind one | it is taken back | refused with who and when | comment | – | – |
//! | `blamed.kept` | the blamed word, and a person kept, extended or stopped it after the problem began | it is taken back | refused with who and when | comment | – | – |
//! | `blamed.first` | the blamed word lowest, and older words were dropped | it is taken back | refused: nobody knows what was before | comment | – | – |
//! | `blamed.over` | it ended by itself | it is taken back | – | comment | – | – |
//! | `any.aborted` | any | a change of it was not made because its event is required: the table of [`crate::require`] | an entry with what was wanted; the value stays | event, if the tenant has that of the change | written later | event follows |

mod back;
mod clock;
mod refusal;
mod set;

use jiff::{SignedDuration, Timestamp};

use crate::audit::{Aborted, Cause, Entry, Record};
use crate::declaration::Declaration;
use crate::guard::remember;
use crate::ramp::later;
use crate::state::{Assignment, Author, AuthorKind, Recent, Since, State};
use crate::value::Value;

pub use refusal::Refusal;

/// The longest that a problem holds what was set for it.
pub const LONGEST_HOLD: SignedDuration = SignedDuration::from_hours(24);

/// The longest ramp.
pub const LONGEST_RAMP: SignedDuration = SignedDuration::from_hours(24);

/// The most trials that lie on top of each other.
pub const MOST_TRIALS: usize = 8;

/// What happens to a flag.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// Somebody sets it.
    Set {
        /// To what.
        to: Target,
        /// For how long.
        term: Term,
    },
    /// Somebody keeps what would end.
    Confirm,
    /// Somebody stops what moves.
    Stop,
    /// A problem has closed.
    Closed {
        /// Which.
        problem: String,
    },
    /// Somebody says that a problem is over, which the tenant has open.
    Recovery {
        /// Which.
        problem: String,
    },
    /// A change was blamed for a problem.
    TakeBack {
        /// Which.
        change: String,
        /// When the problem began, if that is known: who kept the change before did
        /// not know of it.
        began: Option<Timestamp>,
    },
    /// Somebody lets programs change it again.
    Unlock,
    /// A change that waited for its event is not made.
    Abort(Aborted),
    /// Time has passed.
    Tick,
}

/// What a flag is set to.
#[derive(Clone, Debug, PartialEq)]
pub enum Target {
    /// This value, at once.
    Value(Value),
    /// This number, evenly from what it is now.
    Ramp {
        /// Where it ends.
        to: Value,
        /// How long it takes.
        duration: SignedDuration,
    },
    /// Each value when so much time has passed.
    Steps(Vec<(SignedDuration, Value)>),
}

/// For how long a flag is set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Term {
    /// Until it is changed.
    Stays,
    /// Until this moment, unless somebody keeps it.
    Until(Timestamp),
    /// For as long as this problem is open.
    While {
        /// Which.
        problem: String,
        /// The longest, which is [`LONGEST_HOLD`] at most.
        longest: SignedDuration,
    },
}

impl Term {
    /// How long a change lasts of which this is said: so long as asked for, else as
    /// the flag declares.
    pub fn of(flag: &Declaration, asked: Option<SignedDuration>, now: Timestamp) -> Self {
        match asked.or(flag.lease.default) {
            Some(lasts) => Self::Until(later(now, lasts)),
            None => Self::Stays,
        }
    }
}

/// A flag at a moment.
#[derive(Clone, Copy, Debug)]
pub struct Situation<'a> {
    /// The set.
    pub set: &'a str,
    /// What is declared.
    pub flag: &'a Declaration,
    /// What was said.
    pub state: &'a State,
    /// The moment.
    pub now: Timestamp,
}

/// Who wants something, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// The id of the change.
    pub change: String,
    /// The changes that are made together.
    pub batch: Option<String>,
    /// Who.
    pub by: Author,
    /// Why.
    pub why: String,
    /// What made them, in the words of the caller.
    pub triggered_by: String,
    /// Because of which problem.
    pub problem: Option<String>,
    /// The version that they saw.
    pub expected: Option<u64>,
}

/// What follows.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// This is written.
    Written(Box<Transition>),
    /// Nothing would be different.
    Unchanged,
    /// The problem is open, and what it holds is given back when it closes.
    Deferred,
    /// The problem holds nothing any more; the latest word, if there is one.
    NotHeld(Option<Since>),
    /// What is to be taken back has ended by itself.
    AlreadyBack,
    /// It must not be done.
    Refused(Refusal),
}

/// What is written in one transaction.
#[derive(Clone, Debug, PartialEq)]
pub struct Transition {
    /// The flag from now on; the write is conditional on the version that was read.
    pub state: State,
    /// What is added to its history, at least one entry, in order.
    pub entries: Vec<Entry>,
}

impl Transition {
    /// The value that a caller is told it had before.
    pub fn before(&self) -> &Value {
        &self.last().before
    }

    /// The value that a caller is told it has from now on.
    pub fn after(&self) -> &Value {
        &self.last().after
    }

    /// What is written last: what was asked for.
    pub fn last(&self) -> &Record {
        let last = self.entries.last();
        &last.expect("a transition has an entry").record
    }

    /// Whether it is what follows for a flag in this state.
    pub fn follows(&self, state: &State) -> bool {
        let first = self.entries.first();
        first.is_some_and(|entry| entry.record.version == state.version + 1)
    }
}

/// What follows from an event.
pub fn step(situation: Situation<'_>, request: &Request, event: &Event) -> Outcome {
    let state = situation.state;
    if let Some(expected) = request.expected.filter(|version| *version != state.version) {
        return Outcome::Refused(Refusal::Moved {
            expected,
            found: state.version,
        });
    }
    let problem = match event {
        Event::Closed { problem }
        | Event::Set {
            term: Term::While { problem, .. },
            ..
        } => Some(problem.clone()),
        _ => request.problem.clone(),
    };
    let mut draft = Draft {
        situation,
        request,
        problem,
        state: state.clone(),
        entries: Vec::new(),
    };
    draft.catch_up();
    let done = match event {
        Event::Set { to, term } => draft.set(to, term),
        Event::Confirm => draft.confirm(),
        Event::Stop => draft.stop(),
        Event::Closed { problem } => draft.closed(problem),
        Event::Recovery { problem } => draft.recovery(problem),
        Event::TakeBack { change, began } => draft.take_back(change, *began),
        Event::Unlock => draft.unlock(),
        Event::Abort(aborted) => {
            draft.abort(aborted);
            Ok(())
        }
        Event::Tick if draft.state == *state => Err(Outcome::Unchanged),
        Event::Tick => Ok(()),
    };
    match done {
        Err(outcome) => outcome,
        Ok(()) => Outcome::Written(Box::new(Transition {
            state: draft.state,
            entries: draft.entries,
        })),
    }
}

/// A state that is being changed, and what was written of it.
struct Draft<'a> {
    situation: Situation<'a>,
    request: &'a Request,
    problem: Option<String>,
    state: State,
    entries: Vec<Entry>,
}

/// What an entry says beside who and why.
struct Said {
    cause: Cause,
    at: Timestamp,
    before: Value,
    after: Value,
    ends: Option<Timestamp>,
}

impl Draft<'_> {
    fn now(&self) -> Timestamp {
        self.situation.now
    }

    fn flag(&self) -> &Declaration {
        self.situation.flag
    }

    fn value_at(&self, at: Timestamp) -> Value {
        self.state.value(self.situation.flag, at)
    }

    fn value(&self) -> Value {
        self.value_at(self.now())
    }

    fn top(&self) -> Option<&Assignment> {
        self.state.assignments.last()
    }

    /// Writes down what the requester did.
    fn record(&mut self, said: Said) {
        let request = self.request;
        let record = self.record_of(
            said,
            request.change.clone(),
            request.by.clone(),
            request.why.clone(),
            self.problem.clone(),
        );
        if record.cause.changes_the_value() {
            self.remember(&record);
        }
        self.write(record);
    }

    /// Remembers a change for the guards. What is given back counts for no limit,
    /// whoever asked for it.
    fn remember(&mut self, record: &Record) {
        let is_back = matches!(record.cause, Cause::GivenBack | Cause::TakenBack);
        let differs = record.before != record.after;
        let reversal = differs
            && record.by.kind != AuthorKind::Person
            && record.cause != Cause::TakenBack
            && self.state.previous.as_ref() == Some(&record.after);
        if differs {
            self.state.previous = Some(record.before.clone());
        }
        let change = Recent {
            change: record.change.clone(),
            at: record.at,
            kind: if is_back {
                AuthorKind::Clock
            } else {
                record.by.kind
            },
            reversal,
            problem: matches!(record.cause, Cause::Mitigated | Cause::GivenBack)
                .then(|| record.problem.clone())
                .flatten(),
        };
        remember(&mut self.state.recent, change);
    }

    /// Writes down what the clock did to a word.
    fn record_clock(&mut self, said: Said, assignment: &Assignment, problem: Option<String>) {
        let clock = Author {
            name: assignment.by.name.clone(),
            kind: AuthorKind::Clock,
        };
        let record = self.record_of(
            said,
            assignment.change.clone(),
            clock,
            "by the clock".to_owned(),
            problem,
        );
        self.state.previous = Some(record.before.clone());
        self.write(record);
    }

    fn record_of(
        &self,
        said: Said,
        change: String,
        by: Author,
        why: String,
        problem: Option<String>,
    ) -> Record {
        Record {
            set: self.situation.set.to_owned(),
            flag: self.situation.flag.name.clone(),
            version: self.state.version + 1,
            at: said.at,
            cause: said.cause,
            before: said.before,
            after: said.after,
            ends: said.ends,
            change,
            batch: self.request.batch.clone(),
            by,
            why,
            triggered_by: self.request.triggered_by.clone(),
            problem,
        }
    }

    fn write(&mut self, record: Record) {
        let entry = Entry::seal(record, self.state.digest.take());
        self.state.version = entry.record.version;
        self.state.digest = Some(entry.digest.clone());
        self.entries.push(entry);
    }

    fn until(&self, by: SignedDuration) -> Timestamp {
        later(self.now(), by)
    }
}

#[cfg(test)]
mod laws;
#[cfg(test)]
mod tests;
#[cfg(test)]
pub(crate) use tests::percent;
