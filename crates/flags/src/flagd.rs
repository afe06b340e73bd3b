//! The document that flagd reads.

use jiff::Timestamp;
use serde_json::{Map, Value as Json, json};

use crate::declaration::{Audience, Declaration};
use crate::evaluate::{Bulk, PARTS, Set, etag, marked};
use crate::targeting::FRACTIONAL;
use crate::value::Value;

impl Set<'_> {
    /// All flags of the set, for flagd. What ends or moves is what it is now: the
    /// tag changes with it.
    pub fn flagd(self, sees: impl Fn(&Declaration) -> bool, now: Timestamp) -> Bulk {
        let seen = self.declarations.flags.values().filter(|flag| sees(flag));
        let flags: Map<String, Json> = seen
            .map(|flag| (flag.name.clone(), self.flagd_flag(flag, now)))
            .collect();
        let metadata = json!({"flagSetId": self.name, "version": self.revision.to_string()});
        let body = json!({
            "$schema": "https://flagd.dev/schema/v0/flags.json",
            "metadata": marked(metadata, self.stale),
            "flags": flags,
        });
        let body = body.to_string();
        Bulk {
            etag: etag(&body),
            body,
        }
    }

    fn flagd_flag(self, flag: &Declaration, now: Timestamp) -> Json {
        let assignment = self
            .state(&flag.name)
            .and_then(|state| state.assignment(now));
        // Switched off, it is a value all the same: of a disabled flag flagd tells
        // nothing, and the program falls back to what it was built with.
        let set = flag
            .off
            .clone()
            .or_else(|| assignment.map(|assignment| assignment.course.at(now)));
        let targeting = match (&set, &flag.audience) {
            (Some(_), _) | (None, Audience::Everybody) => None,
            (None, Audience::Rollout(rollout)) => {
                let parts = self.parts(rollout, now);
                let split = [
                    (&rollout.variant, parts),
                    (&rollout.otherwise, PARTS - parts),
                ];
                Some(json!({ FRACTIONAL: split }))
            }
            (None, Audience::Targeting(rule)) => Some(rule.rule().clone()),
        };
        let current = set.as_ref().unwrap_or(&flag.default);
        let mut variants: Map<String, Json> = flag
            .variants
            .iter()
            .map(|(name, value)| (name.clone(), value.to_json()))
            .collect();
        for value in [current, &flag.default] {
            name(&mut variants, flag, value);
        }
        let mut document = json!({
            "state": "ENABLED",
            "variants": variants,
            "defaultVariant": flag.variant_of(current),
        });
        if let (Some(targeting), Some(fields)) = (targeting, document.as_object_mut()) {
            fields.insert("targeting".to_owned(), targeting);
        }
        document
    }
}

fn name(variants: &mut Map<String, Json>, flag: &Declaration, value: &Value) {
    variants.insert(flag.variant_of(value).to_owned(), value.to_json());
}
