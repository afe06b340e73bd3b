use flags::step::Target;
use flags::{Declarations, Value};

use super::*;
use crate::rule::read;

const FLAGS: &str = include_str!("../../../../flags/examples/flags.json");

/// A set of flags that rules, problems and people have their way with.
struct World {
    declared: Declarations,
    states: BTreeMap<String, FlagState>,
    rule: Rule,
    blamed: BTreeSet<String>,
    taken: BTreeMap<String, String>,
    followed: Vec<Timestamp>,
}

fn minute(minute: i64) -> Timestamp {
    Timestamp::from_second(1_700_000_000 + minute * 60).unwrap()
}

impl World {
    /// With a rule that does this.
    fn of(does: &str) -> Self {
        let source = format!(r#"{{"rules": {{"r": {{"when": {{"minServices": 1}}, {does}}}}}}}"#);
        let declared = flags::read(FLAGS).declarations.unwrap();
        let rules = read(&source, Some(&declared)).rules.unwrap();
        Self {
            rule: rules["r"].clone(),
            declared,
            states: BTreeMap::new(),
            blamed: BTreeSet::new(),
            taken: BTreeMap::new(),
            followed: Vec::new(),
        }
    }

    fn flags(&self) -> FlagSet<'_> {
        FlagSet {
            name: "prod",
            revision: 1,
            declarations: &self.declared,
            states: &self.states,
            stale: false,
        }
    }

    fn setting<'a>(&'a self, problem: &'a str, at: i64) -> Setting<'a> {
        Setting {
            id: "r",
            rule: &self.rule,
            problem,
            blamed: &self.blamed,
            taken: &self.taken,
            followed: &self.followed,
            only_look: false,
            now: minute(at),
        }
    }

    fn write(&mut self, flags: Vec<(String, Transition)>) {
        for (flag, transition) in flags {
            self.states.insert(flag, transition.state);
        }
    }

    fn set(&mut self, problem: &str, at: i64) -> Set {
        let Written { flags, means } = set(self.setting(problem, at), &self.flags());
        if !flags.is_empty() {
            self.followed.push(minute(at));
        }
        self.write(flags);
        means
    }

    fn give_back(&mut self, problem: &str, flag: &str, at: i64) -> Back {
        let Written { flags, mut means } =
            give_back(("r", problem), [flag], &self.flags(), minute(at));
        self.write(flags);
        means.remove(flag).unwrap()
    }

    fn person(&mut self, flag: &str, value: Value, at: i64) {
        let event = Event::Set {
            to: Target::Value(value),
            term: Term::Stays,
        };
        let request = Request {
            by: Author {
                name: "ann".to_owned(),
                kind: AuthorKind::Person,
            },
            ..request("r", None, format!("ann-{at}"), "P-0")
        };
        self.change(flag, &request, &event, at);
    }

    /// A problem is blamed on what a person set then.
    fn take_back(&mut self, flag: &str, set_at: i64, at: i64) {
        let change = format!("ann-{set_at}");
        let request = request("heal", None, flags::taken_back_by(&change), "P-0");
        self.change(
            flag,
            &request,
            &Event::TakeBack {
                change,
                began: None,
            },
            at,
        );
    }

    fn change(&mut self, flag: &str, request: &Request, event: &Event, at: i64) {
        let untouched = FlagState::default();
        let state = self.states.get(flag).unwrap_or(&untouched);
        let flags = self.flags();
        let situation = situation(&flags, &self.declared.flags[flag], state, minute(at));
        let Outcome::Written(transition) = step(situation, request, event) else {
            panic!("it is changed");
        };
        self.write(vec![(flag.to_owned(), *transition)]);
    }

    fn value(&self, flag: &str, at: i64) -> Value {
        let state = self.states.get(flag).cloned().unwrap_or_default();
        state.value(&self.declared.flags[flag], minute(at))
    }
}

const OFF: &str = r#""set": {"errorInjectionEnabled": false}"#;
const FLAG: &str = "errorInjectionEnabled";

fn is_set(before: bool, after: bool) -> Set {
    let set = Became::Set {
        before: Value::Boolean(before),
        after: Value::Boolean(after),
    };
    Set::Done([(FLAG.to_owned(), set)].into())
}

fn already() -> Set {
    Set::Done([(FLAG.to_owned(), Became::Already)].into())
}

#[test]
fn flag_is_set_while_the_problem_is_open_and_given_back_once() {
    let mut world = World::of(OFF);

    assert_eq!(world.set("P-1", 0), is_set(true, false));
    assert_eq!(
        world.set("P-1", 1),
        already(),
        "a crash before it was noted"
    );
    assert_eq!(world.value(FLAG, 700), Value::Boolean(false));
    let given = Back::Given {
        value: Value::Boolean(true),
    };
    assert_eq!(world.give_back("P-1", FLAG, 700), given);
    assert_eq!(world.give_back("P-1", FLAG, 701), given, "the same crash");
    assert_eq!(world.states[FLAG].version, 2);
    // It opens again, and an older worker comes late.
    assert_eq!(world.set("P-1", 702), already());
    assert_eq!(world.value(FLAG, 702), Value::Boolean(true));
}

#[test]
fn what_a_person_said_meanwhile_stays() {
    let mut world = World::of(OFF);
    world.set("P-1", 0);
    world.person(FLAG, Value::Boolean(false), 10);

    let Back::Superseded { by } = world.give_back("P-1", FLAG, 20) else {
        panic!("ann said something later");
    };

    assert_eq!(by.by.name, "ann");
    assert_eq!(world.value(FLAG, 20), Value::Boolean(false));
    let again = world.give_back("P-1", FLAG, 21);
    assert_eq!(
        again,
        Back::Superseded { by },
        "a crash before it was noted"
    );
}

#[test]
fn what_the_watch_gave_back_first_is_given_back() {
    let mut world = World::of(OFF);
    world.person(FLAG, Value::Boolean(false), 0);
    world.person(FLAG, Value::Boolean(true), 1);
    world.set("P-1", 5);
    let watch = Request {
        by: Author {
            name: "the clock".to_owned(),
            kind: AuthorKind::Clock,
        },
        problem: None,
        ..request("r", None, "any".to_owned(), "P-1")
    };
    let problem = "P-1".to_owned();
    world.change(FLAG, &watch, &Event::Closed { problem }, 10);

    let value = Value::Boolean(true);
    assert_eq!(world.give_back("P-1", FLAG, 11), Back::Given { value });
    world.person(FLAG, Value::Boolean(false), 12);
    let Back::Superseded { by } = world.give_back("P-1", FLAG, 13) else {
        panic!("ann said something after it was given back");
    };
    assert_eq!(by.at, minute(12));
}

#[test]
fn what_was_blamed_with_its_mitigation_is_said_to_be() {
    let mut world = World::of(r#""set": {"circuitBreakerEnabled": true}"#);
    let flag = "circuitBreakerEnabled";
    world.person(flag, Value::Boolean(true), 0);
    world.person(flag, Value::Boolean(false), 1);
    world.set("P-1", 5);
    world.take_back(flag, 1, 6);

    assert_eq!(world.give_back("P-1", flag, 10), Back::Blamed);
}

#[test]
fn older_word_of_a_person_does_not_supersede_what_the_clock_ended() {
    let mut world = World::of(OFF);
    world.person(FLAG, Value::Boolean(false), 0);
    world.person(FLAG, Value::Boolean(true), 1);
    world.set("P-1", 5);

    assert_eq!(world.give_back("P-1", FLAG, 5 + 1440), Back::Ended);
}

#[test]
fn clock_ends_what_a_rule_holds_after_its_ttl_or_a_day() {
    for (ttl, ends) in [("", 1440), (r#", "ttl": "90m""#, 90)] {
        let mut world = World::of(&format!("{OFF}{ttl}"));
        world.set("P-1", 0);
        assert_eq!(world.value(FLAG, ends - 1), Value::Boolean(false));
        assert_eq!(world.value(FLAG, ends), Value::Boolean(true));
        assert_eq!(world.give_back("P-1", FLAG, ends + 1), Back::Ended);
    }
}

#[test]
fn several_problems_hold_together() {
    let mut world = World::of(OFF);
    world.set("P-1", 0);
    world.set("P-2", 1);

    assert_eq!(world.give_back("P-1", FLAG, 2), Back::Shared);
    assert_eq!(world.value(FLAG, 3), Value::Boolean(false));
    let given = Back::Given {
        value: Value::Boolean(true),
    };
    assert_eq!(world.give_back("P-2", FLAG, 4), given);
}

#[test]
fn what_is_blamed_or_taken_is_left_alone_and_the_rest_is_set() {
    let mut world = World::of(r#""preset": "defensiveMode""#);
    world.blamed.insert("circuitBreakerEnabled".to_owned());
    world.taken.insert(FLAG.to_owned(), "other".to_owned());

    let Set::Done(became) = world.set("P-1", 0) else {
        panic!("it can be done");
    };

    assert_eq!(became["circuitBreakerEnabled"], Became::Blamed);
    let by = "other".to_owned();
    assert_eq!(became[FLAG], Became::Taken { by });
    assert!(matches!(became["slowResponsesEnabled"], Became::Set { .. }));
    assert_eq!(world.states.len(), 1);
}

#[test]
fn what_was_blamed_for_another_problem_is_left_alone_until_a_person_changes_it() {
    let mut world = World::of(OFF);
    world.person(FLAG, Value::Boolean(false), 0);
    world.take_back(FLAG, 0, 5);
    assert_eq!(world.value(FLAG, 5), Value::Boolean(true));

    let blamed = Set::Done([(FLAG.to_owned(), Became::Blamed)].into());
    assert_eq!(world.set("P-1", 10), blamed);
    assert_eq!(world.value(FLAG, 10), Value::Boolean(true));

    world.person(FLAG, Value::Boolean(false), 20);
    world.person(FLAG, Value::Boolean(true), 25);
    assert_eq!(world.set("P-2", 30), is_set(true, false));
}

#[test]
fn what_was_set_before_it_was_blamed_is_given_back() {
    let mut world = World::of(OFF);
    world.set("P-1", 0);
    world.blamed.insert(FLAG.to_owned());

    assert_eq!(
        world.set("P-1", 1),
        already(),
        "a crash before it was noted"
    );
    world.give_back("P-1", FLAG, 2);
    assert_eq!(world.value(FLAG, 3), Value::Boolean(true));
}

#[test]
fn all_flags_are_set_or_none() {
    let mut world = World::of(r#""set": {"cacheEnabled": false, "errorInjectionEnabled": false}"#);
    let flag = world.declared.flags.get_mut(FLAG).unwrap();
    flag.kind = flags::Kind::Integer;

    let Set::Refused(why) = world.set("P-1", 0) else {
        panic!("one of them is no boolean any more");
    };

    assert!(why.starts_with("`errorInjectionEnabled`: "), "{why}");
    assert_eq!(world.states.len(), 0);
}

#[test]
fn flag_of_a_preset_that_is_not_declared_is_refused() {
    let mut world = World::of(r#""preset": "defensiveMode""#);
    world.declared.flags.remove(FLAG);

    let why = format!("Unknown feature flag: {FLAG}");
    assert_eq!(world.set("P-1", 0), Set::Refused(why));
    assert_eq!(world.states.len(), 0);
}

#[test]
fn rule_is_followed_so_often_a_day_and_what_is_done_counts_once() {
    let mut world = World::of(&format!(r#"{OFF}, "maxPerDay": 2"#));
    world.set("P-1", 0);
    world.give_back("P-1", FLAG, 1);
    world.set("P-2", 60);
    assert_eq!(world.set("P-2", 60), already());
    world.give_back("P-2", FLAG, 61);

    let Set::Refused(why) = world.set("P-3", 120) else {
        panic!("it is the third time");
    };
    assert_eq!(
        why,
        "the rule was followed 2 times in 24 hours, and may be 2 times"
    );
    assert_eq!(world.set("P-3", 1440), is_set(true, false));
}

#[test]
fn nothing_is_set_where_it_is_only_looked_and_what_was_is_found() {
    let mut world = World::of(OFF);
    let look = |world: &World| {
        let setting = Setting {
            only_look: true,
            ..world.setting("P-1", 1)
        };
        set(setting, &world.flags())
    };

    let written = look(&world);
    assert_eq!(written.flags, []);
    assert_eq!(written.means, Set::Done(BTreeMap::new()));
    world.set("P-1", 0);
    let written = look(&world);
    assert_eq!(written.flags, []);
    assert_eq!(written.means, already());
}

#[test]
fn rule_that_gives_nothing_back_sets_for_good_or_for_a_time() {
    let mut campaign = World::of(r#""set": {"promotionalPercent": 0}, "restore": "never""#);
    campaign.person("promotionalPercent", Value::Integer(50), 0);
    campaign.set("P-1", 1);
    assert_eq!(
        campaign.value("promotionalPercent", 1_000_000),
        Value::Integer(0)
    );

    let mut ramp = World::of(
        r#""ramp": {"flag": "errorRate", "to": 0.02, "duration": "10m"},
           "restore": "never", "ttl": "1h""#,
    );
    ramp.set("P-1", 0);
    assert_eq!(ramp.value("errorRate", 5), Value::Number(0.07));
    assert_eq!(ramp.value("errorRate", 59), Value::Number(0.02));
    assert_eq!(ramp.value("errorRate", 60), Value::Number(0.12));
}
