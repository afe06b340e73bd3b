//! Events of API v1, and the same events in both versions.

use fake_dynatrace::{NoMatchText, Times};
use reqwest::Method;
use serde_json::{Value, json};

use crate::caller::{Answered, Caller, MINUTE, NOW};

const EVENTS: &str = "/api/v1/events";
const DAY: i64 = 24 * 60 * MINUTE;

fn deployment() -> Value {
    json!({
        "eventType": "CUSTOM_DEPLOYMENT",
        "source": "AWS CodePipeline",
        "start": NOW.to_string(),
        "end": NOW,
        "attachRules": { "tagRule": [{
            "meTypes": ["SERVICE"],
            "tags": [{
                "context": "CONTEXTLESS", "key": "DeploymentGroup", "value": "Staging",
            }],
        }]},
        "deploymentName": "Front",
        "deploymentVersion": "42",
        "deploymentProject": "Shop",
        "remediationAction": "https://heal.example",
        "customProperties": { "CodeDeploy.DeploymentId": "d-ABCDEF123" },
    })
}

fn on(entity: &str) -> Value {
    let mut body = deployment();
    body["attachRules"] = json!({ "entityIds": [entity] });
    body
}

async fn listed(caller: &Caller, query: &[(&str, &str)]) -> anyhow::Result<Vec<Value>> {
    let body = caller.get(EVENTS, query).await?.ok()?;
    Ok(body["events"].as_array().cloned().unwrap_or_default())
}

#[tokio::test]
async fn stored_ids_are_numbers_no_double_can_hold() -> anyhow::Result<()> {
    let caller = Caller::with_two_services().await?;
    let answer = caller.post(EVENTS, &deployment()).await?.ok()?;
    let numbers: Vec<_> = [0, 1]
        .into_iter()
        .filter_map(|n| answer["storedEventIds"][n].as_i64())
        .collect();
    assert_eq!(numbers.len(), 2);
    assert!(numbers[0] < 0);
    assert!(numbers.iter().all(|number| number.unsigned_abs() > 1 << 53));
    assert_eq!(answer["storedIds"][0], format!("{}_{NOW}", numbers[0]));
    assert_eq!(answer["storedCorrelationIds"], json!([]));
    Ok(())
}

#[tokio::test]
async fn what_matches_nothing_is_refused_in_old_and_new_words() -> anyhow::Result<()> {
    let caller = Caller::start().await?;
    let rule = "Matching rule: PushEventAttachRules{entityIds=null, tagRules=[TagMatchRule{\
                meTypes=[SERVICE], tags=[[CONTEXTLESS]DeploymentGroup:Staging]}]}";
    let old = format!("Invalid attachRules object provided. No MEIdentifier do match: {rule}");
    let new = format!("Invalid attachRules object provided. No entity IDs match: {rule}");
    for message in [&new, &old, &new] {
        let refused = caller.post(EVENTS, &deployment()).await?.refused()?;
        assert_eq!(refused, (400, message.clone()));
    }
    caller.tenant.no_match_text(NoMatchText::Identifier);
    for _ in 0..2 {
        let refused = caller.post(EVENTS, &deployment()).await?.refused()?;
        assert_eq!(refused, (400, old.clone()));
    }
    Ok(())
}

#[tokio::test]
async fn an_entity_that_is_tagged_late_matches_in_the_end() -> anyhow::Result<()> {
    let caller = Caller::with_two_services().await?;
    caller.tenant.match_no_entity(Times::N(2));
    let mut statuses = Vec::new();
    for _ in 0..3 {
        statuses.push(caller.post(EVENTS, &deployment()).await?.status);
    }
    assert_eq!(statuses, [400, 400, 200]);
    assert_eq!(caller.tenant.events().len(), 2);
    Ok(())
}

#[tokio::test]
async fn tags_of_one_rule_add_up_and_rules_are_alternatives() -> anyhow::Result<()> {
    let caller = Caller::start().await?;
    let service = |id| caller.tenant.service(id, "Front").tag("stage", "test");
    service("SERVICE-1").tag("team", "red").add();
    service("SERVICE-2")
        .tag("team", "blue")
        .key_tag("canary")
        .add();
    service("SERVICE-3")
        .tag("team", "red")
        .last_seen(NOW - DAY - 1)
        .add();
    let tag =
        |key: &str, value: &str| json!({ "context": "CONTEXTLESS", "key": key, "value": value });
    let rule = |tags: &[Value]| json!({ "meTypes": ["HOST", "SERVICE"], "tags": tags });
    let canary = json!({ "context": "CONTEXTLESS", "key": "canary" });
    for (rules, count) in [
        (json!([rule(&[tag("stage", "test")])]), 2),
        (
            json!([rule(&[tag("stage", "test"), tag("team", "red")])]),
            1,
        ),
        (
            json!([rule(&[tag("team", "red")]), rule(&[tag("team", "blue")])]),
            2,
        ),
        (json!([rule(&[canary])]), 1),
    ] {
        let mut body = deployment();
        body["attachRules"] = json!({ "tagRule": rules });
        let answer = caller.post(EVENTS, &body).await?.ok()?;
        let stored = answer["storedEventIds"].as_array().map(Vec::len);
        assert_eq!(stored, Some(count), "{rules}");
    }
    Ok(())
}

#[tokio::test]
async fn incomplete_events_are_refused() -> anyhow::Result<()> {
    let caller = Caller::with_two_services().await?;
    for missing in ["eventType", "source", "attachRules", "deploymentVersion"] {
        let mut body = deployment();
        body.as_object_mut().map(|fields| fields.remove(missing));
        let answered = caller.post(EVENTS, &body).await?;
        assert_eq!(answered.refused()?.0, 400, "{missing}");
        let violation = &answered.json()?["error"]["constraintViolations"][0];
        assert_eq!(violation["path"], missing);
    }
    let mut early = deployment();
    early["start"] = (NOW - 31 * DAY).into();
    assert_eq!(caller.post(EVENTS, &early).await?.refused()?.0, 400);
    let mut modern = deployment();
    modern["eventType"] = "RESOURCE_CONTENTION_EVENT".into();
    assert_eq!(caller.post(EVENTS, &modern).await?.refused()?.0, 400);
    Ok(())
}

#[tokio::test]
async fn an_event_of_v1_is_found_in_both_versions() -> anyhow::Result<()> {
    let caller = Caller::with_two_services().await?;
    caller.post(EVENTS, &on("SERVICE-A")).await?.ok()?;
    let id = caller.tenant.events()[0].id.clone();
    let number: i64 = id.split('_').next().unwrap_or_default().parse()?;
    let expected = json!({
        "eventId": number,
        "id": id,
        "startTime": NOW,
        "endTime": NOW,
        "entityId": "SERVICE-A",
        "entityName": "Front",
        "severityLevel": null,
        "impactLevel": "SERVICE",
        "eventType": "CUSTOM_DEPLOYMENT",
        "eventStatus": "CLOSED",
        "tags": [{ "context": "CONTEXTLESS", "key": "DeploymentGroup", "value": "Staging" }],
        "source": "AWS CodePipeline",
        "deploymentName": "Front",
        "deploymentVersion": "42",
        "deploymentProject": "Shop",
        "remediationAction": "https://heal.example",
        "customProperties": { "CodeDeploy.DeploymentId": "d-ABCDEF123" },
    });
    assert_eq!(listed(&caller, &[]).await?, std::slice::from_ref(&expected));
    let one = caller.get(&format!("{EVENTS}/{id}"), &[]).await?.ok()?;
    assert_eq!(one, expected);

    let v2 = caller.get("/api/v2/events", &[]).await?.ok()?;
    assert_eq!(
        v2["events"][0]["properties"],
        json!([
            { "key": "CodeDeploy.DeploymentId", "value": "d-ABCDEF123" },
            { "key": "dt.event.deployment.name", "value": "Front" },
            { "key": "dt.event.deployment.project", "value": "Shop" },
            { "key": "dt.event.deployment.remediation_action_link",
              "value": "https://heal.example" },
            { "key": "dt.event.deployment.version", "value": "42" },
            { "key": "dt.event.source", "value": "AWS CodePipeline" },
        ])
    );
    Ok(())
}

#[tokio::test]
async fn events_of_v2_are_found_in_v1() -> anyhow::Result<()> {
    let caller = Caller::with_two_services().await?;
    for (event_type, title) in [
        ("CUSTOM_DEPLOYMENT", "Front 42"),
        ("CUSTOM_ANNOTATION", "Note"),
    ] {
        let body = json!({
            "eventType": event_type,
            "title": title,
            "entitySelector": r#"entityId("SERVICE-A")"#,
            "properties": { "dt.event.description": "said", "Mine": "kept" },
        });
        assert_eq!(
            caller.post("/api/v2/events/ingest", &body).await?.status,
            201
        );
    }
    let events = listed(&caller, &[("eventType", "CUSTOM_DEPLOYMENT")]).await?;
    assert_eq!(events[0]["deploymentName"], "Front 42");
    assert_eq!(events[0]["description"], "said");
    assert_eq!(events[0]["customProperties"], json!({ "Mine": "kept" }));
    let events = listed(&caller, &[("eventType", "CUSTOM_ANNOTATION")]).await?;
    assert_eq!(events[0]["annotationType"], "Note");
    assert_eq!(events[0]["annotationDescription"], "said");
    Ok(())
}

#[tokio::test]
async fn troubles_are_told_by_correlation() -> anyhow::Result<()> {
    let caller = Caller::with_two_services().await?;
    let body = json!({
        "eventType": "RESOURCE_CONTENTION", "source": "somebody",
        "title": "Full", "description": "The disk is full.", "timeoutMinutes": 10,
        "attachRules": { "entityIds": ["SERVICE-A"] },
    });
    let answer = caller.post(EVENTS, &body).await?.ok()?;
    assert_eq!(answer["storedEventIds"], json!([]));
    assert_eq!(
        answer["storedCorrelationIds"].as_array().map(Vec::len),
        Some(1)
    );
    let event = listed(&caller, &[]).await?.remove(0);
    assert_eq!(event["eventType"], "RESOURCE_CONTENTION");
    assert_eq!(
        (&event["eventStatus"], &event["endTime"]),
        (&json!("OPEN"), &json!(-1))
    );
    caller.tenant.set_now(NOW + 10 * MINUTE);
    let event = listed(&caller, &[]).await?.remove(0);
    assert_eq!(event["eventStatus"], "CLOSED");
    assert_eq!(event["endTime"], NOW + 10 * MINUTE);
    Ok(())
}

#[tokio::test]
async fn a_cursor_leads_through_all_events_of_a_month_newest_first() -> anyhow::Result<()> {
    let caller = Caller::with_two_services().await?;
    for ago in 0..151 {
        let mut body = on("SERVICE-A");
        body["start"] = (NOW - 29 * DAY + ago * MINUTE).into();
        caller.post(EVENTS, &body).await?.ok()?;
    }
    caller.post(EVENTS, &on("SERVICE-B")).await?.ok()?;
    let query = [
        ("entityId", "SERVICE-A"),
        ("eventType", "CUSTOM_DEPLOYMENT"),
    ];
    let first = caller.get(EVENTS, &query).await?.ok()?;
    assert_eq!(first["totalEventCount"], 151);
    assert_eq!(first["from"], NOW - 30 * DAY);
    let starts: Vec<_> = first["events"].as_array().into_iter().flatten().collect();
    assert_eq!(starts.len(), 150);
    assert!(starts.is_sorted_by_key(|event| event["startTime"].as_i64().map(|at| -at)));
    let cursor = first["nextCursor"].as_str().unwrap_or_default();
    assert!(cursor.ends_with("%3D%3D"), "{cursor}");

    let encoded_again = caller.get(EVENTS, &[("cursor", cursor)]).await?.ok()?;
    let as_it_is = caller.request(Method::GET, &format!("{EVENTS}?cursor={cursor}"));
    let as_it_is = Answered::read(as_it_is).await?.ok()?;
    assert_eq!(as_it_is, encoded_again);
    assert_eq!(
        as_it_is["events"][0]["id"],
        first["nextEventId"].to_string() + "_" + &first["nextEventStartTms"].to_string()
    );
    assert_eq!(as_it_is["nextCursor"], Value::Null);
    assert_eq!(as_it_is["events"].as_array().map(Vec::len), Some(1));
    Ok(())
}
