//! The tables of the gate, asked from a terminal.

use jiff::{SignedDuration, Timestamp};
use release::console::Console;
use release::validation::wish::Wish;
use release::validation::{PersonsDecision, Validation, ValidationId};
use store::{Evaluated, Fulfilled, Ledger, StoreError, Unsettled, Validations};

use crate::aws::{self, Account};
use crate::failure::Failure;

/// How many validations are listed at once.
const MOST: usize = 200;

/// For how long CodePipeline keeps an approval open that names no other time.
const OPEN: SignedDuration = SignedDuration::from_hours(7 * 24);

/// The validations and what waits for their answers.
pub(super) struct Records {
    account: Account,
    validations: Validations,
    name: String,
}

/// One validation with everything around it.
pub(super) struct Known {
    pub(super) found: Evaluated,
    /// The other validations of the same approval.
    pub(super) others: Vec<Validation>,
    pub(super) console: Console,
}

impl Records {
    /// The table of this name, else the one of the functions' setting; nothing
    /// is asked yet.
    pub(super) fn open(name: Option<&str>) -> Result<Self, Failure> {
        let meaning = "the name of the table that holds the validations, or give --table";
        let name = aws::table(name, "VALIDATIONS_TABLE", meaning)?;
        let account = Account::open()?;
        let client = aws_sdk_dynamodb::Client::new(&account.sdk);
        Ok(Self {
            validations: Validations::new(client, &name),
            account,
            name,
        })
    }

    pub(super) fn unsettled(
        &self,
        pipeline: Option<&str>,
        now: Timestamp,
    ) -> Result<Unsettled, Failure> {
        let since = now.saturating_sub(OPEN);
        let since = since.unwrap_or(Timestamp::MIN);
        self.ask(self.validations.unsettled(pipeline, MOST, since))
    }

    pub(super) fn known(&self, id: ValidationId) -> Result<Option<Known>, Failure> {
        self.ask(async {
            let Some(found) = self.validations.evaluated(id).await? else {
                return Ok(None);
            };
            Ok(Some(Known {
                others: self.others(&found.validation).await?,
                found,
                console: Console::of(Some(&self.account.region)),
            }))
        })
    }

    async fn others(&self, validation: &Validation) -> Result<Vec<Validation>, StoreError> {
        let registration = &validation.registration;
        let (Some(execution), Some(asked)) = (&registration.execution, &registration.approval)
        else {
            return Ok(Vec::new());
        };
        let mut others = Vec::new();
        for slot in self
            .validations
            .slots(&registration.pipeline, execution)
            .await?
        {
            if slot.id == registration.id {
                continue;
            }
            let found = self.validations.validation(slot.id).await?;
            others.extend(found.filter(|one| one.registration.approval.as_ref() == Some(asked)));
        }
        Ok(others)
    }

    /// Stores what a person wants. The ledger, in the table of this name or else
    /// of the functions' setting, learns it.
    pub(super) fn wish(
        &self,
        ledger: Option<&str>,
        id: ValidationId,
        wish: Wish,
        decision: &PersonsDecision,
    ) -> Result<Fulfilled, Failure> {
        let meaning = "the name of the table that holds the ledger, or give --ledger-table";
        let ledger = aws::table(ledger, "LEDGER_TABLE", meaning)?;
        let client = aws_sdk_dynamodb::Client::new(&self.account.sdk);
        let ledger = Ledger::new(client, ledger);
        self.ask(self.validations.wish(&ledger, id, wish, decision))
    }

    fn ask<T>(&self, work: impl Future<Output = Result<T, StoreError>>) -> Result<T, Failure> {
        self.account.ask(&self.name, work)
    }
}
