//! The stack as it is deployed: `infra/deploy` into an emulator of AWS that
//! enforces the rights of every role, with the executables as they are shipped.
//!
//! `infra/test` installs the emulator and runs this. `CodePipeline`,
//! `CodeDeploy`, their artifacts and Dynatrace are the lab's stand-ins.

#![expect(clippy::unwrap_used, reason = "a story ends where it fails")]

mod account;
mod arm64;
mod permissions;
mod shop;
mod stories;

use std::path::PathBuf;

use fake_aws::ACCOUNT;
use fake_aws::pipeline::{ApprovalStatus, JobStatus};
use lab::world::{scheduled, until};
use serde_json::json;

use account::{Account, zips};
use shop::{PATIENCE, PRODUCTION, REGISTER, Shop, notification, now};

#[tokio::test(flavor = "multi_thread")]
async fn stack_is_live_after_one_command() {
    let mut shop = Shop::start().await;
    let parameters = ["DtIngestDelaySeconds=1"];
    let token = shop.tenant.token().to_owned();

    nothing_is_done_by_a_rehearsal(&mut shop, &token, &parameters);
    attempt_without_a_token_says_what_is_missing(&mut shop, &parameters);
    shop.deploy(&token, &parameters).await;

    let summary = build_is_approved_by_the_schedule(&shop).await;
    report_is_opened_by_its_link(&shop, &summary).await;
    let webhook = shop.account.secret("/unbreakable/webhook-token");
    strangers_are_turned_away(&shop.account).await;
    problem_is_healed(&shop, &webhook).await;

    // What is given once need not be given again, and nothing is made anew.
    let tables = shop.account.tables();
    let account = &mut shop.account;
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

    account.follow_the_runbook("Remove, and come back");
    let resources = account.aws(&[
        "cloudformation",
        "describe-stack-resources",
        "--stack-name",
        "unbreakable",
    ]);
    for table in &tables {
        assert!(resources.contains(table), "{table} is taken over");
    }
    shop.deploy("not asked for", &parameters).await;
    assert_eq!(shop.account.functions(), 8);
    assert_eq!(shop.account.tables(), tables);
    assert_eq!(shop.account.secret("/unbreakable/webhook-token"), webhook);
    strangers_are_turned_away(&shop.account).await;

    everything_goes_when_that_is_asked_for(&mut shop.account);
}

fn everything_goes_when_that_is_asked_for(account: &mut Account) {
    let buckets = ["s3api", "list-buckets", "--query", "Buckets[].Name"];
    let code = format!("unbreakable-code-{ACCOUNT}-");
    assert!(account.aws(&buckets).contains(&code));

    let all = [
        "--yes",
        "--delete-data",
        "--delete-secrets",
        "--delete-code",
    ];
    let said = account.infra("remove", "not asked for", &all);

    assert_eq!(account.functions(), 0, "{said}");
    assert_eq!(account.tables(), [""; 0], "{said}");
    assert_eq!(account.secrets(), [""; 0], "{said}");
    assert!(!account.aws(&buckets).contains(&code), "{said}");
    // There is nothing left to do.
    account.infra("remove", "not asked for", &all);
}

/// The pipeline of the tutorial finds its functions, and the parameter that stops
/// everything holds its approval until it is taken back.
#[tokio::test(flavor = "multi_thread")]
async fn functions_of_the_tutorial_hold_under_a_freeze() {
    let mut shop = Shop::start().await;
    let worker = "validateBuildDynatraceWorker";
    shop.calls(&[REGISTER], |_| {
        "registerDynatraceBuildValidation".to_owned()
    });
    let token = shop.tenant.token().to_owned();
    let parameters = [
        "DtIngestDelaySeconds=1",
        "Names=tutorial",
        "ChangeFreeze=always",
    ];
    shop.deploy(&token, &parameters).await;

    let execution = shop.release("4f2a9c1").await.unwrap();
    let job = shop.aws.pipelines().next_job().unwrap();
    let invoked = shop.account.invoke(&job.function, &job.event).await;
    invoked.unwrap();
    let status = || shop.approval(&execution).unwrap().status;
    let began = now();
    let held = async || {
        let ticked = shop.account.invoke(worker, &scheduled()).await;
        ticked.unwrap();
        let written = shop.account.written("validate-builds", began);
        written.contains("Changes are frozen by the setting CHANGE_FREEZE")
    };
    until("the verdict to be held by the freeze", PATIENCE, held)
        .await
        .unwrap();
    assert_eq!(status(), ApprovalStatus::Waiting);

    let thawed = ["--no-build", "--set", "ChangeFreeze="];
    shop.account.infra("deploy", "not asked for", &thawed);
    let status = || shop.approval(&execution).unwrap().status;
    let answered = async || {
        let ticked = shop.account.invoke(worker, &scheduled()).await;
        ticked.unwrap();
        status() != ApprovalStatus::Waiting
    };
    until("the approval to be answered", PATIENCE, answered)
        .await
        .unwrap();
    assert_eq!(status(), ApprovalStatus::Approved);
}

#[test]
fn zips_are_below_six_megabytes() {
    let zips: Vec<(PathBuf, u64)> = zips()
        .map(|path| (path.clone(), path.metadata().unwrap().len()))
        .collect();

    assert_eq!(zips.len(), 8, "{zips:?}");
    assert!(zips.iter().all(|(_, size)| *size < 6_000_000), "{zips:?}");
}

fn nothing_is_done_by_a_rehearsal(shop: &mut Shop, token: &str, parameters: &[&str]) {
    let (succeeds, said) = shop.try_deploy(token, parameters, &["--dry-run"]);

    assert!(succeeds, "{said}");
    for plan in [
        "Would create the stack unbreakable",
        "Would generate REPORT_KEYS",
    ] {
        assert!(said.contains(plan), "{said}");
    }
    assert!(!said.contains(token), "the token is shown");
    assert_eq!(shop.account.functions(), 0);
    assert_eq!(shop.account.tables(), [""; 0]);
    assert_eq!(shop.account.secrets(), [""; 0]);
}

/// What was made before stays, and the next attempt goes on from there.
fn attempt_without_a_token_says_what_is_missing(shop: &mut Shop, parameters: &[&str]) {
    let (succeeds, said) = shop.try_deploy("", parameters, &[]);

    assert!(!succeeds, "{said}");
    assert!(said.contains("set DT_API_TOKEN"), "{said}");
    assert_eq!(shop.account.functions(), 0);
}

/// A job of the pipeline goes to the deployed function; the approval is answered
/// by nobody but the deployed schedule.
async fn build_is_approved_by_the_schedule(shop: &Shop) -> String {
    let execution = shop.release("4f2a9c1").await.unwrap();
    let pipelines = shop.aws.pipelines();
    let job = pipelines.next_job().unwrap();

    let invoked = shop.account.invoke(&job.function, &job.event).await;
    invoked.unwrap();

    assert_eq!(pipelines.job(&job.id).unwrap().status, JobStatus::Succeeded);
    let approval = || shop.approval(&execution).unwrap();
    let answered = async || approval().status != ApprovalStatus::Waiting;
    let waited = until("the approval to be answered", PATIENCE, answered).await;
    assert!(
        waited.is_ok(),
        "{}",
        shop.account.explains("unbreakable-validate-builds").await
    );
    let approval = approval();
    assert_eq!(approval.status, ApprovalStatus::Approved, "{approval:?}");
    approval.summary.unwrap()
}

async fn report_is_opened_by_its_link(shop: &Shop, summary: &str) {
    let link = shop.link(summary).unwrap();
    let (path, _) = link.split_once('?').unwrap();

    let opened = shop.account.get(&link).await;
    assert_eq!(opened.0, 200, "{}", opened.1);
    assert!(opened.1.contains("4f2a9c1"), "{}", opened.1);
    let stranger = shop.account.get(path).await;
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
async fn problem_is_healed(shop: &Shop, secret: &str) {
    let account = &shop.account;
    shop.deployed("Production", "good").await.unwrap();
    let bad = shop.deployed("Production", "bad").await.unwrap();
    shop.announce(PRODUCTION, "Production", &bad).await;
    let problem = shop.tenant.problem("Failure rate increase");
    let problem = problem.impacts(PRODUCTION).open();
    let notification = notification(&problem, "OPEN");

    let answer = account
        .post("/HandleDynatraceProblem", Some(secret), &notification)
        .await;

    assert_eq!(answer.0, 200, "{}\n{}", answer.1, account.logs());
    let healed = async || !shop.heals().is_empty();
    let waited = until("the heal", PATIENCE, healed).await;
    assert!(
        waited.is_ok(),
        "{}\n{}",
        answer.1,
        account.explains("unbreakable-handle-problem").await
    );
    let told = async || !shop.tenant.comments(problem.id()).is_empty();
    until("a comment", PATIENCE, told).await.unwrap();
    assert_eq!(shop.heals().len(), 1);
}
