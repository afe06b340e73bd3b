//! Bounds of the texts that are stored and shown wherever their entry is.

use lint::{Place, Report, check_length, check_visible};

/// The longest name, in characters.
const LONGEST_NAME: usize = 200;

/// The longest key, value or context of a tag, in characters.
const LONGEST_TAG: usize = 250;

/// The longest metric or selector, in characters.
const LONGEST_METRIC: usize = 1_000;

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
