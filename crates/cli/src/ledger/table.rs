//! The table of the ledger, asked from a terminal.

use delivery::DeliveryError;
use delivery::codedeploy::CodeDeploy;
use jiff::Timestamp;
use release::deployment::{Group, LedgerEntry};
use store::{Store, tables};
use workflows::ruling::{Adopted, Word, adopt, rule};

use crate::aws::{self, Account};
use crate::failure::Failure;

/// The ledger and what waits for its answers.
pub(super) struct Table {
    account: Account,
    store: Store,
    codedeploy: CodeDeploy,
    name: String,
}

impl Table {
    /// The table of this name, else the one of the functions' setting; nothing
    /// is asked yet.
    pub(super) fn open(name: Option<&str>) -> Result<Self, Failure> {
        let meaning = "the name of the table that holds the ledger, or give --table";
        let name = aws::table(name, "LEDGER_TABLE", meaning)?;
        let account = Account::open()?;
        let client = aws_sdk_dynamodb::Client::new(&account.sdk);
        Ok(Self {
            store: Store::new(client, tables::VALIDATIONS.name, &name),
            codedeploy: CodeDeploy::new(aws_sdk_codedeploy::Client::new(&account.sdk)),
            account,
            name,
        })
    }

    pub(super) fn deployments(
        &self,
        group: &Group,
        until: Timestamp,
    ) -> Result<Vec<LedgerEntry>, Failure> {
        let found = self.account.wait(self.store.deployments(group, until));
        found.map_err(|error| self.unanswered(&error.into()))
    }

    /// Nothing, if the group has no such deployment.
    pub(super) fn rule(&self, word: &Word<'_>) -> Result<Option<LedgerEntry>, Failure> {
        let ruled = self.account.wait(rule(&self.store, &self.codedeploy, word));
        ruled.map_err(|error| self.unanswered(&error))
    }

    /// Takes CodeDeploy's history over.
    pub(super) fn adopt(
        &self,
        group: &Group,
        since: Timestamp,
        now: Timestamp,
    ) -> Result<Adopted, Failure> {
        let adopt = adopt(&self.store, &self.codedeploy, group, (since, now));
        self.account.wait(adopt).map_err(|error| {
            let region = &self.account.region;
            if let Some(DeliveryError::TooMany { .. }) = error.downcast_ref() {
                return Failure::Unavailable(format!(
                    "more was deployed to {group} than can be read from CodeDeploy in {region}; \
                     take over fewer --days"
                ));
            }
            if error.is::<DeliveryError>() {
                return Failure::Unavailable(format!(
                    "CodeDeploy in {region} cannot be asked for {group}: {error:#}"
                ));
            }
            self.unanswered(&error)
        })
    }

    fn unanswered(&self, error: &anyhow::Error) -> Failure {
        if error.is::<DeliveryError>() {
            let region = &self.account.region;
            return Failure::Unavailable(format!(
                "the ledger does not know the deployment, and CodeDeploy in {region} cannot be \
                 asked for it: {error:#}"
            ));
        }
        self.account.unanswered(&self.name, "--table", error)
    }
}
