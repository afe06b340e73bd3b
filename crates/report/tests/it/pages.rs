//! Whole pages, kept as snapshots that a person has looked at.

use jiff::SignedDuration;
use jiff::tz::TimeZone;
use release::evidence::{About, Link, Unjudged, unjudged};
use report::{Evaluation, Form, Frame, Gate, History, Start, Trouble, page};

use crate::world;

pub(crate) const FRAME: Frame<'_> = Frame {
    now: jiff::Timestamp::constant(1_767_975_120, 0),
    zone: None,
    start: Some("/"),
    stopped: &[],
};

/// The page without its stylesheet, a line per element.
fn lines(page: &str) -> String {
    let (before, style) = page.split_once("<style>").unwrap();
    let (_, after) = style.split_once("</style>").unwrap();
    format!("{before}{after}").replace("><", ">\n<")
}

/// A start page with all gates that there are.
pub(crate) fn whole(gates: &[Gate]) -> Start<'_> {
    Start {
        gates,
        first: None,
        next: None,
        changes: Some("/changes"),
        problems: Some("/problems"),
    }
}

pub(crate) fn history() -> String {
    let builds = world::builds();
    page::history(
        &FRAME,
        &History {
            pipeline: world::PIPELINE,
            comparison: world::COMPARISON,
            span: SignedDuration::from_hours(7 * 24),
            builds: &builds,
            older: Some("/h?page=2"),
            newer: None,
            longest: None,
            json: Some("/h?json=true"),
        },
    )
}

pub(crate) fn evaluation(number: u8) -> String {
    evaluation_in(&FRAME, number)
}

fn evaluation_in(frame: &Frame<'_>, number: u8) -> String {
    let builds = world::builds();
    let evidence = world::evidence_of(number);
    page::evaluation(
        frame,
        &Evaluation {
            validation: &builds[usize::from(number)].validation,
            evidence: evidence.as_ref(),
            spec: Some(world::SPEC),
            history: Some("/h"),
            json: Some("/v.json"),
        },
    )
}

pub(crate) fn form() -> String {
    page::form(
        &FRAME,
        &Form {
            action: "/BuildValidationResults",
            pipeline: world::PIPELINE,
            comparison: "",
            gates: &world::gates(),
        },
    )
}

/// A page of every kind, and an evaluation of every ending.
pub(crate) fn all() -> Vec<String> {
    let troubles = [
        Trouble::LinkNotValid,
        Trouble::LinkExpired,
        Trouble::NotFound,
        Trouble::BadParameter {
            name: "timespan",
            expected: "a whole number of minutes",
        },
        Trouble::Unavailable,
    ];
    let mut pages = vec![
        page::start(&FRAME, &whole(&world::gates())),
        page::start(&FRAME, &whole(&[])),
        middle(),
        history(),
        form(),
    ];
    pages.extend((0..18).map(evaluation));
    pages.extend(crate::flags::pages());
    pages.extend(crate::problems::pages());
    pages.extend(troubles.map(|trouble| page::trouble(&FRAME, &trouble)));
    pages
}

#[test]
fn start_page_shows_what_needs_a_person_first() {
    insta::assert_snapshot!(lines(&page::start(&FRAME, &whole(&world::gates()))));
}

/// A start page with gates before and behind it.
fn middle() -> String {
    let gates = world::gates();
    let start = Start {
        first: Some("/"),
        next: Some("/?after=WebShop"),
        ..whole(&gates)
    };
    page::start(&FRAME, &start)
}

#[test]
fn page_of_many_gates_says_which_they_are_and_leads_on() {
    let page = middle();

    let text = "By name from <bdi>PaymentService</bdi> to <bdi>WebShop</bdi>, 4 gates: 1 failed";
    assert!(page.contains(text), "{page}");
    assert!(page.contains("<a href=\"/\">← First gates</a>"));
    assert!(page.contains("<a rel=\"next\" href=\"/?after=WebShop\">More gates →</a>"));
}

#[test]
fn page_of_many_gates_has_them_in_the_order_of_the_pages() {
    let page = middle();

    let rows = page.split("<a class=\"row\" href=\"").skip(1);
    let histories: Vec<&str> = rows.filter_map(|row| row.split('"').next()).collect();
    assert_eq!(histories, ["/h/15", "/h/13", "/h/16", "/h/12"]);
}

#[test]
fn page_behind_the_last_gate_leads_back() {
    let start = Start {
        first: Some("/"),
        ..whole(&[])
    };

    let page = page::start(&FRAME, &start);

    assert!(page.contains("0 gates") && page.contains("First gates"));
    assert!(!page.contains("<table") && !page.contains("No build has been judged yet"));
}

#[test]
fn empty_start_page_says_how_to_begin() {
    insta::assert_snapshot!(lines(&page::start(&FRAME, &whole(&[]))));
}

#[test]
fn history_shows_every_way_a_build_can_end() {
    insta::assert_snapshot!(lines(&history()));
}

#[test]
fn failed_evaluation_leads_from_the_verdict_to_the_monspec() {
    insta::assert_snapshot!(lines(&evaluation(16)));
}

#[test]
fn mean_says_how_many_entities_it_is_of() {
    let builds = world::builds();
    let mut evidence = world::evidence_of(16).unwrap();
    let half = monspec::Answered {
        answered: 1,
        entities: 2,
    };
    evidence.findings[0].finding.coverage.observation = Some(half);
    let evaluation = Evaluation {
        validation: &builds[16].validation,
        evidence: Some(&evidence),
        spec: Some(world::SPEC),
        history: None,
        json: None,
    };

    let page = page::evaluation(&FRAME, &evaluation);
    let json = report::json::evaluation(&FRAME, &evaluation);

    assert!(page.contains("1 of 2 entities answered"), "{page}");
    assert!(
        json.contains(r#""coverage":{"observation":{"answered":1,"entities":2}}"#),
        "{json}"
    );
}

#[test]
fn overridden_evaluation_says_who_and_why() {
    let zone = TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").unwrap();
    let frame = Frame {
        zone: Some(&zone),
        ..FRAME
    };
    insta::assert_snapshot!(lines(&evaluation_in(&frame, 5)));
}

#[test]
fn overtaken_evaluation_says_what_came_between() {
    insta::assert_snapshot!(lines(&evaluation(2)));
}

#[test]
fn waiting_evaluation_says_when_the_first_look_is_due() {
    insta::assert_snapshot!(lines(&evaluation(17)));
}

#[test]
fn evaluation_that_is_stuck_says_so() {
    let mut stuck = world::waiting(17);
    stuck.stuck_since = Some(world::now());

    let page = page::evaluation(
        &FRAME,
        &Evaluation {
            validation: &stuck,
            evidence: None,
            spec: Some(world::SPEC),
            history: None,
            json: None,
        },
    );

    assert!(page.contains("Stuck: it is no longer processed"), "{page}");
}

#[test]
fn form_offers_the_names_that_are_known() {
    insta::assert_snapshot!(lines(&form()));
}

#[test]
fn trouble_says_what_to_do_next() {
    let frame = Frame {
        start: None,
        ..FRAME
    };
    insta::assert_snapshot!(lines(&page::trouble(&frame, &Trouble::LinkNotValid)));
}

#[test]
fn healed_build_shows_numbers_that_were_not_judged_and_where_to_look() {
    let builds = world::builds();
    let mut evidence = world::evidence_of(16).unwrap();
    for found in &mut evidence.findings {
        found.finding = unjudged(found.finding.clone());
    }
    evidence.reason = Some("deployment d-HEAL healed it at 2026-01-09T15:04:05Z".to_owned());
    let link = |about, name: &str, address: &str| Link {
        about,
        name: name.to_owned(),
        address: Some(address.to_owned()),
    };
    evidence.context.unjudged = Some(Unjudged::Healed);
    evidence.context.links = vec![
        link(
            About::Problem,
            "P-7 Failure rate increase",
            "https://tenant.example/#problems/problemdetails;pid=-7",
        ),
        link(About::Charts, "SERVICE-1 in Staging", "javascript:alert(1)"),
    ];

    let page = page::evaluation(
        &FRAME,
        &Evaluation {
            validation: &builds[16].validation,
            evidence: Some(&evidence),
            spec: Some(world::SPEC),
            history: None,
            json: None,
        },
    );

    let heading = "Failed: this build was replaced because of a problem.</bdi></h1>";
    assert!(page.contains(heading), "{page}");
    assert!(page.contains("deployment d-HEAL healed it at 2026-01-09T15:04:05Z"));
    assert!(page.contains("href=\"https://tenant.example/#problems/problemdetails;pid=-7\""));
    assert!(!page.contains("javascript:"), "only pages are linked");
    assert!(page.contains("Measured, but not judged"));
    assert!(!page.contains("Violated"));
    let marks = page.matches("Not judged").count();
    assert!(evidence.findings.len() <= marks, "{marks}");
    assert!(page.len() < 60_000);
}
