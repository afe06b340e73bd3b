//! The two generations of the API: the only place that knows what each of them
//! can answer.

use tokio::time::Instant;

use crate::answer::{Entity, Relationships, SeriesAnswer, SeriesError};
use crate::error::Error;
use crate::event::{Announced, Event, EventKind, RecordedEvent};
use crate::http::Connection;
use crate::problem::{Comment, Problem};
use crate::question::{EntityType, Question, Scope, Window};
use crate::tenant::Api;
use crate::{v1, v2};

/// A connection to a tenant, with the generation that is spoken over it.
pub(crate) enum Generation {
    V2(Connection),
    V1(Connection),
}

impl Generation {
    pub(crate) fn new(api: Api, connection: Connection) -> Self {
        match api {
            Api::V2 => Self::V2(connection),
            Api::V1 => Self::V1(connection),
        }
    }

    pub(crate) fn api(&self) -> Api {
        match self {
            Self::V2(_) => Api::V2,
            Self::V1(_) => Api::V1,
        }
    }

    /// For calls that are the same whichever generation is spoken.
    pub(crate) fn connection(&self) -> &Connection {
        match self {
            Self::V2(connection) | Self::V1(connection) => connection,
        }
    }

    pub(crate) async fn series(
        &self,
        question: &Question,
        deadline: Instant,
    ) -> Result<Vec<SeriesAnswer>, Error> {
        match self {
            Self::V2(connection) => v2::series(connection, question, deadline).await,
            Self::V1(connection) => v1::series(connection, question, deadline).await,
        }
    }

    /// API v1 knows no selectors, so it has no numbers of one.
    pub(crate) async fn numbers(
        &self,
        (selector, ids): (&str, &[String]),
        window: Window,
        deadline: Instant,
    ) -> Result<Result<Vec<f64>, SeriesError>, Error> {
        match self {
            Self::V2(connection) => {
                v2::numbers(connection, (selector, ids), window, deadline).await
            }
            Self::V1(_) => Ok(Err(SeriesError::NeedsV2(selector.to_owned()))),
        }
    }

    /// API v1 knows no selectors, so it has no unit of one.
    pub(crate) async fn unit(
        &self,
        selector: &str,
        deadline: Instant,
    ) -> Result<Option<String>, Error> {
        match self {
            Self::V2(connection) => v2::unit(connection, selector, deadline).await,
            Self::V1(_) => Ok(None),
        }
    }

    /// API v1 does not say which relationships a type can have.
    pub(crate) async fn relationships(
        &self,
        entity_type: EntityType,
        deadline: Instant,
    ) -> Result<Option<Relationships>, Error> {
        match self {
            Self::V2(connection) => v2::relationships(connection, entity_type, deadline)
                .await
                .map(Some),
            Self::V1(_) => Ok(None),
        }
    }

    pub(crate) async fn entities(
        &self,
        (scope, ids): (&Scope, &[String]),
        window: Window,
        deadline: Instant,
    ) -> Result<Vec<Entity>, Error> {
        match self {
            Self::V2(connection) => v2::entities(connection, (scope, ids), window, deadline).await,
            Self::V1(connection) => v1::entities(connection, (scope, ids), window, deadline).await,
        }
    }

    pub(crate) async fn announce(
        &self,
        event: &Event,
        deadline: Instant,
    ) -> Result<Announced, Error> {
        match self {
            Self::V2(connection) => v2::announce(connection, event, deadline).await,
            Self::V1(connection) => v1::announce(connection, event, deadline).await,
        }
    }

    pub(crate) async fn events(
        &self,
        kind: EventKind,
        entities: &[String],
        window: Window,
        deadline: Instant,
    ) -> Result<Vec<RecordedEvent>, Error> {
        match self {
            Self::V2(connection) => v2::events(connection, kind, entities, window, deadline).await,
            Self::V1(connection) => v1::events(connection, kind, entities, window, deadline).await,
        }
    }

    pub(crate) async fn problem(&self, id: &str, deadline: Instant) -> Result<Problem, Error> {
        match self {
            Self::V2(connection) => v2::problem(connection, id, deadline).await,
            Self::V1(connection) => v1::problem(connection, id, deadline).await,
        }
    }

    pub(crate) async fn open_problems(
        &self,
        since_ms: i64,
        deadline: Instant,
    ) -> Result<Vec<Problem>, Error> {
        match self {
            Self::V2(connection) => v2::open_problems(connection, since_ms, deadline).await,
            Self::V1(connection) => v1::open_problems(connection, since_ms, deadline).await,
        }
    }

    pub(crate) async fn problems(
        &self,
        window: Window,
        deadline: Instant,
    ) -> Result<Vec<Problem>, Error> {
        match self {
            Self::V2(connection) => v2::problems(connection, window, deadline).await,
            Self::V1(connection) => v1::problems(connection, window, deadline).await,
        }
    }

    pub(crate) async fn comments(
        &self,
        id: &str,
        deadline: Instant,
    ) -> Result<Vec<Comment>, Error> {
        match self {
            Self::V2(connection) => v2::comments(connection, id, deadline).await,
            Self::V1(connection) => v1::comments(connection, id, deadline).await,
        }
    }

    pub(crate) async fn comment(
        &self,
        id: &str,
        text: &str,
        context: &str,
        deadline: Instant,
    ) -> Result<(), Error> {
        match self {
            Self::V2(connection) => v2::comment(connection, id, text, context, deadline).await,
            Self::V1(connection) => v1::comment(connection, id, text, context, deadline).await,
        }
    }
}
