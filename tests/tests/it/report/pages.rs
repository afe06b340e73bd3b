//! What readers see.

use jiff::SignedDuration;
use release::link::Scope;
use release::pause::{Pause, Target};
use serde_json::Value;
use workflows::validation_report::{Found, Kind, Shape};

use super::{HISTORY, Reader, link_with, links, nothing, shown};
use crate::schema;
use crate::world::monspec;

#[tokio::test]
async fn gate_without_a_verdict_is_not_there_yet() {
    let reader = Reader::start().await;

    let start = reader.shown(&reader.link(Scope::Start)).await;
    let history = reader.shown(&reader.link(HISTORY)).await;

    assert!(start.body.contains("No build has been judged yet"));
    assert!(history.body.contains("Nothing was registered"));
}

#[tokio::test]
async fn waiting_build_stands_beside_those_that_are_judged() {
    let mut reader = Reader::start().await;
    reader.judged("1", 100.0).await;
    reader.judged("2", 900.0).await;
    reader.world.release("3", &monspec()).await;

    let document = shown(reader.ask(&reader.link(HISTORY), Shape::Json).await);

    let history: Value = serde_json::from_str(&document.body).unwrap();
    schema::assert_is("History", &history);
    let states: Vec<&str> = history["builds"]
        .as_array()
        .unwrap()
        .iter()
        .map(|build| build["state"].as_str().unwrap())
        .collect();
    assert_eq!(states, ["passed", "failed", "waiting"]);
    assert_eq!(history["sources"][0], "Staging");
    assert!(
        !history["builds"][1]["signatures"]
            .as_array()
            .unwrap()
            .is_empty()
    );
    assert!(
        history["builds"][2]["signatures"]
            .as_array()
            .unwrap()
            .is_empty()
    );
}

#[tokio::test]
async fn start_page_shows_the_last_verdict_and_those_before_it() {
    let mut reader = Reader::start().await;
    for (revision, milliseconds) in [("1", 100.0), ("2", 900.0), ("3", 100.0), ("4", 900.0)] {
        reader.judged(revision, milliseconds).await;
    }

    let document = shown(reader.ask(&reader.link(Scope::Start), Shape::Json).await);

    let start: Value = serde_json::from_str(&document.body).unwrap();
    schema::assert_is("Start", &start);
    let gate = &start["gates"][0];
    assert_eq!(gate["verdict"], "failed");
    assert_eq!(
        gate["trend"],
        serde_json::json!(["passed", "failed", "passed", "failed"])
    );
}

#[tokio::test]
async fn evaluation_says_the_same_in_every_shape() {
    let mut reader = Reader::start().await;
    let id = reader.judged("1", 900.0).await;
    let link = reader.link(Scope::Evaluation(id));
    let page = reader.shown(&link).await;
    assert!(page.body.contains("<h1>"));
    let json = link_with(&link, &page.body, ".json?");

    let document = reader.shown(&json).await;
    let accepted = shown(reader.ask(&link, Shape::Json).await);
    let junit = reader.shown(&link.replace('?', ".xml?")).await;

    assert_eq!(document.kind, Kind::Json);
    let facts: Value = serde_json::from_str(&document.body).unwrap();
    schema::assert_is("Evaluation", &facts);
    assert_eq!(facts["state"], "failed");
    let findings = |body: &str| serde_json::from_str::<Value>(body).unwrap()["findings"].clone();
    assert_eq!(findings(&document.body), findings(&accepted.body));
    assert_eq!(junit.kind, Kind::Xml);
    let failures = facts["findings"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|finding| finding["outcome"] == "violated")
        .count();
    assert!(junit.body.contains(&format!("failures=\"{failures}\"")));
}

#[tokio::test]
async fn json_of_2018_has_the_shape_of_2018() {
    let mut reader = Reader::start().await;
    reader.judged("1", 900.0).await;
    let link = reader.link(HISTORY);
    let link = link.replace("/history", "/v1/BuildValidationResults") + "&timespan=10080&json=true";

    let document = reader.shown(&link).await;

    let series: Value = serde_json::from_str(&document.body).unwrap();
    let name = "SampleJSonService - service.responsetime(AVG,UPPER)";
    let of_name = series
        .as_array()
        .unwrap()
        .iter()
        .find_map(|signature| signature.get(name));
    let names: Vec<&str> = of_name
        .unwrap()
        .as_array()
        .unwrap()
        .iter()
        .map(|series| series["name"].as_str().unwrap())
        .collect();
    assert_eq!(
        names,
        ["S: Staging", "C: Production", "Threshold", "Violation"]
    );
}

#[tokio::test]
async fn badge_tells_the_last_verdict_and_opens_nothing_else() {
    let mut reader = Reader::start().await;
    let scope = Scope::Badge {
        pipeline: "Sample",
        comparison: "StagingToProduction",
    };
    let link = reader.link(scope);
    assert!(reader.shown(&link).await.body.contains("no verdict"));
    reader.judged("1", 900.0).await;

    let badge = reader.shown(&link).await;

    assert_eq!(badge.kind, Kind::Svg);
    assert!(badge.body.contains("Failed"), "{}", badge.body);
    assert!(links(&link, &badge.body).is_empty());
    let history = link.replace("/badge.svg", "/history");
    assert_eq!(nothing(reader.open(&history).await).found, Found::Closed);
}

#[tokio::test]
async fn record_that_is_gone_is_told_to_who_may_know() {
    let reader = Reader::start().await;
    let id = "019a9f3e-0000-7000-8000-000000000000".parse().unwrap();

    let gone = nothing(reader.open(&reader.link(Scope::Evaluation(id))).await);

    assert_eq!(gone.found, Found::Nothing);
}

#[tokio::test]
async fn history_shows_its_span_alone() {
    let mut reader = Reader::start().await;
    let old = reader.judged("1", 100.0).await;
    reader.world.advance(SignedDuration::from_hours(8 * 24));
    let new = reader.judged("2", 100.0).await;
    let link = reader.link(HISTORY);

    let week = reader.shown(&link).await.body;
    let month = reader.shown(&format!("{link}&timespan=43200")).await.body;

    assert!(week.contains(&new.to_string()) && !week.contains(&old.to_string()));
    assert!(month.contains(&new.to_string()) && month.contains(&old.to_string()));
}

#[tokio::test]
async fn pages_of_a_history_lead_there_and_back() {
    let mut reader = Reader::start().await;
    let mut ids = Vec::new();
    for revision in ["1", "2", "3", "4", "5"] {
        ids.push(reader.judged(revision, 100.0).await.to_string());
    }
    let shows = |body: &str| -> Vec<usize> {
        let seen = (1..)
            .zip(&ids)
            .filter(|(_, id)| body.contains(&format!("v/{id}")));
        seen.map(|(number, _)| number).collect()
    };
    let newest = format!("{}&builds=2&timespan=600", reader.link(HISTORY));
    // The same part as JSON has an address of its own.
    let next = |page: &str, body: &str, edge: &str| {
        let (_, nav) = body.split_once("class=\"pages\"").unwrap();
        link_with(page, nav, edge)
    };

    let page = reader.shown(&newest).await.body;
    let older = next(&newest, &page, "before=");
    let middle = reader.shown(&older).await.body;
    let newer = next(&older, &middle, "after=");
    let back = reader.shown(&newer).await.body;
    let oldest = reader.shown(&next(&older, &middle, "before=")).await;

    assert_eq!(shows(&page), [4, 5]);
    assert_eq!(shows(&middle), [2, 3]);
    assert_eq!(shows(&back), [4, 5]);
    assert_eq!(shows(&oldest.body), [1]);
    assert!(older.contains("timespan=600"));
}

#[tokio::test]
async fn machines_are_told_where_the_rest_is() {
    let mut reader = Reader::start().await;
    reader.judged("1", 100.0).await;
    let new = reader.judged("2", 100.0).await.to_string();
    let link = reader.link(HISTORY);
    for link in [
        link.replace("/history?", "/history.json?"),
        link.replace("/history?", "/v1/BuildValidationResults?json=true&"),
    ] {
        let document = reader.shown(&format!("{link}&builds=1")).await;

        let next = document.next.unwrap();
        assert!(next.contains(&format!("before={new}")), "{next}");
        let next = url::Url::parse(&link).unwrap().join(&next).unwrap();
        let rest = reader.shown(next.as_str()).await;
        assert_eq!((rest.kind, rest.next), (Kind::Json, None));
    }
}

#[tokio::test]
async fn every_page_says_what_is_paused() {
    let mut reader = Reader::start().await;
    let id = reader.judged("1", 100.0).await;
    let pause = Pause {
        target: Target::All,
        until: reader.world.now + SignedDuration::from_mins(1),
        who: "ada".to_owned(),
        why: "<b>moving</b>".to_owned(),
    };
    reader.world.ledger.pause(&pause).await.unwrap();
    let pages = [Scope::Start, HISTORY, Scope::Evaluation(id)];
    let links = pages.map(|scope| reader.link(scope));

    for link in &links {
        let page = reader.shown(link).await.body;
        assert!(page.contains("Changes are paused until"), "{page}");
        assert!(page.contains("by ada: &lt;b&gt;moving&lt;/b&gt;"), "{page}");
    }
    let stranger = nothing(reader.open("https://report.example/").await);
    assert!(!stranger.body.contains("paused"), "{}", stranger.body);
    reader.world.advance(SignedDuration::from_mins(2));
    for link in &links {
        assert!(!reader.shown(link).await.body.contains("paused"));
    }
    reader.world.pause_more_than_can_be_read().await;
    for link in &links {
        let page = reader.shown(link).await.body;
        assert!(
            page.contains("There are more pauses than can be read"),
            "{page}"
        );
    }
}
