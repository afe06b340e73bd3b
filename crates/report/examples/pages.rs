//! Writes one page of every kind, and every file beside it, into a folder, to
//! be looked at: `cargo run -p report --example pages -- target/pages`.

#[path = "../tests/it/world.rs"]
mod world;

use std::fs;
use std::path::Path;

use jiff::SignedDuration;
use jiff::tz::TimeZone;
use report::{Build, Evaluation, Form, Frame, Gate, History, Start, Trouble};
use report::{ancestor, badge, json, junit, page};

/// A name and what stands under it.
type File = (String, String);

fn main() -> std::io::Result<()> {
    let folder = std::env::args()
        .nth(1)
        .unwrap_or_else(|| "target/pages".to_owned());
    let folder = Path::new(&folder);
    fs::create_dir_all(folder)?;

    let zone = TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").expect("the rule is well-formed");
    let frame = Frame {
        now: world::now(),
        zone: Some(&zone),
        start: Some("start.html"),
        stopped: &[],
    };
    let (gates, mut builds) = (world::gates(), world::builds());
    for (build, number) in builds.iter_mut().zip(0..) {
        build.evaluation = format!("evaluation-{}.html", ending(number));
    }
    let files = [
        starts(&frame, &gates),
        histories(&frame, &builds),
        evaluations(&frame, &builds),
        troubles(&frame),
    ];
    for (name, text) in files.into_iter().flatten() {
        fs::write(folder.join(name), text)?;
    }
    Ok(())
}

fn starts(frame: &Frame<'_>, gates: &[Gate]) -> Vec<File> {
    let form = Form {
        action: "history.html",
        pipeline: "",
        comparison: "",
        gates,
    };
    let start = Start {
        gates,
        first: None,
        next: None,
        changes: None,
        problems: None,
    };
    let none = Start {
        gates: &[],
        ..start
    };
    vec![
        file("start.html", page::start(frame, &start)),
        file("start-empty.html", page::start(frame, &none)),
        file("start.json", json::start(frame, &start)),
        file("form.html", page::form(frame, &form)),
        file(
            "badge.svg",
            badge::badge(world::COMPARISON, gates.first().map(|gate| gate.verdict)),
        ),
    ]
}

fn histories(frame: &Frame<'_>, builds: &[Build]) -> Vec<File> {
    let history = History {
        pipeline: world::PIPELINE,
        comparison: world::COMPARISON,
        span: SignedDuration::from_hours(7 * 24),
        builds,
        older: Some("history.html?page=2"),
        newer: None,
        longest: None,
        json: Some("history.json"),
    };
    vec![
        file("history.html", page::history(frame, &history)),
        file("history.json", json::history(frame, &history)),
        file("history-2018.json", ancestor::history(&history)),
    ]
}

fn evaluations(frame: &Frame<'_>, builds: &[Build]) -> Vec<File> {
    let of = |number: u8| {
        let evidence = world::evidence_of(number);
        let json_file = format!("evaluation-{}.json", ending(number));
        let evaluation = Evaluation {
            validation: &builds[usize::from(number)].validation,
            evidence: evidence.as_ref(),
            spec: Some(world::SPEC),
            history: Some("history.html"),
            json: Some(&json_file),
        };
        let name = |extension: &str| format!("evaluation-{}.{extension}", ending(number));
        [
            (name("html"), page::evaluation(frame, &evaluation)),
            (name("json"), json::evaluation(frame, &evaluation)),
            (name("xml"), junit::junit(&evaluation)),
        ]
    };
    [2, 5, 7, 8, 10, 12, 16, 17]
        .into_iter()
        .flat_map(of)
        .collect()
}

/// How the builds of the fixture end.
fn ending(number: u8) -> &'static str {
    match number {
        2 => "overtaken",
        5 => "overridden",
        8 => "gap",
        10 => "superseded",
        12 => "given-up",
        14 | 16 => "failed",
        17 => "waiting",
        _ => "passed",
    }
}

fn troubles(frame: &Frame<'_>) -> Vec<File> {
    let stranger = Frame {
        start: None,
        ..*frame
    };
    vec![
        file(
            "link-not-valid.html",
            page::trouble(&stranger, &Trouble::LinkNotValid),
        ),
        file("not-found.html", page::trouble(frame, &Trouble::NotFound)),
    ]
}

fn file(name: &str, text: String) -> File {
    (name.to_owned(), text)
}
