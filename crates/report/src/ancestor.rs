//! The JSON that the report of 2018 gave, for whoever reads it already.

use std::collections::BTreeMap;

use jiff::Timestamp;
use monspec::{BoundSide, Outcome};
use release::plot::Plotted;
use serde::Serialize;

use crate::records::History;

/// An array with one object per signature, whose one key is the name of the
/// signature. Builds without a verdict are left out; a number that does not
/// exist is null, where it was 0 in 2018.
pub fn history(history: &History<'_>) -> String {
    let mut series: Vec<Signature<'_>> = Vec::new();
    let mut places: BTreeMap<&str, usize> = BTreeMap::new();
    for build in history.builds {
        // The validation became ready when its window had ended.
        let at = build.validation.registration.window.end;
        for plotted in &build.plot {
            let place = *places.entry(&plotted.name).or_insert_with(|| {
                series.push(Signature::new(&plotted.name, history));
                series.len() - 1
            });
            series[place].push(at, plotted);
        }
    }
    let objects: Vec<BTreeMap<&str, [Series; 4]>> = series
        .into_iter()
        .map(|signature| BTreeMap::from([(signature.name, signature.series)]))
        .collect();
    serde_json::to_string(&objects).expect("the keys are texts")
}

struct Signature<'a> {
    name: &'a str,
    series: [Series; 4],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Series {
    name: String,
    data: Vec<(String, Option<f64>)>,
    y_axis: u8,
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    dash_style: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    color: Option<&'static str>,
}

impl<'a> Signature<'a> {
    fn new(name: &'a str, history: &History<'_>) -> Self {
        let (source, compare) = environments(name, history);
        let line = |name: String| Series {
            name,
            data: Vec::new(),
            y_axis: 0,
            kind: "spline",
            dash_style: None,
            color: None,
        };
        let series = [
            line(format!("S: {source}")),
            line(format!("C: {compare}")),
            Series {
                dash_style: Some("shortdot"),
                color: Some("#00FF00"),
                ..line("Threshold".to_owned())
            },
            Series {
                y_axis: 1,
                kind: "column",
                color: Some("#FF0000"),
                ..line("Violation".to_owned())
            },
        ];
        Self { name, series }
    }

    fn push(&mut self, at: Timestamp, plotted: &Plotted) {
        let violation = match plotted.outcome {
            Outcome::Violated => 1.0,
            Outcome::Held | Outcome::Inconclusive => 0.0,
        };
        let numbers = [
            plotted.observation.map(two_digits),
            plotted.baseline.map(two_digits),
            threshold(self.name, plotted).map(two_digits),
            Some(violation),
        ];
        let at = format!("{at:.3}");
        for (series, number) in self.series.iter_mut().zip(numbers) {
            series.data.push((at.clone(), number));
        }
    }
}

/// The one limit that fits into the shape: that of the validated side, else
/// the other.
fn threshold(name: &str, plotted: &Plotted) -> Option<f64> {
    let lower = name.ends_with(&format!(",{})", BoundSide::Lower.as_str().to_uppercase()));
    if lower {
        plotted.lower_limit.or(plotted.upper_limit)
    } else {
        plotted.upper_limit.or(plotted.lower_limit)
    }
}

/// Which environments a signature compares, by the service entry in its name.
fn environments<'a>(name: &str, history: &'a History<'_>) -> (&'a str, &'a str) {
    let is_of = |entry: &&String| {
        name.strip_prefix(entry.as_str())
            .is_some_and(|rest| rest.starts_with(' '))
    };
    let compared = history.compared().iter();
    let entries =
        compared.flat_map(|one| one.entries.iter().filter(is_of).map(move |id| (id, one)));
    match entries.max_by_key(|(entry, _)| entry.len()) {
        Some((_, one)) => (&one.source, one.compare.as_deref().unwrap_or("none")),
        None => ("source", "compare"),
    }
}

fn two_digits(number: f64) -> f64 {
    let rounded = (number * 100.0).round() / 100.0;
    // Far beyond any metric the digits are not there to be rounded.
    if rounded.is_finite() { rounded } else { number }
}
