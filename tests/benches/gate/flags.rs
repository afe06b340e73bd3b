//! What a bulk of flags costs a warm process, beside a hello world that reads one
//! item of the same table.

use std::time::Duration;

use anyhow::{Context as _, ensure};
use lambda_host::runtime::{Function, InvocationOutcome};
use serde_json::{Value, json};

use crate::Binaries;
use crate::figures::{Budget, Figure, Figures, Quantity};
use crate::processor::time_on_processor;
use crate::starts::mean;
use crate::world::World;

/// How often both take their turn.
const ROUNDS: usize = 20;

/// How often each answers in its turn: the processor's time may be counted in
/// coarse ticks.
const ANSWERS: u32 = 100;

/// What an answer may cost on a processor, in hello worlds that read one item.
const ON_PROCESSOR: f64 = 1.5;

pub(crate) async fn measure(binaries: &Binaries, figures: &mut Figures) -> anyhow::Result<()> {
    let world = World::start().await?;
    let tables = world.tables("flags").await?;
    let bulk = world.flags_bulk(&tables).await?;
    let reads = world.function(&binaries.one_read, &tables).await?;
    let serves = world.function(&binaries.serve, &tables).await?;
    let is_read = |answer: &Value| *answer == json!(true);
    let is_served = |answer: &Value| answer["statusCode"] == 200;
    turn(&reads, &json!({}), is_read).await?;
    turn(&serves, &bulk, is_served).await?;
    let (mut one_read, mut served) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        one_read.push(turn(&reads, &json!({}), is_read).await?);
        served.push(turn(&serves, &bulk, is_served).await?);
    }
    let name = "serve-flags, bulk of 50, warm: processor time, beside hello world and one read";
    let figure = Figure::new(name, Quantity::Time(mean(served.into_iter())));
    let figure = figure.beside(Quantity::Time(mean(one_read.into_iter())));
    figures.add(&figure.within(Budget::TimesHello(ON_PROCESSOR)));
    Ok(())
}

/// What one answer took of the processor.
async fn turn(
    function: &Function,
    event: &Value,
    is_good: impl Fn(&Value) -> bool,
) -> anyhow::Result<Duration> {
    let process = function.process_id().context("it does not run")?;
    let before = time_on_processor(process)?;
    for _ in 0..ANSWERS {
        let answered = function.invoke(event.clone()).await?;
        let went_well =
            matches!(&answered.outcome, InvocationOutcome::Ok(answer) if is_good(answer));
        ensure!(went_well, "it went wrong: {:?}", answered.outcome);
    }
    Ok(time_on_processor(process)?.saturating_sub(before) / ANSWERS)
}
