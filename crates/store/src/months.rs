//! Rows in partitions of a month each, read from the newest on.

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use crate::StoreError;
use crate::error::unavailable;
use crate::item::{self, Item};
use crate::table::Table;

/// What every moment sorts before.
pub(crate) const NEWEST: &str = "a";

/// What every moment sorts behind.
pub(crate) const OLDEST: &str = "0";

/// The month of a moment, as partitions are named by it.
pub(crate) fn month(at: Timestamp) -> String {
    at.strftime("%Y-%m").to_string()
}

/// Sorts by the time.
pub(crate) fn moment(at: Timestamp) -> String {
    format!("{:015}", at.as_millisecond())
}

/// A part of a partition: the rows from `from` on, below `below`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rows<'a> {
    pub(crate) from: &'a str,
    pub(crate) below: &'a str,
}

impl Table {
    /// The rows of a partition, the newest first: one more than `most` at most.
    pub(crate) async fn newest(
        &self,
        action: &'static str,
        pk: &str,
        rows: Rows<'_>,
        most: usize,
    ) -> Result<Vec<Item>, StoreError> {
        let text = |text: &str| AttributeValue::S(text.to_owned());
        let mut pages = self
            .query()
            .key_condition_expression("pk = :pk AND sk BETWEEN :from AND :below")
            .expression_attribute_values(":pk", text(pk))
            .expression_attribute_values(":from", text(rows.from))
            .expression_attribute_values(":below", text(rows.below))
            .scan_index_forward(false)
            .consistent_read(true)
            .limit(i32::try_from(most).unwrap_or(i32::MAX).saturating_add(2))
            .into_paginator()
            .items()
            .send();
        let mut items = Vec::new();
        while let Some(found) = pages.next().await {
            let found = found.map_err(|error| unavailable(action, error.into_service_error()))?;
            if item::string(&found, "sk")? == rows.below {
                continue;
            }
            items.push(found);
            if most < items.len() {
                break;
            }
        }
        Ok(items)
    }

    /// The same over the months of a span, whose partitions begin with `prefix`:
    /// from the month of `until` back to that of `from`.
    pub(crate) async fn newest_of_months(
        &self,
        action: &'static str,
        prefix: &str,
        (from, until): (Timestamp, Timestamp),
        below: &str,
        most: usize,
    ) -> Result<Vec<Item>, StoreError> {
        let first = moment(from);
        let rows = Rows {
            from: &first,
            below,
        };
        let (mut items, mut at) = (Vec::new(), until);
        loop {
            let pk = format!("{prefix}{}", month(at));
            let left = most - items.len();
            items.extend(self.newest(action, &pk, rows, left).await?);
            match before(at) {
                Some(earlier) if from <= earlier && items.len() <= most => at = earlier,
                _ => return Ok(items),
            }
        }
    }
}

/// The last moment of the month before.
fn before(at: Timestamp) -> Option<Timestamp> {
    let first = at.to_zoned(TimeZone::UTC).first_of_month().ok()?;
    let first = first.start_of_day().ok()?.timestamp();
    first.checked_sub(SignedDuration::from_millis(1)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn months_follow_each_other_back_over_the_year() {
        let mut at: Timestamp = "2026-02-28T10:00:00Z".parse().unwrap();
        let mut months = vec![month(at)];
        for _ in 0..3 {
            at = before(at).unwrap();
            months.push(month(at));
        }
        assert_eq!(months, ["2026-02", "2026-01", "2025-12", "2025-11"]);
    }
}
