//! What callers are told: the fields of the guide, and ours beside them.

use std::collections::BTreeMap;

use flags::key::Key;
use flags::state::{Course, End, Since, State};
use flags::{BadWish, Cause};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value as Json, json};
use store::{FlagSet, Outbox};

use super::asked::{Asked, Call};
use super::follows::{Follows, Transitions};
use super::{Answer, Ended};
use crate::work::Progress;

/// All flags that whoever asks may read.
pub(super) fn list(set: &FlagSet, key: &Key, now: Timestamp) -> Json {
    let untouched = State::default();
    let (mut flags, mut details) = (Map::new(), Map::new());
    for flag in set.declarations.flags.values() {
        if !key.reads(&set.name, flag) {
            continue;
        }
        let state = set.states.get(&flag.name).unwrap_or(&untouched);
        let value = flag.off.clone().unwrap_or_else(|| state.value(flag, now));
        let mut detail = json!({
            "type": flag.kind.as_str(),
            "value": value,
            "default": flag.default,
            "description": flag.description,
            "version": state.version,
        });
        if let Some(assignment) = state.assignment(now) {
            detail["changedAt"] = assignment.at.to_string().into();
            detail["changedBy"] = assignment.by.name.clone().into();
            match &assignment.end {
                End::Never => {}
                End::Lease(until) => detail["lease"] = json!({"until": until.to_string()}),
                End::Holds(holders) => {
                    let until = |at: Timestamp| Json::from(at.to_string());
                    let holders: Map<String, Json> = holders
                        .iter()
                        .map(|(problem, holder)| (problem.clone(), until(holder.until)))
                        .collect();
                    detail["holders"] = holders.into();
                }
            }
            if let Course::Ramp(ramp) = &assignment.course
                && now < ramp.end
            {
                detail["ramp"] = json!({
                    "from": ramp.from, "to": ramp.to,
                    "startsAt": ramp.start.to_string(), "endsAt": ramp.end.to_string(),
                });
            }
        }
        flags.insert(flag.name.clone(), value.to_json());
        details.insert(flag.name.clone(), detail);
    }
    json!({
        "ok": true, "flags": flags, "details": details, "timestamp": now.to_string(),
    })
}

/// What is told of a request that is done.
pub(super) fn done(
    set: &FlagSet,
    asked: &Asked,
    batch: &str,
    transitions: &Transitions,
    now: Timestamp,
) -> Answer {
    let changes: Vec<Json> = transitions
        .iter()
        .map(|(flag, follows)| one(set, flag, follows, now))
        .collect();
    let is_deferred = changes.iter().any(|change| change["deferred"] == true);
    let made = transitions
        .iter()
        .filter_map(|(flag, follows)| Some((flag.clone(), follows.written()?.state.version)));
    let made: Vec<(String, u64)> = made.collect();
    let mut told = told(asked, batch, now);
    let ended = match asked.call {
        Call::ErrorRate => moving(&mut told, asked, set, transitions, now),
        Call::Bulk | Call::Preset => {
            let events = made.iter().map(|(flag, _)| unsent(set, flag));
            told["events"] = events.collect::<Vec<_>>().into();
            told["changes"] = changes.into();
            if let Some(preset) = &asked.preset {
                told["preset"] = preset.as_str().into();
            }
            done_or(is_deferred)
        }
        Call::Set | Call::Promotional | Call::Restore | Call::List => {
            for (name, value) in changes
                .first()
                .and_then(Json::as_object)
                .into_iter()
                .flatten()
            {
                told[name.as_str()] = value.clone();
            }
            if let Some((flag, _)) = made.first() {
                let event = unsent(set, flag);
                told["eventSent"] = event["eventSent"].clone();
                told["eventDetails"] = event["eventDetails"].clone();
            } else {
                told["eventSent"] = false.into();
                told["eventDetails"] = json!({"success": false, "reason": "nothing_changed"});
            }
            done_or(is_deferred)
        }
    };
    if made.is_empty()
        && let Some(told) = told.as_object_mut()
    {
        told.remove("changeId");
    }
    Answer {
        ended,
        body: told,
        made,
        versions: versions(set, transitions),
    }
}

/// What is given back later has begun.
fn done_or(is_deferred: bool) -> Ended {
    if is_deferred {
        Ended::Begun
    } else {
        Ended::Done
    }
}

/// What is told of one flag.
fn one(set: &FlagSet, flag: &str, follows: &Follows, now: Timestamp) -> Json {
    let untouched = State::default();
    let before = set.states.get(flag).unwrap_or(&untouched);
    let unchanged = || {
        let value = before.value(&set.declarations.flags[flag], now);
        json!({
            "flag": flag, "previousValue": value, "newValue": value,
            "version": before.version, "changed": false,
        })
    };
    let transition = match follows {
        Follows::Unchanged => return unchanged(),
        Follows::Deferred => {
            let mut told = unchanged();
            told["deferred"] = true.into();
            return told;
        }
        Follows::NotHeld(since) => {
            let mut told = unchanged();
            told["restored"] = false.into();
            told["why"] = not_restored(since.as_ref()).into();
            return told;
        }
        Follows::Written(transition) => transition,
    };
    let record = transition.last();
    let mut told = json!({
        "flag": flag,
        "previousValue": transition.before(), "newValue": transition.after(),
        "version": transition.state.version, "changed": true,
    });
    if let Some(ends) = record.ends {
        told["expiresAt"] = ends.to_string().into();
    }
    match &record.cause {
        Cause::GivenBack | Cause::TakenBack => told["restored"] = true.into(),
        Cause::Superseded(since) => {
            told["changed"] = false.into();
            told["restored"] = false.into();
            told["why"] = not_restored(Some(since)).into();
        }
        Cause::Released => {
            told["changed"] = false.into();
            told["restored"] = false.into();
            told["why"] = "another problem holds it".into();
        }
        Cause::Postponed => {
            told["changed"] = false.into();
            told["deferred"] = true.into();
        }
        _ => {}
    }
    told
}

fn not_restored(since: Option<&Since>) -> String {
    match since {
        Some(Since { by, at, .. }) => format!("{} said something else at {at}", by.name),
        None => "the problem holds nothing any more".to_owned(),
    }
}

fn versions(set: &FlagSet, transitions: &Transitions) -> BTreeMap<String, u64> {
    let before = |flag: &String| set.states.get(flag).map_or(0, |state| state.version);
    transitions
        .iter()
        .map(|(flag, follows)| {
            let after = follows.written().map(|one| one.state.version);
            (flag.clone(), after.unwrap_or_else(|| before(flag)))
        })
        .collect()
}

fn told(asked: &Asked, batch: &str, now: Timestamp) -> Json {
    let nobody_said = if asked.is_bulk {
        "Bulk update"
    } else {
        "Not specified"
    };
    json!({
        "ok": true,
        "reason": asked.reason.as_deref().unwrap_or(nobody_said),
        "triggeredBy": asked.triggered_by,
        "changeId": batch,
        "timestamp": now.to_string(),
    })
}

/// What is told of a number that moves.
fn moving(
    told: &mut Json,
    asked: &Asked,
    set: &FlagSet,
    transitions: &Transitions,
    now: Timestamp,
) -> Ended {
    let Some((flag, follows)) = transitions.first_key_value() else {
        return Ended::Done;
    };
    let declared = &set.declarations.flags[flag];
    let untouched = State::default();
    let before = set.states.get(flag).unwrap_or(&untouched);
    let from = before.value(declared, now);
    let after = follows.written().map_or(before, |one| &one.state);
    let duration = asked.moves_for().unwrap_or_default();
    let ramp = after
        .assignments
        .last()
        .and_then(|assignment| match &assignment.course {
            Course::Ramp(ramp) if now < ramp.end => Some(ramp),
            _ => None,
        });
    told["flag"] = flag.as_str().into();
    told["from"] = from.to_json();
    told["to"] = ramp
        .map_or_else(|| after.value(declared, now), |ramp| ramp.to.clone())
        .to_json();
    told["startsAt"] = now.to_string().into();
    told["endsAt"] = ramp.map_or(now, |ramp| ramp.end).to_string().into();
    let step = (duration / 100).max(SignedDuration::from_secs(1));
    told["stepSeconds"] = step.as_secs().into();
    told["eventSent"] = false.into();
    Ended::Begun
}

/// What is told of an event before it is sent.
fn unsent(set: &FlagSet, flag: &str) -> Json {
    let touches = set.declarations.flags[flag].touches.is_some();
    let reason = if touches { "queued" } else { "no_entities" };
    json!({
        "flag": flag, "eventSent": false,
        "eventDetails": {"success": false, "reason": reason},
    })
}

/// Writes into an answer what became of an event.
pub(super) fn event(told: &mut Json, outbox: &Outbox, progress: &Progress) {
    let sent = outbox.entry.posted.is_some();
    let details = match progress {
        _ if sent => json!({"success": true, "status": 201}),
        Progress::Faulted { .. } => {
            json!({"success": false, "error": "the tenant did not take it; it is sent again"})
        }
        _ => json!({"success": false, "reason": "queued"}),
    };
    let events = told.get_mut("events").and_then(Json::as_array_mut);
    let place = match events {
        Some(events) => events.iter_mut().find(|event| event["flag"] == outbox.flag),
        None => Some(told),
    };
    if let Some(place) = place {
        place["eventSent"] = sent.into();
        place["eventDetails"] = details;
    }
}

/// What is told where flags cannot be what is asked for: of one in the words of
/// the guide, of several each.
pub(super) fn invalid(asked: &Asked, invalid: &[(&str, BadWish)], known: &[&str]) -> Answer {
    let is_unknown = |bad: &BadWish| matches!(bad, BadWish::UnknownFlag(_));
    let mut body = match invalid {
        [(_, bad)] if !asked.is_bulk => json!({"ok": false, "error": bad.to_string()}),
        _ => {
            let each = invalid
                .iter()
                .map(|(flag, bad)| json!({"flag": flag, "error": bad.to_string()}));
            json!({
                "ok": false,
                "error": format!("{} of the flags cannot be set; none was", invalid.len()),
                "invalid": each.collect::<Vec<_>>(),
            })
        }
    };
    if invalid.iter().any(|(_, bad)| is_unknown(bad)) {
        body["availableFlags"] = known.into();
    }
    Answer {
        ended: Ended::Bad,
        body,
        made: Vec::new(),
        versions: BTreeMap::new(),
    }
}
