//! What the lab costs while nobody asks for anything.

use std::time::{Duration, Instant};

use crate::program::Console;

const MIB: u64 = 1024 * 1024;

/// What stand-ins, collector and scheduler may take together, on the shared
/// runtime of one process.
const MEMORY: u64 = 150 * MIB;
const CORES: f64 = 0.5;

/// Several rounds of everything that happens by itself.
const LOOK: Duration = Duration::from_secs(5);

/// The pause between two looks.
const PAUSE: Duration = Duration::from_millis(100);

/// The kernel counts a process's time in these.
const TICKS_PER_SECOND: f64 = 100.0;

#[tokio::test]
#[expect(
    clippy::print_stderr,
    reason = "the figures are what somebody asks for"
)]
async fn idle_lab_needs_little() {
    let console = Console::start();
    let (began, before) = (Instant::now(), ticks(console.id()));
    let mut memory = 0;
    while began.elapsed() < LOOK {
        memory = memory.max(resident(console.id()));
        tokio::time::sleep(PAUSE).await;
    }
    let cores = (ticks(console.id()) - before) / TICKS_PER_SECOND / began.elapsed().as_secs_f64();

    eprintln!("idle: {} MiB, {cores:.2} cores", memory / MIB);
    assert!(memory < MEMORY, "{} MiB", memory / MIB);
    assert!(cores < CORES, "{cores:.2} cores");
}

/// The memory that a process has now, in bytes.
fn resident(id: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{id}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kilobytes = line.unwrap().trim().strip_suffix(" kB").unwrap();
    kilobytes.parse::<u64>().unwrap() * 1024
}

/// The time that a process spent on processors, in ticks.
fn ticks(id: u32) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).unwrap();
    let (_, fields) = stat.rsplit_once(')').unwrap();
    let fields: Vec<&str> = fields.split_whitespace().collect();
    [11, 12]
        .into_iter()
        .map(|index| fields[index].parse::<f64>().unwrap())
        .sum()
}
