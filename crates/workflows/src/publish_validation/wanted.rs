//! Which of the validations of an execution is meant.

use std::fmt;

use release::validation::Registrant;
use store::Slot;

use crate::Refusal;

/// How many validations a refusal names.
const TOLD: usize = 10;

/// What the action's author says of the validation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    /// A name alone: of the action that registered it, as in 2018, or else of
    /// its comparison.
    Named(String),
    /// Whatever is given holds; if nothing is, it is the only one.
    Described {
        stage: Option<String>,
        action: Option<String>,
        comparison: Option<String>,
    },
}

impl Wanted {
    /// Those that are meant.
    pub(super) fn among<'a>(&self, slots: &'a [Slot]) -> Vec<&'a Slot> {
        let is = |given: Option<&str>, found: Option<&str>| given.is_none() || given == found;
        match self {
            Self::Named(name) => {
                let name = Some(name.as_str());
                let by_action: Vec<&Slot> = slots
                    .iter()
                    .filter(|slot| name == place(slot).map(|(_, action)| action))
                    .collect();
                if !by_action.is_empty() {
                    return by_action;
                }
                slots
                    .iter()
                    .filter(|slot| name == Some(&slot.comparison))
                    .collect()
            }
            Self::Described {
                stage,
                action,
                comparison,
            } => slots
                .iter()
                .filter(|slot| {
                    let place = place(slot);
                    is(stage.as_deref(), place.map(|(stage, _)| stage))
                        && is(action.as_deref(), place.map(|(_, action)| action))
                        && is(comparison.as_deref(), Some(&slot.comparison))
                })
                .collect(),
        }
    }

    /// Whether it is this action that is named.
    pub(super) fn names(&self, stage: &str, action: &str) -> bool {
        match self {
            Self::Named(name) => name == action,
            Self::Described {
                action: Some(named),
                stage: within,
                ..
            } => named == action && within.as_deref().is_none_or(|within| within == stage),
            Self::Described { action: None, .. } => false,
        }
    }
}

impl fmt::Display for Wanted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Named(name) => write!(f, "`{name}`"),
            Self::Described {
                stage,
                action,
                comparison,
            } => {
                let parts = [
                    ("stage", stage),
                    ("action", action),
                    ("comparison", comparison),
                ];
                let given: Vec<String> = parts
                    .into_iter()
                    .filter_map(|(word, name)| Some(format!("{word} `{}`", name.as_ref()?)))
                    .collect();
                if given.is_empty() {
                    return f.write_str("any action");
                }
                f.write_str(&given.join(", "))
            }
        }
    }
}

/// Nothing is there, and nothing will be.
pub(super) fn nothing(wanted: &Wanted, slots: &[Slot]) -> Refusal {
    let known = if slots.is_empty() {
        "it registered none at all".to_owned()
    } else {
        format!("it registered {}", list(&slots.iter().collect::<Vec<_>>()))
    };
    Refusal::configuration(format!(
        "there is nothing to wait for: this execution registered no validation for {wanted}; {known}. \
         Run an action that registers it before this one, and name that action or its comparison \
         in UserParameters"
    ))
}

/// What is there was registered before the stage was retried.
pub(super) fn earlier(slot: &Slot) -> Refusal {
    Refusal::configuration(format!(
        "the only registered validation is {}, from an earlier attempt: that action has failed \
         since, and the verdict of an earlier attempt is not published. Read the action's error, \
         and retry the stage",
        one(slot)
    ))
}

/// More than one is meant.
pub(super) fn ambiguous(wanted: &Wanted, several: &[&Slot]) -> Refusal {
    Refusal::configuration(format!(
        "this execution registered several validations for {wanted}: {}; name one of them, \
         `{{\"stage\": …, \"action\": …, \"comparison\": …}}`",
        list(several)
    ))
}

fn list(slots: &[&Slot]) -> String {
    let mut told: Vec<String> = slots.iter().take(TOLD).map(|slot| one(slot)).collect();
    if TOLD < slots.len() {
        told.push(format!("and {} more", slots.len() - TOLD));
    }
    told.join(", ")
}

fn one(slot: &Slot) -> String {
    let comparison = &slot.comparison;
    match place(slot) {
        Some((stage, action)) => {
            format!("`{comparison}` by the action `{action}` of stage `{stage}`")
        }
        None => format!("`{comparison}` by a direct call"),
    }
}

fn place(slot: &Slot) -> Option<(&str, &str)> {
    match &slot.registrant {
        Registrant::Action { stage, action } => Some((stage, action)),
        Registrant::Direct => None,
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use release::validation::ValidationId;

    use super::*;

    fn slot(place: Option<(&str, &str)>, comparison: &str) -> Slot {
        Slot {
            id: ValidationId::new(Timestamp::UNIX_EPOCH, [0; 10]),
            registrant: match place {
                Some((stage, action)) => Registrant::Action {
                    stage: stage.to_owned(),
                    action: action.to_owned(),
                },
                None => Registrant::Direct,
            },
            comparison: comparison.to_owned(),
        }
    }

    fn slots() -> Vec<Slot> {
        vec![
            slot(Some(("Staging", "Register")), "Yesterday"),
            slot(Some(("Production", "Register")), "LastHour"),
            slot(Some(("Staging", "Second")), "Register"),
            slot(None, "ByHand"),
        ]
    }

    fn described(stage: Option<&str>, action: Option<&str>, comparison: Option<&str>) -> Wanted {
        let [stage, action, comparison] =
            [stage, action, comparison].map(|name| name.map(str::to_owned));
        Wanted::Described {
            stage,
            action,
            comparison,
        }
    }

    #[test]
    fn name_is_an_action_before_it_is_a_comparison() {
        let slots = slots();
        let found = |name: &str| Wanted::Named(name.to_owned()).among(&slots);

        assert_eq!(found("Register"), [&slots[0], &slots[1]]);
        assert_eq!(found("Second"), [&slots[2]]);
        assert_eq!(found("ByHand"), [&slots[3]]);
        assert_eq!(found("Staging"), [] as [&Slot; 0]);
    }

    #[test]
    fn everything_that_is_described_holds() {
        let slots = slots();
        for (wanted, found) in [
            (described(Some("Staging"), Some("Register"), None), vec![0]),
            (described(None, Some("Register"), Some("LastHour")), vec![1]),
            (described(None, None, Some("ByHand")), vec![3]),
            (described(Some("Staging"), None, None), vec![0, 2]),
            (described(None, None, None), vec![0, 1, 2, 3]),
            (described(Some("Staging"), None, Some("ByHand")), vec![]),
        ] {
            let expected: Vec<&Slot> = found.iter().map(|index| &slots[*index]).collect();
            assert_eq!(wanted.among(&slots), expected, "{wanted}");
        }
    }

    #[test]
    fn refusals_name_what_is_there() {
        let slots = slots();
        let wanted = Wanted::Named("Nowhere".to_owned());

        let text = nothing(&wanted, &slots).text;
        for part in [
            "for `Nowhere`",
            "`Yesterday` by the action `Register` of stage `Staging`",
            "`ByHand` by a direct call",
        ] {
            assert!(text.contains(part), "{text}");
        }
        assert!(nothing(&wanted, &[]).text.contains("none at all"));

        let many = vec![slot(None, "A"); 13];
        let text = nothing(&wanted, &many).text;
        assert!(text.contains("and 3 more"), "{text}");
    }
}
