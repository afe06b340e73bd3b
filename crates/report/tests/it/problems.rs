//! A problem from its beginning to its end, and what remedies achieved.

use ::flags::state::{Author, AuthorKind};
use ::flags::{Cause as Happened, Entry, Record, Value as FlagValue};
use jiff::{SignedDuration, Timestamp};
use release::change::{Change, Remedy};
use release::deployment::{Deployment, Group, Origin};
use release::outbox::Entry as Comment;
use release::problem::{Arrival, Cause, Phase, Problem, Remediation};
use release::remediation::{Actor, Heal, State};
use report::{AnsweredProblem, Closing, ProblemRow, Problems, Remedies, json, page};
use serde_json::Value;

use crate::pages::FRAME;
use crate::schema;

fn ago(minutes: i64) -> Timestamp {
    FRAME.now - SignedDuration::from_mins(minutes)
}

fn deployment(id: &str, minutes: i64) -> Deployment {
    Deployment {
        id: id.to_owned(),
        group: Group {
            application: "Shop".to_owned(),
            name: "Production".to_owned(),
        },
        at: ago(minutes),
        execution: None,
        identity: id.to_owned(),
        location: None,
        digest: None,
        version: id.to_owned(),
        origin: Origin::Release,
    }
}

/// A problem that a deployment caused, which was taken back.
fn healed() -> Problem {
    let patience = SignedDuration::from_hours(24);
    let mut problem = Problem::heard_of("-123_456V2", Arrival::Webhook, ago(20), patience);
    problem.display_id = Some("P-2307288".to_owned());
    problem.title = Some("Failure rate increase".to_owned());
    problem.began = Some(ago(22));
    problem.closed = Some(ago(4));
    problem.impacted = vec!["SERVICE-00000000000000B1".to_owned()];
    problem.root_cause = Some("SERVICE-00000000000000B1".to_owned());
    problem.cause = Cause::Blamed;
    problem.phase = Phase::Settled;
    problem.remediations = vec![Remediation {
        culprit: Change::Deployment(deployment("d-2", 25)),
        holds: false,
        stopped: false,
        state: State::Confirmed {
            heal: Heal {
                remedy: Remedy::Redeploy(deployment("d-1", 300)),
                by: Actor::Ours,
                marker: "[unbreakable:1:d-2]".to_owned(),
                at: ago(19),
            },
            deployment: "d-3".to_owned(),
            at: ago(10),
            closed: ago(4),
        },
    }];
    let mut said = Comment::new("Unbreakable deploys 1 again".to_owned(), ago(19));
    said.posted = Some(ago(19));
    problem.comments = vec![
        said,
        Comment::new("The problem closed after that".to_owned(), ago(3)),
    ];
    problem
}

fn entry(flag: &str, version: u64, problem: &str, minutes: i64, cause: Happened) -> Entry {
    Entry::seal(
        Record {
            set: "prod".to_owned(),
            flag: flag.to_owned(),
            version,
            at: ago(minutes),
            cause,
            before: FlagValue::Boolean(true),
            after: FlagValue::Boolean(false),
            ends: None,
            change: format!("change-{flag}-{version}"),
            batch: None,
            by: Author {
                name: "dynatrace".to_owned(),
                kind: AuthorKind::Machine,
            },
            why: "Shed load".to_owned(),
            triggered_by: "workflow".to_owned(),
            problem: Some(problem.to_owned()),
        },
        None,
    )
}

/// The same because of no problem.
fn unasked(flag: &str, version: u64, minutes: i64) -> Entry {
    let mut record = entry(flag, version, "", minutes, Happened::Changed).record;
    record.problem = None;
    Entry::seal(record, None)
}

fn answered<'a>(problem: &'a Problem, changes: &'a [Entry]) -> AnsweredProblem<'a> {
    AnsweredProblem {
        problem,
        changes,
        json: Some("/problems/1.json"),
    }
}

/// The pages of problems, for what is said of all pages.
pub(crate) fn pages() -> Vec<String> {
    let (problem, changes) = (
        healed(),
        [entry("cache", 1, "P-2307288", 18, Happened::Changed)],
    );
    let patience = SignedDuration::from_hours(24);
    let unknown = Problem::heard_of("1", Arrival::Adopted, ago(1), patience);
    vec![
        page::problem(&FRAME, &answered(&problem, &changes)),
        page::problem(&FRAME, &answered(&unknown, &[])),
        page::problems(&FRAME, &listed(&[])),
        page::problems(&FRAME, &listed(&rows())),
        page::remedies(&FRAME, &of(&[], &[].into())),
        with_remedies(|remedies| page::remedies(&FRAME, remedies)),
    ]
}

#[test]
fn timeline_of_a_problem_leads_from_the_change_to_the_end() {
    let problem = healed();
    let changes = [entry("cache", 1, "P-2307288", 18, Happened::Changed)];

    let document = json::problem(&FRAME, &answered(&problem, &changes));

    let document: Value = serde_json::from_str(&document).unwrap();
    schema::assert_is("AnsweredProblem", &document);
    let happened = document["timeline"].as_array().unwrap();
    let told: Vec<(&str, &str, bool)> = happened
        .iter()
        .map(|one| {
            let text = |field: &str| one[field].as_str().unwrap();
            (text("kind"), text("what"), one["owed"] == true)
        })
        .collect();
    assert_eq!(
        told,
        [
            (
                "blamed",
                "d-2 changes Shop/Production: this is blamed",
                false
            ),
            ("reported", "The problem begins", false),
            (
                "reported",
                "It is reported, and an answer is looked for",
                false
            ),
            ("said", "Unbreakable deploys 1 again", false),
            ("changed", "cache: Set from true to false", false),
            ("reported", "The problem closes", false),
            ("said", "The problem closed after that", true),
        ]
    );
    assert_eq!(document["cause"], "Blamed on d-2");
    assert_eq!(document["remediations"][0]["state"], "confirmed");
}

#[test]
fn page_of_a_problem_says_what_was_done_and_what_is_still_owed() {
    let problem = healed();

    let page = page::problem(&FRAME, &answered(&problem, &[]));

    for told in [
        "Failure rate increase",
        "P-2307288",
        "Blamed on d-2",
        "d-1 is in its place, and the problem closed",
        "the tenant does not have this comment yet",
    ] {
        assert!(page.contains(told), "{told}: {page}");
    }
}

fn rows() -> Vec<ProblemRow> {
    let words = ["pending", "confirmed", "aWordOfALaterVersion"];
    let row = |(id, state): (usize, &str)| ProblemRow {
        id: id.to_string(),
        display_id: (id == 1).then(|| "P-1".to_owned()),
        title: (id == 1).then(|| "Failure rate increase".to_owned()),
        noticed: ago(10),
        closed: (id == 1).then(|| ago(5)),
        state: state.to_owned(),
        decided: id == 1,
        address: format!("/problems/{id}"),
    };
    words.into_iter().enumerate().map(row).collect()
}

fn listed(problems: &[ProblemRow]) -> Problems<'_> {
    Problems {
        problems,
        newest: None,
        older: Some("/problems?before=1"),
        remedies: Some("/remedies"),
        json: Some("/problems.json"),
    }
}

#[test]
fn list_of_problems_says_how_far_each_answer_is() {
    let rows = rows();

    let page = page::problems(&FRAME, &listed(&rows));
    let document: Value = serde_json::from_str(&json::problems(&FRAME, &listed(&rows))).unwrap();

    for told in [
        "its cause is looked for",
        "a change was taken back, and it closed",
        "aWordOfALaterVersion",
        "Failure rate increase",
        "under way",
    ] {
        assert!(page.contains(told), "{told}: {page}");
    }
    schema::assert_is("ProblemList", &document);
    assert_eq!(document["problems"][1]["state"], "confirmed");
}

fn of<'a>(
    changes: &'a [Entry],
    problems: &'a std::collections::BTreeMap<String, Closing>,
) -> Remedies<'a> {
    Remedies {
        set: "prod",
        span: SignedDuration::from_hours(24 * 7),
        within: SignedDuration::from_mins(10),
        changes,
        cut: false,
        problems,
        json: Some("/remedies.json"),
    }
}

/// Five problems because of which a cache was switched off.
fn with_remedies<T>(show: impl Fn(&Remedies<'_>) -> T) -> T {
    let closing = |id: &str, at: Option<i64>| Closing {
        id: id.to_owned(),
        at: at.map(ago),
    };
    let problems = [
        ("1".to_owned(), closing("1", Some(55))),
        ("P-1".to_owned(), closing("1", Some(55))),
        ("2".to_owned(), closing("2", Some(30))),
        ("3".to_owned(), closing("3", None)),
        ("4".to_owned(), closing("4", Some(50))),
    ]
    .into();
    let changes = [
        entry("cache", 1, "1", 60, Happened::Changed),
        // The same problem by its other name, and once more.
        entry("cache", 2, "P-1", 58, Happened::Changed),
        entry("cache", 3, "2", 60, Happened::Leased),
        entry("cache", 4, "3", 20, Happened::Mitigated),
        // To the minute.
        entry("cache", 5, "4", 60, Happened::TakenBack),
        entry("cache", 6, "P-9", 60, Happened::Changed),
        // What follows from a problem is no remedy for it.
        entry("cache", 7, "2", 30, Happened::GivenBack),
        entry("slow", 1, "3", 15, Happened::Changed),
        unasked("slow", 2, 14),
        // By a workflow that names no problem.
        unasked("turbo", 1, 10),
    ];
    show(&of(&changes, &problems))
}

#[test]
fn remedies_are_told_by_flag_value_and_trigger_and_each_problem_counts_once() {
    let document = with_remedies(|remedies| json::remedies(&FRAME, remedies));

    let document: Value = serde_json::from_str(&document).unwrap();
    schema::assert_is("Remedies", &document);
    let told: Vec<String> = document["remedies"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| {
            format!(
                "{} {} {}, {} times: {} soon, {} later, {} open, {} unknown, {}",
                one["flag"].as_str().unwrap(),
                one["value"].as_str().unwrap(),
                one["triggeredBy"].as_str().unwrap(),
                one["changes"],
                one["closedSoon"],
                one["closedLater"],
                one["open"],
                one["unknown"],
                one["percent"]
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            "cache false workflow, 6 times: 2 soon, 1 later, 1 open, 1 unknown, 50",
            "slow false workflow, 2 times: 0 soon, 0 later, 1 open, 0 unknown, 0",
            "turbo false workflow, 1 times: 0 soon, 0 later, 0 open, 0 unknown, null",
        ]
    );
}

#[test]
fn changes_because_of_no_problem_are_counted_beside_the_share() {
    let page = with_remedies(|remedies| page::remedies(&FRAME, remedies));

    let (_, row) = page.split_once("turbo").unwrap();
    let (row, _) = row.split_once("</tr>").unwrap();
    assert!(row.contains("<td>1</td>"), "{row}");
    assert!(row.contains("because of no problem"), "{row}");
    assert!(!row.contains(" of 0 problems"), "{row}");
}

#[test]
fn nothing_known_is_no_share() {
    let changes = [entry("cache", 1, "P-1", 60, Happened::Changed)];

    let document = json::remedies(&FRAME, &of(&changes, &[].into()));

    let document: Value = serde_json::from_str(&document).unwrap();
    assert_eq!(document["remedies"][0]["percent"], Value::Null);
}
