//! What a new file of flags changes, and what it must not.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use crate::bounds::OutOfBounds;
use crate::declaration::{Declaration, Declarations};
use crate::state::State;
use crate::value::Kind;

/// What a new file changes.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// The flags that it changes, in the order of their names.
    pub flags: Vec<(String, Planned)>,
    /// Whether users move to other variants, because they are hashed otherwise.
    pub moves_users: bool,
}

/// What happens to a flag.
#[derive(Clone, Debug, PartialEq)]
pub enum Planned {
    /// It is new.
    Added,
    /// It is there no more; its history stays.
    Removed,
    /// These fields of it change.
    Changed(Vec<&'static str>),
    /// It must not become what the file says.
    Refused(PlanRefusal),
}

/// Why a flag must not become what a file says.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum PlanRefusal {
    /// What was said of it would be of another type.
    #[error(
        "somebody set it, so its type cannot change from {from} to {to}: give the new one another name"
    )]
    Kind {
        /// The type that it has.
        from: Kind,
        /// The type that it would have.
        to: Kind,
    },
    /// What it is now would not be allowed.
    #[error("what it is now would be outside of its bounds: {0}")]
    Bounds(OutOfBounds),
    /// A change of it is under way, and would be lost.
    #[error("a trial, a ramp or a mitigation of it is under way")]
    UnderWay,
}

impl Plan {
    /// Whether the file may be applied.
    pub fn is_allowed(&self) -> bool {
        let is_refused = |planned: &Planned| matches!(planned, Planned::Refused(_));
        !self.flags.iter().any(|(_, planned)| is_refused(planned))
    }
}

/// What `new` changes about `old`, of which `states` was said.
pub fn plan(
    old: &Declarations,
    new: &Declarations,
    states: &BTreeMap<String, State>,
    now: Timestamp,
) -> Plan {
    let names: BTreeSet<&String> = old.flags.keys().chain(new.flags.keys()).collect();
    let flags = names.into_iter().filter_map(|name| {
        let (old, new) = (old.flags.get(name), new.flags.get(name));
        let planned = planned(old, new, states.get(name), now)?;
        Some((name.clone(), planned))
    });
    Plan {
        flags: flags.collect(),
        moves_users: old.options.fractional != new.options.fractional,
    }
}

fn planned(
    old: Option<&Declaration>,
    new: Option<&Declaration>,
    state: Option<&State>,
    now: Timestamp,
) -> Option<Planned> {
    let (old, new) = match (old, new) {
        (None, None) => return None,
        (None, Some(_)) => return Some(Planned::Added),
        (Some(_), None) if state.is_some_and(|state| state.timer().is_some()) => {
            return Some(Planned::Refused(PlanRefusal::UnderWay));
        }
        (Some(_), None) => return Some(Planned::Removed),
        (Some(old), Some(new)) => (old, new),
    };
    let fields = differing(old, new);
    if fields.is_empty() {
        return None;
    }
    if let Some(state) = state.filter(|state| !state.assignments.is_empty()) {
        if old.kind != new.kind {
            let (from, to) = (old.kind, new.kind);
            return Some(Planned::Refused(PlanRefusal::Kind { from, to }));
        }
        if let Err(why) = new.bounds.admit(&state.value(new, now)) {
            return Some(Planned::Refused(PlanRefusal::Bounds(why)));
        }
    }
    Some(Planned::Changed(fields))
}

fn differing(old: &Declaration, new: &Declaration) -> Vec<&'static str> {
    let fields = [
        ("type", old.kind == new.kind),
        ("default", old.default == new.default),
        ("description", old.description == new.description),
        ("bounds", old.bounds == new.bounds),
        ("variants", old.variants == new.variants),
        ("audience", old.audience == new.audience),
        ("off", old.off == new.off),
        ("touches", old.touches == new.touches),
        ("public", old.public == new.public),
        ("harmless", old.harmless == new.harmless),
        ("events", old.events == new.events),
        ("rateLimit", old.rate == new.rate),
        ("lease", old.lease == new.lease),
    ];
    let differ = fields.into_iter().filter(|(_, same)| !same);
    differ.map(|(name, _)| name).collect()
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;
    use crate::read::read;
    use crate::state::{Assignment, Author, AuthorKind, Course, End};
    use crate::value::Value;

    fn file(flags: &str) -> Declarations {
        let source = format!(r#"{{ "flags": {{ {flags} }} }}"#);
        read(&source).declarations.unwrap()
    }

    fn now() -> Timestamp {
        Timestamp::from_second(1_700_000_000).unwrap()
    }

    /// The state of a flag that somebody set to 50.
    fn said(end: End) -> State {
        let assignment = Assignment {
            change: "c1".to_owned(),
            by: Author {
                name: "ann".to_owned(),
                kind: AuthorKind::Person,
            },
            at: now(),
            version: 1,
            course: Course::Steady(Value::Integer(50)),
            end,
            kept: None,
        };
        State {
            version: 1,
            assignments: vec![assignment],
            ..State::default()
        }
    }

    const OLD: &str = r#""a": { "type": "integer", "default": 1, "min": 0, "max": 100 }"#;

    #[track_caller]
    fn check(new: &str, state: Option<State>, expected: &[(&str, &str)]) {
        let states = state
            .map(|state| ("a".to_owned(), state))
            .into_iter()
            .collect();
        let plan = plan(&file(OLD), &file(new), &states, now());
        let told: Vec<(&str, String)> = plan
            .flags
            .iter()
            .map(|(name, planned)| {
                let told = match planned {
                    Planned::Refused(why) => why.to_string(),
                    other => format!("{other:?}"),
                };
                (name.as_str(), told)
            })
            .collect();
        let told: Vec<(&str, &str)> = told
            .iter()
            .map(|(name, told)| (*name, told.as_str()))
            .collect();
        assert_eq!(told, expected);
        let is_refused = plan
            .flags
            .iter()
            .any(|(_, planned)| matches!(planned, Planned::Refused(_)));
        assert_eq!(plan.is_allowed(), !is_refused);
    }

    #[test]
    fn plan_names_what_is_new_gone_and_changed() {
        check(OLD, None, &[]);
        check(
            r#""b": { "type": "boolean", "default": false }"#,
            Some(said(End::Never)),
            &[("a", "Removed"), ("b", "Added")],
        );
        check(
            r#""a": { "type": "integer", "default": 2, "min": 0, "max": 100, "harmless": true }"#,
            Some(said(End::Never)),
            &[("a", r#"Changed(["default", "harmless"])"#)],
        );
        check(
            r#""a": { "type": "string", "default": "x" }"#,
            None,
            &[("a", r#"Changed(["type", "default", "bounds"])"#)],
        );
    }

    #[test]
    fn what_was_said_is_not_made_meaningless() {
        check(
            r#""a": { "type": "string", "default": "x" }"#,
            Some(said(End::Never)),
            &[(
                "a",
                "somebody set it, so its type cannot change from integer to string: give the new one another name",
            )],
        );
        check(
            r#""a": { "type": "integer", "default": 1, "min": 0, "max": 20 }"#,
            Some(said(End::Never)),
            &[(
                "a",
                "what it is now would be outside of its bounds: 50 is above the largest value, 20",
            )],
        );
        let trial = End::Lease(now().saturating_add(SignedDuration::from_mins(5)).unwrap());
        check(
            r#""b": { "type": "boolean", "default": false }"#,
            Some(said(trial)),
            &[
                ("a", "a trial, a ramp or a mitigation of it is under way"),
                ("b", "Added"),
            ],
        );
    }

    #[test]
    fn another_hash_moves_users() {
        let mut new = file(OLD);
        new.options.fractional = crate::declaration::Fractional::V2;
        assert!(plan(&file(OLD), &new, &BTreeMap::new(), now()).moves_users);
        assert!(!plan(&file(OLD), &file(OLD), &BTreeMap::new(), now()).moves_users);
    }
}
