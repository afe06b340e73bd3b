//! The calendar of changes, read at start.

use release::pause::Freeze;

use crate::settings::parsed;

/// When nothing is to be begun. A calendar that cannot be read holds everything:
/// a function that did not start would also leave undone what is half done, and
/// show nobody why.
pub fn read() -> Freeze {
    const SETTING: &str = "CHANGE_FREEZE";
    parsed(SETTING, Freeze::default()).unwrap_or_else(|error| {
        tracing::error!(
            setting = SETTING,
            "No change begins until it is fixed: {error}"
        );
        Freeze::unreadable()
    })
}
