//! Entities, their tags and their relationships.

use std::collections::BTreeMap;

/// Tags that no integration imported carry this context.
pub(super) const CONTEXTLESS: &str = "CONTEXTLESS";

/// The relationship from a service method to its service.
pub(super) const METHOD_OF: &str = "isServiceMethodOfService";

/// A monitored entity.
#[derive(Clone, Debug)]
pub(super) struct Entity {
    pub(super) id: String,
    pub(super) kind: String,
    pub(super) name: String,
    pub(super) tags: Vec<Tag>,
    pub(super) from: Relationships,
    pub(super) visible_from: i64,
    /// When a vanished entity was last seen; nothing for those still there.
    pub(super) last_seen: Option<i64>,
    pub(super) tags_visible_from: i64,
    pub(super) marking: Marking,
    /// What else is known of it, such as `serviceType`.
    pub(super) properties: BTreeMap<String, String>,
}

/// Relationship name to the ids at the other end.
pub(super) type Relationships = BTreeMap<String, Vec<String>>;

/// A tag of an entity.
#[derive(Clone, Debug)]
pub(super) struct Tag {
    pub(super) context: String,
    pub(super) key: String,
    pub(super) value: Option<String>,
}

/// Whether somebody marked a service method as a key request; only then has it
/// metrics of its own in API v2.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Marking {
    KeyRequest,
    Unmarked,
}

/// What the tenant knows of its entities at one moment, for one timeframe.
#[derive(Clone, Copy)]
pub(super) struct View<'a> {
    pub(super) entities: &'a BTreeMap<String, Entity>,
    pub(super) now: i64,
    /// Entities last seen earlier are not part of the asked timeframe.
    pub(super) since: i64,
    /// Entities first seen later are not part of the asked timeframe.
    pub(super) until: i64,
}

impl Entity {
    pub(super) fn new(kind: &str, id: &str, name: &str) -> Self {
        Self {
            id: id.to_owned(),
            kind: kind.to_owned(),
            name: name.to_owned(),
            tags: Vec::new(),
            from: Relationships::new(),
            visible_from: 0,
            last_seen: None,
            tags_visible_from: 0,
            marking: Marking::Unmarked,
            properties: BTreeMap::new(),
        }
    }

    /// The service a method belongs to.
    pub(super) fn parent(&self) -> Option<&str> {
        self.from.get(METHOD_OF)?.first().map(String::as_str)
    }
}

impl<'a> View<'a> {
    pub(super) fn all(self) -> impl Iterator<Item = &'a Entity> {
        self.entities
            .values()
            .filter(move |entity| self.sees(entity))
    }

    pub(super) fn get(self, id: &str) -> Option<&'a Entity> {
        self.entities.get(id).filter(|entity| self.sees(entity))
    }

    /// Tags describe the present, regardless of the timeframe.
    pub(super) fn tags(self, entity: &Entity) -> &[Tag] {
        if entity.tags_visible_from <= self.now {
            &entity.tags
        } else {
            &[]
        }
    }

    /// The relationships in which `entity` is the target.
    pub(super) fn to(self, entity: &Entity) -> Relationships {
        let mut found = Relationships::new();
        for source in self.all() {
            for (name, targets) in &source.from {
                if targets.contains(&entity.id) {
                    found
                        .entry(name.clone())
                        .or_default()
                        .push(source.id.clone());
                }
            }
        }
        found
    }

    fn sees(self, entity: &Entity) -> bool {
        entity.visible_from <= self.now.min(self.until)
            && entity.last_seen.is_none_or(|at| self.since <= at)
    }
}

/// Ids carry their type, as in `PROCESS_GROUP-1C8F2B0A6F3D9E11`.
pub(super) fn type_of(id: &str) -> &str {
    id.rsplit_once('-')
        .map_or(id, |(entity_type, _)| entity_type)
}
