//! Whom an announcement is for: entities by their tags, or by their ids.

use std::collections::BTreeSet;

use dynatrace::{Dynatrace, EntityType, Scope, Tag, Window};
use futures_util::future::try_join_all;
use jiff::Timestamp;
use monspec::Monspec;
use release::deployment::Group;
use tokio::time::Instant;

use super::parameters::Attach;
use crate::announce::Entities;
use crate::measure;
use crate::refusal::Refusal;
use crate::remedy::codedeploy::GroupTag;

/// How far back an entity may have been seen last, in milliseconds.
const SEEN_WITHIN_MS: i64 = 24 * 60 * 60 * 1_000;

/// Which entities carry an announcement.
#[derive(Debug, Default)]
pub(super) struct Targets {
    /// Entities that are named.
    named: Vec<String>,
    /// Entities that are looked for.
    sought: Vec<Sought>,
    /// Whether something is missing although one of the searches found somebody.
    needs_each: bool,
}

/// One search for entities.
#[derive(Debug)]
struct Sought {
    scope: Scope,
    /// Who asks for it, in words.
    asker: String,
}

/// The entities that were found.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// Their ids by the type in front of each.
    pub(super) by_type: Entities,
    /// Those that are databases, which several groups may share.
    pub(super) databases: BTreeSet<String>,
    /// What was looked for and not found, in words, where it is needed.
    pub(super) missing: Vec<String>,
}

impl Targets {
    /// The entities of an environment, over all service entries that have it.
    pub(super) fn environment(spec: &Monspec, name: &str) -> Result<Self, Refusal> {
        let sought = spec.entries.iter().filter_map(|entry| {
            let environment = entry.environments.get(name)?;
            Some(Sought {
                scope: measure::scope(entry, environment),
                asker: format!("environment `{name}` of `{}`", entry.id),
            })
        });
        let sought: Vec<Sought> = sought.collect();
        if sought.is_empty() {
            let known = spec.entries.iter();
            let known = known.flat_map(|entry| entry.environments.keys());
            let known: BTreeSet<String> = known.map(|name| format!("`{name}`")).collect();
            return Err(Refusal::configuration(format!(
                "the monspec has no environment `{name}`; it has {}",
                Vec::from_iter(known).join(", ")
            )));
        }
        Ok(Self {
            sought,
            needs_each: true,
            ..Self::default()
        })
    }

    /// What a caller named.
    pub(super) fn attached(attach: Option<&Attach>) -> Self {
        let rules = attach.into_iter().flat_map(|attach| &attach.tag_rule);
        let sought = rules.flat_map(|rule| {
            let types = rule.me_types.iter();
            types.map(|of| Sought::new(*of, &rule.tags, "attachRules".to_owned()))
        });
        Self {
            named: attach.map_or_else(Vec::new, |attach| attach.entity_ids.clone()),
            sought: sought.collect(),
            needs_each: false,
        }
    }

    /// What runs in a deployment group, by the tutorial's convention: services
    /// and processes that carry a tag with the group's name.
    pub(super) fn of_group(group: &Group, tag: &GroupTag) -> Self {
        let tag = Tag {
            value: Some(group.name.clone()),
            ..tag.0.clone()
        };
        let asker = format!("deployment group `{group}`");
        let types = [EntityType::Service, EntityType::ProcessGroupInstance];
        let sought = types.map(|of| Sought::new(of, std::slice::from_ref(&tag), asker.clone()));
        Self {
            sought: sought.into(),
            ..Self::default()
        }
    }

    /// The tags that are looked for.
    pub(super) fn tags(&self) -> Vec<monspec::Tag> {
        let tags = self.sought.iter().flat_map(|sought| &sought.scope.tags);
        tags.map(written).collect()
    }

    /// Looks for the entities as they are tagged now.
    pub(super) async fn find(
        &self,
        tenant: &Dynatrace,
        now: Timestamp,
        deadline: Instant,
    ) -> Result<Found, dynatrace::Error> {
        let to_ms = now.as_millisecond();
        let window = Window {
            from_ms: to_ms - SEEN_WITHIN_MS,
            to_ms,
        };
        let searches = self.sought.iter();
        let searches = searches.map(|sought| tenant.entities(&sought.scope, window, deadline));
        let answers = try_join_all(searches).await?;

        let mut found = Found::default();
        for id in &self.named {
            found.add(id);
        }
        for (sought, entities) in self.sought.iter().zip(answers) {
            if entities.is_empty() {
                found.missing.push(sought.in_words());
            }
            for entity in entities {
                found.add(&entity.id);
                if entity.is_database() {
                    found.databases.insert(entity.id);
                }
            }
        }
        if !self.needs_each && !found.by_type.is_empty() {
            found.missing.clear();
        }
        Ok(found)
    }
}

impl Found {
    fn add(&mut self, id: &str) {
        let type_ = id.split('-').next().unwrap_or_default().to_owned();
        let ids = self.by_type.entry(type_).or_default();
        if !ids.iter().any(|known| known == id) {
            ids.push(id.to_owned());
        }
    }
}

impl Sought {
    fn new(entity_type: EntityType, tags: &[Tag], asker: String) -> Self {
        let tags = tags.to_vec();
        Self {
            scope: Scope { entity_type, tags },
            asker,
        }
    }

    fn in_words(&self) -> String {
        let tags: Vec<String> = self.scope.tags.iter().map(shown).collect();
        format!(
            "no {} has {}, which {} requires",
            self.scope.entity_type.name(),
            tags.join(" and "),
            self.asker
        )
    }
}

/// A tag in the words of the monspec, which are Dynatrace's.
fn written(tag: &Tag) -> monspec::Tag {
    monspec::Tag {
        context: tag.context.clone(),
        key: tag.key.clone(),
        value: tag.value.clone(),
    }
}

fn shown(tag: &Tag) -> String {
    let mut tag = written(tag);
    tag.context.take_if(|context| context == "CONTEXTLESS");
    format!("`{}`", monspec::lint::escaped(&tag.to_string()))
}
