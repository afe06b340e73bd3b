//! The table of the ledger, asked from a terminal.

use delivery::DeliveryError;
use delivery::codedeploy::CodeDeploy;
use jiff::Timestamp;
use release::deployment::{Group, LedgerEntry};
use workflows::ruling::{Adopted, RulingRequest, adopt, rule};

use crate::aws::Ledger;
use crate::failure::Failure;

/// The ledger, and the deployments that it does not know.
pub(super) struct Table {
    ledger: Ledger,
    codedeploy: CodeDeploy,
}

impl Table {
    /// Nothing is asked yet.
    pub(super) fn open(name: Option<&str>) -> Result<Self, Failure> {
        let ledger = Ledger::open(name)?;
        let codedeploy = aws_sdk_codedeploy::Client::new(&ledger.account.sdk);
        Ok(Self {
            codedeploy: CodeDeploy::new(codedeploy),
            ledger,
        })
    }

    pub(super) fn deployments(
        &self,
        group: &Group,
        until: Timestamp,
    ) -> Result<Vec<LedgerEntry>, Failure> {
        self.ledger.ask(self.ledger.table.deployments(group, until))
    }

    /// Nothing, if the group has no such deployment.
    pub(super) fn rule(&self, request: &RulingRequest<'_>) -> Result<Option<LedgerEntry>, Failure> {
        let Ledger { account, table, .. } = &self.ledger;
        let ruled = account.wait(rule(table, &self.codedeploy, request));
        ruled.map_err(|error| self.unanswered(&error))
    }

    /// Takes CodeDeploy's history over.
    pub(super) fn adopt(
        &self,
        group: &Group,
        since: Timestamp,
        now: Timestamp,
    ) -> Result<Adopted, Failure> {
        let Ledger { account, table, .. } = &self.ledger;
        let adopt = adopt(table, &self.codedeploy, group, (since, now));
        account.wait(adopt).map_err(|error| {
            let region = &account.region;
            if let Some(DeliveryError::TooMany { .. }) = error.downcast_ref() {
                return Failure::Unavailable(format!(
                    "CodeDeploy in {region} has more deployments to {group} than can be read; \
                     adopt fewer --days"
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
            let region = &self.ledger.account.region;
            return Failure::Unavailable(format!(
                "the ledger does not know the deployment, and CodeDeploy in {region} cannot be \
                 asked for it: {error:#}"
            ));
        }
        self.ledger.account.unanswered(&self.ledger.name, error)
    }
}
