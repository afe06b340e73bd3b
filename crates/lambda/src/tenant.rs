//! The tenant: its settings at start, its client on demand.

use std::time::Duration;

use anyhow::Context as _;
use dynatrace::{Api, Dynatrace, Tenant, check_address};
use tokio::sync::OnceCell;

use crate::clients;
use crate::secrets::{Resolved, Secrets};
use crate::settings::{self, SettingError, parsed, required, unusable};

/// The setting that holds the token.
pub const API_TOKEN: &str = "DT_API_TOKEN";

/// How to reach the tenant. The token is a secret and comes when something is
/// to be asked.
#[derive(Debug)]
pub struct Reach {
    url: String,
    api: Api,
    calls_in_flight: usize,
    calls_per_minute: Option<u32>,
    http: OnceCell<reqwest::Client>,
}

impl Reach {
    /// Reads the settings.
    pub fn read() -> Result<Self, SettingError> {
        let api = parsed("DT_API", Api::V2)?;
        let url = required(
            "DT_TENANT_URL",
            "the address of the tenant, such as https://abc12345.live.dynatrace.com",
        )?;
        check_address(&url, api).map_err(|error| unusable("DT_TENANT_URL", error))?;
        Ok(Self {
            url,
            api,
            calls_in_flight: parsed("DT_CALLS_IN_FLIGHT", 8)?,
            calls_per_minute: match settings::optional("DT_CALLS_PER_MINUTE") {
                Some(_) => Some(parsed("DT_CALLS_PER_MINUTE", 0)?),
                None => None,
            },
            http: OnceCell::new(),
        })
    }

    /// Fails at start where no token can be had.
    pub fn require_token(secrets: &Secrets) -> Result<(), SettingError> {
        secrets.require(
            API_TOKEN,
            "a Dynatrace API token, or set DT_API_TOKEN_PARAMETER to the name of its SSM parameter",
        )
    }

    /// The client of the tenant. Connections outlive the token.
    pub async fn connect(&self, secrets: &Resolved) -> anyhow::Result<Dynatrace> {
        let token = secrets
            .get(API_TOKEN)?
            .context("the API token is checked at start")?;
        let http = self.http.get_or_try_init(async || http()).await?;
        let tenant = Tenant {
            url: self.url.clone(),
            token: token.clone(),
            api: self.api,
            calls_in_flight: self.calls_in_flight,
            calls_per_minute: self.calls_per_minute,
        };
        Dynatrace::new(http.clone(), tenant).context("the tenant cannot be asked")
    }
}

/// The client of everything that is no service of AWS.
pub fn http() -> anyhow::Result<reqwest::Client> {
    reqwest::Client::builder()
        .tls_backend_preconfigured(clients::tls()?)
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(Duration::from_secs(10))
        .timeout(Duration::from_secs(30))
        .build()
        .context("cannot build the HTTP client")
}
