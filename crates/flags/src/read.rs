//! Reads a file of flags leniently and says everything there is to say about it
//! in one pass.

mod audience;
mod flag;
mod name;
mod preset;
pub(crate) mod shape;

use std::collections::BTreeMap;

use lint::{
    Cursor, Fields, Message, Node, Path, Place, Report, did_you_mean, parse, shortened,
    without_byte_order_mark,
};

use crate::declaration::{Declaration, Declarations, Fractional, MissingKey, Options};
use audience::check_share;
use flag::read_flag;
pub use preset::LARGEST_BULK;
use preset::read_preset;
use shape::FILE;

/// What reading a file gave.
#[derive(Debug, Clone, PartialEq)]
pub struct Reading {
    /// Everything there is to say, in the order of the file.
    pub messages: Vec<Message>,
    /// What is declared; there exactly when no message is an error.
    pub declarations: Option<Declarations>,
}

/// Reads a file of flags.
pub fn read(source: &str) -> Reading {
    let text = without_byte_order_mark(source);
    let mut report = Report::new(text);
    let root = parse(text, &mut report);
    let declarations = root.and_then(|root| declarations(&root, &mut report));

    let reported = report.finish();
    Reading {
        messages: reported.messages,
        declarations: declarations.filter(|_| !reported.refused),
    }
}

fn declarations(root: &Node, report: &mut Report<'_>) -> Option<Declarations> {
    let place = Place::new(root.offset, Path::root());
    let fields = Cursor::at(root, place).object(FILE, report)?;
    let options = Options {
        fractional: fields.choice("fractional", &Fractional::ALL, Fractional::as_str, report),
        missing_key: fields.choice("missingKey", &MissingKey::ALL, MissingKey::as_str, report),
    };
    let declared = entries(&fields, "flags", report);
    if declared.is_empty() {
        report.error(
            &fields.place,
            "the file declares no flag",
            "add one: `\"flags\": { \"<name>\": { \"type\": \"boolean\", \"default\": false } }`",
        );
    }
    let names: Vec<&str> = declared.iter().map(|(name, ..)| *name).collect();
    let mut flags = BTreeMap::new();
    let mut shares = Vec::new();
    for (name, key, cursor) in declared {
        check_flag_name(name, &key, report);
        if let Some((flag, share)) = read_flag(name, &cursor, report) {
            shares.extend(share);
            flags.insert(name.to_owned(), flag);
        }
    }
    let known = Known {
        names: &names,
        flags: &flags,
    };
    for share in &shares {
        check_share(share, known, report);
    }
    let presets = entries(&fields, "presets", report)
        .into_iter()
        .filter_map(|(name, key, cursor)| {
            check_flag_name(name, &key, report);
            Some((name.to_owned(), read_preset(&cursor, known, report)?))
        })
        .collect();
    Some(Declarations {
        options,
        flags,
        presets,
    })
}

/// The flags of the file: a broken one is no reason to call wrong what names it.
#[derive(Clone, Copy)]
struct Known<'a> {
    names: &'a [&'a str],
    flags: &'a BTreeMap<String, Declaration>,
}

impl<'a> Known<'a> {
    fn flag(self, name: &str, place: &Place, report: &mut Report<'_>) -> Option<&'a Declaration> {
        if !self.names.contains(&name) {
            report.error(
                place,
                format!("there is no flag `{}`", shortened(name)),
                did_you_mean(name, self.names, "it can be"),
            );
        }
        self.flags.get(name)
    }
}

fn entries<'a>(
    fields: &Fields<'a>,
    name: &str,
    report: &mut Report<'_>,
) -> Vec<(&'a str, Place, Cursor<'a>)> {
    fields
        .get(name)
        .and_then(|cursor| cursor.entries(report))
        .unwrap_or_default()
}

/// Whether clients can ask for a flag of this name: some put it into an address
/// as it is.
pub fn is_flag_name(name: &str) -> bool {
    let mut letters = name.chars();
    letters
        .next()
        .is_some_and(|first| first.is_ascii_lowercase())
        && name.len() <= 64
        && letters.all(|letter| letter.is_ascii_alphanumeric() || matches!(letter, '_' | '-'))
}

fn check_flag_name(name: &str, place: &Place, report: &mut Report<'_>) {
    if !is_flag_name(name) {
        report.error(
            place,
            "this name cannot be part of an address",
            "begin with a small letter and use letters, digits, `_` and `-`, 64 at most",
        );
    }
}

#[cfg(test)]
mod laws;
#[cfg(test)]
mod tests;
