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

pub(crate) fn pack(text: &str) -> AttributeValue {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder
        .write_all(text.as_bytes())
        .and_then(|()| encoder.finish())
        .map(|bytes| AttributeValue::B(Blob::new(bytes)))
        .expect("writing to memory does not fail")
}

pub(crate) fn pack_json(value: &impl Serialize) -> AttributeValue {
    pack(&serde_json::to_string(value).expect("our own types have only string keys"))
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
