//! What the tenant takes for a problem, and what people say about it.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::ids;
use super::topology::type_of;

/// How bad a problem is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Severity {
    /// Something is down.
    Availability,
    /// Something fails.
    Error,
    /// Something is slow.
    Performance,
    /// Something runs out.
    ResourceContention,
    /// A custom alert was raised.
    CustomAlert,
}

/// What a problem concerns.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Impact {
    /// Users of an application.
    Application,
    /// Callers of a service.
    Service,
    /// Hosts and processes.
    Infrastructure,
    /// Everything.
    Environment,
}

/// A comment on a problem.
#[derive(Clone, Debug, PartialEq)]
pub struct Comment {
    /// The id.
    pub id: String,
    /// When it was posted, in milliseconds.
    pub at: i64,
    /// The text.
    pub text: String,
    /// Who wrote it: named by the sender in v1, the token's owner in v2.
    pub author: String,
    /// Where it comes from, if the sender said so.
    pub context: Option<String>,
}

/// A comment before the tenant stores it.
pub(super) struct Said {
    pub(super) text: String,
    pub(super) author: String,
    pub(super) context: Option<String>,
}

/// A problem before the tenant knows it.
#[derive(Clone)]
pub(super) struct Draft {
    pub(super) title: String,
    pub(super) severity: Severity,
    pub(super) impact: Impact,
    pub(super) impacted: Vec<String>,
    /// What it touches without being felt there.
    pub(super) touched: Vec<String>,
    pub(super) root_cause: Option<String>,
    pub(super) start: Option<i64>,
    pub(super) evidence: Evidence,
}

/// Whether the tenant ties deployments to the problem by itself.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Evidence {
    WithDeployments,
    WithoutDeployments,
}

/// A problem the tenant knows.
pub(super) struct Problem {
    pub(super) id: String,
    pub(super) display_id: String,
    pub(super) is: Draft,
    pub(super) start: i64,
    /// When it was closed; nothing while it is open.
    pub(super) end: Option<i64>,
    /// The problem that took this one in.
    pub(super) merged_into: Option<String>,
    pub(super) comments: Vec<Comment>,
}

/// All problems by their ids.
#[derive(Default)]
pub(super) struct Problems {
    all: BTreeMap<String, Problem>,
    comments: u64,
}

impl Problems {
    /// Opens a problem and gives back its id.
    pub(super) fn open(&mut self, draft: Draft, now: i64) -> String {
        let sequence = self.all.len() as u64 + 1;
        let start = draft.start.unwrap_or(now);
        let id = format!("{}_{start}V2", ids::large(sequence));
        let problem = Problem {
            id: id.clone(),
            display_id: display_id(start, sequence),
            is: draft,
            start,
            end: None,
            merged_into: None,
            comments: Vec::new(),
        };
        self.all.insert(id.clone(), problem);
        id
    }

    pub(super) fn get(&self, id: &str) -> Option<&Problem> {
        self.all.get(id)
    }

    pub(super) fn get_mut(&mut self, id: &str) -> Option<&mut Problem> {
        self.all.get_mut(id)
    }

    pub(super) fn forget(&mut self, id: &str) {
        self.all.remove(id);
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Problem> {
        self.all.values()
    }

    /// Adds a comment to a problem, unless there is no such problem.
    pub(super) fn comment(&mut self, problem: &str, said: Said, at: i64) -> Option<&Comment> {
        let problem = self.all.get_mut(problem)?;
        self.comments += 1;
        problem.comments.push(Comment {
            id: ids::large(self.comments).to_string(),
            at,
            text: said.text,
            author: said.author,
            context: said.context,
        });
        problem.comments.last()
    }
}

impl Problem {
    pub(super) fn status(&self) -> &'static str {
        if self.end.is_some() { "CLOSED" } else { "OPEN" }
    }

    /// Both versions write the end of an open problem as -1.
    pub(super) fn shown_end(&self) -> i64 {
        self.end.unwrap_or(-1)
    }

    /// The impacted entities, what else it touches, and the root cause.
    pub(super) fn affected(&self) -> Vec<&str> {
        let Draft {
            impacted,
            touched,
            root_cause,
            ..
        } = &self.is;
        let mut affected: Vec<&str> = Vec::new();
        for id in impacted.iter().chain(touched).chain(root_cause) {
            if !affected.contains(&id.as_str()) {
                affected.push(id);
            }
        }
        affected
    }

    /// Whether the problem overlaps a span.
    pub(super) fn overlaps(&self, from: i64, to: i64) -> bool {
        self.start <= to && self.end.is_none_or(|end| from <= end)
    }
}

impl Severity {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Availability => "AVAILABILITY",
            Self::Error => "ERROR",
            Self::Performance => "PERFORMANCE",
            Self::ResourceContention => "RESOURCE_CONTENTION",
            Self::CustomAlert => "CUSTOM_ALERT",
        }
    }

    /// The type of the event that raises a problem of this severity.
    pub(super) fn event_type(self) -> &'static str {
        match self {
            Self::Availability => "SERVICE_UNAVAILABLE",
            Self::Error => "SERVICE_ERROR_RATE_INCREASED",
            Self::Performance => "SERVICE_RESPONSE_TIME_DEGRADED",
            Self::ResourceContention => "RESOURCE_CONTENTION_EVENT",
            Self::CustomAlert => "CUSTOM_ALERT",
        }
    }
}

impl Impact {
    /// What is concerned when `entity` is.
    pub(super) fn on(entity: &str) -> Self {
        match type_of(entity) {
            "APPLICATION" => Self::Application,
            "SERVICE" | "SERVICE_METHOD" => Self::Service,
            "ENVIRONMENT" => Self::Environment,
            _ => Self::Infrastructure,
        }
    }

    pub(super) fn in_v1(self) -> &'static str {
        match self {
            Self::Application => "APPLICATION",
            Self::Service => "SERVICE",
            Self::Infrastructure => "INFRASTRUCTURE",
            Self::Environment => "ENVIRONMENT",
        }
    }

    /// One of the names is a plural in v2.
    pub(super) fn in_v2(self) -> &'static str {
        match self {
            Self::Service => "SERVICES",
            other => other.in_v1(),
        }
    }
}

/// Year, month and a running number, as in `P-22013994`.
fn display_id(start: i64, sequence: u64) -> String {
    let timestamp =
        Timestamp::from_millisecond(start).expect("problems begin before the year 9999");
    format!("P-{}{}", timestamp.strftime("%y%m"), 3_993 + sequence)
}
