//! Which deployment groups are behind an environment, and whether they can be
//! told apart from those of its neighbours.
//!
//! An operator may list the group behind a tag. Otherwise the tutorial's
//! convention applies: a group has the name of the environment, or the value of
//! one of its tags. If groups of several applications have such a name, it is
//! unknown which one is meant, unless the registrant's own stage deploys to exactly
//! one of them and no earlier stage to any. If no name matches, the groups that the
//! registrant's own stage deployed to before it are meant, except those of other
//! environments. A stage that may have deployed by other means has none.

use std::collections::BTreeSet;

use monspec::{Comparison, ServiceEntry, Tag};

use crate::behind::Behind;
use crate::deployment::Group;

/// The setting that lists the groups behind tags.
pub const SETTING: &str = "DEPLOYMENT_GROUPS";

/// The groups behind something.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Grouping {
    /// All that may be behind it.
    pub groups: BTreeSet<Group>,
    /// Whether all of them certainly are.
    pub told_apart: bool,
}

/// What the pipeline deploys up to the registrant.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// The groups that its own stage deploys to.
    pub own: BTreeSet<Group>,
    /// Those that earlier stages deploy to.
    pub earlier: BTreeSet<Group>,
    /// Those of its own stage that are meant if no name matches.
    pub unnamed: BTreeSet<Group>,
}

impl Grouping {
    fn sure(groups: BTreeSet<Group>) -> Self {
        Self {
            groups,
            told_apart: true,
        }
    }

    /// A single group needs no distinction.
    fn of_candidates(groups: BTreeSet<Group>) -> Option<Self> {
        (!groups.is_empty()).then_some(Self {
            told_apart: groups.len() == 1,
            groups,
        })
    }

    /// The one that a registrant in this place is about, if its place decides that.
    fn seen_from(self, place: &Place) -> Self {
        let own: BTreeSet<Group> = self.groups.intersection(&place.own).cloned().collect();
        let alone = own.len() == 1 && place.earlier.is_disjoint(&self.groups);
        if self.told_apart || !alone {
            return self;
        }
        Self::sure(own)
    }
}

/// The groups behind an environment of this name with these tags, among the known
/// ones; none if neither the operator nor the convention names one.
pub fn behind<'a>(
    name: Option<&str>,
    tags: impl IntoIterator<Item = &'a Tag>,
    listed: &Behind,
    known: &BTreeSet<Group>,
) -> Option<Grouping> {
    let tags: Vec<&Tag> = tags.into_iter().collect();
    let sure: BTreeSet<Group> = listed
        .groups(tags.iter().copied())
        .into_iter()
        .cloned()
        .collect();
    if !sure.is_empty() {
        return Some(Grouping::sure(sure));
    }
    let values = tags.iter().filter_map(|tag| tag.value.as_deref());
    let names: Vec<&str> = values.chain(name).collect();
    let named = |group: &&Group| names.contains(&group.name.as_str());
    Grouping::of_candidates(known.iter().filter(named).cloned().collect())
}

/// The groups behind the source environments of a comparison, for a registrant in
/// this place.
pub fn behind_sources(
    compared: &[(&ServiceEntry, &Comparison)],
    listed: &Behind,
    known: &BTreeSet<Group>,
    place: &Place,
) -> Grouping {
    let mut all = Grouping::sure(BTreeSet::new());
    for (entry, comparison) in compared {
        let named = behind_environment(entry, &comparison.source, listed, known);
        let named = named.map(|named| named.seen_from(place));
        let found = named.or_else(|| {
            let others = entry.environments.keys();
            let others = others.filter(|name| **name != comparison.source);
            let elsewhere: BTreeSet<Group> = others
                .filter_map(|name| behind_environment(entry, name, listed, known))
                .flat_map(|other| other.groups)
                .collect();
            Grouping::of_candidates(place.unnamed.difference(&elsewhere).cloned().collect())
        });
        if let Some(found) = found {
            all.told_apart &= found.told_apart;
            all.groups.extend(found.groups);
        }
    }
    all
}

/// The groups behind the compared environment of a service entry: all possible
/// ones, because a baseline that may be tainted counts as tainted. An environment
/// that is compared with itself has those of the source.
pub fn behind_compared(
    entry: &ServiceEntry,
    comparison: &Comparison,
    listed: &Behind,
    known: &BTreeSet<Group>,
    place: &Place,
) -> BTreeSet<Group> {
    let Some(name) = &comparison.compare else {
        return BTreeSet::new();
    };
    if comparison.compares_environment_with_itself() {
        return behind_sources(&[(entry, comparison)], listed, known, place).groups;
    }
    let found = behind_environment(entry, name, listed, known);
    found.map(|found| found.groups).unwrap_or_default()
}

fn behind_environment(
    entry: &ServiceEntry,
    name: &str,
    listed: &Behind,
    known: &BTreeSet<Group>,
) -> Option<Grouping> {
    let environment = entry.environments.get(name);
    let tags = environment
        .into_iter()
        .flat_map(|environment| &environment.tags);
    behind(Some(name), tags, listed, known)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPEC: &str = r#"{"Shop": {"etype": "SERVICE",
        "environments": {
            "Staging": {"tags": [{"key": "stage", "value": "Test"}]},
            "Production": {"tags": [{"key": "stage", "value": "Prod"}]}},
        "comparisons": [{"name": "Gate", "source": "Staging", "compare": "Production"},
            {"name": "Self", "source": "Staging", "compare": "Staging", "shiftcomparetimeframe": 3600}],
        "perfsignature": []}}"#;

    fn groups(text: &str) -> BTreeSet<Group> {
        let group = |text: &str| {
            let (application, name) = text.split_once('/').unwrap();
            Group {
                application: application.to_owned(),
                name: name.to_owned(),
            }
        };
        text.split_whitespace().map(group).collect()
    }

    fn sources(listed: &str, known: &str, place: &Place) -> (BTreeSet<Group>, bool) {
        let spec = monspec::read(SPEC, |_| None).spec.unwrap();
        let compared = spec.compared("Gate");
        let listed = listed.parse().unwrap();
        let found = behind_sources(&compared, &listed, &groups(known), place);
        (found.groups, found.told_apart)
    }

    /// A stage that deploys to these groups only.
    fn stage(own: &str) -> Place {
        Place {
            own: groups(own),
            unnamed: groups(own),
            ..Place::default()
        }
    }

    #[test]
    fn source_is_behind_what_is_listed_else_named_else_alone_in_its_stage() {
        for (case, listed, known, own, expected, told_apart) in [
            (
                "named like the environment",
                "",
                "A/Staging A/Production",
                "",
                "A/Staging",
                true,
            ),
            (
                "named like a tag's value",
                "",
                "A/Test A/Prod",
                "",
                "A/Test",
                true,
            ),
            (
                "neighbours of one name",
                "",
                "A/Staging B/Staging",
                "",
                "A/Staging B/Staging",
                false,
            ),
            (
                "listed",
                "stage:Test=B/Staging",
                "A/Staging B/Staging",
                "",
                "B/Staging",
                true,
            ),
            (
                "two are listed",
                "stage:Test=A/x,stage:Test=B/y",
                "",
                "",
                "A/x B/y",
                true,
            ),
            (
                "nothing to tell apart",
                "",
                "A/blue",
                "A/blue",
                "A/blue",
                true,
            ),
            (
                "one alone in its stage",
                "",
                "A/Staging B/Staging",
                "B/Staging",
                "B/Staging",
                true,
            ),
            (
                "neighbours in the stage",
                "",
                "A/x B/y",
                "A/x B/y",
                "A/x B/y",
                false,
            ),
            (
                "that of another environment",
                "",
                "A/Production",
                "A/Production",
                "",
                true,
            ),
            ("that of another stage", "", "A/blue", "", "", true),
        ] {
            let found = sources(listed, known, &stage(own));
            assert_eq!(found, (groups(expected), told_apart), "{case}");
        }
    }

    #[test]
    fn stage_of_one_group_says_nothing_of_what_an_earlier_one_deployed() {
        let both = "A/Staging B/Staging";
        for (own, earlier, expected) in [
            ("A/Staging", "", "A/Staging"),
            ("A/Staging", "C/x", "A/Staging"),
            ("A/Staging", "B/Staging", both),
            ("", "A/Staging", both),
            (both, "", both),
        ] {
            let place = Place {
                earlier: groups(earlier),
                ..stage(own)
            };
            let found = sources("", both, &place);
            assert_eq!(
                found,
                (groups(expected), expected != both),
                "{own}, {earlier}"
            );
        }
    }

    #[test]
    fn compare_side_is_behind_the_same_and_its_own_source_if_it_is_one() {
        let spec = monspec::read(SPEC, |_| None).spec.unwrap();
        let listed = Behind::default();
        let compared = |comparison, known: &str, own: &str| {
            let [(entry, comparison)] = spec.compared(comparison)[..] else {
                panic!("one entry has it");
            };
            behind_compared(entry, comparison, &listed, &groups(known), &stage(own))
        };

        let both = "A/Staging B/Prod A/Production";
        assert_eq!(compared("Gate", both, ""), groups("B/Prod A/Production"));
        assert_eq!(compared("Self", "A/blue", "A/blue"), groups("A/blue"));
        assert_eq!(compared("Gate", "A/blue", "A/blue"), groups(""));
    }
}
