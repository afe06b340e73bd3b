//! What is not settled yet, for people.

use futures_util::future::try_join_all;
use jiff::Timestamp;
use release::validation::Validation;

use crate::due::Due;
use crate::item::{self, unescaped};
use crate::{Store, StoreError, tables};

/// How much of the index is read at once.
const PAGE: i32 = 25;

/// A validation on which work is left.
#[derive(Clone, Debug)]
pub struct Pending {
    /// The validation.
    pub validation: Validation,
    /// When it is looked at next, or until when a worker has it.
    pub due: Timestamp,
}

/// Some of what is not settled yet.
#[derive(Clone, Debug, Default)]
pub struct Unsettled {
    /// In the order of registration.
    pub validations: Vec<Pending>,
    /// Whether there are more.
    pub more: bool,
    /// How many of these cannot be read.
    pub unreadable: usize,
}

impl Store {
    /// The validations, of one pipeline or of all, on which work is left; at
    /// most `most`. Only the index of what is due is read, and what it names:
    /// what is settled costs nothing.
    pub async fn unsettled(
        &self,
        pipeline: Option<&str>,
        most: usize,
    ) -> Result<Unsettled, StoreError> {
        let mut found = Unsettled::default();
        for shard in 0..tables::SHARDS {
            let mut after: Option<Due> = None;
            loop {
                let page = self
                    .due(shard, Timestamp::MAX, PAGE, after.as_ref())
                    .await?;
                let Some(last) = page.last() else { break };
                after = Some(last.clone());
                let asked_for = |due: &&Due| {
                    pipeline.is_none_or(|pipeline| due.pipeline().as_deref() == Some(pipeline))
                };
                let reads = page.iter().filter(asked_for).map(async |due| {
                    let item = self.get("read a validation", &due.key).await?;
                    Ok::<_, StoreError>(item.map(|item| (due.at, item)))
                });
                for (due, item) in try_join_all(reads).await?.into_iter().flatten() {
                    if found.validations.len() == most {
                        found.more = true;
                        break;
                    }
                    match item::validation(&item) {
                        Ok(validation) => found.validations.push(Pending { validation, due }),
                        // One damaged validation must not hide the others.
                        Err(_) => found.unreadable += 1,
                    }
                }
                if found.more {
                    break;
                }
            }
        }
        found
            .validations
            .sort_by_key(|pending| pending.validation.registration.id);
        Ok(found)
    }
}

impl Due {
    /// The pipeline whose build is judged.
    fn pipeline(&self) -> Option<String> {
        self.key.pk.strip_prefix("p#").map(unescaped)
    }
}
