//! Settings and clients, once per process; what needs a secret, on demand.

use dynatrace::Dynatrace;
use lambda::secrets::Secrets;
use lambda::settings::{SettingError, required};
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
    let set = lambda::settings::flag_set(is_set_name)?;
    let tenant = Reach::read()?;
    lambda::metrics::read_namespace()?;

    let sdk = lambda::clients::aws().await?;
    let secrets = Secrets::new(sdk.clone(), &[API_TOKEN]);
    Reach::require_token(&secrets)?;
    Ok(Edge {
        services: Services {
            flags: Flags::new(aws_sdk_dynamodb::Client::new(&sdk), table),
            set,
        },
        secrets,
        tenant,
    })
}

impl Edge {
    /// The client of the tenant.
    pub(crate) async fn connect(&self) -> anyhow::Result<Dynatrace> {
        let secrets = self.secrets.read().await;
        self.tenant.connect(&secrets).await
    }
}
