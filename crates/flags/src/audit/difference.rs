//! What two entries of one flag say differently, for people.

use std::fmt;

use super::{Cause, Entry, Record};
use crate::value::Value;

const NOTHING: &str = "-";

/// What two entries say differently of one field. Displays as one line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The field.
    pub field: &'static str,
    /// What the one says.
    pub one: String,
    /// What the other says.
    pub other: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { field, one, other } = self;
        write!(
            f,
            "{field}: {} -> {}",
            lint::escaped(one),
            lint::escaped(other)
        )
    }
}

/// What a change did to a flag: the value, where it moves to, and until when that
/// holds. `before` is the entry before it, nothing before the first.
pub fn changed(before: Option<&Entry>, entry: &Entry) -> Vec<Difference> {
    let record = &entry.record;
    let before = before.map(|before| &before.record);
    // What was declared may have changed between them, which no entry says.
    let value = (&record.before, value(record));
    differing(effects(value, before, record))
}

/// What differs between two entries of one flag.
pub fn diff(one: &Entry, other: &Entry) -> Vec<Difference> {
    let (one, other) = (&one.record, &other.record);
    let both = |field, of: fn(&Record) -> String| (field, of(one), of(other));
    let text = |text: &Option<String>| text.clone().unwrap_or_else(|| NOTHING.to_owned());
    let mut fields = vec![
        both("flag", |record| record.flag.clone()),
        both("version", |record| record.version.to_string()),
    ];
    fields.extend(effects((value(one), value(other)), Some(one), other));
    fields.extend([
        both("at", |record| record.at.to_string()),
        both("who", |record| record.by.name.clone()),
        both("triggered by", |record| record.triggered_by.clone()),
        both("why", |record| record.why.clone()),
        ("problem", text(&one.problem), text(&other.problem)),
    ]);
    differing(fields)
}

type Field = (&'static str, String, String);

/// What an entry says of one field, if it says anything.
type Saying = fn(&Record) -> Option<String>;

fn effects((old, new): (&Value, &Value), before: Option<&Record>, record: &Record) -> Vec<Field> {
    let mut fields = vec![("value", old.to_string(), new.to_string())];
    for (field, said) in [("moves to", moves_to as Saying), ("until", until)] {
        // Where the later entry says nothing, what was said before still holds.
        if let Some(is) = said(record) {
            let was = before.and_then(said);
            fields.push((field, was.unwrap_or_else(|| NOTHING.to_owned()), is));
        }
    }
    fields
}

fn differing(fields: Vec<Field>) -> Vec<Difference> {
    let fields = fields.into_iter();
    fields
        .filter(|(_, one, other)| one != other)
        .map(|(field, one, other)| Difference { field, one, other })
        .collect()
}

/// What the flag is as soon as this was written.
fn value(record: &Record) -> &Value {
    match record.cause {
        Cause::RampStarted => &record.before,
        _ => &record.after,
    }
}

/// Where the flag moves to, and by when, if the entry says whether it does.
fn moves_to(record: &Record) -> Option<String> {
    match record.cause {
        Cause::RampStarted => {
            let by = record.ends.map(|at| format!(" by {at}"));
            Some(record.after.to_string() + &by.unwrap_or_default())
        }
        Cause::Changed
        | Cause::Leased
        | Cause::Mitigated
        | Cause::RampEnded
        | Cause::RampStopped
        | Cause::LeaseEnded
        | Cause::GivenBack
        | Cause::BoundReached
        | Cause::TakenBack => Some(NOTHING.to_owned()),
        Cause::Extended
        | Cause::Joined
        | Cause::Confirmed
        | Cause::EndedBelow
        | Cause::Released
        | Cause::Postponed
        | Cause::Superseded(_)
        | Cause::Unlocked
        | Cause::Aborted(_) => None,
    }
}

/// When what holds ends by itself at the latest, if the entry says whether it does.
fn until(record: &Record) -> Option<String> {
    match record.cause {
        // Its end is that of the ramp.
        Cause::RampStarted | Cause::EndedBelow | Cause::Unlocked => None,
        _ => Some(
            record
                .ends
                .map_or_else(|| NOTHING.to_owned(), |at| at.to_string()),
        ),
    }
}
