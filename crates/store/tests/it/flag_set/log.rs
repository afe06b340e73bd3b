//! Changes by the clock, whatever flag they are of.

use super::{Made, SET, declared, second, wish};
use crate::world::World;

const DAY: i64 = 86_400;

#[tokio::test]
async fn changes_of_a_span_are_found_over_the_months_newest_first() {
    let world = World::start().await;
    let flags = declared(&world).await;
    for (number, day) in [(1, 0), (2, 20), (3, 50), (4, 120)] {
        let mut wish = wish(format!("c{number}"), number % 2 == 0);
        wish.now = second(day * DAY);
        assert_eq!(wish.made(&flags).await.0, Made::Done);
    }
    let now = second(130 * DAY);

    let found = async |from: i64, most| {
        let found = flags.changes_since(SET, second(from * DAY), now, most);
        let found = found.await.unwrap();
        let versions = found.entries.iter().map(|entry| entry.record.version);
        (versions.collect::<Vec<_>>(), found.older)
    };

    assert_eq!(found(0, 10).await, (vec![4, 3, 2, 1], false));
    assert_eq!(found(0, 2).await, (vec![4, 3], true));
    assert_eq!(found(20, 3).await, (vec![4, 3, 2], false));
    assert_eq!(found(51, 10).await, (vec![4], false));
    assert_eq!(found(121, 10).await, (vec![], false));
}

#[tokio::test]
async fn page_of_a_history_ends_where_it_is_told() {
    let world = World::start().await;
    let flags = declared(&world).await;
    for number in 1..=5 {
        let mut wish = wish(format!("c{number}"), number % 2 == 0);
        wish.now = second(number);
        assert_eq!(wish.made(&flags).await.0, Made::Done);
    }

    let page = async |before, most| {
        let page = flags.history_before(SET, "errorInjectionEnabled", before, most);
        let page = page.await.unwrap();
        let versions = page.entries.iter().map(|entry| entry.record.version);
        let before = page.before.as_ref().map(|entry| entry.record.version);
        (versions.collect::<Vec<_>>(), before)
    };

    assert_eq!(page(None, 2).await, (vec![5, 4], Some(3)));
    assert_eq!(page(Some(4), 2).await, (vec![3, 2], Some(1)));
    assert_eq!(page(Some(2), 2).await, (vec![1], None));
    assert_eq!(page(Some(1), 2).await, (vec![], None));
    assert_eq!(page(None, 5).await, (vec![5, 4, 3, 2, 1], None));
}
