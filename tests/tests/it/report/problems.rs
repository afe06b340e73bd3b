//! One problem, for whoever has a link.

use flags::step::{LONGEST_HOLD, Term};
use jiff::{SignedDuration, Timestamp};
use release::link::Scope;
use release::problem::{Arrival, Cause, Problem, Reported};
use serde_json::{Value, json};
use store::{Advanced, Taken};
use workflows::validation_report::{Found, Shape};

use super::{Reader, link_with, links, nothing, shown};

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
            longest: LONGEST_HOLD,
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

/// A problem that a worker has looked at.
async fn answered(reader: &Reader, id: &str, closed: Option<SignedDuration>) {
    let now = reader.world.now;
    let patience = SignedDuration::from_hours(24);
    let problem = Problem::heard_of(id, Arrival::Webhook, now, patience);
    let remediations = &reader.world.remediations;
    let lease = now + SignedDuration::from_mins(1);
    let taken = remediations.take_notice(&problem, id, now, lease).await;
    let Taken::Claimed(mut claimed) = taken.unwrap() else {
        panic!("somebody else has {id}");
    };
    claimed.problem.display_id = Some(format!("P-{id}"));
    claimed.problem.cause = Cause::NothingChanged;
    claimed.problem.closed = closed.map(|later| now + later);
    let advanced = remediations.advance(&reader.world.ledger, &mut claimed, &[]);
    assert_eq!(advanced.await.unwrap(), Advanced::Written);
}

#[tokio::test]
async fn problems_are_listed_page_by_page_over_the_months() {
    let mut reader = Reader::start().await;
    for number in 1..=120 {
        answered(&reader, &number.to_string(), None).await;
        reader.world.advance(SignedDuration::from_hours(12));
    }
    let start = reader.link(Scope::Start);
    let mut link = link_with(&start, &reader.shown(&start).await.body, "/problems?");
    let mut told = Vec::new();

    loop {
        let page = reader.shown(&link).await.body;
        let onward = links(&link, &page);
        let problems = onward.iter().filter_map(|link| {
            let (_, rest) = link.split_once("/problems/")?;
            rest.split('?').next().map(str::to_owned)
        });
        told.extend(problems);
        match onward.into_iter().find(|link| link.contains("before=")) {
            Some(older) => link = older,
            None => break,
        }
    }

    let all: Vec<String> = (1..=120)
        .rev()
        .map(|number: u8| number.to_string())
        .collect();
    assert_eq!(told, all);
    let everything = reader.problem(&reader.link(Scope::Problems)).await;
    assert_eq!(everything["problems"].as_array().unwrap().len(), 120);
}

#[tokio::test]
async fn remedies_are_told_with_the_share_of_problems_that_closed_soon() {
    let mut reader = Reader::start().await;
    reader.world.declare_flags(FILE).await;
    for (id, minutes) in [("1", Some(5)), ("2", Some(60)), ("3", None), ("4", Some(8))] {
        answered(&reader, id, minutes.map(SignedDuration::from_mins)).await;
        // By either of its names.
        let problem = if id == "4" {
            "4".to_owned()
        } else {
            format!("P-{id}")
        };
        let held = Term::While {
            problem,
            longest: LONGEST_HOLD,
        };
        reader
            .world
            .set_flag("cacheEnabled", json!(false), held, "Shed load")
            .await;
        // The longest that a problem holds a flag has passed.
        reader.world.advance(SignedDuration::from_hours(25));
    }
    let problems = reader.link(Scope::Problems);
    let page = reader.shown(&problems).await;
    let link = link_with(&problems, &page.body, "/remedies?");

    let ten = reader.problem(&format!("{link}&within=10")).await;
    let hour = reader.problem(&format!("{link}&within=60")).await;
    let day = reader
        .problem(&format!("{link}&within=10&timespan=1440"))
        .await;

    let told = |document: &Value| {
        let one = &document["remedies"][0];
        [
            "flag",
            "value",
            "closedSoon",
            "closedLater",
            "open",
            "unknown",
            "percent",
        ]
        .map(|field| one[field].to_string())
        .join(" ")
    };
    assert_eq!(told(&ten), r#""cacheEnabled" "false" 2 1 1 0 50"#);
    assert_eq!(told(&hour), r#""cacheEnabled" "false" 3 0 1 0 75"#);
    assert_eq!(day["remedies"], json!([]), "all of it was earlier");
    let page = reader.shown(&link).await;
    assert!(page.body.contains("closed within 15 min"), "{}", page.body);
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
