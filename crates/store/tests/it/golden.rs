//! What stands in the tables, as files: a table outlives the version that wrote
//! it.
//!
//! `tests/golden/NAME.json` holds every item that a few steps leave behind. A
//! test takes the steps anew and compares, and reads the file back as if another
//! process had written it.
//!
//! A file that changes is a change of what stands in tables. The file as it was
//! stays beside it, as `NAME.before-CHANGE.json`, and is read for as long as it
//! lies there.

mod flags;
mod ledger;
mod problems;
mod runs;
mod sets;
mod validations;

use std::collections::BTreeMap;
use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use flate2::Compression;
use flate2::read::{GzDecoder, GzEncoder};
use serde_json::{Value, json};

use crate::world::{Item, World};

/// What tables hold, by their names.
type Tables = BTreeMap<String, Vec<Value>>;

/// Takes the steps, compares what they leave behind in some tables with the file
/// of this name, and reads it: from the fresh tables, and from those of the file
/// and of its earlier versions.
async fn check<const N: usize>(
    name: &str,
    kept: [&str; N],
    steps: impl AsyncFnOnce(&World),
    read: impl AsyncFn(&World),
) {
    let fresh = World::start().await;
    steps(&fresh).await;
    let written = text(&tables(&fresh, kept).await);
    let file = folder().join(format!("{name}.json"));
    if fs::read_to_string(&file).ok().as_ref() != Some(&written) {
        let beside = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("golden.{name}.json"));
        fs::write(&beside, &written).unwrap();
        panic!(
            "{name} is stored in another form; look at it with\n  diff {file} {beside}\n\
             and where that is meant, keep the old file as `{name}.before-CHANGE.json` and\n  \
             cp {beside} {file}",
            file = file.display(),
            beside = beside.display()
        );
    }
    read(&fresh).await;
    for version in versions(name) {
        let world = World::start().await;
        fill(&world, &version).await;
        read(&world).await;
    }
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden")
}

/// The file of this name and those that earlier versions wrote.
fn versions(name: &str) -> Vec<PathBuf> {
    let files = fs::read_dir(folder()).unwrap();
    let is_one = |path: &PathBuf| {
        let file = path.file_name().unwrap().to_str().unwrap();
        file.split('.').next() == Some(name)
    };
    let mut found: Vec<_> = files.map(|file| file.unwrap().path()).collect();
    found.retain(is_one);
    found.sort();
    found
}

async fn tables<const N: usize>(world: &World, kept: [&str; N]) -> Tables {
    let mut tables = Tables::new();
    for name in kept {
        let items = world.items(name).await;
        tables.insert(name.to_owned(), items.iter().map(item_to_json).collect());
    }
    tables
}

async fn fill(world: &World, file: &Path) {
    let tables: Tables = serde_json::from_str(&fs::read_to_string(file).unwrap()).unwrap();
    for (table, items) in tables {
        for item in items {
            world.put(&table, item_from_json(&item)).await;
        }
    }
}

fn text(tables: &Tables) -> String {
    serde_json::to_string_pretty(tables).unwrap() + "\n"
}

fn item_to_json(item: &Item) -> Value {
    let attributes: BTreeMap<&String, Value> = item
        .iter()
        .map(|(name, value)| (name, to_json(value)))
        .collect();
    json!(attributes)
}

fn item_from_json(item: &Value) -> Item {
    let attributes = item.as_object().unwrap().iter();
    attributes
        .map(|(name, value)| (name.clone(), from_json(value)))
        .collect()
}

/// The JSON of DynamoDB, but for what is compressed: its bytes are those of the
/// compressor, its text is ours.
fn to_json(value: &AttributeValue) -> Value {
    match value {
        AttributeValue::S(text) => json!({"S": text}),
        AttributeValue::N(number) => json!({"N": number}),
        AttributeValue::Bool(value) => json!({"BOOL": value}),
        AttributeValue::L(values) => json!({"L": values.iter().map(to_json).collect::<Vec<_>>()}),
        AttributeValue::M(values) => json!({"M": item_to_json(values)}),
        AttributeValue::Ss(texts) => {
            let mut texts = texts.clone();
            texts.sort();
            json!({"SS": texts})
        }
        AttributeValue::B(bytes) => {
            let mut text = String::new();
            let mut unpacked = GzDecoder::new(bytes.as_ref());
            unpacked.read_to_string(&mut text).unwrap();
            json!({"gzip": text})
        }
        other => panic!("nothing is stored as {other:?}"),
    }
}

fn from_json(value: &Value) -> AttributeValue {
    let (kind, value) = value.as_object().unwrap().iter().next().unwrap();
    let text = || value.as_str().unwrap().to_owned();
    match kind.as_str() {
        "S" => AttributeValue::S(text()),
        "N" => AttributeValue::N(text()),
        "BOOL" => AttributeValue::Bool(value.as_bool().unwrap()),
        "L" => AttributeValue::L(value.as_array().unwrap().iter().map(from_json).collect()),
        "M" => AttributeValue::M(item_from_json(value)),
        "SS" => AttributeValue::Ss(serde_json::from_value(value.clone()).unwrap()),
        "gzip" => {
            let mut packed = Vec::new();
            let text = text();
            let mut encoder = GzEncoder::new(text.as_bytes(), Compression::default());
            encoder.read_to_end(&mut packed).unwrap();
            AttributeValue::B(Blob::new(packed))
        }
        other => panic!("{other} is no type of an attribute"),
    }
}
