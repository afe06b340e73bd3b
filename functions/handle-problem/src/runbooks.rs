//! What runbooks may be run, and the controllers and receivers that run them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use lambda::secrets::{NoSecret, Parameters, Resolved, Secrets};
use lambda::settings::{SettingError, unusable};
use lambda::tenant::http;
use release::runbook::{self, Runbooks};
use secrecy::{ExposeSecret as _, SecretString};
use workflows::handle_problem::Automation;

/// The setting that lists them.
pub(crate) const HEAL_RUNBOOKS: &str = "HEAL_RUNBOOKS";

/// Reads the list, and makes clients where it or a secret has changed.
pub(crate) struct RunbookSettings {
    parameters: Parameters,
    made: Mutex<Option<Made>>,
}

/// What was made of which list and which secrets.
struct Made {
    digest: String,
    secrets: BTreeMap<String, SecretString>,
    automation: Arc<Automation>,
}

/// Fails at start for a list in the environment that cannot be used.
pub(crate) fn check_at_start(secrets: &Secrets) -> Result<(), SettingError> {
    let Some(text) = secrets.direct(HEAL_RUNBOOKS) else {
        return Ok(());
    };
    match Runbooks::read(text.expose_secret()) {
        Ok(_) => Ok(()),
        Err(wrong) => Err(unusable(HEAL_RUNBOOKS, told(&wrong))),
    }
}

impl RunbookSettings {
    pub(crate) fn new(parameters: Parameters) -> Self {
        Self {
            parameters,
            made: Mutex::new(None),
        }
    }

    /// What may be run now. A list that cannot be used runs nothing, and keeps no
    /// deployment from being healed.
    pub(crate) async fn automation(&self, secrets: &Resolved) -> Arc<Automation> {
        let nothing = Arc::default();
        let text = match secrets.get(HEAL_RUNBOOKS) {
            Ok(Some(text)) => text,
            // A parameter that does not exist lists nothing.
            Ok(None) | Err(NoSecret::Missing { .. }) => return nothing,
            Err(error) => {
                tracing::error!(
                    setting = HEAL_RUNBOOKS,
                    "No runbook can be run: {:#}",
                    anyhow::Error::from(error)
                );
                return nothing;
            }
        };
        let listed = match Runbooks::read(text.expose_secret()) {
            Ok(listed) => listed,
            Err(wrong) => {
                let wrong = told(&wrong);
                tracing::error!(setting = HEAL_RUNBOOKS, "No runbook can be run: {wrong}");
                return nothing;
            }
        };
        let found = match self.parameters.read(&listed.parameters()).await {
            Ok(found) => found,
            Err(error) => {
                tracing::error!(
                    setting = HEAL_RUNBOOKS,
                    "The secrets of controllers and receivers cannot be read: {:#}",
                    anyhow::Error::from(error)
                );
                BTreeMap::new()
            }
        };
        self.made_of(listed, found)
    }

    fn made_of(&self, listed: Runbooks, found: BTreeMap<String, SecretString>) -> Arc<Automation> {
        let mut made = self.made.lock().expect("no holder panics");
        if let Some(made) = made.as_ref()
            && made.digest == listed.digest
            && is_same(&made.secrets, &found)
        {
            return Arc::clone(&made.automation);
        }
        let digest = listed.digest.clone();
        let automation = Arc::new(Automation::connected(listed, &found, http));
        *made = Some(Made {
            digest,
            secrets: found,
            automation: Arc::clone(&automation),
        });
        automation
    }
}

fn is_same(one: &BTreeMap<String, SecretString>, other: &BTreeMap<String, SecretString>) -> bool {
    let shown = |secrets: &BTreeMap<String, SecretString>| -> Vec<(String, String)> {
        let secrets = secrets.iter();
        secrets
            .map(|(name, value)| (name.clone(), value.expose_secret().to_owned()))
            .collect()
    };
    shown(one) == shown(other)
}

fn told(wrong: &[runbook::Invalid]) -> String {
    let wrong: Vec<String> = wrong.iter().map(ToString::to_string).collect();
    wrong.join("; ")
}
