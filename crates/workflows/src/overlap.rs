//! The same environment compared with itself must not share a moment with
//! itself, or a build is measured against its own numbers.

use jiff::SignedDuration;
use monspec::{Comparison, ServiceEntry};

/// Two windows of one environment that share a moment, and what to change.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "comparison `{comparison}` of `{service}` compares `{environment}` with itself {apart} seconds apart, \
     but the window is {length} seconds long: the windows overlap; \
     raise shiftcomparetimeframe or shorten the window"
)]
pub struct Overlap {
    comparison: String,
    service: String,
    environment: String,
    apart: u64,
    length: i64,
}

/// Refuses windows of this length if any entry would be compared with itself.
pub(crate) fn windows_are_apart(
    compared: &[(&ServiceEntry, &Comparison)],
    length: SignedDuration,
) -> Result<(), Overlap> {
    for (entry, comparison) in compared {
        let seconds = comparison.seconds_between_windows();
        let apart = SignedDuration::from_secs(i64::try_from(seconds).unwrap_or(i64::MAX));
        if comparison.compares_environment_with_itself() && apart < length {
            return Err(Overlap {
                comparison: comparison.name.clone(),
                service: entry.id.clone(),
                environment: comparison.source.clone(),
                apart: seconds,
                length: length.as_secs(),
            });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(compare: &str, shift: i64, seconds: i64) -> Option<String> {
        let text = format!(
            r#"{{ "Shop": {{
                "etype": "SERVICE",
                "environments": {{ "S": {{ "tags": [{{ "key": "a" }}] }}, "P": {{ "tags": [{{ "key": "b" }}] }} }},
                "comparisons": [
                    {{ "name": "Gate", "source": "S", "compare": "{compare}", "shiftcomparetimeframe": {shift} }}
                ],
                "perfsignature": [{{ "timeseries": "response", "upperlimit": 5 }}]
            }} }}"#
        );
        let spec = monspec::read(&text, |_| None).spec.unwrap();
        windows_are_apart(&spec.compared("Gate"), SignedDuration::from_secs(seconds))
            .err()
            .map(|overlap| overlap.to_string())
    }

    #[test]
    fn environment_may_follow_itself_without_a_gap() {
        assert_eq!(refusal("S", 300, 300), None);
        assert_eq!(refusal("S", -300, 300), None);
    }

    #[test]
    fn shared_moment_is_refused_with_what_to_change() {
        assert_eq!(
            refusal("S", 299, 300).as_deref(),
            Some(
                "comparison `Gate` of `Shop` compares `S` with itself 299 seconds apart, but the window is 300 \
                 seconds long: the windows overlap; raise shiftcomparetimeframe or shorten the window"
            )
        );
    }

    #[test]
    fn two_environments_may_be_looked_at_in_the_same_window() {
        assert_eq!(refusal("P", 0, 300), None);
    }
}
