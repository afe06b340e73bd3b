//! Which deployment is to blame for a problem.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::deployment::Group;

/// A deployment that was announced on an entity of the problem.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Announced {
    /// The entity that carries the announcement.
    pub entity: String,
    /// Where it was deployed.
    pub group: Group,
    /// CodeDeploy's id.
    pub deployment: String,
    /// When it was announced.
    pub at: Timestamp,
}

/// The deployment that is to blame in one group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Culprit {
    /// Where it was deployed.
    pub group: Group,
    /// CodeDeploy's id.
    pub deployment: String,
    /// When it was announced.
    pub at: Timestamp,
}

/// What the announcements say about a problem.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Attribution {
    /// Nothing was deployed to the affected entities shortly before.
    Nothing,
    /// These are to blame, one per group.
    Culprits(Vec<Culprit>),
    /// These are, and more groups would be changed than the operator allows.
    TooManyGroups(Vec<Culprit>),
}

/// The problem, as far as blame needs it.
#[derive(Clone, Copy, Debug)]
pub struct Blame<'a> {
    /// When the problem began.
    pub began: Timestamp,
    /// The entity that Dynatrace says caused it.
    pub root_cause: Option<&'a str>,
    /// How long before the problem a deployment can be its cause.
    pub look_back: SignedDuration,
    /// How many groups may be changed.
    pub most_groups: usize,
}

/// Finds who is to blame.
///
/// Per entity only the newest deployment before the problem counts: what it
/// replaced no longer ran. With a root cause only the root cause's deployments
/// count: none at all, if it is a service and none was announced on it. A root
/// cause of another kind, such as a host or a process, that carries none decides
/// nothing. The order and number of announcements do not matter.
pub fn attribute(announced: &[Announced], blame: Blame<'_>) -> Attribution {
    let earliest = blame
        .began
        .saturating_sub(blame.look_back)
        .unwrap_or(Timestamp::MIN);
    let eligible = announced
        .iter()
        .filter(|announced| earliest <= announced.at && announced.at <= blame.began);
    let mut newest: BTreeMap<&str, &Announced> = BTreeMap::new();
    for announced in eligible {
        let known = newest.entry(&announced.entity).or_insert(announced);
        if (known.at, &known.deployment) < (announced.at, &announced.deployment) {
            *known = announced;
        }
    }
    if let Some(root_cause) = blame.root_cause
        && (newest.contains_key(root_cause) || is_announced_on(root_cause))
    {
        newest.retain(|entity, _| *entity == root_cause);
    }

    let mut culprits: BTreeMap<&Group, &Announced> = BTreeMap::new();
    for announced in newest.into_values() {
        let known = culprits.entry(&announced.group).or_insert(announced);
        if (known.at, &known.deployment) < (announced.at, &announced.deployment) {
            *known = announced;
        }
    }
    if culprits.is_empty() {
        return Attribution::Nothing;
    }
    let culprits = culprits.into_values().map(|announced| Culprit {
        group: announced.group.clone(),
        deployment: announced.deployment.clone(),
        at: announced.at,
    });
    let culprits: Vec<Culprit> = culprits.collect();
    if blame.most_groups < culprits.len() {
        return Attribution::TooManyGroups(culprits);
    }
    Attribution::Culprits(culprits)
}

/// Whether deployments are announced on entities of this kind wherever they
/// are announced at all.
fn is_announced_on(entity: &str) -> bool {
    entity.starts_with("SERVICE-")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn minute(minute: i64) -> Timestamp {
        Timestamp::from_second(minute * 60).unwrap()
    }

    fn announced(entity: &str, group: &str, deployment: &str, at: i64) -> Announced {
        Announced {
            entity: entity.to_owned(),
            group: Group {
                application: "App".to_owned(),
                name: group.to_owned(),
            },
            deployment: deployment.to_owned(),
            at: minute(at),
        }
    }

    fn blame(root_cause: Option<&str>) -> Blame<'_> {
        Blame {
            began: minute(100),
            root_cause,
            look_back: SignedDuration::from_hours(1),
            most_groups: 1,
        }
    }

    fn blamed(announced: &[Announced], root_cause: Option<&str>) -> Vec<String> {
        match attribute(announced, blame(root_cause)) {
            Attribution::Culprits(culprits) => culprits
                .into_iter()
                .map(|culprit| culprit.deployment)
                .collect(),
            other => vec![format!("{other:?}")],
        }
    }

    #[test]
    fn four_entities_of_one_deployment_are_one_culprit() {
        let all: Vec<Announced> = (0..4)
            .map(|entity| announced(&format!("S-{entity}"), "Production", "d-1", 90))
            .collect();

        assert_eq!(blamed(&all, None), ["d-1"]);
    }

    #[test]
    fn newest_before_the_problem_is_to_blame_in_any_order() {
        let mut all = vec![
            announced("S-1", "Production", "d-2", 95),
            announced("S-1", "Production", "d-1", 90),
            announced("S-1", "Production", "d-3", 101),
            announced("S-1", "Production", "d-0", 30),
        ];
        for _ in 0..all.len() {
            all.rotate_left(1);
            assert_eq!(blamed(&all, None), ["d-2"]);
        }
        assert_eq!(attribute(&all[..0], blame(None)), Attribution::Nothing);
    }

    #[test]
    fn root_cause_points_at_its_own_group_alone() {
        let all = [
            announced("S-1", "Production", "d-1", 90),
            announced("S-2", "Billing", "d-2", 95),
        ];

        assert_eq!(blamed(&all, Some("S-1")), ["d-1"]);
        assert!(matches!(
            attribute(&all, blame(None)),
            Attribution::TooManyGroups(culprits) if culprits.len() == 2
        ));
        // A host without deployments decides nothing.
        assert!(matches!(
            attribute(&all, blame(Some("HOST-1"))),
            Attribution::TooManyGroups(_)
        ));
    }

    #[test]
    fn service_that_nothing_was_deployed_to_is_nobodys_fault() {
        let all = [announced("SERVICE-1", "Production", "d-1", 90)];

        assert_eq!(
            attribute(&all, blame(Some("SERVICE-2"))),
            Attribution::Nothing
        );
        for root_cause in [
            "SERVICE-1",
            "HOST-2",
            "PROCESS_GROUP-2",
            "PROCESS_GROUP_INSTANCE-2",
        ] {
            assert_eq!(blamed(&all, Some(root_cause)), ["d-1"]);
        }
    }
}
