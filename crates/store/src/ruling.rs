//! A person's word on a deployment. It outweighs everything else.

use release::deployment::{Deployment, Group, LedgerEntry, Standing};

use crate::entry::Known;
use crate::item::{self, Key};
use crate::ledger::{Lesson, Lessons};
use crate::transaction::Attempt;
use crate::{Store, StoreError};

/// What a person says of a deployment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ruling {
    /// Nothing is held against it any more.
    Clear,
    /// It must not be deployed again.
    Condemn,
    /// It runs and is as it should be. What is suspect or bad is cleared first.
    Confirm,
}

impl Store {
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
        let (standing, done) = match ruling {
            Ruling::Clear => (Standing::Unknown, "cleared"),
            Ruling::Condemn => (Standing::Bad, "condemned"),
            Ruling::Confirm => (Standing::Good, "confirmed"),
        };
        let mut attempts = self
            .attempts("store what a person says of a deployment")
            .await;
        loop {
            let locator = Key::deployment_locator(group, deployment);
            let Some(locator) = self.ledger_item(&locator).await? else {
                return Ok(None);
            };
            let Some(found) = self.ledger_item(&Key::target(&locator)?).await? else {
                return Ok(None);
            };
            let known: Deployment = item::json(&found, "deployment")?;
            let mut entry = self.entry(&known).await?;
            // Who confirms says nothing of what is held against it.
            if ruling == Ruling::Confirm && entry.known.said.standing != Standing::Unknown {
                return Ok(Some(entry.outward()));
            }
            entry.known = Known {
                said: Lesson {
                    standing,
                    by: format!("{done} by {who}: {reason}"),
                },
                // What they said is what the person has heard and answered.
                lessons: Lessons::default(),
                bound_to: entry.known.bound_to,
            };
            if attempts
                .write(self, self.entry_writes(std::slice::from_ref(&entry)))
                .await?
                == Attempt::Written
            {
                return Ok(Some(entry.outward()));
            }
        }
    }
}
