//! Everything that can go wrong between a client and its tenant.

use std::time::{Duration, Instant};

use fake_dynatrace::{Fault, GoneAs, ThrottleHeaders, Times};
use jiff::fmt::rfc2822::DateTimeParser;
use serde_json::json;

use crate::caller::{Answered, Caller, NOW};

const ENTITIES: &str = "/api/v2/entities";
const SERVICES: [(&str, &str); 1] = [("entitySelector", "type(SERVICE)")];

async fn with_fault(fault: Fault) -> anyhow::Result<Caller> {
    let caller = Caller::start().await?;
    caller.tenant.fail(fault, Times::N(1), "/api");
    Ok(caller)
}

async fn throttled(headers: ThrottleHeaders) -> anyhow::Result<Answered> {
    let caller = with_fault(Fault::Throttle(headers)).await?;
    let answered = caller.get(ENTITIES, &SERVICES).await?;
    assert_eq!(
        answered.json()?,
        json!({ "error": {
            "code": 429, "message": "Too many requests.", "constraintViolations": null,
        }})
    );
    assert_eq!(answered.status, 429);
    caller.get(ENTITIES, &SERVICES).await?.ok()?;
    Ok(answered)
}

#[tokio::test]
async fn throttling_tells_when_to_come_back_in_every_dialect() -> anyhow::Result<()> {
    let later = NOW + 1_000;
    for (headers, reset) in [
        (ThrottleHeaders::ResetMicros, later * 1_000),
        (ThrottleHeaders::ResetMillis, later),
        (ThrottleHeaders::ResetSeconds, later / 1_000),
    ] {
        let answered = throttled(headers).await?;
        assert_eq!(
            answered.header("x-ratelimit-reset"),
            Some(reset.to_string().as_str())
        );
        assert_eq!(answered.header("x-ratelimit-remaining"), Some("0"));
        assert_eq!(answered.header("retry-after"), None);
    }
    let seconds = throttled(ThrottleHeaders::RetryAfterSeconds(7)).await?;
    assert_eq!(seconds.header("retry-after"), Some("7"));
    assert_eq!(seconds.header("x-ratelimit-reset"), None);

    let silent = throttled(ThrottleHeaders::None).await?;
    assert_eq!(silent.header("retry-after"), None);
    assert_eq!(silent.header("x-ratelimit-reset"), None);
    Ok(())
}

#[tokio::test]
async fn a_retry_date_is_an_http_date() -> anyhow::Result<()> {
    let answered = throttled(ThrottleHeaders::RetryAfterDate).await?;
    let date = answered
        .header("retry-after")
        .expect("a date was asked for");
    assert!(date.ends_with(" GMT"), "{date}");
    let timestamp = DateTimeParser::new().parse_timestamp(date)?;
    assert_eq!(timestamp.as_millisecond(), NOW + 1_000);
    Ok(())
}

#[tokio::test]
async fn broken_answers_come_as_described() -> anyhow::Result<()> {
    for (fault, status, content) in [
        (Fault::Html503, 503, "<h1>503"),
        (Fault::Empty502, 502, ""),
        (Fault::Unauthorised, 401, r#""code":401"#),
        (Fault::NotJson200, 200, "upgraded"),
    ] {
        let caller = with_fault(fault.clone()).await?;
        let answered = caller.get(ENTITIES, &SERVICES).await?;
        assert_eq!(answered.status, status, "{fault:?}");
        assert!(
            answered.text.contains(content),
            "{fault:?}: {}",
            answered.text
        );
        if status != 401 {
            assert!(answered.json().is_err(), "{fault:?}");
        }
    }
    Ok(())
}

#[tokio::test]
async fn a_lost_login_ends_on_a_page_for_people() -> anyhow::Result<()> {
    let caller = with_fault(Fault::LoginPageRedirect).await?;
    let redirected = caller.get(ENTITIES, &SERVICES).await?;
    assert_eq!(redirected.status, 302);
    let location = redirected
        .header("location")
        .expect("a redirect has a target");

    let page = Answered::read(
        caller
            .http
            .get(format!("{}{location}", caller.tenant.url())),
    )
    .await?;
    assert_eq!(page.status, 200);
    assert!(
        page.header("content-type")
            .is_some_and(|it| it.starts_with("text/html"))
    );
    Ok(())
}

#[tokio::test]
async fn a_closed_connection_answers_nothing() -> anyhow::Result<()> {
    let caller = with_fault(Fault::CloseConnection).await?;
    assert!(caller.get(ENTITIES, &SERVICES).await.is_err());
    assert_eq!(caller.tenant.calls()[0].status, None);
    caller.get(ENTITIES, &SERVICES).await?.ok()?;
    Ok(())
}

#[tokio::test]
async fn a_hanging_call_lasts_until_its_caller_gives_up() -> anyhow::Result<()> {
    let caller = with_fault(Fault::Hang).await?;
    let request = caller
        .request(reqwest::Method::GET, ENTITIES)
        .query(&SERVICES)
        .timeout(Duration::from_millis(50));
    let error = request.send().await.err();
    assert!(error.is_some_and(|error| error.is_timeout()));
    caller.get(ENTITIES, &SERVICES).await?.ok()?;
    Ok(())
}

#[tokio::test]
async fn a_call_that_hangs_after_acting_has_acted() -> anyhow::Result<()> {
    let caller = Caller::start().await?;
    caller.tenant.service("SERVICE-1", "one").add();
    let ingest = "/api/v2/events/ingest";
    let fault = Fault::HangAfterActing;
    caller.tenant.fail(fault, Times::N(1), ingest);
    let request = caller
        .request(reqwest::Method::POST, ingest)
        .json(&json!({
            "eventType": "CUSTOM_INFO", "title": "a test",
            "entitySelector": "type(SERVICE)",
        }))
        .timeout(Duration::from_millis(50));
    let error = request.send().await.err();
    assert!(error.is_some_and(|error| error.is_timeout()));
    assert_eq!(caller.tenant.events().len(), 1);
    Ok(())
}

#[tokio::test]
async fn a_hanging_call_ends_with_the_tenant() -> anyhow::Result<()> {
    let caller = with_fault(Fault::Hang).await?;
    let tenant = caller.tenant.clone();
    let hanging = tokio::spawn(async move { caller.get(ENTITIES, &SERVICES).await.is_err() });
    let arrived = async {
        while tenant.count(ENTITIES) == 0 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), arrived).await?;
    tenant.stop().await;
    assert!(hanging.await?);
    Ok(())
}

#[tokio::test]
async fn a_removed_v1_leaves_v2_alone() -> anyhow::Result<()> {
    for (gone, status) in [(GoneAs::NotFound, 404), (GoneAs::Gone, 410)] {
        let caller = Caller::start().await?;
        caller.tenant.fail(Fault::Gone(gone), Times::Always, "/");
        assert_eq!(
            caller.get("/api/v1/entity/services", &[]).await?.status,
            status
        );
        assert_eq!(
            caller.post("/api/v1/timeseries", &json!({})).await?.status,
            status
        );
        caller.get(ENTITIES, &SERVICES).await?.ok()?;
    }
    Ok(())
}

#[tokio::test]
async fn faults_happen_in_order_as_often_as_planned() -> anyhow::Result<()> {
    let caller = Caller::start().await?;
    let tenant = &caller.tenant;
    tenant.fail(Fault::Empty502, Times::N(2), ENTITIES);
    tenant.fail(Fault::Html503, Times::N(0), ENTITIES);
    tenant.fail(
        Fault::Throttle(ThrottleHeaders::None),
        Times::Always,
        ENTITIES,
    );

    assert_eq!(
        caller.metrics("builtin:host.cpu.usage", "").await?.status,
        200
    );
    let mut statuses = Vec::new();
    for _ in 0..4 {
        statuses.push(caller.get(ENTITIES, &SERVICES).await?.status);
    }
    assert_eq!(statuses, [502, 502, 429, 429]);

    tenant.clear_faults();
    caller.get(ENTITIES, &SERVICES).await?.ok()?;
    Ok(())
}

#[tokio::test]
async fn fault_of_one_method_leaves_the_other_alone() -> anyhow::Result<()> {
    let caller = Caller::start().await?;
    let fault = Fault::NotJson200;
    caller
        .tenant
        .fail(fault, Times::Always, "POST /api/v2/entities");

    caller.get(ENTITIES, &SERVICES).await?.ok()?;
    let posted = caller.post(ENTITIES, &json!({})).await?;

    assert_eq!(posted.status, 200, "it is the fault that answers");
    Ok(())
}

#[tokio::test]
async fn latency_delays_every_answer() -> anyhow::Result<()> {
    let caller = Caller::start().await?;
    let latency = Duration::from_millis(40);
    caller.tenant.latency(latency);
    let start = Instant::now();
    caller.get(ENTITIES, &SERVICES).await?.ok()?;
    assert!(start.elapsed() >= latency);
    Ok(())
}
