//! What others wrote, and when things happened, as a person reads it.

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use maud::{Markup, html};
use monspec::lint::escaped;
use release::window::Window;

/// The longest name that is shown whole.
const NAME: usize = 120;

/// The longest sentence that is shown whole.
const SENTENCE: usize = 600;

/// A name that somebody else chose. It is isolated, so that its direction stays
/// its own.
pub(crate) fn name(text: &str) -> Markup {
    html! { bdi { (short_name(text)) } }
}

/// A name where no markup may stand, such as a title.
pub(crate) fn short_name(text: &str) -> String {
    shortened(text, NAME)
}

/// What somebody else wrote in a sentence or two.
pub(crate) fn sentence(text: &str) -> Markup {
    html! { bdi { (shortened(text, SENTENCE)) } }
}

/// At most so many characters on one line, hidden ones written out.
pub(crate) fn shortened(text: &str, most: usize) -> String {
    let mut letters = text.trim().chars();
    let mut short: String = letters.by_ref().take(most).collect();
    if letters.next().is_some() {
        short.pop();
        short.push('…');
    }
    // XML has no place for two characters, not even written out.
    escaped(&short).replace(['\u{fffe}', '\u{ffff}'], "\u{fffd}")
}

/// The first word of a version, which mostly is a revision.
pub(crate) fn short_version(version: &str) -> String {
    const REVISION: usize = 12;
    let word = version.split_whitespace().next().unwrap_or("unnamed");
    shortened(word, REVISION)
}

/// Where and when the page is read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock<'a> {
    pub(crate) now: Timestamp,
    pub(crate) zone: Option<&'a TimeZone>,
}

impl Clock<'_> {
    /// To the minute, in the reader's zone; both zones on hover.
    pub(crate) fn minute(self, at: Timestamp) -> Markup {
        html! {
            time datetime=(machine(at)) title=[self.zone.map(|_| utc(at))] {
                (self.local(at, "%Y-%m-%d %H:%M"))
            }
        }
    }

    /// To the second, in both zones.
    pub(crate) fn both(self, at: Timestamp) -> Markup {
        html! {
            time datetime=(machine(at)) { (self.local(at, "%Y-%m-%d %H:%M:%S")) }
            @if self.zone.is_some() { span .muted { " (" (utc(at)) ")" } }
        }
    }

    /// A window in both zones.
    pub(crate) fn window(self, window: Window) -> Markup {
        html! {
            (self.both(window.start)) " to " (self.both(window.end))
            span .muted { ", " (duration(window.length())) }
        }
    }

    /// A short date for the axis of a chart.
    pub(crate) fn tick(self, at: Timestamp) -> String {
        at.to_zoned(self.time_zone())
            .strftime("%-d %b %H:%M")
            .to_string()
    }

    /// How long ago, or in how long.
    pub(crate) fn relative(self, at: Timestamp) -> String {
        let ahead = at.duration_since(self.now);
        if ahead.is_positive() {
            format!("in {}", duration(ahead))
        } else {
            format!("{} ago", duration(ahead.abs()))
        }
    }

    /// The name of the zone that times are shown in.
    pub(crate) fn zone_name(self) -> String {
        self.now
            .to_zoned(self.time_zone())
            .strftime("%Z")
            .to_string()
    }

    fn local(self, at: Timestamp, format: &str) -> String {
        let zoned = at.to_zoned(self.time_zone());
        format!("{} {}", zoned.strftime(format), zoned.strftime("%Z"))
    }

    fn time_zone(self) -> TimeZone {
        self.zone.cloned().unwrap_or(TimeZone::UTC)
    }
}

/// The form that machines read.
pub(crate) fn machine(at: Timestamp) -> String {
    format!("{at:.0}")
}

/// To the second, for who compares with logs.
pub(crate) fn utc(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}

/// The two largest parts of a span.
pub(crate) fn duration(span: SignedDuration) -> String {
    let seconds = span.as_secs().max(0);
    let (days, hours) = (seconds / 86_400, seconds / 3_600 % 24);
    let (minutes, rest) = (seconds / 60 % 60, seconds % 60);
    let two = |large: i64, unit: &str, small: i64, smaller: &str| {
        if small == 0 {
            format!("{large} {unit}")
        } else {
            format!("{large} {unit} {small} {smaller}")
        }
    };
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{rest} s"),
        (0, 0, _) => two(minutes, "min", rest, "s"),
        (0, ..) => two(hours, "h", minutes, "min"),
        (1, ..) => two(days, "day", hours, "h"),
        _ => two(days, "days", hours, "h"),
    }
}

/// `1 build`, `2 builds`.
pub(crate) fn count(number: usize, one: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {one}{plural}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_cut_and_show_what_they_hide() {
        assert_eq!(shortened(&"ä".repeat(10_000), 5), "ääää…");
        assert_eq!(shortened(" a\nb\u{202e} ", 9), r"a\nb\u{202e}");
        assert_eq!(short_version("0123456789ab Fix the cart"), "0123456789ab");
        assert_eq!(short_version(" "), "unnamed");
    }

    #[test]
    fn spans_are_told_by_their_two_largest_parts() {
        for (seconds, text) in [
            (0, "0 s"),
            (8, "8 s"),
            (300, "5 min"),
            (312, "5 min 12 s"),
            (3_600, "1 h"),
            (5_405, "1 h 30 min"),
            (90_000, "1 day 1 h"),
            (604_800, "7 days"),
        ] {
            assert_eq!(duration(SignedDuration::from_secs(seconds)), text);
        }
    }

    #[test]
    fn reader_in_another_zone_sees_both_times() {
        let at: Timestamp = "2026-01-05T10:06:30Z".parse().unwrap();
        let zone = TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").unwrap();
        let there = Clock {
            now: at,
            zone: Some(&zone),
        };
        let nowhere = Clock {
            now: at,
            zone: None,
        };

        let both = there.both(at).into_string();

        assert!(both.contains("datetime=\"2026-01-05T10:06:30Z\""), "{both}");
        assert!(both.contains("11:06:30 CET"), "{both}");
        assert!(both.contains("10:06:30 UTC"), "{both}");
        assert!(nowhere.both(at).into_string().contains("10:06:30 UTC"));
    }
}
