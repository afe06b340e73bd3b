//! `monspec heal`

use std::io::{self, Write};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::{ArgGroup, Args, Subcommand};
use delivery::DeliveryError;
use delivery::bundle::Bundles;
use delivery::codedeploy::CodeDeploy;
use jiff::Timestamp;
use lambda::settings::{minutes, optional, parsed};
use monspec::lint::escaped;
use release::pause;
use release::remediation::Limits;
use release::runbook::Runbooks;
use store::{Flags, Remediations, tables};
use tokio::time::Instant;
use workflows::Tick;
use workflows::handle_problem::explain::{Asked, Explained, explain};
use workflows::handle_problem::{Automation, Clients, Connected, Healing, Mode, Services};

use crate::aws::{Account, Ledger, now};
use crate::failure::Failure;
use crate::{output, tenant};

/// How long the tenant and the account may take together.
const PATIENCE: Duration = Duration::from_mins(2);

const NOTES: &str = "\
Settings:
  LEDGER_TABLE, DT_TENANT_URL, DT_API_TOKEN, DT_API, HEAL_TAG,
  REMEDIATIONS_TABLE, HEAL_LOOK_BACK_MINUTES, HEAL_MAX_GROUPS, HEAL_COOLDOWN_MINUTES, HEAL_MAX_PER_DAY,
  CHANGE_FREEZE, DEPLOYMENT_GROUPS, GROUP_TAG, FLAGS_TABLE and HEAL_RUNBOOKS, as the
  functions have them, and the AWS settings of `monspec ledger`. Without FLAGS_TABLE
  changes of flags are left out, without HEAL_RUNBOOKS announced configurations; what
  a controller says of a template is not asked.

Examples:
  monspec heal explain --problem=-6004362228644432354_1638271020000V2
  monspec heal explain --at 2026-01-05T10:55:00Z --json";

/// Explains how problems are answered.
#[derive(Args)]
#[command(after_help = NOTES)]
pub(crate) struct Options {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Explain(Box<Explain>),
}

/// Shows which change a problem is blamed on, a deployment, the change of a flag or an
/// announced configuration, and what would be put in its place or run, with every
/// candidate and the reason.
///
/// Read only: nothing is written, deployed, set or commented. The decision uses today's
/// data; age limits, cooldown and guards are not applied.
#[derive(Args)]
#[command(after_help = NOTES, group = ArgGroup::new("what").required(true).args(["problem", "at"]))]
struct Explain {
    /// The problem's id, as in its page and its notification; or `P-123`, as people
    /// call it, if `REMEDIATIONS_TABLE` is set and it is among the last thousand there.
    #[arg(long, value_name = "ID", allow_hyphen_values = true)]
    problem: Option<String>,

    /// Assume a problem on all services of production since this time, in RFC
    /// 3339.
    #[arg(long, value_name = "TIME")]
    at: Option<Timestamp>,

    /// The table of the ledger, else `LEDGER_TABLE`.
    #[arg(long, value_name = "NAME")]
    table: Option<String>,

    /// Print JSON.
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    tenant: tenant::Options,
}

pub(crate) fn run(options: &Options, out: &mut impl Write) -> Result<ExitCode, Failure> {
    let Command::Explain(wanted) = &options.command;
    let Ledger {
        account,
        table: ledger,
        name,
    } = Ledger::open(wanted.table.as_deref())?;
    let asked = match (&wanted.problem, wanted.at) {
        (Some(name), _) => Asked::Problem(id_of(&account, name)?),
        (None, Some(at)) => Asked::At(at),
        (None, None) => return Err(Failure::Usage("give --problem or --at".to_owned())),
    };
    let healing = healing()?;
    let connected = Connected {
        tenant: wanted.tenant.client()?,
        automation: Arc::new(automation()?),
        links: None,
    };
    let dynamodb = aws_sdk_dynamodb::Client::new(&account.sdk);
    let services = Services {
        ledger,
        remediations: Remediations::new(dynamodb, tables::REMEDIATIONS.name),
        clients: Clients {
            codedeploy: CodeDeploy::new(aws_sdk_codedeploy::Client::new(&account.sdk)),
            bundles: Bundles::new(aws_sdk_s3::Client::new(&account.sdk)),
            flags: optional("FLAGS_TABLE")
                .map(|table| Flags::new(aws_sdk_dynamodb::Client::new(&account.sdk), table)),
        },
        healing,
    };
    let now = now();
    let work = async {
        let tick = Tick {
            now,
            began: Instant::now(),
            deadline: Instant::now() + PATIENCE,
            lease_until: now,
        };
        Box::pin(explain(&services, &connected, &asked, tick)).await
    };
    let explained = account
        .wait(work)
        .map_err(|error| {
            if error.is::<dynatrace::Error>() || error.is::<DeliveryError>() {
                return Failure::Unavailable(format!("{error:#}"));
            }
            account.unanswered(&name, &error)
        })?
        .ok_or_else(|| Failure::Usage("the tenant knows no problem of this id".to_owned()))?;
    if wanted.json {
        output::json(out, &explained)?;
    } else {
        tell(out, &explained)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The id of a problem that is named by it, or as people call it.
fn id_of(account: &Account, name: &str) -> Result<String, Failure> {
    let number = name.strip_prefix("P-").unwrap_or_default();
    if number.is_empty() || !number.bytes().all(|digit| digit.is_ascii_digit()) {
        return Ok(name.to_owned());
    }
    let Some(table) = optional("REMEDIATIONS_TABLE") else {
        return Err(Failure::Usage(format!(
            "set REMEDIATIONS_TABLE to look `{name}` up, or give the problem's id"
        )));
    };
    let client = aws_sdk_dynamodb::Client::new(&account.sdk);
    let problems = Remediations::new(client, &table);
    let found = account.ask(&table, problems.called(name, now()))?;
    found.ok_or_else(|| Failure::Usage(format!("no problem `{name}` is known here; give its id")))
}

/// The runbooks that are listed. Their controllers and receivers are not spoken to.
fn automation() -> Result<Automation, Failure> {
    let Some(text) = optional("HEAL_RUNBOOKS") else {
        return Ok(Automation::default());
    };
    let listed = Runbooks::read(&text).map_err(|wrong| {
        let wrong: Vec<String> = wrong.iter().map(ToString::to_string).collect();
        Failure::Usage(format!(
            "HEAL_RUNBOOKS cannot be used: {}",
            wrong.join("; ")
        ))
    })?;
    let why = || "it is not asked from here".to_owned();
    let controllers = listed.controllers.keys();
    let controllers = controllers.map(|name| (name.clone(), Err(why())));
    let receivers = listed.receivers.keys();
    let receivers = receivers.map(|name| (name.clone(), Err(why())));
    Ok(Automation {
        controllers: controllers.collect(),
        receivers: receivers.collect(),
        listed,
    })
}

/// The settings that decide; whether and for how long a problem is acted on is left
/// out.
fn healing() -> Result<Healing, Failure> {
    let usual = Healing::default();
    Ok(Healing {
        mode: Mode::Shadow,
        look_back: minutes("HEAL_LOOK_BACK_MINUTES", usual.look_back)?,
        most_groups: parsed("HEAL_MAX_GROUPS", usual.most_groups)?,
        tag: parsed("HEAL_TAG", usual.tag)?,
        behind: parsed("DEPLOYMENT_GROUPS", usual.behind)?,
        group_tag: parsed("GROUP_TAG", usual.group_tag)?,
        limits: Limits {
            cooldown: minutes("HEAL_COOLDOWN_MINUTES", usual.limits.cooldown)?,
            most: parsed("HEAL_MAX_PER_DAY", usual.limits.most)?,
            ..usual.limits
        },
        freeze: parsed(pause::SETTING, usual.freeze)?,
        ..usual
    })
}

fn tell(out: &mut impl Write, explained: &Explained) -> io::Result<()> {
    let Explained {
        began,
        entities,
        candidates,
        answers,
        left_out,
        outcome,
        ..
    } = explained;
    writeln!(out, "{}", escaped(outcome))?;
    for what in left_out {
        writeln!(out, "{}", escaped(what))?;
    }
    writeln!(out, "\nsince {began}, on {}", escaped(&entities.join(", ")))?;
    let taken = |is: bool| if is { "yes" } else { "no" }.to_owned();
    if !candidates.is_empty() {
        writeln!(out)?;
        let header = [
            "CHANGE",
            "PLACE",
            "ENTITY",
            "BEGAN (UTC)",
            "ANNOUNCED",
            "BLAMED",
            "WHY",
        ];
        let rows = candidates.iter().map(|one| {
            [
                one.change.clone(),
                one.place.clone(),
                one.entity.clone(),
                one.at.to_string(),
                taken(one.announced),
                taken(one.blamed),
                one.why.clone(),
            ]
        });
        let header = header.map(str::to_owned);
        output::table(
            out,
            &std::iter::once(header).chain(rows).collect::<Vec<_>>(),
        )?;
    }
    for answer in answers {
        writeln!(
            out,
            "\ncandidates to replace {} in {}:\n",
            escaped(&answer.culprit),
            escaped(&answer.place)
        )?;
        let header = ["PUT IN PLACE", "VERSION", "STANDING", "TAKEN", "WHY"].map(str::to_owned);
        let rows = answer.targets.iter().map(|one| {
            [
                one.id.clone(),
                one.version.clone(),
                format!("{:?}", one.standing).to_lowercase(),
                taken(one.chosen),
                one.why.clone(),
            ]
        });
        output::table(
            out,
            &std::iter::once(header).chain(rows).collect::<Vec<_>>(),
        )?;
    }
    Ok(())
}
