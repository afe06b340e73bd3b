use std::collections::BTreeMap;

use futures_util::future::join_all;
use release::rule::application::{Set, change_of};
use release::rule::effect::{Setting, Written, set};
use release::rule::{Rule, Rules, read};

use super::{SET, declared, second};
use crate::world::World;

fn rules(most: usize) -> Rules {
    let file = format!(
        r#"{{"rules": {{"off": {{
            "when": {{"category": ["ERROR"]}}, "set": {{"errorInjectionEnabled": false}},
            "maxPerDay": {most}
        }}}}}}"#
    );
    read(&file, None).rules.unwrap()
}

#[tokio::test]
async fn rules_are_kept_and_what_is_removed_keeps_how_often_it_was_followed() {
    let world = World::start().await;
    let flags = declared(&world).await;
    let none = BTreeMap::new();
    flags.declare_rules(SET, &rules(2), &none).await.unwrap();
    follow(&flags, &rules(2)["off"], "P-1").await;

    let stored = flags.rules(SET).await.unwrap();
    assert_eq!(stored["off"].rule, rules(2)["off"]);
    assert_eq!(stored["off"].followed, [second(0)]);
    flags
        .declare_rules(SET, &Rules::new(), &stored)
        .await
        .unwrap();
    assert_eq!(flags.rules(SET).await.unwrap(), none);
    flags.declare_rules(SET, &rules(3), &none).await.unwrap();
    let stored = flags.rules(SET).await.unwrap();
    assert_eq!(stored["off"].rule.max_per_day, 3);
    assert_eq!(stored["off"].followed, [second(0)]);
}

#[tokio::test]
async fn rule_is_followed_as_often_as_it_may_be_however_many_follow_it_at_once() {
    let world = World::start().await;
    let flags = declared(&world).await;
    let rules = rules(3);
    flags
        .declare_rules(SET, &rules, &BTreeMap::new())
        .await
        .unwrap();

    let problems: Vec<String> = (0..8).map(|number| format!("P-{number}")).collect();
    let rule = &rules["off"];
    let followed = problems.iter().map(|problem| follow(&flags, rule, problem));
    let followed = join_all(followed).await;

    let done = followed.iter().filter(|set| matches!(set, Set::Done(_)));
    assert_eq!(done.count(), 3, "{followed:?}");
    let history = flags.history(SET, "errorInjectionEnabled").await.unwrap();
    assert_eq!(flags::verify(&history), Ok(()));
    let made: Vec<&str> = history
        .iter()
        .map(|entry| entry.record.change.as_str())
        .collect();
    assert_eq!(made.len(), 3, "{made:?}");
    let known = |change: &&str| {
        let of = |problem: &String| change_of(problem, "off", "errorInjectionEnabled");
        problems.iter().any(|problem| of(problem) == **change)
    };
    assert!(made.iter().all(known), "{made:?}");
}

async fn follow(flags: &store::Flags, rule: &Rule, problem: &str) -> Set {
    let now = second(0);
    let (blamed, taken) = (std::collections::BTreeSet::new(), BTreeMap::new());
    let decide = |found: &store::FlagSet, followed: &[jiff::Timestamp]| -> Written<Set> {
        let setting = Setting {
            id: "off",
            rule,
            problem,
            blamed: &blamed,
            taken: &taken,
            followed,
            only_look: false,
            now,
        };
        set(setting, &found.as_set())
    };
    flags.follow(SET, "off", now, decide).await.unwrap()
}
