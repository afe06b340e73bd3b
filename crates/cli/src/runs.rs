//! `monspec runs`

mod check;
mod shown;

use std::io::Write;
use std::process::ExitCode;

use clap::{Args, Subcommand};
use monspec::lint::escaped;
use release::problem::Problem;
use release::runbook::{Attempt, Marking, Order, Permission, Purpose, Run};
use serde::Serialize;
use serde_json::{Map, Value};
use store::{Heard, Remediations, StoreError};

use self::shown::{Meant, Shown};
use crate::aws::{Account, now, speaker, table, words};
use crate::failure::Failure;
use crate::output;

const NOTES: &str = "\
Settings:
  REMEDIATIONS_TABLE names the table, as it does for handle-problem; the AWS
  settings are those of `monspec ledger`. `replay --check` also takes HEAL_RUNBOOKS or
  HEAL_RUNBOOKS_PARAMETER, and reads the secret of the controller.

Examples:
  monspec runs show -6478017825120311599_1641223491837V2
  monspec runs allow -6478017825120311599_1641223491837V2 --reason \"seen, go on\"
  monspec runs replay -6478017825120311599_1641223491837V2
  monspec runs replay -6478017825120311599_1641223491837V2 --check";

/// Shows the runs of runbooks that answer a problem, and lets a person decide.
#[derive(Args)]
#[command(after_help = NOTES)]
pub(crate) struct Options {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Show what was decided, launched and seen, with what was said on the problem.
    Show(Which),
    /// Let a run begin that asks for it (`"mode": "ask"`).
    Allow(Decision),
    /// Keep a run from beginning, or end its job.
    Deny(Decision),
    /// Show what a run would launch again: its stored input, in check mode. Nothing
    /// is called, unless --check launches it.
    Replay(Replaying),
}

#[derive(Args)]
struct Which {
    /// The problem, as the tenant's API calls it, or `P-123`, as people do, if it is
    /// among the last thousand.
    #[arg(allow_hyphen_values = true)]
    problem: String,

    /// The run, where the problem has several.
    #[arg(long, value_name = "ID")]
    run: Option<String>,

    /// The table of problems, else `REMEDIATIONS_TABLE`.
    #[arg(long, value_name = "NAME")]
    table: Option<String>,

    /// Print JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
struct Replaying {
    #[command(flatten)]
    which: Which,

    /// Launch it, in check mode alone, follow it to its end and print what it has
    /// shown. It answers no problem, and nothing is written here.
    #[arg(long)]
    check: bool,
}

#[derive(Args)]
struct Decision {
    #[command(flatten)]
    which: Which,

    /// The reason, which is kept with your name.
    #[arg(long, value_name = "TEXT", value_parser = words)]
    reason: String,

    /// Your name, else `USER`.
    #[arg(long = "as", value_name = "NAME", value_parser = words)]
    who: Option<String>,
}

pub(crate) fn run(options: &Options, out: &mut impl Write) -> Result<ExitCode, Failure> {
    match &options.command {
        Command::Show(which) => {
            let problem = Table::open(which)?.problem(which)?;
            show(which, &problem, out)?;
        }
        Command::Replay(Replaying { which, check: true }) => {
            let table = Table::open(which)?;
            let problem = table.problem(which)?;
            let run = only(which, &problem)?;
            return check::check(&table, which, run, out);
        }
        Command::Replay(Replaying {
            which,
            check: false,
        }) => {
            let problem = Table::open(which)?.problem(which)?;
            for run in chosen(which, &problem)? {
                replay(which, run, out)?;
            }
        }
        Command::Allow(decision) => decide(decision, |who| Permission::Given { who }, out)?,
        Command::Deny(decision) => decide(decision, |who| Permission::Refused { who }, out)?,
    }
    Ok(ExitCode::SUCCESS)
}

/// The table of problems, and what waits for its answers.
struct Table {
    account: Account,
    problems: Remediations,
    name: String,
}

impl Table {
    fn open(which: &Which) -> Result<Self, Failure> {
        let meaning = "the name of the table of problems, or give --table";
        let name = table(which.table.as_deref(), "REMEDIATIONS_TABLE", meaning)?;
        let account = Account::open()?;
        let client = aws_sdk_dynamodb::Client::new(&account.sdk);
        Ok(Self {
            problems: Remediations::new(client, &name),
            account,
            name,
        })
    }

    fn problem(&self, which: &Which) -> Result<Problem, Failure> {
        let named = &which.problem;
        let found = self.account.wait(async {
            match self.problems.problem(named).await? {
                Some(problem) => Ok(Some(problem)),
                None => match self.problems.called(named, now()).await? {
                    Some(id) => self.problems.problem(&id).await,
                    None => Ok(None),
                },
            }
        });
        let found = found
            .map_err(|error: StoreError| self.account.unanswered(&self.name, &error.into()))?;
        found.ok_or_else(|| Failure::Usage(format!("no problem `{named}` is known here")))
    }
}

/// The runs that are meant.
fn chosen<'a>(which: &Which, problem: &'a Problem) -> Result<Vec<&'a Run>, Failure> {
    let wanted = which.run.as_deref();
    let runs = problem.runs.iter();
    let runs: Vec<&Run> = runs
        .filter(|run| wanted.is_none_or(|id| run.id == id))
        .collect();
    if runs.is_empty() {
        let id = &which.problem;
        return Err(Failure::Usage(match wanted {
            Some(run) => format!("problem `{id}` has no run `{run}`"),
            None => format!(
                "no runbook answers problem `{id}`; it is {}",
                problem.word()
            ),
        }));
    }
    Ok(runs)
}

/// The run that is meant, where there must be no doubt.
fn only<'a>(which: &Which, problem: &'a Problem) -> Result<&'a Run, Failure> {
    let [run] = chosen(which, problem)?[..] else {
        let runs = problem.runs.iter().map(|run| run.id.as_str());
        let runs: Vec<&str> = runs.collect();
        return Err(Failure::Usage(format!("give --run: {}", runs.join(", "))));
    };
    Ok(run)
}

fn show(which: &Which, problem: &Problem, out: &mut impl Write) -> Result<(), Failure> {
    let runs = chosen(which, problem)?;
    let runs: Vec<Shown<'_>> = runs.into_iter().map(Shown::of).collect();
    if which.json {
        return Ok(output::json(out, &runs)?);
    }
    for text in runs.iter().flat_map(Shown::lines) {
        line(out, &text)?;
    }
    for comment in &problem.comments {
        line(out, &format!("{} {}", comment.at, comment.text))?;
    }
    Ok(())
}

/// What a run would launch, as JSON and for people.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Replayed<'a> {
    runbook: &'a str,
    #[serde(flatten)]
    means: Meant<'a>,
    job_type: &'static str,
    limit: Option<String>,
    variables: Map<String, Value>,
}

fn replay(which: &Which, run: &Run, out: &mut impl Write) -> Result<(), Failure> {
    let now = now();
    // A receiver has no check mode.
    let purpose = if run.runbook.is_request() {
        Purpose::Real
    } else {
        Purpose::Check
    };
    let attempt = Attempt {
        purpose,
        floor: 0,
        marking: Marking::Variables,
        at: now,
        deadline: now.saturating_add(run.runbook.timeout).unwrap_or(now),
        second: false,
    };
    let Order {
        variables, limit, ..
    } = run.order(&attempt);
    let replayed = Replayed {
        runbook: &run.runbook.alias,
        means: Meant::of(&run.runbook),
        job_type: match purpose {
            Purpose::Check => "check",
            Purpose::Real => "run",
        },
        limit,
        variables,
    };
    if which.json {
        return Ok(output::json(out, &replayed)?);
    }
    match &replayed.means {
        means @ Meant::Template { .. } => {
            line(out, &format!("{means}, in check mode"))?;
            let hosts = hosts(replayed.limit.as_deref());
            line(out, &format!("  hosts      {hosts}"))?;
        }
        means @ Meant::Request { .. } => line(out, &means.to_string())?,
    }
    let variables = Value::Object(replayed.variables);
    line(out, &format!("  variables  {variables}"))?;
    line(out, "nothing was called")
}

fn decide(
    decision: &Decision,
    word: impl Fn(String) -> Permission,
    out: &mut impl Write,
) -> Result<(), Failure> {
    let Decision { which, reason, who } = decision;
    let table = Table::open(which)?;
    let problem = table.problem(which)?;
    let run = only(which, &problem)?;
    let who = format!("{} ({reason})", speaker(who.as_deref())?);
    let word = word(who);
    let said = table.problems.say(&problem.id, &run.id, &word, now());
    match table.account.ask(&table.name, said)? {
        Heard::Stored => line(out, &format!("run {} hears of it within a minute", run.id)),
        Heard::TooLate => Err(Failure::Usage(format!(
            "nothing is done about problem `{}` any more",
            which.problem
        ))),
    }
}

fn hosts(limit: Option<&str>) -> &str {
    limit.unwrap_or("those of the template")
}

fn line(out: &mut impl Write, text: &str) -> Result<(), Failure> {
    Ok(writeln!(out, "{}", escaped(text))?)
}
