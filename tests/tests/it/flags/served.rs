//! What clients read: one that others wrote, and requests as they come.

use flags::key::KeyHolder;
use serde_json::json;

use super::clients::Application;
use super::{Flagged, Told};

#[tokio::test(flavor = "multi_thread")]
async fn provider_of_python_reads_every_type_and_the_very_next_value() {
    provider_reads(Application::python).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn provider_of_javascript_reads_every_type_and_the_very_next_value() {
    provider_reads(Application::javascript).await;
}

async fn provider_reads(application: fn(&str, &str) -> Application) {
    let flagged = Flagged::start().await;
    let key = flagged.all().await;
    let reader = flagged.key("app", KeyHolder::Machine, &["read:prod"]).await;
    let url = flagged.serve.url().to_owned();
    let start = move || application(&url, &reader);
    let mut application = tokio::task::spawn_blocking(start).await.unwrap();
    let mut reads = |kind: &str, flag: &str, default: serde_json::Value, user: Option<&str>| {
        let mut context = json!({"country": "CA"});
        if let Some(user) = user {
            context["targetingKey"] = user.into();
        }
        tokio::task::block_in_place(|| application.reads(&json!([kind, flag, default, context])))
    };
    let plain = |value: serde_json::Value, reason: &str, variant: &str| json!({"value": value, "reason": reason, "variant": variant, "error": null});

    let toggled = "errorInjectionEnabled";
    assert_eq!(
        reads("boolean", toggled, json!(false), None),
        plain(json!(true), "STATIC", "on")
    );
    let wanted = json!({"flag": toggled, "value": false});
    let told = flagged.post("feature-flag", &key, &wanted).await;
    assert_eq!(told.json()["eventSent"], true);
    assert_eq!(flagged.events().len(), 1);
    assert_eq!(
        reads("boolean", toggled, json!(true), None)["value"],
        false,
        "at once"
    );

    for (kind, flag, default, expected) in [
        (
            "integer",
            "canaryTrafficPercent",
            json!(5),
            plain(json!(0), "STATIC", "default"),
        ),
        (
            "float",
            "errorRate",
            json!(0.5),
            plain(json!(0.12), "STATIC", "default"),
        ),
        (
            "string",
            "greeting",
            json!("hi"),
            plain(json!("Zoë"), "STATIC", "default"),
        ),
        (
            "object",
            "limits",
            json!({}),
            plain(json!({"carts": 5, "share": 1.5}), "STATIC", "default"),
        ),
    ] {
        assert_eq!(reads(kind, flag, default, None), expected);
    }
    // A number that is whole is sent with a fraction, which Python wants of a float.
    flagged
        .post(
            "feature-flag",
            &key,
            &json!({"flag": "errorRate", "value": 1}),
        )
        .await;
    let whole = reads("float", "errorRate", json!(0.5), None);
    assert_eq!(whole["value"].as_f64(), Some(1.0), "{whole}");
    assert_eq!(whole["error"], json!(null));
    // The vectors of the third generation: 5.44 % and 39.19 %, of 25 %.
    for (user, value, variant) in [("user-1", true, "on"), ("user-2", false, "off")] {
        let found = reads("boolean", "promoSocks", json!(false), Some(user));
        assert_eq!(found, plain(json!(value), "SPLIT", variant), "{user}");
    }
    let missing = reads("boolean", "nope", json!(true), None);
    assert_eq!(
        (&missing["value"], &missing["error"]),
        (&json!(true), &json!("FLAG_NOT_FOUND"))
    );
    let other = reads("string", toggled, json!("hi"), None);
    assert_eq!(
        (&other["value"], &other["error"]),
        (&json!("hi"), &json!("TYPE_MISMATCH"))
    );

    flagged.world.flags().revoke_key("app").await.unwrap();
    let revoked = reads("boolean", toggled, json!(true), None);
    assert_eq!(revoked["value"], true, "the default of the code");
    assert!(!revoked["error"].is_null(), "{revoked}");
}

#[tokio::test]
async fn answer_that_is_known_is_not_sent_again() {
    let flagged = Flagged::start().await;
    let key = flagged.all().await;
    let context = |user: &str| json!({"context": {"targetingKey": user}});
    let ask = async |user: &str, known: &str| {
        let url = format!("{}/ofrep/v1/evaluate/flags", flagged.serve.url());
        let request = flagged
            .http
            .post(url)
            .bearer_auth(&key)
            .json(&context(user));
        Told::of(request.header("if-none-match", known).send().await.unwrap()).await
    };

    let first = flagged.evaluates("", &key, &context("user-1")).await;
    assert_eq!(first.status, 200);
    let names = |told: &Told| -> Vec<String> {
        let flags = told.json()["flags"].as_array().unwrap().clone();
        flags
            .iter()
            .map(|flag| flag["key"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(names(&first).len(), 7);
    assert!(names(&first).is_sorted());
    let etag = first.header("etag").to_owned();

    for known in [
        etag.clone(),
        format!("W/{etag}"),
        format!("\"x\", {etag}"),
        "*".to_owned(),
    ] {
        let known = ask("user-1", &known).await;
        assert_eq!((known.status, known.text.as_str()), (304, ""));
        assert_eq!(known.header("etag"), etag);
    }
    assert_eq!(
        ask("user-2", &etag).await.status,
        200,
        "others are answered otherwise"
    );
    let wanted = json!({"flag": "errorInjectionEnabled", "value": false});
    flagged.post("feature-flag", &key, &wanted).await;
    assert_eq!(ask("user-1", &etag).await.status, 200, "it has changed");
}

#[tokio::test]
async fn requests_that_say_nothing_are_taken_and_nonsense_is_not() {
    let flagged = Flagged::start().await;
    let key = flagged.all().await;
    let ask = async |path: &str, body: String| {
        let url = format!("{}/ofrep/v1/evaluate/flags{path}", flagged.serve.url());
        let request = flagged.http.post(url).header("x-api-key", &key).body(body);
        Told::of(request.send().await.unwrap()).await
    };
    for path in ["/greeting", "/greeting/", "/%67reeting"] {
        for body in ["", "{}", r#"{"context": {}}"#, r#"{"context": null}"#] {
            let told = ask(path, body.to_owned()).await;
            assert_eq!(
                (told.status, &told.json()["value"]),
                (200, &json!("Zoë")),
                "{path} {body}"
            );
        }
    }
    for body in ["{", "[]", r#"{"context": 1}"#] {
        let told = ask("/greeting", body.to_owned()).await;
        assert_eq!(
            (told.status, &told.json()["errorCode"]),
            (400, &json!("INVALID_CONTEXT"))
        );
    }
    assert_eq!(ask("", "x".repeat(70 * 1024)).await.status, 413);
    let told = ask("/nope", String::new()).await;
    assert_eq!(
        (told.status, told.json()),
        (
            404,
            json!({
                "key": "nope", "errorCode": "FLAG_NOT_FOUND",
                "errorDetails": "no flag `nope` in set `prod`",
            })
        )
    );
}

#[tokio::test]
async fn browsers_read_public_flags_from_any_page() {
    let flagged = Flagged::start().await;
    let browser = flagged
        .key("page", KeyHolder::Browser, &["read:prod"])
        .await;
    let url = format!("{}/ofrep/v1/evaluate/flags", flagged.serve.url());

    let asked = flagged.http.request(reqwest::Method::OPTIONS, &url);
    let asked = asked.header("origin", "https://shop.example");
    let allowed = Told::of(asked.send().await.unwrap()).await;
    assert_eq!(allowed.status, 204);
    assert_eq!(allowed.header("access-control-allow-origin"), "*");
    let headers = allowed.header("access-control-allow-headers");
    for header in [
        "content-type",
        "authorization",
        "x-api-key",
        "if-none-match",
    ] {
        assert!(headers.contains(header), "{headers}");
    }

    let read = flagged.evaluates("", &browser, &json!({})).await;
    let flags = read.json()["flags"].clone();
    assert_eq!(flags.as_array().unwrap().len(), 1, "{flags}");
    assert_eq!(flags[0]["key"], "greeting");
    assert_eq!(
        read.header("access-control-expose-headers"),
        "ETag, Retry-After"
    );
    let hidden = flagged.evaluates("/errorRate", &browser, &json!({})).await;
    assert_eq!(hidden.status, 404);
    let changed = json!({"flag": "greeting", "value": "hi"});
    assert_eq!(
        flagged
            .post("feature-flag", &browser, &changed)
            .await
            .status,
        403
    );
}

#[tokio::test]
async fn whoever_may_not_read_gets_no_body() {
    let flagged = Flagged::start().await;
    let changes = flagged
        .key("changes", KeyHolder::Machine, &["change:prod"])
        .await;
    for (key, status) in [("", 401), ("ubk_nobody_AAAA", 401), (&*changes, 403)] {
        for path in ["", "/greeting"] {
            let told = flagged.evaluates(path, key, &json!({})).await;
            assert_eq!(
                (told.status, told.text.as_str()),
                (status, ""),
                "{key} {path}"
            );
        }
    }
}

#[tokio::test]
async fn flagd_reads_its_document() {
    let flagged = Flagged::start().await;
    let key = flagged.all().await;
    let get = async |set: &str, known: &str| {
        let url = format!("{}/flags/{set}.json", flagged.serve.url());
        let request = flagged
            .http
            .get(url)
            .header("authorization", format!("Bearer {key}"));
        Told::of(request.header("if-none-match", known).send().await.unwrap()).await
    };

    let read = get("prod", "").await;

    assert_eq!(
        read.json()["metadata"],
        json!({"flagSetId": "prod", "version": "1"})
    );
    let flag = &read.json()["flags"]["errorInjectionEnabled"];
    assert_eq!(flag["state"], "ENABLED");
    let variant = flag["defaultVariant"].as_str().unwrap();
    assert_eq!(flag["variants"][variant], true);
    assert_eq!(get("prod", read.header("etag")).await.status, 304);
    assert_eq!(get("other", "").await.status, 404);
    let wanted = json!({"flag": "errorInjectionEnabled", "value": false});
    flagged.post("feature-flag", &key, &wanted).await;
    assert_eq!(get("prod", read.header("etag")).await.status, 200);
}
