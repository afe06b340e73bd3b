//! Problems of a tenant, one of them and all that are open.

use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Response};
use dynatrace::{Api, EntityRef, Error, Problem, ProblemStatus, Tag};
use serde_json::{Value, json as value};

use crate::tenant::{FakeTenant, json, later, refused};

const ID: &str = "-6004362228644432354_1638271020000V2";

async fn problem(tenant: &FakeTenant, api: Api) -> Result<Option<Problem>, Error> {
    tenant.client(api).problem(ID, later()).await
}

fn service() -> EntityRef {
    EntityRef {
        id: "SERVICE-CB6A2EB13C7858F4".into(),
        name: "SampleNodeJsService".into(),
        type_: "SERVICE".into(),
    }
}

/// An open problem of v2, with what `changes` says instead of its own.
fn v2(changes: &Value) -> Value {
    let service = value!({"entityId": {"id": "SERVICE-CB6A2EB13C7858F4", "type": "SERVICE"},
                          "name": "SampleNodeJsService"});
    let mut problem = value!({
        "problemId": ID, "displayId": "P-211117376", "title": "Response time degradation",
        "impactLevel": "SERVICES", "severityLevel": "PERFORMANCE", "status": "OPEN",
        "affectedEntities": [service], "impactedEntities": [service], "rootCauseEntity": null,
        "managementZones": [], "problemFilters": [{"id": "1", "name": "Default"}],
        "entityTags": [{"context": "CONTEXTLESS", "key": "DeploymentGroup", "value": "Production",
                        "stringRepresentation": "DeploymentGroup:Production"}],
        "linkedProblemInfo": null, "startTime": 1_638_271_320_000_i64, "endTime": -1,
        "evidenceDetails": {"totalCount": 4, "details": [
            {"evidenceType": "METRIC", "displayName": "Response time", "entity": service,
             "startTime": 1_638_271_310_000_i64, "valueBeforeChangePoint": 1.5},
            {"evidenceType": "EVENT", "displayName": "Deployment", "entity": service, "groupingEntity": null,
             "rootCauseRelevant": true, "eventId": "older", "eventType": "CUSTOM_DEPLOYMENT",
             "startTime": 1_638_271_200_000_i64, "endTime": 1_638_271_200_000_i64,
             "data": {"eventId": "older", "properties": [
                {"key": "dt.event.source", "value": "AWS CodePipeline"},
                {"key": "CodeDeploy.DeploymentId", "value": "d-OLDER"}]}},
            {"evidenceType": "EVENT", "displayName": "Deployment", "entity": service,
             "eventType": "CUSTOM_DEPLOYMENT", "startTime": 1_638_271_300_000_i64,
             "data": {"eventId": "newer", "title": "PRODDeploy", "properties": null}},
            {"evidenceType": "EVENT", "displayName": "Slow", "entity": service, "eventId": "3",
             "eventType": "SERVICE_SLOWDOWN", "startTime": 1_638_271_310_000_i64}]},
        "recentComments": {"totalCount": 0, "comments": []}, "impactAnalysis": {"impacts": []},
    });
    if let (Some(problem), Some(changes)) = (problem.as_object_mut(), changes.as_object()) {
        problem.extend(changes.clone());
    }
    problem
}

async fn v2_tenant(changes: Value) -> FakeTenant {
    FakeTenant::answering(move |_| json(v2(&changes).to_string())).await
}

const V1: &str = r#"{"result":{"id":"-6478017825120311599_1641223491837V2","startTime":1641223491837,"endTime":-1,
    "displayName":"P-22013994","impactLevel":"SERVICE","status":"OPEN","severityLevel":"PERFORMANCE","commentCount":0,
    "tagsOfAffectedEntities":[{"context":"CONTEXTLESS","key":"DeploymentGroup","value":"Production"}],
    "rankedEvents":[
        {"startTime":1641223400000,"endTime":-1,"entityId":"SERVICE-CB6A2EB13C7858F4","entityName":"SampleNodeJsService",
         "impactLevel":"SERVICE","eventType":"CUSTOM_DEPLOYMENT","status":"CLOSED","severities":[],"isRootCause":false,
         "source":"AWS CodePipeline","deploymentName":"PRODDeploy","deploymentVersion":"42","deploymentProject":"Sample",
         "customProperties":{"CodeDeploy.DeploymentId":"d-ABCDEF123"}},
        {"startTime":1641223491837,"endTime":-1,"entityId":"PROCESS_GROUP_INSTANCE-7","entityName":"node",
         "severityLevel":"PERFORMANCE","eventType":"SERVICE_RESPONSE_TIME_DEGRADED","status":"OPEN","isRootCause":true,
         "correlationId":"beecbeb9f0e01479"}],
    "rankedImpacts":[
        {"entityId":"SERVICE-CB6A2EB13C7858F4","entityName":"SampleNodeJsService","severityLevel":"PERFORMANCE",
         "impactLevel":"SERVICE","eventType":"SERVICE_RESPONSE_TIME_DEGRADED"},
        {"entityId":"SERVICE-CB6A2EB13C7858F4","entityName":"SampleNodeJsService","severityLevel":"ERROR",
         "impactLevel":"SERVICE","eventType":"FAILURE_RATE_INCREASED"}],
    "affectedCounts":{"SERVICE":1},"recoveredCounts":{"SERVICE":0},"hasRootCause":true}}"#;

fn production_tag() -> Tag {
    Tag {
        context: Some("CONTEXTLESS".into()),
        key: "DeploymentGroup".into(),
        value: Some("Production".into()),
    }
}

#[tokio::test]
async fn an_open_problem_of_v2_is_read_with_its_evidence() {
    let tenant = v2_tenant(value!({})).await;

    let problem = problem(&tenant, Api::V2).await.unwrap().unwrap();

    assert_eq!(problem.id, ID);
    assert_eq!(problem.display_id, "P-211117376");
    assert_eq!(problem.title, "Response time degradation");
    assert_eq!(problem.status, ProblemStatus::Open);
    assert_eq!(problem.severity, "PERFORMANCE");
    assert_eq!(problem.impact, "SERVICE");
    assert_eq!(problem.impacted, [service()]);
    assert_eq!(problem.root_cause, None);
    assert_eq!(problem.tags, [production_tag()]);
    assert_eq!(problem.start_ms, 1_638_271_320_000);
    assert_eq!(problem.end_ms, None);
    assert_eq!(problem.merged_into, None);

    let [newer, older] = &problem.evidence[..] else {
        panic!("{:?}", problem.evidence);
    };
    assert_eq!(newer.id, "newer");
    assert_eq!(newer.title, "PRODDeploy");
    assert_eq!(older.title, "Deployment");
    assert_eq!(older.entity, service().id);
    assert_eq!(older.source.as_deref(), Some("AWS CodePipeline"));
    assert_eq!(older.properties["CodeDeploy.DeploymentId"], "d-OLDER");
}

#[tokio::test]
async fn the_evidence_of_v2_is_asked_for_and_the_id_is_one_segment() {
    let tenant = v2_tenant(value!({})).await;
    let client = tenant.client(Api::V2);

    client.problem("{PID}/../x?y#z", later()).await.unwrap();

    let seen = &tenant.seen()[0];
    assert_eq!(seen.path, "/api/v2/problems/%7BPID%7D%2F..%2Fx%3Fy%23z");
    assert_eq!(seen.one("fields"), Some("evidenceDetails"));
    assert_eq!(client.calls().problems, 1);
}

#[tokio::test]
async fn a_merged_problem_is_closed_and_names_the_one_that_goes_on() {
    let tenant = v2_tenant(value!({
        "status": "CLOSED", "endTime": 1_638_271_400_000_i64,
        "rootCauseEntity": {"entityId": {"id": "HOST-1", "type": "HOST"}},
        "linkedProblemInfo": {"problemId": "other_1V2", "displayId": "P-1"},
    }))
    .await;

    let problem = problem(&tenant, Api::V2).await.unwrap().unwrap();

    assert_eq!(problem.status, ProblemStatus::Closed);
    assert_eq!(problem.end_ms, Some(1_638_271_400_000));
    assert_eq!(problem.merged_into.as_deref(), Some("other_1V2"));
    let root = problem.root_cause.unwrap();
    assert_eq!(
        (root.id.as_str(), root.name.as_str(), root.type_.as_str()),
        ("HOST-1", "", "HOST")
    );
}

#[tokio::test]
async fn null_stands_for_no_end_and_for_empty_lists() {
    let tenant = v2_tenant(value!({
        "endTime": null, "impactedEntities": null, "entityTags": null, "evidenceDetails": null,
    }))
    .await;

    let problem = problem(&tenant, Api::V2).await.unwrap().unwrap();

    assert_eq!(problem.end_ms, None);
    assert_eq!(problem.impacted, []);
    assert_eq!(problem.tags, []);
    assert_eq!(problem.evidence, []);
}

#[tokio::test]
async fn an_unknown_status_is_neither_open_nor_closed() {
    let tenant = v2_tenant(value!({"status": "PENDING"})).await;

    let failed = problem(&tenant, Api::V2).await;

    assert!(matches!(failed, Err(Error::Malformed { .. })));
}

#[tokio::test]
async fn a_problem_of_v1_is_read_out_of_its_ranking() {
    let tenant = FakeTenant::answering(|_| json(V1)).await;

    let problem = problem(&tenant, Api::V1).await.unwrap().unwrap();

    assert_eq!(problem.id, "-6478017825120311599_1641223491837V2");
    assert_eq!(problem.display_id, "P-22013994");
    assert_eq!(problem.title, "SERVICE_RESPONSE_TIME_DEGRADED");
    assert_eq!(problem.status, ProblemStatus::Open);
    assert_eq!(problem.severity, "PERFORMANCE");
    assert_eq!(problem.impact, "SERVICE");
    assert_eq!(problem.impacted, [service()]);
    let root = problem.root_cause.unwrap();
    assert_eq!(root.id, "PROCESS_GROUP_INSTANCE-7");
    assert_eq!(root.type_, "PROCESS_GROUP_INSTANCE");
    assert_eq!(problem.tags, [production_tag()]);
    assert_eq!(problem.end_ms, None);
    assert_eq!(problem.evidence.len(), 1);
    let deployment = &problem.evidence[0];
    assert_eq!(deployment.name.as_deref(), Some("PRODDeploy"));
    assert_eq!(deployment.source.as_deref(), Some("AWS CodePipeline"));
    assert_eq!(
        deployment.properties["CodeDeploy.DeploymentId"],
        "d-ABCDEF123"
    );
    assert_eq!(
        tenant.seen()[0].path,
        format!("/api/v1/problem/details/{ID}")
    );
}

#[tokio::test]
async fn a_problem_that_is_not_there_is_nothing() {
    let tenant = FakeTenant::answering(|_| refused(404, "Problem not found")).await;

    for api in [Api::V2, Api::V1] {
        assert_eq!(problem(&tenant, api).await.unwrap(), None);
    }
}

#[tokio::test]
async fn an_id_that_leads_to_another_path_is_no_id() {
    let tenant = FakeTenant::answering(|_| json("{}")).await;

    for api in [Api::V2, Api::V1] {
        for id in ["", ".", ".."] {
            let client = tenant.client(api);
            assert_eq!(client.problem(id, later()).await.unwrap(), None);
            let comments = client.comments(id, later()).await;
            assert!(matches!(comments, Err(Error::UnknownProblem(_))));
        }
    }

    assert!(tenant.seen().is_empty());
}

#[tokio::test]
async fn a_missing_api_is_not_taken_for_a_missing_problem() {
    let answers: [fn() -> Response; 2] = [
        || refused(404, "HTTP 404 Not Found"),
        || (StatusCode::NOT_FOUND, Html("<html>404</html>")).into_response(),
    ];
    for answer in answers {
        let tenant = FakeTenant::answering(move |_| answer()).await;
        let client = tenant.client(Api::V1);

        assert!(matches!(
            problem(&tenant, Api::V1).await,
            Err(Error::ApiGone)
        ));
        let listed = client.open_problems(0, later()).await;
        assert!(matches!(listed, Err(Error::ApiGone)));
    }

    let page = || (StatusCode::NOT_FOUND, Html("<html>404</html>")).into_response();
    let tenant = FakeTenant::answering(move |_| page()).await;
    let lost = problem(&tenant, Api::V2).await;
    assert!(matches!(lost, Err(Error::Malformed { what, .. }) if what.contains("tenant URL")));
}

#[tokio::test]
async fn a_token_that_may_not_read_problems_is_told() {
    let tenant = FakeTenant::answering(|_| {
        refused(
            403,
            "Token is missing required scope. Use one of: problems.read (Read problems)",
        )
    })
    .await;

    for api in [Api::V2, Api::V1] {
        let refused = problem(&tenant, api).await;

        assert!(
            matches!(refused, Err(Error::ScopeMissing(text)) if text.contains("problems.read"))
        );
    }
}

#[tokio::test]
async fn open_problems_of_v2_are_read_page_by_page() {
    let tenant = FakeTenant::answering(|seen| {
        let problem = v2(&value!({"problemId": seen.earlier.to_string()}));
        let key = (seen.earlier == 0).then_some("AQ+/M==");
        json(value!({"totalCount": 2, "nextPageKey": key, "problems": [problem]}).to_string())
    })
    .await;

    let problems = tenant
        .client(Api::V2)
        .open_problems(1_638_270_000_000, later())
        .await
        .unwrap();

    let ids: Vec<_> = problems.iter().map(|problem| problem.id.as_str()).collect();
    assert_eq!(ids, ["0", "1"]);
    let [first, second] = &tenant.seen()[..] else {
        panic!("{} requests", tenant.seen().len());
    };
    assert_eq!(first.path, "/api/v2/problems");
    assert_eq!(first.one("problemSelector"), Some(r#"status("open")"#));
    assert_eq!(first.one("from"), Some("1638270000000"));
    // Evidence is long, and is asked for of a problem that is looked at.
    assert_eq!(first.one("fields"), None);
    assert_eq!(second.raw, "nextPageKey=AQ%2B%2FM%3D%3D");
}

#[tokio::test]
async fn open_problems_of_v1_come_in_one_answer() {
    let tenant = FakeTenant::answering(|_| {
        let one: Value = serde_json::from_str(V1).unwrap_or_default();
        json(value!({"result": {"problems": [one["result"]], "monitored": {}}}).to_string())
    })
    .await;

    let problems = tenant
        .client(Api::V1)
        .open_problems(1_638_270_000_000, later())
        .await
        .unwrap();

    assert_eq!(problems.len(), 1);
    assert_eq!(problems[0].evidence.len(), 1);
    let seen = &tenant.seen()[0];
    assert_eq!(seen.path, "/api/v1/problem/feed");
    assert_eq!(seen.one("status"), Some("OPEN"));
    assert_eq!(seen.one("startTimestamp"), Some("1638270000000"));
    assert_eq!(seen.one("expandDetails"), Some("true"));
}

#[tokio::test]
async fn no_open_problem_is_an_empty_list() {
    let tenant = FakeTenant::answering(|seen| match seen.path.as_str() {
        "/api/v2/problems" => json(r#"{"totalCount":0,"problems":[]}"#),
        _ => json(r#"{"result":{"problems":[],"monitored":{}}}"#),
    })
    .await;

    for api in [Api::V2, Api::V1] {
        let problems = tenant.client(api).open_problems(0, later()).await;

        assert_eq!(problems.unwrap(), []);
    }
}
