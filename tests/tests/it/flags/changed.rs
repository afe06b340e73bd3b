//! What callers of the guide send, and hear.

use flags::key::KeyHolder;
use serde_json::json;

use super::{Flagged, PROCESS};

#[tokio::test]
async fn toggle_is_answered_in_the_fields_of_the_guide_and_told_to_the_tenant() {
    let flagged = Flagged::start().await;
    let key = flagged.all().await;

    let wanted = json!({
        "flag": "errorInjectionEnabled", "value": false, "reason": "Error rate too high",
        "problemId": "P-2307288", "triggeredBy": "dynatrace_workflow",
        "targetService": "ignored", "dtEnvironment": "http://127.0.0.1:1", "dtToken": "dt0c01.LEAK",
    });
    let told = flagged.post("feature-flag", &key, &wanted).await;

    assert_eq!(told.status, 200, "{told:?}");
    let mut body = told.json();
    let change = body["changeId"].take();
    for field in ["changeId", "timestamp"] {
        body.as_object_mut().unwrap().remove(field).unwrap();
    }
    assert_eq!(
        body,
        json!({
            "ok": true, "flag": "errorInjectionEnabled",
            "previousValue": true, "newValue": false, "version": 1, "changed": true,
            "reason": "Error rate too high", "triggeredBy": "dynatrace_workflow",
            "eventSent": true, "eventDetails": {"success": true, "status": 201},
        })
    );
    let events = flagged.events();
    assert_eq!(events.len(), 1);
    let event = &events[0];
    assert_eq!(event.entity, PROCESS);
    assert_eq!(event.title, "Feature Flag Changed: errorInjectionEnabled");
    for (name, value) in [
        ("feature.flag", "errorInjectionEnabled"),
        ("previous.value", "true"),
        ("new.value", "false"),
        ("change.reason", "Error rate too high"),
        ("triggered.by", "dynatrace_workflow"),
        ("problem.id", "P-2307288"),
        ("remediation.type", "feature_flag_toggle"),
        ("change.version", "1"),
    ] {
        assert_eq!(event.properties[name], value, "{name}");
    }
    assert_eq!(json!(event.properties["change.id"]), change);
    let written = flagged.change.function().logs();
    assert!(
        !written.contains("dt0c01") && !told.text.contains("dt0c01"),
        "{written}"
    );
    let stored = flagged
        .world
        .dynamo
        .client()
        .scan()
        .table_name("Flags")
        .send()
        .await
        .unwrap();
    assert!(!format!("{:?}", stored.items()).contains("dt0c01"));
}

#[tokio::test]
async fn flags_are_listed_with_bare_values() {
    let flagged = Flagged::start().await;
    let key = flagged.all().await;
    let wanted = json!({"flag": "canaryTrafficPercent", "value": 10, "ttlSeconds": 600});
    let told = flagged.post("feature-flag", &key, &wanted).await.json();

    let listed = flagged.list(&key).await.json();

    assert_eq!(listed["ok"], true);
    assert_eq!(listed["flags"]["canaryTrafficPercent"], 10);
    assert_eq!(listed["flags"]["errorInjectionEnabled"], true);
    assert_eq!(listed["flags"]["errorRate"], 0.12);
    let detail = &listed["details"]["canaryTrafficPercent"];
    assert_eq!(detail["version"], 1);
    assert_eq!(detail["changedBy"], "the key all");
    assert_eq!(detail["lease"]["until"], told["expiresAt"]);
    let some = flagged
        .key("some", KeyHolder::Machine, &["read:prod/canary*"])
        .await;
    let listed = flagged.list(&some).await.json();
    assert_eq!(listed["flags"], json!({"canaryTrafficPercent": 10}));
}

#[tokio::test]
async fn what_makes_no_sense_is_refused_and_changes_nothing() {
    let flagged = Flagged::start().await;
    let key = flagged.all().await;
    for (path, body, error) in [
        (
            "feature-flag",
            json!({"value": true}),
            "Missing required fields: flag, value",
        ),
        (
            "feature-flag",
            json!({"flag": "errorRate"}),
            "Missing required fields: flag, value",
        ),
        (
            "feature-flag",
            json!({"flag": "nope", "value": true}),
            "Unknown feature flag: nope",
        ),
        (
            "feature-flag",
            json!({"flag": "constructor", "value": true}),
            "Unknown feature flag: constructor",
        ),
        (
            "feature-flag",
            json!({"flag": "errorInjectionEnabled", "value": "false"}),
            "expected boolean, found a text",
        ),
        (
            "feature-flag",
            json!({"flag": "errorInjectionEnabled", "value": 1}),
            "expected boolean, found a number",
        ),
        (
            "feature-flag",
            json!({"flag": "errorInjectionEnabled", "value": null}),
            "expected boolean, found null",
        ),
        (
            "feature-flag",
            json!({"flag": "canaryTrafficPercent", "value": -1}),
            "-1 is below the least value, 0",
        ),
        (
            "feature-flag",
            json!({"flag": "canaryTrafficPercent", "value": 101}),
            "101 is above the largest value, 100",
        ),
        (
            "feature-flag",
            json!({"flag": "canaryTrafficPercent", "value": 10.5}),
            "expected integer, found a number with a fraction",
        ),
        (
            "feature-flag",
            json!({"flag": "errorInjectionEnabled", "value": false, "ttlSeconds": 0}),
            "`ttlSeconds` is a positive number of seconds",
        ),
        (
            "feature-flags/bulk",
            json!({"flags": []}),
            "Missing required field: flags (object)",
        ),
        (
            "error-rate",
            json!({"duration": 5}),
            "Missing required field: targetRate",
        ),
        (
            "error-rate",
            json!({"targetRate": 0.5, "duration": 86_401}),
            "`duration` is a number of seconds, at most 86400",
        ),
    ] {
        let told = flagged.post(path, &key, &body).await;
        assert_eq!(
            (told.status, &told.json()["error"]),
            (400, &json!(error)),
            "{body}"
        );
        assert_eq!(told.json()["ok"], false);
        if error.starts_with("Unknown") {
            assert_eq!(told.json()["availableFlags"].as_array().unwrap().len(), 7);
        }
    }
    let set = flagged.world.flags().set("prod").await.unwrap().unwrap();
    assert!(set.states.is_empty());
}

#[tokio::test]
async fn bulk_is_done_together_or_not_at_all() {
    let flagged = Flagged::start().await;
    let key = flagged.all().await;

    let wanted = json!({"flags": {
        "errorInjectionEnabled": false, "nope": true, "slowResponsesEnabled": "no",
    }});
    let told = flagged.post("feature-flags/bulk", &key, &wanted).await;
    assert_eq!(told.status, 400);
    assert_eq!(
        told.json()["invalid"],
        json!([
            {"flag": "nope", "error": "Unknown feature flag: nope"},
            {"flag": "slowResponsesEnabled", "error": "expected boolean, found a text"},
        ])
    );
    let set = flagged.world.flags().set("prod").await.unwrap().unwrap();
    assert!(set.states.is_empty());

    let wanted = json!({"flags": {
        "errorInjectionEnabled": false, "slowResponsesEnabled": false, "canaryTrafficPercent": 0,
    }});
    let told = flagged
        .post("feature-flags/bulk", &key, &wanted)
        .await
        .json();
    let changes: Vec<_> = told["changes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|change| {
            (
                change["flag"].as_str().unwrap(),
                change["newValue"].clone(),
                change["changed"] == true,
            )
        })
        .collect();
    assert_eq!(
        changes,
        [
            ("canaryTrafficPercent", json!(0), false),
            ("errorInjectionEnabled", json!(false), true),
            ("slowResponsesEnabled", json!(false), true),
        ]
    );
    // Only one of them belongs to an entity.
    assert_eq!(told["events"][0]["eventSent"], true);
    assert_eq!(told["events"][1]["eventSent"], false);
    assert_eq!(told["reason"], "Bulk update");
    let events = flagged.events();
    assert_eq!(events.len(), 1);
    assert_eq!(
        events[0].properties["remediation.type"],
        "bulk_feature_flag_toggle"
    );
}

#[tokio::test]
async fn whoever_is_unknown_gets_nothing_and_keys_do_what_their_scopes_say() {
    let flagged = Flagged::start().await;
    let machine = flagged
        .key(
            "machine",
            KeyHolder::Machine,
            &["change:prod/canary*<=20", "read:prod/canary*"],
        )
        .await;
    let reader = flagged
        .key("reader", KeyHolder::Machine, &["read:prod"])
        .await;
    let wanted = |value: u8| json!({"flag": "canaryTrafficPercent", "value": value});

    for key in ["", "nonsense", "ubk_nobody_AAAA", &format!("{machine}x")] {
        assert_eq!(
            flagged.post("feature-flag", key, &wanted(10)).await.status,
            401,
            "{key}"
        );
        assert_eq!(flagged.list(key).await.status, 401, "{key}");
    }
    let long = json!({"flag": "x".repeat(300_000)});
    for (key, status) in [("", 401), ("ubk_nobody_AAAA", 413)] {
        let told = flagged.post("feature-flag", key, &long).await;
        assert_eq!(told.status, status, "{key}");
    }
    assert_eq!(
        flagged
            .post("feature-flag", &reader, &wanted(10))
            .await
            .status,
        403
    );
    assert_eq!(
        flagged
            .post("feature-flag", &machine, &wanted(21))
            .await
            .status,
        403
    );
    let rate = json!({"flag": "canaryTrafficPercent", "targetRate": 10, "duration": 10});
    assert_eq!(
        flagged.post("error-rate", &machine, &rate).await.status,
        403
    );
    let half = json!({"flags": {"canaryTrafficPercent": 10, "errorInjectionEnabled": false}});
    assert_eq!(
        flagged
            .post("feature-flags/bulk", &machine, &half)
            .await
            .status,
        403
    );
    let set = flagged.world.flags().set("prod").await.unwrap().unwrap();
    assert!(set.states.is_empty());

    assert_eq!(
        flagged
            .post("feature-flag", &machine, &wanted(20))
            .await
            .status,
        200
    );
    flagged.world.flags().revoke_key("machine").await.unwrap();
    assert_eq!(
        flagged
            .post("feature-flag", &machine, &wanted(10))
            .await
            .status,
        401
    );
}

#[tokio::test]
async fn same_request_twice_is_one_change_one_event_and_one_answer() {
    let flagged = Flagged::start().await;
    let key = flagged.all().await;
    let wanted = json!({"flag": "errorInjectionEnabled", "value": false, "problemId": "P-1"});

    let first = flagged.post("feature-flag", &key, &wanted).await;
    let again = flagged.post("feature-flag", &key, &wanted).await;

    assert_eq!(first.json()["eventSent"], true);
    assert_eq!(first.json(), again.json());
    assert_eq!(flagged.events().len(), 1);

    // Somebody else switches it on again: now the same words are another change.
    let back = json!({"flag": "errorInjectionEnabled", "value": true});
    assert_eq!(
        flagged.post("feature-flag", &key, &back).await.json()["version"],
        2
    );
    assert_eq!(
        flagged.post("feature-flag", &key, &wanted).await.json()["version"],
        3
    );

    let named = async |body| {
        let url = format!("{}/api/remediation/feature-flag", flagged.change.url());
        let request = flagged.http.post(url).bearer_auth(&key).json(&body);
        super::Told::of(
            request
                .header("idempotency-key", "k1")
                .send()
                .await
                .unwrap(),
        )
        .await
    };
    let one = named(back.clone()).await;
    assert_eq!(one.json()["version"], 4);
    assert_eq!(
        flagged.post("feature-flag", &key, &wanted).await.json()["version"],
        5
    );
    assert_eq!(
        named(back).await.json(),
        one.json(),
        "whatever happened since"
    );
    assert_eq!(named(wanted).await.status, 409);
}

#[tokio::test]
async fn version_that_moved_and_haste_are_refused() {
    let flagged = Flagged::start().await;
    let key = flagged.all().await;
    let set = |value: u8, expected| json!({"flag": "canaryTrafficPercent", "value": value, "expectedVersion": expected});
    assert_eq!(
        flagged.post("feature-flag", &key, &set(1, 0)).await.status,
        200
    );
    let moved = flagged.post("feature-flag", &key, &set(2, 0)).await;
    assert_eq!(moved.status, 409);
    assert_eq!(
        moved.json()["error"],
        "the flag has version 1 by now, not 0"
    );
    for version in 1..6_u8 {
        let told = flagged
            .post("feature-flag", &key, &set(version + 1, u64::from(version)))
            .await;
        assert_eq!(told.status, 200, "{told:?}");
    }

    let hasty = flagged.post("feature-flag", &key, &set(50, 6)).await;

    assert_eq!(hasty.status, 429);
    let seconds: u32 = hasty.header("retry-after").parse().unwrap();
    assert!((1..=600).contains(&seconds), "{seconds}");
}

#[tokio::test]
async fn bulk_that_is_too_large_for_one_transaction_is_refused_with_the_limit() {
    let flagged = Flagged::start().await;
    let key = flagged.all().await;
    let flags = flagged.world.flags();
    let set = flags.set("prod").await.unwrap().unwrap();
    let mut declarations = set.declarations.clone();
    let mut rate = declarations.flags["errorRate"].clone();
    rate.touches = declarations.flags["errorInjectionEnabled"].touches.clone();
    let names: Vec<String> = (0..20).map(|number| format!("rate{number}")).collect();
    for name in &names {
        rate.name.clone_from(name);
        declarations.flags.insert(name.clone(), rate.clone());
    }
    let declared = flags.declare("prod", &declarations, Some(&set));
    declared.await.unwrap();
    for flag in &names {
        let wanted = json!({"flag": flag, "targetRate": 1, "duration": 3_600});
        let told = flagged.post("error-rate", &key, &wanted).await;
        assert_eq!(told.status, 202, "{told:?}");
    }
    let bulk = |names: &[String]| {
        let values = names.iter().map(|name| (name.clone(), json!(0.5)));
        json!({"flags": values.collect::<serde_json::Map<_, _>>()})
    };

    // Each of them stops, then changes, and both are told.
    let told = flagged
        .post("feature-flags/bulk", &key, &bulk(&names))
        .await;

    assert_eq!(
        (told.status, told.json()["error"].as_str()),
        (
            400,
            Some(
                "it takes 123 writes together, and there are 100 at most: \
                 change fewer flags at once"
            )
        ),
        "{told:?}"
    );
    let read = flagged.evaluates("/rate0", &key, &json!({})).await;
    assert_ne!(read.json()["value"], 0.5);
    let half = bulk(&names[..16]);
    let told = flagged.post("feature-flags/bulk", &key, &half).await;
    assert_eq!(told.status, 200, "{told:?}");
}

#[tokio::test]
async fn preset_sets_its_flags_together_for_keys_that_may() {
    let flagged = Flagged::start().await;
    let scopes = ["read:prod", "preset:prod"];
    let key = flagged.key("flow", KeyHolder::Person, &scopes).await;
    let changer = flagged.all().await;
    let path = "feature-flags/preset";
    let wanted = json!({"preset": "defensiveMode", "reason": "Complex failure"});

    assert_eq!(flagged.post(path, &changer, &wanted).await.status, 403);
    let told = flagged.post(path, &key, &wanted).await;

    assert_eq!(told.status, 200, "{told:?}");
    let body = told.json();
    assert_eq!(body["preset"], "defensiveMode");
    let changes: Vec<_> = body["changes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|change| (change["flag"].as_str().unwrap(), &change["newValue"]))
        .collect();
    assert_eq!(
        changes,
        [
            ("errorInjectionEnabled", &json!(false)),
            ("slowResponsesEnabled", &json!(false)),
        ]
    );
    assert_eq!(
        flagged.post(path, &key, &wanted).await.json(),
        body,
        "the same request again"
    );
    let unknown = flagged.post(path, &key, &json!({"preset": "calm"})).await;
    assert_eq!(
        (unknown.status, unknown.json()["error"].as_str()),
        (400, Some("Unknown preset: calm"))
    );
    assert_eq!(unknown.json()["availablePresets"], json!(["defensiveMode"]));
    let none = flagged.post(path, &key, &json!({})).await;
    assert_eq!(none.json()["error"], "Missing required field: preset");
    let half = ["preset:prod/error*"];
    let half = flagged.key("half", KeyHolder::Machine, &half).await;
    assert_eq!(flagged.post(path, &half, &wanted).await.status, 403);
}
