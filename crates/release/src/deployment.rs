//! Deployments of a group, and what a window saw of them.

use std::collections::BTreeSet;
use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::content::{by_place, with_digest};
use crate::validation::ValidationId;
use crate::window::Window;

/// A CodeDeploy application and one of its deployment groups.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Group {
    /// The CodeDeploy application.
    pub application: String,
    /// The deployment group within it.
    pub name: String,
}

impl fmt::Display for Group {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.application, self.name)
    }
}

/// A revision that reached a group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Deployment {
    /// CodeDeploy's id, `d-…`.
    pub id: String,
    /// Where it was deployed.
    pub group: Group,
    /// When it began to reach the group.
    pub at: Timestamp,
    /// The pipeline execution that deployed it, where there was one.
    pub execution: Option<String>,
    /// What was deployed: the same content has the same identity under every
    /// deployment id and every artifact key.
    pub identity: String,
    /// Where it lies, where CodeDeploy was asked: another group may know the
    /// same content by its place alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub location: Option<String>,
    /// The digest of its bundle, where CodeDeploy was asked and says one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    /// What a person calls it.
    pub version: String,
    /// Why it was deployed.
    pub origin: Origin,
}

impl Deployment {
    /// This deployment, with what somebody else knows beyond it: that it replaced
    /// a culprit, which execution made it, or where its content lies. Notices of
    /// CodeDeploy come before the pipeline's own word, and know other things. The
    /// time stays.
    ///
    /// Nothing, if they know nothing more.
    pub fn told_by(&self, other: &Deployment) -> Option<Deployment> {
        let names_execution = other.execution.is_some() && self.execution.is_none();
        let is_better =
            self.origin == Origin::Release && (other.origin == Origin::Heal || names_execution);
        let mut told = if is_better { other } else { self }.clone();
        told.at = self.at;
        told.location = self.location.as_ref().or(other.location.as_ref()).cloned();
        told.digest = self.digest.as_ref().or(other.digest.as_ref()).cloned();
        (told != *self).then_some(told)
    }

    /// Every identity that its content is known by: what it was built from, and
    /// where it lies.
    pub fn contents(&self) -> BTreeSet<String> {
        let by_place = self.location.iter().map(|place| by_place(place));
        let identity = with_digest(&self.identity, self.digest.as_deref());
        by_place.chain([identity]).collect()
    }

    /// Every identity under which something may be held against its content.
    /// What failed before its digest was known is held against its sources
    /// alone, and then against every build of them.
    pub fn may_be(&self) -> BTreeSet<String> {
        let mut all = self.contents();
        all.insert(self.identity.clone());
        all
    }
}

/// Why a deployment was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Origin {
    /// A pipeline released it.
    Release,
    /// It replaced a culprit.
    Heal,
}

/// What is known of a deployed revision.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Standing {
    /// Nothing speaks for it or against it.
    #[default]
    Unknown,
    /// Its validation passed.
    Good,
    /// A problem points at it.
    Suspect,
    /// Its validation failed, or the problem ended when it was replaced.
    Bad,
}

impl Standing {
    /// The standing after validations taught `lesson` together.
    ///
    /// What a problem said is not lifted by a later good validation; only a
    /// person clears a suspect or bad revision.
    #[must_use]
    pub fn taught(self, lesson: Standing) -> Standing {
        match self {
            Standing::Suspect | Standing::Bad => self,
            Standing::Unknown | Standing::Good => lesson,
        }
    }

    /// What two validations of one deployment say together: good only if both
    /// do, and bad if either does.
    #[must_use]
    pub fn worse(self, other: Standing) -> Standing {
        [Standing::Bad, Standing::Suspect, Standing::Unknown]
            .into_iter()
            .find(|standing| [self, other].contains(standing))
            .unwrap_or(Standing::Good)
    }
}

/// A deployment together with what the ledger knows of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LedgerEntry {
    /// What was deployed, where and when.
    pub deployment: Deployment,
    /// What is known of it.
    pub standing: Standing,
    /// Who or what said so.
    pub taught_by: String,
    /// The problem that answers for it.
    pub bound_to: Option<String>,
}

/// How a validation signs what it teaches.
pub fn by_validation(id: ValidationId) -> String {
    format!("{BY_VALIDATION}{id}")
}

const BY_VALIDATION: &str = "validation ";

impl LedgerEntry {
    /// The validation that said what is known, if it was one.
    pub fn validation(&self) -> Option<ValidationId> {
        let signed = self.taught_by.strip_prefix(BY_VALIDATION)?;
        let (id, _) = signed.split_once(' ').unwrap_or((signed, ""));
        id.parse().ok()
    }
}

/// What else happened to a group while a build was being measured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Undisturbed {
    /// Only the judged deployment ran.
    Yes,
    /// Another release arrived first: the numbers belong to two builds.
    Overtaken(Deployment),
    /// The judged deployment was replaced because of a problem.
    Healed(Deployment),
}

/// Says whether the judged deployment had `window` to itself.
///
/// A heal weighs more than a release that followed it: a build that had to be
/// replaced has failed, whatever came afterwards.
pub fn undisturbed(judged: &Deployment, others: &[Deployment], window: Window) -> Undisturbed {
    let mut reached: Vec<&Deployment> = others
        .iter()
        .filter(|other| other.group == judged.group && other.id != judged.id)
        .filter(|other| judged.at <= other.at && other.at < window.end)
        .collect();
    reached.sort_by_key(|other| other.at);

    if let Some(heal) = reached.iter().find(|other| other.origin == Origin::Heal) {
        return Undisturbed::Healed((*heal).clone());
    }
    reached.first().map_or(Undisturbed::Yes, |other| {
        Undisturbed::Overtaken((*other).clone())
    })
}

/// The deployment that makes a baseline over `window` untrustworthy, if any.
///
/// `history` holds the deployments of one group in any order. A deployment runs
/// from its own time until the next one begins.
pub fn taint(history: &[LedgerEntry], window: Window) -> Option<&LedgerEntry> {
    let mut history: Vec<&LedgerEntry> = history.iter().collect();
    history.sort_by_key(|entry| entry.deployment.at);
    history
        .iter()
        .enumerate()
        .filter(|(index, entry)| {
            let until = history.get(index + 1).map(|next| next.deployment.at);
            entry.deployment.at < window.end && until.is_none_or(|until| window.start < until)
        })
        .map(|(_, entry)| *entry)
        .find(|entry| matches!(entry.standing, Standing::Suspect | Standing::Bad))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn minute(minute: i64) -> Timestamp {
        Timestamp::from_second(minute * 60).unwrap()
    }

    fn window(start: i64, end: i64) -> Window {
        Window {
            start: minute(start),
            end: minute(end),
        }
    }

    fn deployment(id: &str, at: i64, origin: Origin) -> Deployment {
        Deployment {
            id: id.to_owned(),
            group: Group {
                application: "App".to_owned(),
                name: "Production".to_owned(),
            },
            at: minute(at),
            execution: None,
            identity: id.to_owned(),
            location: None,
            digest: None,
            version: id.to_owned(),
            origin,
        }
    }

    fn entry(id: &str, at: i64, standing: Standing) -> LedgerEntry {
        LedgerEntry {
            deployment: deployment(id, at, Origin::Release),
            standing,
            taught_by: "a test".to_owned(),
            bound_to: None,
        }
    }

    #[test]
    fn window_is_undisturbed_by_earlier_later_and_foreign_deployments() {
        let judged = deployment("d-1", 10, Origin::Release);
        let mut elsewhere = deployment("d-4", 12, Origin::Release);
        elsewhere.group.name = "Staging".to_owned();
        let others = [
            judged.clone(),
            deployment("d-0", 9, Origin::Release),
            deployment("d-2", 16, Origin::Release),
            elsewhere,
        ];

        assert_eq!(
            undisturbed(&judged, &others, window(11, 16)),
            Undisturbed::Yes
        );
    }

    #[test]
    fn release_before_the_end_of_the_window_overtakes() {
        let judged = deployment("d-1", 10, Origin::Release);
        let others = [
            deployment("d-3", 15, Origin::Release),
            deployment("d-2", 14, Origin::Release),
        ];

        let Undisturbed::Overtaken(by) = undisturbed(&judged, &others, window(11, 16)) else {
            panic!("the window belongs to two builds");
        };
        assert_eq!(by.id, "d-2");
    }

    #[test]
    fn heal_weighs_more_than_the_release_before_it() {
        let judged = deployment("d-1", 10, Origin::Release);
        let others = [
            deployment("d-2", 12, Origin::Release),
            deployment("d-3", 14, Origin::Heal),
        ];

        assert!(matches!(
            undisturbed(&judged, &others, window(11, 16)),
            Undisturbed::Healed(heal) if heal.id == "d-3"
        ));
    }

    #[test]
    fn baseline_is_tainted_only_by_what_ran_inside_its_window() {
        let history = [
            entry("d-3", 30, Standing::Good),
            entry("d-2", 20, Standing::Bad),
            entry("d-1", 10, Standing::Suspect),
            entry("d-0", 0, Standing::Good),
        ];
        let tainted_by = |start, end| {
            taint(&history, window(start, end)).map(|entry| entry.deployment.id.as_str())
        };

        assert_eq!(tainted_by(1, 9), None);
        assert_eq!(tainted_by(1, 11), Some("d-1"));
        assert_eq!(tainted_by(21, 25), Some("d-2"));
        assert_eq!(tainted_by(29, 35), Some("d-2"));
        assert_eq!(tainted_by(30, 35), None);
    }

    #[test]
    fn good_validation_lifts_neither_suspect_nor_bad() {
        assert_eq!(Standing::Unknown.taught(Standing::Good), Standing::Good);
        assert_eq!(Standing::Good.taught(Standing::Bad), Standing::Bad);
        assert_eq!(Standing::Suspect.taught(Standing::Good), Standing::Suspect);
        assert_eq!(Standing::Bad.taught(Standing::Good), Standing::Bad);
    }

    #[test]
    fn validations_of_one_deployment_say_the_worst_in_any_order() {
        use Standing::{Bad, Good, Unknown};
        for (one, other, together) in [
            (Good, Good, Good),
            (Good, Unknown, Unknown),
            (Good, Bad, Bad),
            (Unknown, Bad, Bad),
        ] {
            assert_eq!(one.worse(other), together);
            assert_eq!(other.worse(one), together);
        }
    }
}
