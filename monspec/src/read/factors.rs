//! Reads the tolerances of a comparison.

use lint::{Fields, Place, Report};

use crate::comparison::ScaleFactors;

/// Tolerances and where they stand.
pub(super) struct Factors {
    pub(super) scale: ScaleFactors,
    /// The key of every factor, `default` included, in the order of the file.
    pub(super) places: Vec<(String, Place)>,
}

/// Reads the factors of a comparison.
pub(super) fn read_factors(fields: &Fields<'_>, report: &mut Report<'_>) -> Factors {
    let mut scale = ScaleFactors::default();
    let mut places = Vec::new();
    let entries = fields
        .get("scalefactorperc")
        .and_then(|cursor| cursor.entries(report));
    for (key, place, cursor) in entries.unwrap_or_default() {
        let Some(percent) = cursor.number(report) else {
            continue;
        };
        if percent < 0.0 {
            report.warning(
                &cursor.place,
                "a negative factor wants the new build to be better than the baseline",
                "write how many percent it may be worse",
            );
        }
        if key == "default" {
            scale.default = percent;
        } else {
            scale.by_metric.insert(key.to_owned(), percent);
        }
        places.push((key.to_owned(), place));
    }
    Factors { scale, places }
}
