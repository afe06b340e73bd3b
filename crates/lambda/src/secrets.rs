//! Secrets: from the environment, or from SSM by the name in the environment.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_config::SdkConfig;
use aws_sdk_ssm::operation::get_parameters::GetParametersError;
use aws_sdk_ssm::types::{Parameter, ParameterType};
use secrecy::SecretString;
use tokio::time::Instant;

use crate::settings::{self, SettingError};

/// How long a fetched secret is used before it is fetched again.
const FRESH: Duration = Duration::from_mins(5);

/// How long a secret that could not be read is not asked for again: a person who
/// stores it need not wait for long, and strangers cannot make every request a call.
const PAUSE: Duration = Duration::from_secs(10);

/// How often what somebody shows, and what is not known here, makes the function
/// read its own secrets again.
const AGAIN: Duration = Duration::from_secs(30);

/// The secrets of one function. Nothing is fetched before it is needed, then
/// everything in one call.
#[derive(Debug)]
pub struct Secrets {
    sdk: SdkConfig,
    sources: BTreeMap<&'static str, Source>,
    cached: Mutex<Option<Cached>>,
    read_again: Mutex<Option<Instant>>,
}

#[derive(Debug)]
struct Cached {
    until: Instant,
    values: Arc<Values>,
}

/// Values by setting name.
#[derive(Clone, Debug)]
pub struct Resolved {
    /// Where they come from.
    pub origin: Origin,
    values: Arc<Values>,
}

type Values = BTreeMap<&'static str, Result<SecretString, NoSecret>>;

/// Whether values are new, and worth a word if they cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// They were fetched for this reader.
    Fetched,
    /// An earlier reader has seen them.
    Cached,
}

/// Why a secret that is configured cannot be had.
#[derive(Clone, Debug, thiserror::Error)]
pub enum NoSecret {
    /// A setting names a parameter that SSM does not know.
    #[error("the SSM parameter `{parameter}` that {setting}_PARAMETER names does not exist")]
    Missing {
        /// The setting.
        setting: &'static str,
        /// What it names.
        parameter: String,
    },
    /// SSM did not answer, or refused.
    #[error("cannot read the secrets from SSM")]
    Unread(#[source] Arc<GetParametersError>),
}

/// Secrets whose names are only known once a list of them is read.
#[derive(Debug)]
pub struct Parameters {
    sdk: SdkConfig,
    cached: Mutex<Option<(Instant, BTreeMap<String, SecretString>)>>,
}

/// The most parameters that SSM reads at once.
const AT_ONCE: usize = 10;

impl Parameters {
    /// Reads nothing yet.
    pub fn new(sdk: SdkConfig) -> Self {
        Self {
            sdk,
            cached: Mutex::new(None),
        }
    }

    /// The values of these parameters, as fresh as five minutes; those that do not
    /// exist are missing.
    pub async fn read(
        &self,
        names: &BTreeSet<String>,
    ) -> Result<BTreeMap<String, SecretString>, NoSecret> {
        if let Some((until, values)) = self.cached.lock().expect("no holder panics").as_ref()
            && Instant::now() < *until
            && names.iter().all(|name| values.contains_key(name))
        {
            return Ok(values.clone());
        }
        let mut values = BTreeMap::new();
        let names: Vec<&String> = names.iter().collect();
        for names in names.chunks(AT_ONCE) {
            let wanted = names.iter().map(|name| (*name).clone()).collect();
            let found = parameters(&self.sdk, wanted).await;
            let found = found.map_err(|error| NoSecret::Unread(Arc::new(error)))?;
            for name in names {
                let value = found.iter().find(|parameter| answers(parameter, name));
                if let Some(value) = value.and_then(Parameter::value) {
                    values.insert((*name).clone(), SecretString::from(value));
                }
            }
        }
        *self.cached.lock().expect("no holder panics") =
            Some((Instant::now() + FRESH, values.clone()));
        Ok(values)
    }
}

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
            read_again: Mutex::new(None),
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

    /// The value of `name` where the environment holds it, which can be looked
    /// at without fetching anything.
    pub fn direct(&self, name: &str) -> Option<&SecretString> {
        match self.sources.get(name)? {
            Source::Direct(value) => Some(value),
            Source::Parameter(_) => None,
        }
    }

    /// The secrets, as fresh as five minutes. One that cannot be read is an
    /// error for its user alone, for some seconds.
    pub async fn read(&self) -> Resolved {
        if let Some(cached) = self.cached.lock().expect("no holder panics").as_ref()
            && Instant::now() < cached.until
        {
            return Resolved {
                origin: Origin::Cached,
                values: cached.values.clone(),
            };
        }
        self.fetched(|_| true).await
    }

    /// The secrets whatever is cached, because they may have been rotated;
    /// nothing, if that was done lately. What is cached stays if they cannot be
    /// read.
    pub async fn read_again(&self) -> Option<Resolved> {
        {
            let mut last = self.read_again.lock().expect("no holder panics");
            if last.is_some_and(|last| last.elapsed() < AGAIN) {
                return None;
            }
            *last = Some(Instant::now());
        }
        let answered = |value: &Result<_, _>| !matches!(value, Err(NoSecret::Unread(_)));
        Some(self.fetched(|values| values.values().all(answered)).await)
    }

    /// Drops what is cached: a secret was refused and may have been rotated.
    pub fn forget(&self) {
        *self.cached.lock().expect("no holder panics") = None;
    }

    async fn fetched(&self, is_kept: impl Fn(&Values) -> bool) -> Resolved {
        let values = Arc::new(self.fetch().await);
        if is_kept(&values) {
            let complete = values.values().all(Result::is_ok);
            let age = if complete { FRESH } else { PAUSE };
            *self.cached.lock().expect("no holder panics") = Some(Cached {
                until: Instant::now() + age,
                values: values.clone(),
            });
        }
        Resolved {
            origin: Origin::Fetched,
            values,
        }
    }

    /// The settings whose parameter exists and is not encrypted.
    pub async fn plain(&self) -> Result<Vec<&'static str>, NoSecret> {
        let found = self.ask().await;
        let found = found.map_err(|error| NoSecret::Unread(Arc::new(error)))?;
        let is_plain = |source: &Source| match source {
            Source::Direct(_) => false,
            Source::Parameter(wanted) => found
                .iter()
                .filter(|parameter| answers(parameter, wanted))
                .any(|parameter| parameter.r#type() != Some(&ParameterType::SecureString)),
        };
        let sources = self.sources.iter();
        let plain = sources.filter(|(_, source)| is_plain(source));
        Ok(plain.map(|(setting, _)| *setting).collect())
    }

    async fn fetch(&self) -> Values {
        match self.ask().await {
            Ok(found) => values(&self.sources, Ok(&found)),
            Err(error) => values(&self.sources, Err(&Arc::new(error))),
        }
    }

    async fn ask(&self) -> Result<Vec<Parameter>, GetParametersError> {
        let wanted: BTreeSet<String> = self
            .sources
            .values()
            .filter_map(|source| match source {
                Source::Direct(_) => None,
                Source::Parameter(parameter) => Some(parameter.clone()),
            })
            .collect();
        if wanted.is_empty() {
            return Ok(Vec::new());
        }
        parameters(&self.sdk, wanted.into_iter().collect()).await
    }
}

async fn parameters(
    sdk: &SdkConfig,
    names: Vec<String>,
) -> Result<Vec<Parameter>, GetParametersError> {
    let found = aws_sdk_ssm::Client::new(sdk)
        .get_parameters()
        .set_names(Some(names))
        .with_decryption(true)
        .send()
        .await
        .map_err(aws_sdk_ssm::error::SdkError::into_service_error);
    Ok(found?.parameters.unwrap_or_default())
}

impl Resolved {
    /// The value of `name`, where one is configured.
    pub fn get(&self, name: &str) -> Result<Option<&SecretString>, NoSecret> {
        match self.values.get(name) {
            None => Ok(None),
            Some(Ok(value)) => Ok(Some(value)),
            Some(Err(missing)) => Err(missing.clone()),
        }
    }
}

fn source(name: &str) -> Option<Source> {
    if let Some(value) = settings::optional(name) {
        return Some(Source::Direct(SecretString::from(value)));
    }
    settings::optional(&format!("{name}_PARAMETER"))
        .map(|parameter| Source::Parameter(parameter.trim().to_owned()))
}

/// Gives every setting its value; one parameter may serve several, and what
/// needs no parameter does not depend on whether SSM answered.
fn values(
    sources: &BTreeMap<&'static str, Source>,
    found: Result<&[Parameter], &Arc<GetParametersError>>,
) -> Values {
    let value = |setting, source: &Source| match source {
        Source::Direct(value) => Ok(value.clone()),
        Source::Parameter(wanted) => found
            .map_err(|error| NoSecret::Unread(Arc::clone(error)))?
            .iter()
            .find(|parameter| answers(parameter, wanted))
            .and_then(Parameter::value)
            .map(SecretString::from)
            .ok_or_else(|| NoSecret::Missing {
                setting,
                parameter: wanted.clone(),
            }),
    };
    sources
        .iter()
        .map(|(setting, source)| (*setting, value(*setting, source)))
        .collect()
}

/// Whether `parameter` is what was asked for as `wanted`. SSM answers by name
/// also where it was asked by ARN, and tells the version or label apart.
fn answers(parameter: &Parameter, wanted: &str) -> bool {
    let selector = parameter.selector().unwrap_or_default();
    let selector = selector.trim_start_matches(':');
    [parameter.name(), parameter.arn()]
        .into_iter()
        .flatten()
        .filter_map(|name| wanted.strip_prefix(name))
        .any(|rest| match rest.strip_prefix(':') {
            Some(asked) => asked == selector,
            None => rest.is_empty() && selector.is_empty(),
        })
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret as _;

    use super::*;

    const ARN: &str = "arn:aws:ssm:eu-central-1:123456789012:parameter/dt/token";

    fn parameter(selector: Option<&str>, value: &str) -> Parameter {
        Parameter::builder()
            .name("/dt/token")
            .arn(ARN)
            .set_selector(selector.map(str::to_owned))
            .value(value)
            .build()
    }

    /// The value that a setting gets which names the parameter like this.
    fn named(wanted: &str, found: &[Parameter]) -> Result<String, NoSecret> {
        let sources = BTreeMap::from([("TOKEN", Source::Parameter(wanted.to_owned()))]);
        let value = values(&sources, Ok(found)).remove("TOKEN").unwrap();
        value.map(|value| value.expose_secret().to_owned())
    }

    #[test]
    fn one_parameter_serves_every_setting_that_names_it() {
        let sources = ["TOKEN", "OTHER"].map(|name| (name, Source::Parameter("/dt/token".into())));

        let values = values(&BTreeMap::from(sources), Ok(&[parameter(None, "secret")]));

        for name in ["TOKEN", "OTHER"] {
            let value = values[name].as_ref().unwrap();
            assert_eq!(value.expose_secret(), "secret", "{name}");
        }
    }

    #[test]
    fn parameter_is_found_by_name_arn_version_and_label() {
        let found = [
            parameter(Some(":7"), "seventh"),
            parameter(Some(":stable"), "labelled"),
            parameter(None, "latest"),
        ];

        for (wanted, value) in [
            ("/dt/token", "latest"),
            ("/dt/token:7", "seventh"),
            ("/dt/token:stable", "labelled"),
            (ARN, "latest"),
            (&format!("{ARN}:7"), "seventh"),
        ] {
            assert_eq!(named(wanted, &found).unwrap(), value, "{wanted}");
        }
    }

    #[test]
    fn missing_parameter_is_told_with_the_setting_that_names_it() {
        for wanted in ["/dt/token:8", "/dt/token7", "/dt/token", "/dt", "token"] {
            let missing = named(wanted, &[parameter(Some(":7"), "seventh")]).unwrap_err();

            assert_eq!(
                missing.to_string(),
                format!("the SSM parameter `{wanted}` that TOKEN_PARAMETER names does not exist")
            );
        }
    }

    #[test]
    fn secret_that_cannot_be_had_leaves_the_others_usable() {
        let sources = BTreeMap::from([
            ("KEYS", Source::Parameter("/keys".to_owned())),
            ("TOKEN", Source::Direct("secret".into())),
        ]);
        let refused = Arc::new(GetParametersError::unhandled("AccessDeniedException"));

        for found in [Ok([].as_slice()), Err(&refused)] {
            let resolved = Resolved {
                origin: Origin::Fetched,
                values: Arc::new(values(&sources, found)),
            };

            resolved.get("KEYS").unwrap_err();
            let token = resolved.get("TOKEN").unwrap().unwrap();
            assert_eq!(token.expose_secret(), "secret");
            assert!(resolved.get("HOOK").unwrap().is_none());
        }
    }
}
