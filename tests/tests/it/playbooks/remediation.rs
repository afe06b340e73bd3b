//! A problem is answered by the action of the newest change, and says so once.

use std::time::Duration;

use fake_controller::{Controller, End, JobTemplate, Plan, Scope};
use fake_dynatrace::{Problem, Tenant, Times};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::shop::Shop;
use super::{CARTS, ORDERS, play, play_with, tenant};

#[tokio::test]
async fn newest_change_over_all_entities_is_taken_back() {
    let (tenant, shop) = (tenant().await, Shop::open(30).await);
    let stop = shop.url("/stop");
    shop.with(|shop| {
        shop.answer = (
            200,
            "{\"ok\": \"say \\\"hi\\\" {{7*7}} \u{2603}\"}".to_owned(),
        );
    });
    // The tenant lists them in an order that means nothing.
    announce(&tenant, CARTS, 50, Some(&shop.url("/elsewhere"))).await;
    announce(&tenant, ORDERS, 10, Some(&stop)).await;
    announce(&tenant, CARTS, 30, None).await;
    let problem = opened(&tenant);

    let played = play(&tenant, "remediation.yml", &[], &asked(&problem, &stop)).await;

    assert_eq!(played.code, Some(0), "{}", played.output);
    let called = shop.with(|shop| shop.called.clone());
    assert_eq!(
        called,
        [json!({
            "PID": problem.id(),
            "State": "OPEN",
            "ImpactedEntities": [{"type": "SERVICE", "name": "carts", "entity": CARTS}],
        })]
    );
    assert_eq!(
        comments(&tenant, &problem),
        [
            "Remediation by Ansible is executing.",
            "Remediation by Ansible ended. The action of the change \"change 10 {{7*7}}\" \
             answered 200: {\"ok\": \"say \\\"hi\\\" {{7*7}} \u{2603}\"}",
        ]
    );
}

#[tokio::test]
async fn problem_without_a_change_or_an_action_ends_with_one_comment() {
    let (tenant, shop) = (tenant().await, Shop::open(30).await);
    let problem = opened(&tenant);
    let nothing = play(
        &tenant,
        "remediation.yml",
        &[],
        &asked(&problem, &shop.url("/stop")),
    )
    .await;
    announce(&tenant, CARTS, 30, Some(" NA ")).await;
    let other = opened(&tenant);

    let no_action = play(
        &tenant,
        "remediation.yml",
        &[],
        &asked(&other, &shop.url("/stop")),
    )
    .await;

    for (played, problem, says) in [
        (nothing, problem, "No change of its entities"),
        (no_action, other, "names no action"),
    ] {
        assert_eq!(played.code, Some(0), "{}", played.output);
        assert_eq!(played.left()["changed"], json!(false));
        let comments = comments(&tenant, &problem);
        assert_eq!(comments.len(), 2, "{comments:?}");
        assert!(comments[1].contains(says), "{comments:?}");
    }
    assert!(shop.with(|shop| shop.called.is_empty()));
}

#[tokio::test]
async fn action_that_is_not_listed_gets_no_connection() {
    let (tenant, shop, evil) = (tenant().await, Shop::open(30).await, Shop::open(30).await);
    announce(&tenant, CARTS, 30, Some(&evil.url("/stop"))).await;
    let problem = opened(&tenant);

    let played = play(
        &tenant,
        "remediation.yml",
        &[],
        &asked(&problem, &shop.url("/stop")),
    )
    .await;

    assert_eq!(played.code, Some(2));
    let comments = comments(&tenant, &problem);
    assert_eq!(comments.len(), 2);
    assert!(
        comments[1].contains("not listed in `actions`"),
        "{comments:?}"
    );
    for shop in [shop, evil] {
        assert!(shop.with(|shop| shop.called.is_empty()));
    }
}

#[tokio::test]
async fn action_that_fails_fails_the_play_and_is_told_once() {
    let (tenant, shop) = (tenant().await, Shop::open(30).await);
    shop.with(|shop| shop.answer = (500, "broken".to_owned()));
    announce(&tenant, CARTS, 30, Some(&shop.url("/stop"))).await;
    let problem = opened(&tenant);

    let played = play(
        &tenant,
        "remediation.yml",
        &[],
        &asked(&problem, &shop.url("/stop")),
    )
    .await;

    assert_eq!(played.code, Some(2));
    assert_eq!(shop.with(|shop| shop.called.len()), 1);
    let comments = comments(&tenant, &problem);
    assert_eq!(comments.len(), 2);
    assert!(
        comments[1].contains("failed. Call the action: Status code was 500"),
        "{comments:?}"
    );
}

#[tokio::test]
async fn problem_that_is_over_and_a_test_change_nothing_and_do_not_fail() {
    let (tenant, shop) = (tenant().await, Shop::open(30).await);
    announce(&tenant, CARTS, 30, Some(&shop.url("/stop"))).await;
    let problem = opened(&tenant);
    let asked = asked(&problem, &shop.url("/stop"));
    let with = |name: &str, value: &str| {
        let mut changed = asked.clone();
        changed[name] = value.into();
        changed
    };
    let resolved = with("state", "RESOLVED");
    let test = with("pid", "999999999999999");
    for variables in [resolved, test] {
        let played = play(&tenant, "remediation.yml", &[], &variables).await;
        assert_eq!(played.code, Some(0), "{}", played.output);
    }
    problem.resolve(now());
    let late = play(&tenant, "remediation.yml", &[], &asked).await;

    assert_eq!(late.code, Some(0), "{}", late.output);
    assert!(shop.with(|shop| shop.called.is_empty()));
    assert!(comments(&tenant, &problem).is_empty());
}

#[tokio::test]
async fn nothing_is_called_before_the_problem_says_so() {
    let (tenant, shop) = (tenant().await, Shop::open(30).await);
    tenant.refuse_comments(Times::Always);
    announce(&tenant, CARTS, 30, Some(&shop.url("/stop"))).await;
    let problem = opened(&tenant);

    let played = play(
        &tenant,
        "remediation.yml",
        &[],
        &asked(&problem, &shop.url("/stop")),
    )
    .await;

    assert_eq!(played.code, Some(2));
    assert!(shop.with(|shop| shop.called.is_empty()));
}

#[tokio::test]
async fn check_mode_of_a_remediation_says_what_would_be_called() {
    let (tenant, shop) = (tenant().await, Shop::open(30).await);
    announce(&tenant, CARTS, 30, Some(&shop.url("/stop"))).await;
    let problem = opened(&tenant);
    let asked = asked(&problem, &shop.url("/stop"));

    let played = play(&tenant, "remediation.yml", &["--check"], &asked).await;

    assert_eq!(played.code, Some(0), "{}", played.output);
    let note = played.left()["note"].to_string();
    assert!(note.contains("/stop is not called"), "{note}");
    assert!(shop.with(|shop| shop.called.is_empty()));
    assert!(comments(&tenant, &problem).is_empty());
}

#[tokio::test]
async fn job_of_a_controller_is_watched_to_its_end() {
    let tenant = tenant().await;
    let awx = Controller::start().await.unwrap();
    awx.user("ub", "hunter2");
    let template = awx.job_template(JobTemplate::default());
    awx.permit("ub", template);
    let launch = format!("{}/job_templates/{template}/launch/", awx.base());
    announce(&tenant, CARTS, 30, Some(&launch)).await;
    let mut ended = Vec::new();
    for end in [End::well(1), End::failed("set", "web-1", "stuck")] {
        let at_once = Plan {
            pending: Duration::ZERO,
            running: Duration::ZERO,
            end,
        };
        awx.plan(template, at_once);
        let problem = opened(&tenant);
        let mut variables = asked(&problem, &launch);
        variables["actions"][0]["kind"] = json!("controller");
        let token = awx.token("ub", Scope::Write);
        ended.push((
            play_with(&token, &tenant, "remediation.yml", &[], &variables).await,
            problem,
        ));
    }

    let [(well, healed), (badly, unhealed)] = ended.try_into().ok().unwrap();
    assert_eq!(
        (well.code, badly.code),
        (Some(0), Some(2)),
        "{}",
        well.output
    );
    let said = |problem| comments(&tenant, problem).pop().unwrap();
    assert!(
        said(&healed).contains("and ended well."),
        "{}",
        said(&healed)
    );
    assert!(
        said(&unhealed).contains("ended as failed."),
        "{}",
        said(&unhealed)
    );
    assert_eq!(awx.jobs()[0].extra_vars["pid"], json!(healed.id()));
}

/// A problem on both services that begins now.
fn opened(tenant: &Tenant) -> Problem {
    let problem = tenant.problem("Failure rate increase");
    problem.impacts(CARTS).root_cause(ORDERS).open()
}

/// What the notification passes, and the one listed action.
fn asked(problem: &Problem, action: &str) -> Value {
    json!({
        "pid": problem.id(),
        "state": "OPEN",
        "impactedEntities": [{"type": "SERVICE", "name": "carts", "entity": CARTS}],
        "actions": [{"url": action}],
    })
}

/// Announces a change of so many minutes ago.
async fn announce(tenant: &Tenant, entity: &str, minutes: i64, action: Option<&str>) {
    let mut event = json!({
        "eventType": "CUSTOM_CONFIGURATION",
        "title": format!("change {minutes} {{{{7*7}}}}"),
        "entitySelector": format!("entityId(\"{entity}\")"),
        "startTime": now() - minutes * 60_000,
        "endTime": now() - minutes * 60_000,
        "properties": {},
    });
    if let Some(action) = action {
        event["properties"]["remediationAction"] = action.into();
    }
    let url = format!("{}/api/v2/events/ingest", tenant.url());
    let request = reqwest::Client::new().post(url);
    let request = request.header("Authorization", format!("Api-Token {}", tenant.token()));
    let sent = request.json(&event).send().await.unwrap();
    assert_eq!(sent.status(), 201);
}

fn comments(tenant: &Tenant, problem: &Problem) -> Vec<String> {
    let comments = tenant.comments(problem.id()).into_iter();
    comments.map(|comment| comment.text).collect()
}

#[expect(
    clippy::disallowed_methods,
    reason = "playbooks are real processes with a clock, and this plays the world around them"
)]
fn now() -> i64 {
    Timestamp::now().as_millisecond()
}
