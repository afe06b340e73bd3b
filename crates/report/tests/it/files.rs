//! The small files beside the pages.

use monspec::Verdict;
use report::Evaluation;
use report::badge::badge;
use report::junit::junit;

use crate::hostile;
use crate::world;

fn document(number: u8) -> String {
    let builds = world::builds();
    let evidence = world::evidence_of(number);
    junit(&Evaluation {
        validation: &builds[usize::from(number)].validation,
        evidence: evidence.as_ref(),
        spec: None,
        history: None,
        json: None,
    })
}

#[test]
fn violations_fail_gaps_are_errors_and_the_rest_passes() {
    let failed = document(16);
    assert!(
        failed.contains("<testsuites tests=\"7\" failures=\"4\" errors=\"0\" skipped=\"0\">"),
        "{failed}"
    );
    assert_eq!(failed.matches("<failure message=").count(), 4);

    let silent = document(8);
    assert!(silent.contains("failures=\"0\" errors=\"1\""), "{silent}");
    assert!(
        silent.contains("<error message=\"no observation: Dynatrace has no data"),
        "{silent}"
    );
}

#[test]
fn validation_without_findings_is_never_an_empty_success() {
    for number in [2, 10, 12, 17] {
        let document = document(number);
        assert!(
            document.contains("tests=\"1\" failures=\"0\" errors=\"1\""),
            "{document}"
        );
    }
}

#[test]
fn accepted_gap_is_skipped() {
    let registered = world::waiting(0);
    let mut gap = world::gap("service.failurerate", "avg", "this is the first release");
    gap.accepted = true;
    let evidence = world::told(&registered, vec![gap]);
    let validation = world::judged(registered, &evidence);

    let document = junit(&Evaluation {
        validation: &validation,
        evidence: Some(&evidence),
        spec: None,
        history: None,
        json: None,
    });

    assert!(
        document.contains("<skipped message=\"this is the first release\"></skipped>"),
        "{document}"
    );
}

#[test]
fn badge_says_the_verdict_in_a_word() {
    for (verdict, word) in [
        (Some(Verdict::Passed), "Passed"),
        (Some(Verdict::Failed), "Failed"),
        (Some(Verdict::Inconclusive), "Inconclusive"),
        (None, "no verdict"),
    ] {
        let badge = badge("StagingToProduction", verdict);
        assert!(
            badge.contains(&format!("aria-label=\"StagingToProduction: {word}\"")),
            "{badge}"
        );
    }
}

#[test]
fn hostile_names_stay_text_in_xml() {
    let elements = [
        "?xml",
        "testsuites",
        "testsuite",
        "properties",
        "property",
        "testcase",
        "failure",
        "error",
        "svg",
        "title",
        "rect",
        "g",
        "text",
    ];
    let long = "W".repeat(10_000);
    for name in hostile::NAMES
        .into_iter()
        .chain(["\u{fffe}\u{ffff}", &long])
    {
        let (validation, evidence) = hostile::named(name);
        let document = junit(&Evaluation {
            validation: &validation,
            evidence: Some(&evidence),
            spec: None,
            history: None,
            json: None,
        });
        for file in [document, badge(name, Some(Verdict::Passed))] {
            let mut open = Vec::new();
            for tag in file.split('<').skip(1) {
                let (tag, _) = tag.split_once('>').unwrap();
                assert!(tag.matches('"').count().is_multiple_of(2), "{tag}");
                if let Some(closed) = tag.strip_prefix('/') {
                    assert_eq!(open.pop(), Some(closed));
                    continue;
                }
                let element = tag.split(' ').next().unwrap();
                assert!(elements.contains(&element), "{name:?} became {element}");
                if element != "?xml" {
                    open.push(element);
                }
            }
            assert!(open.is_empty(), "{open:?} is never closed");
            assert!(file.len() < 20_000, "{} bytes", file.len());
            let illegal = |letter: char| {
                (letter.is_control() && letter != '\n')
                    || matches!(letter, '\u{202e}' | '\u{fffe}' | '\u{ffff}')
            };
            assert!(!file.contains(illegal), "{name:?}");
        }
    }
}
