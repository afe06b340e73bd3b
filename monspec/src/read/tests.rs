use lint::Severity;

use super::read;
use crate::comparison::{MissingBaseline, OpenProblems, WhenInconclusive};
use crate::metrics::MetricFacts;
use crate::signature::{Aggregate, BoundSide, Direction, Merge, Metric};
use crate::spec::{EntityType, Monspec};

const CLEAN: &str = r#"{
  "Shop": {
    "etype": "SERVICE",
    "environments": {
      "Staging": { "tags": [{ "key": "Group", "value": "Staging" }] },
      "Production": { "tags": [{ "key": "Group", "value": "Production" }] }
    },
    "comparisons": [
      { "name": "Gate", "source": "Staging", "compare": "Production", "scalefactorperc": { "default": 15 } }
    ],
    "perfsignature": [
      { "timeseries": "response", "aggregate": "avg" }
    ]
  }
}"#;

fn metrics(timeseries: &str) -> Option<MetricFacts> {
    match timeseries {
        "requests" => Some(MetricFacts {
            aggregates: &["count"],
            has_v2_counterpart: true,
        }),
        "relic" => Some(MetricFacts {
            aggregates: &[],
            has_v2_counterpart: false,
        }),
        _ => None,
    }
}

fn linted(source: &str) -> Vec<String> {
    let reading = read(source, metrics);
    let refused = reading
        .messages
        .iter()
        .any(|one| one.severity == Severity::Error);
    assert_eq!(
        reading.spec.is_none(),
        refused,
        "a spec is there exactly without an error"
    );
    let line = |one: &lint::Message| {
        format!(
            "{} {} {}: {} => {}",
            one.position, one.severity, one.path, one.problem, one.fix
        )
    };
    reading.messages.iter().map(line).collect()
}

/// Replaces a part of the clean spec and compares what the linter says.
#[track_caller]
fn check(part: &str, replacement: &str, expected: &[&str]) {
    assert!(CLEAN.contains(part), "{part}");
    assert_eq!(linted(&CLEAN.replacen(part, replacement, 1)), expected);
}

fn spec(source: &str) -> Monspec {
    let reading = read(source, metrics);
    reading
        .spec
        .unwrap_or_else(|| panic!("{:#?}", reading.messages))
}

#[test]
fn clean_spec_gives_no_message() {
    check("Shop", "Shop", &[]);
}

#[test]
fn example_gives_no_message() {
    assert_eq!(linted(include_str!("../../examples/monspec.json")), [""; 0]);
}

#[test]
fn every_field_is_read() {
    let spec = spec(
        r#"{
        "_comment": { "free": ["text"] },
        "$schema": "monspec.schema.json",
        "Shop": {
            "etype": "PROCESS_GROUP_INSTANCE", "name": "The shop", "owner": "Team A", "_note": 1,
            "environments": { "S": { "tags": [
                { "context": "CONTEXTLESS", "key": "a" },
                { "context": "AWS", "key": "b", "value": "c" }
            ] } },
            "comparisons": [{
                "name": "Gate", "source": "S",
                "scalefactorperc": { "default": "12.5", "toRelationships:calls": 3, "_why": "few" },
                "shiftsourcetimeframe": "120", "shiftcomparetimeframe": 86400,
                "whenInconclusive": "approve", "missingBaseline": "firstRelease", "openProblems": "count"
            }],
            "perfsignature": [
                { "smartscape": "toRelationships:calls", "validate": "lower", "lowerlimit": "1" },
                { "selector": "builtin:service.cpu.time", "aggregate": "p99.9", "merge": "mean" }
            ],
            "servicemethods": [{ "name": "/api", "perfsignature": [
                { "timeseries": "response", "upperlimit": 5.5, "lowerlimit": -1 }
            ] }]
        }}"#,
    );
    let [entry] = spec.entries.as_slice() else {
        panic!("one entry")
    };
    assert_eq!(
        (entry.id.as_str(), entry.etype),
        ("Shop", EntityType::ProcessGroupInstance)
    );
    assert_eq!(entry.name.as_deref(), Some("The shop"));
    assert_eq!(entry.owner.as_deref(), Some("Team A"));
    let tags: Vec<_> = entry.environments["S"]
        .tags
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(tags, ["a", "[AWS]b:c"]);

    let comparison = &entry.comparisons[0];
    assert_eq!(
        (comparison.source.as_str(), &comparison.compare),
        ("S", &None)
    );
    assert_eq!(
        (
            comparison.shift_source_seconds,
            comparison.shift_compare_seconds
        ),
        (120, 86_400)
    );
    assert_eq!(comparison.when_inconclusive, WhenInconclusive::Approve);
    assert_eq!(comparison.missing_baseline, MissingBaseline::FirstRelease);
    assert_eq!(comparison.open_problems, OpenProblems::Count);

    let [calls, selector] = entry.signatures.as_slice() else {
        panic!("two signatures")
    };
    let relation = "calls".to_owned();
    assert_eq!(
        calls.metric,
        Metric::Smartscape {
            direction: Direction::To,
            relation
        }
    );
    assert_eq!(
        (calls.aggregate, calls.validate),
        (Aggregate::Count, BoundSide::Lower)
    );
    assert_eq!((calls.lower_limit, calls.upper_limit), (Some(1.0), None));
    assert!((comparison.scale.of(&calls.metric) - 3.0).abs() < f64::EPSILON);
    assert!((comparison.scale.of(&selector.metric) - 12.5).abs() < f64::EPSILON);
    assert_eq!(
        selector.metric,
        Metric::Selector("builtin:service.cpu.time".into())
    );
    assert_eq!(
        (selector.aggregate, selector.merge),
        (Aggregate::Percentile(99.9), Merge::Mean)
    );

    let method = &entry.methods[0].signatures[0];
    assert_eq!(entry.methods[0].name, "/api");
    assert_eq!(
        (method.aggregate, method.validate),
        (Aggregate::Avg, BoundSide::Upper)
    );
    assert_eq!(
        (method.upper_limit, method.lower_limit),
        (Some(5.5), Some(-1.0))
    );
}

#[test]
fn all_entity_types_are_read() {
    for etype in EntityType::ALL {
        let spec = spec(&CLEAN.replace("SERVICE", etype.as_str()));
        assert_eq!(spec.entries[0].etype, etype);
    }
}

#[test]
fn annotations_of_2018_result_files_are_ignored() {
    let annotated = CLEAN
        .replace("\"Shop\"", "\"_resolved_comparison\": \"Gate\", \"Shop\"")
        .replace(
            "\"etype\"",
            "\"status\": \"ok\", \"_resolved_entities\": {}, \"etype\"",
        )
        .replace(
            "\"avg\"",
            "\"avg\", \"actualSourceValue\": 1, \"actualCompareValue\": null, \
             \"actualUpperLimit\": 2, \"actualLowerLimit\": 0, \"status\": \"violation\"",
        );
    assert_eq!(linted(&annotated), [""; 0]);
    assert_eq!(spec(&annotated), spec(CLEAN));
}

#[test]
fn byte_order_mark_comments_and_trailing_commas_are_fine() {
    let lenient = CLEAN
        .replace("\"avg\"", "/* the mean */ \"avg\", // of all\n")
        .replace("}]", "},]");
    assert_eq!(spec(&format!("\u{feff}{lenient}")), spec(CLEAN));
}

#[test]
fn spec_in_the_manner_of_the_tutorial_is_read_with_hints_only() {
    let source = include_str!("tutorial.jsonc");
    let hint = "hint $.SampleJSonService.perfsignature[0]";
    let disabled = "this limit is disabled: fields that begin with `_` are comments";
    assert_eq!(
        linted(source),
        [
            format!(
                "30:7 {hint}._upperlimit: {disabled} => remove it, or write `upperlimit` to enforce it"
            ),
            format!(
                "31:7 {hint}._lowerlimit: {disabled} => remove it, or write `lowerlimit` to enforce it"
            ),
        ]
    );
    let entry = &spec(source).entries[0];
    let metrics: Vec<_> = entry
        .signatures
        .iter()
        .map(|one| format!("{} {} {}", one.metric, one.aggregate, one.validate))
        .collect();
    assert_eq!(
        metrics,
        [
            "com.dynatrace.builtin:service.responsetime avg upper",
            "com.dynatrace.builtin:service.responsetime max upper",
            "com.dynatrace.builtin:service.requestspermin count lower",
        ]
    );
    assert!(
        entry
            .signatures
            .iter()
            .all(crate::Signature::needs_baseline)
    );
    assert_eq!(entry.comparisons[1].seconds_between_windows(), 3600);
}

#[test]
fn text_that_is_not_json_is_an_error() {
    check(
        "\"avg\"",
        "avg",
        &["12:48 error $: not JSON: unexpected word => look at this place and shortly before it"],
    );
}

#[test]
fn misspelled_field_is_an_error_with_the_right_name() {
    let unknown = |place: &str, key: &str, meant: &str| {
        format!("{place}: unknown field \"{key}\" => did you mean `{meant}`?")
    };
    let first = "$.Shop.perfsignature[0]";
    check(
        "\"aggregate\"",
        "\"upperLImit\": 1, \"aggregate\"",
        &[&unknown(
            &format!("12:35 error {first}.upperLImit"),
            "upperLImit",
            "upperlimit",
        )],
    );
    check(
        "\"aggregate\"",
        "\"validate \": 1, \"aggregate\"",
        &[&unknown(
            &format!("12:35 error {first}[\"validate \"]"),
            "validate ",
            "validate",
        )],
    );
    check(
        "timeseries",
        "timeseriers",
        &[
            "12:7 error $.Shop.perfsignature[0]: the signature names no metric => add `timeseries`, `selector` or `smartscape`",
            &unknown(
                &format!("12:9 error {first}.timeseriers"),
                "timeseriers",
                "timeseries",
            ),
        ],
    );
}

#[test]
fn other_unknown_field_is_a_warning() {
    check(
        "\"aggregate\"",
        "\"severity\": 1, \"aggregate\"",
        &[
            "12:35 warning $.Shop.perfsignature[0].severity: unknown field \"severity\"; it is ignored => remove it, or begin its name with `_` to make it a comment",
        ],
    );
}

#[test]
fn unknown_entity_type_is_an_error() {
    check(
        "SERVICE",
        "SERVCE",
        &["3:14 error $.Shop.etype: `SERVCE` is not known here => did you mean `SERVICE`?"],
    );
    check(
        "SERVICE",
        "DATABASE",
        &[
            "3:14 error $.Shop.etype: `DATABASE` is not known here => it can be `SERVICE`, `APPLICATION`, `HOST`, `PROCESS_GROUP`, `PROCESS_GROUP_INSTANCE`",
        ],
    );
}

#[test]
fn unknown_aggregate_is_an_error() {
    check(
        "\"avg\"",
        "\"agv\"",
        &[
            "12:48 error $.Shop.perfsignature[0].aggregate: `agv` is not an aggregate => did you mean `avg`?",
        ],
    );
}

#[test]
fn unknown_side_is_an_error_and_never_the_lower_one() {
    check(
        "\"avg\"",
        "\"avg\", \"validate\": \"uper\"",
        &[
            "12:67 error $.Shop.perfsignature[0].validate: `uper` is not known here => did you mean `upper`?",
        ],
    );
}

#[test]
fn unknown_policy_is_an_error() {
    check(
        "\"name\": \"Gate\"",
        "\"name\": \"Gate\", \"whenInconclusive\": \"pass\", \"missingBaseline\": \"firstrelease\", \"openProblems\": \"warn\"",
        &[
            "9:45 error $.Shop.comparisons[0].whenInconclusive: `pass` is not known here => it can be `approve`, `hold`, `reject`",
            "9:72 error $.Shop.comparisons[0].missingBaseline: `firstrelease` is not known here => did you mean `firstRelease`?",
            "9:104 error $.Shop.comparisons[0].openProblems: `warn` is not known here => it can be `tell`, `count`, `ignore`",
        ],
    );
}

#[test]
fn comparison_of_a_missing_environment_is_an_error() {
    check(
        "\"source\": \"Staging\"",
        "\"source\": \"Stagin\"",
        &[
            "9:35 error $.Shop.comparisons[0].source: the entry has no environment `Stagin` => did you mean `Staging`?",
        ],
    );
    check(
        "\"compare\": \"Production\"",
        "\"compare\": \"Canary\"",
        &[
            "9:57 error $.Shop.comparisons[0].compare: the entry has no environment `Canary` => declared are `Staging`, `Production`",
        ],
    );
}

#[test]
fn duplicate_comparison_name_is_an_error() {
    check(
        "{ \"name\": \"Gate\"",
        "{ \"name\": \"Gate\", \"source\": \"Staging\" }, { \"name\": \"Gate\"",
        &[
            "9:58 error $.Shop.comparisons[1].name: the comparison `Gate` is declared twice => give each comparison of an entry a name of its own",
        ],
    );
}

#[test]
fn signature_with_two_metrics_is_an_error() {
    check(
        "\"aggregate\"",
        "\"selector\": \"builtin:x\", \"aggregate\"",
        &[
            "12:47 error $.Shop.perfsignature[0].selector: the signature already names a metric, `selector` is one too many => make two signatures of it",
        ],
    );
}

#[test]
fn relationship_that_the_entity_cannot_have_is_told() {
    for (smartscape, told) in [
        (
            "toRelationships:cals",
            "error $.Shop.perfsignature[0].smartscape: a SERVICE is not known to have the relationship `toRelationships:cals` => did you mean `toRelationships:calls`?",
        ),
        (
            "fromRelationships:RunsOn",
            "error $.Shop.perfsignature[0].smartscape: a SERVICE is not known to have the relationship `fromRelationships:RunsOn` => did you mean `fromRelationships:runsOn`?",
        ),
        (
            "toRelationships:runsOn",
            "warning $.Shop.perfsignature[0].smartscape: a SERVICE is not known to have the relationship `toRelationships:runsOn` => did you mean `fromRelationships:runsOn`?",
        ),
        (
            "toRelationships:dependsOn",
            "warning $.Shop.perfsignature[0].smartscape: a SERVICE is not known to have the relationship `toRelationships:dependsOn` => known are `calls`, `isServiceMethodOfService`, `isInstanceOf`, `isGroupOf`, `isClusterOfService`, `isNamespaceOfService`; another is a gap unless the tenant knows it",
        ),
    ] {
        check(
            "\"timeseries\": \"response\", \"aggregate\": \"avg\"",
            &format!("\"smartscape\": \"{smartscape}\""),
            &[&format!("12:23 {told}")],
        );
    }
}

#[test]
fn broken_relationship_is_an_error() {
    for (smartscape, problem) in [
        (
            "calls",
            "`calls` is no direction of a relationship => it begins with `fromRelationships`, `toRelationships`",
        ),
        (
            "toRelationship:calls",
            "`toRelationship` is no direction of a relationship => did you mean `toRelationships`?",
        ),
        (
            "toRelationships",
            "the relationship has no name => write `toRelationships:calls` or `toRelationships:runsOn` for example",
        ),
    ] {
        check(
            "\"timeseries\": \"response\", \"aggregate\": \"avg\"",
            &format!("\"smartscape\": \"{smartscape}\""),
            &[&format!(
                "12:23 error $.Shop.perfsignature[0].smartscape: {problem}"
            )],
        );
    }
}

#[test]
fn environment_compared_with_itself_at_the_same_time_is_an_error() {
    let same = "\"compare\": \"Staging\"";
    check(
        "\"compare\": \"Production\"",
        same,
        &[
            "9:57 error $.Shop.comparisons[0].compare: `Staging` is compared with itself at the same time => set `shiftcomparetimeframe` to the age of the baseline in seconds",
        ],
    );
    check(
        "\"compare\": \"Production\"",
        &format!("{same}, \"shiftcomparetimeframe\": 3600"),
        &[],
    );
}

#[test]
fn wrong_types_are_errors() {
    check(
        "[{ \"key\": \"Group\", \"value\": \"Staging\" }]",
        "{ \"key\": \"Group\" }",
        &[
            "5:28 error $.Shop.environments.Staging.tags: expected a list, found an object => put it into `[ … ]`",
        ],
    );
    check(
        "\"environments\": {\n",
        "\"environments\": [], \"_\": {\n",
        &[
            "4:21 error $.Shop.environments: expected an object, found a list => put it into `{ … }`",
        ],
    );
    check(
        "{ \"default\": 15 }",
        "15",
        &[
            "9:90 error $.Shop.comparisons[0].scalefactorperc: expected an object, found a number => put it into `{ … }`",
        ],
    );
    check(
        "\"Staging\" }]",
        "1 }]",
        &[
            "5:56 error $.Shop.environments.Staging.tags[0].value: expected a text, found a number => put it in double quotes, or remove the field",
        ],
    );
    for (text, found) in [
        ("\"fast\"", "the text \"fast\""),
        ("\"inf\"", "the text \"inf\""),
        ("\"NaN\"", "the text \"NaN\""),
        ("true", "a boolean"),
        ("null", "null"),
    ] {
        check(
            "\"avg\"",
            &format!("\"avg\", \"upperlimit\": {text}"),
            &[&format!(
                "12:69 error $.Shop.perfsignature[0].upperlimit: expected a number, found {found} => write a plain number, 100 or 99.5 for example"
            )],
        );
    }
}

#[test]
fn missing_required_fields_are_errors() {
    check(
        "\"etype\": \"SERVICE\",",
        "",
        &["2:11 error $.Shop: `etype` is missing => add `\"etype\": …`"],
    );
    check(
        "\"name\": \"Gate\", \"source\": \"Staging\", ",
        "",
        &[
            "9:7 error $.Shop.comparisons[0]: `name` is missing => add `\"name\": …`",
            "9:7 error $.Shop.comparisons[0]: `source` is missing => add `\"source\": …`",
        ],
    );
    check(
        "\"key\": \"Group\", ",
        "",
        &["5:29 error $.Shop.environments.Staging.tags[0]: `key` is missing => add `\"key\": …`"],
    );
    check(
        "[{ \"key\": \"Group\", \"value\": \"Staging\" }]",
        "[]",
        &[
            "5:28 error $.Shop.environments.Staging.tags: without a tag the environment would be every entity there is => add the tag that the entities of this environment carry",
        ],
    );
    check(
        "\"Gate\"",
        "\" \"",
        &[
            "9:17 error $.Shop.comparisons[0].name: the text is empty => fill it in, or remove the field",
        ],
    );
    assert_eq!(
        linted(r#"{ "_Shop": {} }"#),
        [
            "1:1 error $: the file declares no service entry => add an entry: `\"<your service>\": { \"etype\": \"SERVICE\", … }`"
        ]
    );
    assert_eq!(
        linted("[]"),
        [
            "1:1 error $: a monspec is an object of service entries, this is a list => write `{ \"<your service>\": { … } }`"
        ]
    );
}

#[test]
fn method_listed_twice_is_an_error() {
    let method = r#"{ "name": "/api", "perfsignature": [{ "timeseries": "response" }] }"#;
    check(
        "\"perfsignature\"",
        &format!("\"servicemethods\": [{method}, {method}],\n\"perfsignature\""),
        &[
            "11:93 error $.Shop.servicemethods[1]: the method `/api` is listed twice => put all signatures of a method into one place",
        ],
    );
}

#[test]
fn broken_entry_does_not_hide_what_is_missing_in_another() {
    let idle = CLEAN.replacen(
        "{ \"timeseries\": \"response\", \"aggregate\": \"avg\" }",
        "",
        1,
    );
    let messages = linted(&idle.replacen('{', "{ \"Broken\": 1,", 1));
    assert_eq!(messages.len(), 2, "{messages:?}");
    assert!(
        messages[1].contains("there is nothing to judge"),
        "{messages:?}"
    );
}

#[test]
fn broken_entry_does_not_hide_the_others() {
    let source =
        r#"{ "A": 1, "B": { "etype": "HOTS" }, "C": { "etype": "HOST", "environments": {} } }"#;
    assert_eq!(
        linted(source),
        [
            "1:8 error $.A: expected an object, found a number => put it into `{ … }`",
            "1:16 error $.B: `environments` is missing => add `\"environments\": …`",
            "1:27 error $.B.etype: `HOTS` is not known here => did you mean `HOST`?",
            "1:77 error $.C.environments: no environment is declared => add one: `\"Staging\": { \"tags\": [ … ] }`",
        ]
    );
}

#[test]
fn limits_that_exclude_every_value_are_an_error() {
    check(
        "\"avg\"",
        "\"avg\", \"upperlimit\": 1, \"lowerlimit\": 2",
        &[
            "12:72 error $.Shop.perfsignature[0].lowerlimit: no value is at least 2 and at most 1 => swap `lowerlimit` and `upperlimit`",
        ],
    );
    check(
        "\"avg\"",
        "\"avg\", \"upperlimit\": 2, \"lowerlimit\": 2",
        &[],
    );
}

#[test]
fn limit_that_contradicts_the_side_is_a_warning() {
    check(
        "\"avg\"",
        "\"avg\", \"validate\": \"upper\", \"lowerlimit\": 2",
        &[
            "12:55 warning $.Shop.perfsignature[0].validate: the upper side is to be validated, but only `lowerlimit` is set => set `upperlimit`, or change `validate`",
        ],
    );
    check(
        "\"avg\"",
        "\"avg\", \"validate\": \"lower\", \"upperlimit\": 2",
        &[
            "12:55 warning $.Shop.perfsignature[0].validate: the lower side is to be validated, but only `upperlimit` is set => set `lowerlimit`, or change `validate`",
        ],
    );
    check("\"avg\"", "\"avg\", \"lowerlimit\": 2", &[]);
}

#[test]
fn lower_limit_that_nothing_violates_is_a_warning() {
    let lower = CLEAN.replace("\"avg\"", "\"avg\", \"validate\": \"lower\"");
    assert_eq!(
        linted(&lower.replace("15", "100")),
        [
            "9:92 warning $.Shop.comparisons[0].scalefactorperc.default: a lower limit of 100 % below the baseline of `response` can never be violated => use a factor below 100 for this metric, or set its `lowerlimit`"
        ]
    );
    assert_eq!(
        linted(&lower.replace("15", "15, \"response\": 150")),
        [
            "9:107 warning $.Shop.comparisons[0].scalefactorperc.response: a lower limit of 150 % below the baseline of `response` can never be violated => use a factor below 100 for this metric, or set its `lowerlimit`"
        ]
    );
    assert_eq!(
        linted(&lower.replace("15", "150, \"response\": 99")),
        [""; 0]
    );
    assert_eq!(
        linted(
            &lower
                .replace("15", "150")
                .replace("avg\"", "avg\", \"lowerlimit\": 1")
        ),
        [""; 0]
    );
    assert_eq!(linted(&CLEAN.replace("15", "150")), [""; 0]);
}

#[test]
fn negative_factor_is_a_warning() {
    check(
        "15",
        "-5",
        &[
            "9:103 warning $.Shop.comparisons[0].scalefactorperc.default: a negative factor wants the new build to be better than the baseline => write how many percent it may be worse",
        ],
    );
}

#[test]
fn misspelled_factor_is_reported() {
    check(
        "\"default\"",
        "\"defualt\"",
        &[
            "9:92 error $.Shop.comparisons[0].scalefactorperc.defualt: unknown factor \"defualt\" => did you mean `default`?",
        ],
    );
    check(
        "\"default\"",
        "\"respnse\"",
        &[
            "9:92 warning $.Shop.comparisons[0].scalefactorperc.respnse: no signature of this entry has this metric, so the factor is never used => did you mean `response`?",
        ],
    );
    check("\"default\"", "\"another.metric\"", &[]);
}

#[test]
fn aggregate_that_the_metric_does_not_have_is_a_warning() {
    check(
        "response",
        "requests",
        &[
            "12:48 warning $.Shop.perfsignature[0].aggregate: `requests` has no `avg` => it has `count`",
        ],
    );
    check(
        "\"response\", \"aggregate\": \"avg\"",
        "\"requests\", \"aggregate\": \"count\"",
        &[],
    );
    check(
        "\"timeseries\": \"response\"",
        "\"smartscape\": \"fromRelationships:calls\"",
        &[
            "12:63 warning $.Shop.perfsignature[0].aggregate: `fromRelationships:calls` has no `avg` => it has `count`",
        ],
    );
}

#[test]
fn metric_without_counterpart_is_a_warning() {
    check(
        "response",
        "relic",
        &[
            "12:23 warning $.Shop.perfsignature[0].timeseries: `relic` has no counterpart in Dynatrace API v2 and cannot be judged there => use another metric, or write a v2 metric selector as `selector`",
        ],
    );
}

#[test]
fn comparisons_without_signatures_are_a_warning() {
    check(
        "{ \"timeseries\": \"response\", \"aggregate\": \"avg\" }",
        "",
        &[
            "8:5 warning $.Shop.comparisons: there are comparisons but no signature, so there is nothing to judge => add `perfsignature` with at least one metric",
        ],
    );
}

#[test]
fn shift_that_looks_like_minutes_is_a_hint() {
    for minutes in [1, 2, 10, 60, 1440] {
        check(
            "\"name\": \"Gate\"",
            &format!("\"name\": \"Gate\", \"shiftcomparetimeframe\": {minutes}"),
            &[&format!(
                "9:50 hint $.Shop.comparisons[0].shiftcomparetimeframe: shifts count seconds; were {minutes} minutes meant? => {minutes} minutes are {}",
                minutes * 60
            )],
        );
    }
}

#[test]
fn shift_that_is_no_time_is_reported() {
    for shift in ["1.5", "1e12"] {
        check(
            "\"name\": \"Gate\"",
            &format!("\"name\": \"Gate\", \"shiftcomparetimeframe\": {shift}"),
            &[
                "9:50 error $.Shop.comparisons[0].shiftcomparetimeframe: a shift is a whole number of seconds, ten years at most => write how many seconds back the window lies: 3600 is an hour, 86400 a day",
            ],
        );
    }
    check(
        "\"name\": \"Gate\"",
        "\"name\": \"Gate\", \"shiftcomparetimeframe\": -3600",
        &[
            "9:50 warning $.Shop.comparisons[0].shiftcomparetimeframe: a negative shift lies in the future, where there is no data yet => write how many seconds back the window lies",
        ],
    );
}

#[test]
fn window_more_than_a_day_ahead_is_an_error() {
    let shifted = |side: &str, seconds: i64| format!("\"name\": \"Gate\", \"{side}\": {seconds}");
    for side in ["shiftsourcetimeframe", "shiftcomparetimeframe"] {
        check(
            "\"name\": \"Gate\"",
            &shifted(side, -86_401),
            &[&format!(
                "9:{column} error $.Shop.comparisons[0].{side}: the window looks more than a day ahead => write how many seconds back the window lies, without a minus sign",
                column = 29 + side.len()
            )],
        );
    }
    for kept in [-86_400, 864_000] {
        let source = CLEAN.replacen(
            "\"name\": \"Gate\"",
            &shifted("shiftcomparetimeframe", kept),
            1,
        );
        let comparison = &spec(&source).entries[0].comparisons[0];
        assert_eq!(comparison.shift_compare_seconds, kept);
    }
}

/// Where the clean spec says something that is stored and shown, and the most
/// characters that may stand there.
const BOUNDED: [(&str, usize); 9] = [
    ("Shop", 200),
    ("Staging", 200),
    ("Gate", 200),
    ("Name", 200),
    ("/method", 200),
    ("Group", 250),
    ("Value", 250),
    ("response", 1_000),
    ("builtin:cpu", 1_000),
];

const NAMED: &str = r#"{ "Shop": {
    "etype": "SERVICE", "name": "Name",
    "environments": { "Staging": { "tags": [{ "key": "Group", "value": "Value" }] } },
    "comparisons": [{ "name": "Gate", "source": "Staging" }],
    "perfsignature": [
        { "timeseries": "response", "upperlimit": 1 },
        { "selector": "builtin:cpu", "upperlimit": 1 }
    ],
    "servicemethods": [{ "name": "/method", "perfsignature": [{ "timeseries": "requests", "upperlimit": 1, "aggregate": "count" }] }]
} }"#;

/// The messages about the named spec when all of one text is another one.
fn renamed(text: &str, to: &str) -> Vec<String> {
    let quoted = format!("\"{text}\"");
    assert!(NAMED.contains(&quoted), "{text}");
    linted(&NAMED.replace(&quoted, &serde_json::Value::from(to).to_string()))
}

#[test]
fn texts_longer_than_what_is_kept_are_errors() {
    assert_eq!(linted(NAMED), [""; 0]);
    for (text, most) in BOUNDED {
        assert_eq!(renamed(text, &"é".repeat(most)), [""; 0], "{text}");

        let told = renamed(text, &"é".repeat(most + 1));

        let [told] = told.as_slice() else {
            panic!("{text}: {told:?}")
        };
        let part = format!(
            "{} characters, more than the {most} that are kept",
            most + 1
        );
        assert!(told.contains(" error ") && told.contains(&part), "{told}");
    }
}

#[test]
fn names_and_tags_that_hide_something_are_errors() {
    let hidden = ['\n', '\r', '\u{1b}', '\u{9b}', '\u{202e}', '\u{2066}'];
    for (text, _) in BOUNDED.into_iter().filter(|(_, most)| *most < 1_000) {
        for letter in hidden {
            let told = renamed(text, &format!("x{letter}y"));

            let [told] = told.as_slice() else {
                panic!("{text}: {told:?}")
            };
            let part = format!("holds U+{:04X}", u32::from(letter));
            assert!(told.contains(" error ") && told.contains(&part), "{told}");
            assert!(!told.contains(letter), "{told:?}");
        }
    }
}

#[test]
fn no_message_lets_an_author_forge_a_line() {
    let forged = "avg\u{1b}[2J\n1:1 hint $: forged\u{202e}";
    let source = NAMED.replace("\"count\"", &serde_json::Value::from(forged).to_string());

    let told = linted(&source);

    let [told] = told.as_slice() else {
        panic!("{told:?}")
    };
    assert!(
        told.contains(r"`avg\u{1b}[2J\n1:1 hint $: forged\u{202e}`"),
        "{told}"
    );
}

#[test]
fn disabled_limit_is_a_hint() {
    for limit in ["upperlimit", "lowerlimit"] {
        check(
            "\"avg\"",
            &format!("\"avg\", \"_{limit}\": 100"),
            &[&format!(
                "12:55 hint $.Shop.perfsignature[0]._{limit}: this limit is disabled: fields that begin with `_` are comments => remove it, or write `{limit}` to enforce it"
            )],
        );
    }
}

#[test]
fn list_of_absurd_length_is_an_error() {
    let many = "{ \"timeseries\": \"response\" },".repeat(1_001);
    check(
        "{ \"timeseries\": \"response\", \"aggregate\": \"avg\" }",
        &many,
        &[
            "11:22 error $.Shop.perfsignature: there are 1001 elements, more than the 1000 that are read => split the entry",
        ],
    );
}

#[test]
fn comparisons_are_found_across_entries() {
    let two = CLEAN.replacen(
        "\"Shop\": {",
        "\"Other\": { \"etype\": \"HOST\", \"environments\": { \"S\": { \"tags\": [{ \"key\": \"a\" }] } } }, \"Shop\": {",
        1,
    );
    let spec = spec(&two);
    assert_eq!(spec.comparison_names(), ["Gate"]);
    let compared = spec.compared("Gate");
    assert_eq!(
        compared
            .iter()
            .map(|(entry, _)| entry.id.as_str())
            .collect::<Vec<_>>(),
        ["Shop"]
    );
    assert!(spec.compared("Gat").is_empty());
}
