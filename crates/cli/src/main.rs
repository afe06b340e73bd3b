#![doc = include_str!("../README.md")]

mod annotated;
mod aws;
mod compare;
mod compared;
mod doctor;
mod failure;
mod flags;
mod heal;
mod input;
mod judge;
mod ledger;
mod lint;
mod output;
mod pause;
mod progress;
mod report;
mod rules;
mod runbooks;
mod runs;
mod schema;
mod tenant;
mod validations;
mod values;

use std::io::{self, Write};
use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{Parser, Subcommand};

use failure::{Failure, USAGE};

/// Checks monspec files, judges builds, resolves held validations, pauses changes,
/// edits the ledger of deployments, declares feature flags, tries rules and shows
/// runs of runbooks.
#[derive(Parser)]
#[command(name = "monspec", version, after_help = EXIT_CODES)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Lint(lint::Options),
    Judge(judge::Options),
    Compare(compare::Options),
    Ledger(ledger::Options),
    Heal(heal::Options),
    Doctor(doctor::Options),
    Flags(flags::Options),
    Rules(rules::Options),
    Validations(validations::Options),
    Pause(pause::Pausing),
    Resume(pause::Resuming),
    Report(report::Options),
    Runs(runs::Options),
    Schema(schema::Options),
}

const EXIT_CODES: &str = "\
Exit codes: 0 success or passed, 1 lint errors, failed or a failed check, 2 inconclusive or
not everything was checked, 64 wrong usage, 65 invalid content of a file, 66 a file cannot be read,
69 the tenant or a table does not answer, 73 a file cannot be written, 74 the output cannot be written";

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return report_clap(&error),
    };
    let mut out = io::stdout().lock();
    let done = match cli.command {
        Command::Lint(options) => lint::run(&options, &mut out),
        Command::Judge(options) => judge::run(&options, &mut out),
        Command::Compare(options) => compare::run(&options, &mut out),
        Command::Doctor(options) => doctor::run(&options, &mut out),
        Command::Flags(options) => flags::run(&options, &mut out),
        Command::Rules(options) => rules::run(&options, &mut out),
        Command::Heal(options) => heal::run(&options, &mut out),
        Command::Ledger(options) => ledger::run(&options, &mut out),
        Command::Validations(options) => validations::run(&options, &mut out),
        Command::Pause(options) => pause::pause(&options, &mut out),
        Command::Resume(options) => pause::resume(&options, &mut out),
        Command::Report(options) => report::run(&options, &mut out),
        Command::Runs(options) => runs::run(&options, &mut out),
        Command::Schema(_) => schema::run(&mut out),
    };
    let flushed = done.and_then(|code| out.flush().map(|()| code).map_err(Failure::from));
    flushed.unwrap_or_else(|failure| failure.report())
}

/// Help was asked for, or the arguments make no sense.
fn report_clap(error: &clap::Error) -> ExitCode {
    let asked_for = matches!(
        error.kind(),
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion
    );
    match error.print() {
        Ok(()) if asked_for => ExitCode::SUCCESS,
        Ok(()) => ExitCode::from(USAGE),
        Err(error) => Failure::from(error).report(),
    }
}
