//! Which deployment groups are behind an entity, according to announcements.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use crate::deployment::Group;

/// A deployment to a group was announced on an entity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tie {
    /// The entity.
    pub entity: String,
    /// The group.
    pub group: Group,
    /// When the newest of its deployments began.
    pub at: Timestamp,
    /// Whether the entity is known to be one that several groups may share,
    /// such as a database.
    pub shared: bool,
}

/// The groups behind each entity: per application that of the newest
/// announcement, and all that were announced since `fresh`. An entity that serves
/// two groups, such as a host, a process group or a database, has neither.
pub fn tied<'t>(
    ties: impl IntoIterator<Item = &'t Tie>,
    fresh: Timestamp,
) -> BTreeMap<&'t str, BTreeSet<&'t Group>> {
    let mut of_entities: BTreeMap<&str, Vec<&Tie>> = BTreeMap::new();
    for tie in ties {
        of_entities.entry(&tie.entity).or_default().push(tie);
    }
    let tied = of_entities
        .into_iter()
        .map(|(entity, ties)| (entity, behind(entity, &ties, fresh)));
    tied.collect()
}

fn behind<'t>(entity: &str, ties: &[&'t Tie], fresh: Timestamp) -> BTreeSet<&'t Group> {
    let all: BTreeSet<&Group> = ties.iter().map(|tie| &tie.group).collect();
    let may_serve_several = is_shared(entity) || ties.iter().any(|tie| tie.shared);
    if may_serve_several && 1 < all.len() {
        return BTreeSet::new();
    }
    let mut newest: BTreeMap<&str, &Tie> = BTreeMap::new();
    for tie in ties {
        let known = newest.entry(&tie.group.application).or_insert(tie);
        if (known.at, &known.group) < (tie.at, &tie.group) {
            *known = tie;
        }
    }
    let fresh = ties.iter().copied().filter(|tie| fresh <= tie.at);
    let all = newest.into_values().chain(fresh);
    all.map(|tie| &tie.group).collect()
}

/// Whether several groups may run on entities of this kind.
fn is_shared(entity: &str) -> bool {
    let kind = entity.rsplit_once('-').map(|(kind, _)| kind);
    matches!(kind, Some("HOST" | "PROCESS_GROUP"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tie(entity: &str, group: &str, at: i64) -> Tie {
        let (application, name) = group.split_once('/').unwrap();
        Tie {
            entity: entity.to_owned(),
            group: Group {
                application: application.to_owned(),
                name: name.to_owned(),
            },
            at: Timestamp::from_second(at).unwrap(),
            shared: false,
        }
    }

    fn groups(ties: &[Tie], entity: &str) -> Vec<String> {
        let tied = tied(ties, Timestamp::from_second(4).unwrap());
        let groups = tied.get(entity).into_iter().flatten();
        groups.map(ToString::to_string).collect()
    }

    #[test]
    fn newest_announcement_of_each_application_ties_in_any_order() {
        let mut ties = vec![
            tie("SERVICE-1", "Shop/Blue", 1),
            tie("SERVICE-1", "Shop/Green", 3),
            tie("SERVICE-1", "Pay/Production", 2),
            tie("SERVICE-2", "Shop/Blue", 4),
        ];
        for _ in 0..ties.len() {
            ties.rotate_left(1);
            assert_eq!(groups(&ties, "SERVICE-1"), ["Pay/Production", "Shop/Green"]);
        }
        assert_eq!(groups(&ties, "SERVICE-3"), [""; 0]);
    }

    #[test]
    fn what_two_groups_share_is_tied_to_neither() {
        for (entity, shared, expected) in [
            ("HOST-1", false, 0),
            ("PROCESS_GROUP-1", false, 0),
            ("SERVICE-1", true, 0),
            ("SERVICE-1", false, 2),
            ("PROCESS_GROUP_INSTANCE-1", false, 2),
        ] {
            let mut ties = [tie(entity, "Shop/Blue", 1), tie(entity, "Pay/Blue", 2)];
            ties[0].shared = shared;
            assert_eq!(groups(&ties, entity).len(), expected, "{entity} {shared}");
            assert_eq!(groups(&ties[..1], entity), ["Shop/Blue"]);
        }
        let two = [tie("HOST-1", "Shop/A", 1), tie("HOST-1", "Shop/B", 2)];
        assert_eq!(groups(&two, "HOST-1"), [""; 0]);
    }

    #[test]
    fn every_group_that_was_announced_lately_is_behind_its_entity() {
        let ties = [
            tie("SERVICE-1", "Shop/Old", 3),
            tie("SERVICE-1", "Shop/Web", 4),
            tie("SERVICE-1", "Shop/Api", 5),
        ];
        assert_eq!(groups(&ties, "SERVICE-1"), ["Shop/Api", "Shop/Web"]);
    }
}
