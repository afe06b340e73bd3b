//! One problem, for whoever has a link.

use flags::step::Term;
use jiff::{SignedDuration, Timestamp};
use release::link::Scope;
use release::problem::{Arrival, Problem, Reported};
use serde_json::{Value, json};
use workflows::validation_report::{Found, Shape};

use super::{Reader, links, nothing, shown};

const ID: &str = "-5547782627070661074_1647601320000V2";

const FILE: &str = r#"{ "flags": {
    "cacheEnabled": { "type": "boolean", "default": true },
    "slowResponsesEnabled": { "type": "boolean", "default": false }
} }"#;

async fn with_a_problem() -> Reader {
    let reader = Reader::start().await;
    let now = reader.world.now;
    let patience = SignedDuration::from_hours(24);
    let mut problem = Problem::heard_of(ID, Arrival::Webhook, now, patience);
    problem.display_id = Some("P-2307288".to_owned());
    problem.title = Some("Failure rate increase".to_owned());
    problem.say("Nothing was deployed".to_owned(), now);
    let noticed = reader
        .world
        .remediations
        .notice(&problem, Reported::Open, now);
    noticed.await.unwrap();
    reader
}

impl Reader {
    async fn problem(&self, link: &str) -> Value {
        let document = shown(self.ask(link, Shape::Json).await);
        serde_json::from_str(&document.body).unwrap()
    }
}

#[tokio::test]
async fn problem_is_told_with_what_was_said_and_what_was_changed_because_of_it() {
    let mut reader = with_a_problem().await;
    reader.world.declare_flags(FILE).await;
    reader.world.advance(SignedDuration::from_mins(1));
    // By whichever of its names the problem was called.
    for (flag, value, problem) in [
        ("cacheEnabled", false, "P-2307288"),
        ("slowResponsesEnabled", true, ID),
    ] {
        let held = Term::While {
            problem: problem.to_owned(),
        };
        reader
            .world
            .set_flag(flag, json!(value), held, "Shed load")
            .await;
        reader.world.advance(SignedDuration::from_mins(1));
    }
    let link = reader.link(Scope::Problem(ID));

    let page = reader.shown(&link).await;
    let document = reader.problem(&link).await;

    assert!(page.body.contains("Failure rate increase"), "{}", page.body);
    let timeline = document["timeline"].as_array().unwrap().iter();
    let told: Vec<&str> = timeline.map(|one| one["what"].as_str().unwrap()).collect();
    assert_eq!(
        told,
        [
            "It is reported, and an answer is looked for".to_owned(),
            "Nothing was deployed".to_owned(),
            "cacheEnabled: Set from true to false for as long as P-2307288 is open".to_owned(),
            format!("slowResponsesEnabled: Set from false to true for as long as {ID} is open"),
        ]
    );
}

#[tokio::test]
async fn link_to_a_problem_opens_it_alone() {
    let reader = with_a_problem().await;
    let link = reader.link(Scope::Problem(ID));

    for changed in [
        link.replace(ID, "1"),
        link.replace("/problems/", "/v/"),
        link.replace(&format!("/problems/{ID}?"), "/?"),
        link.replace("&s=", "&s=A"),
    ] {
        let refused = nothing(reader.open(&changed).await);
        assert!(
            matches!(refused.found, Found::Closed | Found::Nothing),
            "{changed}"
        );
        assert!(!refused.body.contains("Failure rate"), "{}", refused.body);
    }
    let page = reader.shown(&link).await;
    assert!(
        links(&link, &page.body)
            .iter()
            .all(|link| link.contains(ID))
    );
    let gone = nothing(reader.open(&reader.link(Scope::Problem("1"))).await);
    assert_eq!(gone.found, Found::Nothing);
}

#[tokio::test]
async fn timeline_stands_in_the_order_of_time_however_it_was_written() {
    let reader = with_a_problem().await;
    let document = reader.problem(&reader.link(Scope::Problem(ID))).await;

    let timeline = document["timeline"].as_array().unwrap().iter();
    let times: Vec<Timestamp> = timeline
        .map(|one| one["at"].as_str().unwrap().parse().unwrap())
        .collect();
    assert!(times.is_sorted(), "{times:?}");
}
