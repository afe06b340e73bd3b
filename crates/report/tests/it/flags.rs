//! Flags and their histories, as people and machines read them.

use ::flags::state::{Author, AuthorKind, State};
use ::flags::step::{Event, Outcome, Request, Situation, Target, Term, step};
use ::flags::{Declarations, Entry, changed, read};
use jiff::{SignedDuration, Timestamp};
use report::{Changes, FlagHistory, FlagNow, Frame, Written, json, page};
use serde_json::{Value, json};

use crate::pages::FRAME;
use crate::schema;

const FILE: &str = r#"{ "flags": {
    "cacheEnabled": { "type": "boolean", "default": true },
    "errorRate": { "type": "number", "default": 0.12, "min": 0, "max": 1 },
    "promoSocks": {
        "type": "boolean", "default": false,
        "rollout": { "variant": "on", "otherwise": "off", "percent": 25 }
    },
    "promotionalPercent": {
        "type": "integer", "default": 0, "min": 0, "max": 100,
        "description": "How many percent of carts get the discount"
    },
    "slowResponsesEnabled": { "type": "boolean", "default": false },
    "oldCheckout": { "type": "boolean", "default": true, "disabled": true, "offValue": false }
} }"#;

/// A set in which something was said of some flags.
pub(crate) struct Said {
    declarations: Declarations,
    states: std::collections::BTreeMap<String, State>,
    entries: Vec<Entry>,
}

impl Said {
    fn nothing(file: &str) -> Self {
        let reading = read(file);
        let messages = format!("{:?}", reading.messages);
        Self {
            declarations: reading.declarations.expect(&messages),
            states: [].into(),
            entries: Vec::new(),
        }
    }

    fn say(
        &mut self,
        minutes_ago: i64,
        flag: &str,
        who: (&str, AuthorKind),
        why: &str,
        event: &Event,
    ) {
        let problem = match event {
            Event::Set {
                term: Term::While { problem, .. },
                ..
            } => Some(problem.clone()),
            _ => None,
        };
        let request = Request {
            change: format!("change-{}", self.entries.len()),
            batch: None,
            by: Author {
                name: who.0.to_owned(),
                kind: who.1,
            },
            why: why.to_owned(),
            triggered_by: "manual".to_owned(),
            problem,
            expected: None,
        };
        let untouched = State::default();
        let situation = Situation {
            set: "prod",
            flag: &self.declarations.flags[flag],
            state: self.states.get(flag).unwrap_or(&untouched),
            now: ago(minutes_ago),
        };
        let Outcome::Written(written) = step(situation, &request, event) else {
            panic!("{flag} does not change");
        };
        self.entries.extend(written.entries.iter().cloned());
        self.states.insert(flag.to_owned(), written.state.clone());
    }

    /// A set in which something of every kind was said.
    pub(crate) fn of_every_kind() -> Self {
        let mut said = Self::nothing(FILE);
        let person = ("ann", AuthorKind::Person);
        let to = |value: Value, flag: &str, said: &Self| {
            Target::Value(said.declarations.flags[flag].value(&value).unwrap())
        };
        let set = |to, term| Event::Set { to, term };
        let half = to(json!(50), "promotionalPercent", &said);
        let until = Term::Until(ago(-30));
        said.say(
            10,
            "promotionalPercent",
            person,
            "The campaign of the week",
            &set(half, until),
        );
        let slow = to(json!(true), "slowResponsesEnabled", &said);
        let held = Term::While {
            problem: "P-2307288".to_owned(),
            longest: flags::step::LONGEST_HOLD,
        };
        said.say(
            5,
            "slowResponsesEnabled",
            ("shed load", AuthorKind::Rule),
            "The checkout fails",
            &set(slow, held),
        );
        let ramp = Target::Ramp {
            to: said.declarations.flags["errorRate"]
                .value(&json!(0.02))
                .unwrap(),
            duration: SignedDuration::from_mins(10),
        };
        let machine = ("dynatrace", AuthorKind::Machine);
        said.say(5, "errorRate", machine, "Ease off", &set(ramp, Term::Stays));
        for (minutes, value) in [(9, false), (8, true), (7, false)] {
            let cached = to(json!(value), "cacheEnabled", &said);
            said.say(
                minutes,
                "cacheEnabled",
                person,
                "Try it",
                &set(cached, Term::Stays),
            );
        }
        said
    }

    pub(crate) fn now(&self) -> Vec<FlagNow<'_>> {
        let flags = self.declarations.flags.values();
        let now = flags.map(|declaration| FlagNow {
            declaration,
            state: self.states.get(&declaration.name),
            entry: self
                .entries
                .iter()
                .rfind(|entry| entry.record.flag == declaration.name),
            history: Some(format!("/changes/{}", declaration.name)),
        });
        now.collect()
    }

    fn written(&self, flag: &str) -> Vec<Written> {
        let entries = self.entries.iter().rev();
        let entries = entries.filter(|entry| entry.record.flag == flag);
        let entries: Vec<&Entry> = entries.collect();
        let before = entries.iter().skip(1).copied().map(Some).chain([None]);
        let written = entries.iter().copied().zip(before);
        let written = written.map(|(entry, before)| Written {
            entry: entry.clone(),
            changed: changed(before, entry),
            compared: (entry.record.version > 1).then(|| "/changes/x?from=1&to=2".to_owned()),
        });
        written.collect()
    }
}

fn ago(minutes: i64) -> Timestamp {
    FRAME.now - SignedDuration::from_mins(minutes)
}

pub(crate) fn changes(flags: &[FlagNow<'_>]) -> String {
    page::changes(&FRAME, &of(flags))
}

fn of<'a>(flags: &'a [FlagNow<'a>]) -> Changes<'a> {
    Changes {
        set: "prod",
        flags,
        json: Some("/changes.json"),
    }
}

fn with_history<T>(
    said: &Said,
    flag: &str,
    entries: &[Written],
    show: impl Fn(&Frame<'_>, &FlagHistory<'_>) -> T,
) -> T {
    let now = said.now();
    let history = FlagHistory {
        set: "prod",
        flag,
        now: now.iter().find(|now| now.declaration.name == flag),
        entries,
        compared: match entries {
            [newest, before, ..] => Some((&before.entry, &newest.entry)),
            _ => None,
        },
        newest: None,
        older: Some("/changes/x?before=1"),
        json: Some("/changes/x.json"),
    };
    show(&FRAME, &history)
}

/// The pages of flags, for what is said of all pages.
pub(crate) fn pages() -> Vec<String> {
    let said = Said::of_every_kind();
    let mut pages = vec![changes(&said.now()), changes(&[])];
    for flag in ["cacheEnabled", "promotionalPercent", "oldCheckout"] {
        let written = said.written(flag);
        pages.push(with_history(&said, flag, &written, page::flag));
    }
    pages
}

/// The rows of a page's first table, a line each.
fn rows(page: &str) -> Vec<String> {
    let (_, body) = page.split_once("<tbody>").unwrap();
    let (body, _) = body.split_once("</tbody>").unwrap();
    let rows = body.split("</tr>").filter(|row| !row.is_empty());
    let text = |row: &str| {
        let mut text = String::new();
        for part in row.split('<') {
            let (tag, words) = part.split_once('>').unwrap_or(("", part));
            match tag {
                "/td" | "/th" => text.push_str(" | "),
                "br" => text.push_str("; "),
                _ => {}
            }
            text.push_str(words);
        }
        text.trim_end_matches(" | ").replace("&quot;", "\"")
    };
    rows.map(text).collect()
}

#[test]
fn flag_is_told_with_its_value_its_end_and_who_wanted_it() {
    let said = Said::of_every_kind();

    let rows = rows(&changes(&said.now()));

    assert_eq!(
        rows,
        [
            "cacheEnabled | false; declared true | somebody changes it | ann; 7 min ago | Try it",
            "errorRate | 0.07; declared 0.12 | moves to 0.02 by 2026-01-09 16:17 UTC; \
             somebody changes it | dynatrace (a program); 5 min ago | Ease off",
            "oldCheckout | false; switched off | somebody changes it | nobody touched it | ",
            "promoSocks | on for 25 % of users, off for the others | somebody changes it | \
             nobody touched it | ",
            "promotionalPercent; How many percent of carts get the discount | 50; declared 0 | \
             2026-01-09 16:42 UTC; in 30 min; then 0 | ann; 10 min ago | The campaign of the week",
            "slowResponsesEnabled | true; declared false | P-2307288 is over; at the latest \
             2026-01-10 16:07 UTC, in 23 h 55 min; then false | shed load (a rule); 5 min ago | \
             The checkout fails; because of P-2307288",
        ]
        .map(|row| row.trim_end_matches(" | ").to_owned())
    );
}

#[test]
fn history_tells_what_happened_newest_first_and_what_differs() {
    let said = Said::of_every_kind();
    let written = said.written("cacheEnabled");

    let page = with_history(&said, "cacheEnabled", &written, page::flag);

    assert_eq!(
        rows(&page),
        [
            "version | 2 | 3",
            "value | true | false",
            "at | 2026-01-09T16:04:00Z | 2026-01-09T16:05:00Z",
        ]
    );
    let (_, history) = page.split_once("History</h2>").unwrap();
    let happened: Vec<String> = rows(history)
        .iter()
        .map(|row| row.splitn(3, " | ").take(2).collect::<Vec<_>>().join(" | "))
        .collect();
    assert_eq!(
        happened,
        [
            "Set from true to false | value: true → false",
            "Set from false to true | value: false → true",
            "Set from true to false | value: true → false"
        ]
    );
    assert!(page.contains("these are as they were written"));
}

#[test]
fn history_tells_what_each_change_changed() {
    let said = Said::of_every_kind();
    let told = |flag| {
        let page = with_history(&said, flag, &said.written(flag), page::flag);
        let (_, history) = page.split_once("History</h2>").unwrap();
        let row = rows(history).remove(0);
        row.split(" | ").nth(1).unwrap().to_owned()
    };

    assert_eq!(
        told("promotionalPercent"),
        "value: 0 → 50; until: - → 2026-01-09T16:42:00Z"
    );
    assert_eq!(
        told("errorRate"),
        "moves to: - → 0.02 by 2026-01-09T16:17:00Z"
    );
}

#[test]
fn history_that_was_altered_says_so() {
    let said = Said::of_every_kind();
    let mut written = said.written("cacheEnabled");
    written[1].entry.record.why = "another reason".to_owned();

    let page = with_history(&said, "cacheEnabled", &written, page::flag);
    let document = with_history(&said, "cacheEnabled", &written, json::flag);

    let told = "This history is not what was written: version 2 was altered.";
    assert!(page.contains(told), "{page}");
    let document: Value = serde_json::from_str(&document).unwrap();
    assert_eq!(document["broken"], "version 2 was altered");
}

#[test]
fn documents_of_flags_are_what_the_schema_says() {
    let said = Said::of_every_kind();
    let now = said.now();
    let document: Value = serde_json::from_str(&json::changes(&FRAME, &of(&now))).unwrap();
    schema::assert_is("Changes", &document);

    assert_eq!(document["flags"][1]["value"], 0.07);
    assert_eq!(document["flags"][1]["movesTo"], 0.02);
    assert_eq!(document["flags"][3]["value"], Value::Null);
    assert_eq!(document["flags"][4]["then"], 0);
    assert_eq!(document["flags"][5]["problems"], json!(["P-2307288"]));
    for flag in ["cacheEnabled", "errorRate", "promoSocks"] {
        let written = said.written(flag);
        let document = with_history(&said, flag, &written, json::flag);
        schema::assert_is("FlagHistory", &serde_json::from_str(&document).unwrap());
    }
}

/// Everything that a person writes into a change is this.
pub(crate) fn pages_named(name: &str) -> Vec<String> {
    let mut said =
        Said::nothing(r#"{ "flags": { "greeting": { "type": "string", "default": "Hello" } } }"#);
    let flag = said.declarations.flags.get_mut("greeting").unwrap();
    flag.description = Some(name.to_owned());
    // Longer ones are refused where they are written.
    let text: String = name.chars().take(4_000).collect();
    let value = flag.value(&json!(text)).unwrap();
    let event = Event::Set {
        to: Target::Value(value),
        term: Term::While {
            problem: name.to_owned(),
            longest: flags::step::LONGEST_HOLD,
        },
    };
    said.say(5, "greeting", (name, AuthorKind::Person), name, &event);
    let written = said.written("greeting");
    let now = said.now();
    vec![
        changes(&now),
        with_history(&said, "greeting", &written, page::flag),
    ]
}
