//! Reads one preset.

use std::collections::BTreeMap;

use lint::{Cursor, Report};

use super::Known;
use super::flag::read_value;
use super::name::check_text;
use super::shape::PRESET;
use crate::declaration::Preset;

/// The most flags that are set together: each takes a part of one transaction.
pub const LARGEST_BULK: usize = 20;

pub(super) fn read_preset(
    cursor: &Cursor<'_>,
    known: Known<'_>,
    report: &mut Report<'_>,
) -> Option<Preset> {
    let fields = cursor.object(PRESET, report)?;
    let description = fields.text("description", check_text, report);
    let list = fields.required("set", report)?;
    let entries = list.entries(report)?;
    if entries.is_empty() || LARGEST_BULK < entries.len() {
        report.error(
            &list.place,
            format!(
                "a preset sets 1 to {LARGEST_BULK} flags, this sets {}",
                entries.len()
            ),
            "name the flags and what they are set to",
        );
    }
    let mut set = BTreeMap::new();
    for (name, key, value) in entries {
        let Some(flag) = known.flag(name, &key, report) else {
            continue;
        };
        let value = read_value(&value, flag.kind, &flag.bounds, report);
        set.extend(Some(name.to_owned()).zip(value));
    }
    Some(Preset { description, set })
}
