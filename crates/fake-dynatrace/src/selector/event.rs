//! Event selectors: criteria joined by commas, each at most once.

use super::{ParseError, call, literals, split};
use crate::events::Event;
use crate::v2_events::property::is_filterable;

/// A parsed event selector; an empty one matches everything.
#[derive(Debug)]
pub(crate) struct EventSelector(Vec<Criterion>);

#[derive(Debug)]
enum Criterion {
    Type(String),
    Entity(Vec<String>),
    Status(String),
    Correlation(Vec<String>),
    Property(String, Vec<String>),
}

impl EventSelector {
    pub(crate) fn parse(text: &str) -> Result<Self, ParseError> {
        if text.is_empty() {
            return Ok(Self(Vec::new()));
        }
        let mut seen = Vec::new();
        let mut criteria = Vec::new();
        for part in split(text, ',')? {
            let (name, Some(inside)) = call(part)? else {
                let message = format!("expected a criterion instead of `{part}`");
                return Err(ParseError(message));
            };
            if seen.contains(&name) {
                return Err(ParseError(format!("`{name}` is given more than once")));
            }
            seen.push(name);
            criteria.push(criterion(name, literals(inside)?)?);
        }
        Ok(Self(criteria))
    }

    /// Whether every criterion holds for `event` at `now`.
    pub(crate) fn matches(&self, event: &Event, now: i64) -> bool {
        self.0.iter().all(|criterion| criterion.holds(event, now))
    }
}

impl Criterion {
    fn holds(&self, event: &Event, now: i64) -> bool {
        match self {
            Self::Type(name) => event.event_type == *name,
            Self::Entity(ids) => ids.contains(&event.entity),
            Self::Status(status) => event.status(now).eq_ignore_ascii_case(status),
            Self::Correlation(ids) => ids.contains(&event.correlation_id),
            Self::Property(key, values) => event
                .property(key)
                .is_some_and(|value| values.iter().any(|each| each == value)),
        }
    }
}

fn criterion(name: &str, mut values: Vec<String>) -> Result<Criterion, ParseError> {
    let alone = matches!(name, "eventType" | "status");
    if values.is_empty() || (alone && values.len() > 1) {
        return Err(ParseError(format!("`{name}` has too few or many values")));
    }
    if let Some(key) = name.strip_prefix("property.") {
        return if is_filterable(key) {
            Ok(Criterion::Property(key.to_owned(), values))
        } else {
            Err(ParseError(format!("`{key}` is not filterable")))
        };
    }
    Ok(match name {
        "eventType" => Criterion::Type(values.remove(0)),
        "status" => Criterion::Status(values.remove(0)),
        "entityId" => Criterion::Entity(values),
        "correlationId" => Criterion::Correlation(values),
        _ => return Err(ParseError(format!("unknown criterion `{name}`"))),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_type_and_one_status_are_understood() {
        for text in [
            "",
            r#"eventType("CUSTOM_DEPLOYMENT"),status("closed")"#,
            r#"entityId("SERVICE-1","SERVICE-2")"#,
            r#"property.dt.event.deployment.version("42")"#,
        ] {
            assert!(EventSelector::parse(text).is_ok(), "{text}");
        }
        for text in [
            r#"eventType("CUSTOM_DEPLOYMENT","CUSTOM_INFO")"#,
            r#"eventType("CUSTOM_DEPLOYMENT"),eventType("CUSTOM_INFO")"#,
            r#"status("OPEN","CLOSED")"#,
            r#"property.dt.event.source("AWS CodePipeline")"#,
            r#"property.CodeDeploy.DeploymentId("d-1")"#,
            "status()",
            "status",
            r#"colour("red")"#,
        ] {
            assert!(EventSelector::parse(text).is_err(), "{text}");
        }
    }
}
