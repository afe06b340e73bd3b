//! Settings and clients, once per process; what needs a secret, on demand.

use std::time::Duration;

use anyhow::Context as _;
use delivery::bundle::Bundles;
use delivery::codedeploy::CodeDeploy;
use dynatrace::{Api, Dynatrace, Tag, Tenant, check_address};
use jiff::SignedDuration;
use lambda::door::{Door, WEBHOOK_TOKEN};
use lambda::secrets::Secrets;
use lambda::settings::{self, SettingError, parsed, required, unusable};
use release::remediation::Limits;
use store::Store;
use tokio::sync::OnceCell;
use workflows::handle_problem::{Connected, Healing, Mode, Services};

const TOKEN: &str = "DT_API_TOKEN";

/// Heals are counted within this span.
const DAY: SignedDuration = SignedDuration::from_hours(24);

/// Everything this function has before its first invocation.
pub(crate) struct Edge {
    pub(crate) services: Services,
    pub(crate) secrets: Secrets,
    pub(crate) door: Door,
    tenant: TenantSettings,
    http: OnceCell<reqwest::Client>,
}

struct TenantSettings {
    url: String,
    api: Api,
    calls_in_flight: usize,
    calls_per_minute: Option<u32>,
}

pub(crate) async fn edge() -> Result<Edge, SettingError> {
    let remediations = required("REMEDIATIONS_TABLE", "the name of the table of problems")?;
    let ledger = required("LEDGER_TABLE", "the name of the table of deployments")?;
    let tenant = tenant()?;
    let healing = healing()?;

    let sdk = lambda::clients::aws().await?;
    let secrets = Secrets::new(sdk.clone(), &[TOKEN, WEBHOOK_TOKEN]);
    secrets.require(
        TOKEN,
        "a Dynatrace API token, or set DT_API_TOKEN_PARAMETER to the name of its SSM parameter",
    )?;
    secrets.require(
        WEBHOOK_TOKEN,
        "the secret that notifications carry, at least 16 characters, and after a comma the \
         previous one; or set WEBHOOK_TOKEN_PARAMETER to the name of its SSM parameter",
    )?;
    let door = Door::new(&secrets)?;
    // Validations are no concern of this function, and it may not touch them.
    let store = Store::new(aws_sdk_dynamodb::Client::new(&sdk), "", ledger);
    Ok(Edge {
        services: Services {
            store: store.with_remediations(remediations),
            codedeploy: CodeDeploy::new(aws_sdk_codedeploy::Client::new(&sdk)),
            bundles: Bundles::new(aws_sdk_s3::Client::new(&sdk)),
            healing,
        },
        secrets,
        door,
        tenant,
        http: OnceCell::new(),
    })
}

impl Edge {
    /// What takes secrets to make.
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
        })
    }
}

fn healing() -> Result<Healing, SettingError> {
    let minutes = |name, default: u32| {
        let minutes = parsed::<u32>(name, default)?;
        Ok(SignedDuration::from_mins(i64::from(minutes)))
    };
    let most_groups = parsed::<usize>("HEAL_MAX_GROUPS", 1)?;
    if most_groups == 0 {
        return Err(unusable(
            "HEAL_MAX_GROUPS",
            "it is at least 1; HEAL_MODE=off switches healing off",
        ));
    }
    Ok(Healing {
        mode: parsed("HEAL_MODE", Mode::Auto)?,
        look_back: minutes("HEAL_LOOK_BACK_MINUTES", 60)?,
        max_age: minutes("HEAL_MAX_AGE_MINUTES", 30)?,
        most_groups,
        limits: Limits {
            cooldown: minutes("HEAL_COOLDOWN_MINUTES", 15)?,
            most: parsed("HEAL_MAX_PER_DAY", 2)?,
            window: DAY,
        },
        tag: tag()?,
        patience: minutes("HEAL_GIVE_UP_MINUTES", 1440)?,
    })
}

/// `key:value`, or a key alone.
fn tag() -> Result<Tag, SettingError> {
    let text = settings::optional("HEAL_TAG");
    let text = text.as_deref().unwrap_or("DeploymentGroup:Production");
    let (key, value) = match text.trim().split_once(':') {
        Some((key, value)) => (key, Some(value)),
        None => (text.trim(), None),
    };
    if key.is_empty() || value.is_some_and(str::is_empty) {
        return Err(unusable(
            "HEAL_TAG",
            "it is `key:value`, or a key alone, as the entities of production carry it",
        ));
    }
    Ok(Tag {
        context: None,
        key: key.to_owned(),
        value: value.map(str::to_owned),
    })
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

fn http() -> anyhow::Result<reqwest::Client> {
    reqwest::Client::builder()
        .tls_backend_preconfigured(lambda::clients::tls()?)
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(Duration::from_secs(10))
        .timeout(Duration::from_secs(30))
        .build()
        .context("cannot build the HTTP client")
}
