//! Problems of API v1, which are those of v2 in other words.

use fake_dynatrace::Problem;
use reqwest::Method;
use serde_json::{Value, json};

use crate::caller::{Answered, Caller, MINUTE, NOW, Pairs};

const FEED: &str = "/api/v1/problem/feed";

fn slow(caller: &Caller) -> Problem {
    let problem = caller.tenant.problem("Response time degradation");
    problem.impacts("SERVICE-A").began(NOW - 5 * MINUTE).open()
}

fn path(problem: &Problem) -> String {
    format!("/api/v1/problem/details/{}", problem.id())
}

async fn listed(caller: &Caller, query: &[(&str, &str)]) -> anyhow::Result<Vec<Value>> {
    let body = caller.get(FEED, query).await?.ok()?;
    let problems = body["result"]["problems"].as_array().cloned();
    Ok(problems.unwrap_or_default())
}

#[tokio::test]
async fn a_problem_is_shown_with_the_deployment_before_it() -> anyhow::Result<()> {
    let caller = Caller::with_two_services().await?;
    let event = json!({
        "eventType": "CUSTOM_DEPLOYMENT", "source": "AWS CodePipeline",
        "start": NOW - 10 * MINUTE, "attachRules": { "entityIds": ["SERVICE-A"] },
        "deploymentName": "Front", "deploymentVersion": "42",
        "customProperties": { "CodeDeploy.DeploymentId": "d-ABCDEF123" },
    });
    caller.post("/api/v1/events", &event).await?.ok()?;
    let problem = slow(&caller);
    let body = caller.get(&path(&problem), &[]).await?.ok()?;
    let correlation = &caller.tenant.events()[0].correlation_id;
    let none = json!({ "INFRASTRUCTURE": 0, "SERVICE": 0, "APPLICATION": 0, "ENVIRONMENT": 0 });
    let one = json!({ "INFRASTRUCTURE": 0, "SERVICE": 1, "APPLICATION": 0, "ENVIRONMENT": 0 });
    assert_eq!(
        body["result"],
        json!({
            "id": problem.id(),
            "startTime": NOW - 5 * MINUTE,
            "endTime": -1,
            "displayName": problem.display_id(),
            "impactLevel": "SERVICE",
            "status": "OPEN",
            "severityLevel": "PERFORMANCE",
            "commentCount": 0,
            "tagsOfAffectedEntities": [{
                "context": "CONTEXTLESS", "key": "DeploymentGroup", "value": "Staging",
            }],
            "rankedImpacts": [{
                "entityId": "SERVICE-A", "entityName": "Front", "severityLevel": "PERFORMANCE",
                "impactLevel": "SERVICE", "eventType": "SERVICE_RESPONSE_TIME_DEGRADED",
            }],
            "affectedCounts": one,
            "recoveredCounts": none,
            "hasRootCause": false,
            "rankedEvents": [
                {
                    "startTime": NOW - 5 * MINUTE, "endTime": -1, "entityId": "SERVICE-A",
                    "entityName": "Front", "severityLevel": "PERFORMANCE",
                    "impactLevel": "SERVICE", "eventType": "SERVICE_RESPONSE_TIME_DEGRADED",
                    "status": "OPEN", "severities": [], "isRootCause": false,
                },
                {
                    "startTime": NOW - 10 * MINUTE, "endTime": NOW - 10 * MINUTE,
                    "entityId": "SERVICE-A", "entityName": "Front", "severityLevel": null,
                    "impactLevel": "SERVICE", "eventType": "CUSTOM_DEPLOYMENT",
                    "status": "CLOSED", "severities": [], "isRootCause": false,
                    "correlationId": correlation,
                    "source": "AWS CodePipeline", "deploymentName": "Front",
                    "deploymentVersion": "42",
                    "customProperties": { "CodeDeploy.DeploymentId": "d-ABCDEF123" },
                },
            ],
        })
    );
    Ok(())
}

#[tokio::test]
async fn the_feed_lists_what_is_asked_for() -> anyhow::Result<()> {
    let caller = Caller::with_two_services().await?;
    let open = slow(&caller);
    let closed = caller.tenant.problem("Failures").impacts("HOST-1").open();
    closed.resolve(NOW);
    let cases: [(Pairs<'_>, &[&Problem]); 7] = [
        (&[], &[&closed, &open]),
        (&[("relativeTime", "week")], &[&closed, &open]),
        (&[("status", "OPEN")], &[&open]),
        (
            &[("status", "CLOSED"), ("severityLevel", "PERFORMANCE")],
            &[&closed],
        ),
        (&[("impactLevel", "APPLICATION")], &[]),
        (&[("tag", "DeploymentGroup:Staging")], &[&open]),
        (&[("endTimestamp", "5")], &[]),
    ];
    for (query, expected) in cases {
        let found = listed(&caller, query).await?;
        let found: Vec<_> = found.iter().filter_map(|it| it["id"].as_str()).collect();
        let expected: Vec<_> = expected.iter().map(|it| it.id()).collect();
        assert_eq!(found, expected, "{query:?}");
    }
    assert!(listed(&caller, &[]).await?[0].get("rankedEvents").is_none());
    let expanded = listed(&caller, &[("expandDetails", "true")]).await?;
    assert!(expanded[0]["rankedEvents"].is_array());
    assert_eq!(
        caller
            .get(FEED, &[("startTimestamp", "0")])
            .await?
            .refused()?
            .0,
        400
    );

    let status = caller.get("/api/v1/problem/status", &[]).await?.ok()?;
    assert_eq!(status["result"]["totalOpenProblemsCount"], 1);
    Ok(())
}

#[tokio::test]
async fn a_comment_is_answered_with_what_was_stored() -> anyhow::Result<()> {
    let caller = Caller::with_two_services().await?;
    let problem = slow(&caller);
    let comments = format!("{}/comments", path(&problem));
    let body = json!({ "comment": "Healing", "user": "somebody", "context": "AWS Lambda" });
    let answer = caller.post(&comments, &body).await?.ok()?;
    let expected = json!({
        "id": caller.tenant.comments(problem.id())[0].id, "createdAtTimestamp": NOW,
        "content": "Healing", "userName": "somebody", "context": "AWS Lambda",
    });
    assert_eq!(answer, expected);
    let listed = caller.get(&comments, &[]).await?.ok()?;
    assert_eq!(listed, json!({ "comments": [expected] }));
    let v2 = format!("/api/v2/problems/{}/comments", problem.id());
    let v2 = caller.get(&v2, &[]).await?.ok()?;
    assert_eq!(v2["comments"][0]["authorName"], "somebody");

    let unknown = "/api/v1/problem/details/1_2V2/comments";
    assert_eq!(caller.post(unknown, &body).await?.refused()?.0, 404);
    for missing in ["comment", "user"] {
        let mut body = body.clone();
        body.as_object_mut().map(|fields| fields.remove(missing));
        assert_eq!(
            caller.post(&comments, &body).await?.refused()?.0,
            400,
            "{missing}"
        );
    }
    Ok(())
}

#[tokio::test]
async fn the_last_comment_comes_in_the_query() -> anyhow::Result<()> {
    let caller = Caller::with_two_services().await?;
    let problem = slow(&caller);
    let close = format!("{}/close", path(&problem));
    let silent = Answered::read(caller.request(Method::POST, &close)).await?;
    assert_eq!(silent.refused()?.0, 400);

    let request = caller.request(Method::POST, &close);
    let answer = Answered::read(request.query(&[("content", "Done")]))
        .await?
        .ok()?;
    assert_eq!(answer["problemId"], problem.id());
    assert_eq!(answer["comment"]["content"], "Done");
    assert_eq!(
        (&answer["closeTimestamp"], &answer["closing"]),
        (&json!(NOW), &json!(true))
    );
    let shown = caller.get(&path(&problem), &[]).await?.ok()?;
    assert_eq!(shown["result"]["status"], "CLOSED");
    assert_eq!(shown["result"]["endTime"], NOW);
    Ok(())
}
