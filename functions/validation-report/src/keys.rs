//! The keys that links are checked with.

use anyhow::Context as _;
use lambda::report::{REPORT_KEYS, require_keys};
use lambda::secrets::{Origin, Resolved, Secrets};
use lambda::settings::SettingError;
use release::links::Access;
use secrecy::SecretString;

/// What decides who may read.
pub(crate) struct Keys {
    /// Where they come from; nowhere, where everybody may read.
    secrets: Option<Secrets>,
}

impl Keys {
    pub(crate) fn public() -> Self {
        Self { secrets: None }
    }

    /// Fails at start for keys that are missing, or are seen to be unusable.
    pub(crate) fn signed(secrets: Secrets) -> Result<Self, SettingError> {
        require_keys(&secrets)?;
        Ok(Self {
            secrets: Some(secrets),
        })
    }

    pub(crate) async fn access(&self) -> anyhow::Result<Access> {
        let Some(secrets) = &self.secrets else {
            return Ok(Access::Public);
        };
        let known = secrets.read().await;
        match access(&known) {
            // Corrected keys work without waiting for a process to end.
            Err(error) if known.origin == Origin::Cached => match secrets.read_again().await {
                Some(known) => access(&known),
                None => Err(error),
            },
            access => access,
        }
    }

    /// The same with keys that were just read, unless that was done lately or
    /// cannot be done: keys that are good for others stay good.
    pub(crate) async fn access_anew(&self) -> Option<Access> {
        let secrets = self.secrets.as_ref()?;
        access(&secrets.read_again().await?)
            .inspect_err(|error| {
                tracing::error!(
                    setting = REPORT_KEYS,
                    "The keys cannot be read again: {error:#}"
                );
            })
            .ok()
    }
}

fn access(known: &Resolved) -> anyhow::Result<Access> {
    let none = SecretString::default();
    let keys = known.get(REPORT_KEYS)?.unwrap_or(&none);
    Access::signed(keys).context("REPORT_KEYS cannot be used")
}
