//! Selectors, fields and pages of entities.

use serde_json::json;

use crate::caller::{Answered, Caller, ids};

async fn found(caller: &Caller, selector: &str) -> anyhow::Result<Vec<String>> {
    let query = [("entitySelector", selector)];
    let body = caller.get("/api/v2/entities", &query).await?.ok()?;
    assert_eq!(body["totalCount"], ids(&body).len());
    let tails = ids(&body)
        .into_iter()
        .filter_map(|id| id.rsplit('-').next());
    Ok(tails.map(str::to_owned).collect())
}

#[tokio::test]
async fn tags_in_one_criterion_are_alternatives_and_criteria_add_up() -> anyhow::Result<()> {
    let caller = Caller::start().await?;
    let service = |id| caller.tenant.service(id, "Front");
    service("SERVICE-1")
        .tag("stage", "test")
        .tag("team", "red")
        .add();
    service("SERVICE-2")
        .tag("stage", "prod")
        .tag("team", "red")
        .add();
    service("SERVICE-3")
        .tag("stage", "test")
        .context_tag("ENVIRONMENT", "team", "blue")
        .add();
    service("SERVICE-4")
        .key_tag("stage")
        .tag("url", "http://x")
        .tag("a:b", "c")
        .add();
    caller
        .tenant
        .entity("HOST", "HOST-5", "box")
        .tag("stage", "test")
        .add();

    let cases: [(&str, &[&str]); 12] = [
        (
            r#"type("SERVICE"),tag("stage:test","stage:prod")"#,
            &["1", "2", "3"],
        ),
        (
            r#"type("SERVICE"),tag("stage:test"),tag("team:red")"#,
            &["1"],
        ),
        (r#"type(SERVICE),tag("stage:test AND team:red")"#, &[]),
        (r#"type(SERVICE),not(tag("stage:test"))"#, &["2", "4"]),
        (r#"type(SERVICE),tag("stage")"#, &["4"]),
        (r#"type(SERVICE),tag("stage:Test")"#, &[]),
        (r#"type(SERVICE),tag("team:blue")"#, &["3"]),
        (r#"type(SERVICE),tag("[Environment]team:blue")"#, &["3"]),
        (r#"type(SERVICE),tag("[AWS]team:blue")"#, &[]),
        (r#"type(SERVICE),tag("url:http\://x")"#, &["4"]),
        (r#"type(SERVICE),tag("a\:b:c")"#, &["4"]),
        (r#"type("HOST"),tag("stage:test")"#, &["5"]),
    ];
    for (selector, expected) in cases {
        assert_eq!(found(&caller, selector).await?, expected, "{selector}");
    }
    Ok(())
}

#[tokio::test]
async fn ids_and_names_select() -> anyhow::Result<()> {
    let caller = Caller::start().await?;
    for (id, name) in [
        ("SERVICE-1", "Front"),
        ("SERVICE-2", "FrontDoor"),
        ("SERVICE-3", "Back"),
    ] {
        caller.tenant.service(id, name).add();
    }
    let cases: [(&str, &[&str]); 7] = [
        (
            r#"entityId("SERVICE-1","SERVICE-3","SERVICE-9")"#,
            &["1", "3"],
        ),
        (r#"type(SERVICE),entityName.equals("front")"#, &["1"]),
        (
            r#"type(SERVICE),caseSensitive(entityName.equals("front"))"#,
            &[],
        ),
        (
            r#"type(SERVICE),caseSensitive(entityName.equals("Front"))"#,
            &["1"],
        ),
        (
            r#"type(SERVICE),entityName.startsWith("FRONT")"#,
            &["1", "2"],
        ),
        (
            r#"type(SERVICE),entityName.in("back","front")"#,
            &["1", "3"],
        ),
        (
            r#"type(SERVICE),not(entityName.in("back","front"))"#,
            &["2"],
        ),
    ];
    for (selector, expected) in cases {
        assert_eq!(found(&caller, selector).await?, expected, "{selector}");
    }
    Ok(())
}

#[tokio::test]
async fn relationships_select_through_nested_selectors() -> anyhow::Result<()> {
    let caller = Caller::start().await?;
    let service = |id, stage| caller.tenant.service(id, "Front").tag("stage", stage);
    service("SERVICE-1", "test")
        .method("SERVICE_METHOD-1", "/api/invoke")
        .add();
    let other = service("SERVICE-2", "prod")
        .calls("SERVICE-1")
        .runs_on("PROCESS_GROUP-1");
    other
        .method("SERVICE_METHOD-2", "/api/invoke")
        .method("SERVICE_METHOD-3", "/x")
        .add();
    caller
        .tenant
        .entity("PROCESS_GROUP", "PROCESS_GROUP-1", "node")
        .add();

    let cases: [(&str, &[&str]); 5] = [
        (
            r#"type(SERVICE_METHOD),fromRelationships.isServiceMethodOfService(type(SERVICE),tag("stage:prod"))"#,
            &["2", "3"],
        ),
        (
            r#"type(SERVICE_METHOD),fromRelationships.isServiceMethodOfService(type(SERVICE),tag("stage:prod")),entityName.equals("/api/invoke")"#,
            &["2"],
        ),
        (
            r#"type(SERVICE),toRelationships.calls(type(SERVICE),tag("stage:prod"))"#,
            &["1"],
        ),
        (
            r#"type(SERVICE),fromRelationships.calls(type(SERVICE),tag("stage:prod"))"#,
            &[],
        ),
        (
            "type(PROCESS_GROUP),toRelationships.runsOn(type(SERVICE))",
            &["1"],
        ),
    ];
    for (selector, expected) in cases {
        assert_eq!(found(&caller, selector).await?, expected, "{selector}");
    }
    Ok(())
}

#[tokio::test]
async fn fields_need_their_plus_encoded() -> anyhow::Result<()> {
    let caller = Caller::start().await?;
    let front = caller
        .tenant
        .service("SERVICE-1", "Front")
        .tag("stage", "test");
    front
        .context_tag("ENVIRONMENT", "a:b", "c")
        .calls("SERVICE-2")
        .runs_on("PROCESS_GROUP-1")
        .add();
    caller.tenant.service("SERVICE-2", "Back").add();

    let url = format!(
        "{}/api/v2/entities?entitySelector=type(SERVICE)",
        caller.tenant.url()
    );
    let ask = |fields: &str| {
        let token = format!("Api-Token {}", caller.tenant.token());
        caller
            .http
            .get(format!("{url}&fields={fields}"))
            .header("authorization", token)
    };
    let raw = Answered::read(ask("+tags,+fromRelationships")).await?;
    assert_eq!(raw.refused()?.0, 400);

    let encoded = "%2Btags,%2BfromRelationships,%2BtoRelationships";
    let body = Answered::read(ask(encoded)).await?.ok()?;
    assert_eq!(
        body["entities"],
        json!([
            {
                "entityId": "SERVICE-1", "type": "SERVICE", "displayName": "Front",
                "tags": [
                    { "context": "CONTEXTLESS", "key": "stage", "value": "test",
                      "stringRepresentation": "stage:test" },
                    { "context": "ENVIRONMENT", "key": "a:b", "value": "c",
                      "stringRepresentation": r"[Environment]a\:b:c" },
                ],
                "fromRelationships": {
                    "calls": [{ "id": "SERVICE-2", "type": "SERVICE" }],
                    "runsOn": [{ "id": "PROCESS_GROUP-1", "type": "PROCESS_GROUP" }],
                },
                "toRelationships": {},
            },
            {
                "entityId": "SERVICE-2", "type": "SERVICE", "displayName": "Back",
                "tags": [],
                "fromRelationships": {},
                "toRelationships": { "calls": [{ "id": "SERVICE-1", "type": "SERVICE" }] },
            },
        ])
    );

    let body = caller
        .get("/api/v2/entities", &[("entitySelector", "type(SERVICE)")])
        .await?
        .ok()?;
    let fields = body["entities"][0]
        .as_object()
        .map(|fields| fields.keys().count());
    assert_eq!(fields, Some(3));
    Ok(())
}

#[tokio::test]
async fn following_pages_want_their_key_alone() -> anyhow::Result<()> {
    let caller = Caller::start().await?;
    for number in 1..=5 {
        caller
            .tenant
            .service(&format!("SERVICE-{number}"), "Front")
            .tag("stage", "test")
            .add();
    }
    let query = [
        ("entitySelector", "type(SERVICE)"),
        ("pageSize", "2"),
        ("fields", "+tags"),
    ];
    let mut body = caller.get("/api/v2/entities", &query).await?.ok()?;
    let mut pages = Vec::new();
    loop {
        assert_eq!(body["totalCount"], 5);
        assert_eq!(body["pageSize"], 2);
        assert_eq!(body["entities"][0]["tags"][0]["key"], "stage");
        pages.push(ids(&body).len());
        let Some(key) = body["nextPageKey"].as_str().map(str::to_owned) else {
            break;
        };

        let both = [("nextPageKey", key.as_str()), ("pageSize", "2")];
        let (status, message) = caller.get("/api/v2/entities", &both).await?.refused()?;
        assert_eq!((status, message.as_str()), (400, "Constraints violated."));

        let raw = caller.request(
            reqwest::Method::GET,
            &format!("/api/v2/entities?nextPageKey={key}"),
        );
        assert_eq!(
            Answered::read(raw).await?.refused()?.0,
            400,
            "the key was not encoded"
        );

        body = caller
            .get("/api/v2/entities", &[("nextPageKey", &key)])
            .await?
            .ok()?;
    }
    assert_eq!(pages, [2, 2, 1]);
    Ok(())
}

#[tokio::test]
async fn one_entity_is_shown_with_everything() -> anyhow::Result<()> {
    let caller = Caller::start().await?;
    caller
        .tenant
        .service("SERVICE-1", "Front")
        .tag("stage", "test")
        .calls("SERVICE-2")
        .add();
    let body = caller.get("/api/v2/entities/SERVICE-1", &[]).await?.ok()?;
    assert_eq!(body["tags"][0]["value"], "test");
    assert_eq!(body["fromRelationships"]["calls"][0]["id"], "SERVICE-2");
    assert_eq!(
        caller
            .get("/api/v2/entities/SERVICE-9", &[])
            .await?
            .refused()?
            .0,
        404
    );
    Ok(())
}

#[tokio::test]
async fn a_kind_of_entity_is_shown_with_what_it_can_be_related_to() -> anyhow::Result<()> {
    let caller = Caller::start().await?;
    let body = caller.get("/api/v2/entityTypes/HOST", &[]).await?.ok()?;
    assert_eq!(
        body["fromRelationships"],
        json!([{ "id": "isNetworkClientOfHost", "toTypes": ["HOST"] }])
    );
    assert_eq!(
        body["toRelationships"][2],
        json!({ "id": "isSiteOf", "fromTypes": ["DATACENTER"] })
    );
    let unknown = caller.get("/api/v2/entityTypes/PRINTER", &[]).await?;
    assert_eq!(unknown.refused()?.0, 404);
    Ok(())
}

#[tokio::test]
async fn malformed_questions_are_refused() -> anyhow::Result<()> {
    let caller = Caller::start().await?;
    let cases: [&[(&str, &str)]; 6] = [
        &[],
        &[("entitySelector", r#"tag("a")"#)],
        &[("entitySelector", "type(SERVICE)"), ("pageSize", "0")],
        &[("entitySelector", "type(SERVICE)"), ("from", "yesterday")],
        &[
            ("entitySelector", "type(SERVICE)"),
            ("from", "5"),
            ("to", "5"),
        ],
        &[("nextPageKey", "AAAA")],
    ];
    for query in cases {
        assert_eq!(
            caller.get("/api/v2/entities", query).await?.refused()?.0,
            400,
            "{query:?}"
        );
    }
    Ok(())
}
