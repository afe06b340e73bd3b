//! Settings and clients, once per process; what needs a secret, on demand.

use anyhow::Context as _;
use delivery::CodePipeline;
use jiff::SignedDuration;
use lambda::secrets::{Origin, Resolved, Secrets};
use lambda::settings::{self, SettingError, parsed, required, unusable};
use lambda::tenant::{API_TOKEN, Reach};
use secrecy::SecretString;
use store::Store;
use workflows::links::{LinkSettings, Links};
use workflows::outgoing::Outgoing;
use workflows::validate_builds::{Connected, Services};

const REPORT_KEYS: &str = "REPORT_KEYS";
const HOOK_SECRET: &str = "RESULT_HOOK_SECRET";

/// Everything this function has before its first invocation.
pub(crate) struct Edge {
    pub(crate) services: Services,
    pub(crate) secrets: Secrets,
    tenant: Reach,
    links: Option<LinkSettings>,
}

pub(crate) async fn edge() -> Result<Edge, SettingError> {
    let validations = required("VALIDATIONS_TABLE", "the name of the table of validations")?;
    let ledger = required("LEDGER_TABLE", "the name of the table of deployments")?;
    let tenant = Reach::read()?;
    let links = links()?;
    let origins = settings::optional("ALLOWED_ORIGINS").unwrap_or_default();
    let outgoing = Outgoing::new(&origins).map_err(|error| unusable("ALLOWED_ORIGINS", error))?;
    let patience =
        SignedDuration::from_secs(i64::from(parsed::<u32>("DT_MISSING_DATA_SECONDS", 300)?));

    let sdk = lambda::clients::aws().await?;
    let secrets = Secrets::new(sdk.clone(), &[API_TOKEN, REPORT_KEYS, HOOK_SECRET]);
    Reach::require_token(&secrets)?;
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
    })
}

impl Edge {
    /// What takes secrets to make; called once something is due.
    pub(crate) async fn connect(&self) -> anyhow::Result<Connected> {
        let secrets = self.secrets.read().await?;
        Ok(Connected {
            tenant: self.tenant.connect(&secrets).await?,
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
