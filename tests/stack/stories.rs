//! For each function the story in which it needs everything that it may do.
//!
//! Functions are invoked, never waited for, and each story begins with empty
//! tables. It ends with an error where something went differently, so that a
//! right that is missing shows here.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Context as _, anyhow, bail, ensure};
use aws_sdk_dynamodb::types::AttributeValue;
use fake_aws::Right;
use fake_aws::codedeploy::{Creator, DeploymentEnd};
use fake_aws::pipeline::{Answer, ApprovalStatus, JobStatus, JobView, RetryMode};
use flags::key::{Key, KeyHolder, issue};
use flags::state::{Author, AuthorKind, State};
use flags::step::{self, Event, Outcome, Situation, Term};
use jiff::{SignedDuration, Timestamp};
use lab::world::{scheduled, until};
use release::deployment::{Deployment, Group, Origin};
use release::link::Scope;
use release::links::Access;
use release::pause::{Pause, Target};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};
use store::{Commit, Decision, Flags, Ledger};

use crate::shop::{
    APPLICATION, Action, COMPARISON, PIPELINE, PRODUCTION, PROMOTED, REGISTER, STAGING, Shop,
    notification, now,
};

/// The parameters that the stories are deployed with: nothing happens by itself,
/// windows end soon, and a problem may be about staging too.
pub(crate) const PARAMETERS: [&str; 7] = [
    "Schedule=rate(1 day)",
    "DtIngestDelaySeconds=0",
    "HealTag=Live:yes",
    // Production alone is healed, though both are looked at.
    "HealGroupArns=arn:aws:codedeploy:us-east-1:111122223333:deploymentgroup:SampleDevOpsApp/Production",
    "DeploymentConfigArns=arn:aws:codedeploy:us-east-1:111122223333:deploymentconfig:CodeDeployDefault.*",
    "BundleArns=arn:aws:s3:::bundles/*",
    "BundleBucketArns=arn:aws:s3:::bundles",
];

/// How long a deployment takes: none begins in the moment of another.
const QUICK: SignedDuration = SignedDuration::from_millis(20);

/// How long is waited for what is about to happen.
const SOON: Duration = Duration::from_secs(3);

/// A shop in which stories are told.
pub(crate) struct Stories {
    pub(crate) shop: Shop,
    database: aws_sdk_dynamodb::Client,
    tables: Vec<String>,
    webhook: String,
    report: SecretString,
    builds: Cell<u32>,
    /// The function that a story is about, and which rights it used in it.
    about: RefCell<(String, BTreeSet<Right>)>,
}

impl Stories {
    /// A shop whose stack was deployed.
    pub(crate) fn of(shop: Shop) -> Self {
        Self {
            database: shop.account.database(&shop.aws.sdk_config()),
            tables: shop.account.tables(),
            webhook: shop.account.secret("/unbreakable/webhook-token"),
            report: shop.account.secret("/unbreakable/report-keys").into(),
            builds: Cell::new(0),
            about: RefCell::default(),
            shop,
        }
    }

    /// Tells the story of a function.
    pub(crate) async fn tell(&self, function: &str) -> anyhow::Result<()> {
        self.about.replace((function.to_owned(), BTreeSet::new()));
        self.begin_anew().await?;
        match function {
            "register-validation" => self.build_is_registered().await,
            "validate-builds" => self.slow_build_is_rejected().await,
            "publish-validation" => self.verdict_is_published().await,
            "validation-report" => self.report_is_read().await,
            "push-deployment-event" => self.changes_are_announced().await,
            "handle-problem" => self.problem_is_healed().await,
            "change-flags" => self.flags_are_worked_on().await,
            "serve-flags" => self.flags_are_served().await,
            other => bail!("nothing is told of `{other}`"),
        }
    }

    /// The rights at `CodePipeline` and `CodeDeploy` that the function used in
    /// the story that was told last.
    pub(crate) fn rights_used(&self) -> BTreeSet<Right> {
        self.about.borrow().1.clone()
    }

    async fn build_is_registered(&self) -> anyhow::Result<()> {
        let (name, function, _) = REGISTER;
        self.shop
            .runs(&[REGISTER, ("Mistake", function, "NoSuchComparison,5")]);
        self.release().await?;
        self.job_succeeds(name).await?;
        self.job_is_refused().await?;
        let stored = self.due("Validations").await?;
        ensure!(stored.len() == 1, "{} validations are due", stored.len());
        Ok(())
    }

    /// The ledger was restored to a moment before the build was deployed. While
    /// it is measured, production is deployed, and an instance joins staging, which
    /// CodeDeploy does not list yet. A person may decide otherwise, and finally does.
    async fn slow_build_is_rejected(&self) -> anyhow::Result<()> {
        self.shop.behaves(STAGING, 300);
        let execution = self.registered(&[REGISTER]).await?;
        self.empty("Ledger").await?;
        let other = self.shop.deployed("Production", &self.revision()).await?;
        self.shop.aws.codedeploy().unlist(&other);
        self.notice(&[&other]).await?;
        self.instance_joins_staging().await?;
        self.window_ends().await?;
        self.answered(&execution, ApprovalStatus::Rejected).await?;
        let (_, ledger) = self.items("Ledger").await?;
        let bad = AttributeValue::S("bad".to_owned());
        let learnt = ledger.iter().any(|item| item.get("standing") == Some(&bad));
        ensure!(learnt, "the ledger learnt nothing");
        self.hasten("Validations").await?;
        self.invoke("validate-builds", &scheduled()).await?;
        let pipelines = self.shop.aws.pipelines();
        let (stage, action) = ("Approve", "ApproveStaging");
        pipelines.retry_stage(PIPELINE, stage, &execution, RetryMode::FailedActions)?;
        pipelines.answer_by_person(
            PIPELINE,
            stage,
            action,
            &execution,
            Answer::Approved,
            "It is fine",
        )?;
        self.hasten("Validations").await?;
        self.invoke("validate-builds", &scheduled()).await?;
        let left = self.due("Validations").await?;
        ensure!(left.is_empty(), "the validation is not settled");
        Ok(())
    }

    /// The ledger heard of it before anybody could know that it is no release.
    async fn instance_joins_staging(&self) -> anyhow::Result<()> {
        let codedeploy = self.shop.aws.codedeploy();
        let made = codedeploy.join(APPLICATION, "Staging", "i-9", Creator::Autoscaling)?;
        codedeploy.unlist(&made);
        let (ledger, _) = self.items("Ledger").await?;
        let ledger = Ledger::new(self.database.clone(), ledger);
        let known = Deployment {
            id: made.clone(),
            group: Group {
                application: APPLICATION.to_owned(),
                name: "Staging".to_owned(),
            },
            at: Timestamp::from_millisecond(now())?,
            execution: None,
            identity: "joining".to_owned(),
            location: None,
            digest: None,
            version: made,
            origin: Origin::Release,
        };
        ledger.record_deployment(&known).await?;
        Ok(())
    }

    async fn verdict_is_published(&self) -> anyhow::Result<()> {
        let function = "publish-validation";
        let (publish, mistake) = (
            ("Publish", function, "Register"),
            ("Mistake", function, "None"),
        );
        self.registered(&[REGISTER, publish, mistake]).await?;
        self.window_ends().await?;
        let job = self.job().await?;
        let waits = matches!(job.status, JobStatus::Continued(_));
        ensure!(waits, "before the verdict the job is {:?}", job.status);
        self.invoke("validate-builds", &scheduled()).await?;
        let job = self.job().await?;
        ensure!(job.status == JobStatus::Succeeded, "{:?}", job.status);
        let variables = job.output_variables;
        ensure!(
            variables.contains_key("reportUrl"),
            "without a link: {variables:?}"
        );
        self.job_is_refused().await
    }

    /// Nothing is due, which the function has to find out.
    async fn flags_are_worked_on(&self) -> anyhow::Result<()> {
        let worked = self.invoke("change-flags", &scheduled()).await?;
        ensure!(worked["worked"] == 0, "{worked}");
        Ok(())
    }

    /// One flag is declared, which is on.
    async fn promotion(&self) -> anyhow::Result<Flags> {
        let (table, _) = self.items("Flags").await?;
        let flags = Flags::new(self.database.clone(), table);
        let file =
            r#"{"flags":{"promo":{"type":"boolean","default":true,"description":"a promotion"}}}"#;
        let declared = flags::read(file)
            .declarations
            .context("the file is wrong")?;
        let set = flags.set("prod").await?;
        flags.declare("prod", &declared, set.as_ref()).await?;
        Ok(flags)
    }

    /// Somebody switches it off.
    async fn promotion_ends(&self) -> anyhow::Result<()> {
        let flags = self.promotion().await?;
        let now = Timestamp::from_millisecond(now())?;
        let request = step::Request {
            change: "the end".to_owned(),
            batch: None,
            by: Author {
                name: "ada".to_owned(),
                kind: AuthorKind::Person,
            },
            why: "the socks are sold out".to_owned(),
            triggered_by: "manual".to_owned(),
            problem: None,
            expected: None,
        };
        let event = Event::Set {
            to: step::Target::Value(flags::Value::Boolean(false)),
            term: Term::Stays,
        };
        let written = flags.change("prod", None, now, |found| {
            let set = found.set.as_ref().expect("it is declared");
            let situation = Situation {
                set: "prod",
                flag: &set.declarations.flags["promo"],
                state: &State::default(),
                now,
            };
            match step::step(situation, &request, &event) {
                Outcome::Written(transition) => Decision::Write(
                    Commit {
                        flags: vec![("promo".to_owned(), *transition)],
                        ..Commit::default()
                    },
                    Ok(()),
                ),
                other => Decision::Leave(Err(anyhow!("{other:?}"))),
            }
        });
        written.await?.decided
    }

    async fn flags_are_served(&self) -> anyhow::Result<()> {
        let flags = self.promotion().await?;
        let secret = issue("reader", [7; 32]);
        let key = Key {
            id: "reader".to_owned(),
            name: "reader".to_owned(),
            holder: KeyHolder::Machine,
            secrets: vec![secret.hash],
            scopes: vec!["read:prod".parse().context("no scope")?],
            expires: None,
        };
        flags.put_key(&key).await?;
        let event = json!({
            "version": "2.0",
            "rawPath": "/ofrep/v1/evaluate/flags",
            "headers": {
                "authorization": format!("Bearer {}", secret.text.expose_secret()),
                "content-type": "application/json",
            },
            "requestContext": {"http": {"method": "POST", "path": "/ofrep/v1/evaluate/flags"}},
            "body": "{}",
            "isBase64Encoded": false,
        });
        let answer = self.invoke("serve-flags", &event).await?;
        ensure!(answer["statusCode"] == 200, "{answer}");
        Ok(())
    }

    async fn report_is_read(&self) -> anyhow::Result<()> {
        let execution = self.registered(&[REGISTER]).await?;
        self.window_ends().await?;
        self.answered(&execution, ApprovalStatus::Approved).await?;
        let summary = self.shop.approval(&execution)?.summary;
        let evaluation = self.shop.link(&summary.unwrap_or_default())?;
        let access = Access::signed(&self.report).context("the keys cannot be used")?;
        let until = Timestamp::from_millisecond(now() + 3_600_000)?;
        let (ledger, _) = self.items("Ledger").await?;
        let pause = Pause {
            target: Target::All,
            until,
            who: "ada".to_owned(),
            why: "the auditors are here".to_owned(),
        };
        let ledger = Ledger::new(self.database.clone(), ledger);
        ledger.pause(&pause).await?;
        self.promotion_ends().await?;
        let history = Scope::History {
            pipeline: PIPELINE,
            comparison: COMPARISON,
        };
        for (link, part) in [
            (evaluation, self.revision()),
            (
                access.address("/", "history", history, &[], until),
                self.revision(),
            ),
            (
                access.address("/", "", Scope::Start, &[], until),
                COMPARISON.to_owned(),
            ),
            (
                access.address("/", "changes", Scope::Changes, &[], until),
                "the socks are sold out".to_owned(),
            ),
        ] {
            let (status, text) = self.shop.account.get(&link).await;
            let path = link.split('?').next().unwrap_or_default();
            ensure!(status == 200, "{path} is answered with {status}");
            ensure!(text.contains(&part), "{path} lacks {part}");
            let paused = text.contains("the auditors are here");
            ensure!(paused, "{path} does not say what is paused");
        }
        Ok(())
    }

    /// By a job, by CodeDeploy itself, and over HTTP.
    async fn changes_are_announced(&self) -> anyhow::Result<()> {
        let function = "push-deployment-event";
        self.shop.runs(&[
            ("Announce", function, "Staging,Change the cart"),
            ("Mistake", function, "Nowhere,Change the cart"),
        ]);
        self.release().await?;
        self.job_succeeds("Announce").await?;
        self.job_is_refused().await?;
        let staging = self.shop.aws.codedeploy().history(APPLICATION, "Staging")?;
        let staging = &staging.first().context("staging was deployed")?.id;
        let made = self.shop.deployed("Production", "good").await?;
        self.notice(&[&made, staging]).await?;
        let sale = json!({
            "kind": "info", "title": format!("Sale {}", self.revision()),
            "attachRules": {"entityIds": [PRODUCTION]},
        });
        self.post(function, "/announce", &sale).await?;
        let told = self.shop.tenant.events();
        let told = format!("{:?}", told.iter().rev().take(3).collect::<Vec<_>>());
        for part in [STAGING, made.as_str(), &format!("Sale {}", self.revision())] {
            ensure!(told.contains(part), "the tenant does not hear of {part}");
        }
        Ok(())
    }

    /// A deployment that is under way causes a problem, which had already gone
    /// when it was told first. It is stopped, and the one before it is deployed
    /// again.
    async fn problem_is_healed(&self) -> anyhow::Result<()> {
        let shop = &self.shop;
        // One that CodeDeploy lists, and one that it does not show yet.
        shop.deployed("Staging", &self.revision()).await?;
        let other = format!("late-{}", self.revision());
        let other = shop.deployed("Staging", &other).await?;
        shop.aws.codedeploy().unlist(&other);
        shop.announce(STAGING, "Staging", &other).await;
        // One that is gone is newer than one whose version is named.
        let good = format!("good-{}", self.revision());
        shop.deployed_as("Production", &good, |bundle| bundle.with_version("1"))
            .await?;
        let gone = format!("gone-{}", self.revision());
        shop.deployed("Production", &gone).await?;
        shop.aws.s3().delete("bundles", &gone);
        shop.group("Production", SignedDuration::from_mins(10));
        let bad = shop.begin("Production", &format!("bad-{}", self.revision()))?;
        shop.group("Production", QUICK);
        shop.announce(PRODUCTION, "Production", &bad).await;
        let problem = shop.tenant.problem("Failure rate increase");
        let problem = problem.impacts(PRODUCTION).impacts(STAGING);
        let problem = problem.root_cause(PRODUCTION).open();
        problem.resolve(now());
        let healed = self.healed(&problem).await;
        // The next story knows nothing of it.
        problem.resolve(now());
        healed?;
        self.flag_is_set_back().await
    }

    /// Somebody has switched off a promotion, behind which is no group.
    async fn flag_is_set_back(&self) -> anyhow::Result<()> {
        let shop = &self.shop;
        self.promotion_ends().await?;
        shop.announce_flag(PROMOTED, "promo", "the end").await;
        let problem = shop.tenant.problem("Failure rate increase");
        let problem = problem.impacts(PROMOTED).root_cause(PROMOTED).open();
        let open = notification(&problem, "OPEN");
        let path = "/HandleDynatraceProblem";
        let told = self.post("handle-problem", path, &open).await;
        problem.resolve(now());
        let (table, _) = self.items("Flags").await?;
        let flags = Flags::new(self.database.clone(), table);
        let history = flags.history("prod", "promo").await?;
        let last = history.last().map(|entry| &entry.record.cause);
        ensure!(last == Some(&flags::Cause::TakenBack), "{told:?}");
        Ok(())
    }

    async fn healed(&self, problem: &fake_dynatrace::Problem) -> anyhow::Result<()> {
        let (function, path) = ("handle-problem", "/HandleDynatraceProblem");
        let before = self.shop.heals().len();
        let open = notification(problem, "OPEN");
        self.post(function, path, &open).await?;
        problem.reopen();
        let told = self.post(function, path, &open).await?;
        for what in ["stopped", "deployed again"] {
            let free = async || self.shop.is_free("Production");
            let free = until("production to be free", SOON, free).await;
            free.with_context(|| format!("it is not {what}: {told}"))?;
            self.hasten("Remediations").await?;
            self.invoke(function, &scheduled()).await?;
        }
        ensure!(self.shop.heals().len() == before + 1, "it is not healed");
        problem.resolve(now());
        self.post(function, path, &notification(problem, "RESOLVED"))
            .await?;
        let left = self.due("Remediations").await?;
        ensure!(left.is_empty(), "the problem is followed still");
        let comments = self.shop.tenant.comments(problem.id()).len();
        ensure!(comments >= 3, "the problem has {comments} comments");
        Ok(())
    }

    /// Nothing is known, nothing is under way, and both services behave alike.
    async fn begin_anew(&self) -> anyhow::Result<()> {
        self.builds.set(self.builds.get() + 1);
        for table in &self.tables {
            self.empty(table).await?;
        }
        while self.shop.aws.pipelines().next_job().is_some() {}
        let codedeploy = self.shop.aws.codedeploy();
        for (group, service) in [("Staging", STAGING), ("Production", PRODUCTION)] {
            if let Some(active) = codedeploy.active(APPLICATION, group)? {
                codedeploy.finish(&active.id, DeploymentEnd::Failed)?;
            }
            self.shop.group(group, QUICK);
            self.shop.behaves(service, 100);
        }
        Ok(())
    }

    fn revision(&self) -> String {
        format!("4f2a{:03}", self.builds.get())
    }

    async fn release(&self) -> anyhow::Result<String> {
        self.shop.release(&self.revision()).await
    }

    /// A build whose window has just begun.
    async fn registered(&self, actions: &[Action<'_>]) -> anyhow::Result<String> {
        self.shop.runs(actions);
        let execution = self.release().await?;
        self.job_succeeds(REGISTER.0).await?;
        Ok(execution)
    }

    async fn window_ends(&self) -> anyhow::Result<()> {
        let end = now() + 1_000;
        let is_over = async || end < now();
        until("the window to end", SOON, is_over).await
    }

    /// CodeDeploy tells of deployments that have succeeded.
    async fn notice(&self, made: &[&str]) -> anyhow::Result<()> {
        let notice = |id: &&str| {
            let message = json!({"deploymentId": id, "status": "SUCCEEDED"}).to_string();
            json!({"EventSource": "aws:sns", "Sns": {"Message": message}})
        };
        let notices: Vec<Value> = made.iter().map(notice).collect();
        self.invoke("push-deployment-event", &json!({"Records": notices}))
            .await?;
        Ok(())
    }

    /// One tick judges the build and answers its approval.
    async fn answered(&self, execution: &str, answer: ApprovalStatus) -> anyhow::Result<()> {
        self.invoke("validate-builds", &scheduled()).await?;
        let status = self.shop.approval(execution)?.status;
        ensure!(status == answer, "the approval is {status:?}");
        Ok(())
    }

    /// Hands the next job to its function.
    async fn job(&self) -> anyhow::Result<JobView> {
        let pipelines = self.shop.aws.pipelines();
        let job = pipelines.next_job().context("no job is due")?;
        let function = job.function.strip_prefix("unbreakable-");
        self.invoke(function.unwrap_or_default(), &job.event)
            .await?;
        Ok(pipelines.job(&job.id)?)
    }

    async fn job_succeeds(&self, action: &str) -> anyhow::Result<()> {
        match self.job().await?.status {
            JobStatus::Succeeded => Ok(()),
            status => bail!("the job of `{action}` is {status:?}"),
        }
    }

    /// Whoever wrote the parameters hears what to correct.
    async fn job_is_refused(&self) -> anyhow::Result<()> {
        match self.job().await?.status {
            JobStatus::Failed { r#type, .. } if r#type == "ConfigurationError" => Ok(()),
            status => bail!("the job of a mistake is {status:?}"),
        }
    }

    async fn invoke(&self, function: &str, event: &Value) -> anyhow::Result<Value> {
        let _ = self.shop.aws.rights_used();
        let name = format!("unbreakable-{function}");
        let answer = self.shop.account.invoke(&name, event).await;
        self.note(function);
        answer
    }

    async fn post(&self, function: &str, path: &str, body: &Value) -> anyhow::Result<String> {
        let _ = self.shop.aws.rights_used();
        let account = &self.shop.account;
        let (status, text) = account.post(path, Some(&self.webhook), body).await;
        self.note(function);
        ensure!(status == 200, "{path} is answered with {status}: {text}");
        Ok(text)
    }

    /// Notes what the function did that was just invoked.
    fn note(&self, function: &str) {
        let used = self.shop.aws.rights_used();
        let mut about = self.about.borrow_mut();
        if about.0 == function {
            about.1.extend(used);
        }
    }

    /// The name of a table and what is in it.
    async fn items(&self, table: &str) -> anyhow::Result<(&str, Vec<Item>)> {
        let named = |name: &&String| name.contains(table);
        let name = self.tables.iter().find(named).context("no such table")?;
        let found = self.database.scan().table_name(name).send().await?;
        Ok((name, found.items.unwrap_or_default()))
    }

    async fn empty(&self, table: &str) -> anyhow::Result<()> {
        let (name, items) = self.items(table).await?;
        for item in items {
            let delete = self.database.delete_item().table_name(name);
            delete.set_key(Some(key(&item))).send().await?;
        }
        Ok(())
    }

    /// What work is left for the schedule.
    async fn due(&self, table: &str) -> anyhow::Result<Vec<Item>> {
        let (_, mut items) = self.items(table).await?;
        items.retain(|item| item.contains_key("dueShard"));
        Ok(items)
    }

    /// The time has come for whatever waits.
    async fn hasten(&self, table: &str) -> anyhow::Result<()> {
        let (name, _) = self.items(table).await?;
        for item in self.due(table).await? {
            let now = AttributeValue::N(now().to_string());
            let update = self.database.update_item().table_name(name);
            let update = update.set_key(Some(key(&item)));
            let update = update.update_expression("SET dueAt = :now");
            update
                .expression_attribute_values(":now", now)
                .send()
                .await?;
        }
        Ok(())
    }
}

type Item = std::collections::HashMap<String, AttributeValue>;

fn key(item: &Item) -> Item {
    let of_key = |name: &str| Some((name.to_owned(), item.get(name)?.clone()));
    ["pk", "sk"].into_iter().filter_map(of_key).collect()
}
