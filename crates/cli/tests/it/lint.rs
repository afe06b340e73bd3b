use serde_json::Value;

use crate::{file, monspec};

const EXAMPLE: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../monspec/examples/monspec.json"
);

const BROKEN: &str = r#"{
  "Shop": {
    "etype": "SERVIC",
    "environments": { "S": { "tags": [{ "key": "a" }] } },
    "perfsignature": [{ "timeseries": "com.dynatrace.builtin:service.requestspermin", "aggregate": "avg" }]
  }
}"#;

#[test]
fn example_of_the_format_is_clean_with_what_is_known_of_metrics() {
    let ran = monspec(&["lint", EXAMPLE], "");
    assert_eq!((ran.code, ran.out.as_str(), ran.err.as_str()), (0, "", ""));
}

#[test]
fn messages_look_like_those_of_a_compiler() {
    let broken = file("lint_compiler.json", BROKEN);
    let ran = monspec(&["lint", &broken], "");
    assert_eq!(ran.code, 1);
    let expected = "\
FILE:3:14: error: `SERVIC` is not known here ($.Shop.etype)
    help: did you mean `SERVICE`?
FILE:5:100: warning: `com.dynatrace.builtin:service.requestspermin` has no `avg` ($.Shop.perfsignature[0].aggregate)
    help: it has `count`
FILE: 1 error, 1 warning
";
    assert_eq!(ran.out.replace(&broken, "FILE"), expected);
}

#[test]
fn warnings_alone_do_not_fail() {
    let ran = monspec(&["lint", "-"], &BROKEN.replace("SERVIC", "SERVICE"));
    assert_eq!(ran.code, 0);
    assert!(ran.out.ends_with("<stdin>: 1 warning\n"), "{}", ran.out);
}

#[test]
fn json_lists_the_messages_of_all_files() {
    let broken = file("lint_json.json", BROKEN);
    let ran = monspec(&["lint", "--json", EXAMPLE, &broken, "-"], "{");
    assert_eq!(ran.code, 1);
    let messages: Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(messages.as_array().unwrap().len(), 3);
    assert_eq!(
        messages[0],
        serde_json::json!({
            "file": broken, "severity": "error", "line": 3, "column": 14, "path": "$.Shop.etype",
            "problem": "`SERVIC` is not known here", "fix": "did you mean `SERVICE`?"
        })
    );
    assert_eq!(messages[2]["file"], "<stdin>");
}

#[test]
fn schema_is_the_one_in_the_repository() {
    let ran = monspec(&["schema"], "");
    assert_eq!(ran.code, 0);
    assert!(ran.out == include_str!("../../../../monspec/schema/monspec.schema.json"));
}
