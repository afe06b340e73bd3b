//! Settings and clients, once per process; what needs a secret, on demand.

use dynatrace::Dynatrace;
use lambda::secrets::Secrets;
use lambda::settings::{self, SettingError, required, unusable};
use lambda::tenant::{API_TOKEN, Reach};
use store::Flags;
use workflows::change_flags::{Services, is_set_name};

/// Everything this function has before its first invocation.
pub(crate) struct Edge {
    pub(crate) services: Services,
    pub(crate) secrets: Secrets,
    tenant: Reach,
}

pub(crate) async fn edge() -> Result<Edge, SettingError> {
    let table = required("FLAGS_TABLE", "the name of the table of flags")?;
    let set = settings::flag_set(is_set_name)?;
    let tenant = Reach::read()?;
    let address = address()?;
    lambda::metrics::read_namespace()?;

    let sdk = lambda::clients::aws().await?;
    let secrets = Secrets::new(sdk.clone(), &[API_TOKEN]);
    Reach::require_token(&secrets)?;
    Ok(Edge {
        services: Services {
            flags: Flags::new(aws_sdk_dynamodb::Client::new(&sdk), table),
            set,
            address,
        },
        secrets,
        tenant,
    })
}

/// Where people reach this function; it stands in events, so it names nobody.
fn address() -> Result<Option<String>, SettingError> {
    let Some(address) = settings::optional("FLAGS_URL") else {
        return Ok(None);
    };
    let is_web = address.starts_with("https://") || address.starts_with("http://");
    if 1_000 < address.len() || !is_web || address.contains(['?', '#', '@', ' ']) {
        return Err(unusable(
            "FLAGS_URL",
            "it is the https address of change-flags without parameters, at most 1000 characters",
        ));
    }
    Ok(Some(address.trim_end_matches('/').to_owned()))
}

impl Edge {
    /// The client of the tenant.
    pub(crate) async fn connect(&self) -> anyhow::Result<Dynatrace> {
        let secrets = self.secrets.read().await;
        self.tenant.connect(&secrets).await
    }
}
