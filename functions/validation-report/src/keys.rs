//! The keys that links are checked with.

use std::sync::Mutex;
use std::time::Duration;

use anyhow::Context as _;
use lambda::report::{REPORT_KEYS, require_keys};
use lambda::secrets::{Origin, Resolved, Secrets};
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
        let known = secrets.read().await?;
        let access = access(&known);
        if access.is_err() && known.origin == Origin::Cached {
            // Whoever mends them need not wait for a process to end.
            secrets.forget();
        }
        access
    }

    /// The same with keys that were just read, unless that was done lately or
    /// cannot be done: keys that are good for others stay good.
    pub(crate) async fn access_anew(&self) -> Option<Access> {
        let secrets = self.secrets.as_ref()?;
        {
            let mut last = self.read_anew.lock().expect("no holder panics");
            if last.is_some_and(|last| last.elapsed() < PAUSE) {
                return None;
            }
            *last = Some(Instant::now());
        }
        let anew = secrets.read_anew().await.and_then(|known| access(&known));
        anew.inspect_err(|error| tracing::error!("The keys cannot be read anew: {error:#}"))
            .ok()
    }
}

fn access(known: &Resolved) -> anyhow::Result<Access> {
    let none = SecretString::default();
    let keys = known.get(REPORT_KEYS)?.unwrap_or(&none);
    Access::signed(keys).context("REPORT_KEYS cannot be used")
}
