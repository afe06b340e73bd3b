//! The functions' configuration: what production has, with the addresses of
//! this world.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use dynatrace::Api;
use jiff::{SignedDuration, Timestamp};
use release::link::{Keys, Scope};
use release::validation::ValidationId;
use secrecy::SecretString;

use super::functions::{Described, Variable};
use super::names::{HOOK_SECRET, REPORT_KEYS, TOKEN, WEBHOOK_TOKEN};
use fake_aws::clock::real_time;
use fake_dynatrace::Tenant;
use lambda_host::binaries::{self, Profile};
use lambda_host::runtime;

/// How a world is set up; everything has a default.
#[derive(Clone, Debug)]
pub struct Settings {
    api: Api,
    timeout: Duration,
    report_keys: String,
    hook_secret: String,
    webhook_token: String,
    data: Option<PathBuf>,
    executables: Option<PathBuf>,
    changed: BTreeMap<String, Option<String>>,
}

/// The addresses that functions are configured with.
pub(super) struct Remotes<'a> {
    pub(super) aws: &'a str,
    pub(super) dynamo: &'a str,
    pub(super) tenant: &'a str,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            api: Api::default(),
            timeout: Duration::from_secs(30),
            report_keys: format!("lab:{}", "the-key-of-report-links-".repeat(2)),
            hook_secret: "the-secret-that-signs-posted-results".to_owned(),
            webhook_token: "the-secret-that-lets-requests-in".to_owned(),
            data: None,
            executables: None,
            changed: BTreeMap::new(),
        }
    }
}

impl Settings {
    /// Which generation of the tenant's API is asked.
    #[must_use]
    pub fn api(self, api: Api) -> Self {
        Self { api, ..self }
    }

    /// Keeps the database in this folder instead of in memory.
    #[must_use]
    pub fn data(self, folder: PathBuf) -> Self {
        Self {
            data: Some(folder),
            ..self
        }
    }

    /// Takes each function's executable from this folder instead of building it.
    #[must_use]
    pub fn executables(self, folder: PathBuf) -> Self {
        Self {
            executables: Some(folder),
            ..self
        }
    }

    /// The timeout of an invocation.
    #[must_use]
    pub fn timeout(self, timeout: Duration) -> Self {
        Self { timeout, ..self }
    }

    /// Sets a variable of every function.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.changed.insert(name.to_owned(), Some(value.to_owned()));
        self
    }

    /// Takes a variable from every function.
    #[must_use]
    pub fn without(mut self, name: &str) -> Self {
        self.changed.insert(name.to_owned(), None);
        self
    }

    /// The keys that sign report links.
    pub fn report_keys(&self) -> &str {
        &self.report_keys
    }

    /// The link that opens every report below `base` for the next day.
    pub fn start_link(&self, base: &str) -> anyhow::Result<String> {
        let keys = Keys::parse(&SecretString::from(self.report_keys.clone()))?;
        let expiry = real_time().saturating_add(SignedDuration::from_hours(24))?;
        Ok(format!("{base}/?{}", keys.sign(Scope::Start, expiry)))
    }

    /// The link that opens the flags below `base`, for a day.
    pub fn changes_link(&self, base: &str) -> anyhow::Result<String> {
        let keys = Keys::parse(&SecretString::from(self.report_keys.clone()))?;
        let expiry = real_time().saturating_add(SignedDuration::from_hours(24))?;
        Ok(format!(
            "{base}/changes?{}",
            keys.sign(Scope::Changes, expiry)
        ))
    }

    /// The link that opens one evaluation below `base` for a day from `at`.
    pub fn evaluation_link(
        &self,
        base: &str,
        id: ValidationId,
        at: Timestamp,
    ) -> anyhow::Result<String> {
        let keys = Keys::parse(&SecretString::from(self.report_keys.clone()))?;
        let expiry = at.saturating_add(SignedDuration::from_hours(24))?;
        let signature = keys.sign(Scope::Evaluation(id), expiry);
        Ok(format!("{base}/v/{id}?{signature}"))
    }

    /// The secret that signs posted results.
    pub fn hook_secret(&self) -> &str {
        &self.hook_secret
    }

    /// The secret of requests over HTTP.
    pub fn webhook_token(&self) -> &str {
        &self.webhook_token
    }

    /// The folder that the database is kept in.
    pub(super) fn folder(&self) -> Option<&Path> {
        self.data.as_deref()
    }

    /// The executable of a function.
    pub(super) async fn executable(&self, function: &Described) -> anyhow::Result<PathBuf> {
        if let Some(folder) = &self.executables {
            return Ok(folder.join(function.name));
        }
        let package = function.name;
        let built = tokio::task::spawn_blocking(move || binaries::function(package, Profile::Dev));
        built.await.context("the build was interrupted")?
    }

    pub(super) fn runtime(&self) -> runtime::Settings {
        runtime::Settings {
            timeout: self.timeout,
            ..runtime::Settings::default()
        }
    }

    /// Secrets by the name of their parameter.
    pub(super) fn parameters(&self, tenant: &Tenant) -> [(&'static str, String); 4] {
        [
            (TOKEN, tenant.token().to_owned()),
            (REPORT_KEYS, self.report_keys.clone()),
            (HOOK_SECRET, self.hook_secret.clone()),
            (WEBHOOK_TOKEN, self.webhook_token.clone()),
        ]
    }

    /// The variables of one function.
    pub(super) fn environment(
        &self,
        function: &Described,
        remotes: &Remotes<'_>,
    ) -> BTreeMap<String, String> {
        let value = |variable| match variable {
            Variable::Text(text) => text,
            Variable::Aws => remotes.aws,
            Variable::Dynamo => remotes.dynamo,
            Variable::Tenant => remotes.tenant,
            Variable::Api => api_name(self.api),
        };
        let mut environment: BTreeMap<String, String> = function
            .variables()
            .map(|(name, variable)| (name.to_owned(), value(variable).to_owned()))
            .collect();
        for (name, value) in &self.changed {
            match value {
                Some(value) => environment.insert(name.clone(), value.clone()),
                None => environment.remove(name),
            };
        }
        environment
    }
}

fn api_name(api: Api) -> &'static str {
    match api {
        Api::V2 => "v2",
        Api::V1 => "v1",
    }
}
