//! Settings and clients, once per process.

use delivery::CodePipeline;
use delivery::artifact::Artifacts;
use jiff::SignedDuration;
use lambda::settings::{self, SettingError, parsed, required, unusable};
use store::{Ledger, Validations};
use workflows::outgoing::Outgoing;
use workflows::register_validation::{Hooks, Services, Settings};

pub(crate) async fn services() -> Result<Services, SettingError> {
    let validations = required("VALIDATIONS_TABLE", "the name of the table of validations")?;
    let ledger = required("LEDGER_TABLE", "the name of the table of deployments")?;
    let origins = settings::optional("ALLOWED_ORIGINS").unwrap_or_default();
    let outgoing = Outgoing::new(&origins).map_err(|error| unusable("ALLOWED_ORIGINS", error))?;
    let behind = settings::optional("DEPLOYMENT_GROUPS").unwrap_or_default();
    let behind = behind
        .parse()
        .map_err(|error| unusable("DEPLOYMENT_GROUPS", error))?;
    let settings = Settings {
        ingest_delay: SignedDuration::from_secs(i64::from(parsed::<u32>(
            "DT_INGEST_DELAY_SECONDS",
            120,
        )?)),
        give_up_after: SignedDuration::from_mins(i64::from(parsed::<u32>(
            "GIVE_UP_AFTER_MINUTES",
            24 * 60,
        )?)),
        retention: SignedDuration::from_hours(24 * i64::from(parsed::<u32>("RETENTION_DAYS", 90)?)),
        hooks: hooks(),
    };

    let sdk = lambda::clients::aws().await?;
    let dynamodb = aws_sdk_dynamodb::Client::new(&sdk);
    Ok(Services {
        validations: Validations::new(dynamodb.clone(), validations),
        ledger: Ledger::new(dynamodb, ledger),
        pipeline: CodePipeline::new(aws_sdk_codepipeline::Client::new(&sdk)),
        artifacts: Artifacts::new(aws_sdk_s3::Config::new(&sdk)),
        outgoing,
        behind,
        settings,
    })
}

/// Whether a secret is configured; its value is needed only where results are
/// posted.
fn hooks() -> Hooks {
    let configured = ["RESULT_HOOK_SECRET", "RESULT_HOOK_SECRET_PARAMETER"]
        .iter()
        .any(|name| settings::optional(name).is_some());
    if configured {
        Hooks::Signed
    } else {
        Hooks::Off
    }
}
