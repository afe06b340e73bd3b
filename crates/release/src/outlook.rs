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
use crate::validation::{Duty, Ending, Phase, Validation};

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
        if validation.stuck_since.is_some() && validation.phase != Phase::Settled {
            return Self::Stuck;
        }
        match &validation.ending {
            None => Self::unanswered(validation),
            Some(Ending::GaveUp { .. }) => Self::GivenUp,
            Some(_) if validation.phase == Phase::Settled => Self::Over,
            Some(_) => match validation.duty() {
                Duty::Watch => Self::Rejected,
                Duty::Hook => Self::Posting,
                Duty::Answer | Duty::None => Self::Over,
            },
        }
    }

    fn unanswered(validation: &Validation) -> Self {
        match validation.answer() {
            None if 0 < validation.faults => Self::Troubled,
            None => Self::Measuring,
            Some(Answer::Hold) => Self::Held,
            Some(Answer::Approve | Answer::Reject) => Self::Answering,
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
    use crate::validation::{
        Hook, Judgement, PersonsAnswer, Registrant, Registration, ValidationId,
    };
    use crate::window::Window;

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

    fn judged(answer: Answer) -> Validation {
        Validation {
            phase: Phase::Judged,
            judgement: Some(Judgement {
                verdict: Verdict::Inconclusive,
                answer,
                summary: String::new(),
                at: Timestamp::UNIX_EPOCH,
            }),
            ..registered()
        }
    }

    fn ended(answer: Answer, ending: Ending) -> Validation {
        Validation {
            ending: Some(ending),
            ..judged(answer)
        }
    }

    fn answered(answer: Answer) -> Validation {
        let action_execution = "run-1".to_owned();
        let ending = Ending::Answered {
            answer,
            action_execution,
        };
        ended(answer, ending)
    }

    fn gave_up() -> Ending {
        Ending::GaveUp {
            waiting_for: "the tenant".to_owned(),
        }
    }

    fn owing(validation: Validation) -> Validation {
        Validation {
            hook: Hook::Owed,
            ..validation
        }
    }

    fn settled(validation: Validation) -> Validation {
        Validation {
            phase: Phase::Settled,
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
            faults: 1,
            ..registered()
        };
        let stuck = |validation| Validation {
            stuck_since: Some(Timestamp::UNIX_EPOCH),
            ..validation
        };
        let never_stored = Validation {
            ending: Some(gave_up()),
            ..registered()
        };
        let overridden = Validation {
            override_: Some(person.clone()),
            ..answered(Answer::Reject)
        };
        let (approve, reject, hold) = (Answer::Approve, Answer::Reject, Answer::Hold);
        let table = vec![
            (registered(), Outlook::Measuring),
            (faulty, Outlook::Troubled),
            (stuck(registered()), Outlook::Stuck),
            (stuck(owing(answered(approve))), Outlook::Stuck),
            (settled(stuck(answered(approve))), Outlook::Over),
            (judged(hold), Outlook::Held),
            (owing(judged(hold)), Outlook::Held),
            (judged(approve), Outlook::Answering),
            (judged(reject), Outlook::Answering),
            (settled(never_stored), Outlook::GivenUp),
            (settled(ended(hold, gave_up())), Outlook::GivenUp),
            (settled(ended(approve, gave_up())), Outlook::GivenUp),
            (owing(ended(reject, gave_up())), Outlook::GivenUp),
            (answered(reject), Outlook::Rejected),
            (owing(answered(reject)), Outlook::Rejected),
            (settled(answered(reject)), Outlook::Over),
            (overridden.clone(), Outlook::Over),
            (owing(overridden), Outlook::Posting),
            (answered(approve), Outlook::Over),
            (owing(answered(approve)), Outlook::Posting),
            (settled(owing(answered(approve))), Outlook::Over),
            (owing(ended(hold, Ending::Person(person))), Outlook::Posting),
            (ended(hold, Ending::NothingToAnswer), Outlook::Over),
        ];
        for (validation, expected) in table {
            assert_eq!(Outlook::of(&validation), expected, "{validation:?}");
        }
    }
}
