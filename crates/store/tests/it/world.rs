//! One empty database per test, and the things that are put into it.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};

use aws_sdk_dynamodb::config::interceptors::AfterDeserializationInterceptorContextRef;
use aws_sdk_dynamodb::config::{
    BehaviorVersion, ConfigBag, Credentials, Intercept, Region, RuntimeComponents,
};
use aws_sdk_dynamodb::error::BoxError;
use aws_sdk_dynamodb::operation::query::QueryOutput;
use aws_sdk_dynamodb::types::AttributeValue;
use aws_sdk_dynamodb::{Client, Config};
use jiff::{SignedDuration, Timestamp};
use monspec::{Address, BoundSide, Finding, Outcome, Verdict};
use release::approval::Answer;
use release::deployment::{Deployment, Group, LedgerEntry, Origin};
use release::evidence::{Asked, Evidence, Evidenced};
use release::execution::ExecutionMode;
use release::outbox::Entry;
use release::validation::life::{Next, Seen, next};
use release::validation::{
    Answering, ApprovalAction, Ending, Hook, Intent, Judgement, PersonsAnswer, Registrant,
    Registration, Validation, ValidationId,
};
use release::window::Window;
use store::tables::{self, Table};
use store::{Claimed, Due, Ledger, Registered, Remediations, Spec, StoreError, Validations};
use tokio::net::TcpListener;
use tokio::sync::oneshot;

pub(crate) type Item = HashMap<String, AttributeValue>;

pub(crate) const VALIDATIONS: &str = "validations";
pub(crate) const LEDGER: &str = "ledger";
pub(crate) const REMEDIATIONS: &str = "remediations";
pub(crate) const FLAGS: &str = "flags";

pub(crate) const TABLES: [(Table, &str); 4] = [
    (tables::VALIDATIONS, VALIDATIONS),
    (tables::LEDGER, LEDGER),
    (tables::REMEDIATIONS, REMEDIATIONS),
    (tables::FLAGS, FLAGS),
];

/// How long a claim of these tests lasts.
const LEASE: i64 = 60;

pub(crate) struct World {
    pub(crate) validations: Validations,
    pub(crate) ledger: Ledger,
    pub(crate) remediations: Remediations,
    /// Sees the tables as they are, past the store.
    pub(crate) raw: Client,
    rows_read: RowsRead,
    /// Dropping the sender is what stops the database.
    _stop: oneshot::Sender<()>,
}

impl World {
    pub(crate) async fn start() -> Self {
        let database = dynoxide::Database::memory().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (stop, stopped) = oneshot::channel::<()>();
        tokio::spawn(dynoxide::server::serve_with_shutdown(
            listener,
            database,
            async {
                // An error means that the sender is gone, which is the signal.
                let _ = stopped.await;
            },
        ));
        let rows_read = RowsRead::default();
        let raw = Client::from_conf(config(&url).build());
        let watched = Client::from_conf(config(&url).interceptor(rows_read.clone()).build());
        for (table, name) in TABLES {
            tables::create(&raw, table, name).await.unwrap();
        }
        Self {
            validations: Validations::new(watched.clone(), VALIDATIONS),
            ledger: Ledger::new(watched.clone(), LEDGER),
            remediations: Remediations::new(watched, REMEDIATIONS),
            raw,
            rows_read,
            _stop: stop,
        }
    }

    /// Registers without a job.
    pub(crate) async fn register(&self, registration: &Registration) {
        let registered = self
            .validations
            .register(&self.ledger, registration, &spec(), None)
            .await
            .unwrap();
        assert_eq!(registered, Registered::Waiting(registration.id));
    }

    /// Registers and claims as soon as it is due.
    pub(crate) async fn claimed(&self, registration: &Registration) -> Claimed<Validation> {
        self.register(registration).await;
        self.claim(registration.due_at, registration.due_at, "worker")
            .await
    }

    /// Registers, claims and judges.
    pub(crate) async fn judged(
        &self,
        registration: &Registration,
        verdict: Verdict,
    ) -> Claimed<Validation> {
        let mut claimed = self.claimed(registration).await;
        self.judge(&mut claimed, verdict).await;
        claimed
    }

    pub(crate) async fn judge(&self, claimed: &mut Claimed<Validation>, verdict: Verdict) {
        self.validations
            .judged(
                &self.ledger,
                claimed,
                judgement(verdict),
                &evidence(verdict),
                &[],
            )
            .await
            .unwrap();
    }

    /// Stores what is about to be answered.
    pub(crate) async fn intend(
        &self,
        worker: &mut Claimed<Validation>,
        intent: Intent,
    ) -> Result<(), StoreError> {
        let held = worker.held();
        self.validations
            .intend(&held, &mut answering(worker), intent)
            .await
    }

    /// Stores how the approval ended.
    pub(crate) async fn ended(
        &self,
        worker: &mut Claimed<Validation>,
        ending: Ending,
    ) -> Result<(), StoreError> {
        let held = worker.held();
        self.validations
            .ended(&self.ledger, &held, &mut answering(worker), ending)
            .await
    }

    /// Claims what became due at `due` as `worker` for [`lease`].
    pub(crate) async fn claim(
        &self,
        due: Timestamp,
        now: Timestamp,
        worker: &str,
    ) -> Claimed<Validation> {
        let found = self.due(now).await;
        let mut found = found.iter().filter(|found| found.at == due);
        let place = found.next().expect("something became due then");
        assert_eq!(found.next(), None, "only one thing became due then");
        self.validations
            .queue()
            .claim(place, worker, now, lease(now))
            .await
            .unwrap()
    }

    /// Everything that is due in any shard.
    pub(crate) async fn due(&self, now: Timestamp) -> Vec<Due<Validation>> {
        let mut found = Vec::new();
        for shard in 0..tables::SHARDS {
            found.extend(
                self.validations
                    .queue()
                    .due(shard, now, 1_000, None)
                    .await
                    .unwrap(),
            );
        }
        found
    }

    pub(crate) async fn validation(&self, registration: &Registration) -> Validation {
        let found = self.validations.validation(registration.id).await.unwrap();
        found.expect("it is registered")
    }

    /// What the ledger knows of the group that every deployment here is in.
    pub(crate) async fn known(&self) -> Vec<LedgerEntry> {
        self.ledger
            .deployments(&group(), at(100_000))
            .await
            .unwrap()
    }

    /// Every item of a table, in the order of its keys.
    pub(crate) async fn items(&self, table: &str) -> Vec<Item> {
        let mut items = Vec::new();
        let mut pages = self
            .raw
            .scan()
            .table_name(table)
            .into_paginator()
            .items()
            .send();
        while let Some(item) = pages.next().await {
            items.push(item.unwrap());
        }
        items.sort_by_key(place);
        items
    }

    /// The only item whose keys begin like this.
    pub(crate) async fn item(&self, pk: &str, sk: &str) -> Item {
        let items = self.items(VALIDATIONS).await;
        let mut found = items.into_iter().filter(|item| {
            let (partition, sort) = place(item);
            partition.starts_with(pk) && sort.starts_with(sk)
        });
        let item = found.next().expect("there is such an item");
        assert_eq!(found.next(), None, "there is only one such item");
        item
    }

    /// Replaces one attribute behind the store's back.
    pub(crate) async fn spoil(&self, item: &Item, attribute: &str, value: AttributeValue) {
        let mut item = item.clone();
        item.insert(attribute.to_owned(), value);
        self.put(VALIDATIONS, item).await;
    }

    /// Puts an item behind the store's back.
    pub(crate) async fn put(&self, table: &str, item: Item) {
        let put = self.raw.put_item().table_name(table);
        put.set_item(Some(item)).send().await.unwrap();
    }

    /// How many rows the store's queries have touched so far.
    pub(crate) fn rows_read(&self) -> i32 {
        self.rows_read.0.load(Ordering::Relaxed)
    }
}

/// What whoever takes the approval of a judged validation further holds.
fn answering(validation: &mut Validation) -> Answering<'_> {
    match next(validation, &Seen::default()) {
        Next::Answer(answering) => answering,
        other => panic!("it has a verdict: {other:?}"),
    }
}

/// Our answer, and the person who overrode it.
pub(crate) fn overridden(answer: Answer, person: PersonsAnswer) -> Ending {
    Ending::Answered {
        answer,
        action_execution: "run-1".to_owned(),
        overridden: Some(person),
    }
}

/// Seconds after the moment at which every test begins.
pub(crate) fn at(seconds: i64) -> Timestamp {
    let start: Timestamp = "2026-01-05T10:00:00Z".parse().unwrap();
    start + SignedDuration::from_secs(seconds)
}

/// When a claim made at `now` ends.
pub(crate) fn lease(now: Timestamp) -> Timestamp {
    now + SignedDuration::from_secs(LEASE)
}

/// A registration made in second `second` and due a thousand seconds later. Each
/// second has a registrant of its own, and all judge the same deployment.
pub(crate) fn registration(second: u16) -> Registration {
    let registered_at = at(second.into());
    let [high, low] = second.to_be_bytes();
    Registration {
        id: ValidationId::new(registered_at, [high, low, 0, 0, 0, 0, 0, 0, 0, 1]),
        pipeline: "Shop".to_owned(),
        execution: Some("execution-1".to_owned()),
        mode: ExecutionMode::Superseded,
        registrant: Registrant::Action {
            stage: "Staging".to_owned(),
            action: format!("Register{second}"),
        },
        comparison: "StagingToProduction".to_owned(),
        window: Window {
            start: registered_at,
            end: registered_at + SignedDuration::from_secs(300),
        },
        approval: Some(approval("ApproveStaging")),
        spec: spec().hash().to_owned(),
        sources: Vec::new(),
        version: format!("build {second}"),
        deployments: vec![deployment("d-1", 0)],
        untaught: None,
        source_groups: Vec::new(),
        otherwise: Vec::new(),
        compare_groups: Vec::new(),
        compared: std::collections::BTreeMap::new(),
        environments: Vec::new(),
        result_hook: None,
        registered_at,
        due_at: at(1_000 + i64::from(second)),
        give_up_at: at(5_000),
        expires_at: at(90_000),
    }
}

/// What the same registrant asks for later.
pub(crate) fn again(earlier: &Registration, second: u16) -> Registration {
    Registration {
        registrant: earlier.registrant.clone(),
        execution: earlier.execution.clone(),
        ..registration(second)
    }
}

pub(crate) fn approval(action: &str) -> ApprovalAction {
    ApprovalAction {
        stage: "Approve".to_owned(),
        action: action.to_owned(),
    }
}

pub(crate) fn group() -> Group {
    Group {
        application: "ShopApp".to_owned(),
        name: "Staging".to_owned(),
    }
}

pub(crate) fn deployment(id: &str, second: i64) -> Deployment {
    Deployment {
        id: id.to_owned(),
        group: group(),
        at: at(second),
        execution: Some("execution-1".to_owned()),
        identity: format!("sources:App={id}"),
        location: None,
        digest: None,
        version: id.to_owned(),
        origin: Origin::Release,
    }
}

pub(crate) fn spec() -> Spec {
    Spec::new(r#"{"SampleJSonService":{"etype":"SERVICE"}}"#.to_owned())
}

pub(crate) fn answer(verdict: Verdict) -> Answer {
    release::approval::answer(verdict, monspec::WhenInconclusive::Hold)
}

pub(crate) fn judgement(verdict: Verdict) -> Judgement {
    Judgement {
        verdict,
        answer: answer(verdict),
        summary: format!("{verdict}: response time"),
        at: at(2_000),
    }
}

pub(crate) fn evidence(verdict: Verdict) -> Evidence {
    Evidence {
        verdict,
        answer: answer(verdict),
        reason: None,
        note: None,
        findings: vec![finding(0, "builtin:service.response.time")],
        entities: [(
            "SampleJSonService".to_owned(),
            [("Staging".to_owned(), vec!["SERVICE-1".to_owned()])].into(),
        )]
        .into(),
        judged_at: at(2_000),
        context: release::evidence::Context::default(),
    }
}

pub(crate) fn finding(signature: usize, query: &str) -> Evidenced {
    let asked = |environment: &str| Asked {
        environment: environment.to_owned(),
        window: Window {
            start: at(0),
            end: at(300),
        },
        selector: "builtin:service.response.time:percentile(90)".to_owned(),
        query: query.to_owned(),
        warnings: Vec::new(),
    };
    Evidenced {
        finding: Finding {
            address: Address {
                service: "SampleJSonService".to_owned(),
                method: None,
                signature,
            },
            metric: "com.dynatrace.builtin:service.responsetime".to_owned(),
            aggregate: "percentile(90)".to_owned(),
            side: BoundSide::Upper,
            outcome: Outcome::Held,
            accepted: false,
            observation: Some(204.5),
            baseline: Some(200.0),
            coverage: monspec::Coverage::default(),
            tolerance: None,
            upper_limit: Some(220.0),
            lower_limit: None,
            margin: Some(15.5),
            reason: "204.5 is within 220".to_owned(),
        },
        source: asked("Staging"),
        compare: Some(asked("Production")),
    }
}

pub(crate) fn person(status: &str) -> PersonsAnswer {
    PersonsAnswer {
        status: status.to_owned(),
        who: Some("ada".to_owned()),
        why: None,
        at: Some(at(2_500)),
    }
}

/// Partition and sort key.
/// The result of a build of which this became.
pub(crate) fn result(asked: &Registration, hook: Hook) -> Entry {
    let owed = Entry::new(asked.id.to_string(), asked.registered_at);
    match hook {
        Hook::None | Hook::Owed => owed,
        Hook::Delivered => Entry {
            posted: Some(at(2_000)),
            ..owed
        },
        Hook::GivenUp => Entry {
            attempts: 3,
            given_up: Some("the receiver answered 500".to_owned()),
            ..owed
        },
    }
}

pub(crate) fn place(item: &Item) -> (String, String) {
    (text(item, "pk").to_owned(), text(item, "sk").to_owned())
}

pub(crate) fn text<'a>(item: &'a Item, attribute: &str) -> &'a str {
    item[attribute].as_s().expect("the attribute is text")
}

fn config(url: &str) -> aws_sdk_dynamodb::config::Builder {
    Config::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .region(Region::from_static("us-east-1"))
        .credentials_provider(Credentials::new("AKIATEST", "secret", None, None, "test"))
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .endpoint_url(url)
}

/// Counts the rows that queries touch, whether or not they return them.
#[derive(Clone, Debug, Default)]
struct RowsRead(Arc<AtomicI32>);

impl Intercept for RowsRead {
    fn name(&self) -> &'static str {
        "RowsRead"
    }

    fn read_after_deserialization(
        &self,
        context: &AfterDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if let Ok(output) = context.output_or_error()
            && let Some(query) = output.downcast_ref::<QueryOutput>()
        {
            self.0.fetch_add(query.scanned_count, Ordering::Relaxed);
        }
        Ok(())
    }
}
