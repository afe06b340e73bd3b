//! Reads a condition out of a file that a person wrote.

use jiff::SignedDuration;
use monspec::Tag;
use monspec::lint::{
    Cursor, Fields, Place, Report, Shape, check_length, check_visible, did_you_mean, nearest,
    shortened,
};

use super::{Category, Comparison, Condition, Metric, SERVICE, entity_type};

const fn shape(fields: &'static [&'static str]) -> Shape {
    Shape {
        fields,
        annotations: &[],
    }
}

pub(crate) const WHEN: Shape = shape(&[
    "category",
    "entityTypes",
    "minServices",
    "titleContains",
    "tags",
    "metric",
]);

pub(crate) const METRIC: Shape = shape(&["selector", "op", "value", "window", "entityType"]);

pub(crate) const TAG: Shape = shape(&["context", "key", "value"]);

/// The types of which problems are, for corrections.
const ENTITY_TYPES: [&str; 8] = [
    "SERVICE",
    "APPLICATION",
    "MOBILE_APPLICATION",
    "SYNTHETIC_TEST",
    "HOST",
    "PROCESS_GROUP",
    "PROCESS_GROUP_INSTANCE",
    "SERVICE_METHOD",
];

/// The longest time over which a number is asked for.
const LONGEST_WINDOW: SignedDuration = SignedDuration::from_hours(24);

/// The most services that may be asked for.
const MOST_SERVICES: f64 = 1_000.0;

/// Reads a condition; `None` when so much is missing that there is none to speak
/// of.
pub(crate) fn read_condition(cursor: &Cursor<'_>, report: &mut Report<'_>) -> Option<Condition> {
    let fields = cursor.object(WHEN, report)?;
    let errors = report.errors();
    let condition = Condition {
        category: fields
            .list("category", report)
            .iter()
            .filter_map(|one| read_category(one, report))
            .collect(),
        entity_types: fields
            .list("entityTypes", report)
            .iter()
            .filter_map(|one| read_entity_type(one, report))
            .collect(),
        min_services: read_count(&fields, "minServices", MOST_SERVICES, report),
        title_contains: fields.text("titleContains", check_text, report),
        tags: fields
            .list("tags", report)
            .iter()
            .filter_map(|one| read_tag(one, report))
            .collect(),
        metric: fields
            .get("metric")
            .and_then(|one| read_metric(&one, report)),
    };
    if condition.is_empty() && report.errors() == errors {
        report.error(
            &cursor.place,
            "every problem is like this",
            "say what the problem must be: `\"category\": [\"ERROR\"]` for example",
        );
    }
    Some(condition)
}

/// Reads a whole number of at least one.
pub(crate) fn read_count(
    fields: &Fields<'_>,
    name: &str,
    most: f64,
    report: &mut Report<'_>,
) -> Option<usize> {
    let cursor = fields.get(name)?;
    let number = cursor.number(report)?;
    if number.fract() != 0.0 || !(1.0..=most).contains(&number) {
        report.error(
            &cursor.place,
            format!("this is a whole number from 1 to {most}"),
            "write how many",
        );
        return None;
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "it is whole, and within bounds"
    )]
    let count = number as usize;
    Some(count)
}

fn read_category(cursor: &Cursor<'_>, report: &mut Report<'_>) -> Option<Category> {
    let text = cursor.text(report)?;
    let category = Category::named(text);
    if category.is_none() {
        report.error(
            &cursor.place,
            format!("`{}` is no category of problems", shortened(text)),
            did_you_mean(text, &Category::ALL.map(Category::as_str), "it can be"),
        );
    }
    category
}

fn read_entity_type(cursor: &Cursor<'_>, report: &mut Report<'_>) -> Option<String> {
    let text = cursor.text(report)?;
    let name = entity_type(text);
    let is_plain =
        |letter: char| letter.is_ascii_uppercase() || letter.is_ascii_digit() || letter == '_';
    if 60 < name.len() || !name.chars().all(is_plain) {
        report.error(
            &cursor.place,
            format!("`{}` is no type of entity", shortened(text)),
            did_you_mean(&name, &ENTITY_TYPES, "it can be"),
        );
        return None;
    }
    let near = nearest(&name, ENTITY_TYPES).filter(|near| *near != name);
    if let Some(near) = near.filter(|_| !ENTITY_TYPES.contains(&name.as_str())) {
        report.warning(
            &cursor.place,
            format!("problems are hardly about a `{name}`"),
            format!("did you mean `{near}`?"),
        );
    }
    Some(name)
}

fn read_tag(cursor: &Cursor<'_>, report: &mut Report<'_>) -> Option<Tag> {
    let fields = cursor.object(TAG, report)?;
    let context = fields
        .text("context", check_text, report)
        .filter(|context| context != "CONTEXTLESS");
    let value = fields.text("value", check_text, report);
    let key = fields.required_text("key", check_text, report)?.to_owned();
    Some(Tag {
        context,
        key,
        value,
    })
}

fn read_metric(cursor: &Cursor<'_>, report: &mut Report<'_>) -> Option<Metric> {
    let fields = cursor.object(METRIC, report)?;
    let selector = fields.required_text("selector", check_selector, report);
    let op = fields
        .required("op", report)
        .and_then(|op| op.choice(&Comparison::ALL, Comparison::as_str, report));
    let value = fields
        .required("value", report)
        .and_then(|value| value.number(report));
    let entity_type = match fields.get("entityType") {
        Some(cursor) => read_entity_type(&cursor, report),
        None => Some(SERVICE.to_owned()),
    };
    let window = fields
        .required("window", report)
        .and_then(|window| read_span(&window, LONGEST_WINDOW, report));
    Some(Metric {
        selector: selector?.to_owned(),
        op: op?,
        value: value?,
        window: window?,
        entity_type: entity_type?,
    })
}

/// Reads a time such as `90s`, `5m` or `4h`.
pub(crate) fn read_span(
    cursor: &Cursor<'_>,
    longest: SignedDuration,
    report: &mut Report<'_>,
) -> Option<SignedDuration> {
    let text = cursor.text(report)?;
    let span = text.parse::<SignedDuration>().ok();
    let span = span.filter(|span| (SignedDuration::from_secs(1)..=longest).contains(span));
    if span.is_none() {
        report.error(
            &cursor.place,
            format!(
                "`{}` is no time between a second and {longest:#}",
                shortened(text)
            ),
            "write `90s`, `5m` or `4h` for example",
        );
    }
    span
}

/// Looks at a text that is shown where its entry is.
pub(crate) fn check_text(text: &str, place: &Place, report: &mut Report<'_>) {
    check_length("the text", text, 500, place, report);
    check_visible("the text", text, place, report);
}

fn check_selector(text: &str, place: &Place, report: &mut Report<'_>) {
    check_length("the selector", text, 1_000, place, report);
    check_visible("the selector", text, place, report);
}
