use super::*;

const FLAGS: &str = include_str!("../../../../flags/examples/flags.json");

const RULES: &str = include_str!("../../../../../monspec/examples/rules.json");

fn declared() -> Declarations {
    flags::read(FLAGS).declarations.unwrap()
}

/// What is said of one rule: where, what, and the fix.
fn said(rule: &str) -> Vec<String> {
    let source = format!("{{\"rules\": {{\"r\":\n{rule}}}}}");
    let messages = read(&source, Some(&declared())).messages.into_iter();
    messages
        .map(|one| format!("{} {}: {}", one.position, one.problem, one.fix))
        .collect()
}

#[test]
fn example_is_right_beside_the_example_of_flags() {
    let reading = read(RULES, Some(&declared()));

    assert_eq!(reading.messages, []);
    let rules = reading.rules.unwrap();
    for (id, rule) in &rules {
        assert!(rule.action.targets(&declared()).is_ok(), "{id}");
    }
}

#[test]
fn rule_that_says_little_is_told_and_not_done() {
    let rule = r#"{"rules": {"r": {"when": {"category": ["ERROR"]}, "set": {"x": 1}}}}"#;
    let rules = read(rule, None).rules.unwrap();

    let Rule {
        mode,
        restore,
        ttl,
        max_per_day,
        ..
    } = &rules["r"];
    assert_eq!(
        (*mode, *restore, *ttl, *max_per_day),
        (Mode::Shadow, Restore::OnClose, None, 6)
    );
    assert!(Mode::Auto.within(crate::remediation::Mode::Shadow) == Mode::Shadow);
    assert!(Mode::Shadow.within(crate::remediation::Mode::Auto) == Mode::Shadow);
}

#[test]
fn mistakes_have_places_and_corrections() {
    let when = r#""when": {"category": ["ERROR"]}"#;
    let cases = [
        (
            r#"{"wen": {}, "set": {"errorInjectionEnabled": false}}"#.to_owned(),
            vec![
                "2:1 `when` is missing: add `\"when\": …`",
                "2:2 unknown field \"wen\": did you mean `when`?",
            ],
        ),
        (
            r#"{"when": {}, "set": {"errorInjectionEnabled": false}}"#.to_owned(),
            vec![
                "2:10 every problem is like this: say what the problem must be: \
                 `\"category\": [\"ERROR\"]` for example",
            ],
        ),
        (
            r#"{"when": {"category": ["EROR"]}, "preset": "defensivMode"}"#.to_owned(),
            vec![
                "2:24 `EROR` is no category of problems: did you mean `ERROR`?",
                "2:44 there is no preset `defensivMode`: did you mean `defensiveMode`?",
            ],
        ),
        (
            r#"{"when": {"entityTypes": ["SERVICES"]}, "set": {"errorInjectonEnabled": false}}"#
                .to_owned(),
            vec![
                "2:27 problems are hardly about a `SERVICES`: did you mean `SERVICE`?",
                "2:49 there is no flag `errorInjectonEnabled`: did you mean \
                 `errorInjectionEnabled`?",
            ],
        ),
        (
            format!("{{{when}, \"set\": {{\"errorInjectionEnabled\": \"false\"}}}}"),
            vec![
                "2:68 expected boolean, found a text: write a value that \
                 `errorInjectionEnabled` may have",
            ],
        ),
        (
            format!("{{{when}}}"),
            vec![
                "2:1 a rule does exactly one thing: write `\"set\": { \"<flag>\": <value> }`, \
                 `\"preset\": \"<name>\"` or `\"ramp\": { … }`",
            ],
        ),
        (
            format!(
                "{{{when}, \"ramp\": {{\"flag\": \"cacheEnabled\", \"to\": true, \"duration\": \"5m\"}}}}"
            ),
            vec!["2:52 nothing lies between two values of `cacheEnabled`: set the flag at once"],
        ),
        (
            format!("{{{when}, \"preset\": \"defensiveMode\", \"ttl\": \"48h\"}}"),
            vec![
                "2:69 `48h` is no time between a second and 24h: write `90s`, `5m` or `4h` for \
                 example",
            ],
        ),
        (
            r#"{"when": {"metric": {"selector": "a", "op": "=", "value": "x"}}, "preset": "defensiveMode"}"#
                .to_owned(),
            vec![
                "2:21 `window` is missing: add `\"window\": …`",
                "2:45 `=` is not known here: did you mean `>`?",
                "2:59 expected a number, found the text \"x\": write a plain number, 100 or 99.5 \
                 for example",
            ],
        ),
    ];
    let (rules, expected): (Vec<String>, Vec<_>) = cases.into_iter().unzip();
    let said: Vec<Vec<String>> = rules.iter().map(|rule| said(rule)).collect();
    assert_eq!(said, expected);
    assert_eq!(read("{}", None).rules, None);
}
