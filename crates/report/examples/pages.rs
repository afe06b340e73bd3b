//! Writes one page of every kind into a folder, to be looked at:
//! `cargo run -p report --example pages -- target/pages`.

#[path = "../tests/it/world.rs"]
mod world;

use std::fs;
use std::path::Path;

use jiff::SignedDuration;
use jiff::tz::TimeZone;
use report::{Evaluation, Form, Frame, History, Trouble, page};

fn main() -> std::io::Result<()> {
    let folder = std::env::args()
        .nth(1)
        .unwrap_or_else(|| "target/pages".to_owned());
    let folder = Path::new(&folder);
    fs::create_dir_all(folder)?;
    for (name, text) in pages() {
        fs::write(folder.join(name), text)?;
    }
    Ok(())
}

fn pages() -> Vec<(String, String)> {
    let zone = TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").expect("the rule is well-formed");
    let frame = Frame {
        now: world::now(),
        zone: Some(&zone),
        start: Some("start.html"),
    };
    let gates = world::gates();
    let builds = world::builds();
    let spec = monspec::read(world::SPEC, |_| None).spec;
    let mut pages = vec![
        ("start.html".to_owned(), page::start(&frame, &gates)),
        ("start-empty.html".to_owned(), page::start(&frame, &[])),
        (
            "history.html".to_owned(),
            page::history(
                &frame,
                &History {
                    pipeline: world::PIPELINE,
                    comparison: world::COMPARISON,
                    span: SignedDuration::from_hours(7 * 24),
                    builds: &builds,
                    spec: spec.as_ref(),
                    older: Some("history.html?page=2"),
                    newer: None,
                    json: Some("history.json"),
                },
            ),
        ),
        (
            "form.html".to_owned(),
            page::form(
                &frame,
                &Form {
                    action: "history.html",
                    pipeline: "",
                    comparison: "",
                    gates: &gates,
                },
            ),
        ),
        (
            "link-not-valid.html".to_owned(),
            page::trouble(
                &Frame {
                    start: None,
                    ..frame
                },
                &Trouble::LinkNotValid,
            ),
        ),
        (
            "not-found.html".to_owned(),
            page::trouble(&frame, &Trouble::NotFound),
        ),
    ];
    for (name, number) in [
        ("passed", 7_u8),
        ("failed", 16),
        ("overridden", 5),
        ("gap", 8),
        ("overtaken", 2),
        ("superseded", 10),
        ("given-up", 12),
        ("waiting", 17),
    ] {
        let validation = &builds[usize::from(number)].validation;
        let evidence = world::evidence_of(number);
        let evaluation = Evaluation {
            validation,
            evidence: evidence.as_ref(),
            spec: Some(world::SPEC),
            history: Some("history.html"),
            json: Some("evaluation.json"),
        };
        pages.push((
            format!("evaluation-{name}.html"),
            page::evaluation(&frame, &evaluation),
        ));
    }
    pages
}
