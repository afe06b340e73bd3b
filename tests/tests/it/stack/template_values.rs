//! What a parameter takes is what the function can use.
//!
//! `CloudFormation` turns a typing error away before anything is changed; without
//! that, a function would not start. Each value is tried on the pattern of the
//! parameter, by Python, and on the real function with the setting.

use std::collections::BTreeMap;
use std::process::Command;

use futures_util::StreamExt as _;
use lab::world::{CHANGE_FLAGS, HANDLE_PROBLEM, PUSH, REGISTER, SHOW, Settings, VALIDATE, World};
use serde_json::{Value, json};

use super::template::{parameter_of, template};

/// Values of a setting.
struct Values {
    setting: &'static str,
    /// A function that reads it.
    function: &'static str,
    good: &'static [&'static str],
    /// What neither takes.
    bad: &'static [&'static str],
    /// What the function refuses, and a pattern cannot.
    unseen: &'static [&'static str],
}

const NUMBERS: &[&str] = &["0", "1", "1440", "999999"];
const POSITIVE: &[&str] = &["1", "999999"];
const NO_NUMBERS: &[&str] = &["-1", "1.5", "1e3", "two", "99999999999", "1 000"];

const VALUES: [Values; 22] = [
    number("DT_INGEST_DELAY_SECONDS", REGISTER),
    number("GIVE_UP_AFTER_MINUTES", REGISTER),
    number("RETENTION_DAYS", REGISTER),
    number("DT_MISSING_DATA_SECONDS", VALIDATE),
    number("HEAL_LOOK_BACK_MINUTES", HANDLE_PROBLEM),
    number("HEAL_MAX_AGE_MINUTES", HANDLE_PROBLEM),
    number("HEAL_COOLDOWN_MINUTES", HANDLE_PROBLEM),
    number("HEAL_MAX_PER_DAY", HANDLE_PROBLEM),
    number("HEAL_GIVE_UP_MINUTES", HANDLE_PROBLEM),
    Values {
        good: POSITIVE,
        bad: &["-1", "1.5", "eight"],
        ..number("DT_CALLS_IN_FLIGHT", VALIDATE)
    },
    Values {
        good: POSITIVE,
        ..number("DT_CALLS_PER_MINUTE", VALIDATE)
    },
    Values {
        good: POSITIVE,
        ..number("GROUP_TIE_DAYS", PUSH)
    },
    Values {
        good: POSITIVE,
        bad: &["0", "-1", "1.5", "one"],
        ..number("HEAL_MAX_GROUPS", HANDLE_PROBLEM)
    },
    Values {
        setting: "DT_TENANT_URL",
        function: VALIDATE,
        good: &[
            "https://abc12345.live.dynatrace.com",
            "https://abc12345.live.dynatrace.com/",
            "https://dynatrace.example:9999/e/0a1b2c3d",
            "https://abc12345.apps.dynatrace.com",
            "http://127.0.0.1:8080",
            "http://[::1]:8080/e/0a1b2c3d",
        ],
        bad: &[
            "abc12345.live.dynatrace.com",
            "http://abc12345.live.dynatrace.com",
            "http://localhost:8080",
            "http://127.0.0.1.example.com",
            "https://user:word@abc12345.live.dynatrace.com",
            "https://abc12345.live.dynatrace.com?token=1",
            "https://abc12345.live.dynatrace.com/#settings",
            "https://abc12345.live.dynatrace.com/api",
            "https://dynatrace.example/e/0a1b2c3d/api/v2",
            "https://",
        ],
        unseen: &["https://abc12345.live.dynatrace.com:99999"],
    },
    Values {
        setting: "ALLOWED_ORIGINS",
        function: REGISTER,
        good: &[
            "https://hooks.example.com",
            "https://hooks.example.com:8443, https://raw.example.com",
            "http://127.0.0.1:8080",
            "http://[::1]:8080",
        ],
        bad: &[
            "everywhere",
            "hooks.example.com",
            "http://hooks.example.com",
            "https://hooks.example.com/path",
            "https://user@hooks.example.com",
            "https://hooks.example.com; https://raw.example.com",
            "https://hooks.example.com?x=1",
        ],
        unseen: &["https://10.0.0.1", "https://hooks.example.com:99999"],
    },
    Values {
        setting: "DEPLOYMENT_GROUPS",
        function: HANDLE_PROBLEM,
        good: &[
            "stage:prod=Shop/Production",
            "[AWS]Group:a=b=Pay/Prod, team=Ops/All, stage:prod=Shop/Jobs",
        ],
        bad: &[
            "Shop/Production",
            "stage:prod",
            "stage:prod=Shop",
            "stage:prod=/Production",
            "stage:prod=Shop/",
            "stage:=Shop/Production",
            "=Shop/Production",
            "[AWSGroup:a=Pay/Prod",
        ],
        unseen: &[],
    },
    Values {
        setting: "GROUP_TAG",
        function: PUSH,
        good: &["DeploymentGroup", "[AWS]DeploymentGroup"],
        bad: &["DeploymentGroup:Production", "[AWS]", "[AWSGroup", "a\"b"],
        unseen: &[],
    },
    Values {
        setting: "HEAL_TAG",
        function: HANDLE_PROBLEM,
        good: &["DeploymentGroup:Production", "Production", "stage:a:b"],
        bad: &[":Production", "DeploymentGroup:", "DeploymentGroup: "],
        unseen: &[],
    },
    Values {
        setting: "CHANGE_FREEZE",
        function: HANDLE_PROBLEM,
        good: &[
            "always",
            "2026-12-20/2027-01-03",
            "Fri 16:00/Mon 06:00",
            "2026-12-20/2027-01-03, Fri 16:00/Mon 06:00,always",
        ],
        bad: &[
            "allways",
            "Always",
            "yes",
            "2026-12-20",
            "2026-12-20 - 2027-01-03",
            "2026-13-20/2027-01-03",
            "20.12.2026/03.01.2027",
            "Fri 16:00",
            "Fri 4pm/Mon 6am",
            "Fri 24:00/Mon 06:00",
            "Fr 16:00/Mo 06:00",
            "always; Fri 16:00/Mon 06:00",
        ],
        unseen: &[
            "2027-01-03/2026-12-20",
            "2026-02-30/2026-03-01",
            "Fri 16:00/Fri 16:00",
        ],
    },
    Values {
        setting: "REPORT_TIME_ZONE",
        function: SHOW,
        good: &[
            "UTC0",
            "CET-1CEST,M3.5.0,M10.5.0/3",
            "EST5EDT,M3.2.0,M11.1.0",
            "<+0330>-3:30",
            "<-02>2<-01>,M3.5.0/-1,M10.5.0/0",
        ],
        bad: &[
            "Europe/Berlin",
            "CET",
            "UTC+",
            "CET-1CEST",
            "CET-1CEST,M13.5.0,M10.5.0/3",
        ],
        unseen: &["UTC99"],
    },
    Values {
        setting: "FLAGS_URL",
        function: CHANGE_FLAGS,
        good: &["https://flags.example.com", "https://example.com/prod/"],
        bad: &[
            "flags.example.com",
            "ftp://flags.example.com",
            "https://me@flags.example.com",
            "https://flags.example.com?key=1",
        ],
        unseen: &[],
    },
    Values {
        setting: "DT_SELF_HEALING_URL",
        function: PUSH,
        good: &["https://heal.example.com/HandleDynatraceProblem"],
        bad: &["heal.example.com", "ftp://heal.example.com"],
        unseen: &[],
    },
];

const fn number(setting: &'static str, function: &'static str) -> Values {
    Values {
        setting,
        function,
        good: NUMBERS,
        bad: NO_NUMBERS,
        unseen: &[],
    }
}

#[test]
fn patterns_take_what_is_good_and_refuse_what_is_bad() {
    let template = template();
    let patterns: BTreeMap<&str, &str> = VALUES
        .iter()
        .map(|values| {
            let parameter = &template["Parameters"][parameter_of(values.setting).as_str()];
            assert_eq!(parameter["Type"].as_str(), Some("String"));
            let told = parameter["ConstraintDescription"].as_str();
            assert!(told.is_some(), "{}: nobody says why", values.setting);
            (
                values.setting,
                parameter["AllowedPattern"].as_str().unwrap(),
            )
        })
        .collect();
    let mut tried = Vec::new();
    for values in &VALUES {
        let taken = values.good.iter().chain(values.unseen);
        let taken = taken.map(|value| (value, true));
        for (value, is_taken) in taken.chain(values.bad.iter().map(|value| (value, false))) {
            let pattern = patterns[values.setting];
            tried.push((values.setting, pattern, value, is_taken));
        }
    }

    let matched = matched(
        tried
            .iter()
            .map(|(_, pattern, value, _)| (*pattern, **value)),
    );

    let wrong = tried.iter().zip(matched);
    let wrong = wrong.filter(|((.., is_taken), matched)| matched != is_taken);
    let wrong: Vec<_> = wrong.map(|(tried, _)| tried).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[tokio::test]
async fn functions_start_with_what_is_good_and_name_what_is_bad() {
    let world = World::start(Settings::default()).await.unwrap();
    let world = &world;
    let tried = VALUES.iter().flat_map(|values| {
        let usable = values.good.iter().map(|value| (value, true));
        let bad = values.bad.iter().chain(values.unseen);
        let all = usable.chain(bad.map(|value| (value, false)));
        all.map(move |(value, usable)| (values, *value, usable))
    });

    let answers = futures_util::stream::iter(tried).map(async |(values, value, usable)| {
        let settings = Settings::default().with(values.setting, value);
        let function = world.another_with(values.function, &settings);
        let invocation = function.await.unwrap().invoke(json!({})).await.unwrap();
        let told = format!("the setting {} is not usable", values.setting);
        let named = invocation.logs.contains(&told);
        let (setting, logs) = (values.setting, invocation.logs);
        (named == usable).then(|| format!("{setting}=`{value}`: {logs}"))
    });
    let answers: Vec<Option<String>> = answers.buffer_unordered(4).collect().await;

    assert!(!answers.is_empty());
    let wrong: Vec<String> = answers.into_iter().flatten().collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Every number that a function reads is held to whole ones: `CloudFormation`
/// takes 1.5 for a `Number`.
#[test]
fn numbers_that_functions_read_are_whole() {
    let template = template();
    let parameters = template["Parameters"].as_hash().unwrap();
    for (name, parameter) in parameters {
        let name = name.as_str().unwrap();
        if parameter["Type"].as_str() != Some("Number") {
            continue;
        }
        let is_bounded = ["MinValue", "AllowedValues"]
            .iter()
            .any(|bound| !parameter[*bound].is_badvalue());
        assert!(is_bounded, "{name}");
        let variable = super::template::settings_given(&template);
        assert!(!variable.contains(name), "{name} is read by a function");
    }
}

/// Whether the whole of a value matches its pattern, one by one.
fn matched<'a>(pairs: impl Iterator<Item = (&'a str, &'a str)>) -> Vec<bool> {
    const SCRIPT: &str = "import json, re, sys\n\
        print(json.dumps([bool(re.fullmatch(p, v)) for p, v in json.loads(sys.argv[1])]))";
    let pairs: Vec<Value> = pairs.map(|(p, v)| json!([p, v])).collect();
    let output = Command::new("python3")
        .args(["-c", SCRIPT, &Value::from(pairs).to_string()])
        .output()
        .unwrap();
    let complained = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{complained}");
    serde_json::from_slice(&output.stdout).unwrap()
}
