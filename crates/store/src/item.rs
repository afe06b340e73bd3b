//! Keys and attributes of the items.

use std::collections::HashMap;
use std::fmt::{self, Write as _};
use std::num::ParseIntError;
use std::str::FromStr;

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;
use release::change::Flag;
use release::deployment::Group;
use release::pause::Target;
use release::plot::Plotted;
use release::runbook::Cause;
use release::validation::{Registrant, Registration, ValidationId};
use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};

use crate::StoreError;
use crate::error::{corrupt, missing};

pub(crate) type Item = HashMap<String, AttributeValue>;

/// The partition of the catalogue.
pub(crate) const CATALOGUE: &str = "catalogue";

/// The partition of what people paused. No group has a partition of one part.
pub(crate) const PAUSES: &str = "pauses";

/// Since when nobody works on what is stuck.
pub(crate) const STUCK_SINCE: &str = "deadSince";

/// The place of an item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Key {
    pub(crate) pk: String,
    pub(crate) sk: String,
}

impl Key {
    pub(crate) fn validation(registration: &Registration) -> Self {
        Self::of_history(
            &registration.pipeline,
            &registration.comparison,
            &registration.id.to_string(),
        )
    }

    /// The place of a validation of a pipeline and comparison; `id` may be any
    /// text that sorts among ids.
    pub(crate) fn of_history(pipeline: &str, comparison: &str, id: &str) -> Self {
        Self {
            pk: format!("p#{}", escaped(pipeline)),
            sk: format!("v#{}#{id}", escaped(comparison)),
        }
    }

    pub(crate) fn evidence(&self, id: ValidationId) -> Self {
        Self {
            pk: self.pk.clone(),
            sk: format!("e#{id}"),
        }
    }

    pub(crate) fn locator(id: ValidationId) -> Self {
        Self {
            pk: format!("id#{id}"),
            sk: "id".to_owned(),
        }
    }

    pub(crate) fn job(job: &str) -> Self {
        Self {
            pk: format!("job#{job}"),
            sk: "job".to_owned(),
        }
    }

    pub(crate) fn slot(registration: &Registration) -> Option<Self> {
        let execution = registration.execution.as_deref()?;
        let registrant = match &registration.registrant {
            Registrant::Action { stage, action } => {
                format!("action#{}#{}", escaped(stage), escaped(action))
            }
            Registrant::Direct => {
                let approval = registration.approval.as_ref();
                format!(
                    "direct#{}#{}#{}",
                    escaped(&registration.comparison),
                    approval.map_or_else(String::new, |approval| escaped(&approval.stage)),
                    approval.map_or_else(String::new, |approval| escaped(&approval.action)),
                )
            }
        };
        Some(Self {
            pk: slots(&registration.pipeline, execution),
            sk: format!("slot#{registrant}"),
        })
    }

    pub(crate) fn spec(hash: &str) -> Self {
        Self {
            pk: format!("spec#{hash}"),
            sk: "spec".to_owned(),
        }
    }

    pub(crate) fn catalogue(pipeline: &str, comparison: &str) -> Self {
        Self {
            pk: CATALOGUE.to_owned(),
            sk: format!("{}#{}", escaped(pipeline), escaped(comparison)),
        }
    }

    pub(crate) fn deployment(group: &Group, at: Timestamp, id: &str) -> Self {
        Self {
            pk: history(group),
            sk: format!("{}#{id}", moment(at)),
        }
    }

    /// Where the item of a deployment is found by its id alone.
    pub(crate) fn deployment_locator(group: &Group, id: &str) -> Self {
        Self {
            pk: history(group),
            sk: format!("id#{id}"),
        }
    }

    /// The guard of the place that has this partition.
    pub(crate) fn guard(place: String) -> Self {
        Self {
            pk: place,
            sk: "guard".to_owned(),
        }
    }

    /// What is known of a change of a flag that was blamed.
    pub(crate) fn blamed(flag: &Flag, change: &str) -> Self {
        Self {
            pk: flag_place(flag),
            sk: format!("c#{}", escaped(change)),
        }
    }

    /// What ties a group to an entity.
    pub(crate) fn tie(entity_id: &str, group: &Group) -> Self {
        Self {
            pk: entity(entity_id),
            sk: format!("tie#{}", history(group)),
        }
    }

    /// Where the application of a group is found by the name of the group.
    pub(crate) fn named(group: &Group) -> Self {
        Self {
            pk: groups_named(&group.name),
            sk: format!("application#{}", escaped(&group.application)),
        }
    }

    pub(crate) fn pause(target: &Target) -> Self {
        Self {
            pk: PAUSES.to_owned(),
            sk: target.to_string(),
        }
    }

    /// What is deployed can have a name of any length, a key cannot.
    pub(crate) fn content(identity: &str) -> Self {
        Self {
            pk: format!("content#{}", hexadecimal(&Sha256::digest(identity))),
            sk: "content".to_owned(),
        }
    }

    /// A configuration, on whichever entity it was announced.
    pub(crate) fn announced(event: &Cause) -> Self {
        Self {
            pk: format!("announced#{}", event.identity()),
            sk: "announced".to_owned(),
        }
    }

    pub(crate) fn problem(id: &str) -> Self {
        Self {
            pk: format!("problem#{}", escaped(id)),
            sk: "problem".to_owned(),
        }
    }

    pub(crate) fn heartbeat() -> Self {
        Self {
            pk: "schedule".to_owned(),
            sk: "schedule".to_owned(),
        }
    }

    pub(crate) fn of(item: &Item) -> Result<Self, StoreError> {
        Ok(Self {
            pk: string(item, "pk")?.to_owned(),
            sk: string(item, "sk")?.to_owned(),
        })
    }

    /// The key that a locator, marker or slot points at.
    pub(crate) fn target(item: &Item) -> Result<Self, StoreError> {
        Ok(Self {
            pk: string(item, "targetPk")?.to_owned(),
            sk: string(item, "targetSk")?.to_owned(),
        })
    }

    pub(crate) fn attributes(&self) -> Item {
        HashMap::from([
            ("pk".to_owned(), AttributeValue::S(self.pk.clone())),
            ("sk".to_owned(), AttributeValue::S(self.sk.clone())),
        ])
    }

    pub(crate) fn pointing_at(&self, target: &Key) -> Item {
        let mut item = self.attributes();
        item.insert("targetPk".to_owned(), AttributeValue::S(target.pk.clone()));
        item.insert("targetSk".to_owned(), AttributeValue::S(target.sk.clone()));
        item
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.pk, self.sk)
    }
}

/// The partition of an execution's slots.
pub(crate) fn slots(pipeline: &str, execution: &str) -> String {
    format!("x#{}#{}", escaped(pipeline), escaped(execution))
}

/// The partition of a group's deployments.
pub(crate) fn history(group: &Group) -> String {
    format!("{}#{}", escaped(&group.application), escaped(&group.name))
}

/// The partition of what is known of a flag as a place. No group has a partition
/// of three parts.
pub(crate) fn flag_place(flag: &Flag) -> String {
    format!("flag#{}#{}", escaped(&flag.set), escaped(&flag.name))
}

/// The partition of the groups behind an entity. No group has a partition of
/// three parts.
pub(crate) fn entity(id: &str) -> String {
    format!("entity#{}#ties", escaped(id))
}

/// The partition of the applications that have a group of this name.
pub(crate) fn groups_named(name: &str) -> String {
    format!("group#{}#applications", escaped(name))
}

/// The sort key prefix of a deployment: text that sorts by time.
pub(crate) fn moment(at: Timestamp) -> String {
    format!("d#{:015}", at.as_millisecond().max(0))
}

/// One point of a chart.
pub(crate) fn plotted(value: &AttributeValue) -> Result<Plotted, StoreError> {
    let AttributeValue::M(point) = value else {
        return Err(missing("plot"));
    };
    let optional = |name| {
        point
            .contains_key(name)
            .then(|| decimal(point, name))
            .transpose()
    };
    Ok(Plotted {
        name: string(point, "name")?.to_owned(),
        outcome: plain(point, "outcome")?,
        observation: optional("observation")?,
        baseline: optional("baseline")?,
        upper_limit: optional("upperLimit")?,
        lower_limit: optional("lowerLimit")?,
    })
}

pub(crate) fn json_attribute(value: &impl Serialize) -> AttributeValue {
    AttributeValue::S(json_text(value))
}

pub(crate) fn json_text(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("our own types have only string keys")
}

/// An enum as the plain word that its serde form is.
pub(crate) fn word<T: Serialize>(value: T) -> AttributeValue {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => AttributeValue::S(word),
        _ => unreachable!("only enums of plain words are stored as words"),
    }
}

pub(crate) fn millis(at: Timestamp) -> AttributeValue {
    AttributeValue::N(at.as_millisecond().to_string())
}

pub(crate) fn seconds(at: Timestamp) -> AttributeValue {
    AttributeValue::N(at.as_second().to_string())
}

pub(crate) fn timestamp(item: &Item, attribute: &'static str) -> Result<Timestamp, StoreError> {
    Timestamp::from_millisecond(number(item, attribute)?).map_err(|error| corrupt(attribute, error))
}

pub(crate) fn string<'a>(item: &'a Item, attribute: &'static str) -> Result<&'a str, StoreError> {
    match item.get(attribute) {
        Some(AttributeValue::S(text)) => Ok(text),
        _ => Err(missing(attribute)),
    }
}

pub(crate) fn plain<T: DeserializeOwned>(
    item: &Item,
    attribute: &'static str,
) -> Result<T, StoreError> {
    let text = string(item, attribute)?;
    serde_json::from_value(serde_json::Value::String(text.to_owned()))
        .map_err(|error| corrupt(attribute, error))
}

pub(crate) fn json<T: DeserializeOwned>(
    item: &Item,
    attribute: &'static str,
) -> Result<T, StoreError> {
    serde_json::from_str(string(item, attribute)?).map_err(|error| corrupt(attribute, error))
}

pub(crate) fn optional_json<T: DeserializeOwned>(
    item: &Item,
    attribute: &'static str,
) -> Result<Option<T>, StoreError> {
    item.contains_key(attribute)
        .then(|| json(item, attribute))
        .transpose()
}

/// A whole number.
pub(crate) fn number<T>(item: &Item, attribute: &'static str) -> Result<T, StoreError>
where
    T: FromStr<Err = ParseIntError>,
{
    match item.get(attribute) {
        Some(AttributeValue::N(text)) => text.parse().map_err(|error| corrupt(attribute, error)),
        _ => Err(missing(attribute)),
    }
}

fn decimal(item: &Item, attribute: &'static str) -> Result<f64, StoreError> {
    match item.get(attribute) {
        Some(AttributeValue::N(text)) => text.parse().map_err(|error| corrupt(attribute, error)),
        _ => Err(missing(attribute)),
    }
}

/// The item with the end of its life, which every item of a validation shares.
pub(crate) fn expiring(mut item: Item, registration: &Registration) -> Item {
    item.insert("expiresAt".to_owned(), seconds(registration.expires_at));
    item
}

pub(crate) fn hexadecimal(bytes: &[u8]) -> String {
    let mut text = String::new();
    for byte in bytes {
        write!(text, "{byte:02x}").expect("writing to a string does not fail");
    }
    text
}

/// The id of the problem at this key.
pub(crate) fn problem_id(key: &Key) -> String {
    unescaped(key.pk.trim_start_matches("problem#"))
}

/// `#` separates the parts of a key, so it may not occur within one.
pub(crate) fn escaped(part: &str) -> String {
    part.replace('%', "%25").replace('#', "%23")
}

/// A part of a key as it was before it became one.
pub(crate) fn unescaped(part: &str) -> String {
    part.replace("%23", "#").replace("%25", "%")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn separator_in_a_name_does_not_reach_into_another_history() {
        assert_eq!(escaped("A#x"), "A%23x");
        assert_ne!(escaped("A%23x"), escaped("A#x"));
        for name in ["A#x", "A%23x", "%25", "#%23%2523"] {
            assert_eq!(unescaped(&escaped(name)), name);
        }
    }

    #[test]
    fn deployments_sort_by_time() {
        let early = moment(Timestamp::from_second(999).unwrap());
        let late = moment(Timestamp::from_second(1_700_000_000).unwrap());

        assert!(early < late);
    }
}
