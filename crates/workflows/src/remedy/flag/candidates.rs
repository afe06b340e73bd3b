//! Which changes of flags could be the cause of a problem.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use anyhow::Context as _;
use dynatrace::{EventKind, RecordedEvent, Window};
use flags::step::LONGEST_RAMP;
use flags::{Entry, as_culprit, is_flag_name};
use futures_util::future::{try_join, try_join_all};
use jiff::Timestamp;
use release::attribution::{Blame, Candidate, Known};
use release::change::{Change, Flag, FlagChange, Place};
use release::precedence::{Precedence, end_of_beginning, may_precede};
use release::remediation::Guard;
use store::{FlagSet, Flags};

use super::{View, Views};
use crate::change_flags::SOURCE;
use crate::remedy::adapter::{Case, Context, Dismissed, Gathered};

/// How many flags are looked at, those of the newest events first.
const MOST_FLAGS: usize = 50;

/// How much of the history of a flag is read, the newest first.
const MOST_ENTRIES: usize = 50;

/// The longest id of a change, in bytes.
const LONGEST_ID: usize = 200;

/// The candidates among the changes of flags, and the flags that were looked at.
pub(in crate::remedy) async fn gather(
    context: Context<'_>,
    case: &Case<'_>,
) -> anyhow::Result<(Gathered, Views)> {
    let Some(flags) = &context.clients.flags else {
        return Ok((Gathered::default(), Views::new()));
    };
    let events = events(context, case).await?;
    let told: Vec<Pointer> = events.iter().filter_map(Pointer::of).collect();
    let mut gathered = Gathered::default();
    let pointed = pointed(&told, &mut gathered.left_out);
    let (sets, looks) = try_join(
        sets(flags, &pointed),
        looks(context, flags, &pointed, &told),
    )
    .await?;
    let mut views = Views::new();
    for (flag, look) in looks {
        let set = sets.get(flag.set.as_str()).cloned().flatten();
        weigh(
            case.blame,
            &flag,
            set.as_deref(),
            &look,
            &told,
            &mut gathered,
        );
        let view = View {
            set,
            guard: look.guard,
            holders: look.holders,
        };
        views.insert(flag, view);
    }
    Ok((gathered, views))
}

/// What an event says of a change of a flag.
struct Pointer {
    entity: String,
    flag: Flag,
    change: String,
    version: u64,
    at: Timestamp,
}

impl Pointer {
    fn of(event: &RecordedEvent) -> Option<Self> {
        if event.source.as_deref() != Some(SOURCE) {
            return None;
        }
        let property = |name: &str| event.properties.get(name).map(|value| value.trim());
        let name = |name: &str| property(name).filter(|name| is_flag_name(name));
        let change = property("change.id").filter(|id| !id.is_empty() && id.len() <= LONGEST_ID);
        Some(Self {
            entity: event.entity.clone(),
            flag: Flag {
                set: name("flag.set")?.to_owned(),
                name: name("feature.flag")?.to_owned(),
            },
            change: change?.to_owned(),
            version: property("change.version")?.parse().ok()?,
            at: Timestamp::from_millisecond(event.start_ms).ok()?,
        })
    }

    fn is(&self, entry: &Entry) -> bool {
        self.change == entry.record.change && self.version == entry.record.version
    }
}

/// The flags that events point to, the newest first.
fn pointed(told: &[Pointer], left_out: &mut Vec<String>) -> Vec<Flag> {
    let mut newest: Vec<&Pointer> = told.iter().collect();
    newest.sort_by_key(|one| Reverse(one.at));
    let mut seen = BTreeSet::new();
    let mut flags: Vec<Flag> = newest.into_iter().map(|one| one.flag.clone()).collect();
    flags.retain(|flag| seen.insert(flag.clone()));
    let count = flags.len();
    if MOST_FLAGS < count {
        flags.truncate(MOST_FLAGS);
        left_out.push(format!("only {MOST_FLAGS} of {count} flags are looked at"));
    }
    flags
}

/// The events about configurations of the entities. A ramp that goes on may have
/// begun long before.
async fn events(context: Context<'_>, case: &Case<'_>) -> anyhow::Result<Vec<RecordedEvent>> {
    let began = case.blame.earliest().saturating_sub(LONGEST_RAMP);
    let window = Window {
        from_ms: began.unwrap_or(Timestamp::MIN).as_millisecond(),
        to_ms: end_of_beginning(case.blame.began).as_millisecond() + 1,
    };
    let mut by_type: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for entity in case.affected {
        let of = entity.id.rsplit_once('-').map_or("", |(of, _)| of);
        by_type.entry(of).or_default().push(entity.id.clone());
    }
    let tenant = &context.connected.tenant;
    let asked = by_type
        .values()
        .map(|ids| tenant.events(EventKind::Configuration, ids, window, context.remotes_until));
    let events = try_join_all(asked)
        .await
        .context("cannot ask the tenant for changes of flags")?;
    Ok(events.into_iter().flatten().collect())
}

async fn sets<'f>(
    flags: &Flags,
    pointed: &'f [Flag],
) -> anyhow::Result<BTreeMap<&'f str, Option<Arc<FlagSet>>>> {
    let names: BTreeSet<&str> = pointed.iter().map(|flag| flag.set.as_str()).collect();
    let sets = names.into_iter().map(async |name| {
        let set = flags.set(name).await?;
        anyhow::Ok((name, set.map(Arc::new)))
    });
    let sets: Vec<_> = sets.collect();
    Ok(try_join_all(sets).await?.into_iter().collect())
}

/// What is known of a flag beside its set.
struct Look {
    /// The newest first.
    history: Vec<Entry>,
    guard: Guard,
    holders: BTreeMap<String, Option<String>>,
}

async fn looks(
    context: Context<'_>,
    flags: &Flags,
    pointed: &[Flag],
    told: &[Pointer],
) -> anyhow::Result<Vec<(Flag, Look)>> {
    let looks = pointed.iter().map(async |flag| {
        let place = Place::Flag(flag.clone());
        let changes = told.iter().filter(|one| one.flag == *flag);
        let changes: BTreeSet<&str> = changes.map(|one| one.change.as_str()).collect();
        let holders = changes.into_iter().map(async |change| {
            let holder = context.ledger.holder_of(flag, change).await?;
            anyhow::Ok((change.to_owned(), holder))
        });
        let holders: Vec<_> = holders.collect();
        let (history, guard, holders) = tokio::try_join!(
            async {
                Ok(flags
                    .history_before(&flag.set, &flag.name, None, MOST_ENTRIES)
                    .await?)
            },
            async { Ok(context.ledger.guard(&place).await?) },
            try_join_all(holders),
        )?;
        let look = Look {
            history: history.entries,
            guard,
            holders: holders.into_iter().collect(),
        };
        anyhow::Ok((flag.clone(), look))
    });
    let looks: Vec<_> = looks.collect();
    try_join_all(looks).await
}

/// Takes in the changes of a flag that may count, on each entity that an event
/// ties it to.
fn weigh(
    blame: Blame<'_>,
    flag: &Flag,
    set: Option<&FlagSet>,
    look: &Look,
    told: &[Pointer],
    gathered: &mut Gathered,
) {
    let declared = set.and_then(|set| set.declarations.flags.get(&flag.name));
    let of_flag = || told.iter().filter(|one| one.flag == *flag);
    let entities: BTreeSet<&str> = of_flag().map(|one| one.entity.as_str()).collect();
    let is_in_time = |at: Timestamp, ended: Timestamp| {
        may_precede(at, blame.began) != Precedence::No && blame.earliest() <= ended
    };
    for entity in entities {
        for entry in &look.history {
            let record = &entry.record;
            let is_announced = of_flag().any(|one| one.entity == entity && one.is(entry));
            let found = match declared {
                Some(declared) => as_culprit(entry, &look.history, declared, blame.began)
                    .map_err(|none| none.to_string()),
                None => Err("its flag is not declared any more".to_owned()),
            };
            match found {
                Ok(ended) if is_in_time(record.at, ended) => gathered.candidates.push(Candidate {
                    entity: entity.to_owned(),
                    change: Change::Flag(change(flag, entry)),
                    began: record.at,
                    ended: Some(ended),
                    passed: false,
                    known: if is_announced {
                        Known::Announced
                    } else {
                        Known::InPlace
                    },
                    is_sure: true,
                    kept: None,
                }),
                Err(why) if is_in_time(record.at, record.at) => {
                    gathered.dismissed.push(Dismissed {
                        change: record.change.clone(),
                        place: flag.to_string(),
                        entity: entity.to_owned(),
                        at: record.at,
                        announced: is_announced,
                        why,
                    });
                }
                Ok(_) | Err(_) => {}
            }
        }
    }
    let is_unknown = |one: &&Pointer| !look.history.iter().any(|entry| one.is(entry));
    let unknown = of_flag().filter(is_unknown);
    let unknown = unknown.filter(|one| is_in_time(one.at, one.at));
    gathered.dismissed.extend(unknown.map(|one| Dismissed {
        change: one.change.clone(),
        place: flag.to_string(),
        entity: one.entity.clone(),
        at: one.at,
        announced: true,
        why: "the history of its flag does not have it".to_owned(),
    }));
}

fn change(flag: &Flag, entry: &Entry) -> FlagChange {
    let record = &entry.record;
    FlagChange {
        id: record.change.clone(),
        flag: flag.clone(),
        version: record.version,
        at: record.at,
        before: record.before.to_string(),
        after: record.after.to_string(),
        by: record.by.name.clone(),
    }
}
