//! An idle tick, with nothing and with ten thousand finished validations behind
//! it.

use std::collections::HashMap;

use anyhow::{Context as _, ensure};
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{AttributeValue, PutRequest, WriteRequest};

use crate::Binaries;
use crate::figures::{Budget, Figure, Figures, Quantity};
use crate::relay::Call;
use crate::world::{RIPE, Tables, World, sample, tick};

const FINISHED: usize = 10_000;

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
    add(figures, "0", &none, None);
    add(figures, "10,000", &many, Some(&none));
    Ok(())
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

/// The reads with many rows are held to those with none.
fn add(figures: &mut Figures, finished: &str, counted: &[Call], none: Option<&[Call]>) {
    let calls = |counted: &[Call]| Quantity::Count(counted.len());
    let scanned = |counted: &[Call]| Quantity::Count(counted.iter().map(|call| call.scanned).sum());
    let mut row = |what: &str, of: &dyn Fn(&[Call]) -> Quantity| {
        let name = format!("idle tick, {finished} finished: {what}");
        let figure = Figure::new(name, of(counted));
        figures.add(&match none {
            Some(none) => figure.within(Budget::AtMost(of(none))),
            None => figure,
        });
    };
    row("calls", &calls);
    row("items read", &scanned);
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
