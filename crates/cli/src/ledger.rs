//! `monspec ledger`

mod shown;
mod table;

use std::io::Write;
use std::process::ExitCode;

use clap::{Args, Subcommand};
use jiff::{SignedDuration, Timestamp};
use release::deployment::{Group, Standing};
use release::ledger::Ruling;
use workflows::ruling::Running;

use crate::aws::{now, speaker, words};
use crate::failure::Failure;
use table::Table;

/// How many deployments the ledger gives out at once.
const SHOWN: usize = 50;

const NOTES: &str = "\
Settings:
  LEDGER_TABLE names the table, as it does for the functions. Region and
  credentials come from AWS_REGION, AWS_ACCESS_KEY_ID and its companions, or from
  the role of the machine. To use a profile, turn it into variables first:
  eval \"$(aws configure export-credentials --format env)\"

Examples:
  monspec ledger list --group SampleDevOpsApp/Production
  monspec ledger adopt SampleDevOpsApp/Production
  monspec ledger adopt SampleDevOpsApp/Production --good d-ABC123 \\
      --reason \"has run for a month\"
  monspec ledger clear --group SampleDevOpsApp/Production d-ABC123 \\
      --reason \"the database was to blame\"
  monspec ledger condemn --group SampleDevOpsApp/Production d-ABC123 \\
      --reason \"leaks a connection per request\"";

/// Shows the deployments of a group and their standing, and changes it.
///
/// A heal never deploys a suspect or bad deployment again, nor the same content
/// elsewhere. No later validation changes that; only a person does.
#[derive(Args)]
#[command(after_help = NOTES)]
pub(crate) struct Options {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    List(List),
    /// Clears a deployment: its standing becomes unknown again.
    Clear(Statement),
    Adopt(Adopt),
    /// Condemns a deployment: no heal deploys it or its content again.
    Condemn(Statement),
}

/// Lists the deployments of a group, newest first, at most fifty.
#[derive(Args)]
#[command(after_help = NOTES)]
struct List {
    #[command(flatten)]
    place: Place,

    /// Only deployments up to this time, in RFC 3339.
    #[arg(long, value_name = "TIME")]
    until: Option<Timestamp>,
}

#[derive(Args)]
#[command(after_help = NOTES)]
struct Statement {
    #[command(flatten)]
    place: Place,

    /// The deployment's id in CodeDeploy.
    #[arg(value_name = "DEPLOYMENT", value_parser = words)]
    deployment: String,

    /// The reason, which the ledger keeps.
    #[arg(long, value_name = "TEXT", value_parser = words)]
    reason: String,

    /// Your name, else `USER`.
    #[arg(long = "as", value_name = "NAME", value_parser = words)]
    who: Option<String>,
}

/// Imports CodeDeploy's history of a group, so that a first heal has a target.
///
/// Successful deployments are added with unknown standing; existing entries of the
/// ledger do not change, and deployments to joining instances do not count. With
/// --good you confirm the running deployment, or the release that it restored; a
/// heal prefers good deployments to unknown ones. Running it again changes nothing.
#[derive(Args)]
#[command(after_help = NOTES)]
struct Adopt {
    /// The CodeDeploy application and its deployment group.
    #[arg(value_name = "APPLICATION/GROUP", value_parser = group)]
    group: Group,

    /// The id of the running deployment, which you know to be good.
    #[arg(long, value_name = "DEPLOYMENT", value_parser = words, requires = "reason")]
    good: Option<String>,

    /// The reason, which the ledger keeps.
    #[arg(long, value_name = "TEXT", value_parser = words, requires = "good")]
    reason: Option<String>,

    /// Your name, else `USER`.
    #[arg(long = "as", value_name = "NAME", value_parser = words)]
    who: Option<String>,

    /// How many days of history to import; the running deployment always is.
    #[arg(long, value_name = "N", default_value_t = 90, value_parser = clap::value_parser!(u16).range(1..=3650))]
    days: u16,

    /// The table of the ledger, else `LEDGER_TABLE`.
    #[arg(long, value_name = "NAME")]
    table: Option<String>,

    /// Print JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
struct Place {
    /// The CodeDeploy application and its deployment group.
    #[arg(long, value_name = "APPLICATION/GROUP", value_parser = group)]
    group: Group,

    /// The table of the ledger, else `LEDGER_TABLE`.
    #[arg(long, value_name = "NAME")]
    table: Option<String>,

    /// Print JSON.
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(options: &Options, out: &mut impl Write) -> Result<ExitCode, Failure> {
    match &options.command {
        Command::List(list) => listed(list, out)?,
        Command::Clear(word) => said(word, Ruling::Clear, out)?,
        Command::Adopt(adopt) => adopted(adopt, out)?,
        Command::Condemn(word) => said(word, Ruling::Condemn, out)?,
    }
    Ok(ExitCode::SUCCESS)
}

fn listed(List { place, until }: &List, out: &mut impl Write) -> Result<(), Failure> {
    let until = until.unwrap_or_else(now);
    let known = Table::open(place.table.as_deref())?.deployments(&place.group, until)?;
    if place.json {
        return Ok(shown::json(out, &known)?);
    }
    if known.is_empty() {
        let group = shown::plain(&place.group);
        writeln!(out, "no deployment of {group} is known up to {until}")?;
        return Ok(());
    }
    shown::table(out, &known)?;
    if let Some(last) = known.get(SHOWN - 1) {
        writeln!(out, "\nfor earlier ones add --until {}", last.deployment.at)?;
    }
    Ok(())
}

fn adopted(adopt: &Adopt, out: &mut impl Write) -> Result<(), Failure> {
    let Adopt {
        group,
        good,
        reason,
        who,
        days,
        table,
        json,
    } = adopt;
    let confirmed = match (good, reason) {
        (Some(deployment), Some(reason)) => Some((deployment, reason, speaker(who.as_deref())?)),
        _ => None,
    };
    let now = now();
    let age = SignedDuration::from_hours(24 * i64::from(*days));
    let since = now.saturating_sub(age).unwrap_or(Timestamp::MIN);
    let table = Table::open(table.as_deref())?;
    let mut found = table.adopt(group, since, now)?;
    if let Some((deployment, reason, who)) = confirmed {
        let deployment = confirmable(deployment, group, found.running.as_ref())?;
        let said = workflows::ruling::RulingRequest {
            group,
            deployment,
            ruling: Ruling::Confirm,
            who: &who,
            reason,
        };
        let entry = table.rule(&said)?;
        let entry = entry.ok_or_else(|| {
            Failure::Usage(format!("deployment {deployment} of {group} is not known"))
        })?;
        if entry.standing != Standing::Good {
            return Err(Failure::Usage(format!(
                "there is a record against deployment {deployment} of {group} ({}); clear it first \
                 with `monspec ledger clear`, then confirm it",
                entry.taught_by
            )));
        }
        let id = &entry.deployment.id;
        let known = found.known.iter_mut();
        let stale = known.filter(|known| known.deployment.id == *id);
        stale.for_each(|known| known.clone_from(&entry));
    }
    if *json {
        return Ok(shown::json(out, &found.known)?);
    }
    Ok(shown::adopted(out, group, &found)?)
}

/// The release that a person confirms by naming it, or what put it back.
fn confirmable<'a>(
    named: &str,
    group: &Group,
    running: Option<&'a Running>,
) -> Result<&'a str, Failure> {
    let Some(Running {
        deployment: last,
        release,
    }) = running
    else {
        return Err(Failure::Usage(format!(
            "deployment {named} of {group} is not running: no deployment has succeeded there"
        )));
    };
    match release {
        Some(release) if named == release || named == last => Ok(release),
        None if named == last => Err(Failure::Usage(format!(
            "deployment {named} of {group} restored an earlier release that is not known; adopt \
             more --days to confirm it"
        ))),
        Some(release) if release != last => Err(Failure::Usage(format!(
            "deployment {named} of {group} is not running: {last} succeeded last, and it restored \
             {release}"
        ))),
        _ => Err(Failure::Usage(format!(
            "deployment {named} of {group} is not running: {last} succeeded last"
        ))),
    }
}

fn said(word: &Statement, ruling: Ruling, out: &mut impl Write) -> Result<(), Failure> {
    let Place { group, table, json } = &word.place;
    let who = speaker(word.who.as_deref())?;
    let table = Table::open(table.as_deref())?;
    let said = workflows::ruling::RulingRequest {
        group,
        deployment: &word.deployment,
        ruling,
        who: &who,
        reason: &word.reason,
    };
    let Some(entry) = table.rule(&said)? else {
        let known = table.deployments(group, now())?;
        return Err(Failure::Usage(unknown(word, &known)));
    };
    if *json {
        return Ok(shown::json(out, std::slice::from_ref(&entry))?);
    }
    Ok(shown::ruled(out, &entry)?)
}

fn unknown(word: &Statement, known: &[release::deployment::LedgerEntry]) -> String {
    let Statement {
        place: Place { group, .. },
        deployment,
        ..
    } = word;
    let ids: Vec<&str> = known
        .iter()
        .take(10)
        .map(|entry| entry.deployment.id.as_str())
        .collect();
    if ids.is_empty() {
        return format!("no deployment of {group} is known at all; check --group and --table");
    }
    let ids = ids.join(", ");
    format!("deployment {deployment} of {group} is not known; the latest that are: {ids}")
}

fn group(text: &str) -> Result<Group, String> {
    match text.split_once('/') {
        Some((application, name)) if !application.is_empty() && !name.is_empty() => Ok(Group {
            application: words(application)?,
            name: words(name)?,
        }),
        _ => Err("write the application, a slash and the deployment group".to_owned()),
    }
}
