use std::collections::BTreeSet;

use jiff::SignedDuration;
use lint::{Message, Severity};

use super::read;
use crate::declaration::{
    Audience, Declaration, Declarations, EventPolicy, Fractional, MissingKey, Share,
};
use crate::value::{Kind, Value};

const CLEAN: &str = r#"{
  "flags": {
    "percent": { "type": "integer", "default": 5, "min": 0, "max": 100 },
    "gift": {
      "type": "boolean", "default": false,
      "rollout": { "variant": "on", "otherwise": "off", "percentOf": "percent" }
    }
  },
  "presets": { "calm": { "set": { "percent": 0 } } }
}"#;

fn linted(source: &str) -> Vec<String> {
    let reading = read(source);
    let refused = reading
        .messages
        .iter()
        .any(|one| one.severity == Severity::Error);
    assert_eq!(reading.declarations.is_none(), refused);
    let line = |one: &Message| {
        format!(
            "{} {} {}: {} => {}",
            one.position, one.severity, one.path, one.problem, one.fix
        )
    };
    reading.messages.iter().map(line).collect()
}

/// Replaces a part of the clean file and compares what the linter says.
#[track_caller]
fn check(part: &str, replacement: &str, expected: &[&str]) {
    assert!(CLEAN.contains(part), "{part}");
    assert_eq!(linted(&CLEAN.replacen(part, replacement, 1)), expected);
}

fn declared(source: &str) -> Declarations {
    let reading = read(source);
    let declarations = reading.declarations;
    declarations.unwrap_or_else(|| panic!("{:#?}", reading.messages))
}

fn flag(fields: &str) -> Declaration {
    let source = format!(r#"{{ "flags": {{ "it": {{ {fields} }} }} }}"#);
    declared(&source).flags.remove("it").unwrap()
}

#[test]
fn clean_file_gives_no_message() {
    check("calm", "calm", &[]);
}

#[test]
fn example_gives_no_message_and_has_the_flags_of_the_guide() {
    let example = include_str!("../../examples/flags.json");
    assert_eq!(linted(example), [""; 0]);

    let declarations = declared(example);
    let told = |name: &str| {
        let flag = &declarations.flags[name];
        (flag.kind, flag.default.to_string())
    };
    for (name, kind, default) in [
        ("errorInjectionEnabled", Kind::Boolean, "true"),
        ("slowResponsesEnabled", Kind::Boolean, "true"),
        ("circuitBreakerEnabled", Kind::Boolean, "false"),
        ("rateLimitingEnabled", Kind::Boolean, "false"),
        ("cacheEnabled", Kind::Boolean, "true"),
        ("canaryTrafficPercent", Kind::Integer, "0"),
        ("errorRate", Kind::Number, "0.12"),
        ("promotionalPercent", Kind::Integer, "0"),
    ] {
        assert_eq!(told(name), (kind, default.to_owned()), "{name}");
    }
    let campaign = &declarations.flags["promotionalPercent"];
    assert_eq!(campaign.events, EventPolicy::Require);
    assert_eq!(declarations.presets["defensiveMode"].set.len(), 3);
}

#[test]
fn every_field_is_read() {
    let flag = flag(
        r#""type": "string", "default": "a", "description": "d", "allowed": ["a", "b"],
        "variants": { "first": "a", "second": "b" },
        "targeting": { "if": [{ "==": [{ "var": "country" }, "CA"] }, "first", "second"] },
        "disabled": true, "offValue": "b", "public": true, "harmless": true, "events": "require",
        "touches": { "etype": "SERVICE", "tags": [
            { "context": "AWS", "key": "app", "value": "x" }, { "context": "CONTEXTLESS", "key": "y" }
        ] },
        "rateLimit": { "changes": 2, "within": "5m" }, "lease": { "default": "30m", "longest": "4h" }"#,
    );
    assert_eq!(flag.variants["second"], Value::String("b".to_owned()));
    assert!(matches!(flag.audience, Audience::Targeting(_)));
    assert_eq!(flag.off, Some(Value::String("b".to_owned())));
    assert!(flag.public && flag.harmless);
    assert_eq!(flag.events, EventPolicy::Require);
    let touches = flag.touches.unwrap();
    let tags: Vec<String> = touches.tags.iter().map(ToString::to_string).collect();
    assert_eq!(
        (touches.etype.as_str(), tags),
        ("SERVICE", vec!["[AWS]app:x".to_owned(), "y".to_owned()])
    );
    assert_eq!(
        (flag.rate.changes, flag.rate.within),
        (2, SignedDuration::from_mins(5))
    );
    assert_eq!(flag.lease.default, Some(SignedDuration::from_mins(30)));
    assert_eq!(flag.lease.longest, SignedDuration::from_hours(4));
}

#[test]
fn options_are_read_and_have_defaults() {
    let defaults = declared(CLEAN).options;
    assert_eq!(defaults.fractional, Fractional::V3);
    assert_eq!(defaults.missing_key, MissingKey::Default);
    let source = CLEAN.replacen('{', r#"{ "fractional": "v2", "missingKey": "error","#, 1);
    let options = declared(&source).options;
    assert_eq!(options.fractional, Fractional::V2);
    assert_eq!(options.missing_key, MissingKey::Error);
}

#[test]
fn boolean_has_the_variants_that_everybody_knows() {
    let names: BTreeSet<String> = flag(r#""type": "boolean", "default": true"#)
        .variants
        .into_keys()
        .collect();
    assert_eq!(names, BTreeSet::from(["off".to_owned(), "on".to_owned()]));
}

#[test]
fn share_may_be_another_flag() {
    let Audience::Rollout(rollout) = &declared(CLEAN).flags["gift"].audience else {
        panic!("there is a rollout");
    };
    assert_eq!(rollout.share, Share::Flag("percent".to_owned()));
}

#[test]
fn wrong_values_are_errors_at_their_place() {
    check(
        r#""default": 5"#,
        r#""default": "5""#,
        &[
            "3:48 error $.flags.percent.default: expected integer, found a text => write a value of the type of the flag",
        ],
    );
    check(
        r#""default": 5"#,
        r#""default": 101"#,
        &[
            "3:48 error $.flags.percent.default: 101 is above the largest value, 100 => choose another value, or change the bounds of the flag",
        ],
    );
    check(
        r#""percent": 0 }"#,
        r#""percent": 10.5 }"#,
        &[
            "9:46 error $.presets.calm.set.percent: expected integer, found a number with a fraction => write a value of the type of the flag",
        ],
    );
}

#[test]
fn event_that_is_required_belongs_to_an_entity() {
    check(
        r#""default": 5"#,
        r#""default": 5, "events": "require""#,
        &[
            "3:61 error $.flags.percent.events: an event is required that belongs to no entity => say what the flag touches",
        ],
    );
}

#[test]
fn misspelled_words_are_errors_with_the_right_one() {
    check(
        r#""default": 5"#,
        r#""defualt": 5"#,
        &[
            "3:16 error $.flags.percent: `default` is missing => add `\"default\": …`",
            "3:37 error $.flags.percent.defualt: unknown field \"defualt\" => did you mean `default`?",
        ],
    );
    check(
        "\"integer\"",
        "\"integr\"",
        &["3:26 error $.flags.percent.type: `integr` is not known here => did you mean `integer`?"],
    );
    check(
        r#""percentOf": "percent""#,
        r#""percentOf": "precent""#,
        &[
            "6:70 error $.flags.gift.rollout.percentOf: there is no flag `precent` => did you mean `percent`?",
        ],
    );
    check(
        r#""variant": "on""#,
        r#""variant": "onn""#,
        &[
            "6:31 error $.flags.gift.rollout.variant: there is no variant `onn` => did you mean `on`?",
        ],
    );
    check(
        r#""set": { "percent""#,
        r#""set": { "percnt""#,
        &[
            "9:35 error $.presets.calm.set.percnt: there is no flag `percnt` => did you mean `percent`?",
        ],
    );
}

#[test]
fn names_that_cannot_be_asked_for_are_errors() {
    for name in ["Percent", "per/cent", "__proto__", "", &"p".repeat(65)] {
        let told = linted(&format!(
            r#"{{ "flags": {{ "{name}": {{ "type": "integer", "default": 5 }} }} }}"#
        ));
        let is_comment = name.starts_with('_');
        let expected = if is_comment {
            "declares no flag"
        } else {
            "cannot be part of an address"
        };
        assert!(
            told.iter().any(|line| line.contains(expected)),
            "{name}: {told:?}"
        );
    }
}

#[test]
fn contradictions_are_errors() {
    check(
        r#""min": 0, "max": 100"#,
        r#""min": 9, "max": 1"#,
        &[
            "3:48 error $.flags.percent.default: 5 is below the least value, 9 => choose another value, or change the bounds of the flag",
            "3:51 error $.flags.percent.min: no value is at least 9 and at most 1 => swap `min` and `max`",
            "9:46 error $.presets.calm.set.percent: 0 is below the least value, 9 => choose another value, or change the bounds of the flag",
        ],
    );
    check(
        r#", "min": 0, "max": 100"#,
        "",
        &[
            "6:70 error $.flags.gift.rollout.percentOf: `percent` is not bounded by 0 and 100 => give it the type `integer` or `number`, `\"min\": 0` and `\"max\": 100`",
        ],
    );
    check(
        r#""percentOf": "percent" }"#,
        r#""percentOf": "percent", "percent": 5 }"#,
        &[
            "6:18 error $.flags.gift.rollout: exactly one of `percent` and `percentOf` says how large the share is => write a number, or name the flag that holds it",
        ],
    );
    check(
        r#""percentOf": "percent" }"#,
        r#""percent": 101 }"#,
        &[
            "6:68 error $.flags.gift.rollout.percent: 101 percent of all users are not a share of them => write a number from 0 to 100",
        ],
    );
    check(
        "\"default\": false,",
        "\"default\": false, \"targeting\": { \"var\": \"a\" },",
        &[
            "5:57 error $.flags.gift.targeting: there is a rollout and a rule, and both say who is answered what => remove one, or write the share into the rule: `{ \"fractional\": … }`",
        ],
    );
    check(
        "\"default\": false,",
        "\"default\": false, \"min\": 0,",
        &[
            "5:44 error $.flags.gift.min: a boolean has no least and no largest value => remove the bound, or list the values in `allowed`",
        ],
    );
}

#[test]
fn rules_and_times_are_held_to_what_is_understood() {
    for (fields, expected) in [
        (
            r#""targeting": { "starts_wiht": ["a", "b"] }"#,
            "the operator `starts_wiht` is not understood => did you mean `starts_with`?",
        ),
        (
            r#""lease": { "default": "soon" }"#,
            "`soon` is no time between a second and a year => write `90s`, `30m` or `4h` for example",
        ),
        (
            r#""lease": { "default": "5h", "longest": "4h" }"#,
            "trials would last longer by default than they may at most => shorten `default`, or extend `longest`",
        ),
        (
            r#""rateLimit": { "changes": 0 }"#,
            "a limit is a whole number from 1 to 20 => write how many changes are allowed",
        ),
        (
            r#""public": "yes""#,
            "expected true or false, found a text => write `true` or `false` without quotes",
        ),
        (
            r#""touches": { "etype": "Service" }"#,
            "`Service` is no type of entity => write it as Dynatrace does, `PROCESS_GROUP_INSTANCE` for example",
        ),
        (
            r#""variants": { "current": true }"#,
            "this name stands for the value that nobody named => call the variant something else",
        ),
        (
            r#""allowed": []"#,
            "no value is allowed => list the values, or remove the field",
        ),
    ] {
        let told = linted(&format!(
            r#"{{ "flags": {{ "it": {{ "type": "boolean", "default": true, {fields} }} }} }}"#
        ));
        assert!(
            told.iter().any(|line| line.ends_with(expected)),
            "{fields}: {told:#?}"
        );
    }
}

#[test]
fn file_without_flags_is_an_error() {
    assert_eq!(
        linted("{}"),
        [
            "1:1 error $: the file declares no flag => add one: `\"flags\": { \"<name>\": { \"type\": \"boolean\", \"default\": false } }`"
        ]
    );
}
