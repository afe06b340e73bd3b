//! Cold starts, beside a hello world that starts in the same minute.

use std::time::Duration;

use anyhow::{Context as _, ensure};
use lab::pipeline::{Job, JobStatus};
use lab::runtime::{self, Function, Outcome};
use serde_json::{Value, json};

use crate::Binaries;
use crate::figures::{Budget, Figure, Figures, Quantity};
use crate::healing::{end, notification};
use crate::world::{RIPE, World, sample, tick};

/// How often everything is started.
const ROUNDS: usize = 15;

/// What the answer of a cold function may take, in hello worlds.
const BUDGET: f64 = 3.5;

/// The same where a reader waits for it.
const BUDGET_OF_READERS: f64 = 2.5;

/// One cold start.
#[derive(Clone, Copy)]
struct Start {
    init: Duration,
    answer: Duration,
    /// How long the process was on a processor; the rest it waited.
    busy: Option<Duration>,
    peak: u64,
}

/// Starts everything in turns, so that a slow moment of the machine slows all
/// alike.
pub(crate) async fn measure(binaries: &Binaries, figures: &mut Figures) -> anyhow::Result<()> {
    let world = World::start().await?;
    let empty = world.tables("empty").await?;
    let [mut hello, mut register, mut idle, mut judging, mut show] = [const { Vec::new() }; 5];
    let [mut announce, mut watching, mut healing] = [const { Vec::new() }; 3];

    for round in 0..ROUNDS {
        let tables = world.tables(&format!("round-{round}")).await?;
        let gate = world
            .ripe(&format!("Ripe-{round}"), &sample(), &tables, RIPE)
            .await?;
        let (job, _) = world.job(&format!("New-{round}"), &sample())?;

        let settings = runtime::Settings::default();
        let function = Function::spawn(&binaries.hello, &[], settings).await?;
        hello.push(first_answer(&function, json!({})).await?);

        let function = world.function(&binaries.register, &tables).await?;
        register.push(first_answer(&function, job.event.clone()).await?);
        succeeded(&world, &job, &function)?;

        let function = world.function(&binaries.validate, &empty).await?;
        tick(&function, 0).await?;
        idle.push(read(&function)?);

        let function = world.function(&binaries.validate, &tables).await?;
        tick(&function, 1).await?;
        judging.push(read(&function)?);
        world.expect_approved(&gate)?;

        let function = world.function(&binaries.show, &tables).await?;
        show.push(first_answer(&function, world.start_page()).await?);

        let job = world.announcing_job(&format!("Announced-{round}"))?;
        let function = world.function(&binaries.announce, &tables).await?;
        announce.push(first_answer(&function, job.event.clone()).await?);
        succeeded(&world, &job, &function)?;

        let function = world.function(&binaries.heal, &empty).await?;
        watching.push(first_answer(&function, json!({})).await?);

        // A service of its own, so that nothing else is to blame.
        let service = "s".repeat(round + 1);
        let problem = world.bad_release(&service).await?;
        let function = world.function(&binaries.heal, &tables).await?;
        healing.push(first_answer(&function, notification(&problem)).await?);
        ensure!(
            world.heals(&service) == 1,
            "the problem was not answered\n{}",
            function.logs()
        );
        end(&problem);
    }

    let hello = Start::median(&hello);
    add(figures, "hello world", hello, None);
    add(
        figures,
        "register-validation",
        Start::median(&register),
        Some(hello),
    );
    add(
        figures,
        "validate-builds, idle",
        Start::median(&idle),
        Some(hello),
    );
    add(
        figures,
        "validate-builds, one ripe",
        Start::median(&judging),
        Some(hello),
    );
    for (name, starts) in [
        ("push-deployment-event", announce),
        ("handle-problem, schedule", watching),
        ("handle-problem, notification", healing),
    ] {
        let start = Start::median(&starts);
        add(figures, name, start, Some(hello));
    }
    add_within(
        figures,
        "validation-report, start page",
        Start::median(&show),
        Some(hello),
        BUDGET_OF_READERS,
    );
    Ok(())
}

fn succeeded(world: &World, job: &Job, function: &Function) -> anyhow::Result<()> {
    let status = world.aws.pipelines().job(&job.id)?.status;
    ensure!(
        status == JobStatus::Succeeded,
        "the job ended as {status:?}\n{}",
        function.logs()
    );
    Ok(())
}

async fn first_answer(function: &Function, event: Value) -> anyhow::Result<Start> {
    let invocation = function.invoke(event).await?;
    ensure!(
        matches!(invocation.outcome, Outcome::Ok(_)),
        "the start went wrong: {:?}\n{}",
        invocation.outcome,
        invocation.logs
    );
    read(function)
}

fn read(function: &Function) -> anyhow::Result<Start> {
    let start = function.cold_start().context("it did not start")?;
    Ok(Start {
        init: start.to_first_request,
        answer: start.to_first_answer.context("it did not answer")?,
        busy: function.process_id().and_then(time_on_processor),
        peak: function.peak_memory().context("its memory is unknown")?,
    })
}

/// What the scheduler counted for all threads of a process, where it counts.
pub(crate) fn time_on_processor(process: u32) -> Option<Duration> {
    let threads = std::fs::read_dir(format!("/proc/{process}/task")).ok()?;
    let counted = threads.flatten().filter_map(|thread| {
        let counted = std::fs::read_to_string(thread.path().join("schedstat")).ok()?;
        let nanoseconds = counted.split_whitespace().next()?.parse().ok()?;
        Some(Duration::from_nanos(nanoseconds))
    });
    let sum: Duration = counted.sum();
    (sum != Duration::ZERO).then_some(sum)
}

impl Start {
    /// Each number's own median.
    fn median(starts: &[Self]) -> Self {
        Self {
            init: median(starts.iter().map(|start| start.init)),
            answer: median(starts.iter().map(|start| start.answer)),
            busy: starts
                .iter()
                .map(|start| start.busy)
                .collect::<Option<Vec<_>>>()
                .map(median),
            peak: median(starts.iter().map(|start| start.peak)),
        }
    }
}

pub(crate) fn median<T: Ord + Copy>(values: impl IntoIterator<Item = T>) -> T {
    let mut values: Vec<T> = values.into_iter().collect();
    values.sort_unstable();
    values[values.len() / 2]
}

fn add(figures: &mut Figures, name: &str, start: Start, hello: Option<Start>) {
    add_within(figures, name, start, hello, BUDGET);
}

fn add_within(figures: &mut Figures, name: &str, start: Start, hello: Option<Start>, budget: f64) {
    let time = |what: &str, of: &dyn Fn(Start) -> Option<Duration>| {
        let figure = Figure::new(format!("{name}: {what}"), Quantity::Time(of(start)?));
        Some(match hello.and_then(of) {
            Some(hello) => figure.beside(Quantity::Time(hello)),
            None => figure,
        })
    };
    let answer = time("start to first answer", &|start| Some(start.answer));
    let parts = [
        time("  start to first request", &|start| Some(start.init)),
        time("  first request to answer", &|start| {
            Some(start.answer.saturating_sub(start.init))
        }),
        time("  on a processor", &|start| start.busy),
    ];
    let memory = Figure::new(
        format!("{name}:   peak memory"),
        Quantity::Bytes(start.peak),
    );

    let bounded = |figure: Figure| figure.within(Budget::TimesHello(budget));
    let answer = match hello {
        Some(_) => answer.map(bounded),
        None => answer,
    };
    for figure in answer.into_iter().chain(parts.into_iter().flatten()) {
        figures.add(figure);
    }
    figures.add(match hello {
        Some(hello) => memory.beside(Quantity::Bytes(hello.peak)),
        None => memory,
    });
}
