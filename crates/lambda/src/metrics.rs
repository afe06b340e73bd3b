//! CloudWatch metrics in the embedded format: one raw JSON line on stdout.

use std::io::Write as _;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

/// The namespace of all metrics.
pub const NAMESPACE: &str = "Unbreakable";

/// One line of metrics.
#[derive(Debug)]
pub struct Line<'a> {
    /// When it was measured.
    pub at: Timestamp,
    /// What the metrics are grouped by.
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
    let dimensions: Vec<&str> = line.dimensions.iter().map(|(name, _)| *name).collect();
    let mut fields = Map::new();
    fields.insert(
        "_aws".to_owned(),
        json!({
            "Timestamp": line.at.as_millisecond(),
            "CloudWatchMetrics": [{
                "Namespace": NAMESPACE,
                "Dimensions": [dimensions],
                "Metrics": metrics,
            }],
        }),
    );
    for (name, value) in line.dimensions.iter().chain(line.properties) {
        fields.insert((*name).to_owned(), json!(value));
    }
    for (name, _, value) in line.metrics {
        fields.insert((*name).to_owned(), json!(value));
    }
    Value::Object(fields)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_declares_what_it_carries() {
        let line = render(&Line {
            at: Timestamp::from_second(1).unwrap(),
            dimensions: &[("Pipeline", "Sample")],
            metrics: &[("Held", Unit::Count, 1.0)],
            properties: &[("validation", "v-1")],
        });

        let declared = &line["_aws"]["CloudWatchMetrics"][0];
        assert_eq!(declared["Dimensions"], json!([["Pipeline"]]));
        assert_eq!(
            declared["Metrics"],
            json!([{"Name": "Held", "Unit": "Count"}])
        );
        assert_eq!(line["Pipeline"], "Sample");
        assert_eq!(line["Held"], 1.0);
        assert_eq!(line["validation"], "v-1");
    }
}
