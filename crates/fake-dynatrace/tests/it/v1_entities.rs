//! The topology of API v1.

use reqwest::Method;
use serde_json::json;

use crate::caller::{Answered, Caller, NOW, ids};

#[tokio::test]
async fn every_type_has_its_path() -> anyhow::Result<()> {
    let caller = Caller::start().await?;
    let cases = [
        ("services", "SERVICE"),
        ("applications", "APPLICATION"),
        ("infrastructure/hosts", "HOST"),
        ("infrastructure/process-groups", "PROCESS_GROUP"),
        ("infrastructure/processes", "PROCESS_GROUP_INSTANCE"),
    ];
    for (_, kind) in cases {
        caller.tenant.entity(kind, &format!("{kind}-1"), "it").add();
    }
    for (path, kind) in cases {
        let id = format!("{kind}-1");
        let list = caller
            .get(&format!("/api/v1/entity/{path}"), &[])
            .await?
            .ok()?;
        assert_eq!(ids(&list), [&id]);
        let one = caller
            .get(&format!("/api/v1/entity/{path}/{id}"), &[])
            .await?
            .ok()?;
        assert_eq!(one["entityId"], id);
    }
    assert_eq!(
        caller
            .get("/api/v1/entity/services/HOST-1", &[])
            .await?
            .status,
        404
    );
    assert_eq!(
        caller.get("/api/v1/entity/unheard-of", &[]).await?.status,
        404
    );
    Ok(())
}

#[tokio::test]
async fn repeated_tags_add_up() -> anyhow::Result<()> {
    let caller = Caller::start().await?;
    let service = |id| caller.tenant.service(id, "Front");
    service("SERVICE-1")
        .tag("stage", "test")
        .tag("team", "red")
        .add();
    service("SERVICE-2")
        .tag("stage", "test")
        .context_tag("ENVIRONMENT", "team", "red")
        .add();
    service("SERVICE-3").tag("stage", "test").add();

    let cases: [(&[&str], &[&str]); 5] = [
        (&["stage:test"], &["SERVICE-1", "SERVICE-2", "SERVICE-3"]),
        (&["stage:test", "team:red"], &["SERVICE-1", "SERVICE-2"]),
        (&["stage:test", "[ENVIRONMENT]team:red"], &["SERVICE-2"]),
        (&["stage:test AND team:red"], &[]),
        (&["stage:test", "team:blue"], &[]),
    ];
    for (tags, expected) in cases {
        let query: Vec<_> = tags.iter().map(|tag| ("tag", *tag)).collect();
        let body = caller.get("/api/v1/entity/services", &query).await?.ok()?;
        assert_eq!(ids(&body), expected, "{tags:?}");
    }
    Ok(())
}

#[tokio::test]
async fn relationships_are_plain_ids_without_methods() -> anyhow::Result<()> {
    let caller = Caller::start().await?;
    let front = caller
        .tenant
        .service("SERVICE-1", "Front")
        .tag("stage", "test");
    front
        .calls("SERVICE-2")
        .runs_on("PROCESS_GROUP-1")
        .method("SERVICE_METHOD-1", "/")
        .add();
    caller.tenant.service("SERVICE-2", "Back").add();

    let body = caller.get("/api/v1/entity/services", &[]).await?.ok()?;
    assert_eq!(
        body[0]["fromRelationships"],
        json!({ "calls": ["SERVICE-2"], "runsOn": ["PROCESS_GROUP-1"] })
    );
    assert_eq!(body[0]["toRelationships"], json!({}));
    assert_eq!(
        body[0]["tags"],
        json!([{ "context": "CONTEXTLESS", "key": "stage", "value": "test" }])
    );
    assert_eq!(body[1]["fromRelationships"], json!({}));
    assert_eq!(
        body[1]["toRelationships"],
        json!({ "calls": ["SERVICE-1"] })
    );
    Ok(())
}

#[tokio::test]
async fn windows_beyond_three_days_are_refused() -> anyhow::Result<()> {
    let caller = Caller::start().await?;
    let three_days = 3 * 86_400_000;
    for (length, expected) in [(three_days, 200), (three_days + 1, 400), (-1, 400)] {
        let start = (NOW - length).to_string();
        let end = NOW.to_string();
        let query = [
            ("startTimestamp", start.as_str()),
            ("endTimestamp", end.as_str()),
        ];
        let answered = caller.get("/api/v1/entity/services", &query).await?;
        assert_eq!(answered.status, expected, "{length}");
    }
    Ok(())
}

#[tokio::test]
async fn pages_follow_through_headers_with_the_same_parameters() -> anyhow::Result<()> {
    let caller = Caller::start().await?;
    for number in 1..=3 {
        caller
            .tenant
            .service(&format!("SERVICE-{number}"), "Front")
            .tag("stage", "test")
            .add();
    }
    let path = "/api/v1/entity/services";
    let unpaged = caller.get(path, &[]).await?;
    assert_eq!(unpaged.header("total-count"), Some("3"));
    assert_eq!(unpaged.header("next-page-key"), None);

    let query = [("tag", "stage:test"), ("pageSize", "2")];
    let first = caller.get(path, &query).await?;
    assert_eq!(ids(&first.ok()?), ["SERVICE-1", "SERVICE-2"]);
    assert_eq!(first.header("page-size"), Some("2"));
    let key = first
        .header("next-page-key")
        .expect("a third service is left");

    let next = caller
        .request(Method::GET, path)
        .query(&query)
        .query(&[("nextPageKey", key)]);
    let second = Answered::read(next).await?;
    assert_eq!(ids(&second.ok()?), ["SERVICE-3"]);
    assert_eq!(second.header("next-page-key"), None);

    let alone = caller
        .get(path, &[("pageSize", "2"), ("nextPageKey", key)])
        .await?;
    assert_eq!(alone.refused()?.0, 400);
    Ok(())
}
