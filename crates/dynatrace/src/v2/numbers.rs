//! The numbers that a metric selector has for entities that are named.

use tokio::time::Instant;

use super::plan::Ask;
use super::query::Query;
use super::selector::of_ids;
use crate::answer::SeriesError;
use crate::error::Error;
use crate::http::Connection;
use crate::question::Window;

/// The numbers over the whole window, of which there is one for each entity unless
/// the selector says otherwise.
pub(crate) async fn numbers(
    connection: &Connection,
    (selector, ids): (&str, &[String]),
    window: Window,
    deadline: Instant,
) -> Result<Result<Vec<f64>, SeriesError>, Error> {
    let entities = of_ids(ids);
    let query = Query {
        connection,
        entities: &entities,
        listed: ids.len(),
        window,
        deadline,
    };
    let ask = Ask {
        expression: selector.to_owned(),
        fold: None,
    };
    let mut outcomes = query.evaluate(std::slice::from_ref(&ask)).await?;
    let rows = outcomes.pop().map_or(Ok(Vec::new()), |one| one.rows);
    Ok(rows.map(|rows| rows.into_iter().filter_map(|row| row.value).collect()))
}
