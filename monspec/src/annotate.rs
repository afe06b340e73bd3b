//! Writes findings back into a monspec the way the 2018 format did.

use std::collections::BTreeMap;

use lint::tree;
use serde_json::{Map, Value, json};

use crate::judge::{Finding, Outcome, Verdict, verdict};
use crate::read::is_entry_key;
use crate::read::shape::{ENTRY, METHOD, SIGNATURE};

/// The entities that were found, by service entry and environment.
pub type Entities = BTreeMap<String, BTreeMap<String, Vec<String>>>;

/// Why a spec could not be annotated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AnnotateError {
    /// The source is not a file that `read` would accept.
    #[error("the monspec cannot be annotated because it cannot be read")]
    Unreadable,
}

/// Writes the findings of a comparison into the spec they were judged by.
///
/// The output is strict JSON, so programs for the 2018 result files can read
/// it; comments in `//` are lost, fields that begin with `_` stay. It reads back
/// as the same spec. Annotations of an earlier run are replaced.
pub fn annotate(
    source: &str,
    comparison: &str,
    findings: &[Finding],
    entities: &Entities,
) -> Result<String, AnnotateError> {
    let root = tree(source).ok_or(AnnotateError::Unreadable)?;
    let Value::Object(mut file) = plain(root.value) else {
        return Err(AnnotateError::Unreadable);
    };

    file.insert("_resolved_comparison".into(), comparison.into());
    for (key, entry) in file.iter_mut().filter(|(key, _)| is_entry_key(key)) {
        let Value::Object(entry) = entry else {
            return Err(AnnotateError::Unreadable);
        };
        let findings: Vec<_> = findings
            .iter()
            .filter(|one| one.address.service == *key)
            .collect();
        clear(entry);
        if let Some(environments) = entities.get(key) {
            entry.insert("_resolved_entities".into(), json!(environments));
        }
        annotate_entry(entry, &findings);
    }
    let text = serde_json::to_string_pretty(&file).expect("a map with text keys is always JSON");
    Ok(text + "\n")
}

fn annotate_entry(entry: &mut Map<String, Value>, findings: &[&Finding]) {
    let of_method = |method: Option<&str>| -> Vec<&Finding> {
        let same = |finding: &&&Finding| finding.address.method.as_deref() == method;
        findings.iter().filter(same).copied().collect()
    };
    annotate_signatures(entry, &of_method(None));
    for method in objects(entry.get_mut("servicemethods")) {
        let name = method
            .get("name")
            .and_then(Value::as_str)
            .map(str::to_owned);
        annotate_signatures(method, &of_method(name.as_deref()));
    }
    if !findings.is_empty() {
        let findings: Vec<Finding> = findings.iter().copied().cloned().collect();
        entry.insert("status".into(), status_of_entry(verdict(&findings)).into());
    }
}

fn annotate_signatures(owner: &mut Map<String, Value>, findings: &[&Finding]) {
    for (index, signature) in objects(owner.get_mut("perfsignature")).enumerate() {
        if let Some(finding) = findings.iter().find(|one| one.address.signature == index) {
            annotate_signature(signature, finding);
        }
    }
}

fn annotate_signature(signature: &mut Map<String, Value>, finding: &Finding) {
    signature.insert("actualSourceValue".into(), json!(finding.observation));
    signature.insert("actualCompareValue".into(), json!(finding.baseline));
    if let Some(limit) = finding.upper_limit {
        signature.insert("actualUpperLimit".into(), json!(limit));
    }
    if let Some(limit) = finding.lower_limit {
        signature.insert("actualLowerLimit".into(), json!(limit));
    }
    signature.insert("status".into(), status_of_signature(finding.outcome).into());
}

/// Removes what an earlier run wrote.
fn clear(entry: &mut Map<String, Value>) {
    let remove = |object: &mut Map<String, Value>, annotations: &[&str]| {
        object.retain(|key, _| !annotations.contains(&key.as_str()));
    };
    entry.retain(|key, _| key != "_resolved_entities");
    remove(entry, ENTRY.annotations);
    objects(entry.get_mut("perfsignature"))
        .for_each(|signature| remove(signature, SIGNATURE.annotations));
    for method in objects(entry.get_mut("servicemethods")) {
        remove(method, METHOD.annotations);
        objects(method.get_mut("perfsignature"))
            .for_each(|signature| remove(signature, SIGNATURE.annotations));
    }
}

fn status_of_entry(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Passed => "ok",
        Verdict::Failed => "violation",
        Verdict::Inconclusive => "inconclusive",
    }
}

fn status_of_signature(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Held => "ok",
        Outcome::Violated => "violation",
        Outcome::Inconclusive => "inconclusive",
    }
}

fn objects(list: Option<&mut Value>) -> impl Iterator<Item = &mut Map<String, Value>> {
    list.and_then(Value::as_array_mut)
        .into_iter()
        .flatten()
        .filter_map(Value::as_object_mut)
}

/// The value without its places.
fn plain(value: lint::Value) -> Value {
    match value {
        lint::Value::Null => Value::Null,
        lint::Value::Bool(value) => value.into(),
        lint::Value::Number(number) => plain_number(number),
        lint::Value::Text(text) => text.into(),
        lint::Value::List(nodes) => nodes.into_iter().map(|node| plain(node.value)).collect(),
        lint::Value::Object(members) => members
            .into_iter()
            .map(|member| (member.key, plain(member.node.value)))
            .collect::<Map<_, _>>()
            .into(),
    }
}

/// Whole numbers stay whole in the text: `15` does not become `15.0`.
fn plain_number(number: f64) -> Value {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    if number.fract() == 0.0 && number.abs() < EXACT {
        #[expect(
            clippy::cast_possible_truncation,
            reason = "whole and exactly representable"
        )]
        let whole = number as i64;
        whole.into()
    } else {
        number.into()
    }
}

#[cfg(test)]
mod tests;
