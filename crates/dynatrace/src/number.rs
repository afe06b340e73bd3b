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
    finite(number.unwrap_or(f64::NAN), warnings)
}

/// The number, if it is one that can be compared.
pub(crate) fn finite(number: f64, warnings: &mut Vec<String>) -> Option<f64> {
    const WARNING: &str = "a value that is not a finite number was taken as no data";

    if !number.is_finite() && !warnings.iter().any(|warning| warning == WARNING) {
        warnings.push(WARNING.into());
    }
    number.is_finite().then_some(number)
}

/// A body in which `NaN`, `Infinity` and numbers too large for any type are
/// texts. JSON has no such numbers, and one of them must not cost a whole
/// answer.
pub(crate) fn quoted_where_not_finite(body: &str) -> String {
    let in_number = |c: char| c.is_ascii_alphanumeric() || "+-.".contains(c);
    let mut quoted = String::with_capacity(body.len());
    let mut rest = body;
    while let Some(first) = rest.chars().next() {
        let end = match first {
            '"' => end_of_text(rest),
            _ if in_number(first) => rest.find(|c| !in_number(c)).unwrap_or(rest.len()),
            _ => first.len_utf8(),
        };
        let (word, behind) = rest.split_at(end);
        if word.parse().is_ok_and(|number: f64| !number.is_finite()) {
            quoted.extend(["\"", word, "\""]);
        } else {
            quoted.push_str(word);
        }
        rest = behind;
    }
    quoted
}

/// The length of the quoted text at the beginning of `text`.
fn end_of_text(text: &str) -> usize {
    let mut characters = text.char_indices().skip(1);
    while let Some((at, character)) = characters.next() {
        match character {
            '\\' => {
                characters.next();
            }
            '"' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_numbers_that_json_lacks_are_quoted() {
        for (body, expected) in [
            ("[NaN,-Infinity,1e999]", r#"["NaN","-Infinity","1e999"]"#),
            ("[1.5e3,null,true]", "[1.5e3,null,true]"),
            (r#"{"a\"NaN":"Infinity"}"#, r#"{"a\"NaN":"Infinity"}"#),
            (r#"["é NaN",NaN"#, r#"["é NaN","NaN""#),
            (r#""open NaN"#, r#""open NaN"#),
        ] {
            assert_eq!(quoted_where_not_finite(body), expected);
        }
    }

    #[test]
    fn a_warning_is_given_once() {
        let mut warnings = Vec::new();

        assert_eq!(number(&Value::from("NaN"), &mut warnings), None);
        assert_eq!(number(&Value::from(true), &mut warnings), None);

        assert_eq!(warnings.len(), 1);
    }
}
