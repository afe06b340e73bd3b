//! What machines read: the shape of 2018 and today's.

use jiff::SignedDuration;
use report::{Evaluation, History, ancestor, json};
use serde_json::{Value, json};

use crate::hostile;
use crate::pages::{self, FRAME};
use crate::schema;
use crate::world;

fn with_history<T>(of: impl Fn(&History<'_>) -> T) -> T {
    let builds = world::builds();
    of(&History {
        pipeline: world::PIPELINE,
        comparison: world::COMPARISON,
        span: SignedDuration::from_hours(7 * 24),
        builds: &builds,
        older: Some("/h?page=2"),
        newer: None,
        longest: None,
        json: None,
    })
}

fn parsed(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

fn evaluation(number: u8) -> Value {
    let builds = world::builds();
    let evidence = world::evidence_of(number);
    parsed(&json::evaluation(
        &FRAME,
        &Evaluation {
            validation: &builds[usize::from(number)].validation,
            evidence: evidence.as_ref(),
            spec: Some(world::SPEC),
            history: None,
            json: None,
        },
    ))
}

#[test]
fn schema_in_the_repository_is_up_to_date() {
    let stored = include_str!("../../schema/report.schema.json");

    assert!(
        stored == json::schema(),
        "the schema changed; write it anew with\n  \
         cargo run -p report --example schema > crates/report/schema/report.schema.json"
    );
}

#[test]
fn finding_has_one_definition_wherever_it_is_written() {
    let schema = parsed(&json::schema());

    for document in ["Evaluation", "Posted", "Judged"] {
        let findings = &schema["$defs"][document]["properties"]["findings"];
        assert_eq!(findings["items"]["$ref"], "#/$defs/Finding", "{document}");
    }
}

#[test]
fn documents_are_what_the_schema_says() {
    let start = parsed(&json::start(&FRAME, &pages::whole(&world::gates())));
    let history = parsed(&with_history(|history| json::history(&FRAME, history)));
    let mut documents = vec![("Start", start), ("History", history)];
    documents.extend((0..18).map(|number| ("Evaluation", evaluation(number))));

    for (name, document) in documents {
        schema::assert_is(name, &document);
    }
    // The check itself must be able to find something.
    let odd = json!({"writtenAt": 5, "gates": [{}], "more": 1});
    assert!(schema::problems("Start", &odd).len() >= 3);
}

#[test]
fn json_and_page_of_an_evaluation_hold_the_same_facts() {
    for number in 0..18 {
        let document = evaluation(number);
        let page = pages::evaluation(number);
        let mut told = vec![
            &document["version"],
            &document["execution"],
            &document["pipeline"],
            &document["comparison"],
            &document["monspec"]["sha256"],
            &document["reason"],
            &document["overridden"]["why"],
            &document["overridden"]["who"],
            &document["ending"]["why"],
            &document["ending"]["waitingFor"],
            &document["ending"]["by"],
            &document["deployments"][0]["id"],
        ];
        for finding in document["findings"].as_array().unwrap() {
            let sides = [&finding["source"], &finding["compare"]];
            told.extend([&finding["service"], &finding["aggregate"]]);
            for side in sides {
                told.extend([&side["environment"], &side["selector"], &side["query"]]);
            }
            if finding["observation"].is_null() {
                told.push(&finding["reason"]);
            }
        }
        for text in told.into_iter().filter_map(Value::as_str) {
            let escaped = text
                .replace('&', "&amp;")
                .replace('"', "&quot;")
                .replace('>', "&gt;");
            assert!(page.contains(&escaped), "{text} is not on page {number}");
        }
        let rows = page.split_once("<table class=\"findings\">");
        let rows = rows.map_or(0, |(_, rows)| rows.matches("<tr>").count() - 1);
        assert_eq!(rows, document["findings"].as_array().unwrap().len());
    }
}

#[test]
fn words_of_a_person_reach_machines_without_quotes() {
    let history = parsed(&with_history(|history| json::history(&FRAME, history)));
    let builds = history["builds"].as_array().unwrap();

    let overridden = builds.iter().enumerate().find_map(|(number, build)| {
        let number = u8::try_from(number).unwrap();
        let said = evaluation(number)["overridden"]["why"].clone();
        said.is_string().then_some((build, said))
    });

    let (build, said) = overridden.expect("a person has overridden an answer");
    assert_eq!(build["approval"]["why"], said);
}

#[test]
fn shape_of_2018_has_four_series_per_signature() {
    let report = parsed(&with_history(ancestor::history));

    let signatures = report.as_array().unwrap();
    assert_eq!(signatures.len(), 7);
    let series = &signatures[3]["SampleJSonService - service.failurerate(AVG,UPPER)"];
    let head = |index: usize| {
        let mut series = series[index].clone();
        series["data"] = series["data"][0].clone();
        series
    };
    let at = "2026-01-05T08:06:00.000Z";
    assert_eq!(
        head(0),
        json!({"name": "S: Staging", "data": [at, 0.3], "yAxis": 0, "type": "spline"})
    );
    assert_eq!(
        head(1),
        json!({"name": "C: Production", "data": [at, null], "yAxis": 0, "type": "spline"})
    );
    assert_eq!(
        head(2),
        json!({"name": "Threshold", "data": [at, 2.0], "yAxis": 0, "type": "spline",
            "dashStyle": "shortdot", "color": "#00FF00"})
    );
    assert_eq!(
        head(3),
        json!({"name": "Violation", "data": [at, 0.0], "yAxis": 1, "type": "column", "color": "#FF0000"})
    );
}

#[test]
fn shape_of_2018_marks_violations_and_leaves_gaps_empty() {
    let report = parsed(&with_history(ancestor::history));
    let series = &report[3]["SampleJSonService - service.failurerate(AVG,UPPER)"];
    let column = |index: usize| -> Vec<Value> {
        let data = series[index]["data"].as_array().unwrap();
        data.iter().map(|point| point[1].clone()).collect()
    };

    // Waiting, superseded and unmeasured builds have no numbers.
    assert_eq!(column(0).len(), 14);
    assert_eq!(
        column(3)
            .iter()
            .filter(|number| **number == json!(1.0))
            .count(),
        2
    );
    assert_eq!(
        column(0).iter().filter(|number| number.is_null()).count(),
        1
    );
    let lower = &report[4]["SampleJSonService - service.requestspermin(COUNT,LOWER)"];
    assert_eq!(lower[2]["data"][0][1], json!(118.0));
}

#[test]
fn hostile_names_reach_machines_unchanged() {
    for name in hostile::NAMES {
        let (validation, evidence) = hostile::named(name);
        let build = world::build(validation.clone(), Some(&evidence));
        let history = History {
            pipeline: name,
            comparison: name,
            span: SignedDuration::from_hours(1),
            builds: &[build],
            older: None,
            newer: None,
            longest: None,
            json: None,
        };
        let one = Evaluation {
            validation: &validation,
            evidence: Some(&evidence),
            spec: Some(name),
            history: None,
            json: None,
        };

        let document = parsed(&json::evaluation(&FRAME, &one));
        for told in ["pipeline", "version", "execution", "note"] {
            assert_eq!(document[told], name);
        }
        assert_eq!(document["findings"][0]["source"]["query"], name);
        assert_eq!(document["monspec"]["text"], name);
        assert_eq!(parsed(&json::history(&FRAME, &history))["pipeline"], name);
        let signatures = parsed(&ancestor::history(&history));
        let (key, _) = signatures[0].as_object().unwrap().iter().next().unwrap();
        assert!(key.starts_with(name), "{key}");
    }
}
