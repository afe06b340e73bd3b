//! Rules, as they were declared.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::SignedDuration;
use release::condition::{self, Category, Comparison};
use release::rule::{self, Mode, Restore};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::record;
use crate::StoreError;
use crate::item::{self, Item};

/// A rule, as an attribute.
pub(crate) fn attribute(rule: &rule::Rule) -> AttributeValue {
    item::json_attribute(&Rule::from(rule.clone()))
}

/// The rule that is stored; none, if it is not declared any more.
pub(crate) fn read(item: &Item) -> Result<Option<rule::Rule>, StoreError> {
    let rule: Option<Rule> = item::optional_json(item, "rule")?;
    Ok(rule.map(Into::into))
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Rule {
    #[serde(default)]
    description: Option<String>,
    when: Condition,
    action: Action,
    #[serde(default)]
    ttl: Option<SignedDuration>,
    restore: Restore,
    mode: Mode,
    max_per_day: usize,
}

#[derive(Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Condition {
    category: Vec<Category>,
    entity_types: Vec<String>,
    min_services: Option<usize>,
    title_contains: Option<String>,
    tags: Vec<Tag>,
    metric: Option<Metric>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Metric {
    selector: String,
    op: Comparison,
    value: f64,
    window: SignedDuration,
    entity_type: String,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
enum Action {
    Set(BTreeMap<String, Json>),
    Preset(String),
    Ramp {
        flag: String,
        to: Json,
        duration: SignedDuration,
    },
}

#[derive(Serialize, Deserialize)]
struct Tag {
    context: Option<String>,
    key: String,
    value: Option<String>,
}

record!(Rule = rule::Rule {
    same: description, ttl, restore, mode, max_per_day;
    inner: when, action;
});

record!(Condition = condition::Condition {
    same: category, entity_types, min_services, title_contains;
    maybe: metric;
    each: tags;
});

record!(Metric = condition::Metric {
    same: selector, op, value, window, entity_type;
});

record!(enum Action = rule::Action {
    Set(values),
    Preset(name),
    Ramp { same: flag, to, duration; },
});

record!(Tag = monspec::Tag {
    same: context, key, value;
});

impl From<Box<rule::Rule>> for Rule {
    fn from(rule: Box<rule::Rule>) -> Self {
        (*rule).into()
    }
}

impl From<Rule> for Box<rule::Rule> {
    fn from(rule: Rule) -> Self {
        Self::new(rule.into())
    }
}
