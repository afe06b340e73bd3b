//! The result of every build and of the campaign, and whether it was expected.

use std::time::Duration;

use fake_aws::pipeline::{ApprovalStatus, ApprovalView};
use serde::Serialize;

use super::Chapter;
use super::answered::{Heal, tenths};
use super::campaign::Campaign;

/// The end of the story.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Results {
    /// Whether everything ended as expected.
    pub(crate) as_expected: bool,
    /// How long it took once everything was built, in seconds.
    pub(crate) seconds: f64,
    pub(crate) releases: Vec<Release>,
    /// What became of the campaign, unless the story stopped before.
    pub(crate) campaign: Option<Campaign>,
    /// Why the story stopped early, if it did.
    pub(crate) error: Option<String>,
}

/// One release.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Release {
    pub(crate) build: u32,
    pub(crate) as_expected: bool,
    pub(crate) staging: Gate,
    pub(crate) production: Gate,
    /// The problems that it caused, and what was done about them.
    pub(crate) problems: Vec<Heal>,
    /// The build that runs in production afterwards.
    pub(crate) left_in_production: Option<u32>,
    pub(crate) seconds: f64,
}

/// The answer to one approval.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Gate {
    pub(crate) answer: &'static str,
    pub(crate) summary: Option<String>,
    #[serde(skip)]
    status: ApprovalStatus,
}

impl Results {
    pub(crate) fn of(
        releases: Vec<Release>,
        campaign: Option<Campaign>,
        error: Option<String>,
        took: Duration,
    ) -> Self {
        Self {
            as_expected: error.is_none()
                && releases.iter().all(|release| release.as_expected)
                && campaign.as_ref().is_some_and(|told| told.as_expected),
            seconds: tenths(took),
            releases,
            campaign,
            error,
        }
    }
}

impl Release {
    /// The result of a release, compared with the expected one.
    pub(super) fn told(
        chapter: &Chapter,
        [staging, production]: [Gate; 2],
        problems: Vec<Heal>,
        left: Option<u32>,
        took: Duration,
    ) -> Self {
        let sick = chapter.staging == ApprovalStatus::Approved
            && chapter.production == ApprovalStatus::Rejected;
        let answered = if sick {
            matches!(&problems[..], [heal] if heal.confirmed && !heal.comments.is_empty())
        } else {
            problems.is_empty()
        };
        Self {
            build: chapter.build,
            as_expected: answered
                && staging.status == chapter.staging
                && production.status == chapter.production
                && left == Some(chapter.left),
            staging,
            production,
            problems,
            left_in_production: left,
            seconds: tenths(took),
        }
    }

    /// The same for an unfinished release, which is never expected.
    pub(super) fn unfinished(self) -> Self {
        Self {
            as_expected: false,
            ..self
        }
    }
}

impl Gate {
    pub(super) fn of(approval: &ApprovalView) -> Self {
        Self {
            answer: match approval.status {
                ApprovalStatus::Waiting => "waiting",
                ApprovalStatus::Approved => "approved",
                ApprovalStatus::Rejected => "rejected",
                ApprovalStatus::NotReached => "not reached",
                ApprovalStatus::Abandoned => "abandoned",
            },
            summary: approval.summary.clone(),
            status: approval.status,
        }
    }

    /// Why it waits for a person, if it does.
    pub(super) fn held(&self) -> Option<&str> {
        let waits = self.status == ApprovalStatus::Waiting;
        self.summary.as_deref().filter(|_| waits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::story::CHAPTERS;

    fn gate(status: ApprovalStatus) -> Gate {
        Gate::of(&ApprovalView {
            status,
            summary: None,
            by: None,
            token: None,
            action_execution_id: None,
        })
    }

    fn heal() -> Heal {
        Heal {
            problem: "P-1".to_owned(),
            title: "Slow".to_owned(),
            confirmed: true,
            comments: vec!["Healed".to_owned()],
        }
    }

    fn of_build_4(production: ApprovalStatus, problems: Vec<Heal>, left: u32) -> bool {
        let gates = [gate(ApprovalStatus::Approved), gate(production)];
        Release::told(&CHAPTERS[3], gates, problems, Some(left), Duration::ZERO).as_expected
    }

    #[test]
    fn sick_build_must_be_rejected_and_healed_with_comments() {
        let rejected = ApprovalStatus::Rejected;
        assert!(of_build_4(rejected, vec![heal()], 3));

        assert!(!of_build_4(ApprovalStatus::Approved, vec![heal()], 3));
        assert!(!of_build_4(rejected, Vec::new(), 3));
        assert!(!of_build_4(rejected, vec![heal()], 4));
        let silent = Heal {
            comments: Vec::new(),
            ..heal()
        };
        assert!(!of_build_4(rejected, vec![silent], 3));
        let vain = Heal {
            confirmed: false,
            ..heal()
        };
        assert!(!of_build_4(rejected, vec![vain], 3));
    }

    #[test]
    fn healthy_build_must_be_approved_twice_and_cause_nothing() {
        let told = |staging, production, problems| {
            let gates = [gate(staging), gate(production)];
            Release::told(&CHAPTERS[0], gates, problems, Some(1), Duration::ZERO).as_expected
        };
        let approved = ApprovalStatus::Approved;
        assert!(told(approved, approved, Vec::new()));

        assert!(!told(
            ApprovalStatus::Rejected,
            ApprovalStatus::NotReached,
            Vec::new()
        ));
        assert!(!told(approved, ApprovalStatus::Rejected, Vec::new()));
        assert!(!told(approved, approved, vec![heal()]));
    }
}
