//! `monspec flags history`

use std::io::Write;
use std::process::ExitCode;

use clap::Args;
use flags::{Difference, Entry, Record, changed, is_flag_name, verify};
use jiff::Timestamp;
use monspec::lint::escaped;
use report::told;
use serde::Serialize;
use store::FlagVersions;

use super::Place;
use crate::failure::Failure;
use crate::output;

const EXAMPLES: &str = "\
Examples:
  monspec flags history promotionalPercent --limit 5
  monspec flags history promotionalPercent --before 12 --json";

/// Shows who changed a flag, why, because of which problem, and what was different
/// from then on; the newest change first.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Options {
    /// The flag.
    #[arg(value_name = "NAME")]
    flag: String,

    /// The most changes, up to 500.
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u16).range(1..=500))]
    limit: u16,

    /// Only changes before this version, to go on from where an answer ended.
    #[arg(long, value_name = "VERSION")]
    before: Option<u64>,

    /// Print JSON.
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    place: Place,
}

/// A part of a history, for programs.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct History<'a> {
    set: &'a str,
    flag: &'a str,
    changes: Vec<Change<'a>>,
    /// Why the changes are not what was written, if they are not.
    broken: Option<String>,
    /// Whether there are older changes.
    older: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Change<'a> {
    version: u64,
    at: Timestamp,
    cause: &'static str,
    by: &'a str,
    why: &'a str,
    triggered_by: &'a str,
    problem: Option<&'a str>,
    id: &'a str,
    changed: Vec<Changed>,
    #[serde(skip)]
    record: &'a Record,
}

#[derive(Serialize)]
struct Changed {
    field: &'static str,
    from: String,
    to: String,
}

pub(super) fn run(options: &Options, out: &mut impl Write) -> Result<ExitCode, Failure> {
    let Options {
        flag,
        limit,
        before,
        json,
        place,
    } = options;
    if !is_flag_name(flag) {
        return Err(Failure::Usage(format!("`{flag}` is no name of a flag")));
    }
    let open = place.open()?;
    let read = open
        .flags
        .history_before(&open.set, flag, *before, usize::from(*limit));
    let found = open.account.ask(&open.table, read)?;
    let history = History::of(&open.set, flag, &found);
    if *json {
        output::json(out, &history)?;
    } else {
        history.tell(out)?;
    }
    Ok(ExitCode::from(u8::from(history.broken.is_some())))
}

impl<'a> History<'a> {
    fn of(set: &'a str, flag: &'a str, found: &'a FlagVersions) -> Self {
        let newest_first: Vec<&Entry> = found.entries.iter().chain(&found.before).collect();
        let oldest_first: Vec<Entry> = newest_first.iter().rev().copied().cloned().collect();
        let changes = found.entries.iter().enumerate();
        Self {
            set,
            flag,
            changes: changes
                .map(|(index, entry)| Change::of(newest_first.get(index + 1).copied(), entry))
                .collect(),
            broken: verify(&oldest_first).err().map(|broken| broken.to_string()),
            older: found.before.is_some(),
        }
    }

    fn tell(&self, out: &mut impl Write) -> Result<(), Failure> {
        let Self { set, flag, .. } = self;
        if self.changes.is_empty() {
            line(
                out,
                &format!("nothing is written down of `{flag}` in `{set}`"),
            )?;
        }
        for text in self.changes.iter().flat_map(Change::lines) {
            line(out, &text)?;
        }
        if let Some(broken) = &self.broken {
            line(
                out,
                &format!("this history is not what was written: {broken}"),
            )?;
        }
        if let Some(oldest) = self.changes.last().filter(|_| self.older) {
            let version = oldest.version;
            line(out, &format!("older changes: --before {version}"))?;
        }
        Ok(())
    }
}

impl<'a> Change<'a> {
    fn of(before: Option<&Entry>, entry: &'a Entry) -> Self {
        let record = &entry.record;
        let changed = changed(before, entry).into_iter();
        Self {
            version: record.version,
            at: record.at,
            cause: record.cause.word(),
            by: &record.by.name,
            why: &record.why,
            triggered_by: &record.triggered_by,
            problem: record.problem.as_deref(),
            id: &record.change,
            changed: changed
                .map(|Difference { field, one, other }| Changed {
                    field,
                    from: one,
                    to: other,
                })
                .collect(),
            record,
        }
    }

    /// For people, line by line.
    fn lines(&self) -> Vec<String> {
        let Record { at, by, .. } = self.record;
        let kind = told::kind(by.kind).map(|kind| format!(", {kind}"));
        let mut lines = vec![
            format!(
                "version {}, {at}: {}",
                self.version,
                told::happened(self.record)
            ),
            format!(
                "  who      {}{} ({})",
                self.by,
                kind.unwrap_or_default(),
                self.triggered_by
            ),
            format!("  why      {}", self.why),
        ];
        let problem = self.problem;
        lines.extend(problem.map(|problem| format!("  problem  {problem}")));
        let changed = self.changed.iter();
        lines.extend(
            changed.map(|Changed { field, from, to }| format!("  {field:<8} {from} -> {to}")),
        );
        lines
    }
}

fn line(out: &mut impl Write, text: &str) -> Result<(), Failure> {
    Ok(writeln!(out, "{}", escaped(text))?)
}
