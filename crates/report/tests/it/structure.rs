//! What holds on every page.

use std::fs;
use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

use report::{Evaluation, page};

use crate::pages::{self, FRAME};
use crate::world;

#[test]
fn policy_names_the_stylesheet_of_every_page_and_allows_nothing_else() {
    let policy = report::content_security_policy();
    assert!(
        policy.starts_with("default-src 'none'; style-src 'sha256-"),
        "{policy}"
    );

    for page in pages::all() {
        let (_, style) = page.split_once("<style>").unwrap();
        let (style, after) = style.split_once("</style>").unwrap();
        let hash = STANDARD.encode(Sha256::digest(style));
        assert!(policy.contains(&format!("'sha256-{hash}'")), "{policy}");
        for refused in [
            "<style", "style=", "<script", "src=", "@import", "url(", "http:", "https:",
        ] {
            assert!(!after.contains(refused), "{refused} in {after}");
        }
        assert!(!style.contains("url(") && !style.contains("@import"));
    }
}

#[test]
fn every_page_has_its_landmarks_and_one_first_heading() {
    for page in pages::all() {
        for (part, times) in [
            ("<html lang=\"en\">", 1),
            ("<header>", 1),
            ("<main id=\"main\"", 1),
            ("<footer>", 1),
            ("<h1", 1),
            ("href=\"#main\"", 1),
            (" – Unbreakable</title>", 1),
            ("width=device-width", 1),
            ("name=\"referrer\" content=\"no-referrer\"", 1),
        ] {
            assert_eq!(page.matches(part).count(), times, "{part}");
        }
    }
}

#[test]
fn headings_never_skip_a_level() {
    for page in pages::all() {
        let mut level = 0;
        for heading in page.split("<h").skip(1) {
            let Some(next) = heading.chars().next().and_then(|digit| digit.to_digit(10)) else {
                continue;
            };
            assert!(next <= level + 1, "h{next} after h{level}");
            level = next;
        }
    }
}

#[test]
fn ids_are_unique_and_everything_that_is_referred_to_exists() {
    for page in pages::all() {
        let values = |attribute: &str| -> Vec<String> {
            let quoted = page.split(attribute).skip(1);
            quoted
                .map(|rest| rest.split('"').next().unwrap().to_owned())
                .collect()
        };
        let ids = values(" id=\"");
        let mut unique = ids.clone();
        unique.sort_unstable();
        unique.dedup();
        assert_eq!(ids.len(), unique.len(), "{ids:?}");

        let mut referred = values("href=\"#");
        referred.extend(values("aria-labelledby=\""));
        referred.extend(values("aria-describedby=\""));
        referred.extend(values(" for=\""));
        for id in referred {
            assert!(ids.contains(&id), "nothing has the id {id}");
        }
    }
}

#[test]
fn charts_have_text_and_a_table_beside_them() {
    let history = pages::history();

    let charts = history.matches("<figure").count();

    assert_eq!(charts, 7);
    assert_eq!(
        history.matches("role=\"img\" aria-label=\"").count(),
        charts
    );
    assert_eq!(history.matches("<details>").count(), charts);
    assert!(
        history.contains(
            "Last 499.1 ms, limit ≤ 345 ms, baseline 300 ms. Violated in 2 of 18 builds."
        )
    );
}

#[test]
fn gaps_are_marks_and_break_the_line() {
    let history = pages::history();
    let (_, figure) = history.split_once("<figure").unwrap();
    let (figure, _) = figure.split_once("</figure>").unwrap();

    // Not measured: overtaken, silent, superseded, given up; not judged: the last.
    assert_eq!(figure.matches("href=\"#p-gap\"").count(), 4);
    assert_eq!(figure.matches("href=\"#p-waiting\"").count(), 1);
    let (_, path) = figure.split_once("class=\"observation\" d=\"").unwrap();
    let (path, _) = path.split_once('"').unwrap();
    assert_eq!(path.matches('M').count(), 5, "{path}");
    assert_eq!(path.matches('L').count(), 13 - 5, "{path}");
}

#[test]
fn first_release_passes_with_what_was_accepted_in_sight() {
    let registered = world::waiting(0);
    let reason = "this is the first release, so there is no baseline yet";
    let mut gap = world::gap("service.responsetime", "avg", reason);
    gap.accepted = true;
    gap.observation = Some(310_000.0);
    let held = world::fixed("service.failurerate", "avg", 0.2, 2.0);
    let mut evidence = world::told(&registered, vec![held, gap]);
    evidence.note = Some("First release: there was nothing to compare with.".to_owned());
    let validation = world::judged(registered, &evidence);

    let page = page::evaluation(
        &FRAME,
        &Evaluation {
            validation: &validation,
            evidence: Some(&evidence),
            spec: None,
            history: None,
            json: None,
        },
    );

    let (before, after) = page.split_once("Accepted without a baseline").unwrap();
    assert!(before.contains("Passed: 1 of 2 signatures held."));
    assert!(before.contains("First release: there was nothing to compare with."));
    let (card, _) = after.split_once("</ul>").unwrap();
    assert!(card.contains("310 ms") && card.contains(reason), "{card}");
    assert!(page.contains("Its text is no longer stored."));
}

#[test]
fn each_build_of_a_history_leads_to_its_evaluation() {
    let history = pages::history();

    for build in world::builds() {
        let address = build.evaluation.replace('&', "&amp;");
        assert_eq!(history.matches(&format!("href=\"{address}\"")).count(), 1);
    }
}

#[test]
fn nothing_but_the_stylesheet_skips_the_escaping() {
    let mut folders = vec![PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/src"))];
    let mut found = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if fs::read_to_string(&path).unwrap().contains("PreEscaped") {
                found.push(path.file_name().unwrap().to_owned());
            }
        }
    }

    assert_eq!(found, ["style.rs"]);
}
