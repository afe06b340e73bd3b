//! Settings and clients, once per process; the keys of links, on demand.

use delivery::CodePipeline;
use delivery::artifact::Artifacts;
use lambda::report::{REPORT_KEYS, ReportLinks};
use lambda::secrets::Secrets;
use lambda::settings::{SettingError, required};
use release::links::Links;
use store::Validations;
use workflows::publish_validation::Services;

/// Everything this function has before its first invocation.
pub(crate) struct Edge {
    pub(crate) services: Services,
    secrets: Secrets,
    report: ReportLinks,
}

pub(crate) async fn edge() -> Result<Edge, SettingError> {
    let validations = required("VALIDATIONS_TABLE", "the name of the table of validations")?;
    let report = ReportLinks::read()?;

    let sdk = lambda::clients::aws().await?;
    let secrets = Secrets::new(sdk.clone(), &[REPORT_KEYS]);
    report.require_keys(&secrets)?;
    Ok(Edge {
        services: Services {
            validations: Validations::new(aws_sdk_dynamodb::Client::new(&sdk), validations),
            pipeline: CodePipeline::new(aws_sdk_codepipeline::Client::new(&sdk)),
            artifacts: Artifacts::new(aws_sdk_s3::Config::new(&sdk)),
        },
        secrets,
        report,
    })
}

impl Edge {
    /// A verdict is published without a link rather than not at all.
    pub(crate) async fn links(&self) -> Option<Links> {
        self.report.links(&self.secrets.read().await)
    }
}
