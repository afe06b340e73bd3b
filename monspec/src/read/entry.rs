//! Reads one service entry.

use std::collections::{BTreeMap, HashSet};

use lint::{Cursor, Fields, Member, Path, Place, Report, shortened};

use super::bounds::{check_name, check_tag};
use super::comparison::read_comparisons;
use super::limits::{UsedMetrics, check_factors, check_scaled_limits};
use super::shape::{ENTRY, ENVIRONMENT, METHOD, TAG};
use super::signature::read_signature;
use crate::metrics::MetricCatalogue;
use crate::signature::Signature;
use crate::spec::{EntityType, Environment, ServiceEntry, ServiceMethod, Tag};

/// Reads the entry; `None` if too much is missing.
pub(super) fn read_entry(
    member: &Member,
    metrics: MetricCatalogue,
    report: &mut Report<'_>,
) -> Option<ServiceEntry> {
    let top = Place::new(0, Path::root());
    let fields = Cursor::new(&member.node, &top, &member.key).object(ENTRY, report)?;

    let errors_before = report.errors();
    check_name(
        &member.key,
        &Place::new(member.offset, fields.place.path.clone()),
        report,
    );
    let etype = fields
        .required("etype", report)
        .and_then(|etype| etype.choice(&EntityType::ALL, EntityType::as_str, report));
    let name = fields.text("name", check_name, report);
    let owner = fields.text("owner", check_name, report);
    let (declared, environments) = read_environments(&fields, report);
    let comparisons = read_comparisons(&fields.list("comparisons", report), &declared, report);
    let signatures = read_signatures(&fields, etype, metrics, report);
    let methods = read_methods(&fields, etype, metrics, report);

    let of_methods = methods.iter().flat_map(|method| &method.signatures);
    let used = UsedMetrics::of(signatures.iter().chain(of_methods));
    for comparison in &comparisons {
        check_factors(comparison, &used, metrics, report);
        check_scaled_limits(comparison, &used, report);
    }
    // The missing signature may be in the broken part.
    let nothing_to_judge = used.is_empty() && report.errors() == errors_before;
    if let (true, Some(place)) = (nothing_to_judge, fields.key("comparisons")) {
        report.warning(
            &place,
            "there are comparisons but no signature, so there is nothing to judge",
            "add `perfsignature` with at least one metric",
        );
    }

    Some(ServiceEntry {
        id: member.key.clone(),
        etype: etype?,
        name,
        owner,
        environments,
        comparisons: comparisons
            .into_iter()
            .map(|placed| placed.comparison)
            .collect(),
        signatures,
        methods,
    })
}

/// The names that are declared, and the environments that could be read: a
/// broken environment is no reason to call the comparisons that name it wrong.
fn read_environments<'a>(
    fields: &Fields<'a>,
    report: &mut Report<'_>,
) -> (Vec<&'a str>, BTreeMap<String, Environment>) {
    let Some(environments) = fields.required("environments", report) else {
        return (Vec::new(), BTreeMap::new());
    };
    let Some(entries) = environments.entries(report) else {
        return (Vec::new(), BTreeMap::new());
    };
    if entries.is_empty() {
        report.error(
            &environments.place,
            "no environment is declared",
            "add one: `\"Staging\": { \"tags\": [ … ] }`",
        );
    }
    for (name, key, _) in &entries {
        check_name(name, key, report);
    }
    let names = entries.iter().map(|(name, ..)| *name).collect();
    let read = entries
        .into_iter()
        .filter_map(|(name, _, cursor)| Some((name.to_owned(), read_environment(&cursor, report)?)))
        .collect();
    (names, read)
}

fn read_environment(cursor: &Cursor<'_>, report: &mut Report<'_>) -> Option<Environment> {
    let list = cursor
        .object(ENVIRONMENT, report)?
        .required("tags", report)?;
    let elements = list.list(report)?;
    if elements.is_empty() {
        report.error(
            &list.place,
            "without a tag the environment would be every entity there is",
            "add the tag that the entities of this environment carry",
        );
    }
    let tags = elements
        .iter()
        .filter_map(|element| read_tag(element, report))
        .collect();
    Some(Environment { tags })
}

fn read_tag(cursor: &Cursor<'_>, report: &mut Report<'_>) -> Option<Tag> {
    let fields = cursor.object(TAG, report)?;
    let context = fields
        .text("context", check_tag, report)
        .filter(|context| context != "CONTEXTLESS");
    let value = fields.text("value", check_tag, report);
    let key = fields.required_text("key", check_tag, report)?.to_owned();
    Some(Tag {
        context,
        key,
        value,
    })
}

fn read_signatures(
    fields: &Fields<'_>,
    etype: Option<EntityType>,
    metrics: MetricCatalogue,
    report: &mut Report<'_>,
) -> Vec<Signature> {
    let list = fields.list("perfsignature", report);
    list.iter()
        .filter_map(|cursor| read_signature(cursor, etype, metrics, report))
        .collect()
}

fn read_methods(
    fields: &Fields<'_>,
    etype: Option<EntityType>,
    metrics: MetricCatalogue,
    report: &mut Report<'_>,
) -> Vec<ServiceMethod> {
    let mut names = HashSet::new();
    let mut methods = Vec::new();
    for cursor in fields.list("servicemethods", report) {
        let Some(fields) = cursor.object(METHOD, report) else {
            continue;
        };
        let name = fields.required_text("name", check_name, report);
        if name.is_some_and(|name| !names.insert(name)) {
            let name = shortened(name.unwrap_or_default());
            report.error(
                &cursor.place,
                format!("the method `{name}` is listed twice"),
                "put all signatures of a method into one place",
            );
        }
        fields.required("perfsignature", report);
        let signatures = read_signatures(&fields, etype, metrics, report);
        methods.extend(name.map(|name| ServiceMethod {
            name: name.to_owned(),
            signatures,
        }));
    }
    methods
}
