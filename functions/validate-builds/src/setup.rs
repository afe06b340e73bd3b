//! Settings and clients, once per process; what needs a secret, on demand.

use std::sync::LazyLock;

use delivery::CodePipeline;
use delivery::codedeploy::CodeDeploy;
use jiff::{SignedDuration, Timestamp};
use lambda::report::{REPORT_KEYS, ReportLinks};
use lambda::secrets::Secrets;
use lambda::settings::{self, SettingError, parsed, required, unusable};
use lambda::tenant::{API_TOKEN, Reach};
use release::console::Console;
use store::{Ledger, Validations};
use workflows::outgoing::Outgoing;
use workflows::validate_builds::{Connected, Services};

use crate::report;

const HOOK_SECRET: &str = "RESULT_HOOK_SECRET";

/// Everything this function has before its first invocation.
pub(crate) struct Edge {
    pub(crate) services: Services,
    pub(crate) secrets: Secrets,
    tenant: Reach,
    report: ReportLinks,
}

pub(crate) async fn edge() -> Result<Edge, SettingError> {
    let validations = required("VALIDATIONS_TABLE", "the name of the table of validations")?;
    let ledger = required("LEDGER_TABLE", "the name of the table of deployments")?;
    let tenant = Reach::read()?;
    let report = ReportLinks::read()?;
    lambda::metrics::read_namespace()?;
    let origins = settings::optional("ALLOWED_ORIGINS").unwrap_or_default();
    let outgoing = Outgoing::new(&origins).map_err(|error| unusable("ALLOWED_ORIGINS", error))?;
    let patience =
        SignedDuration::from_secs(i64::from(parsed::<u32>("DT_MISSING_DATA_SECONDS", 300)?));

    let sdk = lambda::clients::aws().await?;
    let secrets = Secrets::new(sdk.clone(), &[API_TOKEN, REPORT_KEYS, HOOK_SECRET]);
    Reach::require_token(&secrets)?;
    report.require_keys(&secrets)?;
    let dynamodb = aws_sdk_dynamodb::Client::new(&sdk);
    Ok(Edge {
        services: Services {
            validations: Validations::new(dynamodb.clone(), validations),
            ledger: Ledger::new(dynamodb, ledger),
            pipeline: CodePipeline::new(aws_sdk_codepipeline::Client::new(&sdk)),
            outgoing,
            patience,
            console: Console::of(sdk.region().map(AsRef::as_ref)),
            freeze: lambda::freeze::read(),
            codedeploy: LazyLock::new(Box::new(move || {
                CodeDeploy::new(aws_sdk_codedeploy::Client::new(&sdk))
            })),
        },
        secrets,
        tenant,
        report,
    })
}

impl Edge {
    /// What takes secrets to make; called once something is due.
    pub(crate) async fn connect(&self, now: Timestamp) -> anyhow::Result<Connected> {
        let secrets = self.secrets.read().await;
        let hook_secret = secrets.get(HOOK_SECRET);
        if let Err(error) = &hook_secret {
            report::unsigned(HOOK_SECRET, error, now);
        }
        Ok(Connected {
            tenant: self.tenant.connect(&secrets).await?,
            links: self.report.links(&secrets),
            hook_secret: hook_secret.map(Option::<&_>::cloned).map_err(Into::into),
        })
    }
}
