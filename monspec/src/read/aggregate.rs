//! Reads the name of an aggregate.

use lint::{Cursor, Report, did_you_mean, shortened};

use crate::signature::Aggregate;

/// Reads an aggregate such as `avg` or `p99.9`.
pub(super) fn read_aggregate(cursor: &Cursor<'_>, report: &mut Report<'_>) -> Option<Aggregate> {
    let word = cursor.text(report)?;
    let named = Aggregate::NAMED
        .into_iter()
        .find(|aggregate| aggregate.kind() == word);
    let aggregate = named.or_else(|| percentile(word));
    if aggregate.is_none() {
        let mut names = Aggregate::NAMED.map(Aggregate::kind).to_vec();
        names.extend(["p90", "p99.9"]);
        report.error(
            &cursor.place,
            format!("`{}` is not an aggregate", shortened(word)),
            did_you_mean(word, &names, "it can be"),
        );
    }
    aggregate
}

fn percentile(word: &str) -> Option<Aggregate> {
    let rank = word.strip_prefix('p')?;
    // The parser of floats also knows signs, exponents and infinity.
    let plain = rank
        .chars()
        .all(|letter| letter.is_ascii_digit() || letter == '.');
    let rank = rank.parse().ok().filter(|_| plain)?;
    (0.0..=100.0)
        .contains(&rank)
        .then_some(Aggregate::Percentile(rank))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_lie_between_0_and_100() {
        assert_eq!(percentile("p99.9"), Some(Aggregate::Percentile(99.9)));
        assert_eq!(percentile("p0"), Some(Aggregate::Percentile(0.0)));
        assert_eq!(percentile("p100"), Some(Aggregate::Percentile(100.0)));
        for word in ["p", "p100.1", "p-1", "p1e1", "pinf", "p.", "90", "P90"] {
            assert_eq!(percentile(word), None, "{word}");
        }
    }
}
