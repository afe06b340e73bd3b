//! What one validation asks for, and of whom.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::Binaries;
use crate::figures::{Budget, Figure, Figures, Quantity};
use crate::relay::{Host, by_operation};
use crate::world::{RIPE, World, sample, tick, with_methods, with_smartscape};

/// A tick to count the calls of.
struct Case {
    name: &'static str,
    monspec: Value,
    /// How many validations ask this at the same time.
    validations: usize,
    metrics: usize,
    entities: usize,
}

pub(crate) async fn measure(binaries: &Binaries, figures: &mut Figures) -> anyhow::Result<()> {
    let cases = [
        Case {
            name: "sample",
            monspec: sample(),
            validations: 1,
            metrics: 2,
            entities: 0,
        },
        Case {
            name: "sample with servicemethods",
            monspec: with_methods(),
            validations: 1,
            metrics: 4,
            entities: 0,
        },
        Case {
            name: "sample with smartscape",
            monspec: with_smartscape(),
            validations: 1,
            metrics: 2,
            entities: 2,
        },
        Case {
            name: "sample twice at once",
            monspec: sample(),
            validations: 2,
            metrics: 2,
            entities: 0,
        },
    ];
    for case in cases {
        count(binaries, &case, figures).await?;
    }
    Ok(())
}

async fn count(binaries: &Binaries, case: &Case, figures: &mut Figures) -> anyhow::Result<()> {
    let world = World::start().await?;
    let tables = world.tables("calls").await?;
    let mut gates = Vec::new();
    for index in 0..case.validations {
        let pipeline = format!("Calls-{index}");
        gates.push(world.ripe(&pipeline, &case.monspec, &tables, RIPE).await?);
    }
    let remotes = world.remotes().await?;
    let function = world
        .function_through(&binaries.validate, &tables, &remotes)
        .await?;

    tick(&function, case.validations).await?;

    for gate in &gates {
        world.expect_approved(gate)?;
    }
    let mut add = |what: &str, count: usize, budget: usize| {
        let figure = Figure::new(format!("{}: {what}", case.name), Quantity::Count(count));
        figures.add(&figure.within(Budget::AtMost(Quantity::Count(budget))));
    };
    add(
        "metric calls",
        world.tenant.count("/api/v2/metrics/query"),
        case.metrics,
    );
    add(
        "entity calls",
        world.tenant.count("/api/v2/entities"),
        case.entities,
    );
    let (database, others): (Vec<_>, Vec<_>) = remotes
        .take()
        .into_iter()
        .filter(|call| call.host != Host::Tenant)
        .partition(|call| call.host == Host::DynamoDb);
    each(figures, case.name, "AWS", &by_operation(&others));
    each(figures, case.name, "DynamoDB", &by_operation(&database));
    Ok(())
}

/// A sum, and what it is made of.
fn each(figures: &mut Figures, case: &str, service: &str, calls: &BTreeMap<String, usize>) {
    let parts: Vec<String> = calls
        .iter()
        .map(|(operation, count)| format!("{count} {operation}"))
        .collect();
    figures.add(&Figure::new(
        format!("{case}: {service} calls ({})", parts.join(", ")),
        Quantity::Count(calls.values().sum()),
    ));
}
