//! Compressed attributes, so that evidence and specs stay far below the limit
//! of an item.

use std::io::{Read, Write};

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::StoreError;
use crate::error::{corrupt, missing};
use crate::item::Item;

/// More than any evidence or spec needs; a damaged item must not fill memory.
const LARGEST: u64 = 8 * 1024 * 1024;

/// What may be written of it: a reader answers it as one page.
const MOST_TEXT: usize = 2 * 1024 * 1024;

/// What one attribute may take of an item, in bytes.
const MOST_PACKED: usize = 300_000;

pub(crate) fn pack(text: &str) -> AttributeValue {
    AttributeValue::B(Blob::new(compressed(text)))
}

pub(crate) fn pack_json(value: &impl Serialize) -> AttributeValue {
    pack(&in_json(value))
}

/// Whether a value leaves room for the rest of its item.
pub(crate) fn fits(value: &impl Serialize) -> bool {
    let text = in_json(value);
    text.len() <= MOST_PACKED || (text.len() <= MOST_TEXT && compressed(&text).len() <= MOST_PACKED)
}

fn compressed(text: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder
        .write_all(text.as_bytes())
        .and_then(|()| encoder.finish())
        .expect("writing to memory does not fail")
}

fn in_json(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("our own types have only string keys")
}

pub(crate) fn text(item: &Item, attribute: &'static str) -> Result<String, StoreError> {
    let Some(AttributeValue::B(bytes)) = item.get(attribute) else {
        return Err(missing(attribute));
    };
    let mut text = String::new();
    let mut decoder = GzDecoder::new(bytes.as_ref()).take(LARGEST);
    decoder
        .read_to_string(&mut text)
        .map_err(|error| corrupt(attribute, error))?;
    // Half a text must not be taken for the whole one.
    if decoder.limit() == 0 {
        return Err(missing(attribute));
    }
    Ok(text)
}

pub(crate) fn json<T: DeserializeOwned>(
    item: &Item,
    attribute: &'static str,
) -> Result<T, StoreError> {
    serde_json::from_str(&text(item, attribute)?).map_err(|error| corrupt(attribute, error))
}
