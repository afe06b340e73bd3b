//! The start page of an account with hundreds of gates.

use release::link::Scope;
use serde_json::Value;
use workflows::validation_report::{Kind, Shape};

use super::{Reader, link_with, links, shown};

/// More than two pages for people, and more than one for machines.
const GATES: usize = 520;

#[tokio::test]
async fn pages_of_the_start_page_lead_to_every_gate_and_back() {
    let reader = with_gates().await;
    let home = reader.link(Scope::Start);
    let mut link = home.clone();
    let mut seen = Vec::new();

    loop {
        let page = reader.shown(&link).await.body;
        let onward = links(&link, &page);
        let gates = onward.iter().filter(|link| link.contains("/history?"));
        let before = seen.len();
        seen.extend(gates.cloned());
        assert!((1..=100).contains(&(seen.len() - before)), "{link}");
        assert_eq!(page.contains("First gates"), link != home);
        match onward.into_iter().find(|link| link.contains("after")) {
            Some(next) => link = next,
            None => break,
        }
    }

    let every_one = seen.len();
    seen.sort_unstable();
    seen.dedup();
    assert_eq!((every_one, seen.len()), (GATES, GATES));
    let last = reader.shown(&link).await.body;
    let first = link_with(&link, &last, "/?e=");
    assert_eq!(
        reader.shown(&first).await.body,
        reader.shown(&home).await.body
    );
}

#[tokio::test]
async fn machines_get_more_gates_at_once_and_where_the_rest_is() {
    let reader = with_gates().await;
    let home = reader.link(Scope::Start);

    let document = shown(reader.ask(&home, Shape::Json).await);
    let next = document.next.unwrap();
    let next = url::Url::parse(&home).unwrap().join(&next).unwrap();
    let rest = shown(reader.ask(next.as_str(), Shape::Json).await);

    let gates = |body: &str| -> usize {
        let start: Value = serde_json::from_str(body).unwrap();
        start["gates"].as_array().unwrap().len()
    };
    assert_eq!(gates(&document.body) + gates(&rest.body), GATES);
    assert_eq!((rest.kind, rest.next), (Kind::Json, None));
}

/// A reader whose catalogue holds a gate for each of many pipelines.
async fn with_gates() -> Reader {
    let mut reader = Reader::start().await;
    reader.judged("1", 100.0).await;
    for number in 1..GATES {
        let pipeline = format!("Team & Shop {number:03}");
        reader.world.like_the_first_gate(&pipeline, "passed").await;
    }
    reader
}
