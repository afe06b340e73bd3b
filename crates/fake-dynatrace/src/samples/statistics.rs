//! Aggregations over weighted values.

use crate::aggregation::Aggregation;

/// A value that occurred `weight` times.
#[derive(Clone, Copy)]
pub(super) struct Weighted {
    pub(super) value: f64,
    pub(super) weight: u64,
}

/// Aggregates all values; of no values there is no aggregate.
pub(super) fn aggregate(
    values: impl Iterator<Item = Weighted>,
    aggregation: Aggregation,
) -> Option<f64> {
    let mut values: Vec<_> = values.filter(|each| each.weight > 0).collect();
    values.sort_by(|left, right| left.value.total_cmp(&right.value));
    let (min, max) = (values.first()?.value, values.last()?.value);
    let count: u64 = values.iter().map(|each| each.weight).sum();
    let sum: f64 = values
        .iter()
        .map(|each| each.value * each.weight as f64)
        .sum();
    Some(match aggregation {
        Aggregation::Auto | Aggregation::Avg => sum / count as f64,
        Aggregation::Count => count as f64,
        Aggregation::Max => max,
        Aggregation::Min => min,
        Aggregation::Sum | Aggregation::Value => sum,
        Aggregation::Median => nearest_rank(&values, count, 50.0)?,
        Aggregation::Percentile(rank) => nearest_rank(&values, count, rank)?,
    })
}

/// The smallest value that at least `rank` percent of all occurrences do not
/// exceed; always one that occurred, which makes it checkable by hand.
fn nearest_rank(sorted: &[Weighted], count: u64, rank: f64) -> Option<f64> {
    let needed = rank * count as f64 / 100.0;
    let mut passed = 0;
    sorted
        .iter()
        .find(|each| {
            passed += each.weight;
            passed as f64 >= needed
        })
        .map(|each| each.value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(values: &[(f64, u64)], aggregation: Aggregation, expected: Option<f64>) {
        let weighted = values
            .iter()
            .map(|&(value, weight)| Weighted { value, weight });
        assert_eq!(aggregate(weighted, aggregation), expected, "{aggregation}");
    }

    #[test]
    fn weights_count_as_occurrences() {
        let values = [(30.0, 1), (10.0, 6), (20.0, 3)];
        check(&values, Aggregation::Avg, Some(15.0));
        check(&values, Aggregation::Min, Some(10.0));
        check(&values, Aggregation::Max, Some(30.0));
        check(&values, Aggregation::Sum, Some(150.0));
        check(&values, Aggregation::Count, Some(10.0));
        check(&values, Aggregation::Median, Some(10.0));
        check(&values, Aggregation::Percentile(60.0), Some(10.0));
        check(&values, Aggregation::Percentile(61.0), Some(20.0));
        check(&values, Aggregation::Percentile(90.0), Some(20.0));
        check(&values, Aggregation::Percentile(91.0), Some(30.0));
    }

    #[test]
    fn nothing_has_no_aggregate() {
        check(&[], Aggregation::Count, None);
        check(&[(5.0, 0)], Aggregation::Sum, None);
    }
}
