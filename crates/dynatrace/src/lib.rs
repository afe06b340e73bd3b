#![doc = include_str!("../README.md")]

use std::fmt;
use std::sync::Arc;

use tokio::time::Instant;

use generation::Generation;
use http::segment;
use pages::Pages;

pub mod metrics;

mod answer;
mod calls;
mod envelope;
mod error;
mod event;
mod generation;
mod http;
mod list;
mod number;
mod pages;
mod problem;
mod properties;
mod question;
mod redact;
mod tenant;
mod throttle;
mod v1;
mod v2;
mod wire;

pub use answer::{Entity, Related, Relationships, SeriesAnswer, SeriesError};
pub use calls::Calls;
pub use error::{Cause, Error};
pub use event::{Announced, Event, EventKind, RecordedEvent};
pub use problem::{Comment, EntityRef, Problem, ProblemStatus};
pub use question::{
    Aggregation, EntityType, Merge, Metric, NoTag, Percentile, Question, Scope, Series, Tag, Window,
};
pub use tenant::{Api, InvalidTenant, Tenant, UnknownApi, check_address};

/// A client for one tenant. Clones are cheap and share its limits.
#[derive(Clone)]
pub struct Dynatrace {
    tenant: Arc<Generation>,
    pages: Pages,
}

impl Dynatrace {
    /// A client that uses `http`, which must not follow redirects.
    pub fn new(http: reqwest::Client, tenant: Tenant) -> Result<Self, InvalidTenant> {
        let api = tenant.api;
        let pages = Pages::of(&tenant.url);
        let connection = http::Connection::new(http, tenant)?;
        Ok(Self {
            tenant: Arc::new(Generation::new(api, connection)),
            pages,
        })
    }

    /// The answers to a question, in the order of its series. An error
    /// concerns all of them; what concerns one series is in its answer.
    pub async fn series(
        &self,
        question: &Question,
        deadline: Instant,
    ) -> Result<Vec<SeriesAnswer>, Error> {
        self.tenant.series(question, deadline).await
    }

    /// The numbers that a metric selector has over the whole window for entities
    /// of one type: one for each unless the selector says otherwise, none without
    /// data. API v1 knows no selectors.
    pub async fn numbers(
        &self,
        selector: &str,
        entities: &[String],
        window: Window,
        deadline: Instant,
    ) -> Result<Result<Vec<f64>, SeriesError>, Error> {
        let tenant = &self.tenant;
        tenant.numbers((selector, entities), window, deadline).await
    }

    /// The tenant's word for the unit of a metric selector, `MicroSecond` for
    /// example; nothing in API v1, which knows no selectors.
    pub async fn unit(&self, selector: &str, deadline: Instant) -> Result<Option<String>, Error> {
        self.tenant.unit(selector, deadline).await
    }

    /// The entities of a scope that were active in the window; an empty list
    /// if there were none.
    pub async fn entities(
        &self,
        scope: &Scope,
        window: Window,
        deadline: Instant,
    ) -> Result<Vec<Entity>, Error> {
        self.entities_among(scope, &[], window, deadline).await
    }

    /// The relationships that entities of a type can have; nothing in API v1,
    /// which does not tell.
    pub async fn relationships(
        &self,
        entity_type: EntityType,
        deadline: Instant,
    ) -> Result<Option<Relationships>, Error> {
        self.tenant.relationships(entity_type, deadline).await
    }

    /// Those of the entities of `scope` that have one of these ids, of which
    /// there must not be more than fit into a selector, about sixty; without any
    /// id, all of them. Relations that end at them are told only in the latter case.
    pub async fn entities_among(
        &self,
        scope: &Scope,
        ids: &[String],
        window: Window,
        deadline: Instant,
    ) -> Result<Vec<Entity>, Error> {
        self.tenant.entities((scope, ids), window, deadline).await
    }

    /// Attaches an event to its entities, whose ids are given so that the
    /// tenant need not have seen them lately.
    ///
    /// It is sent again only if the tenant was not reached or was too busy. So
    /// an error leaves open whether some entities have the event: look for it
    /// before announcing it again. Properties beyond what a tenant accepts are
    /// cut or left out, with a warning in the log.
    pub async fn announce(&self, event: &Event, deadline: Instant) -> Result<Announced, Error> {
        self.tenant.announce(event, deadline).await
    }

    /// The deployments of an entity in a window, the latest first.
    pub async fn deployment_events(
        &self,
        entity: &str,
        window: Window,
        deadline: Instant,
    ) -> Result<Vec<RecordedEvent>, Error> {
        let entity = [entity.to_owned()];
        self.events(EventKind::Deployment, &entity, window, deadline)
            .await
    }

    /// The events of one kind of entities, all of one type, in a window, the
    /// latest first. Many entities take few requests.
    pub async fn events(
        &self,
        kind: EventKind,
        entities: &[String],
        window: Window,
        deadline: Instant,
    ) -> Result<Vec<RecordedEvent>, Error> {
        self.tenant.events(kind, entities, window, deadline).await
    }

    /// The problem with an id; nothing if there is none.
    pub async fn problem(&self, id: &str, deadline: Instant) -> Result<Option<Problem>, Error> {
        let Some(id) = segment(id) else {
            return Ok(None);
        };
        match self.tenant.problem(&id, deadline).await {
            Ok(problem) => Ok(Some(problem)),
            Err(Error::UnknownProblem(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The problems that were there at some time since `since_ms` and go on.
    /// API v1 looks back 31 days at most.
    pub async fn open_problems(
        &self,
        since_ms: i64,
        deadline: Instant,
    ) -> Result<Vec<Problem>, Error> {
        self.tenant.open_problems(since_ms, deadline).await
    }

    /// The problems that were there at some time of the window, whether they go
    /// on or not. API v1 looks back 31 days at most.
    pub async fn problems(&self, window: Window, deadline: Instant) -> Result<Vec<Problem>, Error> {
        self.tenant.problems(window, deadline).await
    }

    /// Where people see a problem.
    pub fn page_of_problem(&self, id: &str) -> Option<String> {
        self.pages.of_problem(id)
    }

    /// Where people see the charts of an entity in a window.
    pub fn page_of_entity(&self, id: &str, window: Window) -> Option<String> {
        self.pages.of_entity(id, window)
    }

    /// What was said about a problem, in the tenant's order.
    pub async fn comments(&self, problem: &str, deadline: Instant) -> Result<Vec<Comment>, Error> {
        let id = segment(problem).ok_or_else(|| no_id(problem))?;
        self.tenant.comments(&id, deadline).await
    }

    /// Says something about a problem; `context` tells where it is said.
    ///
    /// It is sent again only if the tenant was not reached or was too busy. So
    /// an error leaves open whether it was said: look for it before saying it
    /// again.
    pub async fn comment(
        &self,
        problem: &str,
        text: &str,
        context: &str,
        deadline: Instant,
    ) -> Result<(), Error> {
        let id = segment(problem).ok_or_else(|| no_id(problem))?;
        self.tenant.comment(&id, text, context, deadline).await
    }

    /// What the token may do; nothing for a token of the platform, of which
    /// nobody tells.
    pub async fn scopes(&self, deadline: Instant) -> Result<Option<Vec<String>>, Error> {
        v2::scopes(self.tenant.connection(), deadline).await
    }

    /// The requests that this client and its clones have sent.
    pub fn calls(&self) -> Calls {
        self.tenant.connection().calls()
    }
}

fn no_id(text: &str) -> Error {
    Error::UnknownProblem(format!("`{text}` is not an id"))
}

impl fmt::Debug for Dynatrace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Dynatrace")
            .field("api", &self.tenant.api())
            .field("calls", &self.calls())
            .finish_non_exhaustive()
    }
}
