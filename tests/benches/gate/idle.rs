//! An idle tick, with nothing and with ten thousand finished validations behind
//! it; of the functions of flags and of problems, with few and with a hundred
//! thousand flags and changes of them.

use std::collections::HashMap;
use std::path::Path;

use anyhow::{Context as _, ensure};
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{AttributeValue, PutRequest, WriteRequest};
use lab::world::scheduled;
use lambda_host::runtime::InvocationOutcome;

use crate::Binaries;
use crate::figures::{Budget, Figure, Figures, Quantity};
use crate::relay::Call;
use crate::world::{RIPE, SET, Tables, World, sample, tick};

const FINISHED: usize = 10_000;

/// How many sets like the first one, of fifty flags that were changed once each.
const SETS: usize = 1_000;

/// How many items one write takes.
const BATCH: usize = 25;

type Item = HashMap<String, AttributeValue>;

pub(crate) async fn measure(binaries: &Binaries, figures: &mut Figures) -> anyhow::Result<()> {
    let world = World::start().await?;
    let empty = world.tables("empty").await?;
    let full = world.tables("full").await?;
    let gate = world.ripe("Finished", &sample(), &full, RIPE).await?;
    let function = world.function(&binaries.validate, &full).await?;
    tick(&function, 1).await?;
    world.expect_approved(&gate)?;
    multiply(&world.dynamo.client(), &full.validations).await?;

    let none = idle_tick(&world, binaries, &empty).await?;
    let many = idle_tick(&world, binaries, &full).await?;
    add(figures, "idle tick, 0 finished", &none, None);
    add(figures, "idle tick, 10,000 finished", &many, Some(&none));
    flags(binaries, figures).await
}

/// The ticks of the functions that look after flags.
async fn flags(binaries: &Binaries, figures: &mut Figures) -> anyhow::Result<()> {
    let world = World::start().await?;
    let few = world.tables("few").await?;
    let many = world.tables("many").await?;
    for tables in [&few, &many] {
        let function = world.function(&binaries.change, tables).await?;
        for request in world.flags_changed(tables).await? {
            let changed = function.invoke(request).await?;
            let went_well = matches!(&changed.outcome,
                InvocationOutcome::Ok(answer) if answer["statusCode"] == 200);
            ensure!(went_well, "nothing was changed: {:?}", changed.outcome);
        }
    }
    let written = add_sets(&world.dynamo.client(), &many.flags).await?;
    for (name, binary) in [
        ("change-flags", &binaries.change),
        ("handle-problem", &binaries.heal),
    ] {
        let with_few = idle(&world, binary, &few).await?;
        let with_many = idle(&world, binary, &many).await?;
        let of = |how_many: &str| format!("idle tick of {name}, {how_many} flags and changes");
        add(figures, &of("100"), &with_few, None);
        add(
            figures,
            &of(&written.to_string()),
            &with_many,
            Some(&with_few),
        );
    }
    Ok(())
}

/// The calls of the second tick: the first one also fetches secrets.
async fn idle(world: &World, binary: &Path, tables: &Tables) -> anyhow::Result<Vec<Call>> {
    let remotes = world.remotes().await?;
    let function = world.function_through(binary, tables, &remotes).await?;
    for _ in 0..2 {
        remotes.take();
        let ticked = function.invoke(scheduled()).await?;
        let is_idle = matches!(&ticked.outcome, InvocationOutcome::Ok(answer)
            if answer["worked"] == 0 && answer["workLeft"] == false);
        ensure!(is_idle, "it was not idle: {:?}", ticked.outcome);
    }
    Ok(remotes.take())
}

/// Copies the set under many other names; how many flags and changes there are then.
async fn add_sets(client: &Client, table: &str) -> anyhow::Result<usize> {
    let found = client.scan().table_name(table).send().await?;
    let items = found.items.context("nothing was stored")?;
    let of_set: Vec<&Item> = items
        .iter()
        .filter(|item| ["pk", "sk"].iter().any(|key| mentions(&item[*key], SET)))
        .collect();
    ensure!(
        100 <= of_set.len(),
        "not each of fifty flags has an entry: {} items",
        of_set.len()
    );
    ensure!(
        of_set.iter().all(|item| !item.contains_key("dueShard")),
        "something of the flags is due"
    );
    let copies = (1..SETS).flat_map(|number| {
        let other = format!("{SET}-{number:04}");
        of_set.iter().map(move |item| renamed(item, SET, &other))
    });
    write(client, table, copies).await?;
    Ok(SETS * of_set.len())
}

async fn idle_tick(
    world: &World,
    binaries: &Binaries,
    tables: &Tables,
) -> anyhow::Result<Vec<Call>> {
    let remotes = world.remotes().await?;
    let function = world
        .function_through(&binaries.validate, tables, &remotes)
        .await?;
    tick(&function, 0).await?;
    Ok(remotes.take())
}

/// The reads with many rows are held to those with none or few.
fn add(figures: &mut Figures, tick: &str, counted: &[Call], none: Option<&[Call]>) {
    let calls = |counted: &[Call]| Quantity::Count(counted.len());
    let scanned = |counted: &[Call]| Quantity::Count(counted.iter().map(|call| call.scanned).sum());
    let units = |counted: &[Call]| Quantity::Units(counted.iter().map(|call| call.units).sum());
    let mut row = |what: &str, of: &dyn Fn(&[Call]) -> Quantity| {
        let name = format!("{tick}: {what}");
        let figure = Figure::new(name, of(counted));
        figures.add(&match none {
            Some(none) => figure.within(Budget::AtMost(of(none))),
            None => figure,
        });
    };
    row("calls", &calls);
    row("items read", &scanned);
    row("capacity", &units);
}

/// Copies the items of the one finished validation under many other ids.
async fn multiply(client: &Client, table: &str) -> anyhow::Result<()> {
    let found = client.scan().table_name(table).send().await?;
    let items = found.items.context("nothing was stored")?;
    let id = items
        .iter()
        .find_map(|item| item["pk"].as_s().ok()?.strip_prefix("id#"))
        .context("the validation cannot be told by its id")?;
    let own: Vec<&Item> = items
        .iter()
        .filter(|item| ["pk", "sk"].iter().any(|key| mentions(&item[*key], id)))
        .collect();
    let kept = id.get(..id.len() - 8).context("an id is a UUID")?;

    let copies = (0..FINISHED).flat_map(|number| {
        let other = format!("{kept}{number:08x}");
        own.iter().map(move |item| renamed(item, id, &other))
    });
    write(client, table, copies).await
}

async fn write(
    client: &Client,
    table: &str,
    copies: impl Iterator<Item = WriteRequest>,
) -> anyhow::Result<()> {
    let mut copies = copies.peekable();
    while copies.peek().is_some() {
        let batch = copies.by_ref().take(BATCH).collect();
        let request = client.batch_write_item().request_items(table, batch);
        let left = request.send().await?.unprocessed_items.unwrap_or_default();
        ensure!(left.is_empty(), "a batch was not written completely");
    }
    Ok(())
}

fn mentions(value: &AttributeValue, id: &str) -> bool {
    value.as_s().is_ok_and(|text| text.contains(id))
}

fn renamed(item: &Item, id: &str, other: &str) -> WriteRequest {
    let item = item.iter().map(|(name, value)| {
        let value = match value {
            AttributeValue::S(text) => AttributeValue::S(text.replace(id, other)),
            value => value.clone(),
        };
        (name.clone(), value)
    });
    let put = PutRequest::builder().set_item(Some(item.collect()));
    let put = put.build().expect("the item is given");
    WriteRequest::builder().put_request(put).build()
}
