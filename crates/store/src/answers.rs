//! What the validations of one approval say.

use release::approval::Answer;
use release::validation::{Registration, ValidationId};

use crate::item::{self, Item};
use crate::{StoreError, Validations, record};

impl Validations {
    /// The answers of all validations registered for the same approval of the
    /// same execution, this one included; `None` stands for one that is not
    /// judged yet.
    pub async fn answers(
        &self,
        registration: &Registration,
    ) -> Result<Vec<Option<Answer>>, StoreError> {
        let said = self.said(registration).await?;
        Ok(said.into_iter().map(|(_, answer)| answer).collect())
    }

    /// The answers of all other validations registered for the same approval.
    pub async fn others(
        &self,
        registration: &Registration,
    ) -> Result<Vec<Option<Answer>>, StoreError> {
        let said = self.said(registration).await?;
        let others = said.into_iter().filter(|(id, _)| *id != registration.id);
        Ok(others.map(|(_, answer)| answer).collect())
    }

    /// Who says what of the approval that a registration names.
    async fn said(
        &self,
        registration: &Registration,
    ) -> Result<Vec<(ValidationId, Option<Answer>)>, StoreError> {
        let (Some(execution), Some(asked)) = (&registration.execution, &registration.approval)
        else {
            return Ok(Vec::new());
        };
        let slots = self
            .slot_items(
                "read the validations of an approval",
                &registration.pipeline,
                execution,
            )
            .await?;
        let mut said = Vec::new();
        for slot in &slots {
            if record::validation::approval_of(slot)?.as_ref() == Some(asked) {
                said.push((item::plain(slot, "id")?, answer(slot)?));
            }
        }
        Ok(said)
    }
}

fn answer(slot: &Item) -> Result<Option<Answer>, StoreError> {
    slot.contains_key("answer")
        .then(|| item::plain(slot, "answer"))
        .transpose()
}
