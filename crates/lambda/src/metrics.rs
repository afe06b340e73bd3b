//! CloudWatch metrics in the embedded format: one raw JSON line on stdout.

use std::io::Write as _;
use std::sync::OnceLock;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::settings::{self, SettingError, unusable};

/// The namespace of all metrics, unless another is set: stacks that share one
/// are counted together.
const NAMESPACE: &str = "Unbreakable";

static NAMED: OnceLock<String> = OnceLock::new();

/// The longest namespace.
const LONGEST_NAMESPACE: usize = 255;

/// The longest value of a dimension that CloudWatch takes from a log line.
const LONGEST_VALUE: usize = 250;

/// One line of metrics.
#[derive(Debug)]
pub struct Line<'a> {
    /// When it was measured.
    pub at: Timestamp,
    /// What the metrics are grouped by. They are counted without any group as
    /// well, so that one alarm can watch over all gates.
    pub dimensions: &'a [(&'static str, &'a str)],
    /// Names, units and values.
    pub metrics: &'a [(&'static str, Unit, f64)],
    /// Found in the line, but not grouped by.
    pub properties: &'a [(&'static str, &'a str)],
}

/// What a metric counts.
#[derive(Clone, Copy, Debug)]
pub enum Unit {
    /// Things.
    Count,
    /// Time.
    Milliseconds,
    /// Time, where only longer spans matter.
    Seconds,
}

/// Reads the namespace. A function that writes metrics calls this at start.
pub fn read_namespace() -> Result<(), SettingError> {
    const SETTING: &str = "METRICS_NAMESPACE";
    let Some(namespace) = settings::optional(SETTING) else {
        return Ok(());
    };
    if !is_namespace(&namespace) {
        return Err(unusable(
            SETTING,
            "it has letters, digits and `.-_/#:`, at most 255, and does not begin with `AWS/`",
        ));
    }
    NAMED.get_or_init(|| namespace);
    Ok(())
}

/// Whether CloudWatch takes it from us.
fn is_namespace(text: &str) -> bool {
    text.len() <= LONGEST_NAMESPACE
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || ".-_/#:".contains(c))
        && !text.starts_with("AWS/")
        && !text.starts_with(':')
}

/// Writes one line. A line that cannot be written is lost: metrics never fail
/// what they measure.
pub fn emit(line: &Line<'_>) {
    let mut text = render(line).to_string();
    text.push('\n');
    let _ = std::io::stdout().lock().write_all(text.as_bytes());
}

fn render(line: &Line<'_>) -> Value {
    let metrics: Vec<Value> = line
        .metrics
        .iter()
        .map(|(name, unit, _)| json!({"Name": name, "Unit": format!("{unit:?}")}))
        .collect();
    let dimensions: Vec<(&str, String)> = line
        .dimensions
        .iter()
        .filter_map(|(name, value)| Some((*name, dimension_value(value)?)))
        .collect();
    let grouped: Vec<&str> = dimensions.iter().map(|(name, _)| *name).collect();
    let mut sets = vec![Vec::new()];
    if !grouped.is_empty() {
        sets.push(grouped);
    }
    let mut fields = Map::new();
    fields.insert(
        "_aws".to_owned(),
        json!({
            "Timestamp": line.at.as_millisecond(),
            "CloudWatchMetrics": [{
                "Namespace": NAMED.get().map_or(NAMESPACE, String::as_str),
                "Dimensions": sets,
                "Metrics": metrics,
            }],
        }),
    );
    for (name, value) in line.properties {
        fields.insert((*name).to_owned(), json!(value));
    }
    for (name, value) in dimensions {
        fields.insert(name.to_owned(), json!(value));
    }
    for (name, _, value) in line.metrics {
        fields.insert((*name).to_owned(), json!(value));
    }
    Value::Object(fields)
}

/// The value as CloudWatch takes it, if anything is left of it: a line with one
/// value that it does not take loses all of its metrics.
fn dimension_value(value: &str) -> Option<String> {
    let value: String = value
        .trim()
        .chars()
        .take(LONGEST_VALUE)
        .map(|c| match c {
            ' '..='~' => c,
            _ => '?',
        })
        .collect();
    (!value.is_empty()).then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn held(dimensions: &[(&'static str, &str)]) -> Value {
        render(&Line {
            at: Timestamp::from_second(1).unwrap(),
            dimensions,
            metrics: &[("Held", Unit::Count, 1.0)],
            properties: &[("validation", "v-1")],
        })
    }

    #[test]
    fn line_declares_what_it_carries() {
        let line = held(&[("Pipeline", "Sample")]);

        let declared = &line["_aws"]["CloudWatchMetrics"][0];
        assert_eq!(
            declared["Metrics"],
            json!([{"Name": "Held", "Unit": "Count"}])
        );
        assert_eq!(line["Pipeline"], "Sample");
        assert_eq!(line["Held"], 1.0);
        assert_eq!(line["validation"], "v-1");
    }

    #[test]
    fn metrics_are_counted_for_each_gate_and_for_all_gates() {
        let line = held(&[("Pipeline", "Sample"), ("Comparison", "Nightly")]);

        let declared = &line["_aws"]["CloudWatchMetrics"][0];
        assert_eq!(
            declared["Dimensions"],
            json!([[], ["Pipeline", "Comparison"]])
        );
    }

    #[test]
    fn dimension_values_are_what_cloudwatch_takes() {
        let line = held(&[
            ("Pipeline", "Z\u{fc}rich\tWest"),
            ("Comparison", &"\u{e4}x".repeat(200)),
        ]);

        assert_eq!(line["Pipeline"], "Z?rich?West");
        assert_eq!(line["Comparison"], "?x".repeat(125));
    }

    #[test]
    fn namespaces_are_what_cloudwatch_takes() {
        for namespace in ["Unbreakable", "shop-eu", "team/gate#1"] {
            assert!(is_namespace(namespace), "{namespace}");
        }
        let long = "x".repeat(256);
        for namespace in ["AWS/Lambda", ":shop", "Z\u{fc}rich", "two words", &long] {
            assert!(!is_namespace(namespace), "{namespace}");
        }
    }

    #[test]
    fn dimension_without_a_value_is_left_out() {
        let one = held(&[("Pipeline", "Sample"), ("Comparison", " ")]);
        let none = held(&[("Pipeline", "")]);

        let sets = |line: &Value| line["_aws"]["CloudWatchMetrics"][0]["Dimensions"].clone();
        assert_eq!(sets(&one), json!([[], ["Pipeline"]]));
        assert_eq!(one.get("Comparison"), None);
        assert_eq!(sets(&none), json!([[]]));
        assert_eq!(none.get("Pipeline"), None);
    }
}
