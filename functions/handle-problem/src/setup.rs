//! Settings and clients, once per process; what needs a secret, on demand.

use delivery::bundle::Bundles;
use delivery::codedeploy::CodeDeploy;
use lambda::door::{self, WEBHOOK_TOKEN};
use lambda::report::{REPORT_KEYS, ReportLinks};
use lambda::secrets::{Parameters, Secrets};
use lambda::settings::{self, SettingError, minutes, optional, parsed, required, unusable};
use lambda::tenant::{API_TOKEN, Reach};
use release::remediation::Limits;
use store::{Flags, Ledger, Remediations};
use workflows::change_flags::is_set_name;
use workflows::handle_problem::{Clients, Connected, Healing, Services};

use crate::runbooks::{self, HEAL_RUNBOOKS, RunbookSettings};

/// Everything this function has before its first invocation.
pub(crate) struct Edge {
    pub(crate) services: Services,
    pub(crate) secrets: Secrets,
    tenant: Reach,
    report: ReportLinks,
    runbooks: RunbookSettings,
}

pub(crate) async fn edge() -> Result<Edge, SettingError> {
    let remediations = required("REMEDIATIONS_TABLE", "the name of the table of problems")?;
    let ledger = required("LEDGER_TABLE", "the name of the table of deployments")?;
    let tenant = Reach::read()?;
    let report = ReportLinks::read()?;
    lambda::metrics::read_namespace()?;
    let healing = healing()?;

    let sdk = lambda::clients::aws().await?;
    let secrets = Secrets::new(
        sdk.clone(),
        &[API_TOKEN, WEBHOOK_TOKEN, REPORT_KEYS, HEAL_RUNBOOKS],
    );
    Reach::require_token(&secrets)?;
    secrets.require(
        WEBHOOK_TOKEN,
        "the secret that notifications carry, at least 16 characters, and after a comma the \
         previous one; or set WEBHOOK_TOKEN_PARAMETER to the name of its SSM parameter",
    )?;
    report.require_keys(&secrets)?;
    door::check_at_start(&secrets)?;
    runbooks::check_at_start(&secrets)?;
    let dynamodb = aws_sdk_dynamodb::Client::new(&sdk);
    let flags = optional("FLAGS_TABLE").map(|table| Flags::new(dynamodb.clone(), table));
    Ok(Edge {
        services: Services {
            ledger: Ledger::new(dynamodb.clone(), ledger),
            remediations: Remediations::new(dynamodb, remediations),
            clients: Clients {
                codedeploy: CodeDeploy::new(aws_sdk_codedeploy::Client::new(&sdk)),
                bundles: Bundles::new(aws_sdk_s3::Client::new(&sdk)),
                flags,
            },
            healing,
        },
        secrets,
        tenant,
        report,
        runbooks: RunbookSettings::new(Parameters::new(sdk)),
    })
}

impl Edge {
    /// What takes secrets to make.
    pub(crate) async fn connect(&self) -> anyhow::Result<Connected> {
        let secrets = self.secrets.read().await;
        Ok(Connected {
            tenant: self.tenant.connect(&secrets).await?,
            automation: Box::pin(self.runbooks.automation(&secrets)).await,
            links: self.report.links(&secrets),
        })
    }
}

fn healing() -> Result<Healing, SettingError> {
    let usual = Healing::default();
    let most_groups = parsed("HEAL_MAX_GROUPS", usual.most_groups)?;
    if most_groups == 0 {
        return Err(unusable(
            "HEAL_MAX_GROUPS",
            "it is at least 1; HEAL_MODE=off switches healing off",
        ));
    }
    Ok(Healing {
        mode: parsed("HEAL_MODE", usual.mode)?,
        look_back: minutes("HEAL_LOOK_BACK_MINUTES", usual.look_back)?,
        max_age: minutes("HEAL_MAX_AGE_MINUTES", usual.max_age)?,
        most_groups,
        limits: Limits {
            cooldown: minutes("HEAL_COOLDOWN_MINUTES", usual.limits.cooldown)?,
            most: parsed("HEAL_MAX_PER_DAY", usual.limits.most)?,
            ..usual.limits
        },
        tag: parsed("HEAL_TAG", usual.tag)?,
        behind: parsed("DEPLOYMENT_GROUPS", usual.behind)?,
        group_tag: parsed("GROUP_TAG", usual.group_tag)?,
        patience: minutes("HEAL_GIVE_UP_MINUTES", usual.patience)?,
        freeze: lambda::freeze::read(),
        flag_set: settings::flag_set(is_set_name)?,
    })
}
