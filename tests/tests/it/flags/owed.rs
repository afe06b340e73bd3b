//! What follows from a change, whatever happens to whoever made it.

use fake_aws::clock::real_time;
use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use fake_dynatrace::{Fault, Times};
use jiff::SignedDuration;
use lab::world::{CHANGE_FLAGS, SERVE_FLAGS, Settings, until};
use lambda_host::front::Front;
use serde_json::{Value, json};

use super::{Flagged, PATIENCE, Told, tick};

#[tokio::test]
async fn dead_tenant_blocks_no_change_and_hears_of_it_later_with_the_true_time() {
    let flagged = Flagged::start().await;
    let key = flagged.all().await;
    flagged
        .world
        .tenant
        .fail(Fault::Html503, Times::Always, "/");
    let before = real_time();

    let wanted = json!({"flag": "errorInjectionEnabled", "value": false});
    let told = flagged.post("feature-flag", &key, &wanted).await;

    assert_eq!(
        (told.status, &told.json()["eventSent"]),
        (200, &json!(false)),
        "{told:?}"
    );
    let after = real_time();
    let read = flagged
        .evaluates("/errorInjectionEnabled", &key, &json!({}))
        .await;
    assert_eq!(read.json()["value"], false, "it holds all the same");
    assert!(flagged.events().is_empty());

    flagged.world.tenant.clear_faults();
    let clock = flagged.world.another(CHANGE_FLAGS).await.unwrap();
    let arrived = async || {
        tick(&clock).await;
        !flagged.events().is_empty()
    };
    until("the event arrives", PATIENCE, arrived).await.unwrap();
    tick(&clock).await;
    let events = flagged.events();
    assert_eq!(events.len(), 1);
    let began = events[0].start;
    assert!(before.as_millisecond() <= began && began <= after.as_millisecond());
    let again = flagged.post("feature-flag", &key, &wanted).await;
    assert_eq!(again.json()["changeId"], told.json()["changeId"]);
}

#[tokio::test]
async fn killed_after_the_change_was_written_it_is_told_once() {
    // A claim outlives its invocation by seconds.
    let flagged = Flagged::with(Settings::default().timeout(Duration::from_secs(2))).await;
    let key = flagged.all().await;
    flagged.world.tenant.fail(Fault::Hang, Times::Always, "/");
    let history = async || {
        let flags = flagged.world.flags();
        flags
            .history("prod", "errorInjectionEnabled")
            .await
            .unwrap()
    };
    let wanted = json!({"flag": "errorInjectionEnabled", "value": false});

    let asked = flagged.post("feature-flag", &key, &wanted);
    let killed = async {
        let written = async || !history().await.is_empty();
        until("it is written", PATIENCE, written).await.unwrap();
        flagged.change.function().kill().await;
    };
    let (told, ()) = tokio::join!(asked, killed);

    assert_eq!(told.status, 500, "nobody was there to answer: {told:?}");
    assert!(flagged.events().is_empty());
    flagged.world.tenant.clear_faults();
    let clock = flagged.world.another(CHANGE_FLAGS).await.unwrap();
    let arrived = async || {
        tick(&clock).await;
        !flagged.events().is_empty()
    };
    until("the event arrives", PATIENCE, arrived).await.unwrap();
    tick(&clock).await;
    assert_eq!((flagged.events().len(), history().await.len()), (1, 1));
}

#[tokio::test]
async fn killed_after_the_tenant_was_told_it_is_not_told_again() {
    let flagged = Flagged::start().await;
    let key = flagged.all().await;
    let wanted = json!({"flag": "errorInjectionEnabled", "value": false});
    let told = flagged.post("feature-flag", &key, &wanted).await;
    assert_eq!(told.json()["eventSent"], true);
    // As whoever died before it could note that leaves it: owed and due.
    let table = flagged.world.dynamo.client();
    let items = table.scan().table_name("Flags").send().await.unwrap();
    let mut items = items.items().iter();
    let sent = items.find(|item| item.contains_key("outbox")).unwrap();
    let text = |text: &str| AttributeValue::S(text.to_owned());
    let mut outbox: Value = serde_json::from_str(sent["outbox"].as_s().unwrap()).unwrap();
    assert!(outbox["entry"]["posted"].take().is_string());
    let mut owed = sent.clone();
    owed.insert("outbox".to_owned(), text(&outbox.to_string()));
    owed.insert("dueShard".to_owned(), text("due#0"));
    owed.insert("dueAt".to_owned(), AttributeValue::N("0".to_owned()));
    table
        .put_item()
        .table_name("Flags")
        .set_item(Some(owed))
        .send()
        .await
        .unwrap();

    let clock = flagged.world.another(CHANGE_FLAGS).await.unwrap();
    // While nobody can say whether it is there, it is not sent.
    let tenant = &flagged.world.tenant;
    tenant.fail(Fault::Html503, Times::Always, "GET /api/v2/events");
    assert_eq!(tick(&clock).await["worked"], 1);
    assert_eq!(flagged.events().len(), 1);
    tenant.clear_faults();
    let noted = async || {
        tick(&clock).await;
        let items = table.scan().table_name("Flags").send().await.unwrap();
        let mut items = items.items().iter();
        items.all(|item| !item.contains_key("outbox") || !item.contains_key("dueShard"))
    };
    until("it is found", PATIENCE, noted).await.unwrap();

    assert_eq!(flagged.events().len(), 1);
    let settled = table.scan().table_name("Flags").send().await.unwrap();
    let mut settled = settled.items().iter();
    let noted = settled.find(|item| item.contains_key("outbox")).unwrap();
    assert!(
        !noted.contains_key("dueShard") && noted["outbox"].as_s().unwrap().contains("posted\":\"2")
    );
}

#[tokio::test]
async fn trial_ends_by_the_clock_and_the_schedule_writes_it_down() {
    let flagged = Flagged::start().await;
    let key = flagged.all().await;
    let wanted = json!({"flag": "errorInjectionEnabled", "value": false, "ttlSeconds": 2});
    let told = flagged.post("feature-flag", &key, &wanted).await.json();
    let ends: jiff::Timestamp = told["expiresAt"].as_str().unwrap().parse().unwrap();
    let value = async || {
        let read = flagged
            .evaluates("/errorInjectionEnabled", &key, &json!({}))
            .await;
        read.json()["value"] == true
    };

    // Nobody ticks.
    until("the trial ends", PATIENCE, value).await.unwrap();
    assert!(
        ends <= real_time()
            .saturating_add(SignedDuration::from_millis(5))
            .unwrap()
    );
    assert_eq!(flagged.events().len(), 1);

    let clock = flagged.world.another(CHANGE_FLAGS).await.unwrap();
    let told = async || {
        tick(&clock).await;
        flagged.events().len() == 2
    };
    until("the tenant hears of it", PATIENCE, told)
        .await
        .unwrap();
    let mut events = flagged.events();
    events.sort_by_key(|event| event.start);
    let end = &events[1];
    assert_eq!(end.start, ends.as_millisecond());
    assert_eq!(end.properties["change.cause"], "leaseEnded");
    assert_eq!(end.properties["new.value"], "true");
    let history = flagged
        .world
        .flags()
        .history("prod", "errorInjectionEnabled")
        .await
        .unwrap();
    assert_eq!(history.len(), 2);
    flags::verify(&history).unwrap();
    assert_eq!(tick(&clock).await, json!({"worked": 0, "workLeft": false}));
    let beat = flagged.world.flags().queue().last_beat().await.unwrap();
    assert!(beat.is_some(), "an idle tick leaves that it ran");
}

#[tokio::test]
async fn trial_that_is_confirmed_stays() {
    let flagged = Flagged::start().await;
    let key = flagged.all().await;
    let wanted = json!({"flag": "errorInjectionEnabled", "value": false, "ttlSeconds": 2});
    flagged.post("feature-flag", &key, &wanted).await;

    let confirm = json!({"flag": "errorInjectionEnabled", "confirm": true});
    let told = flagged.post("feature-flag", &key, &confirm).await;

    assert_eq!(told.status, 200, "{told:?}");
    let again = flagged.post("feature-flag", &key, &confirm).await;
    assert_eq!(again.json(), told.json(), "its first answer was lost");
    let stays = flagged.list(&key).await.json();
    assert!(
        stays["details"]["errorInjectionEnabled"]["lease"].is_null(),
        "{stays}"
    );
    assert_eq!(stays["flags"]["errorInjectionEnabled"], false);
    let nothing = json!({"flag": "errorRate", "confirm": true});
    let told = flagged.post("feature-flag", &key, &nothing).await;
    assert_eq!(told.status, 409);
}

#[tokio::test]
async fn ramp_moves_by_the_clock_on_every_instance_and_never_back() {
    let flagged = Flagged::start().await;
    let key = flagged.all().await;
    let front = Front::bind().await.unwrap();
    let other = front.open(flagged.world.another(SERVE_FLAGS).await.unwrap());
    let reads = async |url: &str| {
        let url = format!("{url}/ofrep/v1/evaluate/flags/errorRate");
        let asked = flagged.http.post(url).bearer_auth(&key).body("{}");
        let told = Told::of(asked.send().await.unwrap()).await.json();
        told["value"].as_f64().unwrap()
    };

    let wanted = json!({"targetRate": 0.02, "duration": 3});
    let told = flagged.post("error-rate", &key, &wanted).await;

    assert_eq!(told.status, 202, "{told:?}");
    let told = told.json();
    assert_eq!((&told["from"], &told["to"]), (&json!(0.12), &json!(0.02)));
    assert_eq!(
        (&told["flag"], &told["stepSeconds"]),
        (&json!("errorRate"), &json!(1))
    );
    let mut last = 0.12_f64;
    let mut seen = Vec::new();
    let deadline = tokio::time::Instant::now() + PATIENCE;
    while last > 0.02 {
        assert!(tokio::time::Instant::now() < deadline, "{seen:?}");
        // One after the other, as the requests of one user may meet them.
        for url in [flagged.serve.url(), other.url()] {
            let value = reads(url).await;
            assert!(value <= last, "{value} after {seen:?}");
            if value < last {
                seen.push(value);
            }
            last = value;
        }
    }
    assert_eq!(seen.last(), Some(&0.02), "exactly");
    assert!(2 <= seen.len(), "it moves in steps: {seen:?}");
    // What moves can be stopped where it is, and what stands cannot.
    let stop = json!({"cancel": true});
    let clock = flagged.world.another(CHANGE_FLAGS).await.unwrap();
    tick(&clock).await;
    assert_eq!(flagged.post("error-rate", &key, &stop).await.status, 409);
}
