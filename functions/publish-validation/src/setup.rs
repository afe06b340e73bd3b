//! Settings and clients, once per process; the keys of links, on demand.

use anyhow::Context as _;
use delivery::CodePipeline;
use delivery::artifact::Artifacts;
use lambda::secrets::Secrets;
use lambda::settings::{self, SettingError, required, unusable};
use secrecy::SecretString;
use store::Store;
use workflows::links::{LinkSettings, Links};
use workflows::publish_validation::Services;

const REPORT_KEYS: &str = "REPORT_KEYS";

/// Everything this function has before its first invocation.
pub(crate) struct Edge {
    pub(crate) services: Services,
    secrets: Secrets,
    links: Option<LinkSettings>,
}

pub(crate) async fn edge() -> Result<Edge, SettingError> {
    let validations = required("VALIDATIONS_TABLE", "the name of the table of validations")?;
    let links = links()?;

    let sdk = lambda::clients::aws().await?;
    let secrets = Secrets::new(sdk.clone(), &[REPORT_KEYS]);
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
    // What is published is made of validations alone.
    let no_ledger = "";
    Ok(Edge {
        services: Services {
            store: Store::new(aws_sdk_dynamodb::Client::new(&sdk), validations, no_ledger),
            pipeline: CodePipeline::new(aws_sdk_codepipeline::Client::new(&sdk)),
            artifacts: Artifacts::new(aws_sdk_s3::Config::new(&sdk)),
        },
        secrets,
        links,
    })
}

impl Edge {
    /// A verdict is published without a link rather than not at all.
    pub(crate) async fn links(&self) -> Option<Links> {
        let settings = self.links.as_ref()?;
        match self.signed(settings).await {
            Ok(links) => Some(links),
            Err(error) => {
                tracing::error!("What is published carries no link to the report: {error:#}");
                None
            }
        }
    }

    async fn signed(&self, settings: &LinkSettings) -> anyhow::Result<Links> {
        let none = SecretString::default();
        if settings.public {
            return Ok(Links::new(settings, &none)?);
        }
        let secrets = self.secrets.read().await?;
        let keys = secrets.get(REPORT_KEYS)?.unwrap_or(&none);
        Links::new(settings, keys).context("REPORT_KEYS cannot be used")
    }
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
