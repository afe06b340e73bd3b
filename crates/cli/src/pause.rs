//! `monspec pause` and `monspec resume`

mod known;

use std::fmt;
use std::io::Write;
use std::process::ExitCode;

use clap::{ArgGroup, Args};
use jiff::{SignedDuration, Timestamp};
use lambda::settings::{optional, parsed};
use monspec::lint::escaped;
use release::pause::{Freeze, LONGEST, Pause, SETTING, Stopped, Stops, Target};
use serde::Serialize;
use store::{Flags, MOST_PAUSES, Paused, Validations};

use crate::aws::{Ledger, now, speaker, words};
use crate::failure::Failure;
use crate::output;

const NOTES: &str = "\
Settings:
  LEDGER_TABLE names the table, as it does for the functions; the AWS settings are
  those of `monspec ledger`. With VALIDATIONS_TABLE, DEPLOYMENT_GROUPS, FLAGS_TABLE and
  HEAL_RUNBOOKS, unknown names of pipelines, groups, flags and runbooks are reported.

  CHANGE_FREEZE of the functions (ChangeFreeze of the stack) is a calendar of such
  pauses; `always` in it pauses until it is removed. The table does not hold it: to
  see it here, set CHANGE_FREEZE as the functions have it. Every page of the report
  shows it.

Examples:
  monspec pause --all --for 2h --reason \"the network is being moved\"
  monspec pause --target group:Shop/Production --for 30m --reason \"manual fix in progress\"
  monspec pause --list
  monspec resume --all";

/// Pauses changes of everything, or of one target, for a while.
///
/// During a pause no stage is approved, nothing is deployed again, no runbook is run and
/// no change of a flag is taken back because of a problem. What a flag was set to for a time still
/// ends. Builds are
/// still judged and rejected, and problems still get comments. Changes that have
/// begun continue, and a deployment that a heal stopped half way is still replaced.
/// A change that begins at the same moment as the pause may still go ahead.
///
/// A group without a deployment in the ledger, a flag that is not declared, a runbook
/// that is not listed, or a pipeline without a registered validation, is paused with a warning: its name may be
/// wrong.
///
/// A target has one pause, the one that ends last. Yours replaces one that ends
/// sooner and shows whose it was; one that ends later stays. To shorten a pause,
/// end it with `monspec resume` first.
#[derive(Args)]
#[command(after_help = NOTES, group = ArgGroup::new("what").required(true).args(["all", "target", "list"]))]
pub(crate) struct Pausing {
    /// Everything.
    #[arg(long)]
    all: bool,

    /// One target: `group:APPLICATION/GROUP`, `flag:SET/NAME`, `runbook:NAME` or
    /// `pipeline:NAME`.
    #[arg(long, value_name = "TARGET")]
    target: Option<Target>,

    /// List the pauses.
    #[arg(long, conflicts_with_all = ["lasts", "reason", "who"])]
    list: bool,

    /// The duration, such as `30m`, `2h` or `3d`; 31 days at most.
    #[arg(long = "for", value_name = "TIME", value_parser = span, required_unless_present = "list")]
    lasts: Option<SignedDuration>,

    /// The reason, shown on every page and in every comment.
    #[arg(long, value_name = "TEXT", value_parser = words, required_unless_present = "list")]
    reason: Option<String>,

    /// Your name, else `USER`.
    #[arg(long = "as", value_name = "NAME", value_parser = words)]
    who: Option<String>,

    #[command(flatten)]
    place: Place,
}

/// Ends a pause before its time.
///
/// Waiting work continues within five minutes.
#[derive(Args)]
#[command(after_help = NOTES, group = ArgGroup::new("what").required(true).args(["all", "target"]))]
pub(crate) struct Resuming {
    /// The pause of everything; those of single targets stay.
    #[arg(long)]
    all: bool,

    /// The pause of one target: `group:APPLICATION/GROUP`, `flag:SET/NAME`,
    /// `runbook:NAME` or `pipeline:NAME`.
    #[arg(long, value_name = "TARGET")]
    target: Option<Target>,

    #[command(flatten)]
    place: Place,
}

#[derive(Args)]
struct Place {
    /// The table of the ledger, else `LEDGER_TABLE`.
    #[arg(long, value_name = "NAME")]
    table: Option<String>,

    /// Print JSON.
    #[arg(long)]
    json: bool,
}

pub(crate) fn pause(options: &Pausing, out: &mut impl Write) -> Result<ExitCode, Failure> {
    let Pausing {
        target,
        list,
        lasts,
        reason,
        who,
        place,
        ..
    } = options;
    let now = now();
    if *list {
        let ledger = Ledger::open(place.table.as_deref())?;
        let pauses = ledger.ask(ledger.table.pauses(now))?;
        tell_list(out, place, &pauses, &Calendar::at(now)?)?;
    } else {
        let (Some(lasts), Some(why)) = (lasts, reason) else {
            return Err(Failure::Usage("give --for and --reason".to_owned()));
        };
        let pause = Pause {
            target: target.clone().unwrap_or(Target::All),
            until: now.checked_add(*lasts).unwrap_or(Timestamp::MAX),
            who: speaker(who.as_deref())?,
            why: why.clone(),
        };
        let ledger = Ledger::open(place.table.as_deref())?;
        let stored = store(&ledger, pause, now)?;
        let validations = optional("VALIDATIONS_TABLE").map(|table| {
            let client = aws_sdk_dynamodb::Client::new(&ledger.account.sdk);
            Validations::new(client, table)
        });
        let flags = optional("FLAGS_TABLE").map(|table| {
            let client = aws_sdk_dynamodb::Client::new(&ledger.account.sdk);
            Flags::new(client, table)
        });
        let (validations, flags) = (validations.as_ref(), flags.as_ref());
        let target = &stored.holds.target;
        let doubt = known::doubt(&ledger.table, validations, flags, target, now);
        let doubt = ledger.account.wait(doubt);
        tell_stored(out, place, &stored, doubt.as_deref())?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Stores a pause, and makes room for it where ended ones take it.
fn store(ledger: &Ledger, pause: Pause, now: Timestamp) -> Result<Stored, Failure> {
    let stored = ledger.ask(async {
        let stored = ledger.table.pause(&pause).await?;
        if stored != Paused::Full {
            return Ok(stored);
        }
        ledger.table.forget_ended_pauses(now).await?;
        ledger.table.pause(&pause).await
    })?;
    match stored {
        Paused::Stored { replaced } => Ok(Stored {
            holds: pause,
            earlier: match replaced.filter(|replaced| now < replaced.until) {
                Some(replaced) => Earlier::Replaced(replaced),
                None => Earlier::None,
            },
        }),
        Paused::Stays(earlier) => Ok(Stored {
            holds: earlier,
            earlier: Earlier::Stays,
        }),
        Paused::Full => Err(Failure::Usage(format!(
            "{} is not paused: {MOST_PAUSES} other targets are paused, which is the limit; end \
             some with \
             `monspec resume`, or pause everything with --all",
            pause.target
        ))),
    }
}

pub(crate) fn resume(options: &Resuming, out: &mut impl Write) -> Result<ExitCode, Failure> {
    let target = options.target.clone().unwrap_or(Target::All);
    let now = now();
    let calendar = Calendar::at(now)?;
    let ledger = Ledger::open(options.place.table.as_deref())?;
    let ended = ledger.ask(ledger.table.resume(&target, now))?;
    if options.place.json {
        let ended: Vec<Told<'_>> = ended.iter().map(Told::of).collect();
        output::json(out, &ended)?;
        return Ok(ExitCode::SUCCESS);
    }
    let Some(ended) = ended else {
        let told = format!("there was no pause of {target}");
        writeln!(out, "{}\n{calendar}", escaped(&told))?;
        return Ok(ExitCode::SUCCESS);
    };
    let told = format!("the pause of {target} by {} has ended", ended.who);
    writeln!(out, "{}", escaped(&told))?;
    // After `resume` a person expects changes to begin.
    if let Calendar::Frozen(_) = calendar {
        writeln!(out, "{calendar}")?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Says what keeps a pipeline from going on, where the ledger is known.
pub(crate) fn warn(out: &mut impl Write) -> Result<(), Failure> {
    if optional("LEDGER_TABLE").is_none() {
        return Ok(());
    }
    let now = now();
    let ledger = Ledger::open(None)?;
    let pauses = ledger.ask(ledger.table.pauses(now))?;
    for pause in &pauses {
        writeln!(out, "{}\n", sentence(pause))?;
    }
    if let calendar @ Calendar::Frozen(_) = Calendar::at(now)? {
        writeln!(out, "{calendar}\n")?;
    }
    Ok(())
}

fn sentence(pause: &Pause) -> String {
    let stopped = Stopped::Paused(pause.clone());
    escaped(&stopped.to_string())
}

/// The pauses after a target was paused.
struct Stored {
    holds: Pause,
    earlier: Earlier,
}

/// The fate of an earlier pause of the same target.
enum Earlier {
    None,
    /// It would have ended sooner.
    Replaced(Pause),
    /// It ends later, so it is the one that holds.
    Stays,
}

/// A pause for a program.
#[derive(Serialize)]
struct Told<'a> {
    target: String,
    until: Timestamp,
    who: &'a str,
    why: &'a str,
}

impl<'a> Told<'a> {
    fn of(pause: &'a Pause) -> Self {
        Self {
            target: pause.target.to_string(),
            until: pause.until,
            who: &pause.who,
            why: &pause.why,
        }
    }
}

fn tell_stored(
    out: &mut impl Write,
    place: &Place,
    stored: &Stored,
    doubt: Option<&str>,
) -> Result<(), Failure> {
    #[derive(Serialize)]
    struct ToldStored<'a> {
        #[serde(flatten)]
        holds: Told<'a>,
        /// The pause that would have ended sooner.
        replaced: Option<Told<'a>>,
        /// Whether this is an earlier pause, which ends later than the one asked
        /// for.
        stays: bool,
        /// Why this may stop nothing.
        warning: Option<&'a str>,
    }
    let Stored { holds, earlier } = stored;
    let replaced = match earlier {
        Earlier::Replaced(replaced) => Some(replaced),
        Earlier::None | Earlier::Stays => None,
    };
    let stays = matches!(earlier, Earlier::Stays);
    if place.json {
        let told = ToldStored {
            holds: Told::of(holds),
            replaced: replaced.map(Told::of),
            stays,
            warning: doubt,
        };
        return Ok(output::json(out, &[told])?);
    }
    writeln!(out, "{}", sentence(holds))?;
    if let Some(replaced) = replaced {
        let until = replaced.until.strftime("%Y-%m-%d %H:%M UTC");
        let Pause { who, why, .. } = replaced;
        let line = format!("it replaces the pause until {until} by {who}: {why}");
        writeln!(out, "{}", escaped(&line))?;
    }
    if stays {
        writeln!(
            out,
            "it ends later than yours would, so it stays; `monspec resume` ends it"
        )?;
    }
    if let Some(doubt) = doubt {
        writeln!(out, "warning: {}", escaped(doubt))?;
    }
    Ok(())
}

/// What the calendar of the functions says, as far as it is known here.
enum Calendar {
    /// Only the functions have it.
    Unknown,
    Open,
    Frozen(Stopped),
}

impl Calendar {
    fn at(now: Timestamp) -> Result<Self, Failure> {
        if optional(SETTING).is_none() {
            return Ok(Self::Unknown);
        }
        let stops = Stops {
            pauses: Vec::new(),
            freeze: parsed(SETTING, Freeze::default())?,
        };
        let stopped = stops.on(&Target::All, now);
        Ok(stopped.map_or(Self::Open, Self::Frozen))
    }
}

impl fmt::Display for Calendar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown => write!(
                f,
                "whether the calendar holds is unknown here: see any page of the report, or \
                 {SETTING} of the functions (ChangeFreeze of the stack)"
            ),
            Self::Open => write!(f, "the calendar in {SETTING} does not hold now"),
            Self::Frozen(stopped) => stopped.fmt(f),
        }
    }
}

fn tell_list(
    out: &mut impl Write,
    place: &Place,
    pauses: &[Pause],
    calendar: &Calendar,
) -> Result<(), Failure> {
    #[derive(Serialize)]
    struct Listed<'a> {
        pauses: Vec<Told<'a>>,
        calendar: ToldCalendar,
    }
    #[derive(Serialize)]
    #[serde(tag = "state", rename_all = "lowercase")]
    enum ToldCalendar {
        Unknown,
        Open,
        Frozen {
            /// None where it has no end.
            until: Option<Timestamp>,
        },
    }
    if place.json {
        let calendar = match calendar {
            Calendar::Unknown => ToldCalendar::Unknown,
            Calendar::Open => ToldCalendar::Open,
            Calendar::Frozen(stopped) => ToldCalendar::Frozen {
                until: match stopped {
                    Stopped::Frozen { until } => *until,
                    Stopped::Paused(pause) => Some(pause.until),
                    Stopped::Unreadable => None,
                },
            },
        };
        let pauses = pauses.iter().map(Told::of).collect();
        return Ok(output::json(out, &Listed { pauses, calendar })?);
    }
    if pauses.is_empty() {
        writeln!(out, "nothing is paused")?;
    }
    for pause in pauses {
        writeln!(out, "{}", sentence(pause))?;
    }
    Ok(writeln!(out, "{calendar}")?)
}

/// `30m`, `2h`, `3d`
fn span(text: &str) -> Result<SignedDuration, String> {
    const EXPECTED: &str = "write a number and m, h or d: 30m, 2h, 3d";
    let text = text.trim();
    let unit = text.chars().last().ok_or(EXPECTED)?;
    let number: u32 = text
        .strip_suffix(unit)
        .and_then(|number| number.parse().ok())
        .ok_or(EXPECTED)?;
    let number = i64::from(number);
    let lasts = match unit {
        'm' => SignedDuration::from_mins(number),
        'h' => SignedDuration::from_hours(number),
        'd' => SignedDuration::from_hours(number * 24),
        _ => return Err(EXPECTED.to_owned()),
    };
    if lasts.is_zero() || LONGEST < lasts {
        return Err("it is between a minute and 31 days".to_owned());
    }
    Ok(lasts)
}
