//! The tenant that a command asks: the settings of the functions, or flags.

use std::num::NonZeroU32;
use std::time::Duration;

use clap::Args;
use dynatrace::{Api, Dynatrace, InvalidTenant, Tenant};
use lambda::clients::install_tls;
use lambda::settings::{SettingError, optional, parsed, required, unusable};
use reqwest::redirect::Policy;
use secrecy::SecretString;

use crate::failure::Failure;

const URL: &str = "DT_TENANT_URL";
const TOKEN: &str = "DT_API_TOKEN";
const PER_MINUTE: &str = "DT_CALLS_PER_MINUTE";

/// A flag wins over the environment. The token has no flag: arguments are seen
/// by everybody on the machine and stay in the history of the shell.
#[derive(Args)]
#[command(next_help_heading = "The tenant")]
#[group(skip)]
pub(crate) struct Options {
    /// Its address, else `DT_TENANT_URL`.
    #[arg(long, value_name = "URL")]
    tenant_url: Option<String>,

    /// The API to speak, `v2` or `v1`, else `DT_API`, else v2.
    #[arg(long, value_name = "API")]
    api: Option<Api>,

    /// The number of concurrent requests, else `DT_CALLS_IN_FLIGHT`, else 8.
    #[arg(long, value_name = "N")]
    calls_in_flight: Option<usize>,

    /// The number of requests per minute, else `DT_CALLS_PER_MINUTE`, else
    /// unlimited.
    #[arg(long, value_name = "N")]
    calls_per_minute: Option<NonZeroU32>,
}

impl Options {
    /// A client for the tenant, without a request.
    pub(crate) fn client(&self) -> Result<Dynatrace, Failure> {
        let tenant = self.settings()?;
        install_tls();
        let http = reqwest::Client::builder()
            // The token belongs to one host.
            .redirect(Policy::none())
            .connect_timeout(Duration::from_secs(10))
            .build()
            .map_err(|error| Failure::Unavailable(format!("HTTP does not work here: {error}")))?;
        Dynatrace::new(http, tenant).map_err(|invalid| {
            let name = match invalid {
                InvalidTenant::Token => TOKEN,
                _ => URL,
            };
            unusable(name, invalid).into()
        })
    }

    fn settings(&self) -> Result<Tenant, SettingError> {
        Ok(Tenant {
            url: match &self.tenant_url {
                Some(url) => url.clone(),
                None => required(
                    URL,
                    "the address of the tenant, such as https://abc12345.live.dynatrace.com, \
                     or give --tenant-url",
                )?,
            },
            token: SecretString::from(required(
                TOKEN,
                "an API token that may read metrics and entities; there is no flag for it",
            )?),
            api: match self.api {
                Some(api) => api,
                None => parsed("DT_API", Api::V2)?,
            },
            calls_in_flight: match self.calls_in_flight {
                Some(calls) => calls,
                None => parsed("DT_CALLS_IN_FLIGHT", 8)?,
            },
            calls_per_minute: match (self.calls_per_minute, optional(PER_MINUTE)) {
                (Some(calls), _) => Some(calls.get()),
                (None, Some(_)) => Some(parsed(PER_MINUTE, 0)?),
                (None, None) => None,
            },
        })
    }
}
