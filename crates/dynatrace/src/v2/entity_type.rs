//! `GET /api/v2/entityTypes/{type}`.

use serde::Deserialize;
use tokio::time::Instant;

use crate::answer::Relationships;
use crate::calls::Subject;
use crate::error::Error;
use crate::http::{Connection, Request};
use crate::question::EntityType;
use crate::tenant::Api;

/// The relationships that entities of a type can have.
pub(crate) async fn relationships(
    connection: &Connection,
    entity_type: EntityType,
    deadline: Instant,
) -> Result<Relationships, Error> {
    let path = format!("/entityTypes/{}", entity_type.name());
    let request = Request::get(Api::V2, Subject::Other, &path, &[]);
    let wire: Wire = connection.send(&request, deadline).await?.read()?;
    let names = |all: Vec<WireRelationship>| all.into_iter().map(|one| one.id).collect();
    Ok(Relationships {
        from: names(wire.from_relationships),
        to: names(wire.to_relationships),
    })
}

/// Both lists are there however empty: a type without them is no type.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wire {
    from_relationships: Vec<WireRelationship>,
    to_relationships: Vec<WireRelationship>,
}

#[derive(Deserialize)]
struct WireRelationship {
    id: String,
}
