//! Events on their way back from the tenant.

use dynatrace::{Api, Error, EventKind, RecordedEvent};

use crate::tenant::{FakeTenant, WINDOW, json, later, refused};

async fn deployments(tenant: &FakeTenant, api: Api) -> Result<Vec<RecordedEvent>, Error> {
    tenant
        .client(api)
        .deployment_events("SERVICE-1", WINDOW, later())
        .await
}

fn production() -> RecordedEvent {
    let properties = [
        ("CodeDeploy.DeploymentId", "d-ABCDEF123"),
        ("CodeDeploy.DeploymentGroup", "Production"),
    ];
    RecordedEvent {
        id: "-8338439733889003014_1767607300000".into(),
        start_ms: 1_767_607_300_000,
        entity: "SERVICE-1".into(),
        title: "PRODDeploy".into(),
        description: Some("CodePipeline deploying in Production".into()),
        source: Some("AWS CodePipeline".into()),
        name: Some("PRODDeploy".into()),
        version: Some("42".into()),
        project: Some("SampleDevOpsPipeline".into()),
        ci_back_link: Some("https://ci.example.com/42".into()),
        remediation_link: Some("https://heal.example.com/".into()),
        properties: properties
            .map(|(key, value)| (key.into(), value.into()))
            .into(),
    }
}

#[tokio::test]
async fn a_deployment_of_v2_is_read_out_of_its_list_of_properties() {
    let tenant = FakeTenant::answering(|_| {
        json(
            r#"{"totalCount":1,"pageSize":1000,"warnings":null,"events":[{
                "eventId":"-8338439733889003014_1767607300000","startTime":1767607300000,"endTime":1767607300000,
                "eventType":"CUSTOM_DEPLOYMENT","title":"PRODDeploy","status":"CLOSED","correlationId":"1ffdfaec762febda",
                "entityId":{"entityId":{"id":"SERVICE-1","type":"SERVICE"},"name":"SampleNodeJsService"},
                "properties":[
                    {"key":"dt.event.source","value":"AWS CodePipeline"},
                    {"key":"dt.event.description","value":"CodePipeline deploying in Production"},
                    {"key":"dt.event.deployment.name","value":"PRODDeploy"},
                    {"key":"dt.event.deployment.version","value":"42"},
                    {"key":"dt.event.deployment.project","value":"SampleDevOpsPipeline"},
                    {"key":"dt.event.deployment.ci_back_link","value":"https://ci.example.com/42"},
                    {"key":"dt.event.deployment.remediation_action_link","value":"https://heal.example.com/"},
                    {"key":"CodeDeploy.DeploymentId","value":"d-ABCDEF123"},
                    {"key":"CodeDeploy.DeploymentGroup","value":"Production"}],
                "entityTags":[],"managementZones":[]}]}"#,
        )
    })
    .await;

    let events = deployments(&tenant, Api::V2).await.unwrap();

    assert_eq!(events, [production()]);
    let seen = &tenant.seen()[0];
    assert_eq!(seen.path, "/api/v2/events");
    assert_eq!(
        seen.one("eventSelector"),
        Some(r#"eventType("CUSTOM_DEPLOYMENT"),entityId("SERVICE-1")"#)
    );
    assert_eq!(seen.one("from"), Some("1767607200000"));
    assert_eq!(seen.one("to"), Some("1767607500000"));
}

#[tokio::test]
async fn a_deployment_of_v1_is_read_out_of_its_fields() {
    let tenant = FakeTenant::answering(|_| {
        json(
            r#"{"nextEventStartTms":null,"nextEventId":null,"nextCursor":null,"totalEventCount":1,"events":[{
                "eventId":-8338439733889003014,"id":"-8338439733889003014_1767607300000",
                "startTime":1767607300000,"endTime":1767607300000,"entityId":"SERVICE-1","entityName":"SampleNodeJsService",
                "severityLevel":null,"impactLevel":"SERVICE","eventType":"CUSTOM_DEPLOYMENT","eventStatus":"CLOSED",
                "source":"AWS CodePipeline","deploymentName":"PRODDeploy","deploymentVersion":"42",
                "deploymentProject":"SampleDevOpsPipeline","ciBackLink":"https://ci.example.com/42",
                "remediationAction":"https://heal.example.com/",
                "customProperties":{"CodeDeploy.DeploymentId":"d-ABCDEF123","CodeDeploy.DeploymentGroup":"Production",
                                    "description":"CodePipeline deploying in Production"}}]}"#,
        )
    })
    .await;

    let events = deployments(&tenant, Api::V1).await.unwrap();

    assert_eq!(events, [production()]);
    let seen = &tenant.seen()[0];
    assert_eq!(seen.path, "/api/v1/events");
    assert_eq!(seen.one("eventType"), Some("CUSTOM_DEPLOYMENT"));
    assert_eq!(seen.one("entityId"), Some("SERVICE-1"));
    assert_eq!(seen.one("from"), Some("1767607200000"));
    assert_eq!(seen.one("to"), Some("1767607500000"));
}

#[tokio::test]
async fn the_latest_event_comes_first_whatever_the_order_of_the_tenant() {
    let pages = |api| match api {
        Api::V2 => [
            r#"{"nextPageKey":"AQ+/M==","events":[{"eventId":"b","startTime":2},{"eventId":"c","startTime":3}]}"#,
            r#"{"events":[{"eventId":"d","startTime":4,"endTime":-1},{"eventId":"a","startTime":1,"endTime":null}]}"#,
        ],
        Api::V1 => [
            r#"{"nextCursor":"AQ+/M==","events":[{"id":"b","startTime":2},{"id":"c","startTime":3}]}"#,
            r#"{"events":[{"id":"d","startTime":4,"endTime":-1},{"id":"a","startTime":1,"endTime":null}]}"#,
        ],
    };
    for (api, key) in [(Api::V2, "nextPageKey"), (Api::V1, "cursor")] {
        let tenant = FakeTenant::answering(move |seen| json(pages(api)[seen.earlier])).await;

        let events = deployments(&tenant, api).await.unwrap();

        let ids: Vec<_> = events.iter().map(|event| event.id.as_str()).collect();
        assert_eq!(ids, ["d", "c", "b", "a"], "{api:?}");
        let second = &tenant.seen()[1];
        assert_eq!(second.query, [(key.to_owned(), "AQ+/M==".to_owned())]);
    }
}

#[tokio::test]
async fn a_cursor_that_is_already_encoded_is_not_encoded_twice() {
    let tenant = FakeTenant::answering(|seen| match seen.earlier {
        0 => json(r#"{"nextCursor":"ABc%3D%3D","events":[]}"#),
        _ => json(r#"{"nextCursor":"","events":[]}"#),
    })
    .await;

    assert_eq!(deployments(&tenant, Api::V1).await.unwrap(), []);

    assert_eq!(tenant.seen()[1].raw, "cursor=ABc%3D%3D");
}

#[tokio::test]
async fn a_page_of_events_that_leads_to_itself_ends_the_reading() {
    let tenant = FakeTenant::answering(|_| {
        json(r#"{"nextPageKey":"again","nextCursor":"again","events":[]}"#)
    })
    .await;

    for api in [Api::V2, Api::V1] {
        let failed = deployments(&tenant, api).await;

        assert!(matches!(failed, Err(Error::Malformed { .. })), "{api:?}");
    }
}

#[tokio::test]
async fn an_event_of_v1_without_a_text_id_keeps_its_exact_number() {
    let tenant = FakeTenant::answering(|_| {
        json(r#"{"events":[{"eventId":-8338439733889003015,"startTime":1}]}"#)
    })
    .await;

    let events = deployments(&tenant, Api::V1).await.unwrap();

    assert_eq!(events[0].id, "-8338439733889003015");
    assert!(events[0].properties.is_empty());
}

#[tokio::test]
async fn an_event_of_v2_survives_its_entity_and_odd_properties() {
    let tenant = FakeTenant::answering(|_| {
        json(
            r#"{"events":[{"eventId":"1","startTime":1,"title":null,
                "entityId":{"entityId":{"id":"SERVICE-1","type":"SERVICE"}},
                "properties":[{"key":"count","value":3},{"key":"empty"},{"key":"none","value":null}]}]}"#,
        )
    })
    .await;

    let events = deployments(&tenant, Api::V2).await.unwrap();

    assert_eq!(events[0].entity, "SERVICE-1");
    let properties: Vec<_> = events[0].properties.iter().collect();
    let expected = [("count", "3"), ("empty", ""), ("none", "")];
    assert_eq!(
        properties,
        expected
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .iter()
            .map(|(key, value)| (key, value))
            .collect::<Vec<_>>()
    );
}

#[tokio::test]
async fn other_kinds_of_events_have_a_title_in_v1_too() {
    for (kind, fields) in [
        (
            EventKind::Annotation,
            r#""annotationType":"healed","annotationDescription":"by us""#,
        ),
        (
            EventKind::Configuration,
            r#""configuration":"healed","description":"by us""#,
        ),
        (EventKind::Info, r#""title":"healed","description":"by us""#),
    ] {
        let tenant = FakeTenant::answering(move |_| {
            json(format!(
                r#"{{"events":[{{"id":"1","startTime":1,{fields}}}]}}"#
            ))
        })
        .await;

        let client = tenant.client(Api::V1);
        let events = client
            .events(kind, &["HOST-1".to_owned()], WINDOW, later())
            .await
            .unwrap();

        assert_eq!(events[0].title, "healed");
        assert_eq!(events[0].description.as_deref(), Some("by us"));
        assert_eq!(tenant.seen()[0].one("eventType"), Some(kind.name()));
    }
}

#[tokio::test]
async fn quotes_in_an_id_do_not_widen_the_question() {
    let tenant = FakeTenant::answering(|_| json(r#"{"events":[]}"#)).await;

    let client = tenant.client(Api::V2);
    let odd = r#"X"),status("OPEN"#;
    client
        .deployment_events(odd, WINDOW, later())
        .await
        .unwrap();

    assert_eq!(
        tenant.seen()[0].one("eventSelector"),
        Some(r#"eventType("CUSTOM_DEPLOYMENT"),entityId("X~"),status(~"OPEN")"#)
    );
}

#[tokio::test]
async fn a_tenant_without_v1_says_so_when_asked_for_events() {
    for status in [404, 410] {
        let tenant = FakeTenant::answering(move |_| refused(status, "Not found")).await;

        let failed = deployments(&tenant, Api::V1).await;

        assert!(matches!(failed, Err(Error::ApiGone)), "{status}");
    }
}

fn processes(count: usize) -> Vec<String> {
    (0..count)
        .map(|n| format!("PROCESS_GROUP_INSTANCE-{n:016X}"))
        .collect()
}

#[tokio::test]
async fn many_entities_of_v2_share_requests() {
    let tenant = FakeTenant::answering(|seen| {
        json(format!(
            r#"{{"events":[{{"eventId":"{0}","startTime":{0}}}]}}"#,
            seen.earlier
        ))
    })
    .await;
    let ids = processes(60);

    let client = tenant.client(Api::V2);
    let events = client
        .events(EventKind::Deployment, &ids, WINDOW, later())
        .await
        .unwrap();

    assert_eq!((events[0].start_ms, events[1].start_ms), (1, 0));
    let seen = tenant.seen();
    let asked: Vec<&str> = seen
        .iter()
        .filter_map(|seen| seen.one("eventSelector"))
        .collect();
    assert_eq!(asked.len(), 2, "{asked:?}");
    for id in ids {
        assert_eq!(asked.concat().matches(&id).count(), 1, "{id}");
    }
}

#[tokio::test]
async fn many_entities_of_v1_are_found_among_all() {
    let tenant = FakeTenant::answering(|_| {
        json(
            r#"{"events":[{"id":"1","startTime":1,"entityId":"SERVICE-1"},
                {"id":"2","startTime":2,"entityId":"PROCESS_GROUP_INSTANCE-0000000000000008"}]}"#,
        )
    })
    .await;

    let client = tenant.client(Api::V1);
    let events = client
        .events(EventKind::Deployment, &processes(9), WINDOW, later())
        .await
        .unwrap();

    let ids: Vec<_> = events.iter().map(|event| event.id.as_str()).collect();
    assert_eq!(ids, ["2"]);
    let seen = tenant.seen();
    assert_eq!((seen.len(), seen[0].one("entityId")), (1, None));
}

#[tokio::test]
async fn events_of_v1_without_end_are_given_up() {
    let tenant = FakeTenant::answering(|seen| {
        json(format!(
            r#"{{"nextCursor":"{}","events":[]}}"#,
            seen.earlier
        ))
    })
    .await;

    let client = tenant.client(Api::V1);
    let given_up = client
        .events(EventKind::Deployment, &processes(9), WINDOW, later())
        .await;

    assert!(
        matches!(given_up, Err(Error::Unavailable { .. })),
        "{given_up:?}"
    );
    assert_eq!(tenant.seen().len(), 10);
}

#[tokio::test]
async fn nobodys_events_are_not_asked_for() {
    let tenant = FakeTenant::answering(|_| json(r#"{"events":[]}"#)).await;

    for api in [Api::V2, Api::V1] {
        let client = tenant.client(api);
        let events = client
            .events(EventKind::Deployment, &[], WINDOW, later())
            .await;
        assert_eq!(events.unwrap(), [], "{api:?}");
    }

    assert!(tenant.seen().is_empty());
}
