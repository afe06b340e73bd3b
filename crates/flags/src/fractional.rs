//! The hash that splits users, in its two living generations.
//!
//! Both are murmur3 of 32 bits over bytes that differ: v2 hashes text, v3 the
//! CBOR of whatever splits.

use ciborium::Value as Cbor;
use serde_json::Value as Json;

use crate::declaration::Fractional;

/// The largest sum of weights.
pub(crate) const LARGEST_SUM: u64 = i32::MAX as u64;

/// The bytes that are hashed for a user of a flag.
pub(crate) fn user_bytes(generation: Fractional, flag: &str, user: &str) -> Vec<u8> {
    match generation {
        Fractional::V2 => [flag.as_bytes(), user.as_bytes()].concat(),
        Fractional::V3 => encoded(&Cbor::Array(vec![Cbor::from(flag), Cbor::from(user)])),
    }
}

/// The bytes that are hashed for whatever a rule splits by; nothing, if this
/// generation splits by users instead.
pub(crate) fn unit_bytes(generation: Fractional, unit: &Json) -> Option<Vec<u8>> {
    match (generation, unit) {
        (Fractional::V2, Json::String(text)) => Some(text.as_bytes().to_vec()),
        (Fractional::V2, _) => None,
        (Fractional::V3, unit) => Some(encoded(&cbor(unit))),
    }
}

/// In which of `sum` equal parts of all hashes these bytes are.
pub(crate) fn bucket(bytes: &[u8], sum: u64) -> u64 {
    let mut bytes = bytes;
    let hash = murmur3::murmur3_32(&mut bytes, 0).expect("reading from memory does not fail");
    (u64::from(hash) * sum) >> 32
}

fn encoded(value: &Cbor) -> Vec<u8> {
    let mut bytes = Vec::new();
    ciborium::into_writer(value, &mut bytes).expect("writing to memory does not fail");
    bytes
}

/// Canonical CBOR: whole numbers are integers, and keys are in the order of their
/// length, then of their letters.
fn cbor(json: &Json) -> Cbor {
    match json {
        Json::Null => Cbor::Null,
        Json::Bool(value) => Cbor::from(*value),
        Json::Number(number) => match (number.as_i64(), number.as_u64(), number.as_f64()) {
            (Some(integer), _, _) => Cbor::from(integer),
            (None, Some(integer), _) => Cbor::from(integer),
            (None, None, float) => cbor_float(float.unwrap_or_default()),
        },
        Json::String(text) => Cbor::from(text.as_str()),
        Json::Array(elements) => Cbor::Array(elements.iter().map(cbor).collect()),
        Json::Object(fields) => {
            let mut fields: Vec<(&String, &Json)> = fields.iter().collect();
            fields.sort_by_key(|(name, _)| (name.len(), name.as_bytes()));
            let fields = fields
                .into_iter()
                .map(|(name, json)| (Cbor::from(name.as_str()), cbor(json)));
            Cbor::Map(fields.collect())
        }
    }
}

fn cbor_float(float: f64) -> Cbor {
    // 2^63: what is whole and smaller is an integer.
    let limit = 9_223_372_036_854_775_808.0;
    if float.fract() == 0.0 && float.abs() < limit {
        #[expect(
            clippy::cast_possible_truncation,
            reason = "it is whole and small enough"
        )]
        let integer = float as i64;
        return Cbor::from(integer);
    }
    Cbor::Float(float)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// Flag, user, and for each generation the hash and its part of 100 and of
    /// 10000: made with mmh3 and cbor2, which met all examples of the testbed.
    const VECTORS: [(&str, &str, [u64; 3], [u64; 3]); 6] = [
        (
            "promoSocks",
            "user-1",
            [1_422_099_977, 33, 3_311],
            [233_905_697, 5, 544],
        ),
        (
            "promoSocks",
            "user-2",
            [1_488_757_896, 34, 3_466],
            [1_683_432_880, 39, 3_919],
        ),
        (
            "promoSocks",
            "user-42",
            [3_800_031_241, 88, 8_847],
            [1_299_684_070, 30, 3_026],
        ),
        (
            "promoSocks",
            "alice@example.com",
            [1_861_668_598, 43, 4_334],
            [2_498_006_395, 58, 5_816],
        ),
        (
            "promoSocks",
            "Zoë",
            [3_102_541_760, 72, 7_223],
            [261_078_648, 6, 607],
        ),
        (
            "canaryTrafficPercent",
            "user-42",
            [1_788_596_511, 41, 4_164],
            [3_338_895_905, 77, 7_773],
        ),
    ];

    #[test]
    fn vectors_of_both_generations_are_met() {
        for (flag, user, v2, v3) in VECTORS {
            for (generation, expected) in [(Fractional::V2, v2), (Fractional::V3, v3)] {
                let bytes = user_bytes(generation, flag, user);
                // The bucket of 2^32 parts is the hash itself.
                let found = [1 << 32, 100, 10_000].map(|sum| bucket(&bytes, sum));
                assert_eq!(found, expected, "{flag} {user} {generation:?}");
            }
        }
    }

    #[test]
    fn bytes_of_the_third_generation_are_those_of_the_contract() {
        let bytes = user_bytes(Fractional::V3, "promoSocks", "user-1");
        let hex: String = bytes
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect::<Vec<_>>()
            .concat();
        assert_eq!(hex, "826a70726f6d6f536f636b7366757365722d31");
    }

    /// Keys of the testbed whose hashes lie at the edges.
    #[test]
    fn hashes_at_the_edges_fall_into_the_right_half() {
        for (key, hash, half) in [
            ("ejOoVL", 0, 0),
            ("bY9fO-", 1, 0),
            ("SI7p-", 2_147_483_647, 0),
            ("6LvT0", 2_147_483_648, 1),
            ("ceQdGm", 4_294_967_295, 1),
        ] {
            let bytes = unit_bytes(Fractional::V2, &json!(key)).unwrap();
            assert_eq!(bucket(&bytes, 1 << 32), hash, "{key}");
            assert_eq!(bucket(&bytes, 2), half, "{key}");
        }
    }

    #[test]
    fn one_value_has_the_same_bytes_however_it_is_written() {
        let bytes = |json: Json| unit_bytes(Fractional::V3, &json).unwrap();
        assert_eq!(bytes(json!(1)), bytes(json!(1.0)));
        assert_eq!(bytes(json!(0)), bytes(json!(-0.0)));
        assert_eq!(
            bytes(json!({"b": 1, "a": 2, "aa": 3})),
            bytes(json!({"aa": 3, "a": 2, "b": 1}))
        );
        assert_ne!(bytes(json!(1)), bytes(json!("1")));
        assert_eq!(unit_bytes(Fractional::V2, &json!(1)), None);
    }
}
