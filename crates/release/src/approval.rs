//! The answer to an approval. This is the only place where a verdict becomes an
//! answer.

pub mod step;

use monspec::{Verdict, WhenInconclusive};
use serde::{Deserialize, Serialize};

/// What one validation has to say to the approval it answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Answer {
    /// Let the execution pass.
    Approve,
    /// Stop the execution.
    Reject,
    /// Say nothing; a person decides.
    Hold,
}

impl Answer {
    /// The word that files and people use.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Approve => "approve",
            Self::Reject => "reject",
            Self::Hold => "hold",
        }
    }
}

/// The answer that follows from a verdict under the declared policy.
pub fn answer(verdict: Verdict, when_inconclusive: WhenInconclusive) -> Answer {
    match (verdict, when_inconclusive) {
        (Verdict::Passed, _) | (Verdict::Inconclusive, WhenInconclusive::Approve) => {
            Answer::Approve
        }
        (Verdict::Failed, _) | (Verdict::Inconclusive, WhenInconclusive::Reject) => Answer::Reject,
        (Verdict::Inconclusive, WhenInconclusive::Hold) => Answer::Hold,
    }
}

/// What the validations of one approval say together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Agreement {
    /// Every validation approves.
    Approve,
    /// At least one rejects; nobody waits for the others.
    Reject,
    /// Nobody rejects, and at least one leaves it to a person.
    Hold,
    /// Nobody rejects or holds, and at least one is not judged yet.
    Undecided,
}

/// Joins the answers of all validations that answer the same approval; `None`
/// stands for one that is not judged yet. Without any validation nothing is
/// approved.
pub fn agree(answers: &[Option<Answer>]) -> Agreement {
    if answers.contains(&Some(Answer::Reject)) {
        Agreement::Reject
    } else if answers.contains(&Some(Answer::Hold)) {
        Agreement::Hold
    } else if answers.is_empty() || answers.contains(&None) {
        Agreement::Undecided
    } else {
        Agreement::Approve
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_passed_verdict_or_an_explicit_policy_approves() {
        let cases = [
            (Verdict::Passed, WhenInconclusive::Hold, Answer::Approve),
            (Verdict::Passed, WhenInconclusive::Reject, Answer::Approve),
            (Verdict::Failed, WhenInconclusive::Approve, Answer::Reject),
            (Verdict::Failed, WhenInconclusive::Hold, Answer::Reject),
            (Verdict::Inconclusive, WhenInconclusive::Hold, Answer::Hold),
            (
                Verdict::Inconclusive,
                WhenInconclusive::Reject,
                Answer::Reject,
            ),
            (
                Verdict::Inconclusive,
                WhenInconclusive::Approve,
                Answer::Approve,
            ),
        ];
        for (verdict, policy, expected) in cases {
            assert_eq!(
                answer(verdict, policy),
                expected,
                "{verdict:?} under {policy:?}"
            );
        }
    }

    #[test]
    fn approval_needs_every_validation_and_rejection_needs_one() {
        use Answer::{Approve, Hold, Reject};

        assert_eq!(agree(&[Some(Approve), Some(Approve)]), Agreement::Approve);
        assert_eq!(agree(&[Some(Approve), None]), Agreement::Undecided);
        assert_eq!(agree(&[Some(Approve), Some(Hold), None]), Agreement::Hold);
        assert_eq!(agree(&[None, Some(Reject), Some(Hold)]), Agreement::Reject);
        assert_eq!(agree(&[]), Agreement::Undecided);
    }
}
