//! What stops changes from beginning: a person's pause, or the calendar.
//!
//! Code that is about to begin a change checks here first. Finishing a change, or
//! repairing one that was stopped half way, is never blocked.

use std::fmt;
use std::str::FromStr;

use jiff::civil::{Date, Time, Weekday};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, Zoned};

use crate::change::{Flag, Place};
use crate::configuration::alias_of;
use crate::deployment::Group;

/// The setting of the calendar.
pub const SETTING: &str = "CHANGE_FREEZE";

/// The longest pause that a person can set.
pub const LONGEST: SignedDuration = SignedDuration::from_hours(31 * 24);

/// What a change is made to. Reads as `all`, `group:APPLICATION/GROUP`,
/// `flag:SET/NAME`, `runbook:NAME` or `pipeline:NAME`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Target {
    /// Everything.
    All,
    /// A deployment group: nothing is deployed to it again.
    Group(Group),
    /// A flag: no change of it is taken back because of a problem, and no rule sets it.
    Flag(Flag),
    /// A runbook, by the name that the operator gives it: it is launched on no host.
    Runbook(String),
    /// A pipeline: none of its stages is approved.
    Pipeline(String),
}

/// The text is not a target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "write `all`, `group:APPLICATION/GROUP`, `flag:SET/NAME`, `runbook:NAME` or `pipeline:NAME`"
)]
pub struct NoTarget;

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.write_str("all"),
            Self::Group(group) => write!(f, "group:{group}"),
            Self::Flag(flag) => write!(f, "flag:{flag}"),
            Self::Runbook(name) => write!(f, "runbook:{name}"),
            Self::Pipeline(name) => write!(f, "pipeline:{name}"),
        }
    }
}

impl FromStr for Target {
    type Err = NoTarget;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim();
        if text == "all" {
            return Ok(Self::All);
        }
        let (kind, name) = text.split_once(':').ok_or(NoTarget)?;
        if name.is_empty() || 300 < name.len() || name.chars().any(char::is_control) {
            return Err(NoTarget);
        }
        match (kind, name.split_once('/')) {
            ("group", Some((application, name))) if !application.is_empty() && !name.is_empty() => {
                Ok(Self::Group(Group {
                    application: application.to_owned(),
                    name: name.to_owned(),
                }))
            }
            ("flag", Some((set, flag))) if !set.is_empty() && !flag.is_empty() => {
                Ok(Self::Flag(Flag {
                    set: set.to_owned(),
                    name: flag.to_owned(),
                }))
            }
            ("runbook", None) => Ok(Self::Runbook(name.to_owned())),
            ("pipeline", None) => Ok(Self::Pipeline(name.to_owned())),
            _ => Err(NoTarget),
        }
    }
}

impl From<Place> for Target {
    fn from(place: Place) -> Self {
        match place {
            Place::Group(group) => Self::Group(group),
            Place::Flag(flag) => Self::Flag(flag),
            Place::Runbook(target) => Self::Runbook(alias_of(&target).to_owned()),
        }
    }
}

/// A person's decision that nothing is to be changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pause {
    /// What stays unchanged.
    pub target: Target,
    /// Until when.
    pub until: Timestamp,
    /// Who paused it.
    pub who: String,
    /// Why.
    pub why: String,
}

/// Everything that stops changes from beginning at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stops {
    /// The pauses that hold.
    pub pauses: Vec<Pause>,
    /// The calendar.
    pub freeze: Freeze,
}

/// Why a change does not begin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stopped {
    /// A person paused it.
    Paused(Pause),
    /// The calendar froze it.
    Frozen {
        /// Its end, if it has one.
        until: Option<Timestamp>,
    },
    /// The calendar cannot be read.
    Unreadable,
}

impl Stops {
    /// Why this target must not be changed now.
    pub fn on(&self, target: &Target, now: Timestamp) -> Option<Stopped> {
        let pauses = self.pauses.iter().filter(|pause| now < pause.until);
        let holds = |pause: &&Pause| pause.target == Target::All || pause.target == *target;
        // Of several, the one that ends last.
        let pause = pauses.filter(holds).max_by_key(|pause| pause.until);
        match pause {
            Some(pause) => Some(Stopped::Paused(pause.clone())),
            None => self.freeze.at(now),
        }
    }

    /// All targets that must not be changed now.
    pub fn all(&self, now: Timestamp) -> Vec<Stopped> {
        let pauses = self.pauses.iter().filter(|pause| now < pause.until);
        let pauses = pauses.cloned().map(Stopped::Paused);
        pauses.chain(self.freeze.at(now)).collect()
    }
}

impl fmt::Display for Stopped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Paused(Pause {
                target,
                until,
                who,
                why,
            }) => {
                let of = match target {
                    Target::All => String::new(),
                    Target::Group(group) => format!(" of {group}"),
                    Target::Flag(flag) => format!(" of flag {flag}"),
                    Target::Runbook(name) => format!(" by runbook {name}"),
                    Target::Pipeline(name) => format!(" of pipeline {name}"),
                };
                let until = until.strftime("%Y-%m-%d %H:%M UTC");
                write!(f, "Changes{of} are paused until {until} by {who}: {why}")
            }
            Self::Frozen { until: Some(until) } => {
                let until = until.strftime("%Y-%m-%d %H:%M UTC");
                write!(
                    f,
                    "Changes are frozen until {until} by the setting {SETTING}"
                )
            }
            Self::Frozen { until: None } => {
                write!(f, "Changes are frozen by the setting {SETTING}")
            }
            Self::Unreadable => {
                write!(
                    f,
                    "Changes are frozen, because the setting {SETTING} cannot be read; the \
                     function's log says what to write"
                )
            }
        }
    }
}

/// When nothing is to be changed. Reads as comma-separated spans in UTC: `always`,
/// `2026-12-20/2027-01-03` (the last day is part of it), or `Fri 16:00/Mon 06:00`
/// in every week.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Freeze(Vec<Span>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Span {
    Always,
    /// The author wanted to stop something, so it holds.
    Unreadable,
    Days(Date, Date),
    Weekly(Minute, Minute),
}

/// A minute of a week, counted from its Monday.
type Minute = i64;

const WEEK: Minute = 7 * 24 * 60;

/// The text is not a span.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is neither `always`, nor two days as in `2026-12-20/2027-01-03`, nor two moments of a \
     week as in `Fri 16:00/Mon 06:00`"
)]
pub struct NoSpan(String);

impl Freeze {
    /// The freeze for an unreadable setting: everything, as with `always`, so
    /// that a typo in a freeze does not let changes through.
    pub fn unreadable() -> Self {
        Self(vec![Span::Unreadable])
    }

    /// What it says of a moment.
    fn at(&self, now: Timestamp) -> Option<Stopped> {
        if self.0.contains(&Span::Unreadable) {
            return Some(Stopped::Unreadable);
        }
        let until = self.0.iter().filter_map(|span| span.end(now)).max()?;
        Some(Stopped::Frozen {
            until: Some(until).filter(|until| *until != Timestamp::MAX),
        })
    }
}

impl Span {
    /// Its end, if `now` lies in it; the end of time if it has none.
    fn end(self, now: Timestamp) -> Option<Timestamp> {
        match self {
            Self::Always | Self::Unreadable => Some(Timestamp::MAX),
            Self::Days(first, last) => {
                let begins = midnight(first)?;
                let ends = midnight(last.tomorrow().ok()?)?;
                (begins <= now && now < ends).then_some(ends)
            }
            Self::Weekly(from, to) => {
                let zoned = now.to_zoned(TimeZone::UTC);
                let lasts = (to - from).rem_euclid(WEEK);
                let passed = (minute_of(&zoned) - from).rem_euclid(WEEK);
                if lasts <= passed {
                    return None;
                }
                let left = SignedDuration::from_mins(lasts - passed);
                let second = SignedDuration::from_secs(now.as_second().rem_euclid(60));
                now.checked_add(left - second).ok()
            }
        }
    }
}

fn midnight(day: Date) -> Option<Timestamp> {
    let start = day.to_zoned(TimeZone::UTC).ok()?;
    Some(start.timestamp())
}

fn minute_of(zoned: &Zoned) -> Minute {
    minute(zoned.weekday(), zoned.time())
}

fn minute(day: Weekday, time: Time) -> Minute {
    let days = Minute::from(day.to_monday_zero_offset());
    (days * 24 + Minute::from(time.hour())) * 60 + Minute::from(time.minute())
}

impl FromStr for Freeze {
    type Err = NoSpan;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parts = text
            .split(',')
            .map(str::trim)
            .filter(|part| !part.is_empty());
        let spans = parts.map(|part| span(part).ok_or_else(|| NoSpan(part.to_owned())));
        spans.collect::<Result<_, _>>().map(Self)
    }
}

fn span(text: &str) -> Option<Span> {
    if text == "always" {
        return Some(Span::Always);
    }
    let (from, to) = text.split_once('/')?;
    let (from, to) = (from.trim(), to.trim());
    if let (Ok(first), Ok(last)) = (from.parse::<Date>(), to.parse::<Date>()) {
        return (first <= last).then_some(Span::Days(first, last));
    }
    let (from, to) = (moment(from)?, moment(to)?);
    (from != to).then_some(Span::Weekly(from, to))
}

/// `Fri 16:00`
fn moment(text: &str) -> Option<Minute> {
    let (day, time) = text.split_once(' ')?;
    let day = match day {
        "Mon" => Weekday::Monday,
        "Tue" => Weekday::Tuesday,
        "Wed" => Weekday::Wednesday,
        "Thu" => Weekday::Thursday,
        "Fri" => Weekday::Friday,
        "Sat" => Weekday::Saturday,
        "Sun" => Weekday::Sunday,
        _ => return None,
    };
    let (hours, minutes) = time.trim().split_once(':')?;
    let two = |digits: &str| (digits.len() == 2).then(|| digits.parse::<i8>().ok())?;
    let time = Time::new(two(hours)?, two(minutes)?, 0, 0).ok()?;
    Some(minute(day, time))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn until(freeze: &str, now: &str) -> Option<Timestamp> {
        let freeze: Freeze = freeze.parse().unwrap();
        freeze.at(at(now)).map(|stopped| match stopped {
            Stopped::Frozen { until } => until.unwrap_or(Timestamp::MAX),
            other => panic!("{other}"),
        })
    }

    fn pause(target: Target, until: &str) -> Pause {
        Pause {
            target,
            until: at(until),
            who: "ada".to_owned(),
            why: "audit".to_owned(),
        }
    }

    fn shop() -> Target {
        Target::from_str("group:Shop/Production").unwrap()
    }

    #[test]
    fn pause_holds_what_it_names_until_it_ends() {
        let stops = Stops {
            pauses: vec![pause(shop(), "2026-01-05T12:00:00Z")],
            freeze: Freeze::default(),
        };
        let other = Target::from_str("group:Shop/Staging").unwrap();

        let stopped = stops.on(&shop(), at("2026-01-05T11:59:59Z")).unwrap();

        assert_eq!(
            stopped.to_string(),
            "Changes of Shop/Production are paused until 2026-01-05 12:00 UTC by ada: audit"
        );
        assert_eq!(stops.on(&shop(), at("2026-01-05T12:00:00Z")), None);
        assert_eq!(stops.on(&other, at("2026-01-05T11:00:00Z")), None);
    }

    #[test]
    fn pause_of_everything_holds_every_target() {
        let stops = Stops {
            pauses: vec![pause(Target::All, "2026-01-05T12:00:00Z")],
            freeze: Freeze::default(),
        };
        let now = at("2026-01-05T11:00:00Z");

        for target in [shop(), Target::Pipeline("shop".to_owned()), Target::All] {
            assert!(stops.on(&target, now).is_some(), "{target}");
        }
    }

    #[test]
    fn longest_of_several_pauses_is_told() {
        let stops = Stops {
            pauses: vec![
                pause(Target::All, "2026-01-05T12:00:00Z"),
                pause(shop(), "2026-01-06T12:00:00Z"),
            ],
            freeze: Freeze::default(),
        };

        let stopped = stops.on(&shop(), at("2026-01-05T11:00:00Z"));

        assert_eq!(
            stopped,
            Some(Stopped::Paused(pause(shop(), "2026-01-06T12:00:00Z")))
        );
    }

    #[test]
    fn calendar_knows_days_weeks_and_always() {
        let days = "2026-12-20/2027-01-03";
        assert_eq!(until(days, "2026-12-19T23:59:59Z"), None);
        let ends = Some(at("2027-01-04T00:00:00Z"));
        assert_eq!(until(days, "2026-12-20T00:00:00Z"), ends);
        assert_eq!(until(days, "2027-01-03T23:59:59Z"), ends);
        assert_eq!(until(days, "2027-01-04T00:00:00Z"), None);

        // 2026-01-09 is a Friday.
        let weekend = "Fri 16:00/Mon 06:00";
        assert_eq!(until(weekend, "2026-01-09T15:59:59Z"), None);
        let ends = Some(at("2026-01-12T06:00:00Z"));
        assert_eq!(until(weekend, "2026-01-09T16:00:00Z"), ends);
        assert_eq!(until(weekend, "2026-01-11T23:12:34Z"), ends);
        assert_eq!(until(weekend, "2026-01-12T06:00:00Z"), None);

        assert_eq!(
            until("always", "2026-01-12T06:00:00Z"),
            Some(Timestamp::MAX)
        );
        assert_eq!(until("", "2026-01-12T06:00:00Z"), None);
    }

    #[test]
    fn last_of_overlapping_spans_says_when_it_ends() {
        let both = "Fri 16:00/Mon 06:00, 2026-01-10/2026-01-13";
        assert_eq!(
            until(both, "2026-01-10T12:00:00Z"),
            Some(at("2026-01-14T00:00:00Z"))
        );
        assert_eq!(
            until("always, 2026-01-10/2026-01-13", "2026-01-10T12:00:00Z"),
            Some(Timestamp::MAX)
        );
    }

    #[test]
    fn what_is_no_span_is_named() {
        for wrong in [
            "never",
            "2027-01-03/2026-12-20",
            "Fri 16:00",
            "Fri 16:00/Fri 16:00",
            "Freitag 16:00/Mon 06:00",
            "Fri 24:00/Mon 06:00",
            "Fri 4:00/Mon 06:00",
            "2026-12-20/Mon 06:00",
        ] {
            let refused = Freeze::from_str(wrong).unwrap_err();
            assert_eq!(refused, NoSpan(wrong.to_owned()));
        }
    }

    #[test]
    fn calendar_that_cannot_be_read_holds_everything() {
        let stops = Stops {
            pauses: Vec::new(),
            freeze: Freeze::unreadable(),
        };

        let stopped = stops.on(&shop(), at("2026-01-05T11:00:00Z"));

        assert_eq!(stopped, Some(Stopped::Unreadable));
    }

    #[test]
    fn runbook_is_paused_by_its_name_on_whichever_hosts() {
        for limit in [None, Some("web-1")] {
            let place = Place::Runbook(crate::configuration::target("stop", limit));

            assert_eq!(Target::from(place), Target::Runbook("stop".to_owned()));
        }
    }

    #[test]
    fn targets_read_as_they_are_written() {
        for text in [
            "all",
            "group:Shop/Production",
            "flag:prod/percent",
            "runbook:stop-campaign",
            "pipeline:shop",
        ] {
            assert_eq!(Target::from_str(text).unwrap().to_string(), text);
        }
        for wrong in [
            "",
            "Shop",
            "group:Shop",
            "group:/Production",
            "runbook:",
            "runbook:a/b",
            "pipeline:",
            "flag:x",
            "flag:/x",
        ] {
            assert_eq!(Target::from_str(wrong), Err(NoTarget), "{wrong}");
        }
    }
}
