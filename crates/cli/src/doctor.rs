//! `monspec doctor`

mod account;
mod flags;
mod result;
mod runbooks;
mod schedule;
mod tenant;

use std::io::Write;
use std::pin::Pin;
use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use aws_config::SdkConfig;
use clap::Args;
use dynatrace::{Api, Dynatrace, Scope};
use futures_util::future::join_all;
use jiff::{SignedDuration, Timestamp};
use lambda::door::WEBHOOK_TOKEN;
use lambda::report::REPORT_KEYS;
use lambda::secrets::{Resolved, Secrets};
use lambda::settings::{SettingError, optional, parsed, unusable};
use lambda::tenant::{API_TOKEN, Reach, http};
use monspec::Monspec;
use release::behind::Behind;
use release::window::Window;
use tokio::time::{Instant, timeout};
use workflows::handle_problem::Healing;

use crate::aws::{Account, now};
use crate::failure::Failure;
use crate::input::Input;
use crate::progress;
use result::{CheckResult, because, fail, unchecked};
use schedule::Schedule;

/// How long one check may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// How far back to look for data and entities.
const LOOK_BACK: SignedDuration = SignedDuration::from_hours(24);

/// The setting that signs what is posted.
const HOOK_SECRET: &str = "RESULT_HOOK_SECRET";

type Checked = Result<Vec<CheckResult>, CheckResult>;
type Check = for<'a> fn(&'a Installation) -> Pin<Box<dyn Future<Output = Checked> + 'a>>;

/// The checks, in the order of the output.
const CHECKS: [(&str, Check); 12] = [
    ("scope", |it| Box::pin(tenant::scopes(it))),
    ("api", |it| Box::pin(tenant::api(it))),
    ("entities", |it| Box::pin(tenant::entities(it))),
    ("metric", |it| Box::pin(tenant::metrics(it))),
    ("pipeline", |it| Box::pin(account::pipelines(it))),
    ("table", |it| Box::pin(account::tables(it))),
    ("schedule", |it| Box::pin(account::schedules(it))),
    ("secret", |it| Box::pin(account::secrets(it))),
    ("webhook", |it| Box::pin(account::webhook(it))),
    ("flags", |it| Box::pin(flags::flags(it))),
    ("runbook", |it| Box::pin(runbooks::runbooks(it))),
    ("clock", |it| Box::pin(account::clocks(it))),
];

const NOTES: &str = "\
Settings:
  VALIDATIONS_TABLE, LEDGER_TABLE, REMEDIATIONS_TABLE, FLAGS_TABLE, FLAG_SET,
  DT_TENANT_URL, DT_API, DT_API_TOKEN, REPORT_KEYS, WEBHOOK_TOKEN, RESULT_HOOK_SECRET,
  HEAL_RUNBOOKS (or the names of their SSM parameters, DT_API_TOKEN_PARAMETER and so
  on), DEPLOYMENT_GROUPS and HEAL_TAG, as the functions have them, and the AWS settings of `monspec ledger`.
  `infra/deploy` prints the command with all of them.

Examples:
  monspec doctor --pipeline Shop --monspec monspec.json \\
      --webhook https://abc.execute-api.eu-central-1.amazonaws.com/HandleDynatraceProblem
  monspec doctor --json";

/// Checks an installation: tenant, pipelines, tables, schedules, flags, runbooks,
/// secrets, webhook and clocks.
///
/// All checks run in parallel. Each failure comes with its fix; a check that could
/// not run is a gap and says what it lacked. Nothing is changed or
/// launched; the webhook gets a test notification.
///
/// Exits with 0 when every check ran and none failed, 1 when a check failed, and 2
/// when none failed but there are gaps. Warnings do not count: they may be
/// intended.
#[derive(Args)]
#[command(after_help = NOTES)]
pub(crate) struct Options {
    /// A pipeline that has a gate; may be given several times.
    #[arg(long, value_name = "NAME")]
    pipeline: Vec<String>,

    /// The monspec of its registering actions; `-` reads standard input.
    #[arg(long, value_name = "FILE")]
    monspec: Option<Input>,

    /// The address for problem notifications, else `DT_SELF_HEALING_URL`.
    #[arg(long, value_name = "URL")]
    webhook: Option<String>,

    /// The id of a key of flags; may be given several times.
    #[arg(long, value_name = "ID")]
    flag_key: Vec<String>,

    /// How often the schedules run, as in the stack's `Schedule`; a schedule is
    /// late once two ticks are missing.
    #[arg(long, value_name = "RATE", default_value = "rate(1 minute)")]
    schedule: Schedule,

    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// What is known of an installation before any request; a missing part says what
/// is missing.
struct Installation {
    now: Timestamp,
    deadline: Instant,
    api: Api,
    tenant: Result<Dynatrace, String>,
    production: Scope,
    spec: Result<(Monspec, String), String>,
    pipelines: Vec<String>,
    flag_keys: Vec<String>,
    behind: Behind,
    schedule: Schedule,
    sdk: SdkConfig,
    secrets: Secrets,
    known: Resolved,
    webhook: Option<String>,
    http: reqwest::Client,
}

pub(crate) fn run(options: &Options, out: &mut impl Write) -> Result<ExitCode, Failure> {
    let account = Account::open()?;
    let results = account.wait(async {
        let installation = Installation::of(options, account.sdk.clone()).await?;
        Ok::<_, Failure>(examined(&installation).await)
    })?;
    if options.json {
        result::json(out, &results)?;
    } else {
        result::print(out, &results)?;
    }
    Ok(result::exit_code(&results))
}

async fn examined(installation: &Installation) -> Vec<CheckResult> {
    let done = AtomicUsize::new(0);
    let checks = CHECKS.into_iter().map(async |(name, check)| {
        let checked = match timeout(PATIENCE, check(installation)).await {
            Ok(checked) => checked.unwrap_or_else(|lacking| vec![lacking]),
            Err(_) => vec![fail(
                name,
                "all of it",
                format!("no answer within {} seconds", PATIENCE.as_secs()),
                "check whether this machine can reach the tenant and AWS",
            )],
        };
        done.fetch_add(1, Ordering::Relaxed);
        checked
    });
    let words = || {
        let done = done.load(Ordering::Relaxed);
        format!("{done} of {} checks are done", CHECKS.len())
    };
    let checked = progress::told(words, join_all(checks)).await;
    checked.into_iter().flatten().collect()
}

impl Installation {
    async fn of(options: &Options, sdk: SdkConfig) -> Result<Self, Failure> {
        let spec = match &options.monspec {
            Some(file) => Ok(file.spec()?),
            None => Err("name the monspec with --monspec".to_owned()),
        };
        let secrets = Secrets::new(
            sdk.clone(),
            &[API_TOKEN, REPORT_KEYS, WEBHOOK_TOKEN, HOOK_SECRET],
        );
        let known = secrets.read().await;
        let http = http().map_err(|error| Failure::Unavailable(because(error)))?;
        let behind = optional("DEPLOYMENT_GROUPS").unwrap_or_default();
        Ok(Self {
            now: now(),
            deadline: Instant::now() + PATIENCE,
            api: parsed("DT_API", Api::V2)?,
            tenant: connected(&secrets, &known).await?,
            production: Scope {
                entity_type: dynatrace::EntityType::Service,
                tags: vec![parsed("HEAL_TAG", Healing::default().tag)?],
            },
            spec,
            pipelines: options.pipeline.clone(),
            flag_keys: options.flag_key.clone(),
            behind: behind
                .parse()
                .map_err(|error| unusable("DEPLOYMENT_GROUPS", error))?,
            schedule: options.schedule.clone(),
            sdk,
            secrets,
            known,
            webhook: options
                .webhook
                .clone()
                .or_else(|| optional("DT_SELF_HEALING_URL")),
            http,
        })
    }

    fn tenant(&self, check: &'static str) -> Result<&Dynatrace, CheckResult> {
        self.tenant
            .as_ref()
            .map_err(|lacking| lacks(check, lacking))
    }

    fn spec(&self, check: &'static str) -> Result<&(Monspec, String), CheckResult> {
        self.spec.as_ref().map_err(|lacking| lacks(check, lacking))
    }

    /// The time in which data is looked for.
    fn window(&self) -> Window {
        Window::ending_at(self.now, LOOK_BACK)
    }
}

/// The client of the tenant, or what it lacks.
async fn connected(
    secrets: &Secrets,
    known: &Resolved,
) -> Result<Result<Dynatrace, String>, Failure> {
    let reach = Reach::read().and_then(|reach| Reach::require_token(secrets).map(|()| reach));
    match reach {
        Ok(reach) => Ok(reach.connect(known).await.map_err(because)),
        Err(missing @ SettingError::Missing { .. }) => Ok(Err(missing.to_string())),
        Err(unusable) => Err(unusable.into()),
    }
}

fn lacks(check: &'static str, lacking: &str) -> CheckResult {
    unchecked(check, "all of it", "not looked at", lacking)
}
