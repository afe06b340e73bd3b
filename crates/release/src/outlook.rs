//! What a validation waits for, as shown to a person.
//!
//! | Its approval | and | Outlook |
//! |---|---|---|
//! | in any state | it has not settled and is no longer retried | stuck |
//! | has not ended | not judged, no fault since the last look | measuring |
//! | has not ended | not judged, faults | troubled |
//! | has not ended | it says hold | held |
//! | has not ended | it says approve or reject | answering |
//! | was given up | – | given up |
//! | was rejected by us | nobody overrode it, and it is still watched | rejected |
//! | ended otherwise, or is no longer watched | its hook is undelivered, and still retried | posting |
//! | ended otherwise, or is no longer watched | – | over |

use jiff::Timestamp;
use monspec::{Finding, Outcome};

use crate::approval::Answer;
use crate::evidence::Evidence;
use crate::summary::{subject, worse_first};
use crate::validation::{Ending, Hook, Phase, Progress, State, Validation};

/// What a validation waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outlook {
    /// Its window has not ended, or its data is incomplete.
    Measuring,
    /// A dependency fails, so it cannot be judged yet.
    Troubled,
    /// Its workers failed repeatedly; it is no longer retried.
    Stuck,
    /// A person has to decide.
    Held,
    /// Its approval is not open, or waits for another validation.
    Answering,
    /// It was rejected; a person may retry the stage and override.
    Rejected,
    /// Its result hook was not delivered.
    Posting,
    /// Its time was over before its approval was answered.
    GivenUp,
    /// Nothing.
    Over,
}

impl Outlook {
    /// What `validation` waits for.
    pub fn of(validation: &Validation) -> Self {
        if validation.stuck_since.is_some() && validation.phase() != Phase::Settled {
            return Self::Stuck;
        }
        let gave_up = |ending: &Ending| matches!(ending, Ending::GaveUp { .. });
        match &validation.state {
            State::Waiting if 0 < validation.counts.faults => Self::Troubled,
            State::Waiting => Self::Measuring,
            State::Unjudged(ending) if gave_up(ending) => Self::GivenUp,
            State::Unjudged(_) => Self::Over,
            State::Judged(judged) => match &judged.progress {
                Progress::Owed => match judged.answer() {
                    Answer::Hold => Self::Held,
                    Answer::Approve | Answer::Reject => Self::Answering,
                },
                Progress::Ended(ending) | Progress::Settled(ending) if gave_up(ending) => {
                    Self::GivenUp
                }
                Progress::Ended(ending) if ending.is_watched() => Self::Rejected,
                Progress::Ended(_) if validation.hook() == Hook::Owed => Self::Posting,
                Progress::Ended(_) | Progress::Settled(_) => Self::Over,
            },
        }
    }

    /// A word for tables and programs.
    pub fn word(self) -> &'static str {
        match self {
            Self::Measuring => "measuring",
            Self::Troubled => "troubled",
            Self::Stuck => "stuck",
            Self::Held => "held",
            Self::Answering => "answering",
            Self::Rejected => "rejected",
            Self::Posting => "posting",
            Self::GivenUp => "givenUp",
            Self::Over => "over",
        }
    }
}

/// How many days Dynatrace keeps values per minute. Older windows have coarser
/// values, or none.
pub const MINUTES_KEPT_DAYS: i64 = 14;

/// Whether the values of a window that ended then may be gone by now.
pub fn may_be_forgotten(window_end: Timestamp, now: Timestamp) -> bool {
    MINUTES_KEPT_DAYS * 24 < now.duration_since(window_end).as_hours()
}

/// How many reasons are listed.
const MOST_REASONS: usize = 10;

/// Why a verdict is what it is: what kept the numbers from being judged, or
/// else each signature that did not hold, the worst first.
pub fn reasons(evidence: &Evidence) -> Vec<String> {
    if let Some(reason) = &evidence.reason {
        return vec![reason.clone()];
    }
    let mut against: Vec<&Finding> = evidence
        .findings
        .iter()
        .map(|one| &one.finding)
        .filter(|finding| finding.outcome != Outcome::Held && !finding.accepted)
        .collect();
    against.sort_by(|a, b| worse_first(a, b));
    let more = against.len().saturating_sub(MOST_REASONS);
    let mut told: Vec<String> = against
        .into_iter()
        .take(MOST_REASONS)
        .map(|finding| format!("{}: {}", subject(finding), finding.reason))
        .collect();
    if 0 < more {
        told.push(format!("and {more} more signatures"));
    }
    told
}

#[cfg(test)]
mod tests {
    use monspec::Verdict;

    use super::*;
    use crate::execution::ExecutionMode;
    use crate::outbox::Entry;
    use crate::validation::{
        Judged, Judgement, PersonsAnswer, Registrant, Registration, ValidationId,
    };
    use crate::window::Window;
    use crate::work::Counts;

    fn registered() -> Validation {
        let at = Timestamp::UNIX_EPOCH;
        Validation::registered(Registration {
            id: ValidationId::new(at, [0; 10]),
            pipeline: "Shop".to_owned(),
            execution: None,
            mode: ExecutionMode::Superseded,
            registrant: Registrant::Direct,
            comparison: "StagingToProduction".to_owned(),
            window: Window { start: at, end: at },
            approval: None,
            spec: String::new(),
            sources: Vec::new(),
            version: "1".to_owned(),
            deployments: Vec::new(),
            untaught: None,
            source_groups: Vec::new(),
            otherwise: Vec::new(),
            compare_groups: Vec::new(),
            compared: std::collections::BTreeMap::new(),
            environments: Vec::new(),
            result_hook: None,
            registered_at: at,
            due_at: at,
            give_up_at: at,
            expires_at: at,
        })
    }

    fn judged_with(answer: Answer, progress: Progress) -> Validation {
        let judgement = Judgement {
            verdict: Verdict::Inconclusive,
            answer,
            summary: String::new(),
            at: Timestamp::UNIX_EPOCH,
        };
        let judged = Judged {
            progress,
            ..Judged::new(judgement, None)
        };
        Validation {
            state: State::Judged(judged),
            ..registered()
        }
    }

    fn judged(answer: Answer) -> Validation {
        judged_with(answer, Progress::Owed)
    }

    fn ended(answer: Answer, ending: Ending) -> Validation {
        judged_with(answer, Progress::Ended(ending))
    }

    fn settled(answer: Answer, ending: Ending) -> Validation {
        judged_with(answer, Progress::Settled(ending))
    }

    fn answered(answer: Answer) -> Ending {
        Ending::Answered {
            answer,
            action_execution: "run-1".to_owned(),
            overridden: None,
        }
    }

    fn gave_up() -> Ending {
        Ending::GaveUp {
            waiting_for: "the tenant".to_owned(),
        }
    }

    fn owing(validation: Validation) -> Validation {
        Validation {
            result: Some(Entry::new("1".to_owned(), Timestamp::UNIX_EPOCH)),
            ..validation
        }
    }

    #[test]
    fn outlook_follows_the_table() {
        let person = PersonsAnswer {
            status: "Approved".to_owned(),
            who: None,
            why: None,
            at: None,
        };
        let faulty = Validation {
            counts: Counts {
                faults: 1,
                waits: 0,
            },
            ..registered()
        };
        let stuck = |validation| Validation {
            stuck_since: Some(Timestamp::UNIX_EPOCH),
            ..validation
        };
        let unjudged = |ending| Validation {
            state: State::Unjudged(ending),
            ..registered()
        };
        let superseded = Ending::Superseded {
            by: registered().registration.id,
        };
        let (approve, reject, hold) = (Answer::Approve, Answer::Reject, Answer::Hold);
        let overridden = Ending::Answered {
            answer: reject,
            action_execution: "run-1".to_owned(),
            overridden: Some(person.clone()),
        };
        let overridden = ended(reject, overridden);
        let ours = |answer| ended(answer, answered(answer));
        let table = vec![
            (registered(), Outlook::Measuring),
            (faulty, Outlook::Troubled),
            (stuck(registered()), Outlook::Stuck),
            (stuck(owing(ours(approve))), Outlook::Stuck),
            (stuck(settled(approve, answered(approve))), Outlook::Over),
            (judged(hold), Outlook::Held),
            (owing(judged(hold)), Outlook::Held),
            (judged(approve), Outlook::Answering),
            (judged(reject), Outlook::Answering),
            (unjudged(gave_up()), Outlook::GivenUp),
            (owing(unjudged(superseded)), Outlook::Over),
            (settled(hold, gave_up()), Outlook::GivenUp),
            (settled(approve, gave_up()), Outlook::GivenUp),
            (owing(ended(reject, gave_up())), Outlook::GivenUp),
            (ours(reject), Outlook::Rejected),
            (owing(ours(reject)), Outlook::Rejected),
            (settled(reject, answered(reject)), Outlook::Over),
            (overridden.clone(), Outlook::Over),
            (owing(overridden), Outlook::Posting),
            (ours(approve), Outlook::Over),
            (owing(ours(approve)), Outlook::Posting),
            (owing(settled(approve, answered(approve))), Outlook::Over),
            (owing(ended(hold, Ending::Person(person))), Outlook::Posting),
            (ended(hold, Ending::NothingToAnswer), Outlook::Over),
        ];
        for (validation, expected) in table {
            assert_eq!(Outlook::of(&validation), expected, "{validation:?}");
        }
    }
}
