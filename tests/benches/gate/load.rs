//! A busy tick: twenty ripe validations, and remotes that take their time.

use std::time::Duration;

use anyhow::Context as _;

use crate::Binaries;
use crate::figures::{Budget, Figure, Figures, Quantity};
use crate::starts::median;
use crate::world::{RIPE, World, sample, tick};

const ROUNDS: usize = 5;
const VALIDATIONS: usize = 20;
const LATENCY: Duration = Duration::from_millis(50);

const TIME: Duration = Duration::from_secs(1);
const MEMORY: u64 = 40 << 20;

pub(crate) async fn measure(binaries: &Binaries, figures: &mut Figures) -> anyhow::Result<()> {
    let (mut times, mut peaks) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let (time, peak) = busy_tick(binaries).await?;
        times.push(time);
        peaks.push(peak);
    }
    let name = format!(
        "tick of {VALIDATIONS} ripe, {} ms per call",
        LATENCY.as_millis()
    );
    figures.add(
        &Figure::new(format!("{name}: time"), Quantity::Time(median(times)))
            .within(Budget::AtMost(Quantity::Time(TIME))),
    );
    figures.add(
        &Figure::new(
            format!("{name}: peak memory"),
            Quantity::Bytes(median(peaks)),
        )
        .within(Budget::AtMost(Quantity::Bytes(MEMORY))),
    );
    Ok(())
}

/// Time and peak memory of a tick by a function that already judged one.
async fn busy_tick(binaries: &Binaries) -> anyhow::Result<(Duration, u64)> {
    let world = World::start().await?;
    let tables = world.tables("load").await?;
    world.ripe("Warm", &sample(), &tables, RIPE).await?;
    let function = world.function(&binaries.validate, &tables).await?;
    tick(&function, 1).await?;

    let mut gates = Vec::new();
    // Every window is another one, so that no two ask the same.
    for ago in (RIPE..).take(VALIDATIONS) {
        let pipeline = format!("Load-{ago}");
        gates.push(world.ripe(&pipeline, &sample(), &tables, ago).await?);
    }
    world.tenant.latency(LATENCY);
    world.aws.latency(LATENCY);
    let ticked = tick(&function, VALIDATIONS).await?;

    for gate in &gates {
        world.expect_approved(gate)?;
    }
    let peak = function.peak_memory().context("its memory is unknown")?;
    Ok((ticked.duration, peak))
}
