//! Settings and clients, once per process; what needs a secret, on demand.

use delivery::CodePipeline;
use delivery::artifact::Artifacts;
use delivery::codedeploy::CodeDeploy;
use dynatrace::Dynatrace;
use jiff::SignedDuration;
use lambda::door::{self, WEBHOOK_TOKEN};
use lambda::secrets::Secrets;
use lambda::settings::{self, SettingError, parsed, required, unusable};
use lambda::tenant::{API_TOKEN, Reach};
use release::behind::Behind;
use release::console::Console;
use store::Ledger;
use workflows::outgoing::Outgoing;
use workflows::push_deployment_event::{GroupTag, Services};

/// Everything this function has before its first invocation.
pub(crate) struct Edge {
    pub(crate) services: Services,
    pub(crate) secrets: Secrets,
    tenant: Reach,
}

pub(crate) async fn edge() -> Result<Edge, SettingError> {
    let ledger = required("LEDGER_TABLE", "the name of the table of deployments")?;
    let tenant = Reach::read()?;
    let origins = settings::optional("ALLOWED_ORIGINS").unwrap_or_default();
    let outgoing = Outgoing::new(&origins).map_err(|error| unusable("ALLOWED_ORIGINS", error))?;
    let remediation = settings::address("DT_SELF_HEALING_URL", "the webhook", 1_000)?;
    let behind = parsed("DEPLOYMENT_GROUPS", Behind::default())?;
    let group_tag = parsed("GROUP_TAG", GroupTag::default())?;
    let days = parsed::<u32>("GROUP_TIE_DAYS", 90)?;

    let sdk = lambda::clients::aws().await?;
    let secrets = Secrets::new(sdk.clone(), &[API_TOKEN, WEBHOOK_TOKEN]);
    Reach::require_token(&secrets)?;
    door::check_at_start(&secrets)?;
    Ok(Edge {
        services: Services {
            ledger: Ledger::new(aws_sdk_dynamodb::Client::new(&sdk), ledger),
            pipeline: CodePipeline::new(aws_sdk_codepipeline::Client::new(&sdk)),
            codedeploy: CodeDeploy::new(aws_sdk_codedeploy::Client::new(&sdk)),
            artifacts: Artifacts::new(aws_sdk_s3::Config::new(&sdk)),
            outgoing,
            console: Console::of(sdk.region().map(AsRef::as_ref)),
            remediation,
            group_tag,
            behind,
            keep_ties: SignedDuration::from_hours(24 * i64::from(days)),
        },
        secrets,
        tenant,
    })
}

impl Edge {
    /// The client of the tenant; called once there is something to announce.
    pub(crate) async fn connect(&self) -> anyhow::Result<Dynatrace> {
        let secrets = self.secrets.read().await;
        self.tenant.connect(&secrets).await
    }
}
