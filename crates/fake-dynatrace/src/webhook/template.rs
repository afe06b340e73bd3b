//! Templates and how their placeholders are filled.

use serde_json::Value;

/// What a notification's body is made from.
#[derive(Clone, Debug, PartialEq)]
pub enum Template {
    /// Everything a receiver can use.
    Recommended,
    /// The template of the 2018 tutorial.
    Of2018,
    /// The same with quotes around the impacted entities, which makes them JSON
    /// inside a string.
    Of2018Quoted,
    /// A text with placeholders such as `{PID}`.
    Own(String),
}

const RECOMMENDED: &str = r#"{"State":"{State}","PID":"{PID}","ProblemID":"{ProblemID}",
"ProblemTitle":"{ProblemTitle}","ProblemImpact":"{ProblemImpact}",
"ProblemSeverity":"{ProblemSeverity}","ProblemURL":"{ProblemURL}","Tags":"{Tags}",
"ImpactedEntities":{ImpactedEntities},"ImpactedEntity":"{ImpactedEntity}",
"ProblemDetailsJSONv2":{ProblemDetailsJSONv2}}"#;

const OF_2018: &str = r#"{"State":"{State}","ProblemID":"{ProblemID}","PID":"{PID}",
"ProblemTitle":"{ProblemTitle}","ImpactedEntities":{ImpactedEntities}}"#;

const OF_2018_QUOTED: &str = r#"{"State":"{State}","ProblemID":"{ProblemID}","PID":"{PID}",
"ProblemTitle":"{ProblemTitle}","ImpactedEntities":"{ImpactedEntities}"}"#;

impl Template {
    pub(super) fn text(&self) -> &str {
        match self {
            Self::Recommended => RECOMMENDED,
            Self::Of2018 => OF_2018,
            Self::Of2018Quoted => OF_2018_QUOTED,
            Self::Own(text) => text,
        }
    }
}

/// Replaces the placeholders that have a value; the others stay as they stand.
/// Between quotes a value is escaped, elsewhere it is written as it is.
pub(super) fn fill(template: &str, value: impl Fn(&str) -> Option<Value>) -> String {
    let mut filled = String::new();
    let mut quoted = false;
    let mut rest = template;
    while let Some(char) = rest.chars().next() {
        if let Some((name, after)) = placeholder(rest)
            && let Some(value) = value(name)
        {
            filled.push_str(&written(&value, quoted));
            rest = after;
            continue;
        }
        if char == '"' {
            quoted = !quoted;
        }
        filled.push(char);
        rest = &rest[char.len_utf8()..];
    }
    filled
}

/// The name of the placeholder that `text` begins with, and what follows it.
fn placeholder(text: &str) -> Option<(&str, &str)> {
    let (name, after) = text.strip_prefix('{')?.split_once('}')?;
    let in_name = |c: char| c.is_ascii_alphanumeric() || "[]-_.: ".contains(c);
    let named = name.starts_with(|c: char| c.is_ascii_uppercase()) && name.chars().all(in_name);
    named.then_some((name, after))
}

fn written(value: &Value, quoted: bool) -> String {
    let text = match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    if !quoted {
        return text;
    }
    let escaped = Value::from(text).to_string();
    escaped[1..escaped.len() - 1].to_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn filled(template: &str) -> String {
        fill(template, |name| match name {
            "Text" => Some(r#"a "b""#.into()),
            "List" => Some(json!([{ "a": "b" }])),
            "Tags[key]" => Some("key:c".into()),
            _ => None,
        })
    }

    #[test]
    fn values_between_quotes_are_escaped() {
        assert_eq!(filled(r#"{"a":"{Text}"}"#), r#"{"a":"a \"b\""}"#);
        assert_eq!(filled(r#"{"a":{List}}"#), r#"{"a":[{"a":"b"}]}"#);
        assert_eq!(
            filled(r#"{"a":"{List}","b":"{Tags[key]}"}"#),
            r#"{"a":"[{\"a\":\"b\"}]","b":"key:c"}"#
        );
    }

    #[test]
    fn unknown_placeholders_stay() {
        assert_eq!(filled(r#"{"a":"{PID}",{}"#), r#"{"a":"{PID}",{}"#);
    }
}
