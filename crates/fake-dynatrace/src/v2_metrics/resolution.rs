//! How finely a query cuts its timeframe.

use std::fmt;

use crate::answer::ServiceError;
use crate::request::{Window, timespan};

const MINUTE: i64 = 60_000;
const DEFAULT_POINTS: i64 = 120;
const MAX_POINTS: i64 = 10_080;

/// The resolution of a query.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Resolution {
    /// One value for the whole timeframe.
    Inf,
    /// Slots of this many milliseconds, whole minutes.
    Slots(i64),
}

impl Resolution {
    pub(super) fn parse(text: Option<&str>, window: Window) -> Result<Self, ServiceError> {
        let length = window.to.saturating_sub(window.from);
        let width = match text {
            Some("Inf") => return Ok(Self::Inf),
            None => width_for(length, DEFAULT_POINTS),
            Some(text) => match text.parse::<i64>() {
                Ok(points) if points > 0 => width_for(length, points),
                _ => timespan(text).ok_or_else(|| {
                    ServiceError::query("resolution", format!("'{text}' is not a resolution"))
                })?,
            },
        };
        if length / width > MAX_POINTS {
            let message = format!("the query reads more than {MAX_POINTS} points per series");
            return Err(ServiceError::query("resolution", message));
        }
        Ok(Self::Slots(width))
    }
}

impl fmt::Display for Resolution {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Inf => f.write_str("Inf"),
            Self::Slots(width) => write!(f, "{}m", width / MINUTE),
        }
    }
}

fn width_for(length: i64, points: i64) -> i64 {
    (length / points / MINUTE).max(1) * MINUTE
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: Option<&str>, minutes: i64) -> Option<Resolution> {
        Resolution::parse(
            text,
            Window {
                from: 0,
                to: minutes * MINUTE,
            },
        )
        .ok()
    }

    #[test]
    fn resolutions_are_a_length_a_number_or_none_at_all() {
        let slots = |minutes| Some(Resolution::Slots(minutes * MINUTE));
        assert_eq!(parse(Some("Inf"), 5), Some(Resolution::Inf));
        assert_eq!(parse(Some("10m"), 60), slots(10));
        assert_eq!(parse(Some("4"), 60), slots(15));
        assert_eq!(parse(None, 240), slots(2));
        assert_eq!(parse(None, 5), slots(1));
        assert_eq!(parse(Some("0:Inf"), 5), None);
    }

    #[test]
    fn too_many_points_are_refused() {
        assert!(parse(Some("1m"), 10_080).is_some());
        assert!(parse(Some("1m"), 10_081).is_none());
    }
}
