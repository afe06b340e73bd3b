//! Bounds of the texts that are stored and shown wherever their entry is.

use crate::lint::{Place, Report, is_hidden};

/// The longest name, in characters.
const LONGEST_NAME: usize = 200;

/// The longest key, value or context of a tag, in characters.
const LONGEST_TAG: usize = 250;

/// The longest metric or selector, in characters.
const LONGEST_METRIC: usize = 1_000;

/// What is looked at in a text.
pub(super) type Check = fn(&str, &Place, &mut Report<'_>);

/// Looks at the name of something.
pub(super) fn check_name(name: &str, place: &Place, report: &mut Report<'_>) {
    check_length("the name", name, LONGEST_NAME, place, report);
    check_visible("the name", name, place, report);
}

/// Looks at a part of a tag.
pub(super) fn check_tag(part: &str, place: &Place, report: &mut Report<'_>) {
    check_length("this part of the tag", part, LONGEST_TAG, place, report);
    check_visible("this part of the tag", part, place, report);
}

/// Looks at the text of a metric.
pub(super) fn check_metric(metric: &str, place: &Place, report: &mut Report<'_>) {
    check_length("the metric", metric, LONGEST_METRIC, place, report);
}

fn check_length(what: &str, text: &str, most: usize, place: &Place, report: &mut Report<'_>) {
    let length = text.chars().count();
    if most < length {
        report.error(
            place,
            format!("{what} has {length} characters, more than the {most} that are kept"),
            "write a shorter one",
        );
    }
}

fn check_visible(what: &str, text: &str, place: &Place, report: &mut Report<'_>) {
    if let Some(letter) = text.chars().find(|letter| is_hidden(*letter)) {
        report.error(
            place,
            format!(
                "{what} holds U+{:04X}, which commands a terminal instead of being read",
                u32::from(letter)
            ),
            "remove the character",
        );
    }
}
