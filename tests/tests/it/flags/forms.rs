//! Answers keep to the forms that OFREP and flagd describe, and clients that we
//! did not write read them.

use flags::key::KeyHolder;
use flags::{MissingKey, read};
use serde_json::{Value, json};

use super::clients::{Application, flagd};
use super::{FILE, Flagged};

/// The reasons that the protocol has a word for.
const REASONS: [&str; 5] = ["STATIC", "TARGETING_MATCH", "SPLIT", "DISABLED", "UNKNOWN"];

/// A successful answer: who it is about, its value, why, and plain metadata.
fn is_success(answer: &Value) -> bool {
    let is_text = |field: &str| answer[field].is_string();
    let is_plain = |value: &Value| value.is_string() || value.is_number() || value.is_boolean();
    let metadata = answer["metadata"].as_object();
    let has_value = !answer["value"].is_null() && !answer["value"].is_array();
    let reason = answer["reason"].as_str().unwrap_or_default();
    is_text("key")
        && is_text("variant")
        && has_value
        && REASONS.contains(&reason)
        && metadata.is_some_and(|metadata| metadata.values().all(is_plain))
}

/// Why there is no value, in one of these words.
fn is_failure(answer: &Value, codes: &[&str]) -> bool {
    let code = answer["errorCode"].as_str().unwrap_or_default();
    let is_text = |field: &str| answer[field].is_string();
    is_text("key") && is_text("errorDetails") && codes.contains(&code) && answer["value"].is_null()
}

#[tokio::test]
async fn every_answer_has_a_form_of_the_protocol() {
    let flagged = Flagged::start().await;
    let key = flagged.all().await;
    let flags = flagged.world.flags();
    let set = flags.set("prod").await.unwrap().unwrap();
    let mut declarations = read(FILE).declarations.unwrap();
    declarations.options.missing_key = MissingKey::Error;
    let declared = flags.declare("prod", &declarations, Some(&set)).await;
    declared.unwrap();
    let trial = json!({"flag": "canaryTrafficPercent", "value": 5, "ttlSeconds": 600});
    flagged.post("feature-flag", &key, &trial).await;
    let ramp = json!({"targetRate": 0.02, "duration": 600});
    flagged.post("error-rate", &key, &ramp).await;

    let user = json!({"context": {"targetingKey": "user-1"}});
    let bulk = flagged.evaluates("", &key, &user).await.json();
    let each = bulk["flags"].as_array().unwrap();
    assert_eq!(each.len(), 7);
    assert!(each.iter().all(is_success), "{bulk}");
    assert!(bulk["metadata"].is_object());
    for one in each {
        let name = one["key"].as_str().unwrap();
        let told = flagged.evaluates(&format!("/{name}"), &key, &user).await;
        assert_eq!((told.status, &told.json()["key"]), (200, &one["key"]));
        assert!(is_success(&told.json()), "{told:?}");
    }

    let nobody = flagged.evaluates("", &key, &json!({})).await.json();
    let one = |name: &str| {
        let mut each = nobody["flags"].as_array().unwrap().iter();
        each.find(|one| one["key"] == name).unwrap().clone()
    };
    let missing = ["TARGETING_KEY_MISSING"];
    assert!(is_failure(&one("promoSocks"), &missing), "{nobody}");
    assert!(is_success(&one("greeting")), "one does not fail the others");
    for (path, body, status, codes) in [
        ("/promoSocks", json!({}), 400, ["TARGETING_KEY_MISSING"]),
        ("/nope", json!({}), 404, ["FLAG_NOT_FOUND"]),
        ("/greeting", json!({"context": 1}), 400, ["INVALID_CONTEXT"]),
    ] {
        let told = flagged.evaluates(path, &key, &body).await;
        assert_eq!(told.status, status);
        assert!(is_failure(&told.json(), &codes), "{path}: {told:?}");
    }
    let all = flagged.evaluates("", &key, &json!({"context": 1})).await;
    assert_eq!(
        (all.status, &all.json()["errorCode"]),
        (400, &json!("INVALID_CONTEXT"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn core_of_flagd_reads_its_document_and_finds_nothing_wrong_with_it() {
    let flagged = Flagged::start().await;
    let key = flagged.all().await;
    let flags = flagged.world.flags();
    let set = flags.set("prod").await.unwrap().unwrap();
    let mut declarations = set.declarations.clone();
    // The generation that this core of flagd splits by.
    declarations.options.fractional = flags::Fractional::V2;
    let file = r#"{ "flags": { "plan": {
        "type": "string", "default": "free", "variants": { "free": "free", "paid": "paid" },
        "targeting": { "if": [{ "==": [{ "var": "country" }, "CA"] }, "paid", "free"] }
    } } }"#;
    declarations
        .flags
        .extend(read(file).declarations.unwrap().flags);
    let declared = flags.declare("prod", &declarations, Some(&set)).await;
    declared.unwrap();
    let trial = json!({"flag": "canaryTrafficPercent", "value": 5, "ttlSeconds": 600});
    flagged.post("feature-flag", &key, &trial).await;

    let url = format!("{}/flags/prod.json", flagged.serve.url());
    let reader = key.clone();
    let flagd = tokio::task::spawn_blocking(move || flagd(&url, &reader));
    let flagd = flagd.await.unwrap();

    let user = json!({"context": {"targetingKey": "user-1", "country": "CA"}});
    let bulk = flagged.evaluates("", &key, &user).await.json();
    let each = bulk["flags"].as_array().unwrap();
    assert_eq!(each.len(), 8);
    for one in each {
        let name = one["key"].as_str().unwrap();
        assert_eq!(flagd[name]["value"], one["value"], "{name}");
        assert_eq!(flagd[name]["variant"], one["variant"], "{name}");
    }
    assert_eq!(flagd["plan"]["value"], "paid");
}

#[tokio::test(flavor = "multi_thread")]
async fn provider_of_rust_reads_every_type_and_the_very_next_value() {
    let flagged = Flagged::start().await;
    let key = flagged.all().await;
    let reader = flagged.key("app", KeyHolder::Machine, &["read:prod"]).await;
    let url = flagged.serve.url().to_owned();
    let start = move || Application::rust(&url, &reader);
    let mut application = tokio::task::spawn_blocking(start).await.unwrap();
    let mut reads = |kind: &str, flag: &str, default: Value, user: Option<&str>| {
        let mut context = json!({"country": "CA"});
        if let Some(user) = user {
            context["targetingKey"] = user.into();
        }
        tokio::task::block_in_place(|| application.reads(&json!([kind, flag, default, context])))
    };
    let plain =
        |value: Value, variant: &str| json!({"value": value, "variant": variant, "error": null});

    let toggled = "errorInjectionEnabled";
    assert_eq!(
        reads("boolean", toggled, json!(false), None),
        plain(json!(true), "on")
    );
    let wanted = json!({"flag": toggled, "value": false});
    flagged.post("feature-flag", &key, &wanted).await;
    assert_eq!(
        reads("boolean", toggled, json!(true), None),
        plain(json!(false), "off"),
        "at once"
    );
    for (kind, flag, default, value) in [
        ("integer", "canaryTrafficPercent", json!(5), json!(0)),
        ("float", "errorRate", json!(0.5), json!(0.12)),
        ("string", "greeting", json!("hi"), json!("Zoë")),
        (
            "object",
            "limits",
            json!({}),
            json!({"carts": 5, "share": 1.5}),
        ),
    ] {
        assert_eq!(reads(kind, flag, default, None), plain(value, "default"));
    }
    let whole = json!({"flag": "errorRate", "value": 1});
    flagged.post("feature-flag", &key, &whole).await;
    let whole = reads("float", "errorRate", json!(0.5), None);
    assert_eq!(whole["value"].as_f64(), Some(1.0), "{whole}");
    for (user, value, variant) in [("user-1", true, "on"), ("user-2", false, "off")] {
        let found = reads("boolean", "promoSocks", json!(false), Some(user));
        assert_eq!(found, plain(json!(value), variant), "{user}");
    }
    let missing = reads("boolean", "nope", json!(true), None);
    assert_eq!(
        (&missing["value"], &missing["error"]),
        (&json!(true), &json!("FlagNotFound"))
    );
    flagged.world.flags().revoke_key("app").await.unwrap();
    let revoked = reads("boolean", toggled, json!(true), None);
    assert_eq!(revoked["value"], true, "the default of the code");
    assert!(!revoked["error"].is_null(), "{revoked}");
}
