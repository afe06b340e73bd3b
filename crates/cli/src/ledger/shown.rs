//! How deployments are shown, to people and to programs.

use std::fmt::Display;
use std::io::{self, Write};

use monspec::lint::escaped;
use release::deployment::{Group, LedgerEntry, Origin, Standing};
use serde::Serialize;
use workflows::ruling::{Adopted, Running};

use crate::output;

/// Prints an aligned table.
pub(super) fn table(out: &mut impl Write, entries: &[LedgerEntry]) -> io::Result<()> {
    let header = [
        "DEPLOYMENT",
        "SINCE (UTC)",
        "STANDING",
        "VERSION",
        "ORIGIN",
        "PROBLEM",
        "SAID BY",
    ]
    .map(str::to_owned);
    let rows = entries.iter().map(|entry| {
        let LedgerEntry {
            deployment,
            standing,
            taught_by,
            bound_to,
        } = entry;
        [
            deployment.id.clone(),
            deployment.at.to_string(),
            standing_word(*standing).to_owned(),
            deployment.version.clone(),
            origin_word(deployment.origin).to_owned(),
            bound_to.clone().unwrap_or_else(|| "-".to_owned()),
            taught_by.clone(),
        ]
    });
    let rows: Vec<_> = std::iter::once(header).chain(rows).collect();
    output::table(out, &rows)
}

/// Prints what was imported, and how to confirm a target for heals.
pub(super) fn adopted(out: &mut impl Write, group: &Group, found: &Adopted) -> io::Result<()> {
    let group = plain(group);
    let count = found.entered.len();
    writeln!(out, "{count} deployments of {group} are new in the ledger")?;
    if found.known.is_empty() {
        return Ok(());
    }
    writeln!(out)?;
    table(out, &found.known)?;
    let Some(Running {
        deployment,
        release: Some(release),
    }) = &found.running
    else {
        return Ok(());
    };
    let mut known = found.known.iter();
    let released = known.find(|entry| entry.deployment.id == *release);
    if released.is_some_and(|entry| entry.standing == Standing::Unknown) {
        let id = plain(release);
        let runs = if release == deployment {
            format!("{id} is running")
        } else {
            format!("{id} is running again, restored by {}", plain(deployment))
        };
        writeln!(
            out,
            "\n{runs}, and its standing is unknown; if you know that it is good:\n  \
             monspec ledger adopt {group} --good {id} --reason TEXT"
        )?;
    }
    Ok(())
}

/// Prints the new standing of a deployment.
pub(super) fn ruled(out: &mut impl Write, entry: &LedgerEntry) -> io::Result<()> {
    let deployment = plain(&entry.deployment.id);
    let group = plain(&entry.deployment.group);
    let standing = standing_word(entry.standing);
    let by = plain(&entry.taught_by);
    writeln!(out, "{deployment} of {group} is {standing} now ({by})")?;
    if let Some(problem) = &entry.bound_to {
        let problem = plain(problem);
        writeln!(
            out,
            "it stays bound to problem {problem}: no other problem heals it again"
        )?;
    }
    Ok(())
}

/// Prints deployments as one JSON list.
pub(super) fn json(out: &mut impl Write, entries: &[LedgerEntry]) -> io::Result<()> {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Line<'a> {
        deployment: &'a str,
        application: &'a str,
        group: &'a str,
        at: String,
        standing: &'static str,
        said_by: &'a str,
        problem: Option<&'a str>,
        version: &'a str,
        identity: &'a str,
        execution: Option<&'a str>,
        origin: &'static str,
    }
    let lines: Vec<_> = entries
        .iter()
        .map(|entry| Line {
            deployment: &entry.deployment.id,
            application: &entry.deployment.group.application,
            group: &entry.deployment.group.name,
            at: entry.deployment.at.to_string(),
            standing: standing_word(entry.standing),
            said_by: &entry.taught_by,
            problem: entry.bound_to.as_deref(),
            version: &entry.deployment.version,
            identity: &entry.deployment.identity,
            execution: entry.deployment.execution.as_deref(),
            origin: origin_word(entry.deployment.origin),
        })
        .collect();
    output::json(out, &lines)
}

/// What others wrote, shown and not obeyed.
pub(super) fn plain(text: impl Display) -> String {
    escaped(&text.to_string())
}

fn standing_word(standing: Standing) -> &'static str {
    match standing {
        Standing::Unknown => "unknown",
        Standing::Good => "good",
        Standing::Suspect => "suspect",
        Standing::Bad => "bad",
    }
}

fn origin_word(origin: Origin) -> &'static str {
    match origin {
        Origin::Release => "release",
        Origin::Heal => "heal",
    }
}
