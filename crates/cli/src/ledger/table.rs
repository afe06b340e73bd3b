//! The table of the ledger, asked from a terminal.

use delivery::DeliveryError;
use delivery::codedeploy::CodeDeploy;
use jiff::Timestamp;
use lambda::clients::{aws, install_tls};
use lambda::settings::required;
use release::deployment::{Group, LedgerEntry};
use store::{Store, tables};
use tokio::runtime::Runtime;
use workflows::ruling::{Word, rule};

use crate::failure::Failure;

/// The ledger and what waits for its answers.
pub(super) struct Table {
    runtime: Runtime,
    store: Store,
    codedeploy: CodeDeploy,
    name: String,
    region: String,
}

impl Table {
    /// The table of this name, else the one of the functions' setting; nothing
    /// is asked yet.
    pub(super) fn open(name: Option<&str>) -> Result<Self, Failure> {
        let name = match name {
            Some(name) => name.to_owned(),
            None => required(
                "LEDGER_TABLE",
                "the name of the table that holds the ledger, or give --table",
            )?,
        };
        install_tls();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| Failure::Unavailable(format!("cannot ask from here: {error}")))?;
        let sdk = runtime.block_on(aws())?;
        let region = sdk.region().map(ToString::to_string);
        let region = region.filter(|region| !region.is_empty()).ok_or_else(|| {
            Failure::Usage("no AWS region is set: set AWS_REGION to that of the table".to_owned())
        })?;
        let client = aws_sdk_dynamodb::Client::new(&sdk);
        Ok(Self {
            store: Store::new(client, tables::VALIDATIONS.name, &name),
            codedeploy: CodeDeploy::new(aws_sdk_codedeploy::Client::new(&sdk)),
            runtime,
            name,
            region,
        })
    }

    pub(super) fn deployments(
        &self,
        group: &Group,
        until: Timestamp,
    ) -> Result<Vec<LedgerEntry>, Failure> {
        let found = self.runtime.block_on(self.store.deployments(group, until));
        found.map_err(|error| self.unanswered(&error.into()))
    }

    /// Nothing, if the group has no such deployment.
    pub(super) fn rule(&self, word: &Word<'_>) -> Result<Option<LedgerEntry>, Failure> {
        let rule = rule(&self.store, &self.codedeploy, word);
        let ruled = self.runtime.block_on(rule);
        ruled.map_err(|error| self.unanswered(&error))
    }

    fn unanswered(&self, error: &anyhow::Error) -> Failure {
        let Self { name, region, .. } = self;
        let asks_codedeploy = error.is::<DeliveryError>();
        let error = format!("{error:#}");
        if asks_codedeploy {
            return Failure::Unavailable(format!(
                "the ledger does not know the deployment, and CodeDeploy in {region} cannot be \
                 asked for it: {error}"
            ));
        }
        // What DynamoDB says is the same for all of its calls, its types are not.
        let says = |word: &str| error.contains(word);
        let check = if says("ResourceNotFoundException") {
            format!("there is no table {name} in {region}; check --table and AWS_REGION")
        } else if says("AccessDenied") {
            format!("these credentials may not use the table {name}")
        } else if says("credentials") || says("Credentials") {
            return Failure::Unavailable(
                "there are no AWS credentials that can be used: set AWS_ACCESS_KEY_ID and what \
                 belongs to it; `aws configure export-credentials --format env` tells them"
                    .to_owned(),
            );
        } else {
            format!("check whether this machine reaches DynamoDB in {region}")
        };
        Failure::Unavailable(format!("{error}; {check}"))
    }
}
