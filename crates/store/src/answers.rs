//! What the validations of one approval say.

use release::approval::Answer;
use release::validation::ApprovalAction;

use crate::claim::Claimed;
use crate::item::{self, Item};
use crate::{Store, StoreError};

impl Store {
    /// The answers of all validations registered for the same approval of the
    /// same execution, this one included; `None` stands for one that is not
    /// judged yet. A validation without an approval speaks for itself alone.
    pub async fn answers(&self, claimed: &Claimed) -> Result<Vec<Option<Answer>>, StoreError> {
        let registration = &claimed.validation.registration;
        let (Some(execution), Some(asked)) = (&registration.execution, &registration.approval)
        else {
            return Ok(vec![claimed.validation.answer()]);
        };
        let slots = self
            .slot_items(
                "read the validations of an approval",
                &registration.pipeline,
                execution,
            )
            .await?;
        let mut answers = Vec::new();
        for slot in &slots {
            if approval(slot)?.as_ref() == Some(asked) {
                answers.push(answer(slot)?);
            }
        }
        Ok(answers)
    }
}

fn approval(slot: &Item) -> Result<Option<ApprovalAction>, StoreError> {
    item::optional_json(slot, "approval")
}

fn answer(slot: &Item) -> Result<Option<Answer>, StoreError> {
    slot.contains_key("answer")
        .then(|| item::plain(slot, "answer"))
        .transpose()
}
