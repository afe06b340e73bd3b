//! The parameters of an address, as anybody may write them.

use jiff::SignedDuration;
use release::link::Ticket;
use release::validation::ValidationId;
use store::{GateName, Part, ProblemEdge};

use release::links::{COMPARISON, PIPELINE};

/// How far back is looked without a word: the seven days of 2018.
const WEEK: u32 = 7 * 24 * 60;

/// Ten years, beyond which nothing is kept.
const LONGEST: u32 = 10 * 366 * 24 * 60;

/// The most builds of one answer.
pub(super) const MOST_BUILDS: u16 = 500;

/// The names of the gate that the page before ended with.
pub(super) const AFTER_PIPELINE: &str = "afterPipeline";
/// See [`AFTER_PIPELINE`].
pub(super) const AFTER_COMPARISON: &str = "afterComparison";

/// Two versions of a flag that are compared.
pub(super) const FROM: &str = "from";
/// See [`FROM`].
pub(super) const TO: &str = "to";

/// How soon is soon.
pub(super) const WITHIN: &str = "within";

/// How soon that is without a word, in minutes.
const SOON: u32 = 15;

/// What older things come before.
pub(super) const BEFORE: &str = "before";

/// The longest name of a pipeline or a comparison that is looked for.
const LONGEST_NAME: usize = 500;

/// Parameters by name. Where one is given twice, the first counts.
#[derive(Clone, Copy, Debug)]
pub(super) struct Parameters<'a>(pub(super) &'a [(String, String)]);

/// A parameter that cannot be used.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Wrong {
    pub(super) name: &'static str,
    pub(super) expected: &'static str,
}

impl<'a> Parameters<'a> {
    fn get(self, name: &str) -> Option<&'a str> {
        let found = self.0.iter().find(|(known, _)| known == name)?;
        Some(found.1.as_str()).filter(|value| !value.is_empty())
    }

    fn name(self, name: &str) -> Option<&'a str> {
        self.get(name).filter(|name| name.len() <= LONGEST_NAME)
    }

    pub(super) fn pipeline(self) -> Option<&'a str> {
        self.name(PIPELINE)
    }

    pub(super) fn comparison(self) -> Option<&'a str> {
        self.name(COMPARISON)
    }

    /// The gate behind which a start page begins.
    pub(super) fn after_gate(self) -> Option<GateName<'a>> {
        Some(GateName {
            pipeline: self.name(AFTER_PIPELINE)?,
            comparison: self.name(AFTER_COMPARISON)?,
        })
    }

    /// The first name that is missing.
    pub(super) fn missing(self) -> &'static str {
        match self.pipeline() {
            None => PIPELINE,
            Some(_) => COMPARISON,
        }
    }

    pub(super) fn ticket(self) -> Option<Ticket<'a>> {
        Some(Ticket {
            expiry: self.get("e")?.parse().ok()?,
            key: self.get("k")?,
            signature: self.get("s")?,
        })
    }

    /// How many minutes are looked back.
    pub(super) fn timespan(self) -> Result<u32, Wrong> {
        let minutes = self.get("timespan").map_or(Ok(WEEK), str::parse);
        minutes
            .ok()
            .filter(|minutes| (1..=LONGEST).contains(minutes))
            .ok_or(Wrong {
                name: "timespan",
                expected: "a number of minutes, from 1 to 5270400; 10080 are a week",
            })
    }

    /// Within how many minutes a problem closes soon.
    pub(super) fn within(self) -> Result<u32, Wrong> {
        let minutes = self.get(WITHIN).map_or(Ok(SOON), str::parse);
        let minutes = minutes.ok();
        minutes
            .filter(|minutes| (1..=LONGEST).contains(minutes))
            .ok_or(Wrong {
                name: WITHIN,
                expected: "a number of minutes, from 1 to 5270400",
            })
    }

    /// What older problems come before.
    pub(super) fn edge(self) -> Result<Option<ProblemEdge>, Wrong> {
        let edge = self.get(BEFORE).map(str::parse).transpose();
        edge.map_err(|_| Wrong {
            name: BEFORE,
            expected: "as a link to older problems has it",
        })
    }

    /// How many builds one answer shows, if that was asked for.
    pub(super) fn builds(self) -> Result<Option<u16>, Wrong> {
        let Some(builds) = self.get("builds") else {
            return Ok(None);
        };
        let builds = builds.parse().ok();
        let builds = builds.filter(|builds| (1..=MOST_BUILDS).contains(builds));
        builds.map(Some).ok_or(Wrong {
            name: "builds",
            expected: "how many builds to show at once, from 1 to 500",
        })
    }

    /// Whether JSON is asked for in the way of 2018.
    pub(super) fn as_in_2018(self) -> Result<bool, Wrong> {
        match self.get("json") {
            None => Ok(false),
            Some(word) if word.eq_ignore_ascii_case("false") => Ok(false),
            Some(word) if word.eq_ignore_ascii_case("true") => Ok(true),
            Some(_) => Err(Wrong {
                name: "json",
                expected: "`true` or `false`",
            }),
        }
    }

    /// A version of a flag.
    pub(super) fn version(self, name: &'static str) -> Result<Option<u64>, Wrong> {
        let version = self.get(name).map(str::parse).transpose();
        version.map_err(|_| Wrong {
            name,
            expected: "a version of the flag, which is a number",
        })
    }

    /// Two versions of a flag that are to be compared.
    pub(super) fn compared(self) -> Result<Option<[u64; 2]>, Wrong> {
        let (from, to) = (self.version(FROM)?, self.version(TO)?);
        Ok(from.zip(to).map(|(from, to)| [from, to]))
    }

    /// Which page of a history.
    pub(super) fn part(self) -> Result<Part, Wrong> {
        let id = |name: &'static str| -> Result<Option<ValidationId>, Wrong> {
            let id = self.get(name).map(str::parse).transpose();
            id.map_err(|_| Wrong {
                name,
                expected: "the id of a validation",
            })
        };
        Ok(match (id(BEFORE)?, id("after")?) {
            (Some(id), _) => Part::Before(id),
            (None, Some(id)) => Part::After(id),
            (None, None) => Part::Newest,
        })
    }
}

/// A number of minutes as a span of time.
pub(super) fn minutes(minutes: u32) -> SignedDuration {
    SignedDuration::from_mins(i64::from(minutes))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        pairs.iter().map(own).collect()
    }

    #[test]
    fn timespan_is_a_week_unless_it_is_given() {
        for (pairs, expected) in [
            (&[][..], Ok(10_080)),
            (&[("timespan", "")], Ok(10_080)),
            (&[("timespan", "60"), ("timespan", "90")], Ok(60)),
        ] {
            assert_eq!(Parameters(&given(pairs)).timespan(), expected, "{pairs:?}");
        }
    }

    #[test]
    fn timespan_that_is_no_time_is_refused() {
        for word in [
            "0",
            "-1",
            "1.5",
            "a week",
            "5270401",
            "99999999999999999999",
            " 7",
            "0x10",
        ] {
            let wrong = Parameters(&given(&[("timespan", word)]))
                .timespan()
                .unwrap_err();
            assert_eq!(wrong.name, "timespan", "{word}");
        }
    }

    #[test]
    fn half_a_ticket_is_none() {
        for pairs in [
            &[("e", "1"), ("k", "a")][..],
            &[("e", "1"), ("s", "a")],
            &[("e", "soon"), ("k", "a"), ("s", "a")],
            &[("e", "99999999999999999999"), ("k", "a"), ("s", "a")],
        ] {
            assert_eq!(Parameters(&given(pairs)).ticket(), None, "{pairs:?}");
        }
    }

    #[test]
    fn name_that_is_too_long_is_missing() {
        let pairs = given(&[(PIPELINE, &"x".repeat(501)), (COMPARISON, "a")]);
        let parameters = Parameters(&pairs);

        assert_eq!(parameters.pipeline(), None);
        assert_eq!(parameters.missing(), PIPELINE);
    }
}
