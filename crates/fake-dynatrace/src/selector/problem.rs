//! Problem selectors: criteria joined by commas, their values alternatives.

use super::{ParseError, call, literals, split};
use crate::problems::Problem;

/// A parsed problem selector; an empty one matches everything.
#[derive(Debug)]
pub(crate) struct ProblemSelector(Vec<(Criterion, Vec<String>)>);

#[derive(Clone, Copy, Debug, PartialEq)]
enum Criterion {
    Status,
    Severity,
    Impact,
    ImpactedEntities,
    AffectedEntities,
    RootCause,
    ProblemId,
    DisplayId,
}

impl ProblemSelector {
    pub(crate) fn parse(text: &str) -> Result<Self, ParseError> {
        if text.is_empty() {
            return Ok(Self(Vec::new()));
        }
        let mut criteria: Vec<(Criterion, Vec<String>)> = Vec::new();
        for part in split(text, ',')? {
            let (name, Some(inside)) = call(part)? else {
                let message = format!("expected a criterion instead of `{part}`");
                return Err(ParseError(message));
            };
            let criterion = criterion(name)?;
            let values = literals(inside)?;
            if values.is_empty() || criteria.iter().any(|(seen, _)| *seen == criterion) {
                let message = format!("`{name}` is given once, with values");
                return Err(ParseError(message));
            }
            criteria.push((criterion, values));
        }
        Ok(Self(criteria))
    }

    /// Whether every criterion holds for `problem`.
    pub(crate) fn matches(&self, problem: &Problem) -> bool {
        self.0
            .iter()
            .all(|(criterion, values)| criterion.holds(values, problem))
    }
}

impl Criterion {
    fn holds(self, values: &[String], problem: &Problem) -> bool {
        let any = |is: &str| values.iter().any(|value| value.eq_ignore_ascii_case(is));
        match self {
            Self::Status => any(problem.status()),
            Self::Severity => any(problem.is.severity.name()),
            Self::Impact => any(problem.is.impact.in_v2()),
            Self::ImpactedEntities => problem.is.impacted.iter().any(|id| any(id)),
            Self::AffectedEntities => problem.affected().into_iter().any(any),
            Self::RootCause => problem.is.root_cause.as_deref().is_some_and(any),
            Self::ProblemId => any(&problem.id),
            Self::DisplayId => any(&problem.display_id),
        }
    }
}

fn criterion(name: &str) -> Result<Criterion, ParseError> {
    Ok(match name {
        "status" => Criterion::Status,
        "severityLevel" => Criterion::Severity,
        "impactLevel" => Criterion::Impact,
        "impactedEntities" => Criterion::ImpactedEntities,
        "affectedEntities" => Criterion::AffectedEntities,
        "rootCauseEntity" => Criterion::RootCause,
        "problemId" => Criterion::ProblemId,
        "displayId" => Criterion::DisplayId,
        _ => return Err(ParseError(format!("unknown criterion `{name}`"))),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn criteria_are_given_once_and_with_values() {
        for text in [
            "",
            r#"status("open"),impactedEntities("SERVICE-1","SERVICE-2")"#,
        ] {
            assert!(ProblemSelector::parse(text).is_ok(), "{text}");
        }
        for text in [
            "status()",
            "status",
            r#"status("open"),status("closed")"#,
            r#"colour("red")"#,
        ] {
            assert!(ProblemSelector::parse(text).is_err(), "{text}");
        }
    }
}
