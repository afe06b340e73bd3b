use std::fs;

use serde_json::{Value, json};

use crate::{Ran, file, monspec, path, schema};

const SPEC: &str = r#"{
  "Shop": {
    "etype": "SERVICE",
    "environments": { "S": { "tags": [{ "key": "a" }] }, "P": { "tags": [{ "key": "b" }] } },
    "comparisons": [
      { "name": "Gate", "source": "S", "compare": "P", "scalefactorperc": { "default": 10 } },
      { "name": "Later", "source": "P", "compare": "P", "shiftcomparetimeframe": 3600 }
    ],
    "perfsignature": [{ "timeseries": "response" }],
    "servicemethods": [{ "name": "/api", "perfsignature": [{ "timeseries": "response", "upperlimit": 5 }] }]
  }
}"#;

const PASSING: &str = r#"[
  { "service": "Shop", "signature": 0, "observation": 110, "baseline": 100 },
  { "service": "Shop", "method": "/api", "signature": 0, "observation": 5, "baseline": null }
]"#;

/// Judges the values by the spec; `name` keeps the files of the tests apart.
fn judge(name: &str, values: &str, more: &[&str]) -> Ran {
    let spec = file(&format!("{name}.spec.json"), SPEC);
    let arguments = ["judge", &spec, "--comparison", "Gate", "--values", "-"];
    monspec(&[&arguments, more].concat(), values)
}

#[test]
fn exit_code_tells_the_verdict() {
    let failing = PASSING.replace("110", "111");
    let gap = PASSING.replace("110", "null");
    for (name, values, code, verdict) in [
        ("passed", PASSING, 0, "verdict: passed"),
        ("failed", &failing, 1, "verdict: failed"),
        ("inconclusive", &gap, 2, "verdict: inconclusive"),
        ("nothing", "[]", 2, "verdict: inconclusive"),
    ] {
        let ran = judge(name, values, &[]);
        assert_eq!(ran.code, code, "{name}: {}", ran.err);
        assert!(
            ran.out.ends_with(&format!("{verdict}\n")),
            "{name}: {}",
            ran.out
        );
    }
}

#[test]
fn table_is_aligned_and_explains_itself() {
    let ran = judge("table", &PASSING.replace("110", "111.5"), &[]);
    let expected = r#"OUTCOME   SIGNATURE                                     METRIC          OBSERVATION  BASELINE  LIMIT  REASON
violated  Shop.perfsignature[0]                         response (avg)  111.5        100       ≤ 110  1.5 beyond (1.01 × the limit)
held      Shop.servicemethods["/api"].perfsignature[0]  response (avg)  5            -         ≤ 5    exactly at the limit

verdict: failed
"#;
    assert_eq!(ran.out, expected);
}

#[test]
fn metric_that_commands_a_terminal_is_shown_and_not_obeyed() {
    let spec = SPEC.replace(
        r#""perfsignature": [{ "timeseries": "response" }]"#,
        r#""perfsignature": [{ "timeseries": "\u001b[2J\nverdict: passed\u202e" }]"#,
    );
    let spec = file("commands.spec.json", spec);
    let failing = PASSING.replace("110", "111");

    let ran = monspec(
        &["judge", &spec, "--comparison", "Gate", "--values", "-"],
        &failing,
    );

    assert_eq!(ran.code, 1, "{}", ran.err);
    assert!(
        ran.out
            .contains(r"\u{1b}[2J\nverdict: passed\u{202e} (avg)"),
        "{}",
        ran.out
    );
    let verdicts: Vec<_> = ran
        .out
        .lines()
        .filter(|line| line.starts_with("verdict"))
        .collect();
    assert_eq!(verdicts, ["verdict: failed"]);
}

#[test]
fn complaint_about_values_stays_on_its_line() {
    let values =
        r#"[{ "service": "S\n\u001b[2Jforged", "signature": 0, "observation": 1, "baseline": 1 }]"#;

    let ran = judge("complaint", values, &[]);

    assert_eq!(ran.code, 65);
    assert_eq!(ran.err.lines().count(), 1, "{}", ran.err);
    assert!(ran.err.contains(r"`S\n\u{1b}[2Jforged`"), "{}", ran.err);
}

#[test]
fn json_has_exactly_the_promised_fields() {
    let ran = judge("json", &PASSING.replace("100", "null"), &["--json"]);
    assert_eq!(ran.code, 2);
    let judged: Value = serde_json::from_str(&ran.out).unwrap();
    schema::assert_is("Judged", &judged);
    assert_eq!(
        judged,
        json!({
            "verdict": "inconclusive",
            "findings": [
                {
                    "service": "Shop", "method": null, "signature": 0, "metric": "response",
                    "aggregate": "avg", "side": "upper", "outcome": "inconclusive", "accepted": false,
                    "unit": null, "observation": 110.0, "baseline": null, "tolerance": 10.0,
                    "upperLimit": null, "lowerLimit": null, "margin": null,
                    "reason": "no baseline: nothing was measured", "source": null, "compare": null
                },
                {
                    "service": "Shop", "method": "/api", "signature": 0, "metric": "response",
                    "aggregate": "avg", "side": "upper", "outcome": "held", "accepted": false,
                    "unit": null, "observation": 5.0, "baseline": null, "tolerance": null,
                    "upperLimit": 5.0, "lowerLimit": null, "margin": 0.0,
                    "reason": "5 does not exceed the upper limit 5", "source": null, "compare": null
                }
            ]
        })
    );
}

#[test]
fn people_read_milliseconds_and_programs_the_number_with_its_unit() {
    let known = r#""com.dynatrace.builtin:service.responsetime""#;
    let spec = file("units.spec.json", SPEC.replacen(r#""response""#, known, 1));
    let arguments = ["judge", &spec, "--comparison", "Gate", "--values", "-"];
    let values = PASSING.replace("110", "102095").replace("100", "98000");

    let told = monspec(&arguments, &values);
    let json = monspec(&[&arguments[..], &["--json"]].concat(), &values);

    assert!(
        told.out
            .contains("102.1 ms     98 ms     ≤ 107.8 ms  5.705 ms to spare"),
        "{}",
        told.out
    );
    let judged: Value = serde_json::from_str(&json.out).unwrap();
    let finding = &judged["findings"][0];
    assert_eq!(finding["observation"], 102_095.0);
    assert_eq!(finding["unit"], "µs");
}

#[test]
fn annotated_spec_is_written_and_clean() {
    let annotated = path("annotated.json");
    let ran = judge("annotate", PASSING, &["--annotated", &annotated]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    let written: Value = serde_json::from_str(&fs::read_to_string(&annotated).unwrap()).unwrap();
    assert_eq!(written["Shop"]["status"], "ok");
    assert_eq!(
        written["Shop"]["perfsignature"][0]["actualUpperLimit"],
        110.0
    );
    assert_eq!(monspec(&["lint", &annotated], "").out, "");
}

#[test]
fn spec_from_standard_input_is_judged_too() {
    let values = file("stdin_spec.values.json", PASSING);
    let ran = monspec(
        &["judge", "-", "--comparison", "Gate", "--values", &values],
        SPEC,
    );
    assert_eq!(ran.code, 0, "{}", ran.err);
}

#[test]
fn values_that_belong_nowhere_are_refused_by_name() {
    let shop = r#"{ "service": "Shop", "signature": 0, "observation": 1, "baseline": 1 }"#;
    for (name, values, complaint) in [
        (
            "service",
            shop.replace("Shop", "Shpo"),
            "no service `Shpo` with signatures takes part in `Gate`; these do: Shop",
        ),
        (
            "method",
            shop.replace("\"signature\"", "\"method\": \"/ap\", \"signature\""),
            "`Shop` has no method `/ap` with signatures; it has: /api",
        ),
        (
            "signature",
            shop.replace('0', "1"),
            "Shop.perfsignature[1] does not exist: there are 1 signatures, 1 is not one; the first is 0",
        ),
        (
            "twice",
            format!("{shop}, {shop}"),
            "there are two values for Shop.perfsignature[0]; remove one of them",
        ),
        (
            "field",
            shop.replace("baseline", "basline"),
            "unknown field `basline`",
        ),
        (
            "infinite",
            shop.replace('1', "1e999"),
            "number out of range",
        ),
    ] {
        let ran = judge(&format!("nowhere_{name}"), &format!("[{values}]"), &[]);
        assert_eq!((ran.code, ran.out.as_str()), (65, ""), "{name}");
        assert!(ran.err.contains(complaint), "{name}: {}", ran.err);
    }
}

#[test]
fn unknown_comparison_lists_the_known_ones() {
    let ran = monspec(
        &[
            "judge",
            "-",
            "--comparison",
            "Gatt",
            "--values",
            "values.json",
        ],
        SPEC,
    );
    assert_eq!(ran.code, 64);
    assert_eq!(
        ran.err,
        "monspec: there is no comparison `Gatt`; the monspec has: Gate, Later\n"
    );
}

#[test]
fn errors_of_the_spec_are_told_as_lint_tells_them() {
    let broken = SPEC.replace("SERVICE", "SERVIC");
    let linted = monspec(&["lint", "-"], &broken);
    let ran = monspec(
        &[
            "judge",
            "-",
            "--comparison",
            "Gate",
            "--values",
            "values.json",
        ],
        &broken,
    );
    assert_eq!((ran.code, ran.out.as_str()), (65, ""));
    let last = "monspec: <stdin> has errors; repair them first\n";
    assert_eq!(ran.err, format!("{}{last}", linted.out));
}
