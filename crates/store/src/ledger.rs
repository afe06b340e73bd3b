//! What is known of the revisions of a group.

use aws_sdk_dynamodb::types::{AttributeValue, Update};
use jiff::Timestamp;
use release::deployment::{Deployment, Group, LedgerEntry, Standing};
use release::validation::ValidationId;

use crate::error::unavailable;
use crate::item::{self, Key};
use crate::transaction::{Attempt, Attempts, Write};
use crate::{Store, StoreError};

/// How many deployments of a group are read back from a moment. A window is
/// minutes long; more deployments than this do not fit into one.
const HISTORY: i32 = 50;

/// Who taught what is known of a deployment that was only recorded.
const NOBODY: &str = "nobody yet";

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
        found.items().iter().map(entry).collect()
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

    /// The writes that teach `lesson` to the judged deployments. What is known
    /// to be suspect or bad stays as it is, and so does who said so.
    pub(crate) async fn lessons(
        &self,
        deployments: &[Deployment],
        lesson: &Lesson,
    ) -> Result<Vec<Write>, StoreError> {
        let mut writes = Vec::new();
        for deployment in deployments {
            let known = self.known(deployment).await?;
            let accepted = known.standing.taught(lesson.standing) == lesson.standing;
            if accepted && known.standing != Standing::Bad {
                writes.push(self.teach(deployment, &known, lesson));
            }
        }
        Ok(writes)
    }

    /// The writes that replace what validation `id` taught by a person's word.
    /// What others said of a deployment is left as it is.
    pub(crate) async fn lessons_of_a_person(
        &self,
        deployments: &[Deployment],
        id: ValidationId,
        lesson: &Lesson,
    ) -> Result<Vec<Write>, StoreError> {
        let mut writes = Vec::new();
        for deployment in deployments {
            let known = self.known(deployment).await?;
            if known.by == NOBODY || known.by.starts_with(&by_validation(id)) {
                writes.push(self.teach(deployment, &known, lesson));
            }
        }
        Ok(writes)
    }

    fn teach(&self, deployment: &Deployment, known: &Lesson, lesson: &Lesson) -> Write {
        Write::reread(
            Update::builder()
                .table_name(&self.ledger)
                .set_key(Some(place(deployment).attributes()))
                .update_expression(
                    "SET deployment = if_not_exists(deployment, :deployment), \
                     standing = :taught, taughtBy = :by",
                )
                .condition_expression(
                    "attribute_not_exists(standing) OR (standing = :known AND taughtBy = :knownBy)",
                )
                .expression_attribute_values(":deployment", item::json_attribute(deployment))
                .expression_attribute_values(":taught", item::word(lesson.standing))
                .expression_attribute_values(":by", AttributeValue::S(lesson.by.clone()))
                .expression_attribute_values(":known", item::word(known.standing))
                .expression_attribute_values(":knownBy", AttributeValue::S(known.by.clone())),
        )
    }

    async fn known(&self, deployment: &Deployment) -> Result<Lesson, StoreError> {
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
            return Ok(Lesson {
                standing: Standing::Unknown,
                by: NOBODY.to_owned(),
            });
        };
        Ok(Lesson {
            standing: item::plain(&found, "standing")?,
            by: item::string(&found, "taughtBy")?.to_owned(),
        })
    }
}

/// How a validation signs what it teaches.
pub(crate) fn by_validation(id: ValidationId) -> String {
    format!("validation {id}")
}

/// What a verdict or a person says of a deployment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Lesson {
    pub(crate) standing: Standing,
    pub(crate) by: String,
}

fn place(deployment: &Deployment) -> Key {
    Key::deployment(&deployment.group, deployment.at, &deployment.id)
}

fn entry(found: &item::Item) -> Result<LedgerEntry, StoreError> {
    Ok(LedgerEntry {
        deployment: item::json(found, "deployment")?,
        standing: item::plain(found, "standing")?,
        taught_by: item::string(found, "taughtBy")?.to_owned(),
    })
}
