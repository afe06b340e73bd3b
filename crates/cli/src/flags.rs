//! `monspec flags`

mod history;
mod key;

use std::io::Write;
use std::process::ExitCode;

use clap::{Args, Subcommand};
use flags::{Declarations, Plan, Planned, plan, read};
use lambda::settings::optional;
use monspec::lint::{Severity, escaped};
use store::{Declared, FlagSet, Flags};

use crate::aws::{Account, now, table};
use crate::failure::Failure;
use crate::input::Input;
use crate::output;

const NOTES: &str = "\
Settings:
  FLAGS_TABLE names the table and FLAG_SET the set, as they do for the functions; the
  AWS settings are those of `monspec ledger`.

Examples:
  monspec flags lint flags.json
  monspec flags plan flags.json
  monspec flags apply flags.json
  monspec flags history promotionalPercent --limit 5
  monspec flags key create --name checkout --scope read:prod";

/// How often a set may change while a file is applied to it.
const ATTEMPTS: usize = 3;

/// Checks a file of feature flags, applies it, shows what became of a flag, and makes
/// keys.
#[derive(Args)]
#[command(after_help = NOTES)]
pub(crate) struct Options {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Lint(Linting),
    Plan(Planning),
    Apply(Applying),
    History(history::Options),
    #[command(subcommand)]
    Key(key::Command),
}

/// Checks a file: errors, warnings and hints, each with its likely fix.
#[derive(Args)]
struct Linting {
    /// The file; `-` reads standard input.
    #[arg(value_name = "FILE")]
    file: Input,

    /// Print the messages as a JSON list.
    #[arg(long)]
    json: bool,
}

/// Shows what a file would change.
#[derive(Args)]
struct Planning {
    /// The file; `-` reads standard input.
    #[arg(value_name = "FILE")]
    file: Input,

    #[command(flatten)]
    place: Place,
}

/// Makes a file what is declared. Values that people or programs set stay.
#[derive(Args)]
struct Applying {
    #[command(flatten)]
    plan: Planning,

    /// Let users move to other variants, as a change of `fractional` does.
    #[arg(long)]
    move_users: bool,
}

#[derive(Args)]
pub(crate) struct Place {
    /// The table of flags, else `FLAGS_TABLE`.
    #[arg(long, value_name = "NAME")]
    table: Option<String>,

    /// The set, else `FLAG_SET`, else `prod`.
    #[arg(long, value_name = "NAME")]
    set: Option<String>,
}

/// The table of flags, and what waits for its answers.
pub(crate) struct Open {
    pub(crate) account: Account,
    pub(crate) flags: Flags,
    pub(crate) table: String,
    pub(crate) set: String,
}

pub(crate) fn run(options: &Options, out: &mut impl Write) -> Result<ExitCode, Failure> {
    match &options.command {
        Command::Lint(options) => lint(options, out),
        Command::Plan(options) => {
            let (new, open) = (declared(&options.file)?, options.place.open()?);
            let planned = planned(&open, &new)?.1;
            tell(out, &planned)?;
            Ok(ExitCode::from(u8::from(!planned.is_allowed())))
        }
        Command::Apply(options) => apply(options, out),
        Command::History(options) => history::run(options, out),
        Command::Key(command) => key::run(command, out),
    }
}

fn lint(options: &Linting, out: &mut impl Write) -> Result<ExitCode, Failure> {
    let messages = read(&options.file.text()?).messages;
    let failed = messages.iter().any(|one| one.severity == Severity::Error);
    if options.json {
        output::messages_json(out, &[(&options.file, messages)])?;
    } else {
        output::messages(out, &options.file, &messages)?;
    }
    Ok(ExitCode::from(u8::from(failed)))
}

fn apply(options: &Applying, out: &mut impl Write) -> Result<ExitCode, Failure> {
    let Applying { plan, move_users } = options;
    let new = declared(&plan.file)?;
    let open = plan.place.open()?;
    for _ in 0..ATTEMPTS {
        let (old, planned) = planned(&open, &new)?;
        if !planned.is_allowed() {
            tell(out, &planned)?;
            return Ok(ExitCode::from(1));
        }
        if planned.moves_users && old.is_some() && !move_users {
            return Err(Failure::Usage(
                "another `fractional` moves users to other variants; give --move-users if that \
                 is meant"
                    .to_owned(),
            ));
        }
        let stored = open.flags.declare(&open.set, &new, old.as_ref());
        if let Declared::Stored(revision) = open.account.ask(&open.table, stored)? {
            tell(out, &planned)?;
            writeln!(
                out,
                "applied to `{}`, revision {revision}",
                escaped(&open.set)
            )?;
            return Ok(ExitCode::SUCCESS);
        }
    }
    Err(Failure::Unavailable(format!(
        "`{}` was changed by others each time; apply the file again",
        open.set
    )))
}

/// What a file declares; errors in it are printed as by `lint`.
fn declared(file: &Input) -> Result<Declarations, Failure> {
    let reading = read(&file.text()?);
    reading.declarations.map_or_else(
        || {
            output::messages(&mut std::io::stderr().lock(), file, &reading.messages)?;
            Err(Failure::Data(format!(
                "{file} has errors; repair them first"
            )))
        },
        Ok,
    )
}

fn planned(open: &Open, new: &Declarations) -> Result<(Option<FlagSet>, Plan), Failure> {
    let old = open.account.ask(&open.table, open.flags.set(&open.set))?;
    let none = Declarations::default();
    let planned = match &old {
        Some(old) => plan(&old.declarations, new, &old.states, now()),
        None => plan(&none, new, &std::collections::BTreeMap::new(), now()),
    };
    Ok((old, planned))
}

fn tell(out: &mut impl Write, planned: &Plan) -> Result<(), Failure> {
    if planned.flags.is_empty() {
        writeln!(out, "no flag changes")?;
    }
    for (flag, planned) in &planned.flags {
        let flag = escaped(flag);
        match planned {
            Planned::Added => writeln!(out, "+ {flag}")?,
            Planned::Removed => writeln!(out, "- {flag}")?,
            Planned::Changed(fields) => writeln!(out, "~ {flag}: {}", fields.join(", "))?,
            Planned::Refused(why) => {
                writeln!(out, "! {flag}: {}", escaped(&why.to_string()))?;
            }
        }
    }
    Ok(())
}

impl Place {
    pub(crate) fn open(&self) -> Result<Open, Failure> {
        let meaning = "the name of the table that holds the flags, or give --table";
        let table = table(self.table.as_deref(), "FLAGS_TABLE", meaning)?;
        let set = self.set.clone().or_else(|| optional("FLAG_SET"));
        let set = set.unwrap_or_else(|| "prod".to_owned());
        if !workflows::change_flags::is_set_name(&set) {
            return Err(Failure::Usage(format!("`{set}` is no name of a set")));
        }
        let account = Account::open()?;
        let client = aws_sdk_dynamodb::Client::new(&account.sdk);
        Ok(Open {
            flags: Flags::new(client, &table),
            account,
            table,
            set,
        })
    }
}
