//! The account of AWS, asked from a terminal.

use aws_config::SdkConfig;
use jiff::Timestamp;
use lambda::clients::{aws, install_tls};
use lambda::settings::{optional, required};
use store::StoreError;
use tokio::runtime::Runtime;

use crate::failure::Failure;

/// How many characters a reason or a name may have.
const LONGEST: usize = 200;

/// One account and region, and what waits for their answers.
pub(crate) struct Account {
    runtime: Runtime,
    pub(crate) sdk: SdkConfig,
    pub(crate) region: String,
}

impl Account {
    /// The account of the environment, without a request.
    pub(crate) fn open() -> Result<Self, Failure> {
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
        Ok(Self {
            runtime,
            sdk,
            region,
        })
    }

    pub(crate) fn wait<T>(&self, work: impl Future<Output = T>) -> T {
        self.runtime.block_on(work)
    }

    /// What the table of this name answers.
    pub(crate) fn ask<T>(
        &self,
        table: &str,
        work: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, Failure> {
        let answer = self.wait(work);
        answer.map_err(|error| self.unanswered(table, &error.into()))
    }

    /// What to check when the table of this name gives no answer.
    pub(crate) fn unanswered(&self, table: &str, error: &anyhow::Error) -> Failure {
        let region = &self.region;
        let crowded = matches!(error.downcast_ref(), Some(StoreError::Crowded));
        let error = format!("{error:#}");
        // What DynamoDB says is the same for all of its calls, its types are not.
        let says = |word: &str| error.contains(word);
        let check = if crowded {
            "no change begins until there are fewer; end some with `monspec resume \
             --target`"
                .to_owned()
        } else if says("ResourceNotFoundException") {
            format!("there is no table {table} in {region}; check --table and AWS_REGION")
        } else if says("AccessDenied") {
            format!("these credentials may not use the table {table}")
        } else if says("credentials") || says("Credentials") {
            return Failure::Unavailable(
                "there are no usable AWS credentials: set AWS_ACCESS_KEY_ID and the other \
                 variables; `aws configure export-credentials --format env` prints them"
                    .to_owned(),
            );
        } else {
            format!("check whether this machine reaches DynamoDB in {region}")
        };
        Failure::Unavailable(format!("{error}; {check}"))
    }
}

/// The table of the ledger, and what waits for its answers.
pub(crate) struct Ledger {
    pub(crate) account: Account,
    pub(crate) table: store::Ledger,
    pub(crate) name: String,
}

impl Ledger {
    /// The table of this name, else the one of the functions' setting; nothing
    /// is asked yet.
    pub(crate) fn open(name: Option<&str>) -> Result<Self, Failure> {
        let meaning = "the name of the table that holds the ledger, or give --table";
        let name = table(name, "LEDGER_TABLE", meaning)?;
        let account = Account::open()?;
        let client = aws_sdk_dynamodb::Client::new(&account.sdk);
        Ok(Self {
            table: store::Ledger::new(client, &name),
            account,
            name,
        })
    }

    pub(crate) fn ask<T>(
        &self,
        work: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, Failure> {
        self.account.ask(&self.name, work)
    }
}

/// The table that a flag names, else the one of the functions' setting.
pub(crate) fn table(
    flag: Option<&str>,
    setting: &'static str,
    meaning: &'static str,
) -> Result<String, Failure> {
    match flag {
        Some(name) => Ok(name.to_owned()),
        None => Ok(required(setting, meaning)?),
    }
}

/// The author: `--as`, else `USER`.
pub(crate) fn speaker(named: Option<&str>) -> Result<String, Failure> {
    let who = named.map(str::to_owned).or_else(|| optional("USER"));
    let who = who
        .ok_or_else(|| Failure::Usage("your name is unknown: give it with --as NAME".to_owned()))?;
    words(&who).map_err(Failure::Usage)
}

/// Something that a person wrote, short enough to be kept and shown.
pub(crate) fn words(text: &str) -> Result<String, String> {
    let text = text.trim();
    if text.is_empty() {
        return Err("it is empty".to_owned());
    }
    if text.chars().any(char::is_control) {
        return Err("it must be one line of plain text".to_owned());
    }
    if LONGEST < text.chars().count() {
        return Err(format!("it is longer than {LONGEST} characters"));
    }
    Ok(text.to_owned())
}

#[expect(
    clippy::disallowed_methods,
    reason = "this is the edge that reads the clock, once per command"
)]
pub(crate) fn now() -> Timestamp {
    Timestamp::now()
}
