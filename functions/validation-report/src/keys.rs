//! The keys that links are checked with.

use std::sync::Mutex;
use std::time::Duration;

use anyhow::Context as _;
use lambda::report::{REPORT_KEYS, require_keys};
use lambda::secrets::{Origin, Secrets};
use lambda::settings::SettingError;
use release::links::Access;
use secrecy::SecretString;
use tokio::time::Instant;

/// How long after reading the keys anew an unknown one is simply unknown:
/// anybody may invent keys, and nobody may make this function ask for them.
const PAUSE: Duration = Duration::from_secs(30);

/// What decides who may read.
pub(crate) struct Keys {
    /// Where they come from; nowhere, where everybody may read.
    secrets: Option<Secrets>,
    read_anew: Mutex<Option<Instant>>,
}

impl Keys {
    pub(crate) fn public() -> Self {
        Self::of(None)
    }

    /// Fails at start for keys that are missing, or are seen to be unusable.
    pub(crate) fn signed(secrets: Secrets) -> Result<Self, SettingError> {
        require_keys(&secrets)?;
        Ok(Self::of(Some(secrets)))
    }

    fn of(secrets: Option<Secrets>) -> Self {
        Self {
            secrets,
            read_anew: Mutex::new(None),
        }
    }

    pub(crate) async fn access(&self) -> anyhow::Result<Access> {
        let Some(secrets) = &self.secrets else {
            return Ok(Access::Public);
        };
        let secrets = secrets.read().await?;
        let none = SecretString::default();
        let keys = secrets.get(REPORT_KEYS)?.unwrap_or(&none);
        let access = Access::signed(keys).context("REPORT_KEYS cannot be used");
        if access.is_err() && secrets.origin == Origin::Cached {
            // Whoever mends them need not wait for a process to end.
            self.forget();
        }
        access
    }

    /// The same with keys that were just read, unless that was done lately.
    pub(crate) async fn access_anew(&self) -> anyhow::Result<Option<Access>> {
        {
            let mut last = self.read_anew.lock().expect("no holder panics");
            if last.is_some_and(|last| last.elapsed() < PAUSE) {
                return Ok(None);
            }
            *last = Some(Instant::now());
        }
        self.forget();
        self.access().await.map(Some)
    }

    fn forget(&self) {
        if let Some(secrets) = &self.secrets {
            secrets.forget();
        }
    }
}
