//! Starts, beside a hello world that starts in the same minute.

use std::time::Duration;

use anyhow::Context as _;
use lambda_host::runtime::{self, Function};
use serde_json::json;

use crate::Binaries;
use crate::events::Event;
use crate::figures::{Budget, Figure, Figures, Quantity};
use crate::processor::time_on_processor;
use crate::world::World;

/// How often everything is started.
const ROUNDS: usize = 20;

/// What a start may take until its first request, in hello worlds.
const TO_REQUEST: f64 = 1.4;

/// What the first answer may cost on a processor, in hello worlds.
const ON_PROCESSOR: f64 = 4.0;

/// What the first answer may take, in hello worlds.
const TO_ANSWER: f64 = 3.5;

/// The same where a reader waits for it.
const TO_READERS: f64 = 2.5;

/// One start.
#[derive(Clone, Copy)]
struct Start {
    request: Duration,
    answer: Duration,
    /// What its process spent on a processor until its answer.
    busy: Duration,
    peak: u64,
}

/// Starts hello world and the function in turns, so that a slow moment of the
/// machine slows both alike.
pub(crate) async fn measure(
    event: Event,
    binaries: &Binaries,
    figures: &mut Figures,
) -> anyhow::Result<()> {
    let world = World::start().await?;
    let (mut hellos, mut starts) = (Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        let hello = Function::spawn(&binaries.hello, &[], runtime::Settings::default()).await?;
        hello.invoke(json!({})).await?;
        hellos.push(Start::of(&hello)?);

        let tables = world.tables(&format!("start-{round}")).await?;
        let prepared = event.prepare(&world, &tables, binaries, round).await?;
        let function = world.function(event.binary(binaries), &tables).await?;
        let answered = function.invoke(prepared.event.clone()).await?;
        let start = Start::of(&function)?;
        prepared.check(&world, &function, &answered.outcome).await?;
        starts.push(start);
    }
    add(
        figures,
        event,
        Start::typical(&starts),
        Start::typical(&hellos),
    );
    Ok(())
}

impl Start {
    /// The start of a function that has just given its first answer.
    fn of(function: &Function) -> anyhow::Result<Self> {
        let process = function.process_id().context("it does not run")?;
        let busy = time_on_processor(process)?;
        let start = function.cold_start().context("it did not start")?;
        Ok(Self {
            request: start.to_first_request,
            answer: start.to_first_answer.context("it did not answer")?,
            busy,
            peak: function.peak_memory().context("its memory is unknown")?,
        })
    }

    /// Each number's own: the median, and the mean of what may be counted in
    /// coarse ticks.
    fn typical(starts: &[Self]) -> Self {
        Self {
            request: median(starts.iter().map(|start| start.request)),
            answer: median(starts.iter().map(|start| start.answer)),
            busy: mean(starts.iter().map(|start| start.busy)),
            peak: median(starts.iter().map(|start| start.peak)),
        }
    }
}

pub(crate) fn median<T: Ord + Copy>(values: impl IntoIterator<Item = T>) -> T {
    let mut values: Vec<T> = values.into_iter().collect();
    values.sort_unstable();
    values[values.len() / 2]
}

pub(crate) fn mean(times: impl ExactSizeIterator<Item = Duration>) -> Duration {
    let count = u32::try_from(times.len()).expect("nothing is repeated so often");
    times.sum::<Duration>() / count
}

fn add(figures: &mut Figures, event: Event, start: Start, hello: Start) {
    let name = event.name();
    let to_answer = match event {
        Event::StartPage | Event::Evaluation | Event::Flags | Event::ChangedFlags => TO_READERS,
        _ => TO_ANSWER,
    };
    let time = |what: &str, of: fn(&Start) -> Duration, times: Option<f64>| {
        let figure = Figure::new(format!("{name}: {what}"), Quantity::Time(of(&start)));
        let figure = figure.beside(Quantity::Time(of(&hello)));
        match times {
            Some(times) => figure.within(Budget::TimesHello(times)),
            None => figure,
        }
    };
    for figure in [
        time(
            "start to first request",
            |one| one.request,
            Some(TO_REQUEST),
        ),
        time(
            "processor time to first answer",
            |one| one.busy,
            Some(ON_PROCESSOR),
        ),
        time("start to first answer", |one| one.answer, Some(to_answer)),
        Figure::new(format!("{name}: peak memory"), Quantity::Bytes(start.peak))
            .beside(Quantity::Bytes(hello.peak)),
    ] {
        figures.add(&figure);
    }
}
