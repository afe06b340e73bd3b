//! How a test describes an entity.

use std::sync::{Arc, Mutex};

use super::relationships::can_be;
use super::server::lock;
use super::state::State;
use super::topology::{CONTEXTLESS, Entity, METHOD_OF, Marking, Tag, type_of};

/// An entity in the making; it exists in the tenant from [`EntityBuilder::add`] on.
#[must_use = "the entity exists only once it is added"]
pub struct EntityBuilder {
    state: Arc<Mutex<State>>,
    entity: Entity,
    methods: Vec<Entity>,
}

impl EntityBuilder {
    pub(super) fn new(state: Arc<Mutex<State>>, type_: &str, id: &str, name: &str) -> Self {
        Self {
            state,
            entity: Entity::new(type_, id, name),
            methods: Vec::new(),
        }
    }

    /// Adds a tag with a value.
    pub fn tag(self, key: &str, value: &str) -> Self {
        self.context_tag(CONTEXTLESS, key, value)
    }

    /// Adds a tag that is a key alone.
    pub fn key_tag(self, key: &str) -> Self {
        self.with_tag(CONTEXTLESS, key, None)
    }

    /// Adds a tag that an integration imported, such as `ENVIRONMENT`.
    pub fn context_tag(self, context: &str, key: &str, value: &str) -> Self {
        self.with_tag(context, key, Some(value))
    }

    /// Says something more of it, such as `serviceType`: v2 shows it among the
    /// properties, v1 beside the name.
    pub fn property(mut self, name: &str, value: &str) -> Self {
        self.entity
            .properties
            .insert(name.to_owned(), value.to_owned());
        self
    }

    /// Adds a service this one calls.
    pub fn calls(self, id: &str) -> Self {
        self.relates("calls", id)
    }

    /// Adds a process group this service runs on.
    pub fn runs_on(self, id: &str) -> Self {
        self.relates("runsOn", id)
    }

    /// Adds a relationship to another entity, which need not exist.
    ///
    /// # Panics
    ///
    /// If entities of these types cannot be related like this.
    pub fn relates(mut self, relationship: &str, id: &str) -> Self {
        let (from, to) = (&self.entity.kind, type_of(id));
        assert!(
            can_be(from, relationship, to),
            "no {from} can be related to a {to} by `{relationship}`"
        );
        self.entity
            .from
            .entry(relationship.to_owned())
            .or_default()
            .push(id.to_owned());
        self
    }

    /// Hides the entity before this moment.
    pub fn visible_from(mut self, ms: i64) -> Self {
        self.entity.visible_from = ms;
        self
    }

    /// Lets the entity vanish: it was last seen at this moment.
    pub fn last_seen(mut self, ms: i64) -> Self {
        self.entity.last_seen = Some(ms);
        self
    }

    /// Hides the tags before this moment, as rules take a while to apply.
    pub fn tags_visible_from(mut self, ms: i64) -> Self {
        self.entity.tags_visible_from = ms;
        self
    }

    /// Adds a method of this service that is marked as a key request.
    pub fn method(self, id: &str, name: &str) -> Self {
        self.with_method(id, name, Marking::KeyRequest)
    }

    /// Adds an unmarked method of this service; it has no metrics in v2.
    pub fn unmarked_method(self, id: &str, name: &str) -> Self {
        self.with_method(id, name, Marking::Unmarked)
    }

    /// Puts the entity and its methods into the tenant, replacing what was there.
    pub fn add(self) {
        let Self {
            state,
            entity,
            methods,
        } = self;
        let visible_from = entity.visible_from;
        let methods = methods.into_iter().map(|method| Entity {
            visible_from,
            ..method
        });
        let mut state = lock(&state);
        for each in [entity].into_iter().chain(methods) {
            state.entities.insert(each.id.clone(), each);
        }
    }

    fn with_tag(mut self, context: &str, key: &str, value: Option<&str>) -> Self {
        self.entity.tags.push(Tag {
            context: context.to_owned(),
            key: key.to_owned(),
            value: value.map(str::to_owned),
        });
        self
    }

    fn with_method(mut self, id: &str, name: &str, marking: Marking) -> Self {
        let mut method = Entity::new("SERVICE_METHOD", id, name);
        method
            .from
            .insert(METHOD_OF.to_owned(), vec![self.entity.id.clone()]);
        self.methods.push(Entity { marking, ..method });
        self
    }
}
