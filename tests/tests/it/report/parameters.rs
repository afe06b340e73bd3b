//! What anybody may write into an address.

use release::link::Scope;
use release::links::Access;
use serde_json::Value;
use workflows::validation_report::{Found, Kind, Outcome};

use super::{HISTORY, Reader, link_with, nothing};

#[tokio::test]
async fn parameter_that_cannot_be_used_is_named() {
    let reader = Reader::start().await;
    let link = reader.link(HISTORY);
    for (parameter, name) in [
        ("timespan=week", "timespan"),
        ("timespan=0", "timespan"),
        ("timespan=-5", "timespan"),
        ("timespan=99999999999999999999", "timespan"),
        ("before=yesterday", "before"),
        ("after=%00", "after"),
        ("json=maybe", "json"),
        ("builds=0", "builds"),
        ("builds=501", "builds"),
    ] {
        let refused = nothing(reader.open(&format!("{link}&{parameter}")).await);

        assert_eq!(refused.found, Found::BadParameter, "{parameter}");
        assert!(refused.body.contains(name), "{parameter}: {}", refused.body);
    }
    let json = nothing(reader.open(&format!("{link}&json=true&timespan=0")).await);
    assert_eq!(json.kind, Kind::Json);
    assert!(
        json.body.contains("\"parameter\":\"timespan\""),
        "{}",
        json.body
    );
}

#[tokio::test]
async fn json_is_asked_for_in_the_same_way_on_every_page() {
    let mut reader = Reader::start().await;
    let id = reader.judged("1", 100.0).await;
    for (scope, field) in [(Scope::Evaluation(id), "findings"), (Scope::Start, "gates")] {
        let link = reader.link(scope);

        let document = reader.shown(&format!("{link}&json=true")).await;
        let page = reader.shown(&format!("{link}&json=false")).await;
        let refused = nothing(reader.open(&format!("{link}&json=maybe")).await);

        assert_eq!((document.kind, page.kind), (Kind::Json, Kind::Html));
        let document: Value = serde_json::from_str(&document.body).unwrap();
        assert!(document[field].is_array(), "{document}");
        assert_eq!(refused.found, Found::BadParameter);
        assert!(refused.body.contains("json"), "{}", refused.body);
    }
}

#[tokio::test]
async fn missing_parameters_are_asked_for_where_everybody_may_read() {
    let mut reader = Reader::start().await;
    reader.access = Access::Public;
    reader.judged("1", 100.0).await;

    let form = reader.shown("https://report.example/history?pipelineName=Sample");
    let form = form.await;
    assert_eq!(form.found, Found::BadParameter);
    assert!(form.body.contains("<form"));
    assert!(form.body.contains("value=\"Sample\""));

    let json = "https://report.example/BuildValidationResults?pipelineName=Sample&json=true";
    let json = nothing(reader.open(json).await);
    assert_eq!((json.found, json.kind), (Found::BadParameter, Kind::Json));
    assert!(json.body.contains("comparisonName"), "{}", json.body);
}

#[tokio::test]
async fn hostile_names_are_text_and_nothing_else() {
    let mut reader = Reader::start().await;
    reader.access = Access::Public;
    reader.judged("1", 100.0).await;
    for hostile in [
        "%3Cscript%3Ealert(1)%3C/script%3E",
        "%22%3E%3Cimg%20src=x%20onerror=alert(1)%3E",
        "Sample%23StagingToProduction",
        "Sample%2523",
        "%E2%80%AEelpmaS",
        "..%2F..%2Fid",
        "%F0%9F%92%A3",
        "a%0D%0ASet-Cookie:x=1",
        &"A".repeat(3_000),
    ] {
        for address in [
            format!("history?pipelineName={hostile}&comparisonName={hostile}"),
            format!("history?pipelineName={hostile}"),
            format!("history?pipelineName=Sample&comparisonName={hostile}&json=true"),
        ] {
            let link = format!("https://report.example/{address}");
            let (Outcome::Shown(page) | Outcome::Nothing(page)) = reader.open(&link).await else {
                panic!("the database took offence at {address}");
            };
            for forbidden in ["<script", "<img", "<h1>Sample#"] {
                assert!(!page.body.contains(forbidden), "{address}");
            }
            if let Some(next) = page.next {
                assert!(!next.contains(['\r', '\n', '>', '"']), "{next}");
            }
        }
    }
}

#[tokio::test]
async fn part_beyond_the_span_is_empty() {
    let mut reader = Reader::start().await;
    let id = reader.judged("1", 100.0).await;
    reader
        .world
        .advance(jiff::SignedDuration::from_hours(30 * 24));
    let link = reader.link(HISTORY);

    let page = reader.shown(&format!("{link}&before={id}")).await;

    assert!(page.body.contains("Nothing was registered"));
    let longest = link_with(&link, &page.body, "timespan=129600");
    let page = reader.shown(&longest).await;
    assert!(page.body.contains(&id.to_string()), "{}", page.body);
    let start = reader.shown(&reader.link(Scope::Start)).await;
    assert!(start.body.contains("Sample"));
}

#[tokio::test]
async fn gate_that_nobody_knows_is_not_found_and_the_right_one_is_offered() {
    let mut reader = Reader::start().await;
    reader.judged("1", 100.0).await;
    reader.access = Access::Public;
    let address = "https://report.example/history?pipelineName=Smaple&comparisonName=x";
    let form = reader.shown(address).await;
    assert_eq!(form.found, Found::Nothing);
    assert!(form.body.contains("<form"), "{}", form.body);
    let json = nothing(
        reader
            .open(&address.replace("history?", "history.json?"))
            .await,
    );
    assert_eq!((json.found, json.kind), (Found::Nothing, Kind::Json));
}
