//! Every gate with its latest verdicts: what a start page shows.

use aws_sdk_dynamodb::types::{AttributeValue, Put};
use jiff::Timestamp;
use monspec::Verdict;
use release::validation::{Judgement, Registration, ValidationId};
use serde::{Deserialize, Serialize};

use crate::error::unavailable;
use crate::item::{self, CATALOGUE, Item, Key, expiring};
use crate::transaction::Write;
use crate::{StoreError, Validations};

/// How many verdicts of a gate are kept in the catalogue.
const TREND: usize = 12;

/// A pipeline and one of its comparisons, with the build that was registered
/// last among those judged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Catalogued {
    /// The pipeline.
    pub pipeline: String,
    /// The comparison.
    pub comparison: String,
    /// The validation of the build.
    pub last: ValidationId,
    /// What a person calls the build.
    pub version: String,
    /// Its verdict.
    pub verdict: Verdict,
    /// When it fell.
    pub judged_at: Timestamp,
    /// The latest verdicts in the order of registration, this one included.
    pub trend: Vec<Verdict>,
}

/// The name of a gate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GateName<'a> {
    /// The pipeline.
    pub pipeline: &'a str,
    /// The comparison.
    pub comparison: &'a str,
}

/// Some of the catalogue.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Catalogue {
    /// Its gates, by pipeline and comparison.
    pub gates: Vec<Catalogued>,
    /// Whether there are gates behind these.
    pub more: bool,
    /// How many gates of these cannot be read.
    pub unreadable: usize,
}

/// One verdict of a trend.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Past {
    id: ValidationId,
    verdict: Verdict,
}

impl Validations {
    /// The gates of the catalogue behind the one called `after`, which need not
    /// be there any more, or the first ones; at most `most`.
    pub async fn catalogue(
        &self,
        after: Option<GateName<'_>>,
        most: usize,
    ) -> Result<Catalogue, StoreError> {
        let behind = |gate: GateName<'_>| Key::catalogue(gate.pipeline, gate.comparison);
        let mut pages = self
            .table
            .query()
            .key_condition_expression("pk = :catalogue")
            .expression_attribute_values(":catalogue", AttributeValue::S(CATALOGUE.to_owned()))
            .set_exclusive_start_key(after.map(|gate| behind(gate).attributes()))
            // One more tells whether there are more.
            .limit(i32::try_from(most).unwrap_or(i32::MAX).saturating_add(1))
            .into_paginator()
            .items()
            .send();
        let mut read = Catalogue::default();
        while let Some(found) = pages.next().await {
            let found = found
                .map_err(|error| unavailable("read the catalogue", error.into_service_error()))?;
            if read.gates.len() == most {
                read.more = true;
                break;
            }
            match catalogued(&found) {
                Ok(gate) => read.gates.push(gate),
                // One damaged gate must not hide the others.
                Err(_) => read.unreadable += 1,
            }
        }
        Ok(read)
    }

    /// One gate of the catalogue.
    pub async fn gate(
        &self,
        pipeline: &str,
        comparison: &str,
    ) -> Result<Option<Catalogued>, StoreError> {
        let place = Key::catalogue(pipeline, comparison);
        let found = self.table.get("read the catalogue", &place).await?;
        found.as_ref().map(catalogued).transpose()
    }

    /// A gate as the catalogue has it.
    pub(crate) async fn gate_item(
        &self,
        registration: &Registration,
    ) -> Result<Option<Item>, StoreError> {
        let place = Key::catalogue(&registration.pipeline, &registration.comparison);
        self.table.get("read the catalogue", &place).await
    }

    /// The write that enters a verdict into the catalogue, where it was read as
    /// `seen`. Nothing, where so many later builds have been judged that this
    /// one is of no interest.
    pub(crate) fn catalogue_verdict(
        &self,
        seen: Option<&Item>,
        registration: &Registration,
        judgement: &Judgement,
    ) -> Result<Option<Write>, StoreError> {
        let place = Key::catalogue(&registration.pipeline, &registration.comparison);
        let newest: Option<ValidationId> = seen.map(|item| item::plain(item, "id")).transpose()?;
        let past = seen.map_or_else(Vec::new, past);
        let Some(trend) = with(past, registration.id, judgement.verdict) else {
            return Ok(None);
        };
        let item = match seen {
            Some(item) if newest.is_some_and(|newest| registration.id < newest) => item.clone(),
            _ => expiring(entry(&place, registration, judgement), registration),
        };
        Ok(Some(self.replaced(item, seen, &trend)))
    }

    /// Puts the entry where nobody has written since it was read.
    fn replaced(&self, mut item: Item, seen: Option<&Item>, trend: &[Past]) -> Write {
        item.insert("trend".to_owned(), item::json_attribute(&trend));
        let put = Put::builder()
            .table_name(&self.table.name)
            .set_item(Some(item));
        let Some(seen) = seen else {
            return Write::put(put.condition_expression("attribute_not_exists(id)"));
        };
        let put = put.set_expression_attribute_values(
            seen.get("id")
                .map(|id| [(":id".to_owned(), id.clone())].into()),
        );
        Write::put(match seen.get("trend") {
            Some(trend) => put
                .condition_expression("id = :id AND trend = :trend")
                .expression_attribute_values(":trend", trend.clone()),
            None => put.condition_expression("id = :id AND attribute_not_exists(trend)"),
        })
    }
}

fn entry(place: &Key, registration: &Registration, judgement: &Judgement) -> Item {
    let mut item = place.attributes();
    let comparison = registration.comparison.clone();
    let attributes = [
        ("pipeline", AttributeValue::S(registration.pipeline.clone())),
        ("comparison", AttributeValue::S(comparison)),
        ("id", item::word(registration.id)),
        ("verdict", item::word(judgement.verdict)),
        ("version", AttributeValue::S(registration.version.clone())),
        ("judgedAt", item::millis(judgement.at)),
    ];
    for (name, value) in attributes {
        item.insert(name.to_owned(), value);
    }
    item
}

fn catalogued(item: &Item) -> Result<Catalogued, StoreError> {
    let (last, verdict) = (item::plain(item, "id")?, item::plain(item, "verdict")?);
    let mut trend: Vec<Verdict> = past(item).iter().map(|past| past.verdict).collect();
    if trend.is_empty() {
        trend.push(verdict);
    }
    Ok(Catalogued {
        pipeline: item::string(item, "pipeline")?.to_owned(),
        comparison: item::string(item, "comparison")?.to_owned(),
        last,
        version: item::string(item, "version")?.to_owned(),
        verdict,
        judged_at: item::timestamp(item, "judgedAt")?,
        trend,
    })
}

/// The trend as it stands. One that cannot be read is forgotten: it is there to
/// be looked at, and must keep nobody from storing a verdict.
fn past(item: &Item) -> Vec<Past> {
    item::json(item, "trend").unwrap_or_default()
}

/// The trend with one more verdict, in the order of registration.
fn with(mut trend: Vec<Past>, id: ValidationId, verdict: Verdict) -> Option<Vec<Past>> {
    trend.retain(|past| past.id != id);
    let place = trend.partition_point(|past| past.id < id);
    if place == 0 && TREND <= trend.len() {
        return None;
    }
    trend.insert(place, Past { id, verdict });
    trend.drain(..trend.len().saturating_sub(TREND));
    Some(trend)
}
