//! What flags are, and what became of them, for whoever has a link.

use flags::step::Term;
use jiff::SignedDuration;
use release::link::Scope;
use serde_json::{Value, json};
use workflows::validation_report::{Found, Shape};

use super::{Reader, link_with, links, nothing, shown};

const FILE: &str = r#"{ "flags": {
    "promotionalPercent": { "type": "integer", "default": 0, "min": 0, "max": 100 },
    "slowResponsesEnabled": { "type": "boolean", "default": false }
} }"#;

const FLAG: &str = "promotionalPercent";

async fn with_flags() -> Reader {
    let reader = Reader::start().await;
    reader.world.declare_flags(FILE).await;
    reader
}

impl Reader {
    /// Sets the percentage, and a minute passes.
    async fn percent(&mut self, percent: i64, why: &str) {
        let value = json!(percent);
        self.world.set_flag(FLAG, value, Term::Stays, why).await;
        self.world.advance(SignedDuration::from_mins(1));
    }

    async fn json(&self, link: &str) -> Value {
        let document = shown(self.ask(link, Shape::Json).await);
        serde_json::from_str(&document.body).unwrap()
    }
}

#[tokio::test]
async fn start_page_leads_to_the_flags_and_the_history_of_each() {
    let mut reader = with_flags().await;
    reader.percent(50, "The campaign of the week").await;
    let start = reader.link(Scope::Start);

    let page = reader.shown(&start).await;
    let changes = link_with(&start, &page.body, "/changes?");
    let page = reader.shown(&changes).await;
    assert!(
        page.body.contains("The campaign of the week"),
        "{}",
        page.body
    );
    let history = link_with(&changes, &page.body, "/changes/promotionalPercent?");
    let page = reader.shown(&history).await;

    assert!(page.body.contains("Set from 0 to 50"), "{}", page.body);
    assert!(page.body.contains("The campaign of the week"));
}

#[tokio::test]
async fn trial_ends_on_the_page_when_it_ends() {
    let mut reader = with_flags().await;
    let until = reader.world.now + SignedDuration::from_mins(30);
    let value = json!(50);
    reader
        .world
        .set_flag(FLAG, value, Term::Until(until), "A trial")
        .await;
    let changes = reader.link(Scope::Changes);

    let during = reader.json(&changes).await["flags"][0].clone();
    // Nobody has written down that it ended.
    reader.world.at(until);
    let after = reader.json(&changes).await["flags"][0].clone();

    assert_eq!((&during["value"], &during["then"]), (&json!(50), &json!(0)));
    assert_eq!(during["until"], until.to_string());
    assert_eq!(during["change"]["why"], "A trial");
    assert_eq!(
        (&after["value"], &after["until"]),
        (&json!(0), &Value::Null)
    );
}

#[tokio::test]
async fn pages_of_a_history_lead_to_every_entry_and_no_further() {
    let mut reader = with_flags().await;
    for percent in 1..=120 {
        reader.percent(percent % 100, "Again").await;
        reader.world.advance(SignedDuration::from_mins(10));
    }
    let mut link = reader.link(Scope::Flag(FLAG));
    let mut versions = Vec::new();

    loop {
        let page = reader.shown(&link).await.body;
        let document = reader.json(&link).await;
        assert_eq!(document["broken"], Value::Null);
        // The JSON begins where the page does, and holds more.
        let entries = document["entries"].as_array().unwrap().iter().take(50);
        let shown: Vec<u64> = entries
            .map(|entry| entry["version"].as_u64().unwrap())
            .collect();
        let onward = links(&link, &page);
        let compared = onward.iter().filter(|link| link.contains("from="));
        let with_another_before = shown.iter().filter(|version| **version > 1);
        assert_eq!(compared.count(), with_another_before.count());
        versions.extend(shown);
        match onward.into_iter().find(|link| link.contains("before=")) {
            Some(older) => link = older,
            None => break,
        }
    }

    let all: Vec<u64> = (1..=120).rev().collect();
    assert_eq!(versions, all);
}

#[tokio::test]
async fn two_entries_are_compared_field_by_field() {
    let mut reader = with_flags().await;
    reader.percent(50, "The campaign").await;
    reader.percent(20, "Too many").await;
    let history = reader.link(Scope::Flag(FLAG));

    let page = reader.shown(&history).await;
    let compared = link_with(&history, &page.body, "from=1&to=2");
    let page = reader.shown(&compared).await;

    let (_, table) = page.body.split_once("Compared</h2>").unwrap();
    let (table, _) = table.split_once("</table>").unwrap();
    for told in ["value", "50", "20", "why", "The campaign", "Too many"] {
        assert!(table.contains(told), "{told}: {table}");
    }
}

#[tokio::test]
async fn link_to_flags_opens_nothing_else() {
    let mut reader = with_flags().await;
    reader.percent(50, "The campaign").await;
    let changes = reader.link(Scope::Changes);
    let flag = reader.link(Scope::Flag(FLAG));

    for link in [
        changes.replace("/changes?", "/?"),
        changes.replace("/changes?", "/changes/promotionalPercent?"),
        flag.replace(FLAG, "slowResponsesEnabled"),
        flag.replace("/changes/promotionalPercent?", "/changes?"),
        flag.replace(FLAG, "unknown"),
    ] {
        let refused = nothing(reader.open(&link).await);
        assert_eq!(refused.found, Found::Closed, "{link}");
        assert!(!refused.body.contains("campaign"));
    }
    let page = reader.shown(&flag).await;
    for link in links(&flag, &page.body) {
        assert!(link.contains("/changes/promotionalPercent"), "{link}");
    }
}

#[tokio::test]
async fn flag_that_never_was_is_nothing_and_one_that_was_keeps_its_history() {
    let mut reader = with_flags().await;
    reader.percent(50, "The campaign").await;
    let set = reader.world.flags.set("prod").await.unwrap();
    let none = flags::Declarations::default();
    reader
        .world
        .flags
        .declare("prod", &none, set.as_ref())
        .await
        .unwrap();

    for name in ["unknown", "Unknown", "no flag"] {
        let refused = nothing(reader.open(&reader.link(Scope::Flag(name))).await);
        assert_eq!(refused.found, Found::Nothing, "{name}");
    }
    let page = reader.shown(&reader.link(Scope::Flag(FLAG))).await;
    assert!(page.body.contains("no longer declared"), "{}", page.body);
    assert!(page.body.contains("Set from 0 to 50"));
}

#[tokio::test]
async fn parameter_that_is_no_version_is_named() {
    let reader = with_flags().await;
    for (name, value) in [("before", "x"), ("from", "-1"), ("to", "1.5")] {
        let link = format!("{}&{name}={value}", reader.link(Scope::Flag(FLAG)));
        let refused = nothing(reader.open(&link).await);
        assert_eq!(refused.found, Found::BadParameter);
        assert!(refused.body.contains(name), "{}", refused.body);
    }
}
