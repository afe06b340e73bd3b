//! A reader of a long history.

use std::io::Read as _;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::read::GzDecoder;
use lambda_host::runtime::{Function, InvocationOutcome};
use release::link::Scope;
use serde_json::Value;

use crate::Binaries;
use crate::figures::{Budget, Figure, Figures, Quantity};
use crate::history::{COMPARISON, PIPELINE};
use crate::processor::time_on_processor;
use crate::starts::{mean, median};
use crate::world::World;

const ROUNDS: usize = 9;
const BUILDS: usize = 500;
const SIGNATURES: usize = 7;

const TIME: Duration = Duration::from_millis(50);
const MEMORY: u64 = 32 << 20;

/// One answer.
struct Shown {
    /// From the request to its answer.
    duration: Duration,
    /// How long the function was on a processor meanwhile. It has one thread,
    /// which the reads leave idle until their answers arrive: this is what it
    /// does itself, from the check of the link over what the database sent to
    /// the packed page.
    busy: Duration,
    packed: Vec<u8>,
}

/// The page that a browser gets by a signed link: through the real binary, from
/// records that were stored as builds store them.
pub(crate) async fn measure(binaries: &Binaries, figures: &mut Figures) -> anyhow::Result<()> {
    let world = World::start().await?;
    let tables = world.tables("report").await?;
    world.history(&tables, BUILDS, SIGNATURES).await?;
    let function = world.function(&binaries.show, &tables).await?;
    // The first answer is a cold start, and fetches the keys.
    show(&world, &function).await?;

    let mut shown = Vec::new();
    for _ in 0..ROUNDS {
        shown.push(show(&world, &function).await?);
    }
    let packed = &shown[0].packed;
    let mut page = String::new();
    GzDecoder::new(&**packed).read_to_string(&mut page)?;
    let rows = page.matches("<a class=\"row\"").count();
    ensure!(rows == BUILDS, "the page has {rows} builds");

    let name = format!("history of {BUILDS} builds, {SIGNATURES} signatures");
    let time = |of: fn(&Shown) -> Duration| Quantity::Time(median(shown.iter().map(of)));
    let peak = function.peak_memory().context("its memory is unknown")?;
    for (what, value, budget) in [
        (
            "request to answer, reads included",
            time(|shown| shown.duration),
            None,
        ),
        (
            "on a processor, without waiting for reads",
            Quantity::Time(mean(shown.iter().map(|shown| shown.busy))),
            Some(Quantity::Time(TIME)),
        ),
        (
            "peak memory",
            Quantity::Bytes(peak),
            Some(Quantity::Bytes(MEMORY)),
        ),
        ("size", Quantity::Bytes(page.len() as u64), None),
        ("size as sent", Quantity::Bytes(packed.len() as u64), None),
    ] {
        let figure = Figure::new(format!("{name}: {what}"), value);
        figures.add(&match budget {
            Some(most) => figure.within(Budget::AtMost(most)),
            None => figure,
        });
    }
    Ok(())
}

async fn show(world: &World, function: &Function) -> anyhow::Result<Shown> {
    let scope = Scope::History {
        pipeline: PIPELINE,
        comparison: COMPARISON,
    };
    let parameters = format!(
        "pipelineName={PIPELINE}&comparisonName={COMPARISON}&timespan=43200&builds={BUILDS}&"
    );
    let mut request = world.request("/history", scope, &parameters);
    request["headers"]["accept-encoding"] = "gzip".into();
    let before = busy(function)?;
    let invocation = function.invoke(request).await?;
    let InvocationOutcome::Ok(answer) = invocation.outcome else {
        anyhow::bail!("no page: {:?}\n{}", invocation.outcome, invocation.logs);
    };
    ensure!(answer["statusCode"] == 200, "no page: {answer}");
    let body = answer["body"]
        .as_str()
        .filter(|_| answer["isBase64Encoded"] == Value::Bool(true));
    Ok(Shown {
        duration: invocation.duration,
        busy: busy(function)?.saturating_sub(before),
        packed: STANDARD.decode(body.context("the page is not packed")?)?,
    })
}

fn busy(function: &Function) -> anyhow::Result<Duration> {
    let process = function.process_id().context("it does not run")?;
    time_on_processor(process)
}
