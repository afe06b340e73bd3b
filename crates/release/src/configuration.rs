//! Configurations that others change and announce.

use jiff::Timestamp;
use sha2::{Digest as _, Sha256};

/// A configuration that was announced, with what a run for it would change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Configuration {
    /// The event that announced it.
    pub event: Cause,
    /// [`crate::runbook::Run::target`] of the run that takes it back.
    pub target: String,
}

/// The change that a run takes back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cause {
    /// The id of the event that announced it.
    pub id: String,
    /// The type of the event.
    pub kind: String,
    /// When it was made.
    pub at: Timestamp,
    /// What people read first of it.
    pub title: String,
    /// Who announced it.
    pub source: String,
}

/// What the run of a runbook on these hosts changes, and its guard protects.
pub fn target(alias: &str, limit: Option<&str>) -> String {
    format!("runbook#{alias}#{}", limit.unwrap_or("*"))
}

/// The name of the runbook of a [`target`].
pub fn alias_of(target: &str) -> &str {
    target.split('#').nth(1).unwrap_or(target)
}

impl Cause {
    /// What tells this announcement from others, on whichever entity it is met:
    /// the tenant gives an id to each of them.
    pub fn identity(&self) -> String {
        let parts = [&self.kind, &self.source, &self.title, &self.at.to_string()];
        let mut digest = Sha256::new();
        for part in parts {
            digest.update(part.len().to_string());
            digest.update(":");
            digest.update(part);
        }
        let bytes = digest.finalize();
        let bytes = bytes.iter().take(16);
        bytes.fold(String::new(), |text, byte| format!("{text}{byte:02x}"))
    }
}
