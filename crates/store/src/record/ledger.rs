//! What is known of a deployment.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::types::AttributeValue;
use release::deployment::Standing;
use release::ledger::{self, Known};
use release::validation::ValidationId;
use serde::{Deserialize, Serialize};

use super::record;
use crate::StoreError;
use crate::item::{self, Item};

/// What is known, as attributes; nothing stands for one that is not there.
/// Writes are conditional on each.
pub(crate) fn attributes(known: &Known) -> [(&'static str, Option<AttributeValue>); 5] {
    let ledger::Lessons { each, forgotten } = known.lessons.clone();
    let each: BTreeMap<ValidationId, Lesson> = each
        .into_iter()
        .map(|(id, lesson)| (id, lesson.into()))
        .collect();
    let forgotten = forgotten.map(Forgotten::from);
    [
        ("standing", Some(item::word(known.said.standing))),
        ("taughtBy", Some(AttributeValue::S(known.said.by.clone()))),
        (
            "lessons",
            (!each.is_empty()).then(|| item::json_attribute(&each)),
        ),
        ("forgotten", forgotten.as_ref().map(item::json_attribute)),
        ("boundTo", known.bound_to.clone().map(AttributeValue::S)),
    ]
}

/// What is known of the deployment in this item.
pub(crate) fn read(item: &Item) -> Result<Known, StoreError> {
    let each: Option<BTreeMap<ValidationId, Lesson>> = item::optional_json(item, "lessons")?;
    let each = each.unwrap_or_default().into_iter();
    let forgotten: Option<Forgotten> = item::optional_json(item, "forgotten")?;
    Ok(Known {
        said: ledger::Lesson {
            standing: item::plain(item, "standing")?,
            by: item::string(item, "taughtBy")?.to_owned(),
        },
        lessons: ledger::Lessons {
            each: each.map(|(id, lesson)| (id, lesson.into())).collect(),
            forgotten: forgotten.map(Into::into),
        },
        bound_to: item
            .contains_key("boundTo")
            .then(|| item::string(item, "boundTo").map(str::to_owned))
            .transpose()?,
    })
}

#[derive(Serialize, Deserialize)]
struct Lesson {
    standing: Standing,
    by: String,
}

#[derive(Serialize, Deserialize)]
struct Forgotten {
    count: u32,
    worst: Lesson,
}

record!(Lesson = ledger::Lesson {
    same: standing, by;
});

record!(Forgotten = ledger::Forgotten {
    same: count;
    inner: worst;
});
