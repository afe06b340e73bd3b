//! Healing under fire: random storms over random worlds, and the promises that
//! hold in each of them.
//!
//! A storm is drawn from its seed: what was released, what goes wrong when, and
//! where workers die. `INTERLEAVINGS=2000` tells that many, and
//! `INTERLEAVINGS_FROM=<seed>` begins with another seed than the first, so that
//! the two together tell a single one again. What the operating system adds to
//! a seed is the order in which sockets answer.

mod calm;
mod promises;
mod steps;
mod storm;

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use storm::Storm;

/// How many storms are told unless somebody asks for more.
const STORMS: u64 = 24;

/// How many are told at the same time, each on a thread of its own: most of
/// the time something waits for a remote.
const AT_ONCE: usize = 6;

/// What storms brought about, by its name.
type Tally = BTreeMap<&'static str, usize>;

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
                        Ok(tally) => {
                            for (what, count) in tally {
                                *told.0.entry(what).or_default() += count;
                            }
                        }
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
        for what in ["heals", "workers killed", "answers lost"] {
            assert!(tally.contains_key(what), "no storm had {what}: {tally:?}");
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
            storm.calm_down().await
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

impl Broken {
    fn told(&self) -> String {
        let again = format!("INTERLEAVINGS=1 INTERLEAVINGS_FROM={}", self.seed);
        format!("{again}: {}\n    {}", self.how, self.trace.join("\n    "))
    }
}

#[expect(clippy::print_stdout, reason = "whoever asks for figures reads them")]
fn show(storms: u64, first: u64, tally: &Tally) {
    println!("{storms} storms from seed {first}:");
    for (what, count) in tally {
        println!("{count:>8} {what}");
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
