//! Secrets: from the environment, or from SSM by the name in the environment.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::Context as _;
use aws_config::SdkConfig;
use secrecy::SecretString;
use tokio::time::Instant;

use crate::settings::{self, SettingError};

/// How long a fetched secret is used before it is fetched again.
const FRESH: Duration = Duration::from_mins(5);

/// The secrets of one function. Nothing is fetched before it is needed, then
/// everything in one call.
#[derive(Debug)]
pub struct Secrets {
    sdk: SdkConfig,
    sources: BTreeMap<&'static str, Source>,
    cached: Mutex<Option<(Instant, Resolved)>>,
}

/// Values by setting name.
#[derive(Clone, Debug, Default)]
pub struct Resolved(Arc<BTreeMap<&'static str, SecretString>>);

#[derive(Debug)]
enum Source {
    Direct(SecretString),
    Parameter(String),
}

impl Secrets {
    /// Looks up where each secret comes from. `NAME` holds a value,
    /// `NAME_PARAMETER` the name of an SSM parameter.
    pub fn new(sdk: SdkConfig, names: &[&'static str]) -> Self {
        let sources = names
            .iter()
            .filter_map(|name| Some((*name, source(name)?)))
            .collect();
        Self {
            sdk,
            sources,
            cached: Mutex::new(None),
        }
    }

    /// Fails at start for a secret that has no source.
    pub fn require(&self, name: &'static str, meaning: &'static str) -> Result<(), SettingError> {
        if self.has(name) {
            return Ok(());
        }
        Err(SettingError::Missing { name, meaning })
    }

    /// Whether a source is configured.
    pub fn has(&self, name: &str) -> bool {
        self.sources.contains_key(name)
    }

    /// The secrets, as fresh as five minutes.
    pub async fn read(&self) -> anyhow::Result<Resolved> {
        if let Some((at, resolved)) = self.cached.lock().expect("no holder panics").as_ref()
            && at.elapsed() < FRESH
        {
            return Ok(resolved.clone());
        }
        let resolved = self.fetch().await?;
        *self.cached.lock().expect("no holder panics") = Some((Instant::now(), resolved.clone()));
        Ok(resolved)
    }

    /// Drops what is cached: a secret was refused and may have been rotated.
    pub fn forget(&self) {
        *self.cached.lock().expect("no holder panics") = None;
    }

    async fn fetch(&self) -> anyhow::Result<Resolved> {
        let mut values = BTreeMap::new();
        let mut parameters = BTreeMap::new();
        for (name, source) in &self.sources {
            match source {
                Source::Direct(value) => {
                    values.insert(*name, value.clone());
                }
                Source::Parameter(parameter) => {
                    parameters.insert(parameter.clone(), *name);
                }
            }
        }
        if parameters.is_empty() {
            return Ok(Resolved(Arc::new(values)));
        }
        let found = aws_sdk_ssm::Client::new(&self.sdk)
            .get_parameters()
            .set_names(Some(parameters.keys().cloned().collect()))
            .with_decryption(true)
            .send()
            .await
            .map_err(aws_sdk_ssm::error::SdkError::into_service_error)
            .context("cannot read the secrets from SSM")?;
        for parameter in found.parameters.unwrap_or_default() {
            if let (Some(parameter), Some(value)) = (parameter.name, parameter.value)
                && let Some(name) = parameters.remove(&parameter)
            {
                values.insert(name, SecretString::from(value));
            }
        }
        if let Some((parameter, name)) = parameters.pop_first() {
            anyhow::bail!(
                "the SSM parameter `{parameter}` that {name}_PARAMETER names does not exist"
            );
        }
        Ok(Resolved(Arc::new(values)))
    }
}

impl Resolved {
    /// The value of `name`, where one is configured.
    pub fn get(&self, name: &str) -> Option<&SecretString> {
        self.0.get(name)
    }
}

fn source(name: &str) -> Option<Source> {
    if let Some(value) = settings::optional(name) {
        return Some(Source::Direct(SecretString::from(value)));
    }
    settings::optional(&format!("{name}_PARAMETER")).map(Source::Parameter)
}
