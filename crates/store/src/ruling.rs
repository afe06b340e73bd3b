//! A person's word on a deployment. It outweighs everything else.

use release::deployment::{Group, LedgerEntry};
use release::ledger::Ruling;

use crate::item::Key;
use crate::transaction::Attempt;
use crate::{Ledger, StoreError, record};

impl Ledger {
    /// Replaces what is known of a deployment by what a person says. The
    /// problem that answers for it stays: clearing a deployment does not make
    /// it one that can be healed again.
    pub async fn rule(
        &self,
        group: &Group,
        deployment: &str,
        ruling: Ruling,
        who: &str,
        reason: &str,
    ) -> Result<Option<LedgerEntry>, StoreError> {
        let mut attempts = self
            .attempts("store what a person says of a deployment")
            .await;
        loop {
            let locator = Key::deployment_locator(group, deployment);
            let Some(locator) = self.item(&locator).await? else {
                return Ok(None);
            };
            let Some(found) = self.item(&Key::target(&locator)?).await? else {
                return Ok(None);
            };
            let known = record::change::deployed(&found)?;
            let mut entry = self.entry_of(&known).await?;
            match entry.known.ruled(ruling, who, reason) {
                Some(ruled) => entry.known = ruled,
                None => return Ok(Some(entry.outward())),
            }
            if attempts
                .write(self.entry_writes(std::slice::from_ref(&entry)))
                .await?
                == Attempt::Written
            {
                return Ok(Some(entry.outward()));
            }
        }
    }
}
