//! What the operator lists: the controllers and receivers, and what may be run there.
//!
//! Only this says what may run. An event chooses among it and never beyond it.
//!
//! ```json
//! {
//!   "controllers": {
//!     "awx": {
//!       "base": "https://awx.example.com/api/v2",
//!       "auth": "bearer",
//!       "secret": "/unbreakable/awx",
//!       "ca": "/unbreakable/awx-ca"
//!     }
//!   },
//!   "receivers": {
//!     "ops": {"url": "https://ops.example.com/hooks/undo", "secret": "/unbreakable/ops"}
//!   },
//!   "runbooks": {
//!     "stop-campaign": {
//!       "on": "awx",
//!       "kind": "job",
//!       "template": 18,
//!       "name": "stop-campaign",
//!       "organization": "Default",
//!       "project": "runbooks",
//!       "playbook": "stop.yml",
//!       "aliases": ["https://old-tower/#/templates/job_template/7"],
//!       "for": {
//!         "events": ["CUSTOM_CONFIGURATION"],
//!         "sources": ["Ansible Tower"],
//!         "tag": "environment:production"
//!       },
//!       "vars": {
//!         "promotion_rate": {"const": "0"},
//!         "before": {"from": "oldValue", "type": "int", "min": 0, "max": 100},
//!         "why": {"from": "reason", "type": "text", "matches": "[a-z ]+"}
//!       },
//!       "limit": {"entityOf": ["web-1", "web-2"]},
//!       "mode": "auto",
//!       "check": "none",
//!       "timeout": "15m",
//!       "cooldown": "30m",
//!       "perDay": 3,
//!       "proof": {"artifact": "unbreakable.after", "equals": 0},
//!       "older": "refuse",
//!       "compat": "none"
//!     },
//!     "undo": {
//!       "on": "ops",
//!       "for": {"events": ["CUSTOM_CONFIGURATION"], "sources": ["Deployer"]},
//!       "mode": "auto",
//!       "proof": {"artifact": "changed", "equals": true}
//!     }
//!   }
//! }
//! ```
//!
//! Of a runbook, `on` and `for` have to be written, and `template` and `name` where it
//! is on a controller; the mode is `shadow` unless it is. A receiver does what it does
//! at its address, so that neither a template nor a limit nor a check is written.

mod variable;
mod wire;

use std::collections::{BTreeMap, BTreeSet};

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::{Action, Kind, Proof, Site, Variable};
use crate::configuration;
use crate::remediation::{self, Limits};

/// Everything that the operator lists.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Runbooks {
    /// The controllers, by the operator's names.
    pub controllers: BTreeMap<String, Controller>,
    /// The receivers, by the operator's names, none of which a controller has.
    pub receivers: BTreeMap<String, Receiver>,
    /// The runbooks, by the operator's names.
    pub runbooks: BTreeMap<String, Runbook>,
    /// The digest of the settings as they were written, for the record.
    pub digest: String,
}

/// Where runbooks are run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Controller {
    /// What the operator calls it.
    pub name: String,
    /// The address of its API.
    pub base: String,
    /// The same, as actions are compared with it.
    pub(super) site: Site,
    /// How it is proven who asks.
    pub auth: Auth,
    /// The parameter in which the token, or `user:password`, is kept.
    pub secret: String,
    /// The parameter in which its own roots are kept, where it has such.
    pub ca: Option<String>,
}

/// Who does something back when it is asked to by a signed request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receiver {
    /// What the operator calls it.
    pub name: String,
    /// The address that is asked, and no other.
    pub url: String,
    /// The parameter in which the secret is kept that signs.
    pub secret: String,
}

/// How it is proven who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Auth {
    /// By a token.
    Bearer,
    /// By a user and a password.
    Basic,
}

/// What may be run.
#[derive(Clone, Debug, PartialEq)]
pub struct Runbook {
    /// What the operator calls it.
    pub alias: String,
    /// The controller or the receiver, by the operator's name.
    pub on: String,
    /// What does it there.
    pub means: Means,
    /// Further actions that mean it.
    pub aliases: Vec<String>,
    /// The events that it is for.
    pub causes: Causes,
    /// What it is given.
    pub variables: BTreeMap<String, Variable>,
    /// Where it runs, unless its template says so.
    pub limit: Option<Hosts>,
    /// Whether it is run.
    pub mode: Mode,
    /// Whether it runs in check mode before.
    pub check: Check,
    /// How long it may take.
    pub timeout: SignedDuration,
    /// How long its target is left alone after it.
    pub cooldown: SignedDuration,
    /// How often it may run in a day, on one target.
    pub per_day: u32,
    /// What it has to say of itself for having done something.
    pub proof: Option<Proof>,
    /// Whether an older change may be taken back where the newest has no action.
    pub older: Older,
    /// In which shape it is told of the problem.
    pub compat: Compat,
}

/// What does a runbook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Means {
    /// A template on a controller.
    Template(Template),
    /// Whoever receives a request at this address.
    Request {
        /// The address.
        url: String,
    },
}

/// A template, and what it must be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    /// Its kind.
    pub kind: Kind,
    /// Its id.
    pub id: u64,
    /// The name that it must have.
    pub name: String,
    /// The organization that it must belong to, where one is said.
    pub organization: Option<String>,
    /// The playbook that it must run, where one is said.
    pub playbook: Option<String>,
    /// The project that the playbook must be from, where one is said.
    pub project: Option<String>,
}

/// The events that a runbook is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Causes {
    /// Their types, such as `CUSTOM_CONFIGURATION`.
    pub events: Vec<String>,
    /// Who has announced them.
    pub sources: Vec<String>,
    /// The tag of the entity that they are on, where one is said.
    pub tag: Option<String>,
}

/// Where a runbook runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Hosts {
    /// On the hosts of this pattern.
    These(String),
    /// On the entity that was changed, if it is one of these hosts.
    Entity(Vec<String>),
}

/// Whether a runbook is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// It is not.
    Off,
    /// Everything is decided and told, and nothing is run but a check.
    Shadow,
    /// A person is asked before.
    Ask,
    /// It is.
    Auto,
}

/// Whether a run in check mode comes before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Check {
    /// None.
    None,
    /// One, and the real run only if it ends well.
    Before,
}

/// Whether an older change may be taken back where the newest has no action.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Older {
    /// It may not: the newest is the likelier cause.
    Refuse,
    /// It may.
    Allow,
}

/// In which shape a runbook is told of the problem.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Compat {
    /// In ours.
    None,
    /// Also in that of Dynatrace's own notification: `pid`, `state` and
    /// `impactedEntities`.
    Seed,
}

/// What is wrong with the settings, and what to write instead.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{at}: {what}")]
pub struct Invalid {
    /// Where.
    pub at: String,
    /// What.
    pub what: String,
}

impl Runbooks {
    /// Reads the settings, which are JSON; everything that is wrong at once.
    pub fn read(text: &str) -> Result<Self, Vec<Invalid>> {
        let digest = Sha256::digest(text.as_bytes());
        let digest = digest
            .iter()
            .fold(String::new(), |digest, byte| format!("{digest}{byte:02x}"));
        wire::read(text).map(|listed| Self { digest, ..listed })
    }

    /// The parameters in which secrets of controllers and receivers are kept, and
    /// the roots of controllers.
    pub fn parameters(&self) -> BTreeSet<String> {
        let controllers = self.controllers.values();
        let names = controllers.flat_map(|one| [Some(&one.secret), one.ca.as_ref()]);
        let signing = self.receivers.values().map(|one| &one.secret);
        names.flatten().chain(signing).cloned().collect()
    }

    /// Whether a run may go on as it was decided: the operator has neither
    /// removed nor changed its runbook.
    pub fn lists(&self, runbook: &Runbook) -> bool {
        self.runbooks.get(&runbook.alias) == Some(runbook)
    }
}

impl Runbook {
    /// How often it may run.
    pub fn limits(&self) -> Limits {
        Limits {
            cooldown: self.cooldown,
            most: self.per_day,
            window: SignedDuration::from_hours(24),
        }
    }

    /// Whether it is a request, which may be repeated: whoever receives it knows it by
    /// its key.
    pub fn is_request(&self) -> bool {
        matches!(self.means, Means::Request { .. })
    }

    /// What does it, in a word.
    pub(super) fn remote(&self) -> &'static str {
        match self.means {
            Means::Template(_) => "controller",
            Means::Request { .. } => "receiver",
        }
    }

    /// What its guard protects: the runbook on these hosts.
    pub fn target(&self, limit: Option<&str>) -> String {
        configuration::target(&self.alias, limit)
    }

    /// The further actions, read.
    pub(super) fn further(&self) -> impl Iterator<Item = Action> {
        self.aliases
            .iter()
            .filter_map(|text| super::parse(text).ok())
    }
}

impl Mode {
    /// The stricter of this and what holds for all remedies.
    #[must_use]
    pub fn under(self, all: remediation::Mode) -> Self {
        self.min(match all {
            remediation::Mode::Off => Self::Off,
            remediation::Mode::Shadow => Self::Shadow,
            remediation::Mode::Auto => Self::Auto,
        })
    }
}

#[cfg(test)]
mod tests;
