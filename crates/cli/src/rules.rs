//! `monspec rules`

mod applied;
mod tried;

use std::io::Write;
use std::process::ExitCode;

use clap::{ArgGroup, Args, Subcommand};
use flags::Declarations;
use monspec::lint::Severity;
use release::rule::{Rules, read};

use crate::failure::Failure;
use crate::flags::Place;
use crate::input::{Input, refuse_stdin_twice};
use crate::{output, tenant};

const NOTES: &str = "\
Settings:
  DT_TENANT_URL, DT_API_TOKEN, DT_API, HEAL_TAG, FLAGS_TABLE and FLAG_SET, as the
  functions have them; the AWS settings are those of `monspec ledger`.

Examples:
  monspec rules lint rules.json --flags flags.json
  monspec rules try rules.json --sample problem.json
  monspec rules try rules.json --problem=-6004362228644432354_1638271020000V2
  monspec rules plan rules.json
  monspec rules apply rules.json";

/// Checks a file of rules, tries it on a problem, and applies it.
#[derive(Args)]
#[command(after_help = NOTES)]
pub(crate) struct Options {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Lint(Linting),
    Try(Box<Trying>),
    Plan(Applying),
    Apply(Applying),
}

/// The rules, and where they are kept.
#[derive(Args)]
struct Applying {
    /// The file; `-` reads standard input.
    #[arg(value_name = "FILE")]
    file: Input,

    #[command(flatten)]
    place: Place,
}

/// The rules, and the flags that they are about.
#[derive(Args)]
struct Files {
    /// The rules; `-` reads standard input.
    #[arg(value_name = "FILE")]
    file: Input,

    /// The flags, so that their names and values are checked as well.
    #[arg(long, value_name = "FILE")]
    flags: Option<Input>,
}

/// Checks a file: errors, warnings and hints, each with its likely fix.
#[derive(Args)]
struct Linting {
    #[command(flatten)]
    files: Files,

    /// Print the messages as a JSON list.
    #[arg(long)]
    json: bool,
}

/// Shows for each rule whether a problem matches, clause by clause, and what would
/// be done.
///
/// Nothing is changed. The tenant is asked for the problem and for numbers, and
/// nobody else is.
#[derive(Args)]
#[command(after_help = NOTES, group = ArgGroup::new("what").required(true).args(["sample", "problem"]))]
struct Trying {
    #[command(flatten)]
    files: Files,

    /// A file with a problem: `title`, `category`, `entities`, `entityTypes`, `tags`
    /// and, by selector, `metrics`. An event of the tenant will do.
    #[arg(long, value_name = "FILE")]
    sample: Option<Input>,

    /// The id of a problem of the tenant, as in its page and its notification.
    #[arg(long, value_name = "ID", allow_hyphen_values = true)]
    problem: Option<String>,

    /// Print JSON.
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    tenant: tenant::Options,
}

pub(crate) fn run(options: &Options, out: &mut impl Write) -> Result<ExitCode, Failure> {
    match &options.command {
        Command::Lint(options) => lint(options, out),
        Command::Try(options) => tried::run(options, out),
        Command::Plan(options) => applied::plan(options, out),
        Command::Apply(options) => applied::apply(options, out),
    }
}

fn lint(options: &Linting, out: &mut impl Write) -> Result<ExitCode, Failure> {
    let Files { file, flags } = &options.files;
    refuse_stdin_twice([Some(file), flags.as_ref()].into_iter().flatten())?;
    let declared = options.files.declared()?;
    let messages = read(&file.text()?, declared.as_ref()).messages;
    let failed = messages.iter().any(|one| one.severity == Severity::Error);
    if options.json {
        output::messages_json(out, &[(file, messages)])?;
    } else {
        output::messages(out, file, &messages)?;
    }
    Ok(ExitCode::from(u8::from(failed)))
}

impl Files {
    /// What is declared of flags, if that is given.
    fn declared(&self) -> Result<Option<Declarations>, Failure> {
        let Some(file) = &self.flags else {
            return Ok(None);
        };
        let reading = flags::read(&file.text()?);
        right(file, &reading.messages, reading.declarations).map(Some)
    }

    /// The rules; errors in them are printed as by `lint`.
    fn rules(&self, declared: Option<&Declarations>) -> Result<Rules, Failure> {
        let reading = read(&self.file.text()?, declared);
        right(&self.file, &reading.messages, reading.rules)
    }
}

/// What a file says if it has no errors; else they are printed as by `lint`.
fn right<T>(
    file: &Input,
    messages: &[monspec::lint::Message],
    read: Option<T>,
) -> Result<T, Failure> {
    if let Some(read) = read {
        return Ok(read);
    }
    output::messages(&mut std::io::stderr().lock(), file, messages)?;
    Err(Failure::Data(format!(
        "{file} has errors; repair them first"
    )))
}
