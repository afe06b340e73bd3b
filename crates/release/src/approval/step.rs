//! One step of a judged validation towards the end of its approval, as a
//! function of what is known.
//!
//! [`step()`] decides; its caller finds out what it asks for, writes what it
//! says and sends the answer. Its rows in the table of
//! [`crate::validation`] are cases of the tests below.

use jiff::Timestamp;

use super::{Agreement, Answer, agree};
use crate::pause::Stopped;
use crate::step;
use crate::validation::{Answering, Ending, Intent, PersonsAnswer, Progress, Registration};

/// What was found out. What is `None` was not asked yet.
#[derive(Clone, Debug, Default)]
pub struct Observed {
    /// How the approval stands.
    pub approval: Option<Approval>,
    /// CodePipeline's word for how the execution ended, if it has.
    pub over: Option<Option<String>>,
    /// What all validations of the approval say.
    pub answers: Option<Vec<Option<Answer>>>,
    /// What keeps the pipeline's stages from being approved.
    pub stopped: Option<Option<Stopped>>,
    /// Whether nobody can retry the stage for this execution any more.
    pub beyond_retry: Option<bool>,
    /// What became of the answer that was just sent.
    pub told: Option<Receipt>,
}

/// How an approval stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Approval {
    /// The execution has not come to it.
    NotReached,
    /// It was begun, and cannot be answered at this moment.
    Changing,
    /// It waits for an answer.
    Open {
        /// The run that waits.
        run: Run,
        /// Runs that were answered before, the newest first.
        earlier: Vec<Run>,
    },
    /// It has its answer.
    Answered(Run),
}

/// One run of an approval action; a retry of the stage makes another one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    /// The id of the action execution.
    pub id: String,
    /// What it was answered, if anything.
    pub given: Given,
    /// When it last changed.
    pub changed: Timestamp,
    /// Who answered, in CodePipeline's words.
    pub person: PersonsAnswer,
}

/// How a run of an approval ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Given {
    /// It was approved.
    Approved,
    /// It was rejected.
    Rejected,
    /// Nobody answered: it is open, or its execution ended.
    Nothing,
}

/// What became of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Receipt {
    /// CodePipeline took it.
    Taken,
    /// The approval had an answer already, or its token has ended.
    TooLate,
}

/// What comes next for an approval.
pub type Step = step::Step<Question, Move, Call>;

/// What is written of an approval.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Move {
    /// This is about to be answered, and is then sent.
    Intend(Intent),
    /// How the approval ended, and what is waited for afterwards, if anything.
    End(Ending, Option<&'static str>),
}

/// What is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    /// This is sent to the open run.
    Send(Answer),
}

/// A fact that is found out, and where it is noted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Question {
    /// [`Observed::approval`].
    Approval,
    /// [`Observed::over`].
    Execution,
    /// [`Observed::answers`].
    Answers,
    /// [`Observed::answers`] and [`Observed::stopped`].
    Agreement,
    /// [`Observed::beyond_retry`].
    Retry,
}

/// What a rejection waits for until nobody can retry any more.
const WATCHED: &str = "a person who may override the rejection";

/// The next step of a judged validation.
pub fn step(answering: &Answering<'_>, observed: &Observed, now: Timestamp) -> Step {
    let registration = answering.registration;
    let asks = registration.approval.is_some() && registration.execution.is_some();
    match &answering.judged.progress {
        Progress::Owed if !asks => Step::write(Move::End(Ending::NothingToAnswer, None)),
        Progress::Owed => answer(answering, observed, now),
        Progress::Ended(ending) if asks && ending.is_watched() => watch(ending, observed),
        Progress::Ended(_) | Progress::Settled(_) => Step::Rest,
    }
}

/// What is about to be answered with a verdict that is not stored yet, where the
/// validation is the only one of its approval and the run `open` was seen before.
pub fn ahead(own: Answer, open: &Run, stopped: bool, now: Timestamp) -> Option<Intent> {
    let answer = match agree(&[Some(own)]) {
        Agreement::Approve if stopped => return None,
        Agreement::Approve => Answer::Approve,
        Agreement::Reject => Answer::Reject,
        Agreement::Hold | Agreement::Undecided => return None,
    };
    Some(intent(open, answer, now))
}

/// The newest run that was answered while this validation was already asked
/// for. Runs answered before are of no concern to it.
pub fn answered_since<'a>(registration: &Registration, earlier: &'a [Run]) -> Option<&'a Run> {
    let mut earlier = earlier.iter();
    earlier.find(|run| !answered_before(registration, run))
}

fn answered_before(registration: &Registration, run: &Run) -> bool {
    run.changed < registration.registered_at
}

fn answer(answering: &Answering<'_>, observed: &Observed, now: Timestamp) -> Step {
    let Answering {
        registration,
        judged,
        ..
    } = answering;
    let Some(approval) = &observed.approval else {
        return Step::Ask(Question::Approval);
    };
    match approval {
        Approval::NotReached => not_reached(observed),
        // The next look sees it open, or answered by somebody who was faster.
        Approval::Changing => wait("the approval to open"),
        Approval::Open { run, earlier } => match &judged.intent {
            Some(intent) if intent.action_execution == run.id => match observed.told {
                None => Step::Call(Call::Send(intent.answer)),
                Some(Receipt::Taken) => end(answered(intent)),
                // Somebody was faster, or an earlier attempt of ours arrived
                // after all: the next look at the approval tells which.
                Some(Receipt::TooLate) => wait("CodePipeline to show who answered the approval"),
            },
            // Our run is no longer the open one: it was answered, and somebody
            // pressed Retry. The new run is theirs to answer.
            Some(intent) => {
                let ours = earlier.iter().find(|run| run.id == intent.action_execution);
                match ours {
                    Some(run) => attributed(answering, observed, run),
                    None => end(answered(intent)),
                }
            }
            None => match answered_since(registration, earlier) {
                Some(earlier) => attributed(answering, observed, earlier),
                None => decide(answering, observed, run, now),
            },
        },
        // Answered before this validation was asked for: a retry of the stage
        // is on its way to a run that is still to come.
        Approval::Answered(run) if answered_before(registration, run) => not_reached(observed),
        Approval::Answered(run) => attributed(answering, observed, run),
    }
}

fn not_reached(observed: &Observed) -> Step {
    match &observed.over {
        None => Step::Ask(Question::Execution),
        Some(None) => wait("the execution has not reached its approval"),
        Some(Some(status)) => {
            let status = status.clone();
            Step::write(Move::End(Ending::ExecutionEnded { status }, None))
        }
    }
}

/// Says what all validations of the approval agree on, or waits until they do.
fn decide(answering: &Answering<'_>, observed: &Observed, run: &Run, now: Timestamp) -> Step {
    let (Some(answers), Some(stopped)) = (&observed.answers, &observed.stopped) else {
        return Step::Ask(Question::Agreement);
    };
    let answer = match agree(answers) {
        Agreement::Approve => match stopped {
            Some(stopped) => return Step::wait(format!("the end of a pause or freeze: {stopped}")),
            None => Answer::Approve,
        },
        // The one that rejects says why; the others wait for it to do so.
        Agreement::Reject if answering.judged.answer() == Answer::Reject => Answer::Reject,
        Agreement::Reject => return wait("another validation of the approval rejects it"),
        Agreement::Hold => return wait("the verdict is held for a person"),
        Agreement::Undecided => {
            return wait("another validation of the approval is not judged yet");
        }
    };
    Step::write(Move::Intend(intent(run, answer, now)))
}

/// Who gave the answer that was found.
fn attributed(answering: &Answering<'_>, observed: &Observed, run: &Run) -> Step {
    let given = match run.given {
        Given::Approved => Answer::Approve,
        Given::Rejected => Answer::Reject,
        Given::Nothing => {
            let status = "Abandoned".to_owned();
            return Step::write(Move::End(Ending::ExecutionEnded { status }, None));
        }
    };
    if let Some(intent) = &answering.judged.intent
        && (intent.action_execution != run.id || given == intent.answer)
    {
        return end(answered(intent));
    }
    if let Some(inherited) = answering.inherited
        && inherited.action_execution == run.id
        && given == inherited.answer
    {
        return end(answered(inherited));
    }
    let Some(answers) = &observed.answers else {
        return Step::Ask(Question::Answers);
    };
    let is_agreed = match agree(answers) {
        Agreement::Approve => given == Answer::Approve,
        Agreement::Reject => given == Answer::Reject,
        Agreement::Hold | Agreement::Undecided => false,
    };
    // One of several validations of this approval spoke for all.
    if is_agreed && answers.len() > 1 {
        return end(Ending::Answered {
            answer: given,
            action_execution: run.id.clone(),
            overridden: None,
        });
    }
    end(Ending::Person(run.person.clone()))
}

/// After a rejection: did a person decide otherwise?
fn watch(rejected: &Ending, observed: &Observed) -> Step {
    let Ending::Answered {
        answer,
        action_execution,
        ..
    } = rejected
    else {
        return Step::Rest;
    };
    let Some(approval) = &observed.approval else {
        return Step::Ask(Question::Approval);
    };
    // A person who retried and rejected again agrees with the verdict.
    if let Approval::Answered(run) = approval
        && run.id != *action_execution
        && run.given == Given::Approved
    {
        return end(Ending::Answered {
            answer: *answer,
            action_execution: action_execution.clone(),
            overridden: Some(run.person.clone()),
        });
    }
    match observed.beyond_retry {
        None => Step::Ask(Question::Retry),
        Some(true) => Step::Rest,
        Some(false) => wait(WATCHED),
    }
}

fn end(ending: Ending) -> Step {
    let is_watched = ending.is_watched();
    Step::write(Move::End(ending, is_watched.then_some(WATCHED)))
}

fn answered(intent: &Intent) -> Ending {
    Ending::Answered {
        answer: intent.answer,
        action_execution: intent.action_execution.clone(),
        overridden: None,
    }
}

fn intent(run: &Run, answer: Answer, now: Timestamp) -> Intent {
    Intent {
        action_execution: run.id.clone(),
        answer,
        at: now,
    }
}

fn wait(waiting_for: &str) -> Step {
    Step::wait(waiting_for)
}

#[cfg(test)]
mod tests;
