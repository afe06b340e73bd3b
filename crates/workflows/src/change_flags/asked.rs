//! What a caller asks for, in the fields of the guide and ours.

use std::fmt::Write as _;

use flags::key::Action;
use flags::step::{self, Target, Term};
use flags::{BadWish, Declarations, LARGEST_BULK, Value};
use jiff::{SignedDuration, Timestamp};
use release::problem::LONGEST_ID;
use serde_json::{Map, Value as Json};
use sha2::{Digest as _, Sha256};

use super::Wanted;

/// What can be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    /// All flags.
    List,
    /// One flag is set.
    Set,
    /// Several are, together.
    Bulk,
    /// Several are, as was declared.
    Preset,
    /// The share of a promotion is set, by the address.
    Promotional,
    /// A number moves.
    ErrorRate,
    /// A change is taken back, by its address.
    Restore,
}

/// What is asked for.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Asked {
    pub(super) call: Call,
    pub(super) is_bulk: bool,
    pub(super) preset: Option<String>,
    wishes: Vec<Wish>,
    pub(super) reason: Option<String>,
    pub(super) triggered_by: String,
    pub(super) problem: Option<String>,
    pub(super) expected: Option<u64>,
}

/// What one flag is to be.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Wish {
    pub(super) flag: String,
    to: To,
}

#[derive(Clone, Debug, PartialEq)]
enum To {
    Value {
        value: Json,
        lasts: Option<SignedDuration>,
    },
    /// As a preset says.
    Preset(Value),
    Kept,
    Unlocked,
    /// What was before this change.
    Back(String),
    Ramp {
        rate: Json,
        duration: SignedDuration,
    },
    Stopped,
}

/// What happens to a flag, and what a key must admit.
pub(super) struct Happens {
    pub(super) action: Action,
    pub(super) value: Option<Value>,
    pub(super) event: step::Event,
}

/// Why a request makes no sense.
#[derive(Debug, thiserror::Error)]
pub(super) enum Bad {
    #[error("the body is not a JSON object")]
    NoObject,
    #[error("Missing required fields: flag, value")]
    NoFlag,
    #[error("Missing required field: flags (object)")]
    NoFlags,
    #[error("Missing required field: targetRate")]
    NoRate,
    #[error("Missing required field: preset")]
    NoPreset,
    #[error("Missing parameter: change")]
    NoChange,
    #[error("a promotion reaches a whole number of percent, 0 to 100")]
    NoPercent,
    #[error("1 to {LARGEST_BULK} flags are changed together, these are {0}")]
    Count(usize),
    #[error("`{field}` is {meaning}")]
    Field {
        field: &'static str,
        meaning: &'static str,
    },
}

/// Reads a body; nothing, where nothing is to be changed. Whom a caller would
/// have told, and with which token, is not read: it is configured.
pub(super) fn read(wanted: Wanted<'_>) -> Result<Option<Asked>, Bad> {
    let Wanted {
        call, name, body, ..
    } = wanted;
    if call == Call::List {
        return Ok(None);
    }
    // The address says everything that is needed.
    let body = match call {
        Call::Promotional | Call::Restore if body.trim().is_empty() => "{}",
        _ => body,
    };
    let Ok(Json::Object(fields)) = serde_json::from_str(body) else {
        return Err(Bad::NoObject);
    };
    let lasts = whole(&fields, "ttlSeconds", "a positive number of seconds")?;
    if lasts == Some(0) {
        let meaning = "a positive number of seconds";
        return Err(Bad::Field {
            field: "ttlSeconds",
            meaning,
        });
    }
    let lasts = lasts.map(seconds);
    let wishes = match call {
        Call::List | Call::Preset => Vec::new(),
        Call::Promotional => vec![promotional(name, lasts)?],
        Call::Restore => vec![Wish {
            flag: name.to_owned(),
            to: To::Back(wanted.change.ok_or(Bad::NoChange)?.to_owned()),
        }],
        Call::Set => vec![set(&fields, lasts)?],
        Call::Bulk => bulk(&fields, lasts)?,
        Call::ErrorRate => vec![rate(&fields)?],
    };
    let preset = match call {
        Call::Preset => Some(text(&fields, "preset")?.ok_or(Bad::NoPreset)?),
        _ => None,
    };
    Ok(Some(Asked {
        call,
        is_bulk: matches!(call, Call::Bulk | Call::Preset),
        preset,
        wishes,
        reason: text(&fields, "reason")?,
        triggered_by: text(&fields, "triggeredBy")?.unwrap_or_else(|| "manual".to_owned()),
        problem: problem(&fields)?,
        expected: whole(&fields, "expectedVersion", "the version of a flag")?,
    }))
}

/// The id of a problem is a part of keys.
fn problem(fields: &Map<String, Json>) -> Result<Option<String>, Bad> {
    let id = text(fields, "problemId")?;
    if id.as_ref().is_some_and(|id| LONGEST_ID < id.len()) {
        return Err(Bad::Field {
            field: "problemId",
            meaning: "the id of a problem, at most 200 bytes",
        });
    }
    Ok(id)
}

fn set(fields: &Map<String, Json>, lasts: Option<SignedDuration>) -> Result<Wish, Bad> {
    let flag = text(fields, "flag")?.ok_or(Bad::NoFlag)?;
    if yes(fields, "confirm")? {
        return Ok(Wish { flag, to: To::Kept });
    }
    if yes(fields, "unlock")? {
        let to = To::Unlocked;
        return Ok(Wish { flag, to });
    }
    let value = fields.get("value").ok_or(Bad::NoFlag)?.clone();
    let to = To::Value { value, lasts };
    Ok(Wish { flag, to })
}

fn bulk(fields: &Map<String, Json>, lasts: Option<SignedDuration>) -> Result<Vec<Wish>, Bad> {
    let Some(Json::Object(flags)) = fields.get("flags") else {
        return Err(Bad::NoFlags);
    };
    if !(1..=LARGEST_BULK).contains(&flags.len()) {
        return Err(Bad::Count(flags.len()));
    }
    let wishes = flags.iter().map(|(flag, value)| Wish {
        flag: flag.clone(),
        to: To::Value {
            value: value.clone(),
            lasts,
        },
    });
    Ok(wishes.collect())
}

/// The carts of the guide have one campaign.
fn promotional(percent: &str, lasts: Option<SignedDuration>) -> Result<Wish, Bad> {
    let is_plain = percent.bytes().all(|byte| byte.is_ascii_digit());
    let percent = percent.parse::<u8>().ok().filter(|_| is_plain);
    let percent = percent.filter(|percent| *percent <= 100);
    let value = percent.ok_or(Bad::NoPercent)?.into();
    Ok(Wish {
        flag: "promotionalPercent".to_owned(),
        to: To::Value { value, lasts },
    })
}

fn rate(fields: &Map<String, Json>) -> Result<Wish, Bad> {
    let flag = text(fields, "flag")?.unwrap_or_else(|| "errorRate".to_owned());
    if yes(fields, "cancel")? {
        return Ok(Wish {
            flag,
            to: To::Stopped,
        });
    }
    let rate = fields.get("targetRate").ok_or(Bad::NoRate)?.clone();
    let meaning = "a number of seconds, at most 86400";
    let duration = whole(fields, "duration", meaning)?.unwrap_or(0);
    if 86_400 < duration {
        return Err(Bad::Field {
            field: "duration",
            meaning,
        });
    }
    let duration = seconds(duration);
    Ok(Wish {
        flag,
        to: To::Ramp { rate, duration },
    })
}

impl Wish {
    /// How long it moves, where it does.
    pub(super) fn moves_for(&self) -> Option<SignedDuration> {
        match self.to {
            To::Ramp { duration, .. } => Some(duration),
            To::Value { .. }
            | To::Preset(_)
            | To::Kept
            | To::Unlocked
            | To::Back(_)
            | To::Stopped => None,
        }
    }

    /// What happens to its flag; a value that a problem holds ends with it.
    pub(super) fn event(
        &self,
        declared: &Declarations,
        held_by: Option<&str>,
        now: Timestamp,
    ) -> Result<Happens, BadWish> {
        let flag = declared.flags.get(&self.flag);
        let flag = flag.ok_or_else(|| BadWish::UnknownFlag(self.flag.clone()))?;
        let set = |action, value: Value, lasts: Option<SignedDuration>| {
            let term = match (held_by, lasts) {
                (Some(problem), None) => Term::While {
                    problem: problem.to_owned(),
                    longest: step::LONGEST_HOLD,
                },
                _ => Term::of(flag, lasts, now),
            };
            let to = Target::Value(value.clone());
            Happens {
                action,
                event: step::Event::Set { to, term },
                value: Some(value),
            }
        };
        Ok(match &self.to {
            To::Value { value, lasts } => {
                let value = declared.wished(&self.flag, value)?;
                set(Action::Change, value, *lasts)
            }
            To::Preset(value) => set(Action::Preset, value.clone(), None),
            To::Unlocked => Happens {
                action: Action::Release,
                value: None,
                event: step::Event::Unlock,
            },
            To::Back(change) => Happens {
                action: Action::Restore,
                value: None,
                event: step::Event::TakeBack {
                    change: change.clone(),
                    began: None,
                },
            },
            To::Kept => Happens {
                action: Action::Confirm,
                value: None,
                event: step::Event::Confirm,
            },
            To::Ramp { rate, duration } => {
                let to = declared.wished(&self.flag, rate)?;
                let target = Target::Ramp {
                    to: to.clone(),
                    duration: *duration,
                };
                Happens {
                    action: Action::Ramp,
                    value: Some(to),
                    event: step::Event::Set {
                        to: target,
                        term: Term::Stays,
                    },
                }
            }
            To::Stopped => Happens {
                action: Action::Ramp,
                value: None,
                event: step::Event::Stop,
            },
        })
    }
}

impl Asked {
    /// What is wished of each flag; the name of the preset, if there is none of it.
    pub(super) fn wishes(&self, declared: &Declarations) -> Result<Vec<Wish>, String> {
        let Some(name) = &self.preset else {
            return Ok(self.wishes.clone());
        };
        let preset = declared.presets.get(name);
        let preset = preset.ok_or_else(|| name.clone())?;
        let wishes = preset.set.iter().map(|(flag, value)| Wish {
            flag: flag.clone(),
            to: To::Preset(value.clone()),
        });
        Ok(wishes.collect())
    }

    /// How long a number moves, where it does.
    pub(super) fn moves_for(&self) -> Option<SignedDuration> {
        self.wishes.iter().find_map(Wish::moves_for)
    }

    /// The problem that is said to be over: whoever sends this knows what to set
    /// again, and not what was there before.
    pub(super) fn recovery(&self) -> Option<&str> {
        let sets_values = matches!(self.call, Call::Set | Call::Bulk | Call::Preset);
        let problem = self.problem.as_deref()?;
        let is_over = sets_values && self.triggered_by.ends_with("_recovery");
        is_over.then_some(problem)
    }

    /// What makes it the same request: what is asked for, not why.
    pub(super) fn hash(&self) -> String {
        let Self {
            call,
            preset,
            wishes,
            problem,
            expected,
            triggered_by,
            ..
        } = self;
        let is_over = triggered_by.ends_with("_recovery");
        hash_of(&format!(
            "{call:?} {preset:?} {problem:?} {is_over} {expected:?} {wishes:?}"
        ))
    }
}

pub(super) fn hash_of(text: &str) -> String {
    let mut hash = String::new();
    for byte in Sha256::digest(text) {
        write!(hash, "{byte:02x}").expect("writing to a string does not fail");
    }
    hash
}

fn seconds(seconds: u64) -> SignedDuration {
    SignedDuration::from_secs(i64::try_from(seconds).unwrap_or(i64::MAX))
}

/// A text; `null` and an empty one are none.
fn text(fields: &Map<String, Json>, field: &'static str) -> Result<Option<String>, Bad> {
    match fields.get(field) {
        None | Some(Json::Null) => Ok(None),
        Some(Json::String(text)) => Ok(Some(text.clone()).filter(|text| !text.is_empty())),
        Some(_) => Err(Bad::Field {
            field,
            meaning: "a text",
        }),
    }
}

fn whole(
    fields: &Map<String, Json>,
    field: &'static str,
    meaning: &'static str,
) -> Result<Option<u64>, Bad> {
    match fields.get(field) {
        None | Some(Json::Null) => Ok(None),
        Some(value) => match value.as_u64() {
            Some(number) => Ok(Some(number)),
            None => Err(Bad::Field { field, meaning }),
        },
    }
}

fn yes(fields: &Map<String, Json>, field: &'static str) -> Result<bool, Bad> {
    match fields.get(field) {
        None | Some(Json::Null) => Ok(false),
        Some(Json::Bool(value)) => Ok(*value),
        Some(_) => Err(Bad::Field {
            field,
            meaning: "`true` or `false`",
        }),
    }
}
