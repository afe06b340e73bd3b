//! `monspec ledger`

mod shown;
mod table;

use std::io::Write;
use std::process::ExitCode;

use clap::{Args, Subcommand};
use jiff::Timestamp;
use release::deployment::Group;
use store::Ruling;

use crate::aws::{now, speaker, words};
use crate::failure::Failure;
use table::Table;

/// How many deployments the ledger gives out at once.
const SHOWN: usize = 50;

const NOTES: &str = "\
Settings:
  LEDGER_TABLE names the table, as it does for the functions. Region and
  credentials come from AWS_REGION, AWS_ACCESS_KEY_ID and what belongs to it, or
  from the role of the machine. A profile is first turned into variables:
  eval \"$(aws configure export-credentials --format env)\"

Examples:
  monspec ledger list --group SampleDevOpsApp/Production
  monspec ledger clear --group SampleDevOpsApp/Production d-ABC123 \\
      --reason \"the database was to blame\"
  monspec ledger condemn --group SampleDevOpsApp/Production d-ABC123 \\
      --reason \"leaks a connection per request\"";

/// Shows what is known of a group's deployments, and lets a person have their
/// word.
///
/// A deployment that is suspect or bad is never deployed again by a heal, and
/// neither is the same content elsewhere. No later validation lifts that; a
/// person does.
#[derive(Args)]
#[command(after_help = NOTES)]
pub(crate) struct Options {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    List(List),
    /// Takes back whatever is held against a deployment; it is unknown again.
    Clear(Word),
    /// Makes a deployment bad: neither it nor its content is deployed by a heal.
    Condemn(Word),
}

/// Shows the deployments of a group, the newest first, fifty at most.
#[derive(Args)]
#[command(after_help = NOTES)]
struct List {
    #[command(flatten)]
    place: Place,

    /// Leave out what was deployed later: a time in RFC 3339.
    #[arg(long, value_name = "TIME")]
    until: Option<Timestamp>,
}

#[derive(Args)]
#[command(after_help = NOTES)]
struct Word {
    #[command(flatten)]
    place: Place,

    /// The deployment, as CodeDeploy calls it.
    #[arg(value_name = "DEPLOYMENT", value_parser = words)]
    deployment: String,

    /// Why; whoever looks at the ledger later reads it.
    #[arg(long, value_name = "TEXT", value_parser = words)]
    reason: String,

    /// Who says so, else `USER`.
    #[arg(long = "as", value_name = "NAME", value_parser = words)]
    who: Option<String>,
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

fn said(word: &Word, ruling: Ruling, out: &mut impl Write) -> Result<(), Failure> {
    let Place { group, table, json } = &word.place;
    let who = speaker(word.who.as_deref())?;
    let table = Table::open(table.as_deref())?;
    let said = workflows::ruling::Word {
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

fn unknown(word: &Word, known: &[release::deployment::LedgerEntry]) -> String {
    let Word {
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
