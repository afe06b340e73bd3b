use super::*;

fn chosen(rule: Json, generation: Fractional, flag: &str, context: &Json) -> Option<String> {
    let targeting = Targeting::new(rule).unwrap();
    let request = json!({ "context": context }).to_string();
    let context = Context::parse(request.as_bytes()).unwrap();
    let now = Timestamp::from_second(1_700_000_000).unwrap();
    Rules::default()
        .variant(&targeting, generation, flag, &context, now)
        .unwrap()
}

fn v2(rule: Json, context: &Json) -> Option<String> {
    chosen(rule, Fractional::V2, "it", context)
}

#[test]
fn rules_choose_as_their_operators_say() {
    let context = json!({
        "targetingKey": "user-1", "email": "a@faas.com", "country": "CA", "version": "2.1.3",
        "user": {"name": "jack"}, "age": 41,
    });
    for (rule, expected) in [
        (
            json!({"if": [{"==": [{"var": "country"}, "CA"]}, "on", "off"]}),
            Some("on"),
        ),
        (
            json!({"if": [{"in": [{"var": "country"}, ["US", "MX"]]}, "on", "off"]}),
            Some("off"),
        ),
        (
            json!({"if": [{"ends_with": [{"var": "email"}, "@faas.com"]}, "on", "off"]}),
            Some("on"),
        ),
        (
            json!({"if": [{"starts_with": [{"var": "email"}, "b@"]}, "on", "off"]}),
            Some("off"),
        ),
        (
            json!({"if": [{"sem_ver": [{"var": "version"}, ">=", "2.1.0"]}, "on", "off"]}),
            Some("on"),
        ),
        (
            json!({"if": [{"sem_ver": [{"var": "version"}, "^", "3.0.0"]}, "on", "off"]}),
            Some("off"),
        ),
        (
            json!({"if": [{"and": [{">": [{"var": "age"}, 40]}, {"!": [{"var": "gone"}]}]}, "on"]}),
            Some("on"),
        ),
        (json!({"if": [{">": [{"var": "age"}, 50]}, "on"]}), None),
        (json!({"cat": ["o", "n"]}), Some("on")),
        (json!({"var": "user.name"}), Some("jack")),
        (json!({"var": ["gone", "off"]}), Some("off")),
        (json!({"var": "$flagd.flagKey"}), Some("it")),
        (
            json!({"if": [{"==": [{"var": "$flagd.timestamp"}, 1_700_000_000]}, "on", "off"]}),
            Some("on"),
        ),
        // As flagd has it: a boolean is the name of a variant.
        (json!({"==": [{"var": "country"}, "CA"]}), Some("true")),
    ] {
        assert_eq!(v2(rule.clone(), &context).as_deref(), expected, "{rule}");
    }
}

/// Examples of the testbed, second generation.
#[test]
fn splits_of_the_testbed_are_met() {
    let cards = || {
        json!([
            ["clubs", 25],
            ["diamonds", 25],
            ["hearts", 25],
            ["spades", 25]
        ])
    };
    let seeded = |seed: Json| {
        let mut arguments = vec![json!({"cat": [seed, {"var": "user.name"}]})];
        arguments.extend(cards().as_array().unwrap().clone());
        json!({ "fractional": arguments })
    };
    let by_flag = || seeded(json!({"var": "$flagd.flagKey"}));
    for (name, expected) in [
        ("jack", "hearts"),
        ("queen", "spades"),
        ("ten", "clubs"),
        ("nine", "diamonds"),
        ("3", "clubs"),
    ] {
        let context = json!({"user": {"name": name}});
        let card = chosen(by_flag(), Fractional::V2, "fractional-flag", &context);
        assert_eq!(card.as_deref(), Some(expected), "{name}");
    }
    for (name, expected) in [
        ("seven", "hearts"),
        ("eight", "diamonds"),
        ("nine", "clubs"),
        ("two", "spades"),
    ] {
        let context = json!({"user": {"name": name}});
        assert_eq!(
            v2(seeded(json!("shared-seed")), &context).as_deref(),
            Some(expected),
            "{name}"
        );
    }
    for (key, expected) in [("jon@company.com", "heads"), ("jane@company.com", "tails")] {
        let rule = json!({"fractional": [["heads"], ["tails", 1]]});
        let context = json!({ "targetingKey": key });
        let side = chosen(rule, Fractional::V2, "fractional-flag-shorthand", &context);
        assert_eq!(side.as_deref(), Some(expected), "{key}");
    }
}

#[test]
fn what_is_no_split_chooses_nothing() {
    let user = json!({"targetingKey": "user-1"});
    for (rule, context) in [
        (json!({"fractional": [["on", 0], ["off", 0]]}), &user),
        (json!({"fractional": [["on", 1.5]]}), &user),
        (json!({"fractional": [["on", 2_147_483_648_u64]]}), &user),
        (
            json!({"fractional": [["on", 2_147_483_647], ["off", 1]]}),
            &user,
        ),
        (json!({"fractional": [["on", "1"]]}), &user),
        (json!({"fractional": ["on"]}), &user),
        (json!({"fractional": []}), &user),
        (json!({"fractional": [["on", 1]]}), &json!({})),
        (
            json!({"fractional": [["on", 1]]}),
            &json!({"targetingKey": ""}),
        ),
    ] {
        for generation in Fractional::ALL {
            assert_eq!(
                chosen(rule.clone(), generation, "it", context),
                None,
                "{rule} {context}"
            );
        }
    }
    let negative = json!({"fractional": [["on", -5], ["off", 1]]});
    assert_eq!(v2(negative, &user).as_deref(), Some("off"));
}

#[test]
fn generations_differ_in_what_is_no_text() {
    let rule = || json!({"fractional": [{"var": "gone"}, ["on", 1]]});
    let user = json!({"targetingKey": "user-1"});
    assert_eq!(
        chosen(rule(), Fractional::V2, "it", &user).as_deref(),
        Some("on")
    );
    assert_eq!(chosen(rule(), Fractional::V3, "it", &user), None);
}
