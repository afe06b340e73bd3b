//! What is known of the revisions of a group.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::types::{AttributeValue, Update};
use jiff::Timestamp;
use release::deployment::{Deployment, Group, LedgerEntry, Standing};
use release::validation::ValidationId;
use serde::{Deserialize, Serialize};

use crate::entry::{NOBODY, outward};
use crate::error::unavailable;
use crate::item::{self, Key};
use crate::transaction::{Attempt, Attempts, Write};
use crate::{Store, StoreError};

/// How many deployments of a group are read back from a moment. A window is
/// minutes long; more deployments than this do not fit into one.
const HISTORY: i32 = 50;

impl Store {
    /// The deployments of a group up to and including `until`, the newest
    /// first, at most fifty.
    pub async fn deployments(
        &self,
        group: &Group,
        until: Timestamp,
    ) -> Result<Vec<LedgerEntry>, StoreError> {
        let found = self
            .client
            .query()
            .table_name(&self.ledger)
            .key_condition_expression("pk = :group AND sk BETWEEN :first AND :last")
            .expression_attribute_values(":group", AttributeValue::S(item::history(group)))
            .expression_attribute_values(":first", AttributeValue::S("d#".to_owned()))
            .expression_attribute_values(
                ":last",
                AttributeValue::S(format!("{}#~", item::moment(until))),
            )
            .scan_index_forward(false)
            .consistent_read(true)
            .limit(HISTORY)
            .send()
            .await
            .map_err(|error| unavailable("read the ledger", error.into_service_error()))?;
        found.items().iter().map(outward).collect()
    }

    /// Enters a deployment that nobody registers a validation for, such as a
    /// heal. Entering it again changes nothing.
    pub async fn record_deployment(&self, deployment: &Deployment) -> Result<(), StoreError> {
        let mut attempts = Attempts::at("record a deployment");
        loop {
            let writes = vec![self.remember(deployment)];
            if attempts.write(self, writes).await? == Attempt::Written {
                return Ok(());
            }
        }
    }

    pub(crate) fn remember(&self, deployment: &Deployment) -> Write {
        Write::reread(
            Update::builder()
                .table_name(&self.ledger)
                .set_key(Some(place(deployment).attributes()))
                .update_expression(
                    "SET deployment = if_not_exists(deployment, :deployment), \
                     standing = if_not_exists(standing, :unknown), \
                     taughtBy = if_not_exists(taughtBy, :nobody)",
                )
                .expression_attribute_values(":deployment", item::json_attribute(deployment))
                .expression_attribute_values(":unknown", item::word(Standing::Unknown))
                .expression_attribute_values(":nobody", AttributeValue::S(NOBODY.to_owned())),
        )
    }

    /// The writes that make `lesson` what validation `id` says of its
    /// deployments: the word of its verdict, or of the person who overrode it.
    pub(crate) async fn lessons(
        &self,
        deployments: &[Deployment],
        id: ValidationId,
        lesson: &Lesson,
    ) -> Result<Vec<Write>, StoreError> {
        let mut writes = Vec::new();
        for deployment in deployments {
            let known = self.known(deployment).await?;
            writes.push(self.teach(deployment, &known, &known.after(id, lesson)));
        }
        Ok(writes)
    }

    fn teach(&self, deployment: &Deployment, known: &Known, taught: &Known) -> Write {
        Write::reread(
            Update::builder()
                .table_name(&self.ledger)
                .set_key(Some(place(deployment).attributes()))
                .update_expression(
                    "SET deployment = if_not_exists(deployment, :deployment), \
                     standing = :taught, taughtBy = :by, lessons = :lessons",
                )
                .condition_expression(
                    "(attribute_not_exists(standing) OR (standing = :known AND taughtBy = :knownBy)) \
                     AND (attribute_not_exists(lessons) OR lessons = :knownLessons)",
                )
                .expression_attribute_values(":deployment", item::json_attribute(deployment))
                .expression_attribute_values(":taught", item::word(taught.said.standing))
                .expression_attribute_values(":by", AttributeValue::S(taught.said.by.clone()))
                .expression_attribute_values(":lessons", item::json_attribute(&taught.lessons))
                .expression_attribute_values(":known", item::word(known.said.standing))
                .expression_attribute_values(":knownBy", AttributeValue::S(known.said.by.clone()))
                .expression_attribute_values(":knownLessons", item::json_attribute(&known.lessons)),
        )
    }

    async fn known(&self, deployment: &Deployment) -> Result<Known, StoreError> {
        let found = self
            .client
            .get_item()
            .table_name(&self.ledger)
            .set_key(Some(place(deployment).attributes()))
            .consistent_read(true)
            .send()
            .await
            .map_err(|error| unavailable("read the ledger", error.into_service_error()))?;
        let Some(found) = found.item else {
            return Ok(Known {
                said: Lesson {
                    standing: Standing::Unknown,
                    by: NOBODY.to_owned(),
                },
                lessons: BTreeMap::new(),
            });
        };
        Ok(Known {
            said: Lesson {
                standing: item::plain(&found, "standing")?,
                by: item::string(&found, "taughtBy")?.to_owned(),
            },
            lessons: item::optional_json(&found, "lessons")?.unwrap_or_default(),
        })
    }
}

/// What is known of a deployment, and what each validation said of it.
struct Known {
    said: Lesson,
    lessons: BTreeMap<ValidationId, Lesson>,
}

impl Known {
    /// What is known once validation `id` says `lesson`.
    ///
    /// The validations of a deployment make one word together, the worst, in
    /// whatever order they come. What anybody else said of it, such as a
    /// problem, weighs as [`Standing::taught`] says.
    fn after(&self, id: ValidationId, lesson: &Lesson) -> Self {
        let by_validations =
            self.said.by == NOBODY || self.lessons.values().any(|said| *said == self.said);
        let mut lessons = self.lessons.clone();
        lessons.insert(id, lesson.clone());
        let standing = lessons
            .values()
            .map(|said| said.standing)
            .reduce(Standing::worse)
            .unwrap_or_default();
        let standing = if by_validations {
            standing
        } else {
            self.said.standing.taught(standing)
        };
        let stays = self.said.standing == standing
            && (!by_validations || lessons.values().any(|said| *said == self.said));
        let says_so = lessons.values().find(|said| said.standing == standing);
        Self {
            said: match says_so {
                Some(said) if !stays => said.clone(),
                _ => self.said.clone(),
            },
            lessons,
        }
    }
}

/// How a validation signs what it teaches.
pub(crate) fn by_validation(id: ValidationId) -> String {
    format!("validation {id}")
}

/// What a verdict or a person says of a deployment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Lesson {
    pub(crate) standing: Standing,
    pub(crate) by: String,
}

fn place(deployment: &Deployment) -> Key {
    Key::deployment(&deployment.group, deployment.at, &deployment.id)
}
