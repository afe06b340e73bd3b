//! A launch, and what became of it.

use reqwest::StatusCode;
use serde_json::{Map, Value, json};

use crate::error::Error;
use crate::http::{Failure, Reply};
use crate::job::{Job, JobKind, JobRef, WireJob};
use crate::template::TemplateKind;

/// What a launch asks for.
#[derive(Clone, Debug, PartialEq)]
pub struct Order {
    /// The variables, which beat those of the survey and the template.
    pub variables: Map<String, Value>,
    /// The hosts; those of the template unless it is given. An empty text would
    /// mean all of them and is never sent.
    pub limit: Option<String>,
    /// Whether to run or to check.
    pub job_type: JobType,
}

/// Whether a playbook changes anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JobType {
    /// It does. It is what templates do, and not said.
    Run,
    /// It says what it would change, as far as its modules can.
    Check,
}

impl JobType {
    /// The controller's word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Run => "run",
            Self::Check => "check",
        }
    }
}

impl Order {
    pub(crate) fn body(&self) -> Value {
        let mut body = Map::new();
        if !self.variables.is_empty() {
            body.insert("extra_vars".to_owned(), json!(self.variables));
        }
        if let Some(limit) = self.limit.as_ref().filter(|limit| !limit.is_empty()) {
            body.insert("limit".to_owned(), json!(limit));
        }
        if self.job_type == JobType::Check {
            body.insert("job_type".to_owned(), json!("check"));
        }
        Value::Object(body)
    }
}

/// What became of a launch.
#[derive(Debug)]
#[must_use = "what was launched has to be compared with what was ordered"]
pub enum Launch {
    /// It was launched, which is not yet what was ordered: see
    /// [`Launched::differences`].
    Launched(Box<Launched>),
    /// The controller said no, and nothing was launched.
    Refused {
        /// The status of its answer.
        status: u16,
        /// Why.
        text: String,
    },
    /// Nobody was there, and nothing was sent.
    NotSent(Error),
    /// Nobody can say whether it was launched, or will be within the next two
    /// minutes and a half.
    Unknown(Error),
}

/// A job that was just launched.
#[derive(Clone, Debug, PartialEq)]
pub struct Launched {
    /// The job.
    pub job: Job,
    /// The fields of the order that the controller has dropped.
    pub ignored: Vec<String>,
}

/// How a job differs from what was ordered.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Difference {
    /// The template does not take the field, and the controller has dropped it.
    #[error("`{0}` was ignored")]
    Ignored(String),
    /// It runs on other hosts.
    #[error("the limit is `{is}` instead of `{ordered}`")]
    Limit {
        /// What was ordered.
        ordered: String,
        /// What it is; empty for all hosts.
        is: String,
    },
    /// It checks instead of running, or worse.
    #[error("the job type is `{is}` instead of `{ordered}`")]
    JobType {
        /// What was ordered.
        ordered: &'static str,
        /// What it is.
        is: String,
    },
    /// A variable is missing or has another value.
    #[error("the variable `{0}` did not arrive")]
    Variable(String),
}

impl Launched {
    /// How it differs from what was ordered.
    pub fn differences(&self, order: &Order) -> Vec<Difference> {
        let ignored = self.ignored.iter().cloned().map(Difference::Ignored);
        ignored.chain(self.job.differences(order)).collect()
    }
}

impl Job {
    /// How it differs from what was ordered, as far as the job itself shows.
    pub fn differences(&self, order: &Order) -> Vec<Difference> {
        let mut differences = Vec::new();
        if let Some(ordered) = &order.limit
            && *ordered != self.limit
        {
            differences.push(Difference::Limit {
                ordered: ordered.clone(),
                is: self.limit.clone(),
            });
        }
        // A workflow job has none.
        let ordered = order.job_type.word();
        let has_type = self.at.kind == JobKind::Job || !self.job_type.is_empty();
        if has_type && self.job_type != ordered {
            differences.push(Difference::JobType {
                ordered,
                is: self.job_type.clone(),
            });
        }
        let arrived = |name: &str| self.variables.as_ref().and_then(|all| all.get(name));
        let missing = order
            .variables
            .iter()
            .filter(|(name, value)| arrived(name) != Some(*value));
        differences.extend(missing.map(|(name, _)| Difference::Variable(name.clone())));
        differences
    }
}

/// Only 201 is a launch: a redirect that is followed answers 200 with the form
/// of a launch, and a proxy answers anything.
pub(crate) fn outcome(answer: Result<Reply, Failure>) -> Launch {
    match answer {
        Ok(reply) if reply.status == StatusCode::CREATED => match launched(&reply) {
            Ok(launched) => Launch::Launched(Box::new(launched)),
            Err(error) => Launch::Unknown(error),
        },
        Ok(reply) => Launch::Unknown(Error::malformed(format!(
            "a launch is answered by 201, not by {}",
            reply.status.as_u16()
        ))),
        Err(Failure {
            status: None,
            error: error @ (Error::Unreachable(_) | Error::Untrusted(_)),
            ..
        }) => Launch::NotSent(error),
        Err(Failure { status, error, .. }) => match status {
            Some(
                status @ (StatusCode::BAD_REQUEST
                | StatusCode::UNAUTHORIZED
                | StatusCode::FORBIDDEN
                | StatusCode::NOT_FOUND
                | StatusCode::METHOD_NOT_ALLOWED),
            ) => Launch::Refused {
                status: status.as_u16(),
                text: match error {
                    Error::Forbidden(text) => format!(
                        "{text} (the token needs the scope `write`, the user the role `Execute`)"
                    ),
                    Error::Unauthorised(text) | Error::Refused(text) | Error::Unknown(text) => text,
                    other => other.to_string(),
                },
            },
            _ => Launch::Unknown(error),
        },
    }
}

fn launched(reply: &Reply) -> Result<Launched, Error> {
    let job: WireJob = reply.read()?;
    let rest: Value = reply.read()?;
    let ignored = rest.get("ignored_fields").and_then(Value::as_object);
    Ok(Launched {
        job: job.read(),
        ignored: ignored.map_or_else(Vec::new, |fields| fields.keys().cloned().collect()),
    })
}

/// Where a template is launched, and where it says what it asks for.
pub(crate) fn path(kind: TemplateKind, id: u64) -> String {
    format!("/{}/{id}/launch/", kind.path())
}

/// Where people see a job; nothing behind a gateway, whose pages are others.
pub(crate) fn page(base: &str, job: JobRef) -> Option<String> {
    let root = base.strip_suffix("/api/v2")?;
    let kind = match job.kind {
        crate::job::JobKind::Job => "playbook",
        crate::job::JobKind::Workflow => "workflow",
    };
    Some(format!("{root}/#/jobs/{kind}/{}", job.id))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn job_that_does_not_say_its_type_is_not_what_was_ordered() {
        let order = Order {
            variables: Map::new(),
            limit: None,
            job_type: JobType::Check,
        };
        let differences = |kind: &str, job_type: Value| {
            let wire = json!({"id": 1, "type": kind, "status": "new", "job_type": job_type});
            let job = serde_json::from_value::<WireJob>(wire).unwrap().read();
            job.differences(&order).len()
        };

        assert_eq!(differences("job", json!("check")), 0);
        assert_eq!(differences("job", json!("run")), 1);
        assert_eq!(differences("job", Value::Null), 1);
        // A workflow job has none.
        assert_eq!(differences("workflow_job", Value::Null), 0);
    }
}
