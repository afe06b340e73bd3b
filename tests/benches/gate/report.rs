//! A reader of a long history.

use std::time::Instant;

use anyhow::{Context as _, ensure};
use jiff::SignedDuration;
use lab::runtime::{self, Function, Outcome};
use monspec::Verdict;
use release::plot::Plotted;
use report::{Build, Frame, History, page};
use serde_json::{Value, json};
use store::{Part, Room, Span};

use crate::Binaries;
use crate::cold::median;
use crate::figures::{Budget, Figure, Figures, Quantity};
use crate::world::World;

const ROUNDS: usize = 9;
const BUILDS: usize = 500;
const SIGNATURES: usize = 7;

const TIME: std::time::Duration = std::time::Duration::from_millis(50);
const MEMORY: u64 = 32 << 20;

pub(crate) async fn measure(binaries: &Binaries, figures: &mut Figures) -> anyhow::Result<()> {
    let world = World::start().await?;
    let tables = world.tables("report").await?;
    world.history(&tables, BUILDS, SIGNATURES).await?;
    let environment = [
        ("VALIDATIONS_TABLE", tables.validations.as_str()),
        ("AWS_ENDPOINT_URL", world.aws.url()),
        ("AWS_ENDPOINT_URL_DYNAMODB", world.dynamo.url()),
        ("REPORT_ACCESS", "public"),
    ];
    let settings = runtime::Settings::default();
    let function = Function::spawn(&binaries.show, &environment, settings).await?;

    let mut times = Vec::new();
    let mut length = 0;
    for _ in 0..ROUNDS {
        let invocation = function.invoke(request()).await?;
        let Outcome::Ok(answer) = invocation.outcome else {
            anyhow::bail!("no page: {:?}\n{}", invocation.outcome, invocation.logs);
        };
        ensure!(answer["statusCode"] == 200, "no page: {answer}");
        length = answer["body"].as_str().map_or(0, str::len);
        times.push(invocation.duration);
    }
    let name = format!("history of {BUILDS} builds, {SIGNATURES} signatures");
    let peak = function.peak_memory().context("its memory is unknown")?;
    figures.add(Figure::new(
        format!("{name}: request to answer, reads included"),
        Quantity::Time(median(times)),
    ));
    figures.add(
        Figure::new(
            format!("{name}: the page alone"),
            Quantity::Time(alone(&world, &tables).await?),
        )
        .within(Budget::AtMost(Quantity::Time(TIME))),
    );
    figures.add(
        Figure::new(format!("{name}: peak memory"), Quantity::Bytes(peak))
            .within(Budget::AtMost(Quantity::Bytes(MEMORY))),
    );
    figures.add(Figure::new(
        format!("{name}: size"),
        Quantity::Bytes(length as u64),
    ));
    Ok(())
}

/// What the page takes without the reads.
async fn alone(
    world: &World,
    tables: &crate::world::Tables,
) -> anyhow::Result<std::time::Duration> {
    let now = world.now();
    let span = SignedDuration::from_hours(24 * 30);
    let store = world.store(tables);
    let read = store.history(
        Span {
            pipeline: "Long",
            comparison: "StagingToProduction",
            since: now - span,
        },
        Part::Newest,
        Room {
            builds: BUILDS,
            points: BUILDS * SIGNATURES,
        },
    );
    let builds: Vec<Build> = read
        .await?
        .builds
        .into_iter()
        .map(|recorded| Build {
            validation: recorded.validation,
            plot: recorded.plot,
            evaluation: "v/019a9f3e-0000-7000-8000-000000000000".to_owned(),
        })
        .collect();
    ensure!(builds.len() == BUILDS, "only {} builds", builds.len());
    let history = History {
        pipeline: "Long",
        comparison: "StagingToProduction",
        span,
        builds: &builds,
        spec: None,
        older: None,
        newer: None,
        json: None,
    };
    let frame = Frame {
        now,
        zone: None,
        start: None,
    };
    let once = || {
        let begun = Instant::now();
        let page = page::history(&frame, &history);
        (begun.elapsed(), page.len())
    };
    Ok(median((0..ROUNDS).map(|_| once())).0)
}

/// One point of a chart; numbers of builds differ.
pub(crate) fn point(signature: usize, build: usize) -> Plotted {
    let observation = 100.0 + (build * 7 % 31) as f64;
    Plotted {
        name: format!("SampleJSonService - service.metric{signature}(AVG,UPPER)"),
        outcome: monspec::Outcome::Held,
        observation: Some(observation),
        baseline: Some(observation * 0.97),
        upper_limit: Some(140.0),
        lower_limit: None,
    }
}

/// What the builds of the history were judged.
pub(crate) const VERDICT: Verdict = Verdict::Passed;

fn request() -> Value {
    json!({
        "version": "2.0",
        "rawPath": "/history",
        "rawQueryString":
            "pipelineName=Long&comparisonName=StagingToProduction&timespan=43200&builds=500",
        "headers": {"accept": "text/html"},
        "requestContext": {"stage": "$default", "http": {"method": "GET", "path": "/history"}},
    })
}
