//! The stack as it is deployed: `infra/deploy` into an emulator of AWS that
//! enforces the rights of every role, with the executables as they are shipped.
//!
//! `infra/test` installs the emulator and runs this. `CodePipeline`,
//! `CodeDeploy`, their artifacts and Dynatrace are the lab's stand-ins.

#![expect(clippy::unwrap_used, reason = "a story ends where it fails")]

mod account;

use std::time::Duration;

use dynatrace::{Api, Dynatrace, Event, EventKind};
use jiff::{SignedDuration, Timestamp};
use lab::aws::Aws;
use lab::codedeploy::{Deployment, GroupOptions, Revision};
use lab::pipeline::{ApprovalStatus, ApprovalView, JobStatus, PipelineSpec, SourceRevision, Stage};
use lab::tenant::{Requests, Tenant};
use lab::world::until;
use secrecy::SecretString;
use serde_json::{Value, json};

use account::Account;

const PIPELINE: &str = "shop";
const APPLICATION: &str = "SampleDevOpsApp";
const STAGING: &str = "SERVICE-00000000000000A1";
const PRODUCTION: &str = "SERVICE-00000000000000B1";

/// That of this machine, which runs them.
const ARCHITECTURE: &str = if cfg!(target_arch = "aarch64") {
    "Architecture=arm64"
} else {
    "Architecture=x86_64"
};

/// The schedule comes once a minute, at the earliest a minute after it was made.
const PATIENCE: Duration = Duration::from_mins(2);

#[tokio::test(flavor = "multi_thread")]
async fn stack_is_live_after_one_command() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let remotes = Remotes::start().await;
    let account = Account::start(remotes.aws.url()).await;
    let tenant = remotes.tenant.url();

    let first = [
        "--no-build",
        "--tenant",
        &tenant,
        "--pipeline",
        PIPELINE,
        "--set",
        ARCHITECTURE,
        "--set",
        "DtIngestDelaySeconds=1",
    ];
    let token = remotes.tenant.token();

    account.infra("deploy", token, &first);
    account.tell_no_secrets_apart();

    let summary = build_is_approved_by_the_schedule(&remotes, &account).await;
    report_is_opened_by_its_link(&account, &summary).await;
    let webhook = account.secret("/unbreakable/webhook-token");
    strangers_are_turned_away(&account).await;
    problem_is_healed(&remotes, &account, &webhook).await;

    // What is given once need not be given again, and nothing is made anew.
    let tables = account.tables();
    account.infra("deploy", "not asked for", &["--no-build"]);
    assert_eq!(account.tables(), tables);
    assert_eq!(account.secret("/unbreakable/webhook-token"), webhook);

    let said = account.infra("remove", "not asked for", &["--yes"]);
    for table in &tables {
        assert!(said.contains(&format!("{table} is kept")), "{said}");
    }
    assert_eq!(account.tables(), tables, "data outlives the stack");
    assert_eq!(account.functions(), 0, "{said}");
    account.infra("remove", "not asked for", &["--yes"]);

    account.infra("deploy", "not asked for", &first);
    account.tell_no_secrets_apart();
    assert_eq!(account.functions(), 6);
    assert_eq!(account.secret("/unbreakable/webhook-token"), webhook);
    strangers_are_turned_away(&account).await;
}

/// A job of the pipeline goes to the deployed function; the approval is answered
/// by nobody but the deployed schedule.
async fn build_is_approved_by_the_schedule(remotes: &Remotes, account: &Account) -> String {
    let pipelines = remotes.aws.pipelines();
    let source = SourceRevision::new("4f2a9c1", "Change the cart");
    let source = source.artifact("Monspec", monspec().to_string());
    let execution = pipelines.start(PIPELINE, source).unwrap();
    let deployed = async || {
        let group = remotes.aws.codedeploy().active(APPLICATION, "Staging");
        group.unwrap().is_none()
    };
    until("staging to be deployed", PATIENCE, deployed)
        .await
        .unwrap();
    let job = pipelines.next_job().unwrap();

    account.invoke(&job.function, &job.event);

    assert_eq!(pipelines.job(&job.id).unwrap().status, JobStatus::Succeeded);
    let approval = || -> ApprovalView {
        pipelines
            .approval(PIPELINE, "Approve", "ApproveStaging", &execution)
            .unwrap()
    };
    let answered = async || approval().status != ApprovalStatus::Waiting;
    let waited = until("the approval to be answered", PATIENCE, answered).await;
    assert!(
        waited.is_ok(),
        "{}",
        account.explains("unbreakable-validate-builds")
    );
    let approval = approval();
    assert_eq!(approval.status, ApprovalStatus::Approved, "{approval:?}");
    approval.summary.unwrap()
}

async fn report_is_opened_by_its_link(account: &Account, summary: &str) {
    let (_, link) = summary.split_once(&account.output("ReportUrl")).unwrap();
    let link = link.split_whitespace().next().unwrap();
    let (path, _) = link.split_once('?').unwrap();

    let opened = account.get(link).await;
    assert_eq!(opened.0, 200, "{}", opened.1);
    assert!(opened.1.contains("4f2a9c1"), "{}", opened.1);
    let stranger = account.get(path).await;
    assert_eq!(stranger.0, 403, "{}", stranger.1);
}

async fn strangers_are_turned_away(account: &Account) {
    for secret in [None, Some("a-forged-secret-of-length")] {
        let notification = json!({"State": "OPEN", "PID": "1", "ImpactedEntities": []});
        let answer = account
            .post("/HandleDynatraceProblem", secret, &notification)
            .await;
        assert_eq!(answer.0, 401, "{}", answer.1);
        let answer = account
            .post("/announce", secret, &json!({"kind": "info"}))
            .await;
        assert_eq!(answer.0, 401, "{}", answer.1);
    }
}

/// A bad deployment, the problem that follows, and the good one that is
/// deployed again.
async fn problem_is_healed(remotes: &Remotes, account: &Account, secret: &str) {
    remotes.deploy("good").await;
    let bad = remotes.deploy("bad").await;
    remotes.announce(&bad).await;
    let problem = remotes.tenant.problem("Failure rate increase");
    let problem = problem.impacts(PRODUCTION).open();
    let notification = json!({
        "PID": problem.id(), "State": "OPEN", "ProblemID": problem.display_id(),
        "ProblemTitle": "Failure rate increase",
        "ImpactedEntities": [
            {"type": "SERVICE", "name": "SampleJSonService", "entity": PRODUCTION},
        ],
    });

    let answer = account
        .post("/HandleDynatraceProblem", Some(secret), &notification)
        .await;

    assert_eq!(answer.0, 200, "{}\n{}", answer.1, account.logs());
    let healed = async || !remotes.heals().is_empty();
    let waited = until("the heal", PATIENCE, healed).await;
    assert!(
        waited.is_ok(),
        "{}\n{}",
        answer.1,
        account.explains("unbreakable-handle-problem")
    );
    let told = async || !remotes.tenant.comments(problem.id()).is_empty();
    until("a comment", PATIENCE, told).await.unwrap();
    assert_eq!(remotes.heals().len(), 1);
}

/// What is not deployed but spoken to.
struct Remotes {
    aws: Aws,
    tenant: Tenant,
}

impl Remotes {
    /// A pipeline, its groups, and two services that behave alike.
    async fn start() -> Self {
        let aws = Aws::start().await.unwrap();
        let tenant = Tenant::start().await.unwrap();
        #[expect(
            clippy::disallowed_methods,
            reason = "the deployed schedule reads the real clock"
        )]
        let now = Timestamp::now().as_millisecond();
        for (id, environment) in [(STAGING, "Staging"), (PRODUCTION, "Production")] {
            let service = tenant.service(id, "SampleJSonService");
            service.tag("DeploymentGroup", environment).add();
            let minutes = 10;
            let (from, to) = (now - 60_000, now + minutes * 60_000);
            tenant.requests(id, None, Requests::over(from, to, 2_400, 100_000.0));
            aws.codedeploy().application(APPLICATION);
            let quick = GroupOptions {
                duration: SignedDuration::from_millis(300),
                ..GroupOptions::default()
            };
            aws.codedeploy()
                .group(APPLICATION, environment, quick)
                .unwrap();
        }
        let register = json!({
            "comparison": "StagingToProduction", "window": "1s", "approvalAction": "ApproveStaging",
        });
        let staging = Stage::new("Staging")
            .deploy("Deploy", APPLICATION, "Staging", 1)
            .lambda(
                "Register",
                "unbreakable-register-validation",
                &register.to_string(),
                2,
                Some("Monspec"),
            );
        // Nobody lets it into production, which is deployed to by hand here.
        let pipeline = PipelineSpec::new(PIPELINE)
            .stage(staging)
            .stage(Stage::new("Approve").approval("ApproveStaging"))
            .stage(Stage::new("Wait").approval("ApproveByHand"))
            .stage(Stage::new("Production").deploy("Deploy", APPLICATION, "Production", 1));
        aws.pipelines().create(pipeline);
        Self { aws, tenant }
    }

    /// Deploys a bundle of this name to production and waits for its end.
    async fn deploy(&self, name: &str) -> String {
        self.aws.s3().put("bundles", name, name.to_owned());
        let codedeploy = self.aws.codedeploy();
        let revision = Revision::s3("bundles", name);
        let made = codedeploy.deploy_by_person(APPLICATION, "Production", revision);
        let free = async || {
            codedeploy
                .active(APPLICATION, "Production")
                .unwrap()
                .is_none()
        };
        until("production to be deployed", PATIENCE, free)
            .await
            .unwrap();
        made.unwrap()
    }

    /// Tells the tenant of a deployment to production.
    async fn announce(&self, deployment: &str) {
        let tenant = dynatrace::Tenant {
            url: self.tenant.url(),
            token: SecretString::from(self.tenant.token()),
            api: Api::V2,
            calls_in_flight: 1,
            calls_per_minute: None,
        };
        let tenant = Dynatrace::new(reqwest::Client::new(), tenant).unwrap();
        let properties = [
            ("CodeDeploy.Application", APPLICATION),
            ("CodeDeploy.DeploymentGroup", "Production"),
            ("CodeDeploy.DeploymentId", deployment),
        ];
        let event = Event {
            kind: EventKind::Deployment,
            title: "Deploy".to_owned(),
            name: Some("Deploy".to_owned()),
            version: Some("1".to_owned()),
            source: "AWS CodePipeline".to_owned(),
            entities: vec![PRODUCTION.to_owned()],
            properties: properties
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .into_iter()
                .collect(),
            ..Event::default()
        };
        let deadline = tokio::time::Instant::now() + PATIENCE;
        let _ = tenant.announce(&event, deadline).await.unwrap();
    }

    fn heals(&self) -> Vec<Deployment> {
        let history = self.aws.codedeploy().history(APPLICATION, "Production");
        let marked = |deployment: &Deployment| {
            let description = deployment.description.as_deref();
            description.is_some_and(|text| text.contains("[unbreakable:"))
        };
        history.unwrap().into_iter().filter(marked).collect()
    }
}

fn monspec() -> Value {
    json!({
        "SampleJSonService": {
            "etype": "SERVICE",
            "environments": {
                "Staging": {"tags": [{"key": "DeploymentGroup", "value": "Staging"}]},
                "Production": {"tags": [{"key": "DeploymentGroup", "value": "Production"}]},
            },
            "comparisons": [{
                "name": "StagingToProduction", "source": "Staging", "compare": "Production",
                "scalefactorperc": {"default": 15},
            }],
            "perfsignature": [
                {"timeseries": "com.dynatrace.builtin:service.responsetime", "aggregate": "avg"},
            ],
        },
    })
}
