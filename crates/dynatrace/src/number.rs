//! A measured value as any version of the API writes it.

use serde_json::Value;

/// The number, or nothing where there is none. What is neither a finite number
/// nor `null` is worth a warning, but never worth zero.
pub(crate) fn number(value: &Value, warnings: &mut Vec<String>) -> Option<f64> {
    let number = match value {
        Value::Null => return None,
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    };
    let finite = number.filter(|number: &f64| number.is_finite());
    if finite.is_none() {
        warnings.push("a value that is not a finite number was taken as no data".into());
    }
    finite
}

/// The unweighted mean; nothing if there is nothing to average.
pub(crate) fn mean(values: impl IntoIterator<Item = f64>) -> Option<f64> {
    let (sum, count) = values
        .into_iter()
        .fold((0.0, 0_u32), |(sum, count), value| (sum + value, count + 1));
    (count > 0).then(|| sum / f64::from(count))
}
