//! Rules are run by the engine of JSON Logic that the provider of Rust uses;
//! `fractional` is ours, because the engine knows neither generation whole.

use std::fmt;

use datalogic_rs::bumpalo::Bump;
use datalogic_rs::operator::EvalContext;
use datalogic_rs::{ArenaExt, CustomOperator, DataValue, Engine};
use jiff::Timestamp;
use serde_json::{Value as Json, json};

use crate::context::Context;
use crate::declaration::Fractional;
use crate::fractional::{LARGEST_SUM, bucket, unit_bytes, user_bytes};
use crate::targeting::{FRACTIONAL, Targeting};

/// Runs rules. Made once, used for all.
pub struct Rules(Engine);

/// Why a rule names no variant. A rule that was read runs, but what it meets in a
/// context may be of a type that an operator has no use for.
#[derive(Debug, thiserror::Error)]
#[error("the rule cannot be run with this context")]
pub struct NotRun(#[source] datalogic_rs::Error);

impl Default for Rules {
    fn default() -> Self {
        let engine = Engine::builder()
            .add_operator(operator(Fractional::V2), Split(Fractional::V2))
            .add_operator(operator(Fractional::V3), Split(Fractional::V3));
        Self(engine.build())
    }
}

impl fmt::Debug for Rules {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Rules")
    }
}

impl Rules {
    /// The name of the variant that a rule chooses; nothing, if it chooses none.
    pub fn variant(
        &self,
        targeting: &Targeting,
        generation: Fractional,
        flag: &str,
        context: &Context,
        now: Timestamp,
    ) -> Result<Option<String>, NotRun> {
        let rule = with_operator(targeting.rule(), operator(generation)).to_string();
        let rule = self.0.compile(&rule).map_err(NotRun)?;
        let mut data = context.fields().clone();
        data.insert(
            "$flagd".to_owned(),
            json!({"flagKey": flag, "timestamp": now.as_second()}),
        );
        let data = Json::Object(data).to_string();
        let mut session = self.0.session();
        let chosen = session
            .eval_borrowed(&rule, data.as_str())
            .map_err(NotRun)?;
        Ok(match chosen {
            DataValue::Null => None,
            DataValue::String(variant) => Some((*variant).to_owned()),
            other => Some(serde_json::to_string(other).unwrap_or_default()),
        })
    }
}

/// The name under which the engine finds a generation; its own `fractional` is
/// never meant.
fn operator(generation: Fractional) -> &'static str {
    match generation {
        Fractional::V2 => "fractional-v2",
        Fractional::V3 => "fractional-v3",
    }
}

fn with_operator(rule: &Json, fractional: &str) -> Json {
    match rule {
        Json::Object(fields) => fields
            .iter()
            .map(|(operator, arguments)| {
                let is_meant = operator == FRACTIONAL;
                let operator = if is_meant { fractional } else { operator };
                (operator.to_owned(), with_operator(arguments, fractional))
            })
            .collect(),
        Json::Array(elements) => elements
            .iter()
            .map(|inner| with_operator(inner, fractional))
            .collect(),
        other => other.clone(),
    }
}

struct Split(Fractional);

impl CustomOperator for Split {
    fn evaluate<'a>(
        &self,
        arguments: &[&'a DataValue<'a>],
        context: &mut EvalContext<'_, 'a>,
        arena: &'a Bump,
    ) -> datalogic_rs::Result<&'a DataValue<'a>> {
        let chosen = self.chosen(arguments, context.root_input());
        Ok(chosen.unwrap_or_else(|| arena.null()))
    }
}

impl Split {
    /// The variant of the first part whose weights, summed up, are above the
    /// bucket; nothing for whatever is not a split.
    fn chosen<'a>(
        &self,
        arguments: &[&'a DataValue<'a>],
        root: &DataValue<'a>,
    ) -> Option<&'a DataValue<'a>> {
        let (first, behind) = arguments.split_first()?;
        let (bytes, parts) = if first.is_array() {
            (self.user(root)?, arguments)
        } else {
            let unit = serde_json::to_value(first).ok()?;
            let bytes = match (self.0, &unit) {
                (Fractional::V3, Json::Null) => return None,
                _ => unit_bytes(self.0, &unit),
            };
            // What is no text splits users in the second generation.
            (bytes.or_else(|| self.user(root))?, behind)
        };
        let parts: Vec<(&'a DataValue<'a>, u64)> = parts
            .iter()
            .map(|part| weighted(part))
            .collect::<Option<_>>()?;
        let sum = parts.iter().map(|(_, weight)| weight).sum();
        if sum == 0 || LARGEST_SUM < sum {
            return None;
        }
        let bucket = bucket(&bytes, sum);
        let mut above = 0;
        let chosen = parts.into_iter().find(|(_, weight)| {
            above += weight;
            bucket < above
        });
        chosen.map(|(variant, _)| variant)
    }

    fn user(&self, root: &DataValue<'_>) -> Option<Vec<u8>> {
        let text = |value: Option<&DataValue<'_>>| value?.as_str().map(str::to_owned);
        let user = text(root.get("targetingKey")).filter(|user| !user.is_empty())?;
        let flag = text(root.get("$flagd")?.get("flagKey"))?;
        Some(user_bytes(self.0, &flag, &user))
    }
}

/// A variant and its weight: a whole number, 1 where it is left out, none below.
fn weighted<'a>(part: &'a DataValue<'a>) -> Option<(&'a DataValue<'a>, u64)> {
    let part = part.as_array()?;
    let variant = part
        .first()
        .filter(|variant| !variant.is_array() && !variant.is_object())?;
    let Some(weight) = part.get(1) else {
        return Some((variant, 1));
    };
    let weight = weight.as_f64().filter(|weight| weight.fract() == 0.0)?;
    if LARGEST_SUM as f64 <= weight - 1.0 {
        return None;
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "it is whole, and between none and what is allowed"
    )]
    let weight = weight.max(0.0) as u64;
    Some((variant, weight))
}

#[cfg(test)]
mod tests;
