//! Which change is to blame for a problem.
//!
//! # What each candidate comes to
//!
//! A candidate is a change of a place, such as a deployment group, that is behind
//! an entity of the problem, with its *life* there: from the first instance that it changed, or
//! the first traffic that it moved, until its end. On a host or a process it
//! begins when it has reached that one.
//!
//! | A candidate | Comes to |
//! |---|---|
//! | whose life begins after the problem, by [`may_precede`] | no cause |
//! | whose life ended before the look-back | no cause |
//! | that is a heal whose life had not ended when the problem began | no cause: what it takes back still ran |
//! | that is not the newest of those that are left of its entity | no cause: something came over it |
//! | on an entity that is not the root cause, where that decides | no cause |
//! | that was announced beside one of another place, and nobody knows which of them its entity is of | nothing is done, both are named |
//! | that is a cause only by the rounding of the tenant's time, while an older one of its entity surely precedes, is no heal and has not passed its validation | nothing is done, both are named |
//! | that is left, with another one of its place that is newer | no cause: the newer one is |
//! | that is left and would not be taken back, while another one is left without it | passed over: the other one is looked at instead |
//! | that is left | to blame |
//!
//! What touched no instance has no life, an instance that joins its group is no
//! change, and what takes another one back and failed, or brought what is suspect
//! or bad, has ended nothing: none of these is a candidate.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use crate::change::{Change, Place};
use crate::precedence::{Precedence, may_precede};

/// A change that could be the cause of what an entity shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// The entity.
    pub entity: String,
    /// What was changed behind it.
    pub change: Change,
    /// When it changed the first instance.
    pub began: Timestamp,
    /// When it ended, unless it goes on.
    pub ended: Option<Timestamp>,
    /// Whether it passed its validation.
    pub passed: bool,
    /// How it is known.
    pub known: Known,
    /// Whether its place surely is behind the entity.
    pub is_sure: bool,
    /// Why it would not be taken back, in a sentence without its end. Such a change
    /// hides no other one, and is to blame only if nothing else is.
    pub kept: Option<String>,
}

/// How a candidate is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Known {
    /// It was announced on the entity.
    Announced,
    /// It is known in a place behind the entity.
    InPlace,
}

/// The change that is to blame in one place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Culprit {
    /// What was changed.
    pub change: Change,
    /// When it changed the first instance.
    pub at: Timestamp,
}

/// What the candidates say about a problem.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Attribution {
    /// Nothing was changed behind the affected entities shortly before.
    Nothing,
    /// These are to blame, one per place.
    Culprits(Vec<Culprit>),
    /// These are, and more places would be changed than the operator allows.
    TooManyPlaces(Vec<Culprit>),
    /// Either may be, and nobody can say which.
    Ambiguous {
        /// What came last.
        newest: Box<Culprit>,
        /// What came before it.
        older: Box<Culprit>,
        /// Why nobody can say.
        doubt: Doubt,
    },
}

/// Why nobody can say which of two changes is to blame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Doubt {
    /// The newest came within the minute in which the problem began; the older
    /// one surely came before, and has not passed its validation.
    Rounding,
    /// They were announced together, for places that nothing tells apart.
    Places,
}

/// The problem, as far as blame needs it.
#[derive(Clone, Copy, Debug)]
pub struct Blame<'a> {
    /// When the problem began.
    pub began: Timestamp,
    /// The entity that Dynatrace says caused it.
    pub root_cause: Option<&'a str>,
    /// How long before the problem a change can be its cause.
    pub look_back: SignedDuration,
    /// How many places may be changed.
    pub most_places: usize,
}

impl Blame<'_> {
    /// The first moment that counts.
    pub fn earliest(&self) -> Timestamp {
        self.began
            .saturating_sub(self.look_back)
            .unwrap_or(Timestamp::MIN)
    }
}

/// Why a candidate is no cause, whatever the others are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unfit {
    After,
    LongBefore,
    UnfinishedHeal,
}

impl Candidate {
    pub(crate) fn unfit(&self, blame: Blame<'_>) -> Option<Unfit> {
        if may_precede(self.began, blame.began) == Precedence::No {
            Some(Unfit::After)
        } else if self.ended.is_some_and(|ended| ended < blame.earliest()) {
            Some(Unfit::LongBefore)
        } else if self.change.is_heal() && self.ended.is_none_or(|ended| blame.began < ended) {
            Some(Unfit::UnfinishedHeal)
        } else {
            None
        }
    }

    fn order(&self) -> (Timestamp, &str) {
        (self.began, self.change.id())
    }

    fn culprit(&self) -> Culprit {
        Culprit {
            change: self.change.clone(),
            at: self.began,
        }
    }
}

/// Finds who is to blame.
///
/// Per entity only the newest change before the problem counts: what it
/// replaced no longer ran. With a root cause only the root cause's changes
/// count: none at all, if it is a service and nothing was deployed to it. A root
/// cause of another kind, such as a host or a process, to which nothing was
/// deployed decides nothing. The order and number of candidates do not matter.
pub fn attribute(candidates: &[Candidate], blame: Blame<'_>) -> Attribution {
    attributed(candidates, blame).0
}

/// Those that would be to blame and would not be taken back, where another one is to
/// blame instead.
pub fn passed_over(candidates: &[Candidate], blame: Blame<'_>) -> Vec<Candidate> {
    let (_, passed) = attributed(candidates, blame);
    passed.into_iter().cloned().collect()
}

/// What would be to blame if none of the culprits had been made: an older change.
pub fn next_older(
    candidates: &[Candidate],
    blame: Blame<'_>,
    culprits: &[Culprit],
) -> Option<Change> {
    let newest = culprits.iter().map(|culprit| culprit.at).max()?;
    let is_blamed = |one: &Candidate| {
        let mut culprits = culprits.iter();
        culprits.any(|culprit| culprit.change.id() == one.change.id())
    };
    let older = candidates.iter();
    let older = older.filter(|one| one.began <= newest && !is_blamed(one));
    let older: Vec<Candidate> = older.cloned().collect();
    match attribute(&older, blame) {
        Attribution::Nothing => None,
        Attribution::Culprits(culprits) | Attribution::TooManyPlaces(culprits) => {
            let newest = culprits.into_iter().max_by_key(|culprit| culprit.at)?;
            Some(newest.change)
        }
        Attribution::Ambiguous { newest, .. } => Some(newest.change),
    }
}

fn attributed<'c>(
    candidates: &'c [Candidate],
    blame: Blame<'_>,
) -> (Attribution, Vec<&'c Candidate>) {
    let mut left: Vec<&Candidate> = candidates.iter().collect();
    let first = of_these(&left, blame);
    let mut attribution = first.clone();
    let mut passed = Vec::new();
    loop {
        let newest: Vec<&str> = newest(&attribution).map(Change::id).collect();
        let is_hiding = |one: &&Candidate| one.kept.is_some() && newest.contains(&one.change.id());
        let (hiding, others): (Vec<_>, Vec<_>) = left.into_iter().partition(is_hiding);
        left = others;
        if hiding.is_empty() {
            break;
        }
        passed.extend(hiding);
        attribution = of_these(&left, blame);
    }
    if attribution == Attribution::Nothing {
        return (first, Vec::new());
    }
    let mut seen = BTreeSet::new();
    passed.retain(|one| seen.insert(one.change.id()));
    (attribution, passed)
}

/// The changes that keep older ones from being blamed.
fn newest(attribution: &Attribution) -> impl Iterator<Item = &Change> {
    let culprits = match attribution {
        Attribution::Nothing => &[],
        Attribution::Culprits(culprits) | Attribution::TooManyPlaces(culprits) => {
            culprits.as_slice()
        }
        Attribution::Ambiguous { newest, .. } => std::slice::from_ref(&**newest),
    };
    culprits.iter().map(|culprit| &culprit.change)
}

fn of_these(candidates: &[&Candidate], blame: Blame<'_>) -> Attribution {
    let mut fit: BTreeMap<&str, Vec<&Candidate>> = BTreeMap::new();
    for candidate in candidates {
        if candidate.unfit(blame).is_none() {
            fit.entry(&candidate.entity).or_default().push(candidate);
        }
    }
    if let Some(root_cause) = blame.root_cause
        && (fit.contains_key(root_cause) || is_deployed_to(root_cause))
    {
        fit.retain(|entity, _| *entity == root_cause);
    }

    let mut culprits: BTreeMap<Place, &Candidate> = BTreeMap::new();
    for of_entity in fit.values() {
        let newest = of_entity.iter().max_by_key(|one| one.order());
        let newest = newest.expect("an entity is entered with its first candidate");
        let unsure = unsure(newest, of_entity).map(|older| (older, Doubt::Places));
        let doubt = unsure.or_else(|| {
            let rounded = rounded(newest, of_entity, blame.began);
            rounded.map(|older| (older, Doubt::Rounding))
        });
        if let Some((older, doubt)) = doubt {
            return Attribution::Ambiguous {
                newest: Box::new(newest.culprit()),
                older: Box::new(older.culprit()),
                doubt,
            };
        }
        let known = culprits.entry(newest.change.place()).or_insert(newest);
        if known.order() < newest.order() {
            *known = newest;
        }
    }
    if culprits.is_empty() {
        return Attribution::Nothing;
    }
    let culprits = culprits.into_values().map(Candidate::culprit);
    let culprits: Vec<Culprit> = culprits.collect();
    if blame.most_places < culprits.len() {
        return Attribution::TooManyPlaces(culprits);
    }
    Attribution::Culprits(culprits)
}

/// The newest candidate of another place that was announced as unsurely as the
/// newest of all.
fn unsure<'c>(newest: &Candidate, of_entity: &[&'c Candidate]) -> Option<&'c Candidate> {
    if newest.is_sure {
        return None;
    }
    let others = of_entity.iter().copied();
    others
        .filter(|one| !one.is_sure && one.change.place() != newest.change.place())
        .max_by_key(|one| one.order())
}

/// The older candidate that may be the cause as well, where only the rounding
/// of the tenant's time makes the newest one a cause.
fn rounded<'c>(
    newest: &Candidate,
    of_entity: &[&'c Candidate],
    began: Timestamp,
) -> Option<&'c Candidate> {
    if may_precede(newest.began, began) == Precedence::Surely {
        return None;
    }
    let sure = of_entity
        .iter()
        .filter(|one| may_precede(one.began, began) == Precedence::Surely);
    let older = sure.max_by_key(|one| one.order())?;
    (!older.passed && !older.change.is_heal()).then_some(*older)
}

/// Whether what runs behind entities of this kind is deployed wherever anything
/// is.
fn is_deployed_to(entity: &str) -> bool {
    entity.starts_with("SERVICE-")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::deployment::{Deployment, Group, Origin};

    fn minute(minute: i64) -> Timestamp {
        Timestamp::from_second(minute * 60).unwrap()
    }

    fn second(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn candidate(entity: &str, group: &str, deployment: &str, at: i64) -> Candidate {
        Candidate {
            entity: entity.to_owned(),
            change: Change::Deployment(Deployment {
                id: deployment.to_owned(),
                group: Group {
                    application: "App".to_owned(),
                    name: group.to_owned(),
                },
                at: minute(at),
                execution: None,
                identity: deployment.to_owned(),
                location: None,
                digest: None,
                version: deployment.to_owned(),
                origin: Origin::Release,
            }),
            began: minute(at),
            ended: Some(minute(at)),
            passed: false,
            known: Known::Announced,
            is_sure: true,
            kept: None,
        }
    }

    fn kept(candidate: Candidate) -> Candidate {
        Candidate {
            kept: Some("it is switched off".to_owned()),
            ..candidate
        }
    }

    #[test]
    fn change_that_would_not_be_taken_back_hides_no_other() {
        let older = candidate("SERVICE-1", "A", "d-1", 70);
        let newer = kept(candidate("SERVICE-1", "B", "e-2", 80));
        let newest = kept(candidate("SERVICE-1", "C", "e-3", 90));
        let all = [older.clone(), newer.clone(), newest.clone()];

        assert_eq!(blamed(&all, None), ["d-1"]);
        let passed = passed_over(&all, blame(None));
        let passed: Vec<&str> = passed.iter().map(|one| one.change.id()).collect();
        assert_eq!(passed, ["e-3", "e-2"]);

        let alone = [newer, newest];
        assert_eq!(blamed(&alone, None), ["e-3"], "nothing else is to blame");
        assert!(passed_over(&alone, blame(None)).is_empty());
        assert_eq!(blamed(&[kept(older)], None), ["d-1"]);
    }

    #[test]
    fn next_older_change_is_the_one_that_the_culprit_came_over() {
        let all = [
            candidate("SERVICE-1", "A", "d-1", 60),
            candidate("SERVICE-1", "A", "d-2", 70),
            candidate("SERVICE-1", "B", "d-3", 80),
        ];
        let next = |all: &[Candidate]| {
            let Attribution::Culprits(culprits) = attribute(all, blame(None)) else {
                panic!("one is to blame");
            };
            let next = next_older(all, blame(None), &culprits);
            next.map(|change| change.id().to_owned())
        };

        assert_eq!(next(&all).as_deref(), Some("d-2"));
        assert_eq!(next(&all[..1]), None);
    }

    fn heal(mut candidate: Candidate) -> Candidate {
        let Change::Deployment(deployment) = &mut candidate.change else {
            panic!("it is a deployment");
        };
        deployment.origin = Origin::Heal;
        candidate
    }

    fn blame(root_cause: Option<&str>) -> Blame<'_> {
        Blame {
            began: minute(100),
            root_cause,
            look_back: SignedDuration::from_hours(1),
            most_places: 1,
        }
    }

    fn blamed(candidates: &[Candidate], root_cause: Option<&str>) -> Vec<String> {
        match attribute(candidates, blame(root_cause)) {
            Attribution::Culprits(culprits) => culprits
                .into_iter()
                .map(|culprit| culprit.change.id().to_owned())
                .collect(),
            other => vec![format!("{other:?}")],
        }
    }

    #[test]
    fn four_entities_of_one_deployment_are_one_culprit() {
        let all: Vec<Candidate> = (0..4)
            .map(|entity| candidate(&format!("S-{entity}"), "Production", "d-1", 90))
            .collect();

        assert_eq!(blamed(&all, None), ["d-1"]);
    }

    #[test]
    fn newest_before_the_problem_is_to_blame_in_any_order() {
        let mut all = vec![
            candidate("S-1", "Production", "d-2", 95),
            candidate("S-1", "Production", "d-1", 90),
            candidate("S-1", "Production", "d-3", 101),
            candidate("S-1", "Production", "d-0", 30),
        ];
        for _ in 0..all.len() {
            all.rotate_left(1);
            assert_eq!(blamed(&all, None), ["d-2"]);
        }
        assert_eq!(attribute(&all[..0], blame(None)), Attribution::Nothing);
    }

    #[test]
    fn life_that_reaches_into_the_look_back_is_a_cause() {
        let long = |ended| Candidate {
            ended,
            ..candidate("S-1", "Production", "d-1", 10)
        };
        for (ended, expected) in [
            (None, true),
            (Some(minute(40)), true),
            (Some(minute(39)), false),
        ] {
            let found = blamed(&[long(ended)], None) == ["d-1"];
            assert_eq!(found, expected, "{ended:?}");
        }
    }

    #[test]
    fn heal_hides_what_it_replaces_only_once_it_has_ended() {
        let bad = candidate("S-1", "Production", "d-2", 90);
        let heal = |ended| Candidate {
            ended,
            ..heal(candidate("S-1", "Production", "d-3", 95))
        };
        for (ended, expected) in [
            (None, "d-2"),
            (Some(minute(101)), "d-2"),
            (Some(minute(99)), "d-3"),
        ] {
            assert_eq!(
                blamed(&[bad.clone(), heal(ended)], None),
                [expected],
                "{ended:?}"
            );
        }
    }

    #[test]
    fn newest_by_rounding_alone_leaves_a_doubt_unless_the_older_one_is_cleared() {
        let newest = Candidate {
            began: second(100 * 60 + 20),
            ended: None,
            ..candidate("S-1", "Production", "d-2", 0)
        };
        let older = candidate("S-1", "Production", "d-1", 90);
        let against = |older: Candidate| attribute(&[older, newest.clone()], blame(None));
        assert!(matches!(
            against(older.clone()),
            Attribution::Ambiguous { newest, older, doubt: Doubt::Rounding }
                if newest.change.id() == "d-2" && older.change.id() == "d-1"
        ));
        let cleared = [
            Candidate {
                passed: true,
                ..older.clone()
            },
            heal(older.clone()),
            // It ended before the look-back.
            candidate("S-1", "Production", "d-1", 30),
            candidate("S-2", "Production", "d-1", 90),
        ];
        for older in cleared {
            assert!(matches!(
                against(older),
                Attribution::Culprits(culprits) if culprits[0].change.id() == "d-2"
            ));
        }
        assert_eq!(blamed(&[newest], None), ["d-2"]);
    }

    #[test]
    fn root_cause_points_at_its_own_group_alone() {
        let all = [
            candidate("S-1", "Production", "d-1", 90),
            candidate("S-2", "Billing", "d-2", 95),
        ];

        assert_eq!(blamed(&all, Some("S-1")), ["d-1"]);
        assert!(matches!(
            attribute(&all, blame(None)),
            Attribution::TooManyPlaces(culprits) if culprits.len() == 2
        ));
        // A host without deployments decides nothing.
        assert!(matches!(
            attribute(&all, blame(Some("HOST-1"))),
            Attribution::TooManyPlaces(_)
        ));
    }

    #[test]
    fn service_that_nothing_was_deployed_to_is_nobodys_fault() {
        let all = [candidate("SERVICE-1", "Production", "d-1", 90)];

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

    #[test]
    fn groups_that_nothing_tells_apart_are_named_and_not_blamed() {
        let unsure = |group, deployment, at| Candidate {
            is_sure: false,
            ..candidate("S-1", group, deployment, at)
        };
        let [blue, tests] = [unsure("Blue", "d-1", 90), unsure("Tests", "d-2", 91)];
        let sure = candidate("S-1", "Blue", "d-3", 95);

        let doubt = attribute(&[blue.clone(), tests.clone()], blame(None));
        let Attribution::Ambiguous {
            newest,
            older,
            doubt: Doubt::Places,
        } = doubt
        else {
            panic!("{doubt:?}");
        };
        assert_eq!((newest.change.id(), older.change.id()), ("d-2", "d-1"));
        assert_eq!(blamed(std::slice::from_ref(&tests), None), ["d-2"]);
        assert_eq!(blamed(&[blue, tests, sure], None), ["d-3"]);
    }
}
