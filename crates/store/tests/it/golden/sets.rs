//! Sets of flags: everything that can be declared, said, written down and owed.

use std::collections::BTreeMap;

use flags::key::{Key, KeyHolder, issue};
use flags::state::{Assignment, Author, AuthorKind, Course, End, Holder, Recent, Since, State};
use flags::step::Transition;
use flags::{Aborted, Because, Cause, Declarations, Entry, Ramp, Record, Step, Value, Way, read};
use release::rule::Rules;
use store::{
    Commit, Completion, Decision, EndedAs, Ends, Flags, PreparedChange, Remark, Repeat, RepeatId,
    WantedChange, What, Written, tables,
};

use super::check;
use super::runs::rules;
use crate::flag_set::{SET, second};
use crate::world::{FLAGS, World};

/// Everything that a file may say of flags.
const FILE: &str = r#"{
    "fractional": "v2",
    "missingKey": "error",
    "flags": {
        "percent": {
            "type": "integer", "default": 5, "description": "how many see it",
            "min": 0, "max": 100, "variants": { "few": 5, "all": 100 },
            "touches": {
                "etype": "SERVICE",
                "tags": [
                    { "context": "AWS", "key": "app", "value": "shop" },
                    { "key": "production" }
                ]
            },
            "events": "require", "rateLimit": { "changes": 3, "within": "5m" },
            "lease": { "default": "30m", "longest": "4h" }
        },
        "color": {
            "type": "string", "default": "red", "allowed": ["red", "blue"], "public": true,
            "variants": { "warm": "red", "cold": "blue" },
            "rollout": { "variant": "cold", "otherwise": "warm", "percentOf": "percent" }
        },
        "shape": {
            "type": "object", "default": { "round": true }, "variants": {
                "round": { "round": true }, "square": { "round": false }
            },
            "rollout": { "variant": "square", "otherwise": "round", "percent": 12.5 }
        },
        "checkout": {
            "type": "boolean", "default": false, "harmless": true, "disabled": true,
            "offValue": false, "targeting": { "if": [{ "var": "beta" }, "on", "off"] }
        },
        "weight": { "type": "number", "default": 0.5, "min": 0, "max": 1 }
    },
    "presets": { "calm": { "description": "less", "set": { "percent": 0, "weight": 0.5 } } }
}"#;

fn declared() -> Declarations {
    let reading = read(FILE);
    let messages = format!("{:?}", reading.messages);
    reading.declarations.expect(&messages)
}

/// What is declared, and who may do what with it.
#[tokio::test]
async fn stored_form_of_declarations_rules_and_keys_is_kept() {
    let rules: Rules = rules()
        .into_iter()
        .enumerate()
        .map(|(number, rule)| (format!("rule-{number}"), rule))
        .collect();
    let key = |holder, name: &str, expires| Key {
        id: name.to_owned(),
        name: name.to_owned(),
        holder,
        secrets: vec![issue(name, [1; 32]).hash, issue(name, [2; 32]).hash],
        scopes: [
            "change:prod/canary*>=5<=20",
            "read:prod",
            "ramp:prod/percent",
        ]
        .map(|scope| scope.parse().unwrap())
        .into(),
        expires,
    };
    let keys = [
        key(KeyHolder::Person, "ann", Some(second(10_000))),
        key(KeyHolder::Machine, "pipeline", None),
        key(KeyHolder::Browser, "shop", None),
    ];
    let steps = async |world: &World| {
        let flags = Flags::new(world.raw.clone(), FLAGS);
        let stored = flags.declare(SET, &declared(), None).await;
        assert_eq!(stored.unwrap(), store::Declared::Stored(1));
        let none = BTreeMap::new();
        flags.declare_rules(SET, &rules, &none).await.unwrap();
        for key in &keys {
            flags.put_key(key).await.unwrap();
        }
    };
    let read = async |world: &World| {
        let flags = Flags::new(world.raw.clone(), FLAGS);
        let set = flags.set(SET).await.unwrap().unwrap();
        assert_eq!(set.declarations, declared());
        let read = flags.rules(SET).await.unwrap().into_iter();
        let read: Rules = read.map(|(id, stored)| (id, stored.rule)).collect();
        assert_eq!(read, rules);
        for key in &keys {
            let look = flags.look(SET, Some(&key.id)).await.unwrap();
            assert_eq!(look.key.as_ref(), Some(key));
        }
    };
    check("declared", [FLAGS], steps, read).await;
}

/// What was said of flags, what was written down of it, and what is owed for it.
#[tokio::test]
async fn stored_form_of_what_was_said_of_flags_is_kept() {
    let entries = chained(causes());
    let said = Transition {
        state: state(&entries),
        entries: entries.clone(),
    };
    let id = RepeatId {
        key: "ann".to_owned(),
        hash: "h1".to_owned(),
    };
    let steps = async |world: &World| {
        let flags = Flags::new(world.raw.clone(), FLAGS);
        flags.declare(SET, &declared(), None).await.unwrap();
        let commit = || Commit {
            flags: vec![
                ("percent".to_owned(), said.clone()),
                ("color".to_owned(), barely("color")),
            ],
            repeat: Some(Box::new(repeat())),
            watches: vec!["P-1".to_owned()],
            ..Commit::default()
        };
        let decide = |_: &store::Found| Decision::Write(commit(), ());
        let written = flags.change(SET, Some(&id), second(0), decide).await;
        written.unwrap();
    };
    let read = async |world: &World| {
        let flags = Flags::new(world.raw.clone(), FLAGS);
        let set = flags.set(SET).await.unwrap().unwrap();
        assert_eq!(set.states["percent"], said.state);
        assert_eq!(set.states["color"], barely("color").state);
        assert_eq!(flags.history(SET, "percent").await.unwrap(), entries);
        flags::verify(&entries).unwrap();
        let found = flags.change(SET, Some(&id), second(1), |found| {
            Decision::Leave(found.repeat.clone())
        });
        assert_eq!(found.await.unwrap().decided, Some(repeat()));
        let owed = owed(&flags).await;
        let events = owed.iter().filter_map(|owed| match owed {
            What::Event(outbox) => Some(outbox),
            _ => None,
        });
        let announced = entries
            .iter()
            .filter(|entry| entry.record.cause.is_announced());
        assert_eq!(events.clone().count(), announced.count());
        for outbox in events {
            let entities = outbox.event.entities.as_ref().unwrap();
            assert_eq!(
                entities,
                declared().flags["percent"].touches.as_ref().unwrap()
            );
            assert_eq!(outbox.event.properties["flag.set"], SET);
            assert!(outbox.only_if.is_none());
        }
        let watched = What::Watch {
            set: SET.to_owned(),
            problem: "P-1".to_owned(),
            since: second(0),
        };
        assert!(owed.contains(&watched));
    };
    check("said", [FLAGS], steps, read).await;
}

/// Comments on problems: what was given back, and before a hold ends.
#[tokio::test]
async fn stored_form_of_comments_on_problems_is_kept() {
    let by_the_clock = Record {
        by: author(AuthorKind::Clock),
        ..record(1, Cause::GivenBack)
    };
    let holder = Holder {
        until: second(86_400),
        closed: false,
    };
    let holds = End::Holds([("P-2".to_owned(), holder)].into());
    let said = Transition {
        state: State {
            version: 1,
            assignments: vec![word(
                AuthorKind::Machine,
                Course::Steady(Value::Integer(20)),
                holds,
            )],
            ..State::default()
        },
        entries: vec![Entry::seal(by_the_clock, None)],
    };
    let steps = async |world: &World| {
        let flags = Flags::new(world.raw.clone(), FLAGS);
        flags.declare(SET, &declared(), None).await.unwrap();
        let decide = |_: &store::Found| {
            let commit = Commit {
                flags: vec![("percent".to_owned(), said.clone())],
                ..Commit::default()
            };
            Decision::Write(commit, ())
        };
        flags.change(SET, None, second(0), decide).await.unwrap();
    };
    let read = async |world: &World| {
        let flags = Flags::new(world.raw.clone(), FLAGS);
        let remarks = owed(&flags)
            .await
            .into_iter()
            .filter_map(|owed| match owed {
                What::Remark(remark) => Some(*remark),
                _ => None,
            });
        let mut remarks: Vec<Remark> = remarks.collect();
        remarks.sort_by(|one, other| one.problem.cmp(&other.problem));
        let text = "Unbreakable: flag percent is 7.5 again, because the problem is over.";
        let remark = |problem: &str, ends: Option<i64>, text: &str, at| Remark {
            set: SET.to_owned(),
            problem: problem.to_owned(),
            ends: ends.map(second),
            entry: release::outbox::Entry::new(text.to_owned(), second(at)),
        };
        let expected = [
            remark("P-1", None, text, 0),
            remark("P-2", Some(86_400), "", 82_800),
        ];
        assert_eq!(remarks, expected);
    };
    check("remarks", [FLAGS], steps, read).await;
}

/// Changes that wait for their events, and how such changes ended.
#[tokio::test]
async fn stored_form_of_prepared_changes_is_kept() {
    let waits = |request: &str, answer| PreparedChange {
        set: SET.to_owned(),
        request: request.to_owned(),
        since: second(60),
        by: author(AuthorKind::Machine),
        why: "a test".to_owned(),
        triggered_by: "pipeline".to_owned(),
        wanted: [("percent", true), ("weight", false)]
            .map(|(flag, requires)| {
                let wanted = WantedChange::of(&barely(flag), requires);
                (flag.to_owned(), wanted)
            })
            .into(),
        answer,
        ended: None,
    };
    let id = || RepeatId {
        key: "pipeline".to_owned(),
        hash: "h2".to_owned(),
    };
    let answer = Repeat {
        completion: Completion::Begun,
        ..repeat()
    };
    let left = waits("req-3", Some((id(), answer)));
    let steps = async |world: &World| {
        let flags = Flags::new(world.raw.clone(), FLAGS);
        flags.declare(SET, &declared(), None).await.unwrap();
        let ends = [
            ("req-1", EndedAs::Aborted(Because::NotTold)),
            ("req-2", EndedAs::Made),
        ];
        for (version, (request, ended)) in (1..).zip(ends) {
            let written = prepare(&flags, &waits(request, None)).await;
            let change = PreparedChange {
                ended: Some(ended),
                ..waits(request, None)
            };
            let cause = match ended {
                EndedAs::Made => Cause::Changed,
                EndedAs::Aborted(because) => Cause::Aborted(Aborted {
                    wanted: "5".to_owned(),
                    because,
                }),
            };
            let made = Transition {
                state: State {
                    version,
                    ..State::default()
                },
                entries: vec![entry(version, cause, None)],
            };
            let sent = change.wanted["weight"].marker();
            let decide = |_: &store::Found| {
                let commit = Commit {
                    flags: vec![("percent".to_owned(), made.clone())],
                    ends: Some(Box::new(Ends {
                        change: change.clone(),
                        held: written.prepared.as_ref().unwrap().held(),
                        sent: vec![sent.clone()],
                    })),
                    ..Commit::default()
                };
                Decision::Write(commit, ())
            };
            flags.change(SET, None, second(70), decide).await.unwrap();
        }
        prepare(&flags, &left).await;
    };
    let read = async |world: &World| {
        let flags = Flags::new(world.raw.clone(), FLAGS);
        let set = flags.set(SET).await.unwrap().unwrap();
        let (_, waiting) = set.waiting("weight").unwrap();
        assert_eq!(waiting.request, "req-3");
        assert_eq!(waiting.transition, barely("weight"));
        let owed = owed(&flags).await;
        let mut prepared = owed.iter().filter_map(|owed| match owed {
            What::Prepared(change) => Some(change.as_ref()),
            _ => None,
        });
        assert_eq!((prepared.next(), prepared.next()), (Some(&left), None));
        let only_if = owed.iter().filter_map(|owed| match owed {
            What::Event(outbox) => outbox.only_if.as_ref(),
            _ => None,
        });
        let markers: Vec<&str> = only_if.map(|one| one.marker.as_str()).collect();
        assert_eq!(markers, ["c-percent 1"]);
    };
    check("prepared", [FLAGS], steps, read).await;
}

async fn prepare(flags: &Flags, change: &PreparedChange) -> Written<()> {
    let decide = |_: &store::Found| {
        let commit = Commit {
            flags: vec![("weight".to_owned(), barely("weight"))],
            prepares: Some(Box::new(change.clone())),
            claim: Some(("request".to_owned(), second(90))),
            ..Commit::default()
        };
        Decision::Write(commit, ())
    };
    flags.change(SET, None, second(60), decide).await.unwrap()
}

/// Everything that is owed, taken by a worker.
async fn owed(flags: &Flags) -> Vec<What> {
    let (now, lease) = (second(100_000), second(100_060));
    let mut owed = Vec::new();
    let queue = flags.queue();
    for shard in 0..tables::SHARDS {
        for due in queue.due(shard, now, 100, None).await.unwrap() {
            let claimed = queue.claim(&due, "worker", now, lease).await;
            owed.push(claimed.unwrap().what.clone());
        }
    }
    owed
}

fn repeat() -> Repeat {
    Repeat {
        change: "c-1".to_owned(),
        versions: [("percent".to_owned(), 19)].into(),
        at: second(0),
        asked: "h9".to_owned(),
        completion: Completion::Done,
        body: r#"{"ok":true}"#.to_owned(),
    }
}

fn author(kind: AuthorKind) -> Author {
    Author {
        name: "ann".to_owned(),
        kind,
    }
}

/// A flag of which as little was said as can be.
fn barely(flag: &str) -> Transition {
    let record = Record {
        flag: flag.to_owned(),
        change: format!("c-{flag}"),
        batch: None,
        ends: None,
        problem: None,
        ..record(1, Cause::Changed)
    };
    Transition {
        state: State {
            version: 1,
            assignments: vec![word(
                AuthorKind::Person,
                Course::Steady(Value::String("blue".to_owned())),
                End::Never,
            )],
            ..State::default()
        },
        entries: vec![Entry::seal(record, None)],
    }
}

/// Every kind of word on top of each other, and all that is remembered.
fn state(entries: &[Entry]) -> State {
    let holder = |until, closed| Holder {
        until: second(until),
        closed,
    };
    let object = serde_json::json!({"round": true});
    let steps = [(60, 10), (120, 20)];
    let steps = steps.map(|(at, value)| Step {
        at: second(at),
        value: Value::Integer(value),
    });
    let ramp = |way| {
        Course::Ramp(Ramp {
            from: Value::Integer(5),
            to: Value::Integer(20),
            start: second(0),
            end: second(120),
            way,
        })
    };
    let holds = [("P-1", holder(800, false)), ("P-2", holder(700, true))];
    let holds = holds.map(|(problem, holder)| (problem.to_owned(), holder));
    let recent = |kind, reversal, problem: Option<&str>| Recent {
        change: "c-0".to_owned(),
        at: second(-60),
        kind,
        reversal,
        problem: problem.map(str::to_owned),
    };
    State {
        version: entries.len() as u64,
        assignments: vec![
            word(
                AuthorKind::Person,
                Course::Steady(Value::Boolean(true)),
                End::Never,
            ),
            word(
                AuthorKind::Machine,
                Course::Steady(Value::Number(0.25)),
                End::Lease(second(600)),
            ),
            word(
                AuthorKind::Rule,
                Course::Steady(Value::Object(object.as_object().unwrap().clone())),
                End::Holds(holds.into()),
            ),
            word(
                AuthorKind::Clock,
                ramp(Way::Evenly { step_seconds: 1 }),
                End::Never,
            ),
            word(
                AuthorKind::Person,
                ramp(Way::Steps(steps.into())),
                End::Never,
            ),
        ],
        pruned: true,
        previous: Some(Value::Integer(4)),
        recent: vec![
            recent(AuthorKind::Rule, true, Some("P-0")),
            recent(AuthorKind::Person, false, None),
        ],
        digest: entries.last().map(|entry| entry.digest.clone()),
    }
}

fn word(kind: AuthorKind, course: Course, end: End) -> Assignment {
    Assignment {
        change: "c-1".to_owned(),
        by: author(kind),
        at: second(-10),
        version: 1,
        course,
        end,
        kept: None,
    }
}

fn causes() -> Vec<Cause> {
    vec![
        Cause::Changed,
        Cause::Leased,
        Cause::Extended,
        Cause::Mitigated,
        Cause::Joined,
        Cause::RampStarted,
        Cause::RampEnded,
        Cause::RampStopped,
        Cause::Confirmed,
        Cause::LeaseEnded,
        Cause::EndedBelow,
        Cause::GivenBack,
        Cause::Released,
        Cause::Postponed,
        Cause::BoundReached,
        Cause::Superseded(Since {
            change: "c-9".to_owned(),
            by: author(AuthorKind::Person),
            at: second(-5),
        }),
        Cause::TakenBack,
        Cause::Unlocked,
        Cause::Aborted(Aborted {
            wanted: "50".to_owned(),
            because: Because::Overtaken,
        }),
    ]
}

fn chained(causes: Vec<Cause>) -> Vec<Entry> {
    let mut entries: Vec<Entry> = Vec::new();
    for (version, cause) in (1..).zip(causes) {
        let previous = entries.last().map(|entry| entry.digest.clone());
        entries.push(entry(version, cause, previous));
    }
    entries
}

fn entry(version: u64, cause: Cause, previous: Option<flags::Digest>) -> Entry {
    Entry::seal(record(version, cause), previous)
}

fn record(version: u64, cause: Cause) -> Record {
    Record {
        set: SET.to_owned(),
        flag: "percent".to_owned(),
        version,
        at: second(0),
        cause,
        before: Value::Integer(5),
        after: Value::Number(7.5),
        ends: Some(second(600)),
        change: format!("c-{version}"),
        batch: Some("b-1".to_owned()),
        by: author(AuthorKind::Person),
        why: "a test".to_owned(),
        triggered_by: "manual".to_owned(),
        problem: Some("P-1".to_owned()),
    }
}
