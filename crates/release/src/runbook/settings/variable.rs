//! A variable as it is written, and what it must be.

use serde::Deserialize;
use serde_json::Value;

use crate::runbook::variables::{Shape, Variable, value_has_marks, whole};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WireVariable {
    #[serde(rename = "const")]
    constant: Option<Value>,
    from: Option<String>,
    #[serde(rename = "type")]
    kind: Option<String>,
    min: Option<f64>,
    max: Option<f64>,
    matches: Option<String>,
}

pub(super) fn variable(wire: WireVariable) -> Result<Variable, &'static str> {
    const ONE: &str = "write either `const`, or `from` with the name of a property and `type`";
    let is_bare =
        wire.kind.is_none() && wire.min.is_none() && wire.max.is_none() && wire.matches.is_none();
    match (wire.constant, wire.from) {
        (Some(value), None) if is_bare => {
            if value_has_marks(&value) {
                return Err("it has marks of a template in it, which a controller may evaluate");
            }
            Ok(Variable::Const(value))
        }
        (None, Some(property)) if !property.trim().is_empty() => {
            let is = shape(wire.kind.as_deref(), wire.min, wire.max, wire.matches)?;
            Ok(Variable::From { property, is })
        }
        _ => Err(ONE),
    }
}

fn shape(
    kind: Option<&str>,
    min: Option<f64>,
    max: Option<f64>,
    matches: Option<String>,
) -> Result<Shape, &'static str> {
    const BOUNDS: &str = "write `min` and `max`, the smaller one first, and no pattern";
    match (kind, min, max, matches) {
        (Some("int"), Some(min), Some(max), None) => match (whole_number(min), whole_number(max)) {
            (Some(min), Some(max)) if min <= max => Ok(Shape::Int { min, max }),
            _ => Err(BOUNDS),
        },
        (Some("number"), Some(min), Some(max), None) if min <= max => {
            Ok(Shape::Number { min, max })
        }
        (Some("int" | "number"), ..) => Err(BOUNDS),
        (Some("bool"), None, None, None) => Ok(Shape::Bool),
        (Some("bool"), ..) => Err("`true` and `false` have neither bounds nor a pattern"),
        (Some("text"), None, None, Some(matches)) => match whole(&matches) {
            Some(_) => Ok(Shape::Text { matches }),
            None => Err("`matches` is no regular expression"),
        },
        (Some("text"), ..) => Err("write `matches`: no text of an event is passed on unseen"),
        _ => Err("write `type` as `int`, `number`, `bool` or `text`"),
    }
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "the number is whole and below 2^53"
)]
fn whole_number(number: f64) -> Option<i64> {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    (number.fract() == 0.0 && number.abs() < EXACT).then_some(number as i64)
}
