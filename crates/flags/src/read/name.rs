//! Names and texts of a file.

use lint::{Place, Report, check_length, check_visible};

/// Looks at a name.
pub(super) fn check_name(name: &str, place: &Place, report: &mut Report<'_>) {
    check_length("the name", name, 100, place, report);
    check_visible("the name", name, place, report);
}

/// Looks at a description.
pub(super) fn check_text(text: &str, place: &Place, report: &mut Report<'_>) {
    check_length("the text", text, 500, place, report);
    check_visible("the text", text, place, report);
}
