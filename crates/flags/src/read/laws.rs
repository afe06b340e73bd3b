//! Laws that hold for every file, hostile ones included.

use lint::{Message, Severity};
use proptest::prelude::*;

use super::read;

const EXAMPLE: &str = include_str!("../../examples/flags.json");

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
    let fields = [
        "targeting",
        "variants",
        "allowed",
        "rateLimit",
        "within",
        "disabled",
        "offValue",
    ];
    prop_oneof![
        proptest::sample::select(known).prop_map(|word| format!("\"{word}\"")),
        proptest::sample::select(fields.to_vec()).prop_map(|word| format!("\"{word}\"")),
        any::<String>().prop_map(|word| serde_json::Value::from(word).to_string()),
    ]
}

fn is_sound(source: &str) -> bool {
    let reading = read(source);
    let is_error = |message: &Message| message.severity == Severity::Error;
    reading.declarations.is_none() == reading.messages.iter().any(is_error)
}

proptest! {
    #[test]
    fn any_text_is_survived(source in any::<String>()) {
        prop_assert!(is_sound(&source));
    }

    #[test]
    fn any_json_is_survived(source in json()) {
        prop_assert!(is_sound(&source));
        let flags = format!("{{\"flags\": {source}}}");
        prop_assert!(is_sound(&flags));
        let flag = format!("{{\"flags\": {{\"a\": {source}}}}}");
        prop_assert!(is_sound(&flag));
    }

    #[test]
    fn any_damage_to_a_file_is_survived(
        place in any::<prop::sample::Index>(), length in 0_usize..20, patch in "[\\[\\]{}\":,/* \\\\0-9a-zé]{0,8}",
    ) {
        let start = place.index(EXAMPLE.len());
        let end = (start + length).min(EXAMPLE.len());
        let damaged = format!("{}{patch}{}", &EXAMPLE[..start], &EXAMPLE[end..]);
        prop_assert!(is_sound(&damaged));
    }
}
