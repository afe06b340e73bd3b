//! Laws that hold for every file, hostile ones included.

use std::collections::BTreeMap;

use lint::{Message, Severity};
use proptest::prelude::*;

use super::read;
use crate::annotate::annotate;
use crate::judge::{Measured, Measurement, addresses, judge};

const EXAMPLE: &str = include_str!("../../examples/monspec.json");

fn json() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("null".to_owned()),
        Just("true".to_owned()),
        any::<f64>().prop_map(|number| number.to_string()),
        word(),
    ];
    leaf.prop_recursive(6, 60, 6, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..5)
                .prop_map(|elements| format!("[{}]", elements.join(","))),
            proptest::collection::vec((word(), inner), 0..5).prop_map(|members| {
                let members: Vec<_> = members
                    .iter()
                    .map(|(key, value)| format!("{key}:{value}"))
                    .collect();
                format!("{{{}}}", members.join(",\n"))
            }),
        ]
    })
}

/// Words of the format beside others, so that the reader gets deep into its rules.
fn word() -> impl Strategy<Value = String> {
    let known: Vec<&str> = EXAMPLE.split('"').skip(1).step_by(2).collect();
    prop_oneof![
        proptest::sample::select(known).prop_map(|word| format!("\"{word}\"")),
        any::<String>().prop_map(|word| serde_json::Value::from(word).to_string()),
    ]
}

fn is_sound(source: &str) -> bool {
    let reading = read(source, |_| None);
    let is_error = |message: &Message| message.severity == Severity::Error;
    let lines = source.lines().count().max(1) + 1;
    reading.spec.is_none() == reading.messages.iter().any(is_error)
        && reading.messages.iter().all(|message| {
            (1..=lines).contains(&message.position.line) && 1 <= message.position.column
        })
}

proptest! {
    #[test]
    fn any_text_is_survived(source in any::<String>()) {
        prop_assert!(is_sound(&source));
    }

    #[test]
    fn any_json_is_survived(source in json()) {
        prop_assert!(is_sound(&source));
    }

    #[test]
    fn any_damage_to_a_spec_is_survived(
        place in any::<prop::sample::Index>(), length in 0_usize..20, patch in "[\\[\\]{}\":,/* \\\\0-9a-zé]{0,8}",
    ) {
        let start = place.index(EXAMPLE.len());
        let end = (start + length).min(EXAMPLE.len());
        let damaged = format!("{}{patch}{}", &EXAMPLE[..start], &EXAMPLE[end..]);
        prop_assert!(is_sound(&damaged));
    }

    #[test]
    fn any_nesting_is_survived(
        brackets in proptest::collection::vec(proptest::sample::select(vec!["[", "{\"a\":", "\"", "/*", "//", "\\"]), 0..2_000),
    ) {
        prop_assert!(is_sound(&brackets.concat()));
    }

    #[test]
    fn annotating_changes_nothing_that_is_read(
        factor in any::<f64>().prop_filter("finite", |factor| factor.is_finite()),
        shift in 3_601_i64..1_000_000,
        values in proptest::collection::vec((any::<f64>(), any::<f64>()), 4),
    ) {
        let source = EXAMPLE.replace("3600", &shift.to_string()).replace("90", &factor.to_string());
        let before = read(&source, |_| None).spec;
        prop_assume!(before.is_some());
        let spec = before.clone().unwrap();
        let (entry, comparison) = spec.compared("StagingToProduction")[0];
        let measured: BTreeMap<_, _> = addresses(entry)
            .zip(&values)
            .map(|((address, _), (observation, baseline))| {
                let value = |number: &f64| Measurement::Value(*number);
                (address, Measured { observation: value(observation), baseline: value(baseline) })
            })
            .collect();
        let findings = judge(entry, comparison, &measured);
        let annotated = annotate(&source, "StagingToProduction", &findings, &BTreeMap::new()).unwrap();
        prop_assert_eq!(read(&annotated, |_| None).spec, before);
    }
}
