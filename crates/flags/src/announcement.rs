//! What the tenant is told of a change: a configuration event, with the names of
//! properties that people query by.

use jiff::Timestamp;

use crate::audit::Entry;
use crate::declaration::{Declaration, Entities};

/// An event of the type `CUSTOM_CONFIGURATION`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Announcement {
    /// Its title.
    pub title: String,
    /// Where it belongs.
    pub entities: Option<Entities>,
    /// When it began and ended.
    pub at: Timestamp,
    /// Its properties by name. `change.id` and `change.version` together are the
    /// marker by which it is found again.
    pub properties: Vec<(&'static str, String)>,
}

/// What the tenant is told of an entry; nothing, if it is told nothing.
pub fn announcement(entry: &Entry, flag: &Declaration) -> Option<Announcement> {
    let record = &entry.record;
    if !record.cause.is_announced() {
        return None;
    }
    let why = match (record.why.as_str(), &record.batch) {
        ("", None) => "Not specified",
        ("", Some(_)) => "Bulk update",
        (why, _) => why,
    };
    let kind = if record.batch.is_some() {
        "bulk_feature_flag_toggle"
    } else {
        "feature_flag_toggle"
    };
    let relevant = record.cause.competes() && !flag.harmless;
    let mut properties = vec![
        ("feature.flag", record.flag.clone()),
        ("previous.value", record.before.to_string()),
        ("new.value", record.after.to_string()),
        ("change.reason", why.to_owned()),
        ("triggered.by", record.triggered_by.clone()),
        (
            "problem.id",
            record.problem.clone().unwrap_or_else(|| "N/A".to_owned()),
        ),
        ("remediation.type", kind.to_owned()),
        ("application", record.set.clone()),
        ("flag.set", record.set.clone()),
        ("change.id", record.change.clone()),
        ("change.version", record.version.to_string()),
        ("change.cause", record.cause.word().to_owned()),
        ("change.by", record.by.name.clone()),
        ("dt.event.is_rootcause_relevant", relevant.to_string()),
    ];
    properties.extend(record.ends.map(|ends| ("change.expires", ends.to_string())));
    properties.extend(record.batch.clone().map(|batch| ("change.batch", batch)));
    Some(Announcement {
        title: format!("Feature Flag Changed: {}", record.flag),
        entities: flag.touches.clone(),
        at: record.at,
        properties,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::{Cause, Record};
    use crate::state::{Author, AuthorKind};
    use crate::step::percent;
    use crate::value::Value;

    fn entry(cause: Cause, why: &str, batch: Option<&str>) -> Entry {
        let record = Record {
            set: "prod".to_owned(),
            flag: "percent".to_owned(),
            version: 7,
            at: Timestamp::from_second(1_700_000_000).unwrap(),
            cause,
            before: Value::Integer(5),
            after: Value::Integer(50),
            ends: None,
            change: "c7".to_owned(),
            batch: batch.map(str::to_owned),
            by: Author {
                name: "ann".to_owned(),
                kind: AuthorKind::Person,
            },
            why: why.to_owned(),
            triggered_by: "manual".to_owned(),
            problem: None,
        };
        Entry::seal(record, None)
    }

    fn property(entry: &Entry, flag: &Declaration, name: &str) -> String {
        let announcement = announcement(entry, flag).unwrap();
        let found = announcement
            .properties
            .into_iter()
            .find(|(one, _)| *one == name);
        found.unwrap().1
    }

    #[test]
    fn properties_are_those_that_the_queries_of_the_guide_ask_for() {
        let told = announcement(&entry(Cause::Changed, "a test", None), &percent()).unwrap();
        assert_eq!(told.title, "Feature Flag Changed: percent");
        let text: Vec<String> = told
            .properties
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        assert_eq!(
            text,
            [
                "feature.flag=percent",
                "previous.value=5",
                "new.value=50",
                "change.reason=a test",
                "triggered.by=manual",
                "problem.id=N/A",
                "remediation.type=feature_flag_toggle",
                "application=prod",
                "flag.set=prod",
                "change.id=c7",
                "change.version=7",
                "change.cause=changed",
                "change.by=ann",
                "dt.event.is_rootcause_relevant=true",
            ]
        );
    }

    #[test]
    fn reasons_that_nobody_gave_are_those_of_the_guide() {
        let reason = |batch| {
            property(
                &entry(Cause::Changed, "", batch),
                &percent(),
                "change.reason",
            )
        };
        assert_eq!(reason(None), "Not specified");
        assert_eq!(reason(Some("b1")), "Bulk update");
        let kind = property(
            &entry(Cause::Changed, "", Some("b1")),
            &percent(),
            "remediation.type",
        );
        assert_eq!(kind, "bulk_feature_flag_toggle");
    }

    #[test]
    fn what_is_given_back_and_what_is_harmless_causes_no_problem() {
        let relevant = |cause, flag: &Declaration| {
            property(
                &entry(cause, "", None),
                flag,
                "dt.event.is_rootcause_relevant",
            )
        };
        let mut flag = percent();
        assert_eq!(relevant(Cause::GivenBack, &flag), "false");
        assert_eq!(relevant(Cause::Leased, &flag), "true");
        flag.harmless = true;
        assert_eq!(relevant(Cause::Leased, &flag), "false");
        assert_eq!(announcement(&entry(Cause::Joined, "", None), &flag), None);
    }
}
