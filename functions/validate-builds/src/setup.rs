//! Settings and clients, once per process; what needs a secret, on demand.

use std::time::Duration;

use anyhow::Context as _;
use delivery::CodePipeline;
use dynatrace::{Api, Dynatrace, Tenant, check_address};
use jiff::SignedDuration;
use lambda::secrets::{Origin, Resolved, Secrets};
use lambda::settings::{self, SettingError, parsed, required, unusable};
use secrecy::SecretString;
use store::Store;
use tokio::sync::OnceCell;
use workflows::links::{LinkSettings, Links};
use workflows::outgoing::Outgoing;
use workflows::validate_builds::{Connected, Services};

const TOKEN: &str = "DT_API_TOKEN";
const REPORT_KEYS: &str = "REPORT_KEYS";
const HOOK_SECRET: &str = "RESULT_HOOK_SECRET";

/// Everything this function has before its first invocation.
pub(crate) struct Edge {
    pub(crate) services: Services,
    pub(crate) secrets: Secrets,
    tenant: TenantSettings,
    links: Option<LinkSettings>,
    http: OnceCell<reqwest::Client>,
}

struct TenantSettings {
    url: String,
    api: Api,
    calls_in_flight: usize,
    calls_per_minute: Option<u32>,
}

pub(crate) async fn edge() -> Result<Edge, SettingError> {
    let validations = required("VALIDATIONS_TABLE", "the name of the table of validations")?;
    let ledger = required("LEDGER_TABLE", "the name of the table of deployments")?;
    let tenant = tenant()?;
    let links = links()?;
    let origins = settings::optional("ALLOWED_ORIGINS").unwrap_or_default();
    let outgoing = Outgoing::new(&origins).map_err(|error| unusable("ALLOWED_ORIGINS", error))?;
    let patience =
        SignedDuration::from_secs(i64::from(parsed::<u32>("DT_MISSING_DATA_SECONDS", 300)?));

    let sdk = lambda::clients::aws().await?;
    let secrets = Secrets::new(sdk.clone(), &[TOKEN, REPORT_KEYS, HOOK_SECRET]);
    secrets.require(
        TOKEN,
        "a Dynatrace API token, or set DT_API_TOKEN_PARAMETER to the name of its SSM parameter",
    )?;
    if let Some(links) = links.as_ref().filter(|links| !links.public) {
        secrets.require(
            REPORT_KEYS,
            "the keys that sign report links, `<id>:<secret>`, or set REPORT_KEYS_PARAMETER; \
             reports that everybody may open need REPORT_ACCESS=public",
        )?;
        if let Some(keys) = secrets.direct(REPORT_KEYS) {
            Links::new(links, keys).map_err(|error| unusable(REPORT_KEYS, error))?;
        }
    }
    Ok(Edge {
        services: Services {
            store: Store::new(aws_sdk_dynamodb::Client::new(&sdk), validations, ledger),
            pipeline: CodePipeline::new(aws_sdk_codepipeline::Client::new(&sdk)),
            outgoing,
            patience,
        },
        secrets,
        tenant,
        links,
        http: OnceCell::new(),
    })
}

impl Edge {
    /// What takes secrets to make; called once something is due.
    pub(crate) async fn connect(&self) -> anyhow::Result<Connected> {
        let secrets = self.secrets.read().await?;
        let http = self.http.get_or_try_init(async || http()).await?;
        let token = secrets
            .get(TOKEN)?
            .context("the API token is checked at start")?;
        let tenant = Tenant {
            url: self.tenant.url.clone(),
            token: token.clone(),
            api: self.tenant.api,
            calls_in_flight: self.tenant.calls_in_flight,
            calls_per_minute: self.tenant.calls_per_minute,
        };
        Ok(Connected {
            tenant: Dynatrace::new(http.clone(), tenant).context("the tenant cannot be asked")?,
            links: self.links(&secrets),
            hook_secret: secrets.get(HOOK_SECRET)?.cloned(),
        })
    }

    /// A build is judged without a link rather than not at all.
    fn links(&self, secrets: &Resolved) -> Option<Links> {
        match signed(self.links.as_ref()?, secrets) {
            Ok(links) => Some(links),
            Err(error) => {
                if secrets.origin == Origin::Fetched {
                    tracing::error!("Approvals carry no link to the report: {error:#}");
                }
                None
            }
        }
    }
}

fn signed(settings: &LinkSettings, secrets: &Resolved) -> anyhow::Result<Links> {
    let none = SecretString::default();
    let keys = if settings.public {
        &none
    } else {
        secrets.get(REPORT_KEYS)?.unwrap_or(&none)
    };
    Links::new(settings, keys).context("REPORT_KEYS cannot be used")
}

fn tenant() -> Result<TenantSettings, SettingError> {
    let api = parsed("DT_API", Api::V2)?;
    let url = required(
        "DT_TENANT_URL",
        "the address of the tenant, such as https://abc12345.live.dynatrace.com",
    )?;
    check_address(&url, api).map_err(|error| unusable("DT_TENANT_URL", error))?;
    Ok(TenantSettings {
        url,
        api,
        calls_in_flight: parsed("DT_CALLS_IN_FLIGHT", 8)?,
        calls_per_minute: match settings::optional("DT_CALLS_PER_MINUTE") {
            Some(_) => Some(parsed("DT_CALLS_PER_MINUTE", 0)?),
            None => None,
        },
    })
}

fn links() -> Result<Option<LinkSettings>, SettingError> {
    let public = match settings::optional("REPORT_ACCESS").as_deref() {
        None | Some("signed") => false,
        Some("public") => true,
        Some(_) => {
            return Err(unusable(
                "REPORT_ACCESS",
                "it is `signed`, the default, or `public`",
            ));
        }
    };
    let Some(base) = settings::optional("DT_BUILD_REPORT_URL") else {
        return Ok(None);
    };
    if base.len() > 200 || !(base.starts_with("https://") || base.starts_with("http://")) {
        return Err(unusable(
            "DT_BUILD_REPORT_URL",
            "it is the https address of the report, at most 200 characters",
        ));
    }
    Ok(Some(LinkSettings { base, public }))
}

fn http() -> anyhow::Result<reqwest::Client> {
    reqwest::Client::builder()
        .tls_backend_preconfigured(lambda::clients::tls()?)
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(Duration::from_secs(10))
        .timeout(Duration::from_secs(30))
        .build()
        .context("cannot build the HTTP client")
}
