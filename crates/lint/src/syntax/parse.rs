//! Parses lenient JSON: it accepts comments and trailing commas, nothing else.

use std::collections::HashSet;

use jsonc_parser::common::Ranged;
use jsonc_parser::errors::ParseErrorKind;
use jsonc_parser::tokens::{Token, TokenAndRange};
use jsonc_parser::{CollectOptions, ParseOptions, ast, parse_to_ast};

use super::depth::{MAX_DEPTH, first_bracket_too_deep};
use super::{Member, Node, Value};
use crate::{Path, Place, Report};

/// The longest text that is read, in bytes.
const MAX_BYTES: usize = 512 * 1024;

/// Parses the text. `None` when it has no usable tree; the report then says why.
pub fn parse(text: &str, report: &mut Report<'_>) -> Option<Node> {
    let start = Place::new(0, Path::root());
    if MAX_BYTES < text.len() {
        report.error(
            &start,
            format!(
                "the file has {} bytes, more than the {MAX_BYTES} that are read",
                text.len()
            ),
            "split it into several files",
        );
        return None;
    }
    if let Some(offset) = first_bracket_too_deep(text) {
        report.error(
            &Place::new(offset, Path::root()),
            format!("the file nests deeper than {MAX_DEPTH} levels"),
            "flatten it",
        );
        return None;
    }

    let collect = CollectOptions {
        tokens: true,
        ..CollectOptions::default()
    };
    let parsed = match parse_to_ast(text, &collect, &lenient_json()) {
        Ok(parsed) => parsed,
        Err(error) => {
            let place = Place::new(error.range().start, Path::root());
            report.error(
                &place,
                format!("not JSON: {}", lower_first(&error.kind().to_string())),
                fix_of(error.kind()),
            );
            return None;
        }
    };
    if let Some(offset) = missing_comma(parsed.tokens.as_deref().unwrap_or_default()) {
        report.error(
            &Place::new(offset, Path::root()),
            "not JSON: expected comma",
            "add the missing comma",
        );
        return None;
    }
    let Some(value) = parsed.value else {
        report.error(&start, "the file is empty", "declare at least one entry");
        return None;
    };
    Some(node(value, &Path::root(), report))
}

/// Common deviations from JSON are accepted, unless they change the meaning.
fn lenient_json() -> ParseOptions {
    ParseOptions {
        allow_comments: true,
        allow_trailing_commas: true,
        allow_loose_object_property_names: false,
        allow_missing_commas: false,
        allow_single_quoted_strings: false,
        allow_hexadecimal_numbers: false,
        allow_unary_plus_numbers: false,
        allow_bare_decimal_point_numbers: false,
        allow_non_finite_numbers: false,
        allow_extended_string_escapes: false,
    }
}

/// Where an object or a list follows a value without a comma, which the parser lets pass.
fn missing_comma(tokens: &[TokenAndRange<'_>]) -> Option<usize> {
    let ends_a_value = |token: &Token<'_>| {
        !matches!(
            token,
            Token::OpenBrace | Token::OpenBracket | Token::Comma | Token::Colon
        )
    };
    let begins_a_nested_value =
        |token: &Token<'_>| matches!(token, Token::OpenBrace | Token::OpenBracket);
    tokens
        .windows(2)
        .find(|pair| ends_a_value(&pair[0].token) && begins_a_nested_value(&pair[1].token))
        .map(|pair| pair[1].range.start)
}

fn node(value: ast::Value<'_>, path: &Path, report: &mut Report<'_>) -> Node {
    let offset = value.range().start;
    let value = match value {
        ast::Value::NullKeyword(_) => Value::Null,
        ast::Value::BooleanLit(literal) => Value::Bool(literal.value),
        ast::Value::StringLit(literal) => Value::Text(literal.value.into_owned()),
        ast::Value::NumberLit(literal) => number(literal.value, offset, path, report),
        ast::Value::Array(list) => Value::List(
            list.elements
                .into_iter()
                .enumerate()
                .map(|(index, element)| node(element, &path.element(index), report))
                .collect(),
        ),
        ast::Value::Object(object) => Value::Object(members(object, path, report)),
    };
    Node { offset, value }
}

fn number(literal: &str, offset: usize, path: &Path, report: &mut Report<'_>) -> Value {
    match literal.parse::<f64>() {
        Ok(number) if number.is_finite() => Value::Number(number),
        _ => {
            report.error(
                &Place::new(offset, path.clone()),
                "the number is too large to calculate with",
                "write a number that is meant",
            );
            // Any number will do from here on: the error rejects the spec.
            Value::Number(0.0)
        }
    }
}

fn members(object: ast::Object<'_>, path: &Path, report: &mut Report<'_>) -> Vec<Member> {
    let mut keys = HashSet::new();
    let mut members = Vec::with_capacity(object.properties.len());
    for property in object.properties {
        let offset = property.range.start;
        let key = property.name.into_string();
        let path = path.field(&key);
        let node = node(property.value, &path, report);
        if keys.insert(key.clone()) {
            members.push(Member { offset, key, node });
        } else {
            report.error(
                &Place::new(offset, path),
                "this field is there twice",
                "remove one of the two, so that it is clear which one counts",
            );
        }
    }
    members
}

fn lower_first(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| {
        first.to_lowercase().chain(letters).collect()
    })
}

fn fix_of(kind: &ParseErrorKind) -> &'static str {
    match kind {
        ParseErrorKind::ExpectedComma => "add the missing comma",
        ParseErrorKind::ExpectedStringObjectProperty => "put the field's name in double quotes",
        ParseErrorKind::SingleQuotedStringsNotAllowed => "use double quotes",
        ParseErrorKind::ExpectedColonAfterObjectKey => {
            "put a colon between the field and its value"
        }
        ParseErrorKind::UnterminatedObject => "close the object with `}`",
        ParseErrorKind::UnterminatedArray => "close the list with `]`",
        ParseErrorKind::UnterminatedCommentBlock => "close the comment with `*/`",
        ParseErrorKind::MultipleRootJsonValues => {
            "put all entries into one object, and look for a brace too many"
        }
        ParseErrorKind::UnexpectedComma | ParseErrorKind::UnexpectedTokenInObject => {
            "remove what does not belong here"
        }
        _ => "look at this place and shortly before it",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Severity;

    fn problems(text: &str) -> Vec<String> {
        let mut report = Report::new(text);
        parse(text, &mut report);
        let reported = report.finish();
        assert!(
            reported
                .messages
                .iter()
                .all(|message| message.severity == Severity::Error)
        );
        reported
            .messages
            .iter()
            .map(|one| format!("{} {} {}", one.position, one.path, one.problem))
            .collect()
    }

    #[test]
    fn comments_and_trailing_commas_are_read() {
        assert!(problems("// a\n{ /* b */ \"a\": [1, 2,], }").is_empty());
    }

    #[test]
    fn text_that_is_not_json_is_an_error_at_its_place() {
        for (text, place) in [
            ("", "1:1"),
            ("// nothing", "1:1"),
            ("{\n \"a\": }", "2:7"),
            ("{\"a\": 1 \"b\": 2}", "1:8"),
            ("[1 2]", "1:3"),
            ("[{} {}]", "1:4"),
            ("{\"a\": 1} {}", "1:10"),
            ("{a: 1}", "1:2"),
            ("{'a': 1}", "1:2"),
            ("[.5]", "1:2"),
            ("[0x10]", "1:2"),
            ("[+1]", "1:2"),
            ("[NaN]", "1:2"),
            ("[Infinity]", "1:2"),
            ("[\"\u{e9}\", ?]", "1:7"),
        ] {
            let problems = problems(text);
            assert_eq!(problems.len(), 1, "{text}: {problems:?}");
            assert!(
                problems[0].starts_with(&format!("{place} ")),
                "{text}: {problems:?}"
            );
        }
    }

    #[test]
    fn numbers_beyond_any_size_are_errors_wherever_they_are() {
        assert_eq!(
            problems("{\"_comment\": [1, -1e999]}"),
            ["1:18 $._comment[1] the number is too large to calculate with"]
        );
    }

    #[test]
    fn duplicate_keys_are_reported_at_the_second() {
        assert_eq!(
            problems("{\"a\": {\"b\": 1,\n \"b\": 2}}"),
            ["2:2 $.a.b this field is there twice"]
        );
    }

    #[test]
    fn bounds_of_size_and_depth_are_reported() {
        let deep = "[".repeat(100_000);
        assert_eq!(
            problems(&deep),
            ["1:65 $ the file nests deeper than 64 levels"]
        );
        let at_the_bound = format!("{}{}", "[".repeat(64), "]".repeat(64));
        assert!(problems(&at_the_bound).is_empty());
        let long = " ".repeat(512 * 1024 + 1);
        assert_eq!(
            problems(&long),
            ["1:1 $ the file has 524289 bytes, more than the 524288 that are read"]
        );
    }
}
