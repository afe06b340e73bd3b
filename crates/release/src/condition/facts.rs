//! A problem as conditions see it, and a sample of one that a person writes.

use std::collections::{BTreeMap, BTreeSet};

use monspec::Tag;
use serde::Deserialize;

use super::{Measured, Metric, SERVICE};
use crate::behind;

/// A problem as conditions see it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// What is wrong, in a few words.
    pub title: String,
    /// How it shows, in a word of the tenant.
    pub category: String,
    /// The ids of the entities that it affects.
    pub entities: BTreeSet<String>,
    /// The types of such entities whose ids are not known.
    pub entity_types: Vec<String>,
    /// The tags of the entities.
    pub tags: Vec<Tag>,
}

impl Facts {
    /// The types of the entities.
    pub fn types(&self) -> BTreeSet<String> {
        let of_ids = self.entities.iter().filter_map(|id| type_of(id));
        let named = self.entity_types.iter().map(|name| entity_type(name));
        of_ids.chain(named).collect()
    }

    /// The ids of the entities of a type.
    pub fn of_type(&self, wanted: &str) -> Vec<&str> {
        let ids = self.entities.iter().map(String::as_str);
        ids.filter(|id| type_of(id).is_some_and(|one| one == wanted))
            .collect()
    }

    /// How many services there are.
    pub fn services(&self) -> usize {
        let named = self.entity_types.iter();
        let named = named.filter(|name| entity_type(name) == SERVICE).count();
        self.of_type(SERVICE).len().max(named)
    }
}

/// A type of entity in the spelling of ids: events call it `dt.entity.service`.
pub fn entity_type(name: &str) -> String {
    let name = name.trim();
    let name = name.strip_prefix("dt.entity.").unwrap_or(name);
    name.to_ascii_uppercase()
}

/// The type is what comes before the last dash.
fn type_of(id: &str) -> Option<String> {
    id.rsplit_once('-').map(|(kind, _)| entity_type(kind))
}

/// A problem that a person writes down, or copies from an event of the tenant,
/// whose names it takes as well.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// What is known of it.
    pub facts: Facts,
    /// Numbers by metric selector.
    pub metrics: BTreeMap<String, f64>,
}

/// The text is no sample.
#[derive(Debug, thiserror::Error)]
pub enum NoSample {
    /// It is no JSON of this form.
    #[error("it is no problem in JSON")]
    Form(#[from] serde_json::Error),
    /// A tag is none.
    #[error("`{0}` is no tag such as `key:value` or `[CONTEXT]key:value`")]
    Tag(String),
}

impl Sample {
    /// Reads a sample. Fields that conditions do not look at are left alone.
    pub fn read(text: &str) -> Result<Self, NoSample> {
        let wire: Wire = serde_json::from_str(text)?;
        let tags = wire.tags.into_iter();
        let tags = tags.map(|tag| behind::tag(&tag).ok_or(NoSample::Tag(tag)));
        Ok(Self {
            facts: Facts {
                title: wire.title,
                category: wire.category,
                entities: wire.entities.into_iter().collect(),
                entity_types: wire.entity_types,
                tags: tags.collect::<Result<_, _>>()?,
            },
            metrics: wire.metrics,
        })
    }

    /// The number that it gives for a metric.
    pub fn measured(&self, metric: &Metric) -> Option<Measured> {
        let number = self.metrics.get(&metric.selector);
        number.copied().map(Measured::Number)
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[derive(Default)]
struct Wire {
    #[serde(alias = "event.name")]
    title: String,
    #[serde(alias = "event.category", alias = "severityLevel")]
    category: String,
    #[serde(alias = "affected_entity_ids")]
    entities: Vec<String>,
    #[serde(alias = "affected_entity_types")]
    entity_types: Vec<String>,
    #[serde(alias = "entity_tags")]
    tags: Vec<String>,
    metrics: BTreeMap<String, f64>,
}
