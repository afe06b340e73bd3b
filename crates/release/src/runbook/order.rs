//! What a controller is told of a run.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::settings::Compat;
use super::{Attempt, Marking, Purpose, Run};

/// More is not passed on; a controller takes variables of a few kilobytes.
const LARGEST: usize = 16 * 1024;

/// The longest text of somebody else that is passed on, in characters.
const LONGEST: usize = 300;

/// The most entities that are named.
const MOST: usize = 20;

/// What is launched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// The variables.
    pub variables: Map<String, Value>,
    /// The hosts, unless the template says which.
    pub limit: Option<String>,
    /// Whether it shall only check.
    pub purpose: Purpose,
}

/// What a run tells its playbook of the problem.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct About {
    /// What people call the problem.
    pub display: Option<String>,
    /// What is wrong.
    pub title: Option<String>,
    /// How bad it is.
    pub severity: Option<String>,
    /// Where people see it.
    pub url: Option<String>,
    /// The entities that it is felt on.
    pub entities: Vec<Entity>,
}

/// An entity that a problem is felt on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entity {
    /// Its type, such as `SERVICE`.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// Its id.
    pub entity: String,
}

/// What of a job's variables names the run.
pub const MARKER: [&str; 2] = ["unbreakable", "run"];

impl Run {
    /// What an attempt launches; the same whenever it is asked for.
    pub fn order(&self, attempt: &Attempt) -> Order {
        let mut variables = Map::new();
        if attempt.marking == Marking::Variables {
            variables.insert(MARKER[0].to_owned(), self.told(attempt));
            if self.runbook.compat == Compat::Seed {
                variables.extend(self.as_notified());
            }
        }
        // The operator's names are none of these.
        variables.extend(self.input.variables.clone());
        Order {
            variables,
            limit: self.input.limit.clone(),
            purpose: attempt.purpose,
        }
    }

    fn told(&self, attempt: &Attempt) -> Value {
        let about = &self.about;
        json!({
            "run": self.id,
            "mode": match attempt.purpose {
                Purpose::Check => "check",
                Purpose::Real => "run",
            },
            "problem": {
                "pid": inert(&self.problem),
                "display": about.display.as_deref().map(inert),
                "title": about.title.as_deref().map(inert),
                "severity": about.severity.as_deref().map(inert),
                "url": about.url.as_deref().map(inert),
            },
            "entities": self.entities(),
            "event": {
                "id": inert(&self.cause.id),
                "type": inert(&self.cause.kind),
                "start": seconds(self.cause.at),
                "title": inert(&self.cause.title),
                "source": inert(&self.cause.source),
            },
            "deadline": seconds(attempt.deadline),
        })
    }

    /// The names that Dynatrace's own notification uses.
    fn as_notified(&self) -> [(String, Value); 3] {
        [
            ("pid".to_owned(), json!(inert(&self.problem))),
            ("state".to_owned(), json!("OPEN")),
            ("impactedEntities".to_owned(), self.entities()),
        ]
    }

    fn entities(&self) -> Value {
        let entities = self.about.entities.iter().take(MOST).map(|entity| {
            json!({
                "type": inert(&entity.kind),
                "name": inert(&entity.name),
                "entity": inert(&entity.entity),
            })
        });
        Value::Array(entities.collect())
    }
}

impl Order {
    /// Whether it is more than a controller is told.
    pub(super) fn is_too_large(&self) -> bool {
        LARGEST < Value::Object(self.variables.clone()).to_string().len()
    }
}

/// What somebody else wrote, short, and so that no controller evaluates it.
fn inert(text: &str) -> String {
    let mut inert = String::new();
    for c in text.chars().filter(|c| !c.is_control()).take(LONGEST) {
        if inert.ends_with('{') && "{%#".contains(c) {
            inert.push(' ');
        }
        inert.push(c);
    }
    inert
}

fn seconds(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runbook::variables::has_marks;

    #[test]
    fn foreign_text_is_passed_on_inert() {
        for text in [
            "{{7*7}}",
            "{{{x}}}",
            "{%x%}",
            "{{#{{{{",
            "{\u{7}{x}}",
            "fine \u{1f600} \"q\"",
        ] {
            assert!(!has_marks(&inert(text)), "{text}: {}", inert(text));
        }
        assert_eq!(inert("{{7*7}}"), "{ {7*7}}");
        assert_eq!(inert("a {b} \u{1f600}"), "a {b} \u{1f600}");
        assert_eq!(inert(&"x".repeat(1_000)).len(), LONGEST);
    }
}
