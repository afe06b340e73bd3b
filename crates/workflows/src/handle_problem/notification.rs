//! What a notification says: the template of 2018, the recommended one, and
//! everything that tenants make of them.

use release::problem::{LONGEST_ID, Reported};
use serde_json::Value;

/// How many impacted entities are read; the tenant is asked for the rest.
const MOST_ENTITIES: usize = 100;

/// The longest title that is kept, in characters.
const LONGEST_TITLE: usize = 200;

/// The longest name of a placeholder, in bytes; the tenant's own are shorter.
const LONGEST_PLACEHOLDER: usize = 40;

/// What was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notification {
    /// Somebody tries out the connection.
    Test,
    /// Something about a problem.
    Problem(About),
    /// A state that has no consequence.
    Other(String),
}

/// What a notification says of a problem.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct About {
    /// What the API calls it.
    pub id: String,
    /// What people call it.
    pub display_id: Option<String>,
    /// What is wrong.
    pub title: Option<String>,
    /// What became of it.
    pub reported: Reported,
    /// The entities that it is felt on.
    pub impacted: Vec<String>,
}

/// Why a body cannot be used. Says what to correct in the notification's
/// template.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unusable {
    /// It is no JSON.
    #[error("the body is not a JSON object; send the payload as the README gives it")]
    NotJson,
    /// A field is not there.
    #[error("the field `{0}` is missing; add it to the payload of the notification")]
    Missing(&'static str),
    /// A field is there and cannot be used.
    #[error("the field `{0}` cannot be read; write it as the README gives it")]
    Unreadable(&'static str),
}

/// Reads a body. The test comes first: what a tenant sends to try out a
/// connection need not be complete.
pub fn parse(body: &[u8]) -> Result<Notification, Unusable> {
    let body = json(body).ok_or(Unusable::NotJson)?;
    let impacted = impacted(body.get("ImpactedEntities"));
    if is_test(&body, impacted.as_deref().unwrap_or_default()) {
        return Ok(Notification::Test);
    }
    let id = text(&body, "PID").ok_or(Unusable::Missing("PID"))?;
    let state = text(&body, "State").ok_or(Unusable::Missing("State"))?;
    let impacted = impacted?;
    if id.len() > LONGEST_ID || id.chars().any(|c| c.is_control() || "{}/".contains(c)) {
        return Err(Unusable::Unreadable("PID"));
    }
    let Some(reported) = reported(&state) else {
        let state: String = state.chars().filter(|c| !c.is_control()).take(40).collect();
        return Ok(Notification::Other(state));
    };
    Ok(Notification::Problem(About {
        id,
        display_id: text(&body, "ProblemID").filter(|name| name.len() <= LONGEST_ID),
        title: text(&body, "ProblemTitle").map(|title| title.chars().take(LONGEST_TITLE).collect()),
        reported,
        impacted,
    }))
}

fn reported(state: &str) -> Option<Reported> {
    match state.to_ascii_uppercase().as_str() {
        "RESOLVED" | "CLOSED" => Some(Reported::Resolved),
        "MERGED" => Some(Reported::Merged),
        state if state.starts_with("OPEN") => Some(Reported::Open),
        _ => None,
    }
}

/// Looks at ids and at the title alone: the text of a real problem may say
/// anything.
fn is_test(body: &Value, impacted: &[String]) -> bool {
    let is = |field: &str, values: &[&str]| {
        text(body, field).is_some_and(|text| values.contains(&text.as_str()))
    };
    is("PID", &["99999"])
        || is("ProblemID", &["999", "TESTID"])
        || is("ProblemTitle", &["Dynatrace problem notification test run"])
        || impacted.iter().any(|id| id.contains("XXXXXXXXXXXXX"))
}

/// The ids of the entities, in a list or in a list that was quoted.
fn impacted(field: Option<&Value>) -> Result<Vec<String>, Unusable> {
    const FIELD: &str = "ImpactedEntities";
    let quoted;
    let list = match field {
        None | Some(Value::Null) => return Err(Unusable::Missing(FIELD)),
        Some(Value::String(text)) if text.trim().is_empty() => return Ok(Vec::new()),
        Some(Value::String(text)) => {
            quoted = serde_json::from_str(text).map_err(|_| Unusable::Unreadable(FIELD))?;
            &quoted
        }
        Some(list) => list,
    };
    let Value::Array(list) = list else {
        return Err(Unusable::Unreadable(FIELD));
    };
    let ids = list.iter().filter_map(|item| text(item, "entity"));
    let ids = ids.filter(|id| id.len() <= LONGEST_ID);
    Ok(ids.take(MOST_ENTITIES).collect())
}

/// The text of a field; a tenant that knows no placeholder leaves a number.
fn text(object: &Value, field: &str) -> Option<String> {
    let text = match object.get(field)? {
        Value::String(text) => text.trim().to_owned(),
        Value::Number(number) => number.to_string(),
        _ => return None,
    };
    (!text.is_empty()).then_some(text)
}

fn json(body: &[u8]) -> Option<Value> {
    let body = std::str::from_utf8(body).ok()?;
    let value: Value = serde_json::from_str(body)
        .or_else(|_| serde_json::from_str(&without_placeholders(body)))
        .ok()?;
    value.is_object().then_some(value)
}

/// A tenant leaves a placeholder that it does not know as it stands. Where
/// there are no quotes around it, the body is no JSON any more, and nothing
/// that is needed has to be missing.
fn without_placeholders(body: &str) -> String {
    let mut filled = String::with_capacity(body.len());
    let mut quoted = false;
    let mut rest = body;
    while let Some(c) = rest.chars().next() {
        if !quoted && let Some(after) = after_placeholder(rest) {
            filled.push_str("null");
            rest = after;
            continue;
        }
        let length = match c {
            '\\' if quoted => c.len_utf8() + rest[1..].chars().next().map_or(0, char::len_utf8),
            _ => c.len_utf8(),
        };
        quoted ^= c == '"';
        filled.push_str(&rest[..length]);
        rest = &rest[length..];
    }
    filled
}

/// What follows the placeholder that `text` begins with.
fn after_placeholder(text: &str) -> Option<&str> {
    let text = text.strip_prefix('{')?;
    // A body of nothing but braces must not be searched to its end from each.
    let mut begins = text.bytes().take(LONGEST_PLACEHOLDER + 1);
    let (name, after) = text.split_at(begins.position(|byte| byte == b'}')?);
    let named = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric());
    named.then_some(&after[1..])
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn parsed(body: &Value) -> Result<Notification, Unusable> {
        parse(body.to_string().as_bytes())
    }

    fn entities() -> Value {
        json!([{"type": "SERVICE", "name": "Cart", "entity": "SERVICE-00000000000000B1"}])
    }

    fn about(state: &str, entities: &Value) -> About {
        let body = json!({
            "PID": "-64_16V2", "State": state, "ImpactedEntities": entities, "ProblemID": "P-7",
        });
        match parsed(&body) {
            Ok(Notification::Problem(about)) => about,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn entities_are_read_from_a_list_and_from_a_quoted_list() {
        let listed = about("OPEN", &entities());
        let quoted = about("OPEN", &entities().to_string().into());

        assert_eq!(listed, quoted);
        assert_eq!(listed.impacted, ["SERVICE-00000000000000B1"]);
        assert_eq!(listed.display_id.as_deref(), Some("P-7"));
        assert!(about("OPEN", &json!([])).impacted.is_empty());
        assert!(about("OPEN", &json!("")).impacted.is_empty());
    }

    #[test]
    fn missing_field_is_named() {
        for field in ["PID", "State", "ImpactedEntities"] {
            let mut body = json!({"PID": "1", "State": "OPEN", "ImpactedEntities": []});
            body.as_object_mut().unwrap().remove(field);

            let unusable = parsed(&body).unwrap_err();

            assert!(unusable.to_string().contains(field), "{unusable}");
        }
    }

    #[test]
    fn states_are_told_apart_by_how_they_begin() {
        for (state, reported) in [
            ("OPEN", Reported::Open),
            ("OPEN (escalated)", Reported::Open),
            ("RESOLVED", Reported::Resolved),
            ("MERGED", Reported::Merged),
        ] {
            assert_eq!(about(state, &entities()).reported, reported, "{state}");
        }
        let body = json!({"PID": "1", "State": "PONDERED", "ImpactedEntities": []});
        assert_eq!(
            parsed(&body),
            Ok(Notification::Other("PONDERED".to_owned()))
        );
    }

    #[test]
    fn test_is_recognised_before_anything_is_missed() {
        for body in [
            json!({"PID": "99999"}),
            json!({"PID": "{PID}", "ProblemID": "TESTID"}),
            json!({"ProblemID": "999"}),
            json!({"ProblemTitle": "Dynatrace problem notification test run"}),
            json!({"ImpactedEntities": [{"entity": "HOST-XXXXXXXXXXXXX"}]}),
            json!({"ImpactedEntities": "[{\"entity\": \"HOST-XXXXXXXXXXXXX\"}]"}),
        ] {
            assert_eq!(parsed(&body), Ok(Notification::Test), "{body}");
        }
        let mut real = json!({"PID": "1", "State": "OPEN", "ImpactedEntities": []});
        real["ImpactedEntity"] = "the service of XXXXXXXXXXXXX".into();
        assert!(matches!(parsed(&real), Ok(Notification::Problem(_))));
    }

    #[test]
    fn placeholder_that_the_tenant_does_not_know_spoils_nothing_but_itself() {
        let body = r#"{"PID":"1","State":"OPEN","ImpactedEntities":[],
            "ProblemTitle":"a \"{PID}\" {State}","ProblemDetailsJSONv2":{ProblemDetailsJSONv2}}"#;

        let Ok(Notification::Problem(about)) = parse(body.as_bytes()) else {
            panic!("the rest can be read");
        };
        assert_eq!(about.title.as_deref(), Some("a \"{PID}\" {State}"));

        let unfilled = json!({"PID": "{PID}", "State": "OPEN", "ImpactedEntities": []});
        assert_eq!(parsed(&unfilled), Err(Unusable::Unreadable("PID")));
    }

    #[test]
    fn placeholder_is_not_searched_for_beyond_its_longest_name() {
        let named = |length: usize| format!("{{{}}}rest", "a".repeat(length));

        assert_eq!(after_placeholder(&named(40)), Some("rest"));
        assert_eq!(after_placeholder(&named(41)), None);
        assert_eq!(after_placeholder("{}rest"), None);
    }

    #[test]
    fn what_is_no_object_is_refused() {
        for body in [&b"{"[..], b"[]", b"", b"\xff\xfe", b"{}{}", b"\"OPEN\""] {
            assert_eq!(parse(body), Err(Unusable::NotJson));
        }
        for entities in [json!("no list"), json!({"entity": "S"}), json!(7)] {
            let body = json!({"PID": "1", "State": "OPEN", "ImpactedEntities": entities});
            assert_eq!(parsed(&body), Err(Unusable::Unreadable("ImpactedEntities")));
        }
    }
}
