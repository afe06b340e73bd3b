//! Changes that are made only together with their events, whatever happens to
//! whoever makes them. The stories are the rows of the table of
//! `flags::require`.

use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use fake_aws::clock::real_time;
use fake_dynatrace::{Fault, Times};
use flags::key::KeyHolder;
use flags::{Aborted, Because, Cause, Entry, EventPolicy, LARGEST_BULK, read};
use lab::world::{CHANGE_FLAGS, Settings, until};
use lambda_host::front::{Front, Open};
use lambda_host::runtime::Function;
use serde_json::{Value, json};

use super::{Flagged, PATIENCE, Told, tick};

const SERVICE: &str = "SERVICE-00000000000000F2";

const INGEST: &str = "/api/v2/events/ingest";

const FILE: &str = r#"{ "flags": {
    "promotionalPercent": {
        "type": "integer", "default": 0, "min": 0, "max": 100, "events": "require",
        "touches": { "etype": "SERVICE", "tags": [{ "key": "app", "value": "carts" }] }
    }
} }"#;

/// The campaign beside the other flags.
async fn campaign(settings: Settings) -> (Flagged, String) {
    let flagged = Flagged::with(settings).await;
    let service = flagged.world.tenant.entity("SERVICE", SERVICE, "carts");
    service.tag("app", "carts").add();
    let flags = flagged.world.flags();
    let set = flags.set("prod").await.unwrap().unwrap();
    let mut declarations = set.declarations.clone();
    let campaign = read(FILE).declarations.unwrap();
    declarations.flags.extend(campaign.flags);
    flags
        .declare("prod", &declarations, Some(&set))
        .await
        .unwrap();
    let key = flagged.all().await;
    (flagged, key)
}

/// One whose claims end soon after their requests.
async fn short_lived() -> (Flagged, String) {
    campaign(Settings::default().timeout(Duration::from_secs(2))).await
}

fn percent(value: u8) -> Value {
    json!({"flag": "promotionalPercent", "value": value})
}

/// The same, because of a problem.
fn because(value: u8) -> Value {
    let mut wanted = percent(value);
    wanted["problemId"] = "P-1".into();
    wanted
}

impl Flagged {
    /// The key of a workflow that may mitigate with small values.
    async fn flow(&self) -> String {
        let scopes = ["change:prod", "mitigate:prod/promo*<=10"];
        self.key("flow", KeyHolder::Machine, &scopes).await
    }

    async fn reads_percent(&self, key: &str) -> Value {
        let told = self.evaluates("/promotionalPercent", key, &json!({})).await;
        told.json()["value"].clone()
    }

    async fn history_of_percent(&self) -> Vec<Entry> {
        let flags = self.world.flags();
        let history = flags.history("prod", "promotionalPercent").await.unwrap();
        flags::verify(&history).unwrap();
        history
    }

    async fn another_door(&self) -> Open {
        let front = Front::bind().await.unwrap();
        front.open(self.world.another(CHANGE_FLAGS).await.unwrap())
    }

    async fn post_at(&self, door: &Open, key: &str, body: &Value) -> Told {
        let url = format!("{}/api/remediation/feature-flag", door.url());
        let request = self.http.post(url).bearer_auth(key).json(body);
        Told::of(request.send().await.unwrap()).await
    }

    /// Ticks until so much is written of the campaign.
    async fn settled(&self, entries: usize) -> Function {
        let clock = self.world.another(CHANGE_FLAGS).await.unwrap();
        let written = async || {
            tick(&clock).await;
            self.history_of_percent().await.len() == entries
        };
        until("it is written", PATIENCE, written).await.unwrap();
        clock
    }

    /// Makes everything that is owed due at once, but timers.
    async fn hurry(&self) {
        let table = self.world.dynamo.client();
        let items = table.scan().table_name("Flags").send().await.unwrap();
        for item in items.items() {
            let is_timer = item["sk"].as_s().unwrap() == "timer";
            if item.contains_key("dueShard") && !is_timer {
                let mut due = item.clone();
                let now = AttributeValue::N("0".to_owned());
                due.insert("dueAt".to_owned(), now);
                let put = table.put_item().table_name("Flags");
                put.set_item(Some(due)).send().await.unwrap();
            }
        }
    }

    /// Of each change that waits or waited for its event, whether it expires.
    async fn expiring(&self) -> Vec<bool> {
        let table = self.world.dynamo.client();
        let items = table.scan().table_name("Flags").send().await.unwrap();
        let waiting = items.items().iter().filter(|item| {
            let pk = item["pk"].as_s().unwrap();
            pk.starts_with("wait#")
        });
        let expires = waiting.map(|item| item.contains_key("expiresAt"));
        expires.collect()
    }

    /// Sends a request and kills its function once `when` holds.
    async fn killed(&self, key: &str, wanted: &Value, when: impl AsyncFn() -> bool) {
        self.killed_at("feature-flag", key, wanted, when).await;
    }

    async fn killed_at(&self, path: &str, key: &str, wanted: &Value, when: impl AsyncFn() -> bool) {
        let asked = self.post(path, key, wanted);
        let killed = async {
            until("it has come so far", PATIENCE, when).await.unwrap();
            self.change.function().kill().await;
        };
        let (told, ()) = tokio::join!(asked, killed);
        assert_eq!(told.status, 500, "nobody was there to answer: {told:?}");
    }
}

fn causes(history: &[Entry]) -> Vec<Cause> {
    let causes = history.iter().map(|entry| entry.record.cause.clone());
    causes.collect()
}

fn aborted(wanted: &str, because: Because) -> Cause {
    Cause::Aborted(Aborted {
        wanted: wanted.to_owned(),
        because,
    })
}

#[tokio::test]
async fn taken_it_is_made_with_its_event() {
    let (flagged, key) = campaign(Settings::default()).await;

    let told = flagged.post("feature-flag", &key, &percent(50)).await;

    assert_eq!(told.status, 200, "{told:?}");
    assert_eq!(
        (&told.json()["eventSent"], &told.json()["version"]),
        (&json!(true), &json!(1))
    );
    assert_eq!(flagged.reads_percent(&key).await, 50);
    let again = flagged.post("feature-flag", &key, &percent(50)).await;
    assert_eq!(again.json(), told.json());
    let clock = flagged.world.another(CHANGE_FLAGS).await.unwrap();
    assert_eq!(tick(&clock).await["worked"], 0, "nothing is owed");
    let events = flagged.events();
    assert_eq!(events.len(), 1);
    assert_eq!(events[0].entity, SERVICE);
    assert_eq!(
        json!(events[0].properties["change.id"]),
        told.json()["changeId"]
    );
    assert_eq!(
        causes(&flagged.history_of_percent().await),
        [Cause::Changed]
    );
}

#[tokio::test]
async fn refused_nobody_ever_reads_it_and_it_is_told_to_nobody() {
    let (flagged, key) = campaign(Settings::default()).await;
    flagged
        .world
        .tenant
        .fail(Fault::Html503, Times::Always, "/");

    let wanted = percent(50);
    let asked = flagged.post("feature-flag", &key, &wanted);
    tokio::pin!(asked);
    let told = loop {
        let pause = tokio::time::sleep(Duration::from_millis(10));
        tokio::select! {
            told = &mut asked => break told,
            () = pause => assert_eq!(flagged.reads_percent(&key).await, 0),
        }
    };

    assert_eq!(told.status, 503, "{told:?}");
    assert_eq!(
        (&told.json()["ok"], &told.json()["eventSent"]),
        (&json!(false), &json!(false))
    );
    assert_eq!(flagged.reads_percent(&key).await, 0);
    let history = flagged.history_of_percent().await;
    assert_eq!(causes(&history), [aborted("50", Because::NotTold)]);
    assert_eq!(history[0].record.by.name, "the key all");

    // Once it is asked, the tenant has nothing that was to be corrected.
    flagged.world.tenant.clear_faults();
    flagged.hurry().await;
    let clock = flagged.world.another(CHANGE_FLAGS).await.unwrap();
    assert_eq!(tick(&clock).await["worked"], 1);
    assert!(flagged.events().is_empty());
    let now = flagged.post("feature-flag", &key, &percent(50)).await;
    assert_eq!(
        (now.status, &now.json()["version"]),
        (200, &json!(2)),
        "the same is asked for again: {now:?}"
    );
}

#[tokio::test]
async fn corrected_where_the_tenant_has_the_event_after_all() {
    let (flagged, key) = campaign(Settings::default()).await;
    let fault = Fault::HangAfterActing;
    flagged.world.tenant.fail(fault, Times::Always, INGEST);

    let told = flagged.post("feature-flag", &key, &percent(50)).await;

    assert_eq!(told.status, 503, "{told:?}");
    assert_eq!(flagged.reads_percent(&key).await, 0);
    flagged.world.tenant.clear_faults();
    flagged.hurry().await;
    let clock = flagged.world.another(CHANGE_FLAGS).await.unwrap();
    assert_eq!(tick(&clock).await["worked"], 1);
    let events = flagged.events();
    let last = events.last().unwrap();
    assert_eq!(last.properties["change.cause"], "aborted");
    assert_eq!(last.properties["new.value"], "0");
    assert_eq!(last.properties["dt.event.is_rootcause_relevant"], "false");
    let first = &events[0].properties["change.id"];
    assert_eq!(&last.properties["change.id"], first);
}

#[tokio::test]
async fn what_takes_back_and_what_mitigates_needs_no_tenant() {
    let (flagged, key) = campaign(Settings::default()).await;
    let flow = flagged.flow().await;
    let told = flagged.post("feature-flag", &key, &percent(50)).await;
    assert_eq!(told.status, 200, "{told:?}");
    flagged
        .world
        .tenant
        .fail(Fault::Html503, Times::Always, "/");

    let stopped = flagged.post("feature-flag", &key, &percent(0)).await;
    assert_eq!(
        (stopped.status, &stopped.json()["eventSent"]),
        (200, &json!(false)),
        "{stopped:?}"
    );
    assert_eq!(flagged.reads_percent(&key).await, 0);
    let driven = flagged.post("feature-flag", &flow, &because(10)).await;
    assert_eq!(driven.status, 200, "{driven:?}");
    assert_eq!(flagged.reads_percent(&key).await, 10);
}

#[tokio::test]
async fn naming_a_problem_is_no_mitigation_without_the_scope_for_it() {
    let (flagged, key) = campaign(Settings::default()).await;
    let flow = flagged.flow().await;
    let fault = Fault::Html503;
    flagged.world.tenant.fail(fault, Times::Always, INGEST);

    let mut trial = because(10);
    trial["ttlSeconds"] = 60.into();
    let mut recovery = because(10);
    recovery["triggeredBy"] = "dynatrace_workflow_recovery".into();
    for (key, wanted) in [
        (&key, because(10)),
        (&key, trial),
        (&key, recovery),
        (&flow, because(11)),
    ] {
        let told = flagged.post("feature-flag", key, &wanted).await;
        assert_eq!(told.status, 503, "{wanted}: {told:?}");
        assert_eq!(told.json()["eventSent"], false, "{wanted}");
    }

    assert_eq!(flagged.reads_percent(&key).await, 0);
    let written = causes(&flagged.history_of_percent().await);
    let is_aborted = |cause: &Cause| matches!(cause, Cause::Aborted(_));
    assert!(written.iter().all(is_aborted), "{written:?}");
    assert_eq!(written.len(), 4);
}

#[tokio::test]
async fn what_a_problem_holds_that_waited_for_its_event_is_given_back_all_the_same() {
    let (flagged, key) = campaign(Settings::default()).await;
    let flow = flagged
        .key("flow", KeyHolder::Machine, &["change:prod"])
        .await;
    let problem = flagged.world.tenant.problem("Failure rate increase");
    let problem = problem.impacts(SERVICE).open();
    let mut wanted = percent(50);
    wanted["problemId"] = problem.id().into();

    let told = flagged.post("feature-flag", &flow, &wanted).await;
    assert_eq!(
        (told.status, &told.json()["eventSent"]),
        (200, &json!(true)),
        "{told:?}"
    );
    assert_eq!(flagged.reads_percent(&key).await, 50);
    problem.resolve(real_time().as_millisecond());
    flagged.hurry().await;
    let clock = flagged.world.another(CHANGE_FLAGS).await.unwrap();
    tick(&clock).await;

    assert_eq!(flagged.reads_percent(&key).await, 0);
}

#[tokio::test]
async fn bulk_with_one_that_requires_its_event_is_made_with_it_or_not_at_all() {
    let (flagged, key) = campaign(Settings::default()).await;
    let tenant = &flagged.world.tenant;
    let wanted = json!({"flags": {"promotionalPercent": 50, "errorInjectionEnabled": false}});
    tenant.fail(Fault::Html503, Times::Always, "/");

    let refused = flagged.post("feature-flags/bulk", &key, &wanted).await;

    assert_eq!(refused.status, 503, "{refused:?}");
    let injection = async || {
        let path = "/errorInjectionEnabled";
        let read = flagged.evaluates(path, &key, &json!({})).await;
        read.json()["value"].clone()
    };
    assert_eq!(
        (flagged.reads_percent(&key).await, injection().await),
        (json!(0), json!(true))
    );
    tenant.clear_faults();
    let made = flagged.post("feature-flags/bulk", &key, &wanted).await;
    assert_eq!(made.status, 200, "{made:?}");
    let sent = made.json()["events"].as_array().unwrap().clone();
    assert!(sent.iter().all(|event| event["eventSent"] == true));
    assert_eq!(
        (flagged.reads_percent(&key).await, injection().await),
        (json!(50), json!(false))
    );
    assert_eq!(flagged.events().len(), 2);
}

#[tokio::test]
async fn missing_killed_before_the_tenant_was_told_it_is_not_made() {
    let (flagged, key) = short_lived().await;
    let tenant = &flagged.world.tenant;
    tenant.fail(Fault::Hang, Times::Always, "/");

    let prepared = async || 0 < tenant.count("/");
    flagged.killed(&key, &percent(50), prepared).await;

    // Meanwhile it is busy, and whoever stops what runs is not.
    let other = flagged.another_door().await;
    let busy = flagged.post_at(&other, &key, &percent(60)).await;
    assert_eq!(
        (busy.status, busy.header("retry-after")),
        (503, "5"),
        "{busy:?}"
    );
    assert_eq!(flagged.reads_percent(&key).await, 0);
    tenant.clear_faults();

    let clock = flagged.settled(1).await;

    let history = flagged.history_of_percent().await;
    assert_eq!(causes(&history), [aborted("50", Because::NotTold)]);
    flagged.hurry().await;
    tick(&clock).await;
    assert!(flagged.events().is_empty());
    assert_eq!(tick(&clock).await, json!({"worked": 0, "workLeft": false}));
    let again = flagged.post_at(&other, &key, &percent(50)).await;
    assert_eq!(again.status, 200, "{again:?}");
}

#[tokio::test]
async fn change_that_waited_ends_however_much_the_clock_did_meanwhile() {
    let (flagged, key) = short_lived().await;
    let names: Vec<String> = (1..LARGEST_BULK).map(|one| format!("share{one}")).collect();
    let flags = flagged.world.flags();
    let set = flags.set("prod").await.unwrap().unwrap();
    let mut declarations = set.declarations.clone();
    for name in &names {
        let mut share = declarations.flags["promotionalPercent"].clone();
        share.name.clone_from(name);
        share.events = EventPolicy::Queue;
        declarations.flags.insert(name.clone(), share);
    }
    let declared = flags.declare("prod", &declarations, Some(&set)).await;
    declared.unwrap();
    let bulk = |value: u8, others: &[String]| {
        let others = others.iter().map(|name| (name.clone(), json!(value)));
        json!({"flags": others.collect::<serde_json::Map<_, _>>()})
    };
    let mut trials = bulk(20, &names);
    trials["ttlSeconds"] = 1.into();
    let told = flagged.post("feature-flags/bulk", &key, &trials).await;
    assert_eq!(told.status, 200, "{told:?}");
    let tenant = &flagged.world.tenant;
    tenant.clear_calls();
    tenant.fail(Fault::Hang, Times::Always, "/");

    // Killed, and the trials end before anybody looks.
    let mut wanted = bulk(50, &names);
    wanted["flags"]["promotionalPercent"] = 50.into();
    let prepared = async || 0 < tenant.count("/");
    flagged
        .killed_at("feature-flags/bulk", &key, &wanted, prepared)
        .await;
    tenant.clear_faults();
    flagged.settled(1).await;

    let history = flagged.history_of_percent().await;
    assert_eq!(causes(&history), [aborted("50", Because::NotTold)]);
    for name in &names {
        let history = flags.history("prod", name).await.unwrap();
        let expected = [
            Cause::Leased,
            Cause::LeaseEnded,
            aborted("50", Because::NotTold),
        ];
        assert_eq!(causes(&history), expected, "{name}");
    }
}

#[tokio::test]
async fn found_killed_after_the_tenant_was_told_it_is_made() {
    let (flagged, key) = short_lived().await;
    let tenant = &flagged.world.tenant;
    tenant.fail(Fault::HangAfterActing, Times::Always, INGEST);

    let told = async || !flagged.events().is_empty();
    flagged.killed(&key, &percent(50), told).await;

    assert_eq!(
        flagged.reads_percent(&key).await,
        0,
        "not before it is known"
    );
    assert_eq!(flagged.expiring().await, [false], "it still waits");
    tenant.clear_faults();
    let clock = flagged.settled(1).await;
    assert_eq!(flagged.expiring().await, [true]);
    assert_eq!(
        causes(&flagged.history_of_percent().await),
        [Cause::Changed]
    );
    assert_eq!(flagged.reads_percent(&key).await, 50);
    tick(&clock).await;
    assert_eq!(flagged.events().len(), 1, "it is told once");
    let other = flagged.another_door().await;
    let again = flagged.post_at(&other, &key, &percent(50)).await.json();
    assert_eq!(
        (&again["changed"], &again["eventSent"]),
        (&json!(true), &json!(true)),
        "the answer that was lost: {again}"
    );
    assert_eq!(flagged.history_of_percent().await.len(), 1);
}

#[tokio::test]
async fn silent_tenant_is_asked_again_and_nothing_holds_up_a_stop() {
    let (flagged, key) = short_lived().await;
    let tenant = &flagged.world.tenant;
    tenant.fail(Fault::HangAfterActing, Times::Always, INGEST);
    let told = async || !flagged.events().is_empty();
    flagged.killed(&key, &percent(50), told).await;
    tenant.clear_faults();
    tenant.fail(Fault::Html503, Times::Always, "/");
    let clock = flagged.world.another(CHANGE_FLAGS).await.unwrap();
    let asked = async || tick(&clock).await["worked"] == 1;
    until("the tenant is asked", PATIENCE, asked).await.unwrap();
    assert!(flagged.history_of_percent().await.is_empty());

    // What a problem drives comes in between.
    let other = flagged.another_door().await;
    let flow = flagged.flow().await;
    let driven = flagged.post_at(&other, &flow, &because(10)).await;

    assert_eq!(driven.status, 200, "{driven:?}");
    tenant.clear_faults();
    let arrived = async || {
        flagged.hurry().await;
        tick(&clock).await;
        flagged.events().len() == 3
    };
    until("everything is told", PATIENCE, arrived)
        .await
        .unwrap();
    assert_eq!(
        causes(&flagged.history_of_percent().await),
        [Cause::Mitigated, aborted("50", Because::Overtaken)]
    );
    assert_eq!(flagged.reads_percent(&key).await, 10);
    let told: Vec<String> = flagged
        .events()
        .iter()
        .map(|event| event.properties["change.cause"].clone())
        .collect();
    assert!(told.contains(&"aborted".to_owned()), "{told:?}");
}

#[tokio::test]
async fn busy_while_another_change_waits_for_its_event() {
    let (flagged, key) = campaign(Settings::default()).await;
    flagged.world.tenant.latency(Duration::from_millis(1_500));
    let other = flagged.another_door().await;

    let wanted = percent(50);
    let asked = flagged.post("feature-flag", &key, &wanted);
    let comes_second = async {
        let sending = async || 0 < flagged.world.tenant.count("/");
        until("the event is sent", PATIENCE, sending).await.unwrap();
        flagged.post_at(&other, &key, &percent(60)).await
    };
    let (first, second) = tokio::join!(asked, comes_second);

    assert_eq!(second.status, 503, "{second:?}");
    let told = second.json()["error"].as_str().unwrap().to_owned();
    assert!(
        told.contains("another change waits for its event"),
        "{told}"
    );
    assert_eq!(first.status, 200, "{first:?}");
    assert_eq!(flagged.reads_percent(&key).await, 50);
}

#[tokio::test]
async fn overtaken_while_its_event_was_sent_it_is_not_made() {
    let (flagged, key) = campaign(Settings::default()).await;
    flagged.world.tenant.latency(Duration::from_millis(1_500));
    let other = flagged.another_door().await;
    let flow = flagged.flow().await;

    let wanted = percent(50);
    let asked = flagged.post("feature-flag", &key, &wanted);
    let overtakes = async {
        let sending = async || 0 < flagged.world.tenant.count("/");
        until("the event is sent", PATIENCE, sending).await.unwrap();
        flagged.post_at(&other, &flow, &because(10)).await
    };
    let (asked, driven) = tokio::join!(asked, overtakes);

    assert_eq!(driven.status, 200, "{driven:?}");
    assert_eq!(asked.status, 409, "{asked:?}");
    assert_eq!(flagged.reads_percent(&key).await, 10);
    assert_eq!(
        causes(&flagged.history_of_percent().await),
        [Cause::Mitigated, aborted("50", Because::Overtaken)]
    );
}

#[tokio::test]
async fn clock_ends_a_trial_under_a_prepared_change_for_readers_and_writes_it_later() {
    let (flagged, key) = short_lived().await;
    let tenant = &flagged.world.tenant;
    let mut trial = percent(20);
    trial["ttlSeconds"] = 8.into();
    let told = flagged.post("feature-flag", &key, &trial).await;
    assert_eq!(told.status, 200, "{told:?}");
    tenant.fail(Fault::HangAfterActing, Times::Always, INGEST);

    let told = async || flagged.events().len() == 2;
    flagged.killed(&key, &percent(50), told).await;

    let over = async || flagged.reads_percent(&key).await == 0;
    until("the trial ends", PATIENCE, over).await.unwrap();
    tenant.clear_faults();
    // The campaign, and below it the trial that ended meanwhile.
    flagged.settled(3).await;
    assert_eq!(
        causes(&flagged.history_of_percent().await),
        [Cause::Leased, Cause::Changed, Cause::EndedBelow]
    );
    assert_eq!(flagged.reads_percent(&key).await, 50);
}

#[tokio::test]
async fn share_of_the_promotion_is_set_by_its_address() {
    let (flagged, key) = campaign(Settings::default()).await;
    let set = async |method: reqwest::Method, share: &str| {
        let url = format!("{}/carts/1/items/promotional/{share}", flagged.change.url());
        let request = flagged.http.request(method, url).bearer_auth(&key);
        Told::of(request.send().await.unwrap()).await
    };
    for (method, share) in [(reqwest::Method::POST, 5_u8), (reqwest::Method::GET, 100)] {
        let told = set(method, &share.to_string()).await;
        assert_eq!(told.status, 200, "{told:?}");
        assert_eq!(
            (&told.json()["flag"], &told.json()["newValue"]),
            (&json!("promotionalPercent"), &json!(share))
        );
        assert_eq!(told.json()["eventSent"], true);
        assert_eq!(flagged.reads_percent(&key).await, share);
    }
    for bad in ["-1", "101", "10.5", "abc", "+5", "256"] {
        let told = set(reqwest::Method::POST, bad).await;
        assert_eq!(
            (told.status, told.json()["error"].as_str()),
            (
                400,
                Some("a promotion reaches a whole number of percent, 0 to 100")
            ),
            "{bad}: {told:?}"
        );
    }
    assert_eq!(flagged.reads_percent(&key).await, 100);
    let url = format!("{}/carts/1/items/promotional/0", flagged.change.url());
    let unknown = flagged.http.post(&url).send().await.unwrap();
    assert_eq!(unknown.status().as_u16(), 401);
    // The backout of the playbook needs no tenant.
    let fault = Fault::Html503;
    flagged.world.tenant.fail(fault, Times::Always, "/");
    assert_eq!(set(reqwest::Method::POST, "0").await.status, 200);
    assert_eq!(flagged.reads_percent(&key).await, 0);
}
