use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{AnnotateError, Entities, annotate};
use crate::judge::{Address, Finding, Gap, Measured, Measurement, addresses, judge};
use crate::read;

const SOURCE: &str = r#"{
  // Comments of this kind are lost.
  "_comment": "this one stays",
  "Shop": {
    "etype": "SERVICE",
    "environments": { "S": { "tags": [{ "key": "a" }] }, "P": { "tags": [{ "key": "b" }] } },
    "comparisons": [{ "name": "Gate", "source": "S", "compare": "P", "scalefactorperc": { "default": 12.5 } }],
    "perfsignature": [{ "timeseries": "response", "_upper": 3 }, { "timeseries": "requests", "validate": "lower" }],
    "servicemethods": [{ "name": "/api", "perfsignature": [{ "timeseries": "response", "upperlimit": "100" }] }],
  },
}"#;

fn findings(source: &str, values: &[(Option<f64>, Option<f64>)]) -> Vec<Finding> {
    let spec = read(source, |_| None).spec.unwrap();
    let [(entry, comparison)] = spec.compared("Gate")[..] else {
        panic!("one entry")
    };
    let number = |value: Option<f64>| {
        value.map_or(Measurement::Missing(Gap::NotMeasured), Measurement::Value)
    };
    let measured: BTreeMap<Address, Measured> = addresses(entry)
        .zip(values)
        .map(|((address, _), (observation, baseline))| {
            (
                address,
                Measured {
                    observation: number(*observation),
                    baseline: number(*baseline),
                },
            )
        })
        .collect();
    judge(entry, comparison, &measured)
}

fn annotated(source: &str, values: &[(Option<f64>, Option<f64>)]) -> String {
    let found = BTreeMap::from([("S".into(), vec!["SERVICE-1".into()]), ("P".into(), vec![])]);
    let entities: Entities = BTreeMap::from([("Shop".into(), found)]);
    annotate(source, "Gate", &findings(source, values), &entities).unwrap()
}

#[test]
fn findings_appear_where_the_2018_format_had_them() {
    let text = annotated(
        SOURCE,
        &[
            (Some(9.0), Some(8.0)),
            (None, Some(10.0)),
            (Some(101.0), None),
        ],
    );
    let file: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(file["_resolved_comparison"], "Gate");
    let shop = &file["Shop"];
    assert_eq!(
        shop["_resolved_entities"],
        json!({ "P": [], "S": ["SERVICE-1"] })
    );
    assert_eq!(shop["status"], "violation");
    assert_eq!(
        shop["perfsignature"],
        json!([
            {
                "timeseries": "response", "_upper": 3, "actualSourceValue": 9.0,
                "actualCompareValue": 8.0, "actualUpperLimit": 9.0, "status": "ok"
            },
            {
                "timeseries": "requests", "validate": "lower", "actualSourceValue": null,
                "actualCompareValue": 10.0, "status": "inconclusive"
            },
        ])
    );
    assert_eq!(
        shop["servicemethods"][0]["perfsignature"][0],
        json!({
            "timeseries": "response", "upperlimit": "100", "actualSourceValue": 101.0,
            "actualCompareValue": null, "actualUpperLimit": 100.0, "status": "violation"
        })
    );
}

#[test]
fn annotations_of_an_earlier_run_are_replaced() {
    let held = [
        (Some(9.0), Some(8.0)),
        (Some(9.0), Some(10.0)),
        (Some(1.0), None),
    ];
    let gaps = [(None, None), (None, None), (None, None)];
    let again = annotated(&annotated(SOURCE, &held), &gaps);
    assert_eq!(again, annotated(&annotated(SOURCE, &gaps), &gaps));
    assert!(!again.contains("actualUpperLimit"), "{again}");
}

#[test]
fn annotated_spec_reads_back_as_the_same_spec() {
    let text = annotated(SOURCE, &[(Some(9.0), Some(8.0))]);
    assert_eq!(read(&text, |_| None), read(SOURCE, |_| None));
    assert_eq!(read(&text, |_| None).messages, []);
}

#[test]
fn entry_without_findings_is_left_alone() {
    let text = annotate(SOURCE, "Other", &[], &Entities::new()).unwrap();
    assert!(
        !text.contains("status") && !text.contains("_resolved_entities"),
        "{text}"
    );
}

#[test]
fn whole_numbers_stay_whole() {
    let text = annotate(SOURCE, "Gate", &[], &Entities::new()).unwrap();
    assert!(
        text.contains("\"_upper\": 3\n") && text.contains("\"default\": 12.5\n"),
        "{text}"
    );
}

#[test]
fn file_that_cannot_be_read_is_refused() {
    for source in ["", "[]", "{", "{\"Shop\": 1}"] {
        let refused = annotate(source, "Gate", &[], &Entities::new());
        assert_eq!(refused, Err(AnnotateError::Unreadable), "{source}");
    }
}
