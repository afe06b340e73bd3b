use std::path::Path;

use fake_aws::dynamo::Dynamo;
use fake_aws::{ACCESS_KEY, SECRET_KEY};
use fake_dynatrace::{Failed, Requests, Severity, Tenant};
use jiff::Timestamp;
use serde_json::Value;
use store::{Flags, tables};

use crate::{Ran, file, monspec, monspec_in};

const SERVICE: &str = "SERVICE-00000000000000B1";

/// A file of the repository.
fn example(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .join(path);
    path.to_str().expect("it is text").to_owned()
}

fn rules() -> String {
    example("monspec/examples/rules.json")
}

fn flags() -> String {
    example("crates/flags/examples/flags.json")
}

#[test]
fn example_is_right_and_mistakes_have_places() {
    let ran = monspec(&["rules", "lint", &rules(), "--flags", &flags()], "");
    assert_eq!((ran.code, ran.out.as_str()), (0, ""), "{}", ran.err);

    let wrong = std::fs::read_to_string(rules()).expect("it is there");
    let wrong = wrong.replace("\"circuitBreakerEnabled\"", "\"circuitBraekerEnabled\"");
    let ran = monspec(&["rules", "lint", "-", "--flags", &flags()], &wrong);
    assert_eq!(ran.code, 1);
    assert!(
        ran.out.contains("did you mean `circuitBreakerEnabled`?"),
        "{}",
        ran.out
    );
    // Without the flags nobody can say.
    assert_eq!(monspec(&["rules", "lint", "-"], &wrong).code, 0);
}

#[test]
fn sample_is_compared_with_every_clause_of_every_rule() {
    let sample = example("monspec/examples/problem.json");
    let ran = monspec(
        &[
            "rules",
            "try",
            &rules(),
            "--flags",
            &flags(),
            "--sample",
            &sample,
        ],
        "",
    );

    assert_eq!(ran.code, 0, "{}", ran.err);
    let expected = "\
the problem lacks the tag of production, HEAL_TAG: no rule is followed

circuitBreaker (auto): does not match
  no  `category` wants AVAILABILITY, found ERROR
  yes `entityTypes` wants SERVICE, found SERVICE
defensiveMode (auto): does not match
  yes `category` wants AVAILABILITY or ERROR or PERFORMANCE, found ERROR
  no  `minServices` wants at least 2, found 1
errorInjectionOff (auto): matches
  yes `category` wants ERROR, found ERROR
  yes `entityTypes` wants SERVICE or PROCESS_GROUP_INSTANCE, found SERVICE
  yes `metric` wants builtin:service.errors.total.rate > 5 for a SERVICE over 5m, found 12.5
  would set `errorInjectionEnabled` to false, until the problem closes, for 24 hours at most
errorRateDown (shadow): does not match
  no  `category` wants PERFORMANCE, found ERROR
  yes `entityTypes` wants SERVICE, found SERVICE
";
    assert_eq!(ran.out, expected);

    let two = r#"{"category": "SLOWDOWN", "entities": ["SERVICE-1", "SERVICE-2"]}"#;
    let ran = monspec(
        &[
            "rules",
            "try",
            &rules(),
            "--flags",
            &flags(),
            "--sample",
            "-",
        ],
        two,
    );
    assert!(
        ran.out.contains(
            "would set what the preset `defensiveMode` sets: `circuitBreakerEnabled` to true, \
             `errorInjectionEnabled` to false, `slowResponsesEnabled` to false, until"
        ),
        "{}",
        ran.out
    );
}

#[test]
fn number_that_nobody_knows_is_said_and_exits_with_2() {
    let sample = r#"{"category": "ERROR", "entities": ["SERVICE-1"]}"#;
    let arguments = ["rules", "try", &rules(), "--sample", "-", "--json"];

    let ran = monspec(&arguments, sample);

    assert_eq!(ran.code, 2, "{}", ran.err);
    let told: Value = serde_json::from_str(&ran.out).expect("it is JSON");
    let tried = told.as_array().expect("it is a list");
    let tried = tried.iter().find(|one| one["rule"] == "errorInjectionOff");
    let tried = tried.expect("it is one of the rules");
    assert_eq!(tried["matches"], Value::Null);
    let found = tried["clauses"][2]["found"].as_str().expect("it is text");
    assert!(found.contains("DT_TENANT_URL"), "{found}");

    let unreachable = [
        ("DT_TENANT_URL", "http://127.0.0.1:1"),
        ("DT_API_TOKEN", "dt0c01.X"),
    ];
    let ran = monspec_in(&unreachable, &arguments[..5], sample);
    assert_eq!(ran.code, 2);
    assert!(
        ran.out
            .contains("errorInjectionOff (auto): nobody can say whether it matches"),
        "{}",
        ran.out
    );
}

/// Tries the rules on a problem of the tenant.
fn on_problem(tenant: &Tenant, rules: &str, problem: &str) -> Ran {
    let url = tenant.url();
    let settings = [
        ("DT_TENANT_URL", url.as_str()),
        ("DT_API_TOKEN", tenant.token()),
    ];
    let named = format!("--problem={problem}");
    monspec_in(&settings, &["rules", "try", rules, &named], "")
}

#[tokio::test(flavor = "multi_thread")]
async fn error_rate_of_a_problem_is_asked_of_the_tenant_and_nothing_is_changed() {
    let tenant = Tenant::start().await.expect("loopback has a free port");
    let service = tenant.service(SERVICE, "Cart");
    service.tag("DeploymentGroup", "Production").add();
    let problem = tenant.problem("Failure rate increase");
    let problem = problem.severity(Severity::Error).impacts(SERVICE).open();

    let ran = on_problem(&tenant, &rules(), problem.id());
    assert!(
        ran.out
            .contains("over 5m, found no number: the tenant has no data"),
        "{}{}",
        ran.out,
        ran.err
    );

    let now = clock().as_millisecond();
    let requests = Requests::over(now - 600_000, now, 600, 1_000.0).failing(Failed::Share(0.1));
    tenant.requests(SERVICE, None, requests);
    let ran = on_problem(&tenant, &rules(), problem.id());

    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(
        ran.out.starts_with("circuitBreaker (auto): does not match"),
        "it is production: {}",
        ran.out
    );
    assert!(
        ran.out.contains("errorInjectionOff (auto): matches"),
        "{}",
        ran.out
    );
    assert_eq!(tenant.comments(problem.id()).len(), 0);
    assert_eq!(on_problem(&tenant, &rules(), "-1_1V2").code, 64);
}

#[test]
fn broken_files_exit_with_65() {
    let broken = file("broken-rules.json", r#"{"rules": {"r": {}}}"#);
    let ran = monspec(&["rules", "try", &broken, "--sample", "-"], "{}");
    assert_eq!(ran.code, 65);
    assert!(ran.err.contains("`when` is missing"), "{}", ran.err);
    let ran = monspec(&["rules", "try", &rules(), "--sample", "-"], "problem");
    assert_eq!(ran.code, 65);
}

#[tokio::test(flavor = "multi_thread")]
async fn rules_are_planned_and_applied_beside_the_flags_that_they_are_about() {
    let dynamo = Dynamo::start().await.expect("loopback has a free port");
    let created = tables::create(&dynamo.client(), tables::FLAGS, "flags").await;
    created.expect("the database is empty");
    let settings = [
        ("AWS_ENDPOINT_URL_DYNAMODB", dynamo.url()),
        ("AWS_REGION", "us-east-1"),
        ("AWS_ACCESS_KEY_ID", ACCESS_KEY),
        ("AWS_SECRET_ACCESS_KEY", SECRET_KEY),
        ("FLAGS_TABLE", "flags"),
    ];
    let run = |arguments: &[&str], input: &str| monspec_in(&settings, arguments, input);
    let all = "+ circuitBreaker\n+ defensiveMode\n+ errorInjectionOff\n+ errorRateDown\n";

    let ran = run(&["rules", "apply", &rules()], "");
    assert_eq!(ran.code, 65);
    assert!(ran.err.contains("no flags are declared"), "{}", ran.err);
    let declared = std::fs::read_to_string(flags()).expect("it is there");
    // No version can keep that yet.
    let declared = declared.replace("\"events\": \"require\",", "");
    assert_eq!(run(&["flags", "apply", "-"], &declared).code, 0);
    let ran = run(&["rules", "plan", &rules()], "");
    assert_eq!((ran.code, ran.out.as_str()), (0, all), "{}", ran.err);
    let ran = run(&["rules", "apply", &rules()], "");
    assert_eq!(ran.out, format!("{all}applied to `prod`\n"), "{}", ran.err);
    assert_eq!(
        run(&["rules", "plan", &rules()], "").out,
        "no rule changes\n"
    );

    let stored = Flags::new(dynamo.client(), "flags").rules("prod").await;
    assert_eq!(stored.expect("it answers").len(), 4);
    let one = r#"{"rules": {"circuitBreaker": {
        "when": {"category": ["ERROR"]}, "set": {"circuitBreakerEnabled": true}
    }}}"#;
    let ran = run(&["rules", "apply", "-"], one);
    let changes = "~ circuitBreaker\n- defensiveMode\n- errorInjectionOff\n- errorRateDown\n";
    assert_eq!(
        ran.out,
        format!("{changes}applied to `prod`\n"),
        "{}",
        ran.err
    );
    let stored = Flags::new(dynamo.client(), "flags").rules("prod").await;
    assert_eq!(stored.expect("it answers").len(), 1);
}

#[expect(
    clippy::disallowed_methods,
    reason = "the command reads the clock of this machine"
)]
fn clock() -> Timestamp {
    Timestamp::now()
}
