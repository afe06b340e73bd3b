//! Events on their way to the tenant.

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use dynatrace::{Announced, Api, Error, Event, EventKind};
use serde_json::{Value, json as value};

use crate::tenant::{FakeTenant, json, later, refused};

fn deployment(entities: &[&str]) -> Event {
    let properties = [
        ("CodeDeploy.DeploymentId", "d-ABCDEF123"),
        ("CodeDeploy.DeploymentGroup", "Production"),
    ];
    Event {
        kind: EventKind::Deployment,
        title: "PRODDeploy d-ABCDEF123".into(),
        description: Some("CodePipeline deploying in Production".into()),
        entities: entities.iter().map(ToString::to_string).collect(),
        start_ms: Some(1_767_607_200_000),
        end_ms: Some(1_767_607_260_000),
        source: "AWS CodePipeline".into(),
        name: Some("PRODDeploy".into()),
        version: Some("d-ABCDEF123".into()),
        project: Some("SampleDevOpsPipeline".into()),
        ci_back_link: Some("https://ci.example.com/42".into()),
        remediation_link: Some("https://heal.example.com/".into()),
        properties: properties
            .map(|(key, value)| (key.into(), value.into()))
            .into(),
    }
}

fn ingested(body: &'static str) -> Response {
    (StatusCode::CREATED, json(body)).into_response()
}

async fn announced(api: Api, answer: fn() -> Response) -> Result<Announced, Error> {
    let tenant = FakeTenant::answering(move |_| answer()).await;
    let event = deployment(&["SERVICE-1"]);
    tenant.client(api).announce(&event, later()).await
}

#[tokio::test]
async fn a_deployment_is_ingested_with_reserved_and_own_properties() {
    let tenant = FakeTenant::answering(|_| {
        ingested(
            r#"{"reportCount":2,"eventIngestResults":[
                {"correlationId":"1ffdfaec762febda","status":"OK"},
                {"correlationId":"2ffdfaec762febda","status":"OK"}]}"#,
        )
    })
    .await;
    let client = tenant.client(Api::V2);

    let announced = client
        .announce(&deployment(&["SERVICE-1", "SERVICE-2"]), later())
        .await
        .unwrap();

    assert_eq!(
        announced,
        Announced::Attached {
            attached: 2,
            ids: vec!["1ffdfaec762febda".into(), "2ffdfaec762febda".into()],
        }
    );
    assert_eq!(client.calls().events, 1);
    assert_eq!(tenant.seen()[0].method, "POST");
    assert_eq!(tenant.seen()[0].path, "/api/v2/events/ingest");
    assert_eq!(
        tenant.seen()[0].body,
        value!({
            "eventType": "CUSTOM_DEPLOYMENT",
            "title": "PRODDeploy d-ABCDEF123",
            "entitySelector": r#"entityId("SERVICE-1","SERVICE-2")"#,
            "startTime": 1_767_607_200_000_i64,
            "endTime": 1_767_607_260_000_i64,
            "properties": {
                "dt.event.source": "AWS CodePipeline",
                "dt.event.description": "CodePipeline deploying in Production",
                "dt.event.deployment.name": "PRODDeploy",
                "dt.event.deployment.version": "d-ABCDEF123",
                "dt.event.deployment.project": "SampleDevOpsPipeline",
                "dt.event.deployment.ci_back_link": "https://ci.example.com/42",
                "dt.event.deployment.remediation_action_link": "https://heal.example.com/",
                "CodeDeploy.DeploymentId": "d-ABCDEF123",
                "CodeDeploy.DeploymentGroup": "Production",
            },
        })
    );
}

#[tokio::test]
async fn a_deployment_is_posted_to_v1_with_fields_of_its_own() {
    let tenant = FakeTenant::answering(|_| {
        json(
            r#"{"storedEventIds":[-8338439733889003014],
                "storedIds":["-8338439733889003014_1654148872269"],"storedCorrelationIds":[]}"#,
        )
    })
    .await;

    let announced = tenant
        .client(Api::V1)
        .announce(&deployment(&["SERVICE-1"]), later())
        .await
        .unwrap();

    assert_eq!(
        announced,
        Announced::Attached {
            attached: 1,
            ids: vec!["-8338439733889003014_1654148872269".into()],
        }
    );
    assert_eq!(tenant.seen()[0].path, "/api/v1/events");
    assert_eq!(
        tenant.seen()[0].body,
        value!({
            "eventType": "CUSTOM_DEPLOYMENT",
            "source": "AWS CodePipeline",
            "attachRules": {"entityIds": ["SERVICE-1"]},
            "start": 1_767_607_200_000_i64,
            "end": 1_767_607_260_000_i64,
            "deploymentName": "PRODDeploy",
            "deploymentVersion": "d-ABCDEF123",
            "deploymentProject": "SampleDevOpsPipeline",
            "ciBackLink": "https://ci.example.com/42",
            "remediationAction": "https://heal.example.com/",
            "customProperties": {
                "CodeDeploy.DeploymentId": "d-ABCDEF123",
                "CodeDeploy.DeploymentGroup": "Production",
                "description": "CodePipeline deploying in Production",
            },
        })
    );
}

#[tokio::test]
async fn what_is_not_known_of_an_event_is_not_sent() {
    for (api, fields) in [
        (
            Api::V2,
            vec!["eventType", "title", "entitySelector", "properties"],
        ),
        (
            Api::V1,
            vec![
                "eventType",
                "source",
                "attachRules",
                "title",
                "description",
                "customProperties",
            ],
        ),
    ] {
        let tenant = FakeTenant::answering(|_| json("{}")).await;
        let event = Event {
            kind: EventKind::Info,
            title: "moved".into(),
            entities: vec!["HOST-1".into()],
            ..Event::default()
        };

        let announced = tenant.client(api).announce(&event, later()).await;
        assert!(announced.is_ok());

        let seen = tenant.seen();
        let Value::Object(body) = &seen[0].body else {
            panic!("the body is not an object");
        };
        assert_eq!(body.keys().collect::<Vec<_>>(), fields);
        assert_eq!(body["eventType"], "CUSTOM_INFO");
    }
}

#[tokio::test]
async fn ids_of_v1_that_no_float_can_hold_stay_exact() {
    let announced = announced(Api::V1, || {
        json(r#"{"storedEventIds":[-7892432332072369171],"storedCorrelationIds":null}"#)
    })
    .await;

    assert!(
        matches!(announced, Ok(Announced::Attached { attached: 1, ids })
        if ids == ["-7892432332072369171"])
    );
}

#[tokio::test]
async fn a_report_that_counts_nobody_is_told_from_success() {
    let shapes: [fn() -> Response; 4] = [
        || ingested(r#"{"reportCount":0,"eventIngestResults":[]}"#),
        || {
            ingested(
                r#"{"reportCount":0,"eventIngestResults":[{"correlationId":"1","status":"OK"}]}"#,
            )
        },
        || ingested(r#"{"reportCount":0,"eventIngestResults":null}"#),
        || ingested("{}"),
    ];
    for answer in shapes {
        let announced = announced(Api::V2, answer).await;

        assert_eq!(announced.unwrap(), Announced::NobodyMatched);
    }
}

#[tokio::test]
async fn every_wording_of_v1_for_nobody_is_understood() {
    let refusals: [fn() -> Response; 4] = [
        || {
            refused(
                400,
                "Invalid attachRules object provided. No MEIdentifier do match: Matching rule: \
                 PushEventAttachRules{entityIds=[SERVICE-1], tagRules=null}",
            )
        },
        || {
            refused(
                400,
                "Invalid attachRules object provided. No entity IDs match: Matching rule: x",
            )
        },
        || refused(400, "Event refused: No entity IDs match"),
        || refused(400, "Invalid attachRules object provided"),
    ];
    for answer in refusals {
        let announced = announced(Api::V1, answer).await;

        assert_eq!(announced.unwrap(), Announced::NobodyMatched);
    }
    assert_eq!(
        announced(Api::V1, || json(r#"{"storedEventIds":[]}"#))
            .await
            .unwrap(),
        Announced::NobodyMatched
    );
}

#[tokio::test]
async fn other_refusals_of_an_event_are_errors_that_say_why() {
    for api in [Api::V1, Api::V2] {
        let malformed = announced(api, || refused(400, "eventType must not be null")).await;
        let scope = announced(api, || {
            refused(
                403,
                "Token is missing required scope. Use one of: events.ingest (Ingest events)",
            )
        })
        .await;

        assert!(matches!(malformed, Err(Error::BadSelector(text)) if text.contains("eventType")));
        assert!(matches!(scope, Err(Error::ScopeMissing(text)) if text.contains("events.ingest")));
    }
}

#[tokio::test]
async fn a_status_other_than_ok_is_not_a_success() {
    let none = announced(Api::V2, || {
        ingested(r#"{"reportCount":1,"eventIngestResults":[{"status":"INVALID_METADATA"}]}"#)
    })
    .await;
    let some = announced(Api::V2, || {
        ingested(
            r#"{"reportCount":3,"eventIngestResults":[
                {"correlationId":"1","status":"OK"},{"correlationId":null,"status":"INVALID_ENTITY_TYPE"},
                {"status":"INVALID_ENTITY_TYPE"}]}"#,
        )
    })
    .await;

    assert_eq!(
        none.unwrap(),
        Announced::Refused {
            attached: 0,
            statuses: vec!["INVALID_METADATA".into()],
        }
    );
    assert_eq!(
        some.unwrap(),
        Announced::Refused {
            attached: 1,
            statuses: vec!["INVALID_ENTITY_TYPE".into()],
        }
    );
}

#[tokio::test]
async fn more_entities_than_a_selector_holds_are_several_requests() {
    let tenant = FakeTenant::answering(|seen| {
        let selector = seen.body["entitySelector"].as_str().unwrap_or_default();
        let count = selector.matches("SERVICE-").count();
        let results: Vec<_> = (0..count)
            .map(|n| value!({"correlationId": format!("{}-{n}", seen.earlier), "status": "OK"}))
            .collect();
        let body = value!({"reportCount": count, "eventIngestResults": results});
        (StatusCode::CREATED, json(body.to_string())).into_response()
    })
    .await;
    let ids: Vec<_> = (0..150).map(|n| format!("SERVICE-{n:016X}")).collect();
    let ids: Vec<_> = ids.iter().map(String::as_str).collect();

    let announced = tenant
        .client(Api::V2)
        .announce(&deployment(&ids), later())
        .await;

    assert!(
        matches!(announced, Ok(Announced::Attached { attached: 150, ids }) if ids.len() == 150)
    );
    assert_eq!(tenant.seen().len(), 3);
}

#[tokio::test]
async fn an_event_without_entities_is_not_given_to_the_environment() {
    for api in [Api::V2, Api::V1] {
        let tenant = FakeTenant::answering(|_| json("{}")).await;

        let announced = tenant.client(api).announce(&deployment(&[]), later()).await;

        assert_eq!(announced.unwrap(), Announced::NobodyMatched);
        assert!(tenant.seen().is_empty());
    }
}

#[tokio::test]
async fn properties_are_cut_to_what_a_tenant_accepts() {
    for (api, field) in [(Api::V2, "properties"), (Api::V1, "customProperties")] {
        let tenant = FakeTenant::answering(|_| json("{}")).await;
        let mut event = deployment(&["SERVICE-1"]);
        event.remediation_link = None;
        event.properties = (0..150)
            .map(|n| (format!("{n:0120}"), "v".repeat(5000)))
            .collect();
        event.properties.insert("0".into(), "short".into());

        let announced = tenant.client(api).announce(&event, later()).await;
        assert!(announced.is_ok());

        let seen = tenant.seen();
        let sent = seen[0].body[field].as_object().unwrap();
        assert!(sent.len() <= 100);
        assert_eq!(sent["0"], "short");
        assert!(sent.keys().all(|key| key.len() <= 100));
        let values = sent.values().filter_map(Value::as_str);
        assert!(values.clone().all(|value| value.len() <= 4096));
        assert!(values.clone().any(|value| value.len() == 4096));
    }
}
