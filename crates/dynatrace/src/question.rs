//! The words in which a caller asks: which entities, when, which numbers.

use std::str::FromStr;

use serde::Deserialize;

/// Which numbers are wanted, of which entities, over which time.
///
/// Equal questions have equal answers, so a caller can ask them once.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Question {
    /// The entities whose numbers are wanted.
    pub scope: Scope,
    /// The time over which they are wanted.
    pub window: Window,
    /// The wanted numbers.
    pub series: Vec<Series>,
}

/// A span of time, in milliseconds since 1970 in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Window {
    /// The first millisecond.
    pub from_ms: i64,
    /// The end, exclusive.
    pub to_ms: i64,
}

/// Entities of one type that carry every one of the tags.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Scope {
    /// The type of the entities.
    pub entity_type: EntityType,
    /// Tags that an entity must all carry.
    pub tags: Vec<Tag>,
}

/// A kind of monitored entity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum EntityType {
    /// A service.
    Service,
    /// A web application.
    Application,
    /// A host.
    Host,
    /// A process group.
    ProcessGroup,
    /// One process.
    ProcessGroupInstance,
}

impl EntityType {
    const ALL: [Self; 5] = [
        Self::Service,
        Self::Application,
        Self::Host,
        Self::ProcessGroup,
        Self::ProcessGroupInstance,
    ];

    /// The tenant's word, with which ids of such entities begin.
    pub fn name(self) -> &'static str {
        match self {
            Self::Service => "SERVICE",
            Self::Application => "APPLICATION",
            Self::Host => "HOST",
            Self::ProcessGroup => "PROCESS_GROUP",
            Self::ProcessGroupInstance => "PROCESS_GROUP_INSTANCE",
        }
    }

    /// The type with this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.name() == name)
    }
}

/// A tag as Dynatrace keeps it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tag {
    /// Where the tag was imported from; `None` or `CONTEXTLESS` for a tag that
    /// was made in Dynatrace.
    pub context: Option<String>,
    /// The name of the tag.
    pub key: String,
    /// The value of the tag; in a [`Scope`], `None` accepts the key alone.
    pub value: Option<String>,
}

/// The text is no tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it is `key:value` or a key alone, as entities carry it, or `[CONTEXT]key:value`")]
pub struct NoTag;

/// `key:value` or a key alone, with `[CONTEXT]` before it where that matters.
impl FromStr for Tag {
    type Err = NoTag;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (context, text) = match text.strip_prefix('[') {
            Some(text) => {
                let (context, text) = text.split_once(']').ok_or(NoTag)?;
                (Some(context), text)
            }
            None => (None, text),
        };
        let (key, value) = match text.split_once(':') {
            Some((key, value)) => (key, Some(value)),
            None => (text, None),
        };
        let is_empty = |part: Option<&str>| part.is_some_and(str::is_empty);
        if key.is_empty() || is_empty(value) || is_empty(context) {
            return Err(NoTag);
        }
        Ok(Self {
            context: context.map(str::to_owned),
            key: key.to_owned(),
            value: value.map(str::to_owned),
        })
    }
}

impl Tag {
    /// Whether an entity that carries this tag carries the wanted one: what is
    /// wanted without a context or a value may have any.
    pub fn is(&self, wanted: &Self) -> bool {
        let context = wanted.imported_from();
        self.key == wanted.key
            && (wanted.value.is_none() || self.value == wanted.value)
            && (context.is_none() || self.imported_from() == context)
    }

    /// The context, unless it is the one that only says that there is none.
    pub(crate) fn imported_from(&self) -> Option<&str> {
        self.context
            .as_deref()
            .filter(|context| !context.is_empty() && !context.eq_ignore_ascii_case("CONTEXTLESS"))
    }
}

/// One wanted number.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Series {
    /// What is measured.
    pub metric: Metric,
    /// How the measurements of the window become one number.
    pub aggregation: Aggregation,
    /// How the numbers of several entities become one.
    pub merge: Merge,
    /// A service method (key request) of the scope's services, by name, whose
    /// number is wanted instead of the number of the services.
    pub method: Option<String>,
}

/// What is measured.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Metric {
    /// The id of a v1 timeseries; asked for in v2 it is translated.
    Timeseries(String),
    /// A v2 metric selector. One that ends without an aggregation of its own
    /// gets the one that was asked for.
    Selector(String),
}

impl Metric {
    pub(crate) fn as_str(&self) -> &str {
        match self {
            Self::Timeseries(text) | Self::Selector(text) => text,
        }
    }
}

/// How measurements become one number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Aggregation {
    /// The smallest.
    Min,
    /// The largest.
    Max,
    /// The average.
    Avg,
    /// The sum.
    Sum,
    /// The number of measurements; for counters, what they counted.
    Count,
    /// The middle one.
    Median,
    /// The one that a share of the others stays below.
    Percentile(Percentile),
}

impl Aggregation {
    /// The word that [`crate::metrics::Facts::aggregates`] uses.
    pub fn word(self) -> &'static str {
        match self {
            Self::Min => "min",
            Self::Max => "max",
            Self::Avg => "avg",
            Self::Sum => "sum",
            Self::Count => "count",
            Self::Median => "median",
            Self::Percentile(_) => "percentile",
        }
    }
}

/// A percentile between 0 and 100, exclusive, kept in thousandths of a percent
/// so that it can be compared and hashed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Percentile(u32);

impl Percentile {
    /// A percentile such as `90` or `99.9`; `None` outside of 0 to 100.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "the range is checked before the cast"
    )]
    pub fn from_percent(percent: f64) -> Option<Self> {
        let thousandths = (percent * 1000.0).round();
        (thousandths > 0.0 && thousandths < 100_000.0).then_some(Self(thousandths as u32))
    }

    /// The percentile as a number such as `90` or `99.9`.
    pub fn percent(self) -> f64 {
        f64::from(self.0) / 1000.0
    }
}

/// How the numbers of several entities become one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Merge {
    /// By Dynatrace, over all measurements of all entities: averages are
    /// weighted by traffic, percentiles are true, counts are summed.
    Tenant,
    /// The mean of one number per entity, whatever their traffic.
    Mean,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tag_is_wanted_with_its_context_or_with_any() {
        let tag = |text: &str| text.parse::<Tag>();
        let imported = tag("[AWS]Stage:Production").unwrap();
        assert_eq!(imported.context.as_deref(), Some("AWS"));
        assert_eq!(imported.key, "Stage");
        assert_eq!(imported.value.as_deref(), Some("Production"));

        let own = tag("Stage:Production").unwrap();
        assert!(imported.is(&own) && imported.is(&tag("Stage").unwrap()));
        assert!(imported.is(&imported) && !own.is(&imported));
        assert!(!own.is(&tag("Stage:Staging").unwrap()));
        for text in ["", ":value", "key:", "[AWS]", "[AWS", "[]key"] {
            assert_eq!(tag(text), Err(NoTag), "{text}");
        }
    }

    #[test]
    fn percentiles_keep_their_fraction() {
        let percent = |value| Percentile::from_percent(value).unwrap().percent();

        assert!((percent(90.0) - 90.0).abs() < f64::EPSILON);
        assert!((percent(99.9) - 99.9).abs() < f64::EPSILON);
        assert_eq!(
            Percentile::from_percent(99.9),
            Percentile::from_percent(99.900_000_001)
        );
    }

    #[test]
    fn percentiles_outside_of_the_range_do_not_exist() {
        for percent in [-1.0, 0.0, 100.0, 250.0, f64::NAN, f64::INFINITY] {
            assert_eq!(Percentile::from_percent(percent), None, "{percent}");
        }
    }
}
