//! What a look at a validation does next.
//!
//! [`next`] decides; its caller measures, sends and writes, and notes what
//! was looked at. Each row is a case of its tests.
//!
//! | Row | Validation | Looked at by now | Next |
//! |---|---|---|---|
//! | `judge` | waiting | nothing | its window is judged |
//! | `unmeasured` | waiting | the window, and a number may still come | waits for the number |
//! | `answer` | judged | not its approval | its approval is answered, or watched; it comes first, as a receiver that is slow or broken must not hold it up |
//! | `post` | judged, its result owed | its approval, whatever became of it | its result is posted |
//! | `superseded` | settled after it was judged, its result owed | – | the same; its approval is its successor's |
//! | `no-result` | settled before it was judged, its result owed | – | nothing can be posted any more: given up |
//! | `waits` | judged | its approval, which waits | waits for the approval |
//! | `undelivered` | judged or settled | its result, which was not taken | waits until [`crate::outbox`] sends it again, where the approval waits for nothing |
//! | `done` | judged or settled | everything, and nothing waits | nothing is left to do |
//!
//! [`Validation::give_up`] decides what is written where the time of a validation
//! is over instead:
//!
//! | Row | Validation | What is written |
//! |---|---|---|
//! | `over.unended` | its approval has not ended | that nobody answered in time, and what was waited for |
//! | `over.undelivered` | its result owed | that the receiver never took it |

use super::{Answering, Ending, Hook, Judgement, Progress, State, Validation};
use crate::outbox;
use crate::work::{Outcome, Wait};

/// What one look has looked at by now.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// The window.
    pub window: Part,
    /// The approval.
    pub approval: Part,
    /// The result.
    pub result: Part,
}

/// What one look knows of one part.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Part {
    /// Nothing yet.
    #[default]
    Unseen,
    /// It waits for nothing.
    Done,
    /// It waits.
    Waits(Wait),
}

impl From<Option<Wait>> for Part {
    fn from(wait: Option<Wait>) -> Self {
        wait.map_or(Self::Done, Self::Waits)
    }
}

/// What comes next.
#[derive(Debug, PartialEq)]
pub enum Next<'a> {
    /// The window is judged.
    Judge,
    /// The approval is taken as far as it goes.
    Answer(Answering<'a>),
    /// The result of this verdict is posted.
    Post(Judgement),
    /// That there is no result to post is written.
    NoResult,
    /// The look ends like this.
    End(Outcome),
}

/// What comes next, after what was looked at so far.
pub fn next<'a>(validation: &'a mut Validation, looked: &Seen) -> Next<'a> {
    let is_owed = validation.hook() == Hook::Owed && looked.result == Part::Unseen;
    let end = || {
        Next::End(match (&looked.approval, &looked.result) {
            (Part::Waits(wait), _) | (_, Part::Waits(wait)) => Outcome::Waits(vec![wait.clone()]),
            _ => Outcome::Done,
        })
    };
    match &mut validation.state {
        State::Waiting => match &looked.window {
            Part::Waits(wait) => Next::End(Outcome::Waits(vec![wait.clone()])),
            Part::Unseen | Part::Done => Next::Judge,
        },
        State::Unjudged(_) if is_owed => Next::NoResult,
        State::Unjudged(_) => end(),
        State::Judged(judged) => match (&judged.progress, &looked.approval) {
            (Progress::Owed | Progress::Ended(_), Part::Unseen) => Next::Answer(Answering {
                registration: &validation.registration,
                inherited: validation.inherited.as_ref(),
                judged,
            }),
            _ if is_owed => Next::Post(judged.judgement.clone()),
            _ => end(),
        },
    }
}

impl Validation {
    /// Ends what is still owed in a state that can be seen.
    pub fn give_up(&mut self, waiting_for: String) {
        if let Some(result) = &mut self.result {
            outbox::give_up(std::slice::from_mut(result), &waiting_for);
        }
        let gave_up = Ending::GaveUp { waiting_for };
        match &mut self.state {
            State::Waiting => self.state = State::Unjudged(gave_up),
            State::Judged(judged) if judged.progress == Progress::Owed => {
                judged.progress = Progress::Ended(gave_up);
            }
            State::Judged(_) | State::Unjudged(_) => {}
        }
    }
}

#[cfg(test)]
mod tests;
