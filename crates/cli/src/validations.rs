//! `monspec validations`

mod records;
mod shown;

use std::io::Write;
use std::process::ExitCode;

use clap::{Args, Subcommand};
use release::outlook::{MINUTES_KEPT_DAYS, may_be_forgotten};
use release::validation::{PersonsWord, Validation, ValidationId, Wish};
use store::Fulfilled;

use crate::aws::{now, speaker, words};
use crate::failure::Failure;
use crate::{output, pause};
use records::Records;

const NOTES: &str = "\
Settings:
  VALIDATIONS_TABLE and LEDGER_TABLE name the tables, as they do for the
  functions. Region and credentials come from AWS_REGION, AWS_ACCESS_KEY_ID and
  what belongs to it, or from the role of the machine. A profile is first turned
  into variables: eval \"$(aws configure export-credentials --format env)\"

Examples:
  monspec validations list --pipeline Shop
  monspec validations show 019b8d5c-7f00-7000-8000-000000000001
  monspec validations rejudge 019b8d5c-7f00-7000-8000-000000000001 \\
      --reason \"the tags were missing until now\"
  monspec validations release 019b8d5c-7f00-7000-8000-000000000001 \\
      --reason \"the load test could not run, checked by hand\"";

/// Shows what is held and why, and continues it.
///
/// A validation that could not be judged holds its stage until a person
/// decides. Nothing here calls the pipeline: a wish is written down, and
/// `validate-builds` acts on it within a minute.
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
    /// Has the window of an inconclusive validation judged again.
    ///
    /// The window stays the same, so its data must still be there: Dynatrace
    /// keeps a value per minute for fourteen days.
    Rejudge(Wanted),
    /// Has the approval of a held validation given as it is.
    ///
    /// The approval names you and the reason. The verdict stays inconclusive,
    /// and the ledger learns nothing good of the build.
    Release(Wanted),
}

/// Shows the validations on which work is left, which are stuck, or which gave
/// up in the last seven days, the oldest first.
///
/// CodePipeline keeps an approval open for seven days, unless its action names
/// another time.
#[derive(Args)]
#[command(after_help = NOTES)]
struct List {
    /// Those of one pipeline.
    #[arg(long, value_name = "NAME")]
    pipeline: Option<String>,

    #[command(flatten)]
    place: Place,
}

/// Shows everything about one validation: why it is where it is, and what
/// continues its pipeline.
#[derive(Args)]
#[command(after_help = NOTES)]
struct Show {
    /// The validation, as its report and `list` name it.
    #[arg(value_name = "ID")]
    id: ValidationId,

    #[command(flatten)]
    place: Place,
}

#[derive(Args)]
#[command(after_help = NOTES)]
struct Wanted {
    /// The validation, as its report and `list` name it.
    #[arg(value_name = "ID")]
    id: ValidationId,

    /// Why; the report keeps it.
    #[arg(long, value_name = "TEXT", value_parser = words)]
    reason: String,

    /// Who says so, else `USER`.
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
    let word = PersonsWord {
        who: speaker(wanted.who.as_deref())?,
        why: wanted.reason.clone(),
        at: now,
    };
    let records = Records::open(wanted.place.table.as_deref())?
        .with_ledger(wanted.ledger_table.as_deref())?;
    let validation = match records.wish(wanted.id, wish, &word)? {
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
            "its window ended more than {MINUTES_KEPT_DAYS} days ago: values per minute may be gone \
             from Dynatrace, and what is missing is a gap again"
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
