//! Bounds of the texts that are stored and shown wherever their entry is.

use crate::{Place, Report, is_hidden};

/// What is looked at in a text.
pub type Check = fn(&str, &Place, &mut Report<'_>);

/// Looks whether a text is too long to be kept.
pub fn check_length(what: &str, text: &str, most: usize, place: &Place, report: &mut Report<'_>) {
    let length = text.chars().count();
    if most < length {
        report.error(
            place,
            format!("{what} has {length} characters, more than the {most} that are kept"),
            "write a shorter one",
        );
    }
}

/// Looks whether a text can be read as it is.
pub fn check_visible(what: &str, text: &str, place: &Place, report: &mut Report<'_>) {
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
