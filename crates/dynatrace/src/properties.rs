//! The properties of an event, within what a tenant accepts.

use std::collections::BTreeMap;

/// How many properties an event may have.
pub(crate) const MOST: usize = 100;
/// The longest name of a property, in characters.
const LONGEST_KEY: usize = 100;
/// The longest value of a property, in characters.
const LONGEST_VALUE: usize = 4096;

/// At most `room` properties of acceptable length.
///
/// A tenant refuses the whole event for one property that is too long, and a
/// deployment that nobody is told of is worse than one that is told shortly.
pub(crate) fn limited(
    properties: &BTreeMap<String, String>,
    room: usize,
) -> BTreeMap<String, String> {
    let mut kept = BTreeMap::new();
    for (key, value) in properties {
        if key.is_empty() || kept.len() == room {
            tracing::warn!(
                event.property = cut(key, LONGEST_KEY),
                "Leaving out a property that Dynatrace would refuse the event for"
            );
            continue;
        }
        let short = (cut(key, LONGEST_KEY), cut(value, LONGEST_VALUE));
        if short != (key, value) {
            tracing::warn!(
                event.property = short.0,
                "Cutting a property that is longer than Dynatrace accepts"
            );
        }
        kept.entry(short.0.to_owned())
            .or_insert_with(|| short.1.to_owned());
    }
    kept
}

/// The value of a reserved property within its length.
pub(crate) fn value<'a>(key: &str, value: &'a str) -> &'a str {
    let short = cut(value, LONGEST_VALUE);
    if short.len() < value.len() {
        tracing::warn!(
            event.property = key,
            "Cutting a property that is longer than Dynatrace accepts"
        );
    }
    short
}

fn cut(text: &str, longest: usize) -> &str {
    match text.char_indices().nth(longest) {
        Some((end, _)) => &text[..end],
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn properties(pairs: impl IntoIterator<Item = (String, String)>) -> BTreeMap<String, String> {
        pairs.into_iter().collect()
    }

    #[test]
    fn what_is_within_the_limits_stays_as_it_is() {
        let own = properties([
            ("CodeDeploy.DeploymentId".into(), "d-ABCDEF123".into()),
            ("é".repeat(100), "é".repeat(4096)),
        ]);

        assert_eq!(limited(&own, MOST), own);
    }

    #[test]
    fn long_names_and_values_are_cut_between_characters() {
        let own = properties([("é".repeat(101), "ü".repeat(4097))]);

        assert_eq!(
            limited(&own, MOST),
            properties([("é".repeat(100), "ü".repeat(4096))])
        );
        assert_eq!(value("link", &"ü".repeat(4097)), "ü".repeat(4096));
    }

    #[test]
    fn names_that_are_cut_to_the_same_keep_the_first_value() {
        let long = |end: char| format!("{}{end}", "k".repeat(100));
        let own = properties([(long('a'), "first".into()), (long('b'), "second".into())]);

        assert_eq!(
            limited(&own, MOST),
            properties([("k".repeat(100), "first".into())])
        );
    }

    #[test]
    fn there_are_no_more_than_there_is_room_for() {
        let own = properties((0..150).map(|n| (format!("{n:03}"), String::new())));

        let kept = limited(&own, 93);

        assert_eq!(kept.len(), 93);
        assert!(kept.contains_key("000") && !kept.contains_key("093"));
    }

    #[test]
    fn a_property_without_a_name_is_left_out() {
        let own = properties([(String::new(), "value".into())]);

        assert!(limited(&own, MOST).is_empty());
    }
}
