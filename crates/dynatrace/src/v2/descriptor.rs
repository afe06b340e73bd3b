//! `GET /api/v2/metrics/{key}`, asked only when a selector was refused, and by
//! people who want to know a unit.

use serde::Deserialize;
use tokio::time::Instant;

use super::expression::{Shape, shape};
use super::plan::Fold;
use crate::calls::Subject;
use crate::error::Error;
use crate::http::{Connection, Request, segment};
use crate::tenant::Api;

pub(super) async fn describe(
    connection: &Connection,
    key: &str,
    deadline: Instant,
) -> Result<Descriptor, Error> {
    let path = path(key)
        .ok_or_else(|| Error::BadSelector(format!("`{key}` is not the key of a metric")))?;
    let request = Request::get(Api::V2, Subject::Other, &path, &[]);
    connection.send(&request, deadline).await?.read()
}

/// The tenant's word for the unit of what a selector begins with.
pub(crate) async fn unit(
    connection: &Connection,
    selector: &str,
    deadline: Instant,
) -> Result<Option<String>, Error> {
    let Shape::Metric(parsed) = shape(selector) else {
        return Ok(None);
    };
    Ok(describe(connection, parsed.key, deadline).await?.unit)
}

/// The key is the text of an author: it must not lead to another path.
fn path(key: &str) -> Option<String> {
    segment(key).map(|key| format!("/metrics/{key}"))
}

/// What a tenant says of one of its metrics.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Descriptor {
    /// Whether there is one value for a whole window.
    pub(super) resolution_inf_supported: Option<bool>,
    #[serde(default)]
    aggregation_types: Vec<String>,
    default_aggregation: Option<DefaultAggregation>,
    unit: Option<String>,
}

#[derive(Deserialize)]
struct DefaultAggregation {
    #[serde(rename = "type")]
    type_: String,
}

impl Descriptor {
    /// An aggregation that the metric lacks would silently be replaced by the
    /// default one, and counters cannot be folded at all.
    pub(super) fn can_fold(&self, fold: &Fold) -> bool {
        let counts = self
            .default_aggregation
            .as_ref()
            .is_some_and(|default| default.type_.eq_ignore_ascii_case("value"));
        let offered = self
            .aggregation_types
            .iter()
            .any(|offered| offered.eq_ignore_ascii_case(fold.aggregation));
        offered && !counts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn key_of_a_metric_is_one_segment_of_the_path() {
        for (key, expected) in [
            ("builtin:host.cpu", Some("/metrics/builtin%3Ahost.cpu")),
            (r"..\..\x", Some("/metrics/..%5C..%5Cx")),
            ("../../x", Some("/metrics/..%2F..%2Fx")),
            ("x?y=z", Some("/metrics/x%3Fy%3Dz")),
            ("x#y", Some("/metrics/x%23y")),
            ("%2e%2e", Some("/metrics/%252e%252e")),
            ("..", None),
            (".", None),
        ] {
            assert_eq!(path(key).as_deref(), expected, "{key}");
        }
    }
}
