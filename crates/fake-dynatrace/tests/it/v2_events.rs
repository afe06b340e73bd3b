//! Events of API v2: reported, counted, found again.

use fake_dynatrace::{Fault, Times, Unstored};
use serde_json::{Map, Value, json};

use crate::caller::{Caller, MINUTE, NOW};

const INGEST: &str = "/api/v2/events/ingest";
const EVENTS: &str = "/api/v2/events";
const DAY: i64 = 24 * 60 * MINUTE;

fn deployment(selector: &str) -> Value {
    json!({
        "eventType": "CUSTOM_DEPLOYMENT",
        "title": "Front 42",
        "entitySelector": selector,
        "properties": {
            "dt.event.source": "AWS CodePipeline",
            "dt.event.deployment.version": "42",
            "CodeDeploy.DeploymentId": "d-ABCDEF123",
        },
    })
}

async fn report(caller: &Caller, body: &Value) -> anyhow::Result<Value> {
    let answered = caller.post(INGEST, body).await?;
    anyhow::ensure!(answered.status == 201, "{}", answered.text);
    answered.json()
}

async fn reported(caller: &Caller, selector: &str) -> anyhow::Result<usize> {
    let answer = report(caller, &deployment(selector)).await?;
    let results = answer["eventIngestResults"].as_array().map(Vec::len);
    assert_eq!(answer["reportCount"].as_u64(), results.map(|n| n as u64));
    Ok(results.unwrap_or_default())
}

async fn listed(caller: &Caller, query: &[(&str, &str)]) -> anyhow::Result<Vec<Value>> {
    let body = caller.get(EVENTS, query).await?.ok()?;
    Ok(body["events"].as_array().cloned().unwrap_or_default())
}

#[tokio::test]
async fn every_matching_entity_gets_an_event_of_its_own() -> anyhow::Result<()> {
    let caller = Caller::with_two_services().await?;
    let selector = r#"type("SERVICE"),tag("DeploymentGroup:Staging")"#;
    let answer = report(&caller, &deployment(selector)).await?;
    assert_eq!(answer["reportCount"], 2);
    let events = caller.tenant.events();
    for (event, result) in events.iter().zip([0, 1]) {
        let expected = json!({ "correlationId": event.correlation_id, "status": "OK" });
        assert_eq!(answer["eventIngestResults"][result], expected);
        assert_eq!((event.start, event.end), (NOW, NOW));
        assert_eq!(event.properties["CodeDeploy.DeploymentId"], "d-ABCDEF123");
    }
    let entities: Vec<_> = events.iter().map(|event| event.entity.as_str()).collect();
    assert_eq!(entities, ["SERVICE-A", "SERVICE-B"]);
    Ok(())
}

#[tokio::test]
async fn only_ids_reach_what_was_not_seen_for_a_day() -> anyhow::Result<()> {
    let caller = Caller::start().await?;
    let service = |id| caller.tenant.service(id, "Front").tag("stage", "test");
    service("SERVICE-1").add();
    service("SERVICE-2").last_seen(NOW - DAY).add();
    service("SERVICE-3").last_seen(NOW - DAY - 1).add();
    service("SERVICE-4").visible_from(NOW + 1).add();
    for (selector, count) in [
        (r#"type("SERVICE"),tag("stage:test")"#, 2),
        (r#"entityId("SERVICE-1","SERVICE-3")"#, 2),
        (r#"type("SERVICE"),entityId("SERVICE-3")"#, 1),
        (r#"entityId("SERVICE-4")"#, 0),
        (r#"entityId("SERVICE-9")"#, 0),
        (r#"type("SERVICE"),tag("stage:prod")"#, 0),
    ] {
        assert_eq!(reported(&caller, selector).await?, count, "{selector}");
    }
    Ok(())
}

#[tokio::test]
async fn nothing_that_matches_is_a_success_without_reports() -> anyhow::Result<()> {
    let caller = Caller::with_two_services().await?;
    caller.tenant.match_no_entity(Times::N(2));
    let empty = json!({ "reportCount": 0, "eventIngestResults": [] });
    for _ in 0..2 {
        let answer = report(&caller, &deployment(r#"entityId("SERVICE-A")"#)).await?;
        assert_eq!(answer, empty);
    }
    assert!(caller.tenant.events().is_empty());
    assert_eq!(reported(&caller, r#"entityId("SERVICE-A")"#).await?, 1);
    Ok(())
}

#[tokio::test]
async fn without_a_selector_the_environment_is_meant() -> anyhow::Result<()> {
    let caller = Caller::with_two_services().await?;
    let body = json!({ "eventType": "CUSTOM_INFO", "title": "Hello" });
    assert_eq!(report(&caller, &body).await?["reportCount"], 1);
    let events = listed(&caller, &[]).await?;
    assert_eq!(events[0]["entityId"]["entityId"]["type"], "ENVIRONMENT");
    Ok(())
}

#[tokio::test]
async fn accepted_is_not_stored() -> anyhow::Result<()> {
    let caller = Caller::with_two_services().await?;
    let selector = r#"entityId("SERVICE-A")"#;
    for (reason, status) in [
        (Unstored::InvalidMetadata, "INVALID_METADATA"),
        (Unstored::InvalidEntityType, "INVALID_ENTITY_TYPE"),
        (Unstored::InvalidTimestamps, "INVALID_TIMESTAMPS"),
    ] {
        caller.tenant.store_no_event(reason, Times::N(1));
        let answer = report(&caller, &deployment(selector)).await?;
        assert_eq!(answer["reportCount"], 1);
        assert_eq!(answer["eventIngestResults"][0]["status"], status);
    }
    let mut foreign = deployment(selector);
    foreign["properties"]["dt.mine"] = "x".into();
    let mut early = deployment(selector);
    early["startTime"] = (NOW - 31 * DAY).into();
    for (body, status) in [(foreign, "INVALID_METADATA"), (early, "INVALID_TIMESTAMPS")] {
        let answer = report(&caller, &body).await?;
        assert_eq!(answer["eventIngestResults"][0]["status"], status);
    }
    assert!(caller.tenant.events().is_empty());
    Ok(())
}

#[tokio::test]
async fn too_many_and_too_long_properties_are_refused() -> anyhow::Result<()> {
    let caller = Caller::with_two_services().await?;
    let many = |count| -> Map<String, Value> {
        (0..count)
            .map(|n| (format!("key{n}"), "x".into()))
            .collect()
    };
    let one = |key: &str, value: Value| Map::from_iter([(key.to_owned(), value)]);
    for (properties, status) in [
        (many(100), 201),
        (many(101), 400),
        (one("key", "x".repeat(4_096).into()), 201),
        (one("key", "x".repeat(4_097).into()), 400),
        (one(&"k".repeat(101), "x".into()), 400),
        (one("key", 42.into()), 400),
    ] {
        let mut body = deployment(r#"entityId("SERVICE-A")"#);
        body["properties"] = properties.into();
        assert_eq!(caller.post(INGEST, &body).await?.status, status);
    }
    Ok(())
}

#[tokio::test]
async fn malformed_reports_are_refused() -> anyhow::Result<()> {
    let caller = Caller::with_two_services().await?;
    for body in [
        json!({ "title": "Hello" }),
        json!({ "eventType": "CUSTOM_INFO" }),
        json!({ "eventType": "RESOURCE_CONTENTION", "title": "Hello" }),
        json!({ "eventType": "CUSTOM_INFO", "title": "Hello", "entitySelector": "tag(a)" }),
        json!([]),
    ] {
        assert_eq!(
            caller.post(INGEST, &body).await?.refused()?.0,
            400,
            "{body}"
        );
    }
    Ok(())
}

#[tokio::test]
async fn an_event_is_shown_as_recorded_ones_are() -> anyhow::Result<()> {
    let caller = Caller::with_two_services().await?;
    reported(&caller, r#"entityId("SERVICE-A")"#).await?;
    let stored = &caller.tenant.events()[0];
    let expected = json!({
        "eventId": stored.id,
        "startTime": NOW,
        "endTime": NOW,
        "eventType": "CUSTOM_DEPLOYMENT",
        "title": "Front 42",
        "entityId": {
            "entityId": { "id": "SERVICE-A", "type": "SERVICE" },
            "name": "Front",
        },
        "properties": [
            { "key": "CodeDeploy.DeploymentId", "value": "d-ABCDEF123" },
            { "key": "dt.event.deployment.version", "value": "42" },
            { "key": "dt.event.source", "value": "AWS CodePipeline" },
        ],
        "status": "CLOSED",
        "correlationId": stored.correlation_id,
        "entityTags": [{
            "context": "CONTEXTLESS", "key": "DeploymentGroup", "value": "Staging",
            "stringRepresentation": "DeploymentGroup:Staging",
        }],
        "managementZones": [],
        "underMaintenance": false,
        "suppressAlert": false,
        "suppressProblem": false,
        "frequentEvent": false,
    });
    assert_eq!(listed(&caller, &[]).await?, std::slice::from_ref(&expected));
    let path = format!("{EVENTS}/{}", stored.id);
    assert_eq!(caller.get(&path, &[]).await?.ok()?, expected);
    Ok(())
}

#[tokio::test]
async fn an_entity_that_is_gone_has_no_name() -> anyhow::Result<()> {
    let caller = Caller::with_two_services().await?;
    reported(&caller, r#"entityId("SERVICE-A")"#).await?;
    caller.tenant.remove("SERVICE-A");
    let event = &listed(&caller, &[]).await?[0];
    let gone = json!({ "entityId": { "id": "SERVICE-A", "type": "SERVICE" } });
    assert_eq!(event["entityId"], gone);
    Ok(())
}

#[tokio::test]
async fn selectors_and_timeframes_choose() -> anyhow::Result<()> {
    let caller = Caller::with_two_services().await?;
    let mut old = deployment(r#"entityId("SERVICE-A")"#);
    old["startTime"] = (NOW - 121 * MINUTE).into();
    report(&caller, &old).await?;
    reported(&caller, r#"entityId("SERVICE-A")"#).await?;
    reported(&caller, r#"entityId("SERVICE-B")"#).await?;
    let info = json!({
        "eventType": "CUSTOM_INFO", "title": "Hello", "entitySelector": "type(SERVICE)",
    });
    report(&caller, &info).await?;

    let selector = |text| vec![("eventSelector", text)];
    for (query, count) in [
        (vec![], 4),
        (vec![("from", "now-3h")], 5),
        (vec![("from", "now-3h"), ("to", "now-2h")], 1),
        (selector(r#"eventType("CUSTOM_DEPLOYMENT")"#), 2),
        (selector(r#"entityId("SERVICE-A")"#), 2),
        (selector(r#"status("CLOSED")"#), 4),
        (selector(r#"status("OPEN")"#), 0),
        (selector(r#"property.dt.event.deployment.version("42")"#), 2),
        (
            vec![(
                "entitySelector",
                r#"type(SERVICE),entityName.equals("Back")"#,
            )],
            2,
        ),
    ] {
        assert_eq!(listed(&caller, &query).await?.len(), count, "{query:?}");
    }
    for text in [
        r#"eventType("CUSTOM_DEPLOYMENT","CUSTOM_INFO")"#,
        r#"property.dt.event.source("AWS CodePipeline")"#,
    ] {
        let answered = caller.get(EVENTS, &selector(text)).await?;
        assert_eq!(answered.refused()?.0, 400, "{text}");
    }
    Ok(())
}

#[tokio::test]
async fn following_pages_are_asked_for_by_key_alone() -> anyhow::Result<()> {
    let caller = Caller::with_two_services().await?;
    for ago in 0..5 {
        let mut body = deployment(r#"entityId("SERVICE-A")"#);
        body["startTime"] = (NOW - ago * MINUTE).into();
        report(&caller, &body).await?;
    }
    let mut body = caller.get(EVENTS, &[("pageSize", "2")]).await?.ok()?;
    let mut starts = Vec::new();
    loop {
        assert_eq!(body["totalCount"], 5);
        let events = body["events"].as_array().cloned().unwrap_or_default();
        starts.extend(
            events
                .iter()
                .filter_map(|event| event["startTime"].as_i64()),
        );
        let Some(key) = body["nextPageKey"].as_str() else {
            break;
        };
        let both = [("nextPageKey", key), ("from", "now-2h")];
        assert_eq!(caller.get(EVENTS, &both).await?.refused()?.0, 400);
        body = caller.get(EVENTS, &[("nextPageKey", key)]).await?.ok()?;
    }
    assert_eq!(starts.len(), 5);
    assert!(
        !starts.is_sorted_by(|one, other| one >= other),
        "newest first: {starts:?}"
    );
    assert!(!starts.is_sorted(), "oldest first: {starts:?}");
    Ok(())
}

#[tokio::test]
async fn events_are_seen_only_after_their_delay() -> anyhow::Result<()> {
    let caller = Caller::with_two_services().await?;
    caller
        .tenant
        .events_arrive_after(std::time::Duration::from_mins(1));
    reported(&caller, r#"entityId("SERVICE-A")"#).await?;
    assert!(listed(&caller, &[]).await?.is_empty());
    caller.tenant.set_now(NOW + MINUTE);
    assert_eq!(listed(&caller, &[]).await?.len(), 1);
    Ok(())
}

#[tokio::test]
async fn reading_and_reporting_want_scopes_of_their_own() -> anyhow::Result<()> {
    let caller = Caller::with_two_services().await?;
    let withdraw = |scope: &str| {
        let fault = Fault::MissingScope(scope.to_owned());
        caller.tenant.clear_faults();
        caller.tenant.fail(fault, Times::Always, "/");
    };
    let body = deployment(r#"entityId("SERVICE-A")"#);
    withdraw("events.ingest");
    assert_eq!(caller.post(INGEST, &body).await?.refused()?.0, 403);
    caller.get(EVENTS, &[]).await?.ok()?;
    caller.get("/api/v2/eventProperties", &[]).await?.ok()?;
    withdraw("events.read");
    assert_eq!(caller.post(INGEST, &body).await?.status, 201);
    assert_eq!(caller.get(EVENTS, &[]).await?.refused()?.0, 403);
    Ok(())
}
