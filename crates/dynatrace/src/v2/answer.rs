//! What `GET /api/v2/metrics/query` answers, read with every doubt kept.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::expression::{Identity, identity};
use crate::answer::SeriesError;
use crate::number::number;

/// A whole answer.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) collections: Vec<Collection>,
    pub(super) warnings: Vec<String>,
}

/// The numbers of one selector.
#[derive(Clone, Debug)]
pub(super) struct Collection {
    /// `None` if the answered spelling cannot be read.
    pub(super) identity: Option<Identity>,
    pub(super) rows: Result<Vec<Row>, SeriesError>,
    pub(super) warnings: Vec<String>,
}

/// One number and what it belongs to.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Row {
    pub(super) ids: Vec<String>,
    pub(super) name: Option<String>,
    pub(super) value: Option<f64>,
}

impl From<Wire> for Answer {
    fn from(wire: Wire) -> Self {
        Self {
            collections: wire.result.into_iter().map(Collection::from).collect(),
            warnings: wire.warnings.unwrap_or_default(),
        }
    }
}

/// The body as it is sent. Counts and ratios are left out: zero entities are
/// reported beside data, and the ratios come as text or as numbers.
#[derive(Deserialize)]
pub(super) struct Wire {
    #[serde(default)]
    result: Vec<WireCollection>,
    warnings: Option<Vec<String>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireCollection {
    metric_id: String,
    #[serde(default)]
    data: Vec<WireRow>,
    warnings: Option<Vec<String>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireRow {
    #[serde(default)]
    dimensions: Vec<Option<String>>,
    #[serde(default)]
    dimension_map: BTreeMap<String, Option<String>>,
    #[serde(default)]
    values: Vec<Value>,
}

impl From<WireCollection> for Collection {
    fn from(wire: WireCollection) -> Self {
        let mut warnings = wire.warnings.unwrap_or_default();
        let rows = wire
            .data
            .into_iter()
            .map(|row| read_row(row, &mut warnings))
            .collect();
        Self {
            identity: identity(&wire.metric_id),
            rows,
            warnings,
        }
    }
}

fn read_row(row: WireRow, warnings: &mut Vec<String>) -> Result<Row, SeriesError> {
    let value = match row.values.as_slice() {
        [] => None,
        [value] => number(value, warnings),
        values => {
            return Err(SeriesError::Ambiguous(format!(
                "{} values for one window; let the selector end with one `:fold(…)`",
                values.len()
            )));
        }
    };
    let dimensions = row.dimensions.into_iter().flatten().collect();
    let (ids, name) = belongs_to(&row.dimension_map, dimensions);
    Ok(Row { ids, name, value })
}

/// The ids and the name among the dimensions of a row. The map says which is
/// which; where it is missing, an id is recognised by its form.
fn belongs_to(
    map: &BTreeMap<String, Option<String>>,
    dimensions: Vec<String>,
) -> (Vec<String>, Option<String>) {
    let entities = map.iter().filter(|(key, _)| key.starts_with("dt.entity."));
    let (names, ids): (Vec<_>, Vec<_>) = entities
        .filter_map(|(key, value)| Some((key, value.clone()?)))
        .partition(|(key, _)| key.strip_suffix(".name").is_some());
    if !ids.is_empty() {
        let ids: Vec<_> = ids.into_iter().map(|(_, id)| id).collect();
        let name = names.into_iter().map(|(_, name)| name).next();
        let name = name.or_else(|| dimensions.into_iter().find(|text| !ids.contains(text)));
        return (ids, name);
    }
    let (ids, names): (Vec<_>, Vec<_>) = dimensions.into_iter().partition(|text| is_id(text));
    (ids, names.into_iter().next())
}

fn is_id(text: &str) -> bool {
    text.rsplit_once('-').is_some_and(|(kind, number)| {
        kind.chars().all(|c| c.is_ascii_uppercase() || c == '_')
            && number.len() == 16
            && number.chars().all(|c| c.is_ascii_hexdigit())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: &str) -> Answer {
        serde_json::from_str::<Wire>(body).unwrap().into()
    }

    fn only_collection(data: &str) -> Collection {
        let body = format!(r#"{{"result":[{{"metricId":"builtin:a.b:avg","data":{data}}}]}}"#);
        read(&body).collections.remove(0)
    }

    fn values(data: &str) -> Vec<Option<f64>> {
        let rows = only_collection(data).rows.unwrap();
        rows.into_iter().map(|row| row.value).collect()
    }

    #[test]
    fn every_shape_of_no_data_is_no_data() {
        assert!(
            read(r#"{"totalCount":0,"nextPageKey":null,"result":[]}"#)
                .collections
                .is_empty()
        );
        assert_eq!(values("[]"), []);
        assert_eq!(
            values(r#"[{"dimensions":[],"timestamps":[],"values":[]}]"#),
            [None]
        );
        assert_eq!(
            values(r#"[{"dimensions":[],"timestamps":[1],"values":[null]}]"#),
            [None]
        );
    }

    #[test]
    fn numbers_are_read_in_every_spelling() {
        assert_eq!(values(r#"[{"values":[324]}]"#), [Some(324.0)]);
        assert_eq!(values(r#"[{"values":[35007.26]}]"#), [Some(35007.26)]);
        assert_eq!(values(r#"[{"values":[5.0E-8]}]"#), [Some(5.0E-8)]);
        assert_eq!(values(r#"[{"values":["12.5"]}]"#), [Some(12.5)]);
        assert_eq!(values(r#"[{"values":[0]}]"#), [Some(0.0)]);
        // A reader that hurries makes 429.66 of it.
        let exact: f64 = "429.65999999999997".parse().unwrap();
        assert_eq!(
            values(r#"[{"values":[429.65999999999997]}]"#),
            [Some(exact)]
        );
    }

    #[test]
    fn values_that_are_no_numbers_are_no_data_and_a_warning() {
        for value in [r#""NaN""#, r#""Infinity""#, r#""fast""#, "true"] {
            let collection = only_collection(&format!(r#"[{{"values":[{value}]}}]"#));

            assert_eq!(collection.rows.unwrap()[0].value, None, "{value}");
            assert_eq!(collection.warnings.len(), 1, "{value}");
        }
    }

    #[test]
    fn several_values_for_one_window_are_not_chosen_from() {
        let collection = only_collection(r#"[{"values":[1,2]}]"#);

        assert!(matches!(collection.rows, Err(SeriesError::Ambiguous(_))));
    }

    #[test]
    fn rows_know_their_entity_with_and_without_a_map() {
        let mapped = only_collection(
            r#"[{"dimensions":["/api","SERVICE_METHOD-00000000000000AA"],
                 "dimensionMap":{"dt.entity.service_method":"SERVICE_METHOD-00000000000000AA",
                                 "dt.entity.service_method.name":"/api"},"values":[1]}]"#,
        );
        let nameless = only_collection(
            r#"[{"dimensions":["/api","SERVICE_METHOD-00000000000000AA"],
                 "dimensionMap":{"dt.entity.service_method":"SERVICE_METHOD-00000000000000AA"},"values":[1]}]"#,
        );
        let unmapped = only_collection(
            r#"[{"dimensions":["/api","SERVICE_METHOD-00000000000000AA",null],"values":[1]}]"#,
        );

        let expected = Row {
            ids: vec!["SERVICE_METHOD-00000000000000AA".into()],
            name: Some("/api".into()),
            value: Some(1.0),
        };
        for collection in [mapped, nameless, unmapped] {
            assert_eq!(collection.rows.unwrap(), std::slice::from_ref(&expected));
        }
    }

    #[test]
    fn warnings_of_the_answer_and_of_its_parts_are_kept_apart() {
        let answer = read(
            r#"{"warnings":["all"],"result":[
                {"metricId":"builtin:a.b:avg","data":[],"warnings":["one"],"dataPointCountRatio":"5.0E-8"}]}"#,
        );

        assert_eq!(answer.warnings, ["all"]);
        assert_eq!(answer.collections[0].warnings, ["one"]);
    }
}
