//! What a problem must be for something to follow from it.
//!
//! A condition knows nothing of what follows. Its clauses must all hold; one that
//! is left out holds. Names are compared in one spelling, whichever of the tenant's
//! interfaces they come from.

mod facts;
pub(crate) mod read;

use std::fmt;

use jiff::SignedDuration;
use monspec::Tag;
use serde::{Deserialize, Serialize};

use crate::behind::is_carried;

pub use facts::{Facts, NoSample, Sample, entity_type};

/// The type of the entities whose number counts where nothing else is said.
pub const SERVICE: &str = "SERVICE";

/// What a problem must be.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Condition {
    /// It is of one of these categories.
    pub category: Vec<Category>,
    /// It affects an entity of one of these types, as `SERVICE`.
    pub entity_types: Vec<String>,
    /// It affects so many services at least.
    pub min_services: Option<usize>,
    /// Its title contains this, in capital or small letters.
    pub title_contains: Option<String>,
    /// Its entities carry all of these.
    pub tags: Vec<Tag>,
    /// A number of its entities is so large or small.
    pub metric: Option<Metric>,
}

/// How a problem shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Category {
    /// Something does not answer.
    Availability,
    /// Something fails.
    Error,
    /// Something is slow.
    Performance,
    /// Something is used up.
    ResourceContention,
    /// A limit that a person set is passed.
    CustomAlert,
    /// Something is not monitored any more.
    MonitoringUnavailable,
}

/// A number that the tenant is asked for.
#[derive(Clone, Debug, PartialEq)]
pub struct Metric {
    /// The metric selector.
    pub selector: String,
    /// How the number is compared.
    pub op: Comparison,
    /// With what.
    pub value: f64,
    /// Over how long, until now.
    pub window: SignedDuration,
    /// The type of the affected entities whose number it is; of several, the worst
    /// number counts.
    pub entity_type: String,
}

/// How a number is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Comparison {
    /// It is larger.
    #[serde(rename = ">")]
    Above,
    /// It is not smaller.
    #[serde(rename = ">=")]
    AtLeast,
    /// It is smaller.
    #[serde(rename = "<")]
    Below,
    /// It is not larger.
    #[serde(rename = "<=")]
    AtMost,
}

/// What came of a question for a number.
#[derive(Clone, Debug, PartialEq)]
pub enum Measured {
    /// It is this.
    Number(f64),
    /// There is none, for this reason.
    Gap(String),
}

/// The clauses, in the order in which they are looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Clause {
    /// [`Condition::category`].
    Category,
    /// [`Condition::entity_types`].
    EntityTypes,
    /// [`Condition::min_services`].
    MinServices,
    /// [`Condition::title_contains`].
    TitleContains,
    /// [`Condition::tags`].
    Tags,
    /// [`Condition::metric`].
    Metric,
}

/// One clause beside a problem.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Checked {
    /// Which.
    pub clause: Clause,
    /// What it wants.
    pub wants: String,
    /// What the problem has.
    pub found: String,
    /// Whether it holds; nothing as long as its number was not asked for.
    pub holds: Option<bool>,
}

/// Whether a condition holds.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer<'a> {
    /// It does.
    Holds,
    /// This clause does not: the first of them.
    Differs(Checked),
    /// It does if this number is as it should be.
    Ask(&'a Metric),
}

impl Condition {
    /// Whether it wants nothing, so that it holds for every problem.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Whether it holds. A number that is not there does not hold.
    pub fn answer(
        &self,
        facts: &Facts,
        measured: impl Fn(&Metric) -> Option<Measured>,
    ) -> Answer<'_> {
        let mut checked = self.check(facts, measured).into_iter();
        let open = checked.find(|one| one.holds != Some(true));
        match (open, &self.metric) {
            (None, _) => Answer::Holds,
            // The number comes last, so everything else holds.
            (Some(Checked { holds: None, .. }), Some(metric)) => Answer::Ask(metric),
            (Some(one), _) => Answer::Differs(one),
        }
    }

    /// Every clause beside a problem, in order.
    pub fn check(
        &self,
        facts: &Facts,
        measured: impl Fn(&Metric) -> Option<Measured>,
    ) -> Vec<Checked> {
        let category = (!self.category.is_empty()).then(|| Checked {
            clause: Clause::Category,
            wants: one_of(self.category.iter().map(|one| one.as_str())),
            found: or_nothing(&facts.category),
            holds: Some(
                Category::named(&facts.category).is_some_and(|one| self.category.contains(&one)),
            ),
        });
        let types = facts.types();
        let entity_types = (!self.entity_types.is_empty()).then(|| Checked {
            clause: Clause::EntityTypes,
            wants: one_of(self.entity_types.iter().map(String::as_str)),
            found: or_nothing(&types.iter().cloned().collect::<Vec<_>>().join(", ")),
            holds: Some(self.entity_types.iter().any(|one| types.contains(one))),
        });
        let services = facts.services();
        let min_services = self.min_services.map(|least| Checked {
            clause: Clause::MinServices,
            wants: format!("at least {least}"),
            found: services.to_string(),
            holds: Some(least <= services),
        });
        let title_contains = self.title_contains.as_ref().map(|part| Checked {
            clause: Clause::TitleContains,
            wants: format!("`{part}`"),
            found: format!("`{}`", facts.title),
            holds: Some(facts.title.to_lowercase().contains(&part.to_lowercase())),
        });
        let missing: Vec<String> = self
            .tags
            .iter()
            .filter(|wanted| !facts.tags.iter().any(|tag| is_carried(wanted, tag)))
            .map(ToString::to_string)
            .collect();
        let tags = (!self.tags.is_empty()).then(|| Checked {
            clause: Clause::Tags,
            wants: self
                .tags
                .iter()
                .map(ToString::to_string)
                .collect::<Vec<_>>()
                .join(", "),
            found: if missing.is_empty() {
                "all of them".to_owned()
            } else {
                format!("no {}", missing.join(", no "))
            },
            holds: Some(missing.is_empty()),
        });
        let metric = self
            .metric
            .as_ref()
            .map(|metric| metric.check(measured(metric)));
        [
            category,
            entity_types,
            min_services,
            title_contains,
            tags,
            metric,
        ]
        .into_iter()
        .flatten()
        .collect()
    }
}

impl Metric {
    fn check(&self, measured: Option<Measured>) -> Checked {
        let (found, holds) = match measured {
            None => ("not asked for".to_owned(), None),
            Some(Measured::Gap(why)) => (format!("no number: {why}"), Some(false)),
            Some(Measured::Number(number)) => {
                (number.to_string(), Some(self.op.holds(number, self.value)))
            }
        };
        Checked {
            clause: Clause::Metric,
            wants: self.to_string(),
            found,
            holds,
        }
    }
}

impl fmt::Display for Metric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            selector,
            op,
            value,
            window,
            entity_type,
        } = self;
        let op = op.as_str();
        write!(
            f,
            "{selector} {op} {value} for a {entity_type} over {window:#}"
        )
    }
}

impl Comparison {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Above, Self::AtLeast, Self::Below, Self::AtMost];

    /// As it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Above => ">",
            Self::AtLeast => ">=",
            Self::Below => "<",
            Self::AtMost => "<=",
        }
    }

    /// Whether it holds; not for what is no number.
    pub fn holds(self, number: f64, value: f64) -> bool {
        match self {
            Self::Above => number > value,
            Self::AtLeast => number >= value,
            Self::Below => number < value,
            Self::AtMost => number <= value,
        }
    }

    /// Of several numbers the one that holds if any does.
    pub fn worst(self, numbers: impl IntoIterator<Item = f64>) -> Option<f64> {
        let worse = match self {
            Self::Above | Self::AtLeast => f64::max,
            Self::Below | Self::AtMost => f64::min,
        };
        numbers.into_iter().reduce(worse)
    }
}

impl Category {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Availability,
        Self::Error,
        Self::Performance,
        Self::ResourceContention,
        Self::CustomAlert,
        Self::MonitoringUnavailable,
    ];

    /// The word of the tenant's API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Availability => "AVAILABILITY",
            Self::Error => "ERROR",
            Self::Performance => "PERFORMANCE",
            Self::ResourceContention => "RESOURCE_CONTENTION",
            Self::CustomAlert => "CUSTOM_ALERT",
            Self::MonitoringUnavailable => "MONITORING_UNAVAILABLE",
        }
    }

    /// The category of this name, which events spell differently.
    pub fn named(name: &str) -> Option<Self> {
        let name = name.trim().to_ascii_uppercase();
        let name = match name.as_str() {
            "SLOWDOWN" => "PERFORMANCE",
            name => name,
        };
        Self::ALL.into_iter().find(|one| one.as_str() == name)
    }
}

impl Clause {
    /// The field of the file.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Category => "category",
            Self::EntityTypes => "entityTypes",
            Self::MinServices => "minServices",
            Self::TitleContains => "titleContains",
            Self::Tags => "tags",
            Self::Metric => "metric",
        }
    }
}

impl fmt::Display for Checked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            clause,
            wants,
            found,
            ..
        } = self;
        write!(f, "`{}` wants {wants}, found {found}", clause.as_str())
    }
}

fn one_of<'a>(words: impl Iterator<Item = &'a str>) -> String {
    words.collect::<Vec<_>>().join(" or ")
}

fn or_nothing(text: &str) -> String {
    if text.is_empty() { "nothing" } else { text }.to_owned()
}

#[cfg(test)]
mod tests;
