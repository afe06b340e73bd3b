//! What keeps programs from changing a flag in a circle.

use jiff::{SignedDuration, Timestamp};

use crate::declaration::RateLimit;
use crate::ramp::later;
use crate::state::{AuthorKind, Recent};

/// The most changes that are remembered.
const REMEMBERED: usize = 20;

/// So many reversals by programs are flapping,
const REVERSALS: usize = 3;

/// within this time.
const FLAPPING_WITHIN: SignedDuration = SignedDuration::from_mins(30);

/// When this hand may change the flag again, if not now.
pub(crate) fn free_again(
    recent: &[Recent],
    limit: RateLimit,
    kind: AuthorKind,
    now: Timestamp,
) -> Option<Timestamp> {
    let by_hand = recent.iter().filter(|change| change.kind == kind);
    let ends = by_hand.map(|change| later(change.at, limit.within));
    nth_last(ends.filter(|end| now < *end), limit.changes)
}

/// When a flag has stopped flapping, if it is.
pub(crate) fn steady_again(recent: &[Recent], now: Timestamp) -> Option<Timestamp> {
    let reversals = recent.iter().filter(|change| change.reversal);
    let ends = reversals.map(|change| later(change.at, FLAPPING_WITHIN));
    nth_last(ends.filter(|end| now < *end), REVERSALS)
}

/// Remembers a change, and forgets the oldest.
pub(crate) fn remember(recent: &mut Vec<Recent>, change: Recent) {
    recent.push(change);
    let surplus = recent.len().saturating_sub(REMEMBERED);
    recent.drain(..surplus);
}

/// The end with which there are fewer than `count` of them again.
fn nth_last(ends: impl Iterator<Item = Timestamp>, count: usize) -> Option<Timestamp> {
    let mut ends: Vec<Timestamp> = ends.collect();
    ends.sort_unstable();
    let index = ends.len().checked_sub(count.max(1))?;
    ends.get(index).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn minute(minute: i64) -> Timestamp {
        Timestamp::from_second(1_700_000_000 + minute * 60).unwrap()
    }

    fn recent(changes: &[(i64, AuthorKind, bool)]) -> Vec<Recent> {
        let mut recent = Vec::new();
        for (at, kind, reversal) in changes {
            let change = Recent {
                change: format!("c{at}"),
                at: minute(*at),
                kind: *kind,
                reversal: *reversal,
                problem: None,
            };
            remember(&mut recent, change);
        }
        recent
    }

    #[test]
    fn each_hand_is_counted_apart_and_is_free_when_the_oldest_that_counts_is_old() {
        let limit = RateLimit {
            changes: 2,
            within: SignedDuration::from_mins(10),
        };
        let recent = recent(&[
            (0, AuthorKind::Machine, false),
            (3, AuthorKind::Machine, false),
            (4, AuthorKind::Person, false),
        ]);
        let free = |kind, at| free_again(&recent, limit, kind, minute(at));
        assert_eq!(free(AuthorKind::Machine, 5), Some(minute(10)));
        assert_eq!(free(AuthorKind::Machine, 9), Some(minute(10)));
        assert_eq!(free(AuthorKind::Machine, 10), None);
        assert_eq!(free(AuthorKind::Person, 5), None);
    }

    #[test]
    fn three_reversals_in_half_an_hour_are_flapping() {
        let twice = recent(&[(0, AuthorKind::Rule, true), (1, AuthorKind::Machine, true)]);
        assert_eq!(steady_again(&twice, minute(2)), None);
        let thrice = recent(&[
            (0, AuthorKind::Rule, true),
            (1, AuthorKind::Machine, true),
            (2, AuthorKind::Rule, false),
            (3, AuthorKind::Clock, true),
        ]);
        assert_eq!(steady_again(&thrice, minute(4)), Some(minute(30)));
        assert_eq!(steady_again(&thrice, minute(30)), None);
    }

    #[test]
    fn only_the_newest_changes_are_remembered() {
        let many: Vec<_> = (0..50).map(|at| (at, AuthorKind::Person, false)).collect();
        let recent = recent(&many);
        assert_eq!(recent.len(), REMEMBERED);
        assert_eq!(recent.last().unwrap().at, minute(49));
    }
}
