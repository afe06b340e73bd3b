use std::fs;

use fake_dynatrace::{Fault, Requests, Tenant, Times};
use jiff::Timestamp;
use serde_json::Value;

use crate::{Ran, file, monspec, monspec_in, path, schema};

const UNTIL: &str = "2025-01-06T10:05:00Z";
const HOUR: i64 = 3_600_000;
const DAY: i64 = 24 * HOUR;
const STAGING: &str = "SERVICE-00000000000000A1";
const PRODUCTION: &str = "SERVICE-00000000000000B1";

const SPEC: &str = r#"{
  "Shop": {
    "etype": "SERVICE",
    "environments": {
      "Staging": { "tags": [{ "key": "Stage", "value": "Staging" }] },
      "Production": { "tags": [{ "key": "Stage", "value": "Production" }] },
      "Nowhere": { "tags": [{ "key": "Stage", "value": "Nowhere" }] }
    },
    "comparisons": [
      { "name": "Gate", "source": "Staging", "compare": "Production", "scalefactorperc": { "default": 15 } },
      { "name": "Yesterday", "source": "Staging", "compare": "Production", "shiftcomparetimeframe": 86400,
        "scalefactorperc": { "default": 15 } },
      { "name": "Itself", "source": "Staging", "compare": "Staging", "shiftcomparetimeframe": 240 },
      { "name": "Lost", "source": "Nowhere", "compare": "Production", "missingBaseline": "firstRelease" },
      { "name": "First", "source": "Staging", "compare": "Nowhere", "missingBaseline": "firstRelease" }
    ],
    "perfsignature": [
      { "timeseries": "com.dynatrace.builtin:service.responsetime", "aggregate": "avg" },
      { "timeseries": "com.dynatrace.builtin:service.responsetime", "aggregate": "p90", "upperlimit": 900000 }
    ]
  }
}"#;

/// A tenant with both environments and no traffic.
async fn tenant() -> Tenant {
    let tenant = Tenant::start().await.expect("loopback has a free port");
    for (id, stage) in [(STAGING, "Staging"), (PRODUCTION, "Production")] {
        tenant.service(id, "Shop").tag("Stage", stage).add();
    }
    tenant
}

/// An hour of requests before the end of the window, and so long before that.
fn traffic(tenant: &Tenant, service: &str, earlier: i64, milliseconds: f64) {
    let until: Timestamp = UNTIL.parse().expect("it is in RFC 3339");
    let to = until.as_millisecond() - earlier;
    tenant.requests(
        service,
        None,
        Requests::over(to - HOUR, to, 7_200, milliseconds * 1_000.0),
    );
}

/// Compares five minutes under one API; `more` may say anything else.
fn compare(tenant: &Tenant, api: &str, comparison: &str, more: &[&str]) -> Ran {
    let url = tenant.url();
    let settings = [
        ("DT_TENANT_URL", url.as_str()),
        ("DT_API_TOKEN", tenant.token()),
        ("DT_API", api),
    ];
    run(&settings, comparison, more)
}

fn run(settings: &[(&str, &str)], comparison: &str, more: &[&str]) -> Ran {
    let arguments = ["compare", "-", "--comparison", comparison];
    let window = ["--minutes", "5", "--until", UNTIL];
    monspec_in(settings, &[&arguments, &window, more].concat(), SPEC)
}

#[tokio::test(flavor = "multi_thread")]
async fn good_build_passes_and_both_windows_are_named() {
    let tenant = tenant().await;
    traffic(&tenant, STAGING, 0, 110.0);
    traffic(&tenant, PRODUCTION, 0, 100.0);
    for api in ["v1", "v2"] {
        let ran = compare(&tenant, api, "Gate", &[]);

        assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{api}: {}", ran.out);
        let expected = "\
SERVICE  SIDE         ENVIRONMENT  FROM (UTC)            TO (UTC)
Shop     observation  Staging      2025-01-06T10:00:00Z  2025-01-06T10:05:00Z
Shop     baseline     Production   2025-01-06T10:00:00Z  2025-01-06T10:05:00Z

OUTCOME";
        assert!(ran.out.starts_with(expected), "{api}: {}", ran.out);
        assert!(
            ran.out.ends_with("\nverdict: passed\n"),
            "{api}: {}",
            ran.out
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_build_fails_with_its_numbers() {
    let tenant = tenant().await;
    traffic(&tenant, STAGING, 0, 200.0);
    traffic(&tenant, PRODUCTION, 0, 100.0);
    for api in ["v1", "v2"] {
        let ran = compare(&tenant, api, "Gate", &[]);

        assert_eq!(ran.code, 1, "{api}: {}{}", ran.out, ran.err);
        assert!(
            ran.out
                .contains("200 ms       100 ms    ≤ 115 ms  85 ms beyond (1.74 × the limit)"),
            "{api}: {}",
            ran.out
        );
        assert!(
            ran.out.ends_with("\nverdict: failed\n"),
            "{api}: {}",
            ran.out
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn unit_that_the_tenant_alone_knows_is_told() {
    let tenant = Tenant::start().await.expect("loopback has a free port");
    let process = "PROCESS_GROUP_INSTANCE-00000000000000A1";
    let received = "builtin:tech.generic.network.bytesRx";
    tenant
        .entity("PROCESS_GROUP_INSTANCE", process, "Shop")
        .tag("Stage", "Staging")
        .add();
    let until: Timestamp = UNTIL.parse().expect("it is in RFC 3339");
    tenant.gauge(
        process,
        received,
        until.as_millisecond() - 60_000,
        1_500_000.0,
    );
    let url = tenant.url();
    let settings = [
        ("DT_TENANT_URL", url.as_str()),
        ("DT_API_TOKEN", tenant.token()),
    ];
    let spec = format!(
        r#"{{ "Shop": {{
            "etype": "PROCESS_GROUP_INSTANCE",
            "environments": {{ "Staging": {{ "tags": [{{ "key": "Stage", "value": "Staging" }}] }} }},
            "comparisons": [{{ "name": "Gate", "source": "Staging" }}],
            "perfsignature": [{{ "selector": "{received}", "aggregate": "max", "upperlimit": 2000000 }}]
        }} }}"#
    );
    let arguments = [
        "compare",
        "-",
        "--comparison",
        "Gate",
        "--minutes",
        "5",
        "--until",
        UNTIL,
    ];

    let told = monspec_in(&settings, &arguments, &spec);
    let json = monspec_in(&settings, &[&arguments[..], &["--json"]].concat(), &spec);

    assert_eq!(told.code, 0, "{}{}", told.out, told.err);
    assert!(told.out.contains("1.5 MB/s"), "{}", told.out);
    let judged: Value = serde_json::from_str(&json.out).expect("it is JSON");
    schema::assert_is("Judged", &judged);
    assert_eq!(judged["findings"][0]["source"]["environment"], "Staging");
    assert_eq!(judged["findings"][0]["observation"], 1_500_000.0);
    assert_eq!(judged["findings"][0]["unit"], "B/s");
}

#[tokio::test(flavor = "multi_thread")]
async fn shifted_side_is_asked_for_its_own_window() {
    let tenant = tenant().await;
    traffic(&tenant, STAGING, 0, 200.0);
    traffic(&tenant, PRODUCTION, 0, 100.0);
    traffic(&tenant, PRODUCTION, DAY, 190.0);

    let ran = compare(&tenant, "v2", "Yesterday", &[]);

    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    let row = "Shop     baseline     Production   2025-01-05T10:00:00Z  2025-01-05T10:05:00Z\n";
    assert!(ran.out.contains(row), "{}", ran.out);
}

#[tokio::test(flavor = "multi_thread")]
async fn silence_is_a_gap_that_says_what_to_check() {
    let tenant = tenant().await;
    traffic(&tenant, PRODUCTION, 0, 100.0);
    for api in ["v1", "v2"] {
        for (comparison, why) in [
            ("Gate", "check that it got traffic during the window"),
            (
                "Lost",
                "no entity matches tag Stage:Nowhere; check the tags",
            ),
        ] {
            let ran = compare(&tenant, api, comparison, &[]);

            assert_eq!((ran.code, ran.err.as_str()), (2, ""), "{api} {comparison}");
            assert!(ran.out.contains(why), "{api} {comparison}: {}", ran.out);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn missing_baseline_is_not_accepted_as_a_first_release() {
    let tenant = tenant().await;
    traffic(&tenant, STAGING, 0, 100.0);

    let ran = compare(&tenant, "v2", "First", &[]);

    assert_eq!(ran.code, 2, "{}{}", ran.out, ran.err);
    assert!(ran.out.contains("no entity matches"), "{}", ran.out);
    assert!(!ran.out.contains("accepted"), "{}", ran.out);
}

#[tokio::test(flavor = "multi_thread")]
async fn refused_token_is_a_gap_and_is_never_shown() {
    let tenant = tenant().await;
    let url = tenant.url();
    let token = format!("dt0c01.{}.{}", "WRONG000".repeat(3), "GUESSED0".repeat(8));
    for api in ["v1", "v2"] {
        let settings = [
            ("DT_TENANT_URL", url.as_str()),
            ("DT_API_TOKEN", token.as_str()),
            ("DT_API", api),
        ];

        let ran = run(&settings, "Gate", &[]);

        assert_eq!(ran.code, 2, "{api}: {}", ran.err);
        assert!(
            ran.out.contains("Dynatrace refused the API token"),
            "{api}: {}",
            ran.out
        );
        assert!(!ran.out.contains("GUESSED0"), "{api}: {}", ran.out);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn tenant_that_is_not_there_exits_with_69() {
    let tenant = tenant().await;
    tenant.stop().await;

    let ran = compare(&tenant, "v2", "Gate", &[]);

    assert_eq!((ran.code, ran.out.as_str()), (69, ""));
    assert!(
        ran.err
            .starts_with("monspec: cannot ask the tenant: Dynatrace gave no answer"),
        "{}",
        ran.err
    );
    assert!(ran.err.contains("; check DT_TENANT_URL"), "{}", ran.err);
    assert!(!ran.err.contains(tenant.token()), "{}", ran.err);
}

#[tokio::test(flavor = "multi_thread")]
async fn something_else_than_a_tenant_exits_with_69() {
    let tenant = tenant().await;
    tenant.fail(Fault::NotJson200, Times::Always, "/");

    let ran = compare(&tenant, "v2", "Gate", &[]);

    assert_eq!((ran.code, ran.out.as_str()), (69, ""));
    assert!(
        ran.err.contains("is the address of a tenant"),
        "{}",
        ran.err
    );
}

#[test]
fn missing_and_unusable_settings_are_named() {
    let url = ("DT_TENANT_URL", "http://127.0.0.1:9");
    let token = ("DT_API_TOKEN", "dt0c01.A.B");
    for (settings, named) in [
        (&[token][..], "the setting DT_TENANT_URL is missing"),
        (&[url], "the setting DT_API_TOKEN is missing"),
        (
            &[url, ("DT_API_TOKEN", "two words")],
            "the setting DT_API_TOKEN is not usable",
        ),
        (
            &[("DT_TENANT_URL", "http://tenant.example.com"), token],
            "the setting DT_TENANT_URL is not usable",
        ),
        (
            &[url, token, ("DT_API", "v3")],
            "the setting DT_API is not usable",
        ),
        (
            &[url, token, ("DT_CALLS_PER_MINUTE", "few")],
            "the setting DT_CALLS_PER_MINUTE is not usable",
        ),
        (
            &[url, token, ("DT_INGEST_DELAY_SECONDS", "-1")],
            "the setting DT_INGEST_DELAY_SECONDS is not usable",
        ),
    ] {
        let ran = run(settings, "Gate", &[]);

        assert_eq!(
            (ran.code, ran.out.as_str()),
            (64, ""),
            "{named}: {}",
            ran.err
        );
        assert!(ran.err.contains(named), "{named}: {}", ran.err);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn flag_wins_over_the_environment() {
    let tenant = tenant().await;
    traffic(&tenant, STAGING, 0, 100.0);
    traffic(&tenant, PRODUCTION, 0, 100.0);
    let settings = [
        ("DT_TENANT_URL", "http://127.0.0.1:9"),
        ("DT_API_TOKEN", tenant.token()),
    ];

    let ran = run(
        &settings,
        "Gate",
        &["--tenant-url", &tenant.url(), "--api", "v1"],
    );

    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    assert!(0 < tenant.count("/api/v1/"));
    assert_eq!(tenant.count("/api/v2/"), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_makes_no_sense_is_refused_before_the_tenant_is_asked() {
    let tenant = tenant().await;
    for (comparison, more, complaint) in [
        (
            "Gatt",
            &[][..],
            "there is no comparison `Gatt`; the monspec has: Gate, ",
        ),
        (
            "Itself",
            &[],
            "240 seconds apart, but the window is 300 seconds long: the windows overlap",
        ),
    ] {
        let ran = compare(&tenant, "v2", comparison, more);

        assert_eq!((ran.code, ran.out.as_str()), (64, ""), "{comparison}");
        assert!(ran.err.contains(complaint), "{comparison}: {}", ran.err);
    }
    assert_eq!(tenant.count("/"), 0);
}

#[test]
fn window_in_the_future_is_refused() {
    let arguments = ["compare", "-", "--comparison", "Gate", "--minutes", "5"];
    let ran = monspec(
        &[&arguments[..], &["--until", "2999-01-01T00:00:00Z"]].concat(),
        SPEC,
    );

    assert_eq!((ran.code, ran.out.as_str()), (64, ""));
    assert!(ran.err.contains("choose an earlier --until"), "{}", ran.err);
}

#[tokio::test(flavor = "multi_thread")]
async fn json_is_what_judge_says_of_the_same_numbers_with_the_questions_beside_them() {
    let tenant = tenant().await;
    traffic(&tenant, STAGING, 0, 200.0);
    traffic(&tenant, PRODUCTION, 0, 100.0);

    let compared = compare(&tenant, "v2", "Gate", &["--json"]);

    let values = r#"[
        { "service": "Shop", "signature": 0, "observation": 200000, "baseline": 100000 },
        { "service": "Shop", "signature": 1, "observation": 200000, "baseline": 100000 }
    ]"#;
    let values = file("compare_json.values.json", values);
    let arguments = ["judge", "-", "--comparison", "Gate", "--json", "--values"];
    let judged = monspec(&[&arguments[..], &[&values]].concat(), SPEC);
    assert_eq!((compared.code, judged.code), (1, 1), "{}", compared.err);
    let mut compared: Value = serde_json::from_str(&compared.out).expect("it is JSON");
    for finding in compared["findings"].as_array_mut().expect("it is a list") {
        for (side, environment) in [("source", "Staging"), ("compare", "Production")] {
            assert_eq!(finding[side]["environment"], environment);
            finding[side] = Value::Null;
        }
    }
    let judged: Value = serde_json::from_str(&judged.out).expect("it is JSON");
    assert_eq!(compared, judged);
}

#[tokio::test(flavor = "multi_thread")]
async fn annotated_spec_reads_back_as_the_same_with_its_entities() {
    let tenant = tenant().await;
    traffic(&tenant, STAGING, 0, 100.0);
    traffic(&tenant, PRODUCTION, 0, 100.0);
    let annotated = path("compare_annotated.json");

    // Only API v1 has to name entities to ask for their numbers.
    let ran = compare(&tenant, "v1", "Gate", &["--annotated", &annotated]);

    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    let text = fs::read_to_string(&annotated).unwrap();
    let read = |text: &str| ::monspec::read(text, |_| None).spec.unwrap();
    assert_eq!(read(&text), read(SPEC));
    let written: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(
        written["Shop"]["_resolved_entities"]["Staging"],
        serde_json::json!([STAGING])
    );
    assert_eq!(written["Shop"]["perfsignature"][0]["status"], "ok");
}
