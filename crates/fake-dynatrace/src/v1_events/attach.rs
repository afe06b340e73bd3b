//! Attach rules of API v1, and how it says that they match nothing.

use serde::Deserialize;

use crate::answer::ServiceError;
use crate::attachment::recent;
use crate::mishaps::NoMatchText;
use crate::state::State;
use crate::topology::{Entity, View};

/// What an event is attached to: the named entities and those with the tags.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct AttachRules {
    entity_ids: Option<Vec<String>>,
    tag_rule: Option<Vec<TagRule>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct TagRule {
    me_types: Vec<String>,
    tags: Vec<RuleTag>,
}

#[derive(Deserialize)]
struct RuleTag {
    context: String,
    key: String,
    value: Option<String>,
}

/// The entities that the rules mean, all of them seen within a day.
pub(super) fn matching(state: &State, rules: &AttachRules) -> Vec<String> {
    let view = recent(state);
    view.all()
        .filter(|entity| rules.mean(view, entity))
        .map(|entity| entity.id.clone())
        .collect()
}

/// The refusal of an event that would be attached to nothing.
pub(super) fn no_match(rules: &AttachRules, text: NoMatchText) -> ServiceError {
    let text = match text {
        NoMatchText::Identifier => "No MEIdentifier do match",
        NoMatchText::EntityIds => "No entity IDs match",
    };
    ServiceError::bad_request(format!(
        "Invalid attachRules object provided. {text}: Matching rule: {}",
        rules.described()
    ))
}

impl AttachRules {
    pub(super) fn names_nothing(&self) -> bool {
        let ids = self.entity_ids.as_deref().unwrap_or_default();
        ids.is_empty() && self.tag_rules().is_empty()
    }

    fn tag_rules(&self) -> &[TagRule] {
        self.tag_rule.as_deref().unwrap_or_default()
    }

    fn mean(&self, view: View<'_>, entity: &Entity) -> bool {
        let ids = self.entity_ids.as_deref().unwrap_or_default();
        ids.contains(&entity.id) || self.tag_rules().iter().any(|rule| rule.means(view, entity))
    }

    fn described(&self) -> String {
        let list = |parts: Vec<String>| format!("[{}]", parts.join(", "));
        let ids = self.entity_ids.clone().map_or("null".to_owned(), list);
        let rules = self.tag_rules().iter().map(TagRule::described).collect();
        let rules = list(rules);
        format!("PushEventAttachRules{{entityIds={ids}, tagRules={rules}}}")
    }
}

impl TagRule {
    /// One of the types and all of the tags.
    fn means(&self, view: View<'_>, entity: &Entity) -> bool {
        self.me_types.contains(&entity.kind)
            && !self.tags.is_empty()
            && self.tags.iter().all(|wanted| wanted.on(view, entity))
    }

    fn described(&self) -> String {
        let tags: Vec<_> = self.tags.iter().map(RuleTag::described).collect();
        format!(
            "TagMatchRule{{meTypes=[{}], tags=[{}]}}",
            self.me_types.join(", "),
            tags.join(", ")
        )
    }
}

impl RuleTag {
    fn on(&self, view: View<'_>, entity: &Entity) -> bool {
        view.tags(entity).iter().any(|tag| {
            tag.context == self.context && tag.key == self.key && tag.value == self.value
        })
    }

    fn described(&self) -> String {
        let value = self.value.as_ref().map(|value| format!(":{value}"));
        format!(
            "[{}]{}{}",
            self.context,
            self.key,
            value.unwrap_or_default()
        )
    }
}
