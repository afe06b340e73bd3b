//! Reads the comparisons of an entry.

use std::collections::HashSet;

use super::fields::{Cursor, Fields, did_you_mean};
use super::shape::COMPARISON;
use crate::comparison::{Comparison, MissingBaseline, ScaleFactors, WhenInconclusive};
use crate::lint::{Place, Report, shortened};

/// The longest shift, ten years: enough for everyone, and no sum of times overflows.
const MAX_SHIFT_SECONDS: i64 = 10 * 366 * 86_400;

/// Shifts in seconds that look like minutes.
const LOOKS_LIKE_MINUTES: [i64; 5] = [1, 2, 10, 60, 1440];

/// A comparison and where its tolerances stand.
pub(super) struct PlacedComparison {
    pub(super) comparison: Comparison,
    /// The key of every factor, `default` included, in the order of the file.
    pub(super) factors: Vec<(String, Place)>,
}

/// Reads the comparisons. `environments` are the names the entry declares.
pub(super) fn read_comparisons(
    list: &[Cursor<'_>],
    environments: &[&str],
    report: &mut Report<'_>,
) -> Vec<PlacedComparison> {
    let mut names = HashSet::new();
    let mut comparisons = Vec::new();
    for cursor in list {
        let Some(fields) = cursor.object(COMPARISON, report) else {
            continue;
        };
        let read = read_comparison(&fields, environments, report);
        if let Some(name) = fields.get("name") {
            report_duplicate(&name, &mut names, report);
        }
        comparisons.extend(read);
    }
    comparisons
}

fn read_comparison(
    fields: &Fields<'_>,
    environments: &[&str],
    report: &mut Report<'_>,
) -> Option<PlacedComparison> {
    let name = fields.required_text("name", report);
    let source = fields
        .required("source", report)
        .and_then(|cursor| read_environment_name(&cursor, environments, report));
    let compare_cursor = fields.get("compare");
    let compare = compare_cursor
        .as_ref()
        .and_then(|cursor| read_environment_name(cursor, environments, report));
    let (scale, factors) = read_factors(fields, report);

    let comparison = Comparison {
        shift_source_seconds: read_shift(fields, "shiftsourcetimeframe", report),
        shift_compare_seconds: read_shift(fields, "shiftcomparetimeframe", report),
        when_inconclusive: fields.choice(
            "whenInconclusive",
            &WhenInconclusive::ALL,
            WhenInconclusive::as_str,
            report,
        ),
        missing_baseline: fields.choice(
            "missingBaseline",
            &MissingBaseline::ALL,
            MissingBaseline::as_str,
            report,
        ),
        name: name?.to_owned(),
        source: source?,
        compare,
        scale,
    };
    let indistinct =
        comparison.compares_environment_with_itself() && comparison.seconds_between_windows() == 0;
    if let (true, Some(cursor)) = (indistinct, compare_cursor) {
        report.error(
            &cursor.place,
            format!(
                "`{}` is compared with itself at the same time",
                shortened(&comparison.source)
            ),
            "set `shiftcomparetimeframe` to the age of the baseline in seconds",
        );
    }
    Some(PlacedComparison {
        comparison,
        factors,
    })
}

fn read_environment_name(
    cursor: &Cursor<'_>,
    environments: &[&str],
    report: &mut Report<'_>,
) -> Option<String> {
    let name = cursor.text(report)?;
    if !environments.contains(&name) {
        let fix = if environments.is_empty() {
            "declare it under `environments`".to_owned()
        } else {
            did_you_mean(name, environments, "declared are")
        };
        report.error(
            &cursor.place,
            format!("the entry has no environment `{}`", shortened(name)),
            fix,
        );
    }
    Some(name.to_owned())
}

fn read_factors(
    fields: &Fields<'_>,
    report: &mut Report<'_>,
) -> (ScaleFactors, Vec<(String, Place)>) {
    let mut scale = ScaleFactors::default();
    let mut places = Vec::new();
    let entries = fields
        .get("scalefactorperc")
        .map(|cursor| cursor.entries(report));
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
    (scale, places)
}

fn read_shift(fields: &Fields<'_>, name: &str, report: &mut Report<'_>) -> i64 {
    let Some(cursor) = fields.get(name) else {
        return 0;
    };
    let Some(number) = cursor.number(report) else {
        return 0;
    };
    let Some(seconds) = whole_seconds(number) else {
        report.error(
            &cursor.place,
            "a shift is a whole number of seconds, ten years at most",
            "write how many seconds back the window lies: 3600 is an hour, 86400 a day",
        );
        return 0;
    };
    if seconds < 0 {
        report.warning(
            &cursor.place,
            "a negative shift lies in the future, where there is no data yet",
            "write how many seconds back the window lies",
        );
    }
    if LOOKS_LIKE_MINUTES.contains(&seconds) {
        report.hint(
            &cursor.place,
            format!("shifts count seconds; were {seconds} minutes meant?"),
            format!("{seconds} minutes are {}", seconds * 60),
        );
    }
    seconds
}

fn whole_seconds(number: f64) -> Option<i64> {
    let in_range = number.abs() <= MAX_SHIFT_SECONDS as f64 && number.fract() == 0.0;
    #[expect(
        clippy::cast_possible_truncation,
        reason = "whole and far inside the range"
    )]
    in_range.then_some(number as i64)
}

fn report_duplicate<'a>(name: &Cursor<'a>, names: &mut HashSet<&'a str>, report: &mut Report<'_>) {
    let Some(text) = name.as_text() else { return };
    if !names.insert(text) {
        report.error(
            &name.place,
            format!("the comparison `{}` is declared twice", shortened(text)),
            "give each comparison of an entry a name of its own",
        );
    }
}
