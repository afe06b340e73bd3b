use jiff::SignedDuration;
use proptest::prelude::*;

use super::*;
use crate::audit::Cause;
use crate::read::read;
use crate::state::{Author, AuthorKind};
use crate::step::{Event, Outcome, Request, Situation, Target, Term, step};

const FILE: &str = r#"{
  "flags": {
    "campaign": { "type": "integer", "default": 0, "min": 0, "max": 100 },
    "gift": {
      "type": "boolean", "default": false, "public": true,
      "rollout": { "variant": "on", "otherwise": "off", "percentOf": "campaign" }
    },
    "canary": { "type": "integer", "default": 0 },
    "off": { "type": "string", "default": "a", "disabled": true, "offValue": "b" },
    "plan": {
      "type": "string", "default": "x", "variants": { "paid": "y", "trial": "z" },
      "targeting": { "if": [{ "==": [{ "var": "plan" }, "gold"] }, "paid", { "var": "variant" }] }
    },
    "rate": { "type": "number", "default": 10 },
    "promoSocks": {
      "type": "boolean", "default": false,
      "targeting": { "fractional": [["on", 2500], ["off", 7500]] }
    }
  }
}"#;

struct World {
    declarations: Declarations,
    states: BTreeMap<String, State>,
    rules: Rules,
}

impl World {
    fn new(file: &str) -> Self {
        Self {
            declarations: read(file).declarations.unwrap(),
            states: BTreeMap::new(),
            rules: Rules::default(),
        }
    }

    fn set(&self) -> Set<'_> {
        Set {
            name: "prod",
            revision: 12,
            declarations: &self.declarations,
            states: &self.states,
            stale: false,
        }
    }

    fn say(&mut self, flag: &str, to: Target, term: Term) {
        let state = self.states.entry(flag.to_owned()).or_default();
        let situation = Situation {
            set: "prod",
            flag: &self.declarations.flags[flag],
            state,
            now: second(0),
        };
        let request = Request {
            change: "c".to_owned(),
            batch: None,
            by: Author {
                name: "ann".to_owned(),
                kind: AuthorKind::Person,
            },
            why: String::new(),
            triggered_by: "manual".to_owned(),
            problem: None,
            expected: None,
        };
        match step(situation, &request, &Event::Set { to, term }) {
            Outcome::Written(transition) => *state = transition.state,
            other => panic!("{other:?}"),
        }
    }

    fn told(&self, flag: &str, context: &Json, now: Timestamp) -> String {
        let evaluation =
            self.set()
                .evaluate(&self.rules, flag, &context_of(context), |_| true, now);
        format!("{} {}", status(&evaluation), evaluation.to_json())
    }
}

/// The status that OFREP has for it.
fn status(evaluation: &Evaluation) -> u16 {
    match &evaluation.result {
        Ok(_) => 200,
        Err(Unresolved::FlagNotFound { .. }) => 404,
        Err(_) => 400,
    }
}

fn context_of(context: &Json) -> Context {
    Context::parse(json!({ "context": context }).to_string().as_bytes()).unwrap()
}

fn second(second: i64) -> Timestamp {
    Timestamp::from_second(1_700_000_000 + second).unwrap()
}

fn value(value: i64) -> Target {
    Target::Value(Value::Integer(value))
}

#[test]
fn answers_are_those_of_the_protocol() {
    let world = World::new(FILE);
    let user = json!({"targetingKey": "user-1"});
    for (flag, context, expected) in [
        (
            "canary",
            json!({}),
            r#"200 {"key":"canary","value":0,"reason":"STATIC","variant":"default","metadata":{"version":0,"flagSetId":"prod"}}"#,
        ),
        (
            "rate",
            json!({}),
            r#"200 {"key":"rate","value":10.0,"reason":"STATIC","variant":"default","metadata":{"version":0,"flagSetId":"prod"}}"#,
        ),
        (
            "off",
            json!({}),
            r#"200 {"key":"off","value":"b","reason":"DISABLED","variant":"current","metadata":{"version":0,"flagSetId":"prod"}}"#,
        ),
        (
            "plan",
            json!({"plan": "gold"}),
            r#"200 {"key":"plan","value":"y","reason":"TARGETING_MATCH","variant":"paid","metadata":{"version":0,"flagSetId":"prod"}}"#,
        ),
        (
            "plan",
            json!({}),
            r#"200 {"key":"plan","value":"x","reason":"UNKNOWN","variant":"default","metadata":{"version":0,"flagSetId":"prod"}}"#,
        ),
        (
            "plan",
            json!({"variant": "none"}),
            r#"400 {"key":"plan","errorCode":"GENERAL","errorDetails":"the rule of `plan` leads to no variant"}"#,
        ),
        // 544 of 10000.
        (
            "promoSocks",
            user.clone(),
            r#"200 {"key":"promoSocks","value":true,"reason":"SPLIT","variant":"on","metadata":{"version":0,"flagSetId":"prod"}}"#,
        ),
        (
            "promoSocks",
            json!({}),
            r#"200 {"key":"promoSocks","value":false,"reason":"UNKNOWN","variant":"off","metadata":{"version":0,"flagSetId":"prod"}}"#,
        ),
        (
            "gift",
            user,
            r#"200 {"key":"gift","value":false,"reason":"SPLIT","variant":"off","metadata":{"version":0,"flagSetId":"prod"}}"#,
        ),
        (
            "nope",
            json!({}),
            r#"404 {"key":"nope","errorCode":"FLAG_NOT_FOUND","errorDetails":"no flag `nope` in set `prod`"}"#,
        ),
    ] {
        assert_eq!(
            world.told(flag, &context, second(0)),
            expected,
            "{flag} {context}"
        );
    }
}

#[test]
fn missing_key_is_an_error_where_the_set_says_so() {
    let world = World::new(&FILE.replacen('{', r#"{ "missingKey": "error", "#, 1));
    for flag in ["gift", "promoSocks"] {
        assert_eq!(
            world.told(flag, &json!({}), second(0)),
            format!(
                r#"400 {{"key":"{flag}","errorCode":"TARGETING_KEY_MISSING","errorDetails":"`{flag}` needs a targetingKey"}}"#
            )
        );
    }
}

#[test]
fn what_somebody_said_wins_over_rules_and_is_static_only_while_it_stays() {
    let mut world = World::new(FILE);
    world.say("canary", value(10), Term::Stays);
    world.say("campaign", value(50), Term::Until(second(60)));
    let on = Target::Value(Value::Boolean(true));
    world.say("promoSocks", on, Term::Stays);
    let told = |flag: &str, now: i64| {
        let set = world.set();
        let evaluation = set.evaluate(
            &world.rules,
            flag,
            &context_of(&json!({})),
            |_| true,
            second(now),
        );
        let resolved = evaluation.result.unwrap();
        format!(
            "{} {} {} v{}",
            resolved.value,
            resolved.variant,
            resolved.reason.as_str(),
            resolved.version
        )
    };
    assert_eq!(told("canary", 0), "10 current STATIC v1");
    assert_eq!(told("campaign", 59), "50 current TARGETING_MATCH v1");
    // The trial ended, though nobody wrote it down.
    assert_eq!(told("campaign", 60), "0 default STATIC v1");
    assert_eq!(told("promoSocks", 0), "true on STATIC v1");
}

#[test]
fn bulk_is_sorted_and_its_tag_covers_who_asks_and_when() {
    let mut world = World::new(FILE);
    world.say("campaign", value(50), Term::Until(second(60)));
    let bulk = |context: Json, now| {
        world
            .set()
            .bulk(&world.rules, &context_of(&context), |_| true, second(now))
    };
    let gold = bulk(json!({"targetingKey": "user-1", "plan": "gold"}), 0);
    let free = bulk(json!({"targetingKey": "user-1", "plan": "free"}), 0);
    let later = bulk(json!({"targetingKey": "user-1", "plan": "gold"}), 60);
    let again = bulk(json!({"targetingKey": "user-1", "plan": "gold"}), 59);
    assert_ne!(gold.etag, free.etag);
    assert_ne!(gold.etag, later.etag);
    assert_eq!(gold, again);

    let body: Json = serde_json::from_str(&gold.body).unwrap();
    let keys: Vec<&str> = body["flags"]
        .as_array()
        .unwrap()
        .iter()
        .map(|flag| flag["key"].as_str().unwrap())
        .collect();
    assert_eq!(
        keys,
        [
            "campaign",
            "canary",
            "gift",
            "off",
            "plan",
            "promoSocks",
            "rate"
        ]
    );
    assert_eq!(
        body["metadata"],
        json!({"version": 12, "flagSetId": "prod"})
    );
}

#[test]
fn flags_that_a_caller_may_not_read_are_not_there() {
    let world = World::new(FILE);
    let sees = |flag: &Declaration| flag.public;
    let context = Context::default();
    let bulk = world.set().bulk(&world.rules, &context, sees, second(0));
    let body: Json = serde_json::from_str(&bulk.body).unwrap();
    assert_eq!(body["flags"].as_array().unwrap().len(), 1);
    let canary = world
        .set()
        .evaluate(&world.rules, "canary", &context, sees, second(0));
    assert_eq!(status(&canary), 404);
}

#[test]
fn tags_are_compared_weakly() {
    let etag = "\"8f\"";
    for (sent, is_known_already) in [
        ("\"8f\"", true),
        ("W/\"8f\"", true),
        ("\"00\", \"8f\"", true),
        ("*", true),
        ("\"00\"", false),
        ("8f", false),
        ("", false),
    ] {
        assert_eq!(is_known(sent, etag), is_known_already, "{sent}");
    }
}

#[test]
fn flagd_reads_what_holds_now() {
    let mut world = World::new(FILE);
    let duration = SignedDuration::from_secs(100);
    world.say(
        "campaign",
        Target::Ramp {
            to: Value::Integer(100),
            duration,
        },
        Term::Stays,
    );
    world.say("canary", value(10), Term::Stays);
    let at = |now| {
        let document = world.set().flagd(|_| true, second(now));
        serde_json::from_str::<Json>(&document.body).unwrap()
    };
    let document = at(25);
    assert_eq!(
        document["$schema"],
        "https://flagd.dev/schema/v0/flags.json"
    );
    assert_eq!(
        document["metadata"],
        json!({"flagSetId": "prod", "version": "12"})
    );
    for (flag, expected) in [
        (
            "canary",
            json!({"state": "ENABLED", "variants": {"current": 10, "default": 0}, "defaultVariant": "current"}),
        ),
        (
            "campaign",
            json!({"state": "ENABLED", "variants": {"current": 25, "default": 0}, "defaultVariant": "current"}),
        ),
        (
            "gift",
            json!({
                "state": "ENABLED", "variants": {"on": true, "off": false}, "defaultVariant": "off",
                "targeting": {"fractional": [["on", 2500], ["off", 7500]]},
            }),
        ),
        (
            "off",
            json!({"state": "ENABLED", "variants": {"current": "b", "default": "a"}, "defaultVariant": "current"}),
        ),
        (
            "rate",
            json!({"state": "ENABLED", "variants": {"default": 10.0}, "defaultVariant": "default"}),
        ),
        (
            "promoSocks",
            json!({
                "state": "ENABLED", "variants": {"on": true, "off": false}, "defaultVariant": "off",
                "targeting": {"fractional": [["on", 2500], ["off", 7500]]},
            }),
        ),
    ] {
        assert_eq!(document["flags"][flag], expected, "{flag}");
    }
    let tag = |now| world.set().flagd(|_| true, second(now)).etag;
    assert_eq!(tag(200), tag(300));
    assert_ne!(tag(25), tag(26));
}

#[test]
fn lease_of_a_campaign_ends_by_the_clock_for_each_user() {
    let mut world = World::new(FILE);
    world.say("campaign", value(100), Term::Until(second(60)));
    let is_in = |now| {
        world
            .told("gift", &json!({"targetingKey": "user-1"}), second(now))
            .contains("true")
    };
    assert!(is_in(59) && !is_in(60));
    assert!(!Cause::LeaseEnded.competes());
}

proptest! {
    /// Raising a percentage throws nobody out, and all users together are as many
    /// as it says.
    #[test]
    fn users_who_are_in_stay_in(user in "[a-z0-9@.]{1,30}", one in 0_i64..=100, other in 0_i64..=100) {
        let (less, more) = (one.min(other), one.max(other));
        let is_in = |percent: i64| {
            let mut world = World::new(FILE);
            if percent != 0 {
                world.say("campaign", value(percent), Term::Stays);
            }
            world.told("gift", &json!({ "targetingKey": user }), second(0)).contains("true")
        };
        prop_assert!(!is_in(less) || is_in(more));
        prop_assert!(is_in(100) && !is_in(0));
    }
}
