//! One request as the tenant reads it: decoded path, decoded query, timeframe.

use axum::http::Method;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::answer::ServiceError;

/// A request after decoding; the environment prefix is already gone.
pub(super) struct Incoming<'a> {
    pub(super) method: &'a Method,
    pub(super) path: &'a [String],
    pub(super) query: &'a Query,
    pub(super) body: &'a [u8],
}

/// Decoded query pairs in the order they were sent.
pub(super) struct Query(Vec<(String, String)>);

/// A half-open stretch of time, `[from, to)`, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Window {
    pub(super) from: i64,
    pub(super) to: i64,
}

/// A whole number that API v1 also takes as text.
#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum Loose {
    Number(i64),
    Text(String),
}

impl Loose {
    pub(super) fn number(&self) -> Option<i64> {
        match self {
            Self::Number(number) => Some(*number),
            Self::Text(text) => text.parse().ok(),
        }
    }
}

impl Incoming<'_> {
    pub(super) fn json<T: DeserializeOwned>(&self) -> Result<T, ServiceError> {
        serde_json::from_slice(self.body)
            .map_err(|_| ServiceError::bad_request("The request body could not be parsed."))
    }
}

impl Query {
    /// Decodes a raw query as forms do: an unencoded `+` is a space.
    pub(super) fn parse(raw: &str) -> Self {
        let pairs = url::form_urlencoded::parse(raw.as_bytes());
        Self(pairs.into_owned().collect())
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.pairs()
            .find(|(key, _)| *key == name)
            .map(|(_, value)| value)
    }

    pub(super) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.pairs()
            .filter(move |(key, _)| *key == name)
            .map(|(_, value)| value)
    }

    pub(super) fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0
            .iter()
            .map(|(key, value)| (key.as_str(), value.as_str()))
    }

    /// The timeframe that `from` and `to` ask for in the v2 endpoints.
    pub(super) fn window(&self, now: i64, default_length: i64) -> Result<Window, ServiceError> {
        let from = match self.get("from") {
            Some(text) => moment(text, now).ok_or_else(|| not_a_moment("from", text))?,
            None => now - default_length,
        };
        let to = match self.get("to") {
            Some(text) => moment(text, now).ok_or_else(|| not_a_moment("to", text))?,
            None => now,
        };
        if to <= from {
            return Err(ServiceError::query(
                "from",
                "the timeframe must start before it ends",
            ));
        }
        Ok(Window { from, to })
    }
}

fn not_a_moment(path: &'static str, text: &str) -> ServiceError {
    ServiceError::query(path, format!("'{text}' is not a valid timestamp"))
}

/// Reads UTC milliseconds, `now` or `now-15m`.
fn moment(text: &str, now: i64) -> Option<i64> {
    if let Ok(ms) = text.parse() {
        return Some(ms);
    }
    match text.strip_prefix("now")? {
        "" => Some(now),
        ago => Some(now - timespan(ago.strip_prefix('-')?)?),
    }
}

/// Reads a timespan such as `10m` as milliseconds.
pub(super) fn timespan(text: &str) -> Option<i64> {
    let unit = text.chars().next_back()?;
    let amount: i64 = text.strip_suffix(unit)?.parse().ok()?;
    let scale = match unit {
        'm' => 60_000,
        'h' => 3_600_000,
        'd' => 86_400_000,
        'w' => 7 * 86_400_000,
        _ => return None,
    };
    (amount > 0).then(|| amount.saturating_mul(scale))
}

impl Window {
    pub(super) fn contains(self, at: i64) -> bool {
        self.from <= at && at < self.to
    }

    /// The part of the window before `end`.
    pub(super) fn before(self, end: i64) -> Self {
        Self {
            to: self.to.min(end),
            ..self
        }
    }

    /// Cuts the window at whole multiples of `width`.
    pub(super) fn slots(self, width: i64) -> impl Iterator<Item = Self> {
        let first = self.from.div_euclid(width);
        (first..)
            .map(move |index| Self {
                from: self.from.max(index * width),
                to: self.to.min((index + 1) * width),
            })
            .take_while(move |slot| slot.from < self.to)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_790_000_000_000;

    fn window(query: &str) -> Option<Window> {
        Query::parse(query).window(NOW, 1_000).ok()
    }

    #[test]
    fn timeframes_are_milliseconds_or_relative_to_now() {
        let cases = [
            ("", NOW - 1_000, NOW),
            ("from=5&to=7", 5, 7),
            ("from=now-15m", NOW - 900_000, NOW),
            ("from=now-1d&to=now-2h", NOW - 86_400_000, NOW - 7_200_000),
        ];
        for (query, from, to) in cases {
            assert_eq!(window(query), Some(Window { from, to }), "{query}");
        }
        for query in [
            "from=soon",
            "from=7&to=7",
            "from=now-15",
            "from=now-0m",
            "to=now+1m",
        ] {
            assert_eq!(window(query), None, "{query}");
        }
    }

    #[test]
    fn slots_are_aligned_and_cut_by_the_window() {
        let slots: Vec<_> = Window { from: 5, to: 21 }.slots(10).collect();
        let expected = [(5, 10), (10, 20), (20, 21)].map(|(from, to)| Window { from, to });
        assert_eq!(slots, expected);
    }
}
