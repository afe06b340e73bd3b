//! `monspec validations`

mod form;
mod records;
mod shown;

use std::io::Write;
use std::process::ExitCode;

use clap::{Args, Subcommand};
use release::outlook::{MINUTES_KEPT_DAYS, may_be_forgotten};
use release::validation::wish::Wish;
use release::validation::{PersonsDecision, Validation, ValidationId};
use store::Fulfilled;

use crate::aws::{now, speaker, words};
use crate::failure::Failure;
use crate::{output, pause};
use records::Records;

const NOTES: &str = "\
Settings:
  VALIDATIONS_TABLE and LEDGER_TABLE name the tables, as they do for the
  functions. Region and credentials come from AWS_REGION, AWS_ACCESS_KEY_ID and
  its companions, or from the role of the machine. To use a profile, turn it into
  variables first: eval \"$(aws configure export-credentials --format env)\"

Examples:
  monspec validations list --pipeline Shop
  monspec validations show 019b8d5c-7f00-7000-8000-000000000001
  monspec validations rejudge 019b8d5c-7f00-7000-8000-000000000001 \\
      --reason \"the tags were missing until now\"
  monspec validations release 019b8d5c-7f00-7000-8000-000000000001 \\
      --reason \"the load test could not run, checked by hand\"";

/// Shows held validations and why, and resolves them.
///
/// An inconclusive validation can hold its stage until a person decides. These
/// commands do not call the pipeline: they store your wish, and `validate-builds`
/// carries it out within a minute.
#[derive(Args)]
#[command(after_help = NOTES)]
pub(crate) struct Options {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    List(List),
    Show(Show),
    /// Judges the window of an inconclusive validation again.
    ///
    /// The window stays the same, so its data must still exist: Dynatrace keeps
    /// values per minute for fourteen days.
    Rejudge(Wanted),
    /// Approves a held validation as it is.
    ///
    /// The approval names you and the reason. The verdict stays inconclusive, and
    /// the build does not become good in the ledger.
    Release(Wanted),
}

/// Lists the validations that are under way, stuck, or were given up in the last
/// seven days, oldest first.
///
/// CodePipeline keeps an approval open for seven days, unless its action sets
/// another timeout.
#[derive(Args)]
#[command(after_help = NOTES)]
struct List {
    /// Only those of this pipeline.
    #[arg(long, value_name = "NAME")]
    pipeline: Option<String>,

    #[command(flatten)]
    place: Place,
}

/// Shows one validation: its state and the reason, and what continues its
/// pipeline.
#[derive(Args)]
#[command(after_help = NOTES)]
struct Show {
    /// The validation's id, as in its report and in `list`.
    #[arg(value_name = "ID")]
    id: ValidationId,

    #[command(flatten)]
    place: Place,
}

#[derive(Args)]
#[command(after_help = NOTES)]
struct Wanted {
    /// The validation's id, as in its report and in `list`.
    #[arg(value_name = "ID")]
    id: ValidationId,

    /// The reason, which the report keeps.
    #[arg(long, value_name = "TEXT", value_parser = words)]
    reason: String,

    /// Your name, else `USER`.
    #[arg(long = "as", value_name = "NAME", value_parser = words)]
    who: Option<String>,

    /// The table of the ledger, else `LEDGER_TABLE`.
    #[arg(long, value_name = "NAME")]
    ledger_table: Option<String>,

    #[command(flatten)]
    place: Place,
}

#[derive(Args)]
struct Place {
    /// The table of the validations, else `VALIDATIONS_TABLE`.
    #[arg(long, value_name = "NAME")]
    table: Option<String>,

    /// Print JSON.
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(options: &Options, out: &mut impl Write) -> Result<ExitCode, Failure> {
    match &options.command {
        Command::List(list) => listed(list, out)?,
        Command::Show(show) => shown(show, out)?,
        Command::Rejudge(wanted) => wished(wanted, Wish::Rejudge, out)?,
        Command::Release(wanted) => wished(wanted, Wish::Release, out)?,
    }
    Ok(ExitCode::SUCCESS)
}

fn listed(List { pipeline, place }: &List, out: &mut impl Write) -> Result<(), Failure> {
    let records = Records::open(place.table.as_deref())?;
    let found = records.unsettled(pipeline.as_deref(), now())?;
    if place.json {
        return Ok(shown::list_json(out, &found)?);
    }
    pause::warn(out)?;
    if found.validations.is_empty() && found.unreadable == 0 {
        let of = pipeline.as_ref().map_or_else(String::new, |pipeline| {
            format!(" of pipeline {}", shown::plain(pipeline))
        });
        writeln!(out, "no validation{of} is under way or held")?;
        return Ok(());
    }
    Ok(shown::table(out, &found)?)
}

fn shown(Show { id, place }: &Show, out: &mut impl Write) -> Result<(), Failure> {
    let records = Records::open(place.table.as_deref())?;
    let Some(known) = records.known(*id)? else {
        return Err(unknown(*id));
    };
    let story = shown::Story::of(&known, now());
    if place.json {
        return Ok(output::json(out, &story)?);
    }
    pause::warn(out)?;
    Ok(story.tell(out)?)
}

fn wished(wanted: &Wanted, wish: Wish, out: &mut impl Write) -> Result<(), Failure> {
    let now = now();
    let decision = PersonsDecision {
        who: speaker(wanted.who.as_deref())?,
        why: wanted.reason.clone(),
        at: now,
    };
    let records = Records::open(wanted.place.table.as_deref())?;
    let ledger = wanted.ledger_table.as_deref();
    let validation = match records.wish(ledger, wanted.id, wish, &decision)? {
        Fulfilled::Now(validation) | Fulfilled::Already(validation) => validation,
        Fulfilled::Unknown => return Err(unknown(wanted.id)),
        Fulfilled::Not(validation, why) => {
            return Err(Failure::Usage(shown::refused(&validation, wish, &why)));
        }
    };
    if wanted.place.json {
        return Ok(shown::wished_json(out, &validation, now)?);
    }
    shown::wished(out, &validation, wish)?;
    if wish == Wish::Rejudge && is_old(&validation, now) {
        writeln!(
            out,
            "its window ended more than {MINUTES_KEPT_DAYS} days ago: values per minute may be \
             gone from Dynatrace, and missing ones are gaps again"
        )?;
    }
    Ok(())
}

fn is_old(validation: &Validation, now: jiff::Timestamp) -> bool {
    may_be_forgotten(validation.registration.window.end, now)
}

fn unknown(id: ValidationId) -> Failure {
    Failure::Usage(format!(
        "there is no validation {id}, or no longer; check --table, or see `monspec validations list`"
    ))
}
