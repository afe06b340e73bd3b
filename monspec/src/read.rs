//! Reads a monspec leniently and reports all messages in one pass.

mod aggregate;
mod bounds;
mod comparison;
mod dialect;
mod entry;
mod factors;
mod limits;
mod relationship;
pub(crate) mod shape;
mod shift;
mod signature;

use lint::{Message, Node, Path, Place, Report, Value, parse, without_byte_order_mark};

use crate::metrics::MetricCatalogue;
use crate::spec::{Monspec, ServiceEntry};
use dialect::Dialect;

/// The result of reading a file.
#[derive(Debug, Clone, PartialEq)]
pub struct Reading {
    /// All messages, in the order of the file.
    pub messages: Vec<Message>,
    /// The spec; there exactly when no message is an error.
    pub spec: Option<Monspec>,
}

/// Reads a monspec. `metrics` looks up every v1 metric of the file.
pub fn read(source: &str, metrics: MetricCatalogue) -> Reading {
    let text = without_byte_order_mark(source);
    let mut report = Report::new(text);
    let entries = entries_of(text, metrics, &mut report);

    let reported = report.finish();
    let spec = entries
        .filter(|_| !reported.refused)
        .map(|entries| Monspec { entries });
    Reading {
        messages: reported.messages,
        spec,
    }
}

/// Whether a top-level field is a service entry and not a comment or an editor's schema link.
pub(crate) fn is_entry_key(key: &str) -> bool {
    !key.starts_with('_') && key != "$schema"
}

fn entries_of(
    text: &str,
    metrics: MetricCatalogue,
    report: &mut Report<'_>,
) -> Option<Vec<ServiceEntry>> {
    let top = Place::new(0, Path::root());
    if let Some(dialect) = Dialect::of_text(text) {
        dialect.tell(&top, report);
        return None;
    }
    let root = parse(text, report)?;
    match Dialect::of(&root) {
        Some(dialect) => {
            dialect.tell(&top, report);
            None
        }
        None => Some(entries(&root, metrics, report)),
    }
}

fn entries(root: &Node, metrics: MetricCatalogue, report: &mut Report<'_>) -> Vec<ServiceEntry> {
    let top = Place::new(root.offset, Path::root());
    let Value::Object(members) = &root.value else {
        let kind = root.value.kind();
        report.error(
            &top,
            format!("a monspec is an object of service entries, this is {kind}"),
            "write `{ \"<your service>\": { … } }`",
        );
        return Vec::new();
    };
    let declared: Vec<_> = members
        .iter()
        .filter(|member| is_entry_key(&member.key))
        .collect();
    if declared.is_empty() {
        report.error(
            &top,
            "the file declares no service entry",
            "add an entry: `\"<your service>\": { \"etype\": \"SERVICE\", … }`",
        );
    }
    declared
        .into_iter()
        .filter_map(|member| entry::read_entry(member, metrics, report))
        .collect()
}

#[cfg(test)]
mod laws;
#[cfg(test)]
mod tests;
