//! Comments on problems that hold flags.

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::outbox::Entry;
use super::record;
use crate::StoreError;
use crate::flag_set;
use crate::item::{self, Item};

/// A comment, as an attribute.
pub(crate) fn attribute(remark: &flag_set::Remark) -> AttributeValue {
    item::json_attribute(&Remark::from(remark.clone()))
}

/// The comment that is stored, if this is one.
pub(crate) fn read(item: &Item) -> Result<Option<flag_set::Remark>, StoreError> {
    let remark: Option<Remark> = item::optional_json(item, "remark")?;
    Ok(remark.map(Into::into))
}

#[derive(Serialize, Deserialize)]
struct Remark {
    set: String,
    problem: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ends: Option<Timestamp>,
    entry: Entry,
}

record!(Remark = flag_set::Remark {
    same: set, problem, ends;
    inner: entry;
});
