//! Problems of API v2: told, explained, commented, closed.

use fake_dynatrace::{Fault, Impact, Problem, Severity, Times};
use serde_json::{Value, json};

use crate::caller::{Answered, Caller, MINUTE, NOW, Pairs};

const PROBLEMS: &str = "/api/v2/problems";

fn slow(caller: &Caller) -> Problem {
    let problem = caller.tenant.problem("Response time degradation");
    problem.impacts("SERVICE-A").began(NOW - 5 * MINUTE).open()
}

fn path(problem: &Problem) -> String {
    format!("{PROBLEMS}/{}", problem.id())
}

fn comments(problem: &Problem) -> String {
    format!("{}/comments", path(problem))
}

async fn deploy(caller: &Caller, entity: &str, at: i64, deployment: &str) -> anyhow::Result<()> {
    let body = json!({
        "eventType": "CUSTOM_DEPLOYMENT",
        "title": "Deployment",
        "startTime": at,
        "entitySelector": format!(r#"entityId("{entity}")"#),
        "properties": { "CodeDeploy.DeploymentId": deployment },
    });
    let answered = caller.post("/api/v2/events/ingest", &body).await?;
    anyhow::ensure!(answered.status == 201, "{}", answered.text);
    Ok(())
}

async fn listed(caller: &Caller, query: &[(&str, &str)]) -> anyhow::Result<Vec<String>> {
    let body = caller.get(PROBLEMS, query).await?.ok()?;
    let problems = body["problems"].as_array().into_iter().flatten();
    let titles = problems.filter_map(|problem| problem["title"].as_str());
    Ok(titles.map(str::to_owned).collect())
}

#[tokio::test]
async fn a_problem_is_told_in_full_only_on_request() -> anyhow::Result<()> {
    let caller = Caller::with_two_services().await?;
    let problem = slow(&caller);
    assert!(problem.id().starts_with('-'), "{}", problem.id());
    assert!(problem.id().ends_with(&format!("_{}V2", NOW - 5 * MINUTE)));
    assert!(
        problem.display_id().starts_with("P-2609"),
        "{}",
        problem.display_id()
    );

    let front = json!([{
        "entityId": { "id": "SERVICE-A", "type": "SERVICE" }, "name": "Front",
    }]);
    let expected = json!({
        "problemId": problem.id(),
        "displayId": problem.display_id(),
        "title": "Response time degradation",
        "impactLevel": "SERVICES",
        "severityLevel": "PERFORMANCE",
        "status": "OPEN",
        "affectedEntities": front,
        "impactedEntities": front,
        "rootCauseEntity": null,
        "managementZones": [],
        "entityTags": [{
            "context": "CONTEXTLESS", "key": "DeploymentGroup", "value": "Staging",
            "stringRepresentation": "DeploymentGroup:Staging",
        }],
        "problemFilters": [{
            "id": "c21f969b-5f03-333d-83e0-4f8f136e7682", "name": "Default",
        }],
        "linkedProblemInfo": null,
        "startTime": NOW - 5 * MINUTE,
        "endTime": -1,
    });
    assert_eq!(caller.get(&path(&problem), &[]).await?.ok()?, expected);

    let all = [("fields", "+evidenceDetails,impactAnalysis,+recentComments")];
    let body = caller.get(&path(&problem), &all).await?.ok()?;
    assert_eq!(body["evidenceDetails"]["totalCount"], 1);
    assert_eq!(body["impactAnalysis"], json!({ "impacts": [] }));
    assert_eq!(body["recentComments"]["totalCount"], 0);

    let raw = format!("{}?fields=+evidenceDetails", path(&problem));
    let unencoded = caller.request(reqwest::Method::GET, &raw);
    assert_eq!(Answered::read(unencoded).await?.refused()?.0, 400);
    assert_eq!(
        caller
            .get("/api/v2/problems/1_2V2", &[])
            .await?
            .refused()?
            .0,
        404
    );
    Ok(())
}

#[tokio::test]
async fn deployments_of_its_entities_are_evidence() -> anyhow::Result<()> {
    let caller = Caller::with_two_services().await?;
    for (entity, ago, deployment) in [
        ("SERVICE-A", 10, "d-CAUSE"),
        ("SERVICE-A", 180, "d-TOO-OLD"),
        ("SERVICE-B", 10, "d-ROOT"),
    ] {
        deploy(&caller, entity, NOW - ago * MINUTE, deployment).await?;
    }
    let begin = || {
        let problem = caller.tenant.problem("Slow").impacts("SERVICE-A");
        problem.began(NOW - 5 * MINUTE)
    };
    let fields = [("fields", "evidenceDetails")];
    let evidence = async |problem: Problem| -> anyhow::Result<Vec<(Value, Value)>> {
        let body = caller.get(&path(&problem), &fields).await?.ok()?;
        let details = body["evidenceDetails"]["details"].as_array().cloned();
        let events = details.into_iter().flatten();
        let events = events.filter(|detail| detail["evidenceType"] == "EVENT");
        Ok(events
            .map(|detail| {
                let property = &detail["data"]["properties"][0]["value"];
                (property.clone(), detail["rootCauseRelevant"].clone())
            })
            .collect())
    };
    let shown = |deployment: &str, root: bool| (json!(deployment), json!(root));
    assert_eq!(evidence(begin().open()).await?, [shown("d-CAUSE", false)]);
    assert_eq!(
        evidence(begin().root_cause("SERVICE-B").open()).await?,
        [shown("d-CAUSE", false), shown("d-ROOT", true)]
    );
    assert_eq!(
        evidence(begin().without_deployment_evidence().open()).await?,
        []
    );
    Ok(())
}

#[tokio::test]
async fn a_problem_closes_merges_and_opens_again() -> anyhow::Result<()> {
    let caller = Caller::with_two_services().await?;
    let first = slow(&caller);
    let second = caller
        .tenant
        .problem("Failures")
        .impacts("SERVICE-B")
        .open();
    let shown = async |problem: &Problem| caller.get(&path(problem), &[]).await?.ok();

    first.resolve(NOW - MINUTE);
    let body = shown(&first).await?;
    assert_eq!(
        (&body["status"], &body["endTime"]),
        (&json!("CLOSED"), &json!(NOW - MINUTE))
    );

    first.reopen();
    let body = shown(&first).await?;
    assert_eq!(
        (&body["status"], &body["endTime"]),
        (&json!("OPEN"), &json!(-1))
    );

    first.merge_into(&second);
    let body = shown(&first).await?;
    assert_eq!(
        (&body["status"], &body["endTime"]),
        (&json!("CLOSED"), &json!(NOW))
    );
    let survivor = json!({ "problemId": second.id(), "displayId": second.display_id() });
    assert_eq!(body["linkedProblemInfo"], survivor);
    let survivor = shown(&second).await?;
    assert_eq!(survivor["status"], "OPEN");
    assert_eq!(
        survivor["impactedEntities"].as_array().map(Vec::len),
        Some(2)
    );
    Ok(())
}

#[tokio::test]
async fn selectors_and_timeframes_choose() -> anyhow::Result<()> {
    let caller = Caller::with_two_services().await?;
    let problem = |title, entity| caller.tenant.problem(title).impacts(entity);
    let old = problem("old", "SERVICE-A").began(NOW - 300 * MINUTE).open();
    old.resolve(NOW - 121 * MINUTE);
    problem("long", "SERVICE-A")
        .began(NOW - 300 * MINUTE)
        .open();
    let host = problem("host", "HOST-1").began(NOW - 2 * MINUTE);
    host.impact(Impact::Infrastructure)
        .severity(Severity::ResourceContention)
        .open();
    let closed = problem("closed", "SERVICE-B")
        .began(NOW - 3 * MINUTE)
        .open();
    closed.resolve(NOW - MINUTE);

    let cases: [(Pairs<'_>, &[&str]); 9] = [
        (&[], &["host", "closed", "long"]),
        (&[("sort", "+startTime")], &["long", "closed", "host"]),
        (
            &[("problemSelector", r#"status("open")"#)],
            &["host", "long"],
        ),
        (
            &[
                ("problemSelector", r#"status("OPEN","closed")"#),
                ("to", "now-1h"),
            ],
            &["long"],
        ),
        (
            &[(
                "problemSelector",
                r#"impactedEntities("SERVICE-A","SERVICE-B")"#,
            )],
            &["closed", "long"],
        ),
        (
            &[("problemSelector", r#"impactLevel("INFRASTRUCTURE")"#)],
            &["host"],
        ),
        (
            &[(
                "problemSelector",
                r#"severityLevel("PERFORMANCE"),status("closed")"#,
            )],
            &["closed"],
        ),
        (
            &[(
                "entitySelector",
                r#"type(SERVICE),tag("DeploymentGroup:Staging")"#,
            )],
            &["closed", "long"],
        ),
        (&[("entitySelector", "type(HOST)")], &[]),
    ];
    for (query, expected) in cases {
        assert_eq!(listed(&caller, query).await?, expected, "{query:?}");
    }
    let all = listed(&caller, &[("from", "now-1d")]).await?;
    assert_eq!(all.len(), 4);
    Ok(())
}

#[tokio::test]
async fn fields_are_asked_for_on_every_page() -> anyhow::Result<()> {
    let caller = Caller::with_two_services().await?;
    for _ in 0..3 {
        slow(&caller);
    }
    let query = [("pageSize", "1"), ("fields", "+evidenceDetails")];
    let body = caller.get(PROBLEMS, &query).await?.ok()?;
    assert!(body["problems"][0]["evidenceDetails"].is_object());
    let key = body["nextPageKey"].as_str().unwrap_or_default();

    let alone = caller.get(PROBLEMS, &[("nextPageKey", key)]).await?.ok()?;
    assert_eq!(alone["totalCount"], 3);
    assert!(alone["problems"][0].get("evidenceDetails").is_none());

    let with_fields = [("nextPageKey", key), ("fields", "+evidenceDetails")];
    let body = caller.get(PROBLEMS, &with_fields).await?.ok()?;
    assert!(body["problems"][0]["evidenceDetails"].is_object());
    assert_eq!(
        body["problems"][0]["problemId"],
        alone["problems"][0]["problemId"]
    );

    let more = [("nextPageKey", key), ("pageSize", "1")];
    assert_eq!(caller.get(PROBLEMS, &more).await?.refused()?.0, 400);
    Ok(())
}

#[tokio::test]
async fn a_comment_is_taken_without_a_word() -> anyhow::Result<()> {
    let caller = Caller::with_two_services().await?;
    let problem = slow(&caller);
    let body = json!({ "message": "Healing", "context": "AWS CodeDeploy" });
    let answered = caller.post(&comments(&problem), &body).await?;
    assert_eq!((answered.status, answered.text.as_str()), (201, ""));

    let stored = caller.tenant.comments(problem.id());
    assert_eq!((stored[0].at, stored[0].text.as_str()), (NOW, "Healing"));
    let listed = caller.get(&comments(&problem), &[]).await?.ok()?;
    assert_eq!(
        listed,
        json!({ "totalCount": 1, "pageSize": 10, "comments": [{
            "id": stored[0].id, "createdAtTimestamp": NOW, "content": "Healing",
            "authorName": "unbreakable", "context": "AWS CodeDeploy",
        }]})
    );

    let unknown = format!("{PROBLEMS}/1_2V2/comments");
    assert_eq!(caller.post(&unknown, &body).await?.refused()?.0, 404);
    let silent = json!({ "context": "AWS CodeDeploy" });
    assert_eq!(
        caller
            .post(&comments(&problem), &silent)
            .await?
            .refused()?
            .0,
        400
    );
    Ok(())
}

#[tokio::test]
async fn comments_come_in_pages_and_the_newest_with_the_problem() -> anyhow::Result<()> {
    let caller = Caller::with_two_services().await?;
    let problem = slow(&caller);
    for number in 0..12 {
        let body = json!({ "message": number.to_string() });
        assert_eq!(caller.post(&comments(&problem), &body).await?.status, 201);
    }
    let first = caller.get(&comments(&problem), &[]).await?.ok()?;
    assert_eq!(first["comments"].as_array().map(Vec::len), Some(10));
    let key = first["nextPageKey"].as_str().unwrap_or_default();
    let rest = caller
        .get(&comments(&problem), &[("nextPageKey", key)])
        .await?
        .ok()?;
    assert_eq!(rest["comments"][1]["content"], "11");

    let fields = [("fields", "recentComments")];
    let body = caller.get(&path(&problem), &fields).await?.ok()?;
    assert_eq!(body["recentComments"]["totalCount"], 12);
    assert_eq!(body["recentComments"]["comments"][9]["content"], "11");
    Ok(())
}

#[tokio::test]
async fn refused_comments_are_not_stored() -> anyhow::Result<()> {
    let caller = Caller::with_two_services().await?;
    let problem = slow(&caller);
    caller.tenant.refuse_comments(Times::N(2));
    let body = json!({ "message": "Healing" });
    let v1 = format!("/api/v1/problem/details/{}/comments", problem.id());
    let in_v1 = json!({ "comment": "Healing", "user": "somebody" });
    assert_eq!(
        caller.post(&comments(&problem), &body).await?.refused()?.0,
        500
    );
    assert_eq!(caller.post(&v1, &in_v1).await?.refused()?.0, 500);
    assert!(caller.tenant.comments(problem.id()).is_empty());
    assert_eq!(caller.post(&comments(&problem), &body).await?.status, 201);
    Ok(())
}

#[tokio::test]
async fn a_problem_is_closed_once() -> anyhow::Result<()> {
    let caller = Caller::with_two_services().await?;
    let problem = slow(&caller);
    let close = format!("{}/close", path(&problem));
    let body = json!({ "message": "Done" });
    let answer = caller.post(&close, &body).await?.ok()?;
    assert_eq!(answer["problemId"], problem.id());
    assert_eq!(answer["comment"]["content"], "Done");
    assert_eq!(
        (&answer["closeTimestamp"], &answer["closing"]),
        (&json!(NOW), &json!(true))
    );
    assert_eq!(
        caller.get(&path(&problem), &[]).await?.ok()?["status"],
        "CLOSED"
    );

    let again = caller.post(&close, &body).await?;
    assert_eq!((again.status, again.text.as_str()), (204, ""));
    assert_eq!(caller.tenant.comments(problem.id()).len(), 1);
    Ok(())
}

#[tokio::test]
async fn reading_and_commenting_want_scopes_of_their_own() -> anyhow::Result<()> {
    let caller = Caller::with_two_services().await?;
    let problem = slow(&caller);
    let fault = Fault::MissingScope("problems.write".into());
    caller.tenant.fail(fault, Times::Always, "/");
    let body = json!({ "message": "Healing" });
    assert_eq!(
        caller.post(&comments(&problem), &body).await?.refused()?.0,
        403
    );
    caller.get(&comments(&problem), &[]).await?.ok()?;

    caller.tenant.clear_faults();
    let fault = Fault::MissingScope("problems.read".into());
    caller.tenant.fail(fault, Times::Always, "/");
    let (status, message) = caller.get(&path(&problem), &[]).await?.refused()?;
    assert_eq!(status, 403);
    assert_eq!(
        message,
        "Token is missing required scope. Use one of: problems.read (Read problems)"
    );
    Ok(())
}
