//! `POST /api/v1/timeseries`: one number per entity for a whole window.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::answer::SeriesError;
use crate::calls::Subject;
use crate::error::Error;
use crate::http::{Connection, Request};
use crate::number::number;
use crate::question::{Aggregation, Window};
use crate::tenant::Api;

/// Which numbers are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Wanted<'a> {
    pub(super) timeseries: &'a str,
    pub(super) aggregation: Aggregation,
    pub(super) of: Of,
}

/// Whose numbers are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Of {
    /// The entities that are listed in the request.
    Entities,
    /// Every service method, with the service that it belongs to: listing the
    /// services is an error, and methods cannot be looked up beforehand.
    Methods,
}

/// The numbers of one timeseries.
#[derive(Clone, Debug, Default)]
pub(super) struct Points {
    pub(super) points: Vec<Point>,
    pub(super) warnings: Vec<String>,
}

/// One number and the dimensions that it belongs to: entity ids, and texts
/// such as the name of a memory pool.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Point {
    pub(super) dimensions: Vec<Dimension>,
    pub(super) value: f64,
}

/// One part of what a number belongs to.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Dimension {
    pub(super) id: String,
    /// The display name, where this is an entity.
    pub(super) name: Option<String>,
}

/// The request for the wanted numbers, or why v1 cannot answer it.
pub(super) fn body(
    wanted: &Wanted<'_>,
    window: Window,
    entities: &[String],
) -> Result<Value, SeriesError> {
    let mut body = json!({
        "timeseriesId": wanted.timeseries,
        "aggregationType": wanted.aggregation.word().to_uppercase(),
        "queryMode": "TOTAL",
        "startTimestamp": window.from_ms,
        "endTimestamp": window.to_ms,
    });
    if let Aggregation::Percentile(percentile) = wanted.aggregation {
        body["percentile"] = json!(whole(percentile.percent())?);
    }
    match wanted.of {
        Of::Entities => body["entities"] = json!(entities),
        Of::Methods => body["includeParentIds"] = json!(true),
    }
    Ok(body)
}

/// Asks for the numbers; the inner error concerns this timeseries alone.
pub(super) async fn query(
    connection: &Connection,
    wanted: &Wanted<'_>,
    body: &Value,
    deadline: Instant,
) -> Result<Result<Points, SeriesError>, Error> {
    match connection.send(&request(body), deadline).await {
        Ok(reply) => Ok(Ok(reply.read::<Wire>()?.result.into())),
        Err(Error::BadSelector(text)) => Ok(Err(SeriesError::BadSelector(text))),
        Err(Error::UnknownMetric(text)) if is_about(&text, wanted.timeseries) => {
            Ok(Err(SeriesError::UnknownMetric(text)))
        }
        Err(Error::UnknownMetric(_)) => Err(Error::ApiGone),
        Err(error) => Err(error),
    }
}

pub(super) fn request(body: &Value) -> Request<'_> {
    Request::post(Api::V1, Subject::Metrics, "/timeseries", body)
}

/// Tells "no such timeseries" from "no such API", which share a status. What a
/// tenant without the API says is not known, but it cannot name the timeseries.
fn is_about(text: &str, timeseries: &str) -> bool {
    text.contains(timeseries)
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the number is whole and between 1 and 99"
)]
fn whole(percent: f64) -> Result<u8, SeriesError> {
    if percent.fract() == 0.0 && (1.0..=99.0).contains(&percent) {
        return Ok(percent as u8);
    }
    Err(SeriesError::NeedsV2(format!(
        "API v1 has the percentiles 1 to 99 without fractions, not {percent}"
    )))
}

#[derive(Deserialize)]
struct Wire {
    result: WireResult,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireResult {
    #[serde(default)]
    data_points: BTreeMap<String, Vec<Vec<Value>>>,
    #[serde(default)]
    entities: BTreeMap<String, String>,
}

impl From<WireResult> for Points {
    /// An entity that is absent, has no pair, or has `null` has no data. Of
    /// several pairs the last one counts: the first may begin before the
    /// window.
    fn from(wire: WireResult) -> Self {
        let mut points = Self::default();
        for (key, pairs) in &wire.data_points {
            let values = pairs.iter().filter_map(|pair| pair.get(1));
            let value = values
                .filter_map(|value| number(value, &mut points.warnings))
                .last();
            let Some(value) = value else {
                continue;
            };
            // Whether a space follows the comma is not settled.
            let dimensions = key.split(',').map(str::trim).map(|id| Dimension {
                id: id.to_owned(),
                name: wire.entities.get(id).cloned(),
            });
            points.points.push(Point {
                dimensions: dimensions.collect(),
                value,
            });
        }
        points
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::question::Percentile;

    fn read(result: &str) -> Points {
        let body = format!(r#"{{"result":{result}}}"#);
        serde_json::from_str::<Wire>(&body).unwrap().result.into()
    }

    fn wanted(aggregation: Aggregation, of: Of) -> Wanted<'static> {
        Wanted {
            timeseries: "com.dynatrace.builtin:service.responsetime",
            aggregation,
            of,
        }
    }

    const WINDOW: Window = Window {
        from_ms: 1000,
        to_ms: 2000,
    };

    #[test]
    fn every_shape_of_no_data_is_no_data() {
        for points in [
            "{}",
            r#"{"dataPoints":{}}"#,
            r#"{"dataPoints":{"SERVICE-1":[]}}"#,
            r#"{"dataPoints":{"SERVICE-1":[[1000,null]]}}"#,
            r#"{"dataPoints":{"SERVICE-1":[[1000]]}}"#,
        ] {
            let read = read(points);

            assert!(read.points.is_empty(), "{points}");
            assert!(read.warnings.is_empty(), "{points}");
        }
    }

    #[test]
    fn numbers_in_texts_are_numbers_and_other_texts_are_warned_of() {
        let read = read(
            r#"{"dataPoints":{"SERVICE-1":[[1000,"12.5"]],"SERVICE-2":[[1000,"NaN"]],"SERVICE-3":[[1000,7]]}}"#,
        );

        let values: Vec<_> = read.points.iter().map(|point| point.value).collect();
        assert_eq!(values, [12.5, 7.0]);
        assert_eq!(read.warnings.len(), 1);
    }

    #[test]
    fn keys_are_split_whether_or_not_a_space_follows_the_comma() {
        let read = read(
            r#"{"entities":{"SERVICE-1":"shop","SERVICE_METHOD-2":"/api","SERVICE_METHOD-3":"/x"},
                "dataPoints":{"SERVICE-1, SERVICE_METHOD-2":[[1,5]],"SERVICE-1,SERVICE_METHOD-3":[[1,6]]}}"#,
        );

        let dimensions = |point: &Point| {
            let pairs = point.dimensions.iter();
            pairs
                .map(|pair| (pair.id.clone(), pair.name.clone()))
                .collect::<Vec<_>>()
        };
        let pair = |id: &str, name: &str| (id.to_owned(), Some(name.to_owned()));
        assert_eq!(
            dimensions(&read.points[0]),
            [pair("SERVICE-1", "shop"), pair("SERVICE_METHOD-2", "/api")]
        );
        assert_eq!(
            dimensions(&read.points[1]),
            [pair("SERVICE-1", "shop"), pair("SERVICE_METHOD-3", "/x")]
        );
    }

    #[test]
    fn percentiles_are_sent_as_whole_numbers() {
        let p90 = Aggregation::Percentile(Percentile::from_percent(90.0).unwrap());
        let body = body(&wanted(p90, Of::Entities), WINDOW, &["SERVICE-1".into()]).unwrap();

        assert_eq!(
            body,
            json!({
                "timeseriesId": "com.dynatrace.builtin:service.responsetime",
                "aggregationType": "PERCENTILE",
                "queryMode": "TOTAL",
                "startTimestamp": 1000,
                "endTimestamp": 2000,
                "percentile": 90,
                "entities": ["SERVICE-1"],
            })
        );
    }

    #[test]
    fn percentiles_that_v1_lacks_need_v2() {
        for percent in [99.9, 0.5] {
            let percentile = Aggregation::Percentile(Percentile::from_percent(percent).unwrap());

            let refused = body(&wanted(percentile, Of::Entities), WINDOW, &[]);

            assert!(matches!(refused, Err(SeriesError::NeedsV2(_))), "{percent}");
        }
    }

    #[test]
    fn methods_are_asked_for_with_their_parents_and_without_a_list() {
        let body = body(
            &wanted(Aggregation::Avg, Of::Methods),
            WINDOW,
            &["SERVICE-1".into()],
        );
        let body = body.unwrap();

        assert_eq!(body["includeParentIds"], json!(true));
        assert_eq!(body.get("entities"), None);
    }
}
