//! Reads a file of rules leniently and says everything there is to say about it in
//! one pass.

use flags::step::{LONGEST_HOLD, LONGEST_RAMP};
use flags::{Declarations, LARGEST_BULK, is_flag_name};
use jiff::SignedDuration;
use monspec::lint::{
    Cursor, Fields, Message, Path, Place, Report, Shape, did_you_mean, parse, shortened,
    without_byte_order_mark,
};

use super::{Action, Mode, Restore, Rule, Rules, USUALLY_PER_DAY};
use crate::condition::read::{check_text, read_condition, read_count, read_span};

const fn shape(fields: &'static [&'static str]) -> Shape {
    Shape {
        fields,
        annotations: &[],
    }
}

pub(super) const FILE: Shape = Shape {
    fields: &["rules"],
    annotations: &["$schema"],
};

pub(super) const RULE: Shape = shape(&[
    "description",
    "when",
    "set",
    "preset",
    "ramp",
    "ttl",
    "restore",
    "mode",
    "maxPerDay",
]);

pub(super) const RAMP: Shape = shape(&["flag", "to", "duration"]);

/// The most rules: every problem is compared with all of them.
pub const MOST_RULES: usize = 50;

/// The most often that a rule is followed a day.
const MOST_PER_DAY: f64 = 100.0;

/// The longest that a rule that gives nothing back lasts.
const LONGEST_TTL: SignedDuration = SignedDuration::from_hours(30 * 24);

/// What reading a file gave.
#[derive(Debug, Clone, PartialEq)]
pub struct Reading {
    /// Everything there is to say, in the order of the file.
    pub messages: Vec<Message>,
    /// The rules; there exactly when no message is an error.
    pub rules: Option<Rules>,
}

/// Reads a file of rules. What is declared tells whether flags and values are right;
/// without it, that is not looked at.
pub fn read(source: &str, declared: Option<&Declarations>) -> Reading {
    let text = without_byte_order_mark(source);
    let mut report = Report::new(text);
    let root = parse(text, &mut report);
    let rules = root.and_then(|root| {
        let place = Place::new(root.offset, Path::root());
        rules(&Cursor::at(&root, place), declared, &mut report)
    });
    let reported = report.finish();
    Reading {
        messages: reported.messages,
        rules: rules.filter(|_| !reported.refused),
    }
}

fn rules(
    root: &Cursor<'_>,
    declared: Option<&Declarations>,
    report: &mut Report<'_>,
) -> Option<Rules> {
    let fields = root.object(FILE, report)?;
    let list = fields.required("rules", report)?;
    let entries = list.entries(report)?;
    if MOST_RULES < entries.len() {
        report.error(
            &list.place,
            format!(
                "there are {} rules, more than the {MOST_RULES} that a problem is compared with",
                entries.len()
            ),
            "remove some, or join those that do the same",
        );
    }
    let mut rules = Rules::new();
    for (id, key, cursor) in entries {
        if !is_flag_name(id) {
            report.error(
                &key,
                "this is no id of a rule",
                "begin with a small letter and use letters, digits, `_` and `-`, 64 at most",
            );
        }
        rules.extend(Some(id.to_owned()).zip(rule(&cursor, declared, report)));
    }
    Some(rules)
}

fn rule(
    cursor: &Cursor<'_>,
    declared: Option<&Declarations>,
    report: &mut Report<'_>,
) -> Option<Rule> {
    let fields = cursor.object(RULE, report)?;
    let description = fields.text("description", check_text, report);
    let when = fields
        .required("when", report)
        .and_then(|when| read_condition(&when, report));
    let restore = fields.choice("restore", &Restore::ALL, Restore::as_str, report);
    let mode = fields.choice("mode", &Mode::ALL, Mode::as_str, report);
    let longest = match restore {
        Restore::OnClose => LONGEST_HOLD,
        Restore::Never => LONGEST_TTL,
    };
    let ttl = fields
        .get("ttl")
        .and_then(|ttl| read_span(&ttl, longest, report));
    let max_per_day = read_count(&fields, "maxPerDay", MOST_PER_DAY, report);
    let action = action(&fields, declared, report);
    Some(Rule {
        description,
        when: when?,
        action: action?,
        ttl,
        restore,
        mode,
        max_per_day: max_per_day.unwrap_or(USUALLY_PER_DAY),
    })
}

/// Exactly one of the three.
fn action(
    fields: &Fields<'_>,
    declared: Option<&Declarations>,
    report: &mut Report<'_>,
) -> Option<Action> {
    let said = ["set", "preset", "ramp"].map(|name| Some(name).zip(fields.get(name)));
    let mut said = said.into_iter().flatten();
    let (Some((name, cursor)), None) = (said.next(), said.next()) else {
        report.error(
            &fields.place,
            "a rule does exactly one thing",
            "write `\"set\": { \"<flag>\": <value> }`, `\"preset\": \"<name>\"` or `\"ramp\": { … }`",
        );
        return None;
    };
    match name {
        "set" => set(&cursor, declared, report),
        "preset" => preset(&cursor, declared, report),
        _ => ramp(&cursor, declared, report),
    }
}

fn set(
    cursor: &Cursor<'_>,
    declared: Option<&Declarations>,
    report: &mut Report<'_>,
) -> Option<Action> {
    let entries = cursor.entries(report)?;
    if entries.is_empty() || LARGEST_BULK < entries.len() {
        report.error(
            &cursor.place,
            format!(
                "a rule sets 1 to {LARGEST_BULK} flags, this sets {}",
                entries.len()
            ),
            "name the flags and what they are set to",
        );
    }
    let values = entries.into_iter().map(|(flag, key, cursor)| {
        if known(flag, &key, declared, report) {
            check_value(flag, &cursor, declared, report);
        }
        (flag.to_owned(), cursor.value().json())
    });
    Some(Action::Set(values.collect()))
}

fn preset(
    cursor: &Cursor<'_>,
    declared: Option<&Declarations>,
    report: &mut Report<'_>,
) -> Option<Action> {
    let name = cursor.text(report)?;
    let presets = declared.map(|declared| &declared.presets);
    if let Some(presets) = presets.filter(|presets| !presets.contains_key(name)) {
        let names: Vec<&str> = presets.keys().map(String::as_str).collect();
        report.error(
            &cursor.place,
            format!("there is no preset `{}`", shortened(name)),
            did_you_mean(name, &names, "it can be"),
        );
    }
    Some(Action::Preset(name.to_owned()))
}

fn ramp(
    cursor: &Cursor<'_>,
    declared: Option<&Declarations>,
    report: &mut Report<'_>,
) -> Option<Action> {
    let fields = cursor.object(RAMP, report)?;
    let flag = fields.required("flag", report);
    let name = flag.as_ref().and_then(|flag| flag.text(report));
    let to = fields.required("to", report);
    let duration = fields
        .required("duration", report)
        .and_then(|duration| read_span(&duration, LONGEST_RAMP, report));
    let (flag, name, to) = (flag?, name?, to?);
    if known(name, &flag.place, declared, report) {
        check_value(name, &to, declared, report);
    }
    let action = Action::Ramp {
        flag: name.to_owned(),
        to: to.value().json(),
        duration: duration?,
    };
    if let Some(Err(bad @ super::Bad::NoRamp(_))) = declared.map(|all| action.targets(all)) {
        report.error(
            &flag.place,
            shortened(&bad.to_string()),
            "set the flag at once",
        );
    }
    Some(action)
}

/// Whether there is such a flag, or nobody knows.
fn known(
    flag: &str,
    place: &Place,
    declared: Option<&Declarations>,
    report: &mut Report<'_>,
) -> bool {
    let Some(declared) = declared.filter(|declared| !declared.flags.contains_key(flag)) else {
        return true;
    };
    let names: Vec<&str> = declared.names().collect();
    report.error(
        place,
        format!("there is no flag `{}`", shortened(flag)),
        did_you_mean(flag, &names, "it can be"),
    );
    false
}

fn check_value(
    flag: &str,
    cursor: &Cursor<'_>,
    declared: Option<&Declarations>,
    report: &mut Report<'_>,
) {
    let wished = declared.map(|declared| declared.wished(flag, &cursor.value().json()));
    if let Some(Err(why)) = wished {
        report.error(
            &cursor.place,
            shortened(&why.to_string()),
            format!("write a value that `{}` may have", shortened(flag)),
        );
    }
}

#[cfg(test)]
mod tests;
