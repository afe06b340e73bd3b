//! The time that a process spent on a processor.

use std::time::Duration;

use anyhow::{Context as _, ensure};

/// Linux tells the times of processes in hundredths of a second.
const TICK: Duration = Duration::from_millis(10);

/// Where both times stand in `/proc/<id>/stat`, counted behind the name.
const USER: usize = 11;

/// What all threads of a running process spent on a processor so far.
///
/// The scheduler's statistics have it in nanoseconds. Not every kernel keeps
/// them; the times in ticks are kept by all, and are worth something for many
/// starts together.
pub(crate) fn time_on_processor(process: u32) -> anyhow::Result<Duration> {
    match scheduled(process) {
        Some(time) if time != Duration::ZERO => Ok(time),
        _ => ticked(process),
    }
}

fn scheduled(process: u32) -> Option<Duration> {
    let threads = std::fs::read_dir(format!("/proc/{process}/task")).ok()?;
    let counted = threads.flatten().filter_map(|thread| {
        let counted = std::fs::read_to_string(thread.path().join("schedstat")).ok()?;
        let nanoseconds = counted.split_whitespace().next()?.parse().ok()?;
        Some(Duration::from_nanos(nanoseconds))
    });
    Some(counted.sum())
}

fn ticked(process: u32) -> anyhow::Result<Duration> {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat"))
        .context("cannot read the times of a process")?;
    // The name stands in brackets and may contain anything.
    let (_, numbers) = stat.rsplit_once(')').context("a process has no name")?;
    let times = numbers.split_whitespace().skip(USER).take(2);
    let ticks: Vec<u32> = times.map(str::parse).collect::<Result<_, _>>()?;
    ensure!(ticks.len() == 2, "a process has no times");
    Ok(TICK * ticks.iter().sum::<u32>())
}
