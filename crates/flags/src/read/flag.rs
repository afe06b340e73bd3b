//! Reads one flag.

use std::collections::BTreeMap;

use jiff::SignedDuration;
use lint::{Cursor, Fields, Place, Report, Value as Node, shortened};

use super::audience::{PlacedShare, read_audience};
use super::name::{check_name, check_text};
use super::shape::{ENTITIES, FLAG, LEASE, RATE, TAG};
use crate::bounds::Bounds;
use crate::declaration::{Declaration, Entities, EventPolicy, Leases, RateLimit, Tag};
use crate::value::{Kind, Value};

/// The longest time that is asked for anywhere, in days.
const LONGEST_DAYS: i64 = 366;

/// The most changes that a limit allows: as many as are remembered of a flag.
const MOST_CHANGES: f64 = 20.0;

/// Reads the flag, and where it says that another flag is its share; `None` when
/// so much is missing that there is no flag to speak of.
pub(super) fn read_flag(
    name: &str,
    cursor: &Cursor<'_>,
    report: &mut Report<'_>,
) -> Option<(Declaration, Option<PlacedShare>)> {
    let fields = cursor.object(FLAG, report)?;
    let kind = fields
        .required("type", report)
        .and_then(|kind| kind.choice(&Kind::ALL, Kind::as_str, report));
    let default = fields.required("default", report);
    let description = fields.text("description", check_text, report);
    let public = is_set(&fields, "public", report);
    let harmless = is_set(&fields, "harmless", report);
    let disabled = is_set(&fields, "disabled", report);
    let events = fields.choice("events", &EventPolicy::ALL, EventPolicy::as_str, report);
    let touches = fields
        .get("touches")
        .and_then(|cursor| read_entities(&cursor, report));
    if events == EventPolicy::Require
        && let (None, Some(cursor)) = (fields.get("touches"), fields.get("events"))
    {
        report.error(
            &cursor.place,
            "an event is required that belongs to no entity",
            "say what the flag touches",
        );
    }
    let rate = read_rate(&fields, report);
    let lease = read_leases(&fields, report);

    let kind = kind?;
    let bounds = read_bounds(&fields, kind, report);
    let default = read_value(&default?, kind, &bounds, report);
    let off_value = fields
        .get("offValue")
        .and_then(|cursor| read_value(&cursor, kind, &bounds, report));
    let variants = read_variants(&fields, kind, &bounds, report);
    let (audience, share) = read_audience(&fields, &variants, report);
    let default = default?;
    let off = disabled.then(|| off_value.unwrap_or_else(|| default.clone()));
    let flag = Declaration {
        name: name.to_owned(),
        kind,
        default,
        description,
        bounds,
        variants,
        audience,
        off,
        touches,
        public,
        harmless,
        events,
        rate,
        lease,
    };
    Some((flag, share))
}

/// Reads a value of a flag.
pub(super) fn read_value(
    cursor: &Cursor<'_>,
    kind: Kind,
    bounds: &Bounds,
    report: &mut Report<'_>,
) -> Option<Value> {
    let value = match kind.value(&cursor.value().json()) {
        Ok(value) => value,
        Err(why) => {
            report.error(
                &cursor.place,
                why.to_string(),
                "write a value of the type of the flag",
            );
            return None;
        }
    };
    if let Err(why) = bounds.admit(&value) {
        report.error(
            &cursor.place,
            shortened(&why.to_string()),
            "choose another value, or change the bounds of the flag",
        );
    }
    Some(value)
}

fn read_bounds(fields: &Fields<'_>, kind: Kind, report: &mut Report<'_>) -> Bounds {
    for bound in ["min", "max"] {
        if let (false, Some(place)) = (kind.is_numeric(), fields.key(bound)) {
            report.error(
                &place,
                format!("a {kind} has no least and no largest value"),
                "remove the bound, or list the values in `allowed`",
            );
        }
    }
    let bounds = Bounds {
        min: fields.number("min", report),
        max: fields.number("max", report),
        allowed: Vec::new(),
    };
    if let (Some(min), Some(max), Some(place)) = (bounds.min, bounds.max, fields.key("min"))
        && max < min
    {
        report.error(
            &place,
            format!("no value is at least {min} and at most {max}"),
            "swap `min` and `max`",
        );
    }
    let allowed: Vec<Value> = fields
        .list("allowed", report)
        .iter()
        .filter_map(|cursor| read_value(cursor, kind, &bounds, report))
        .collect();
    if let (true, Some(cursor)) = (allowed.is_empty(), fields.get("allowed")) {
        report.error(
            &cursor.place,
            "no value is allowed",
            "list the values, or remove the field",
        );
    }
    Bounds { allowed, ..bounds }
}

fn read_variants(
    fields: &Fields<'_>,
    kind: Kind,
    bounds: &Bounds,
    report: &mut Report<'_>,
) -> BTreeMap<String, Value> {
    let Some(cursor) = fields.get("variants") else {
        // What everybody calls the two.
        let two = [("on", true), ("off", false)];
        let two = two.map(|(name, value)| (name.to_owned(), Value::Boolean(value)));
        return BTreeMap::from(two)
            .into_iter()
            .filter(|_| kind == Kind::Boolean)
            .collect();
    };
    let mut variants = BTreeMap::new();
    for (name, key, value) in cursor.entries(report).unwrap_or_default() {
        check_name(name, &key, report);
        if matches!(name, "default" | "current") {
            report.error(
                &key,
                "this name stands for the value that nobody named",
                "call the variant something else",
            );
        }
        variants.extend(Some(name.to_owned()).zip(read_value(&value, kind, bounds, report)));
    }
    variants
}

fn read_entities(cursor: &Cursor<'_>, report: &mut Report<'_>) -> Option<Entities> {
    let fields = cursor.object(ENTITIES, report)?;
    let etype = fields.required_text("etype", check_entity_type, report);
    let tags: Vec<Tag> = fields
        .list("tags", report)
        .iter()
        .filter_map(|cursor| read_tag(cursor, report))
        .collect();
    if let (true, Some(place)) = (tags.is_empty(), fields.key("etype")) {
        report.warning(
            &place,
            "without a tag the flag touches every entity of this type",
            "add the tag that the entities carry: `\"tags\": [{ \"key\": … }]`",
        );
    }
    Some(Entities {
        etype: etype?.to_owned(),
        tags,
    })
}

fn read_tag(cursor: &Cursor<'_>, report: &mut Report<'_>) -> Option<Tag> {
    let fields = cursor.object(TAG, report)?;
    let context = fields
        .text("context", check_name, report)
        .filter(|context| context != "CONTEXTLESS");
    let value = fields.text("value", check_name, report);
    let key = fields.required_text("key", check_name, report)?.to_owned();
    Some(Tag {
        context,
        key,
        value,
    })
}

fn read_rate(fields: &Fields<'_>, report: &mut Report<'_>) -> RateLimit {
    let defaults = RateLimit::default();
    let Some(fields) = fields
        .get("rateLimit")
        .and_then(|cursor| cursor.object(RATE, report))
    else {
        return defaults;
    };
    let changes = fields.number("changes", report).and_then(|changes| {
        if changes.fract() != 0.0 || !(1.0..=MOST_CHANGES).contains(&changes) {
            report.error(
                &fields.get("changes")?.place,
                format!("a limit is a whole number from 1 to {MOST_CHANGES}"),
                "write how many changes are allowed",
            );
            return None;
        }
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "it is between 1 and 20"
        )]
        let changes = changes as usize;
        Some(changes)
    });
    RateLimit {
        changes: changes.unwrap_or(defaults.changes),
        within: read_span(&fields, "within", report).unwrap_or(defaults.within),
    }
}

fn read_leases(fields: &Fields<'_>, report: &mut Report<'_>) -> Leases {
    let defaults = Leases::default();
    let Some(fields) = fields
        .get("lease")
        .and_then(|cursor| cursor.object(LEASE, report))
    else {
        return defaults;
    };
    let leases = Leases {
        default: read_span(&fields, "default", report),
        longest: read_span(&fields, "longest", report).unwrap_or(defaults.longest),
    };
    if let (Some(default), Some(place)) = (leases.default, fields.key("default"))
        && leases.longest < default
    {
        report.error(
            &place,
            "trials would last longer by default than they may at most",
            "shorten `default`, or extend `longest`",
        );
    }
    leases
}

/// A time such as `90s`, `30m` or `4h`.
fn read_span(fields: &Fields<'_>, name: &str, report: &mut Report<'_>) -> Option<SignedDuration> {
    let cursor = fields.get(name)?;
    let text = cursor.text(report)?;
    let span = text.parse::<SignedDuration>().ok();
    let longest = SignedDuration::from_hours(LONGEST_DAYS * 24);
    let span = span.filter(|span| (SignedDuration::from_secs(1)..=longest).contains(span));
    if span.is_none() {
        report.error(
            &cursor.place,
            format!(
                "`{}` is no time between a second and a year",
                shortened(text)
            ),
            "write `90s`, `30m` or `4h` for example",
        );
    }
    span
}

fn is_set(fields: &Fields<'_>, name: &str, report: &mut Report<'_>) -> bool {
    let Some(cursor) = fields.get(name) else {
        return false;
    };
    match cursor.value() {
        Node::Bool(set) => *set,
        other => {
            report.error(
                &cursor.place,
                format!("expected true or false, found {}", other.kind()),
                "write `true` or `false` without quotes",
            );
            false
        }
    }
}

fn check_entity_type(etype: &str, place: &Place, report: &mut Report<'_>) {
    let is_plain =
        |letter: char| letter.is_ascii_uppercase() || letter.is_ascii_digit() || letter == '_';
    if 60 < etype.len() || !etype.chars().all(is_plain) {
        report.error(
            place,
            format!("`{}` is no type of entity", shortened(etype)),
            "write it as Dynatrace does, `PROCESS_GROUP_INSTANCE` for example",
        );
    }
}
