//! A change is taken back by the address that its event carries: anybody may have
//! the address, acting on it takes a key.

use flags::Cause;
use flags::key::KeyHolder;
use lab::world::Settings;
use reqwest::Method;
use reqwest::header::ACCEPT;
use serde_json::{Value, json};

use super::{Flagged, Told};

const ADDRESS: &str = "https://flags.example";

const FLAG: &str = "errorInjectionEnabled";

/// A world whose operator says where flags are changed, and a change of a flag:
/// the address that its event carries, from the folder of the function on.
async fn changed() -> (Flagged, String) {
    let flagged = Flagged::with(Settings::default().with("FLAGS_URL", ADDRESS)).await;
    let key = flagged.all().await;
    let wanted = json!({"flag": FLAG, "value": false});
    let told = flagged.post("feature-flag", &key, &wanted).await;
    assert_eq!(told.json()["eventSent"], true, "{told:?}");
    let change = told.json()["changeId"].as_str().unwrap().to_owned();
    let events = flagged.events();
    let action = &events[0].properties["remediationAction"];
    let folder = format!("/api/remediation/feature-flag/{FLAG}/restore?change={change}");
    assert_eq!(action, &format!("{ADDRESS}{folder}"));
    (flagged, folder)
}

impl Flagged {
    /// What a browser does with an address, whose owner has typed in a key.
    async fn browser(&self, method: Method, address: &str, key: Option<&str>) -> Told {
        let url = format!("{}{address}", self.change.url());
        let request = self.http.request(method, url).header(ACCEPT, "text/html");
        let request = match key {
            Some(key) => request.basic_auth("me", Some(key)),
            None => request,
        };
        Told::of(request.send().await.unwrap()).await
    }

    async fn injects_errors(&self, key: &str) -> Value {
        let told = self.evaluates(&format!("/{FLAG}"), key, &json!({})).await;
        told.json()["value"].clone()
    }

    async fn causes(&self) -> Vec<Cause> {
        let history = self.world.flags().history("prod", FLAG).await.unwrap();
        let causes = history.iter().map(|entry| entry.record.cause.clone());
        causes.collect()
    }

    /// A person's key that may take changes back.
    async fn restoring(&self) -> String {
        let scopes = ["read:prod", "restore:prod"];
        self.key("back", KeyHolder::Person, &scopes).await
    }
}

#[tokio::test]
async fn page_says_what_would_be_taken_back_and_changes_nothing() {
    let (flagged, address) = changed().await;

    let stranger = flagged.browser(Method::GET, &address, None).await;

    assert_eq!(stranger.status, 401, "{stranger:?}");
    assert!(stranger.header("www-authenticate").starts_with("Basic "));
    assert!(!stranger.text.contains(FLAG), "{}", stranger.text);
    let reader = flagged.key("read", KeyHolder::Person, &["read:prod"]).await;
    for _ in 0..2 {
        let page = flagged.browser(Method::GET, &address, Some(&reader)).await;
        assert_eq!(page.status, 200, "{page:?}");
        let policy = page.header("content-security-policy");
        assert!(policy.contains("default-src 'none'"), "{policy}");
        assert_eq!(page.header("cache-control"), "no-store");
        assert!(!page.text.contains("<script"));
        for told in [
            "Value now",
            "false",
            "Value afterwards",
            "true",
            "the key all",
        ] {
            assert!(page.text.contains(told), "{told}: {}", page.text);
        }
        let form = page
            .text
            .contains(r#"<form method="post" action="?change="#);
        assert!(form, "{}", page.text);
    }
    assert_eq!(flagged.injects_errors(&reader).await, false);
    assert_eq!(flagged.causes().await, [Cause::Changed]);
    let other = address.replace(FLAG, "noSuchFlag");
    let nothing = flagged.browser(Method::GET, &other, Some(&reader)).await;
    assert_eq!(nothing.status, 404, "{nothing:?}");
}

#[tokio::test]
async fn change_is_taken_back_by_a_key_that_may_and_once() {
    let (flagged, address) = changed().await;
    let path = address.strip_prefix("/api/remediation/").unwrap();
    let nothing = json!({});

    let reader = flagged.key("read", KeyHolder::Person, &["read:prod"]).await;
    let forbidden = flagged.post(path, &reader, &nothing).await;
    assert_eq!(forbidden.status, 403, "{forbidden:?}");
    let stranger = flagged.browser(Method::POST, &address, None).await;
    assert_eq!(stranger.status, 401, "{stranger:?}");
    assert_eq!(flagged.injects_errors(&reader).await, false);

    let key = flagged.restoring().await;
    let told = flagged.post(path, &key, &nothing).await;

    assert_eq!(told.status, 200, "{told:?}");
    let body = told.json();
    assert_eq!(
        (&body["restored"], &body["newValue"]),
        (&json!(true), &json!(true))
    );
    assert_eq!(flagged.injects_errors(&reader).await, true);
    let again = flagged.post(path, &key, &nothing).await;
    assert_eq!(again.json(), body);
    assert_eq!(flagged.causes().await, [Cause::Changed, Cause::TakenBack]);
    let events = flagged.events();
    assert_eq!(events.len(), 2);
    let back = events
        .iter()
        .find(|event| event.properties["change.cause"] == "takenBack");
    let back = &back.unwrap().properties;
    assert_eq!(back["change.by"], "the key back");
    assert!(!back.contains_key("remediationAction"), "{back:?}");
    let page = flagged.browser(Method::GET, &address, Some(&key)).await;
    assert!(
        page.text.contains("It cannot be taken back"),
        "{}",
        page.text
    );
    assert!(!page.text.contains("<form"), "{}", page.text);
}

#[tokio::test]
async fn person_takes_it_back_on_the_page_and_no_other_page_does() {
    let (flagged, address) = changed().await;
    let key = flagged.restoring().await;
    let url = format!("{}{address}", flagged.change.url());
    let forged = flagged.http.post(&url).basic_auth("me", Some(&key));
    let forged = forged.header("sec-fetch-site", "cross-site");

    let refused = Told::of(forged.send().await.unwrap()).await;

    assert_eq!(refused.status, 403, "{refused:?}");
    assert_eq!(flagged.injects_errors(&key).await, false);
    let form = flagged.http.post(&url).basic_auth("me", Some(&key));
    let form = form
        .header("sec-fetch-site", "same-origin")
        .header("content-type", "application/x-www-form-urlencoded")
        .header(ACCEPT, "text/html");
    let page = Told::of(form.send().await.unwrap()).await;
    assert_eq!(page.status, 200, "{page:?}");
    assert!(page.text.contains("It was taken back"), "{}", page.text);
    assert!(!page.text.contains("<form"), "{}", page.text);
    assert_eq!(flagged.injects_errors(&key).await, true);
}

#[tokio::test]
async fn later_word_of_a_person_holds() {
    let (flagged, address) = changed().await;
    let person = flagged
        .key("ann", KeyHolder::Person, &["change:prod"])
        .await;
    let wanted = json!({"flag": FLAG, "value": false, "reason": "stays off"});
    let kept = flagged.post("feature-flag", &person, &wanted).await;
    assert_eq!(kept.status, 200, "{kept:?}");
    let key = flagged.restoring().await;

    let page = flagged.browser(Method::POST, &address, Some(&key)).await;

    assert_eq!(page.status, 409, "{page:?}");
    assert!(
        page.text.contains("the key ann set or kept it since"),
        "{}",
        page.text
    );
    assert_eq!(flagged.injects_errors(&key).await, false);
}

#[tokio::test]
async fn event_carries_no_address_that_the_operator_did_not_set() {
    let flagged = Flagged::start().await;
    let key = flagged.all().await;

    let wanted = json!({"flag": FLAG, "value": false});
    flagged.post("feature-flag", &key, &wanted).await;

    let events = flagged.events();
    assert!(!events[0].properties.contains_key("remediationAction"));
}
