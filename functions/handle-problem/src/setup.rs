//! Settings and clients, once per process; what needs a secret, on demand.

use delivery::bundle::Bundles;
use delivery::codedeploy::CodeDeploy;
use dynatrace::Tag;
use jiff::SignedDuration;
use lambda::door::{Door, WEBHOOK_TOKEN};
use lambda::report::{REPORT_KEYS, Report};
use lambda::secrets::Secrets;
use lambda::settings::{self, SettingError, parsed, required, unusable};
use lambda::tenant::{API_TOKEN, Reach};
use release::pause::{self, Freeze};
use release::remediation::Limits;
use store::Store;
use workflows::handle_problem::{Connected, Healing, Mode, Services};
use workflows::push_deployment_event::GroupTag;

/// Heals are counted within this span.
const DAY: SignedDuration = SignedDuration::from_hours(24);

/// Everything this function has before its first invocation.
pub(crate) struct Edge {
    pub(crate) services: Services,
    pub(crate) secrets: Secrets,
    pub(crate) door: Door,
    tenant: Reach,
    report: Report,
}

pub(crate) async fn edge() -> Result<Edge, SettingError> {
    let remediations = required("REMEDIATIONS_TABLE", "the name of the table of problems")?;
    let ledger = required("LEDGER_TABLE", "the name of the table of deployments")?;
    let tenant = Reach::read()?;
    let report = Report::read()?;
    lambda::metrics::read_namespace()?;
    let healing = healing()?;

    let sdk = lambda::clients::aws().await?;
    let secrets = Secrets::new(sdk.clone(), &[API_TOKEN, WEBHOOK_TOKEN, REPORT_KEYS]);
    Reach::require_token(&secrets)?;
    secrets.require(
        WEBHOOK_TOKEN,
        "the secret that notifications carry, at least 16 characters, and after a comma the \
         previous one; or set WEBHOOK_TOKEN_PARAMETER to the name of its SSM parameter",
    )?;
    report.require_keys(&secrets)?;
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
        report,
    })
}

impl Edge {
    /// What takes secrets to make.
    pub(crate) async fn connect(&self) -> anyhow::Result<Connected> {
        let secrets = self.secrets.read().await;
        Ok(Connected {
            tenant: self.tenant.connect(&secrets).await?,
            links: self.report.links(&secrets),
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
        behind: settings::optional("DEPLOYMENT_GROUPS")
            .unwrap_or_default()
            .parse()
            .map_err(|error| unusable("DEPLOYMENT_GROUPS", error))?,
        group_tag: parsed("GROUP_TAG", GroupTag::default())?,
        patience: minutes("HEAL_GIVE_UP_MINUTES", 1440)?,
        freeze: parsed(pause::SETTING, Freeze::default())?,
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
