//! Settings and clients, once per process; what needs a secret, on demand.

use std::time::Duration;

use anyhow::Context as _;
use delivery::CodePipeline;
use delivery::artifact::Artifacts;
use delivery::codedeploy::CodeDeploy;
use dynatrace::{Api, Dynatrace, Tenant, check_address};
use lambda::door::{Door, WEBHOOK_TOKEN};
use lambda::secrets::Secrets;
use lambda::settings::{self, SettingError, parsed, required, unusable};
use store::Store;
use tokio::sync::OnceCell;
use workflows::outgoing::Outgoing;
use workflows::push_deployment_event::{Console, GroupTag, Services, Settings};

const API_TOKEN: &str = "DT_API_TOKEN";

/// Everything this function has before its first invocation.
pub(crate) struct Edge {
    pub(crate) services: Services,
    pub(crate) secrets: Secrets,
    pub(crate) door: Door,
    url: String,
    api: Api,
    http: OnceCell<reqwest::Client>,
}

pub(crate) async fn edge() -> Result<Edge, SettingError> {
    let validations = required("VALIDATIONS_TABLE", "the name of the table of validations")?;
    let ledger = required("LEDGER_TABLE", "the name of the table of deployments")?;
    let api = parsed("DT_API", Api::V2)?;
    let url = required(
        "DT_TENANT_URL",
        "the address of the tenant, such as https://abc12345.live.dynatrace.com",
    )?;
    check_address(&url, api).map_err(|error| unusable("DT_TENANT_URL", error))?;
    let origins = settings::optional("ALLOWED_ORIGINS").unwrap_or_default();
    let outgoing = Outgoing::new(&origins).map_err(|error| unusable("ALLOWED_ORIGINS", error))?;
    let remediation = remediation()?;
    let tag = settings::optional("GROUP_TAG").unwrap_or_else(|| "DeploymentGroup".to_owned());
    let group_tag: GroupTag = tag.parse().map_err(|error| unusable("GROUP_TAG", error))?;

    let sdk = lambda::clients::aws().await?;
    let secrets = Secrets::new(sdk.clone(), &[API_TOKEN, WEBHOOK_TOKEN]);
    secrets.require(
        API_TOKEN,
        "a Dynatrace API token, or set DT_API_TOKEN_PARAMETER to the name of its SSM parameter",
    )?;
    let door = Door::new(&secrets)?;
    Ok(Edge {
        services: Services {
            store: Store::new(aws_sdk_dynamodb::Client::new(&sdk), validations, ledger),
            pipeline: CodePipeline::new(aws_sdk_codepipeline::Client::new(&sdk)),
            codedeploy: CodeDeploy::new(aws_sdk_codedeploy::Client::new(&sdk)),
            artifacts: Artifacts::new(aws_sdk_s3::Config::new(&sdk)),
            outgoing,
            settings: Settings {
                console: Console::of(sdk.region().map(AsRef::as_ref)),
                remediation,
                group_tag,
            },
        },
        secrets,
        door,
        url,
        api,
        http: OnceCell::new(),
    })
}

impl Edge {
    /// The client of the tenant; called once there is something to announce.
    pub(crate) async fn connect(&self) -> anyhow::Result<Dynatrace> {
        let secrets = self.secrets.read().await?;
        let http = self.http.get_or_try_init(async || http()).await?;
        let token = secrets
            .get(API_TOKEN)?
            .context("the API token is checked at start")?;
        let tenant = Tenant {
            url: self.url.clone(),
            token: token.clone(),
            api: self.api,
            calls_in_flight: 8,
            calls_per_minute: None,
        };
        Dynatrace::new(http.clone(), tenant).context("the tenant cannot be asked")
    }
}

fn remediation() -> Result<Option<String>, SettingError> {
    let Some(url) = settings::optional("DT_SELF_HEALING_URL") else {
        return Ok(None);
    };
    if url.len() > 1_000 || !(url.starts_with("https://") || url.starts_with("http://")) {
        return Err(unusable(
            "DT_SELF_HEALING_URL",
            "it is the https address of the webhook, at most 1000 characters",
        ));
    }
    Ok(Some(url))
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
