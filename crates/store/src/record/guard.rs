//! The guard of a place.

use jiff::Timestamp;
use release::remediation;
use serde::{Deserialize, Serialize};

use super::record;
use crate::StoreError;
use crate::item::{self, Item};

/// The text of a guard. Writes are conditional on it.
pub(crate) fn text(guard: &remediation::Guard) -> String {
    item::json_text(&Guard::from(guard.clone()))
}

/// The guard that is stored.
pub(crate) fn read(item: &Item) -> Result<remediation::Guard, StoreError> {
    item::json::<Guard>(item, "guard").map(Into::into)
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Guard {
    active: Option<String>,
    cooldown_until: Option<Timestamp>,
    heals: Vec<Timestamp>,
}

record!(Guard = remediation::Guard {
    same: active, cooldown_until, heals;
});
