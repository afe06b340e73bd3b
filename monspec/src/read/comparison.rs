//! Reads the comparisons of an entry.

use std::collections::HashSet;

use lint::{Cursor, Fields, Place, Report, did_you_mean, shortened};

use super::bounds::check_name;
use super::factors::{Factors, read_factors};
use super::shape::COMPARISON;
use super::shift::read_shift;
use crate::comparison::{Comparison, MissingBaseline, OpenProblems, WhenInconclusive};

/// A comparison and where its tolerances stand.
pub(super) struct PlacedComparison {
    pub(super) comparison: Comparison,
    /// The place of every factor.
    pub(super) places: Vec<(String, Place)>,
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
    let name = fields.required_text("name", check_name, report);
    let source = fields
        .required("source", report)
        .and_then(|cursor| read_environment_name(&cursor, environments, report));
    let compare_cursor = fields.get("compare");
    let compare = compare_cursor
        .as_ref()
        .and_then(|cursor| read_environment_name(cursor, environments, report));
    let Factors { scale, places } = read_factors(fields, report);
    let shift_source = read_shift(fields, "shiftsourcetimeframe", report);
    let shift_compare = read_shift(fields, "shiftcomparetimeframe", report);

    let comparison = Comparison {
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
        open_problems: fields.choice(
            "openProblems",
            &OpenProblems::ALL,
            OpenProblems::as_str,
            report,
        ),
        name: name?.to_owned(),
        source: source?,
        compare,
        scale,
        shift_source_seconds: shift_source?,
        shift_compare_seconds: shift_compare?,
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
    Some(PlacedComparison { comparison, places })
}

fn read_environment_name(
    cursor: &Cursor<'_>,
    environments: &[&str],
    report: &mut Report<'_>,
) -> Option<String> {
    let name = cursor.text(report)?;
    // Without any environment that error is reported, and no name can be right.
    if !environments.is_empty() && !environments.contains(&name) {
        report.error(
            &cursor.place,
            format!("the entry has no environment `{}`", shortened(name)),
            did_you_mean(name, environments, "declared are"),
        );
    }
    Some(name.to_owned())
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
