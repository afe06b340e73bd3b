//! What runbooks may be run, and the controllers that run them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use controller::{Controller, Credentials, Server};
use lambda::secrets::{NoSecret, Parameters, Resolved, Secrets};
use lambda::settings::{SettingError, unusable};
use release::runbook::{self, Auth, Runbooks};
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
    secrets: Vec<(String, SecretString)>,
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
        let wanted = listed.controllers.values();
        let wanted = wanted.flat_map(|one| [Some(&one.secret), one.ca.as_ref()]);
        let wanted: BTreeSet<String> = wanted.flatten().cloned().collect();
        let found = match self.parameters.read(&wanted).await {
            Ok(found) => found,
            Err(error) => {
                tracing::error!(
                    setting = HEAL_RUNBOOKS,
                    "The secrets of controllers cannot be read: {:#}",
                    anyhow::Error::from(error)
                );
                BTreeMap::new()
            }
        };
        self.made_of(listed, found)
    }

    fn made_of(&self, listed: Runbooks, found: BTreeMap<String, SecretString>) -> Arc<Automation> {
        let secrets: Vec<(String, SecretString)> = found.into_iter().collect();
        let mut made = self.made.lock().expect("no holder panics");
        if let Some(made) = made.as_ref()
            && made.digest == listed.digest
            && is_same(&made.secrets, &secrets)
        {
            return Arc::clone(&made.automation);
        }
        let found: BTreeMap<&str, &SecretString> = secrets
            .iter()
            .map(|(name, value)| (name.as_str(), value))
            .collect();
        let controllers = listed.controllers.values().map(|one| {
            let client = connect(one, &found);
            (one.name.clone(), client)
        });
        let automation = Arc::new(Automation {
            controllers: controllers.collect(),
            listed: listed.clone(),
        });
        *made = Some(Made {
            digest: listed.digest,
            secrets,
            automation: Arc::clone(&automation),
        });
        automation
    }
}

fn connect(
    wanted: &runbook::Controller,
    found: &BTreeMap<&str, &SecretString>,
) -> Result<Controller, String> {
    let value = |name: &str| {
        let value = found.get(name).copied();
        value.ok_or_else(|| format!("its parameter `{name}` cannot be read"))
    };
    let secret = value(&wanted.secret)?.clone();
    let http = match &wanted.ca {
        Some(name) => controller::http(Some(value(name)?.expose_secret())),
        None => {
            return client(
                lambda::tenant::http().map_err(|error| error.to_string())?,
                wanted,
                secret,
            );
        }
    };
    client(http.map_err(|error| error.to_string())?, wanted, secret)
}

fn client(
    http: reqwest::Client,
    wanted: &runbook::Controller,
    secret: SecretString,
) -> Result<Controller, String> {
    let server = Server {
        base: wanted.base.clone(),
        credentials: match wanted.auth {
            Auth::Bearer => Credentials::Bearer(secret),
            Auth::Basic => Credentials::Basic(secret),
        },
    };
    Controller::new(http, server).map_err(|error| error.to_string())
}

fn is_same(one: &[(String, SecretString)], other: &[(String, SecretString)]) -> bool {
    let shown = |secrets: &[(String, SecretString)]| -> Vec<(String, String)> {
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
