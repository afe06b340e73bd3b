//! Healing under fire: random storms over random worlds, and the promises that
//! hold in each of them.
//!
//! A storm is drawn from its seed: what was released, who changes flags, which
//! rules follow, what a controller makes of launches, what goes wrong when, and
//! where workers die. `INTERLEAVINGS=2000` tells that many, and
//! `INTERLEAVINGS_FROM=<seed>` begins with another seed than the first, so that
//! the two together tell a single one again. What the operating system adds to
//! a seed is the order in which sockets answer.

mod audit;
mod callers;
mod calm;
mod kills;
mod promises;
mod rows;
mod steps;
mod storm;

use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use storm::Storm;

/// How many storms are told unless somebody asks for more.
const STORMS: u64 = 40;

/// How many are told at the same time, each on a thread of its own: most of
/// the time something waits for a remote.
const AT_ONCE: usize = 6;

/// What storms brought about.
#[derive(Default)]
struct Tally {
    /// How often, by its name.
    counts: BTreeMap<&'static str, usize>,
    /// The rows of tables that were gone through.
    rows: rows::Rows,
    /// What processes did that were killed, and what they had called last.
    kills: BTreeSet<String>,
}

/// How a storm broke a promise.
struct Broken {
    seed: u64,
    how: String,
    /// What had happened until then.
    trace: Vec<String>,
}

#[test]
fn whatever_happens_when_nothing_is_healed_twice_or_lost() {
    let storms = asked("INTERLEAVINGS").unwrap_or(STORMS);
    let first = asked("INTERLEAVINGS_FROM").unwrap_or(1);
    let next = AtomicU64::new(first);
    let told: Mutex<(Tally, Vec<Broken>)> = Mutex::default();
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    let is_broken = !lock(&told).1.is_empty();
                    if first + storms <= seed || is_broken {
                        return;
                    }
                    let outcome = tell(seed);
                    let mut told = lock(&told);
                    match outcome {
                        Ok(tally) => told.0.add(tally),
                        Err(broken) => told.1.push(broken),
                    }
                }
            });
        }
    });

    let (tally, broken) = told.into_inner().unwrap_or_else(PoisonError::into_inner);
    show(storms, first, &tally);
    let broken: Vec<String> = broken.iter().map(Broken::told).collect();
    assert!(
        broken.is_empty(),
        "promises were broken, and no more storms were told:\n{}",
        broken.join("\n")
    );
    // A storm in which nothing happens proves nothing.
    if STORMS <= storms {
        for what in [
            "heals",
            "workers killed",
            "answers lost",
            "flags taken back",
            "flags set by problems",
        ] {
            let had = tally.counts.contains_key(what);
            assert!(had, "no storm had {what}: {:?}", tally.counts);
        }
    }
}

fn tell(seed: u64) -> Result<Tally, Broken> {
    let trace = Mutex::default();
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            let mut storm = Storm::gather(seed, &trace).await;
            storm.rage().await?;
            Box::pin(storm.calm_down()).await
        })
    }));
    let how = match outcome {
        Ok(Ok(tally)) => return Ok(tally),
        Ok(Err(how)) => how,
        Err(_) => "it panicked, as told above".to_owned(),
    };
    let trace = trace.into_inner().unwrap_or_else(PoisonError::into_inner);
    Err(Broken { seed, how, trace })
}

fn lock<T>(told: &Mutex<T>) -> MutexGuard<'_, T> {
    told.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Tally {
    fn add(&mut self, other: Self) {
        for (what, count) in other.counts {
            *self.counts.entry(what).or_default() += count;
        }
        for (table, rows) in other.rows {
            self.rows.entry(table).or_default().extend(rows);
        }
        self.kills.extend(other.kills);
    }
}

impl Broken {
    fn told(&self) -> String {
        let again = format!("INTERLEAVINGS=1 INTERLEAVINGS_FROM={}", self.seed);
        format!("{again}: {}\n    {}", self.how, self.trace.join("\n    "))
    }
}

#[expect(clippy::print_stdout, reason = "whoever asks for figures reads them")]
fn show(storms: u64, first: u64, tally: &Tally) {
    println!("{storms} storms from seed {first}:");
    for (what, count) in &tally.counts {
        println!("{count:>8} {what}");
    }
    println!("{:>8} kill points", tally.kills.len());
    for (table, text) in rows::TABLES {
        let names = rows::names(text);
        let none = BTreeSet::new();
        let met = tally.rows.get(table).unwrap_or(&none);
        let unknown: Vec<_> = met.iter().filter(|row| !names.contains(**row)).collect();
        assert!(unknown.is_empty(), "{table} has no rows {unknown:?}");
        let missing: Vec<_> = names.difference(met).copied().collect();
        let missing = missing.join(", ");
        let of = names.len();
        println!("{:>8} of {of} rows of {table}; not {missing}", met.len());
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "how many storms are told is for whoever runs them to say"
)]
pub(crate) fn asked(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(text.parse().unwrap())
}
