//! How fast a problem is answered, from the notification to the deployment.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use lambda_host::runtime::{Function, InvocationOutcome};

use crate::Binaries;
use crate::figures::{Budget, Figure, Figures, Quantity};
use crate::healing::notification;
use crate::relay::by_operation;
use crate::starts::median;
use crate::world::World;

const ROUNDS: usize = 5;
const LATENCY: Duration = Duration::from_millis(50);

const TIME: Duration = Duration::from_millis(600);
const MEMORY: u64 = 40 << 20;

/// One problem, answered by a function that answered one before.
struct Answered {
    /// From sending the notification to CodeDeploy having been asked.
    to_deployment: Duration,
    /// From sending the notification to its answer.
    to_answer: Duration,
    peak: u64,
    /// What was asked of everybody until the answer, by operation.
    calls: BTreeMap<String, usize>,
}

pub(crate) async fn measure(binaries: &Binaries, figures: &mut Figures) -> anyhow::Result<()> {
    let mut answered = Vec::new();
    for _ in 0..ROUNDS {
        answered.push(answer(binaries).await?);
    }
    let name = format!("problem, {} ms per call", LATENCY.as_millis());
    let to_deployment = median(answered.iter().map(|one| one.to_deployment));
    figures.add(
        &Figure::new(
            format!("{name}: notification to CreateDeployment"),
            Quantity::Time(to_deployment),
        )
        .within(Budget::AtMost(Quantity::Time(TIME))),
    );
    figures.add(&Figure::new(
        format!("{name}: notification to answer"),
        Quantity::Time(median(answered.iter().map(|one| one.to_answer))),
    ));
    figures.add(
        &Figure::new(
            format!("{name}: peak memory"),
            Quantity::Bytes(median(answered.iter().map(|one| one.peak))),
        )
        .within(Budget::AtMost(Quantity::Bytes(MEMORY))),
    );
    if let Some(last) = answered.last() {
        let parts: Vec<String> = last
            .calls
            .iter()
            .map(|(operation, count)| format!("{count} {operation}"))
            .collect();
        figures.add(&Figure::new(
            format!("{name}: calls ({})", parts.join(", ")),
            Quantity::Count(last.calls.values().sum()),
        ));
    }
    Ok(())
}

async fn answer(binaries: &Binaries) -> anyhow::Result<Answered> {
    let world = World::start().await?;
    let tables = world.tables("heal").await?;
    let remotes = world.remotes().await?;
    let function = world
        .function_through(&binaries.heal, &tables, &remotes)
        .await?;
    let first = world.bad_release("Warm").await?;
    heal(&world, &function, "Warm", notification(&first)).await?;

    let problem = world.bad_release("Measured").await?;
    let event = notification(&problem);
    remotes.latency(LATENCY);
    remotes.take();
    let (to_deployment, to_answer) = heal(&world, &function, "Measured", event).await?;
    Ok(Answered {
        to_deployment,
        to_answer,
        peak: function.peak_memory().context("its memory is unknown")?,
        calls: by_operation(&remotes.take()),
    })
}

/// How long it takes until the group's deployment is asked for, and until the
/// notification is answered.
async fn heal(
    world: &World,
    function: &Function,
    group: &str,
    event: serde_json::Value,
) -> anyhow::Result<(Duration, Duration)> {
    let begun = Instant::now();
    let asked = async {
        while world.heals(group) == 0 {
            ensure!(
                begun.elapsed() < Duration::from_secs(20),
                "nothing was deployed\n{}",
                function.logs()
            );
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        Ok(begun.elapsed())
    };
    let answered = async {
        let invocation = function.invoke(event).await?;
        ensure!(
            matches!(&invocation.outcome, InvocationOutcome::Ok(answer) if answer["statusCode"] == 200),
            "the notification was not taken: {:?}\n{}",
            invocation.outcome,
            invocation.logs
        );
        Ok(invocation.duration)
    };
    tokio::try_join!(asked, answered)
}
