//! `monspec rules plan` and `monspec rules apply`

use std::collections::BTreeMap;
use std::io::Write;
use std::process::ExitCode;

use monspec::lint::escaped;
use release::rule::{Rules, read};
use store::StoredRule;

use super::{Applying, right};
use crate::failure::Failure;
use crate::flags::Open;

type Stored = BTreeMap<String, StoredRule>;

pub(super) fn plan(options: &Applying, out: &mut impl Write) -> Result<ExitCode, Failure> {
    let open = options.place.open()?;
    let (new, old) = rules(options, &open)?;
    tell(out, &new, &old)?;
    Ok(ExitCode::SUCCESS)
}

pub(super) fn apply(options: &Applying, out: &mut impl Write) -> Result<ExitCode, Failure> {
    let open = options.place.open()?;
    let (new, old) = rules(options, &open)?;
    let declared = open.flags.declare_rules(&open.set, &new, &old);
    open.account.ask(&open.table, declared)?;
    tell(out, &new, &old)?;
    writeln!(out, "applied to `{}`", escaped(&open.set))?;
    Ok(ExitCode::SUCCESS)
}

/// The rules of the file, which fit what is declared, and those that are stored.
fn rules(options: &Applying, open: &Open) -> Result<(Rules, Stored), Failure> {
    let text = options.file.text()?;
    let set = open.account.ask(&open.table, open.flags.set(&open.set))?;
    let Some(set) = set else {
        return Err(Failure::Data(format!(
            "no flags are declared in `{}`: apply them first, `monspec flags apply`",
            open.set
        )));
    };
    let reading = read(&text, Some(&set.declarations));
    let new = right(&options.file, &reading.messages, reading.rules)?;
    let old = open.account.ask(&open.table, open.flags.rules(&open.set))?;
    Ok((new, old))
}

fn tell(out: &mut impl Write, new: &Rules, old: &Stored) -> Result<(), Failure> {
    let mut changes = BTreeMap::new();
    for id in old.keys().filter(|id| !new.contains_key(*id)) {
        changes.insert(id, '-');
    }
    for (id, rule) in new {
        match old.get(id) {
            None => drop(changes.insert(id, '+')),
            Some(old) if old.rule != *rule => drop(changes.insert(id, '~')),
            Some(_) => {}
        }
    }
    if changes.is_empty() {
        writeln!(out, "no rule changes")?;
    }
    for (id, sign) in changes {
        writeln!(out, "{sign} {}", escaped(id))?;
    }
    Ok(())
}
