//! The syntax that metric and entity selectors share: nested calls, quoted text
//! and separators that count only outside of both.

pub(super) mod entity;
pub(super) mod event;
pub(super) mod metric;
pub(super) mod problem;

/// Why a selector was not understood, for its author.
#[derive(Debug, PartialEq)]
pub(super) struct ParseError(pub(super) String);

/// Splits at separators that are neither quoted nor inside parentheses.
fn split(text: &str, separator: char) -> Result<Vec<&str>, ParseError> {
    let mut parts = Vec::new();
    let mut start = 0;
    let mut depth = 0_usize;
    let mut quoted = false;
    let mut chars = text.char_indices();
    while let Some((at, char)) = chars.next() {
        match char {
            '~' if quoted => {
                chars.next();
            }
            '"' => quoted = !quoted,
            _ if quoted => {}
            '(' => depth += 1,
            ')' => {
                depth = depth
                    .checked_sub(1)
                    .ok_or_else(|| ParseError(format!("unexpected `)` at position {at}")))?;
            }
            _ if char == separator && depth == 0 => {
                parts.push(text[start..at].trim());
                start = at + char.len_utf8();
            }
            _ => {}
        }
    }
    if quoted || depth > 0 {
        return Err(ParseError(format!(
            "unbalanced quotes or parentheses in `{text}`"
        )));
    }
    parts.push(text[start..].trim());
    Ok(parts)
}

/// Splits `name(arguments)` into both; without parentheses there are no arguments.
fn call(text: &str) -> Result<(&str, Option<&str>), ParseError> {
    let Some((name, rest)) = text.split_once('(') else {
        return Ok((text, None));
    };
    let inside = rest
        .strip_suffix(')')
        .ok_or_else(|| ParseError(format!("expected `)` at the end of `{text}`")))?;
    Ok((name.trim(), Some(inside.trim())))
}

/// Reads comma separated literals; empty text is an empty list.
fn literals(text: &str) -> Result<Vec<String>, ParseError> {
    if text.is_empty() {
        return Ok(Vec::new());
    }
    split(text, ',')?.into_iter().map(literal).collect()
}

/// Reads quoted text, in which `~` escapes the next character, or a bare word.
fn literal(text: &str) -> Result<String, ParseError> {
    let Some(inside) = text
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'))
    else {
        let is_word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
        if !text.is_empty() && text.chars().all(is_word) {
            return Ok(text.to_owned());
        }
        return Err(ParseError(format!(
            "expected quoted text instead of `{text}`"
        )));
    };
    let mut plain = String::with_capacity(inside.len());
    let mut chars = inside.chars();
    while let Some(char) = chars.next() {
        match char {
            '~' => plain.extend(chars.next()),
            '"' => return Err(ParseError(format!("unescaped quote in `{text}`"))),
            _ => plain.push(char),
        }
    }
    Ok(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn separators_inside_quotes_and_parentheses_do_not_split() {
        let parts = split(r#"a(b,c),"d,~",e",f"#, ',').expect("balanced");
        assert_eq!(parts, ["a(b,c)", r#""d,~",e""#, "f"]);
    }

    #[test]
    fn unbalanced_text_is_refused() {
        for text in ["a(", "a)", "\"a", "(\")\""] {
            assert!(split(text, ',').is_err(), "{text}");
        }
    }

    #[test]
    fn a_tilde_escapes_the_next_character() {
        assert_eq!(literal(r#""a~"b~~c""#), Ok(r#"a"b~c"#.to_owned()));
    }

    #[test]
    fn bare_text_with_other_characters_is_no_literal() {
        assert!(literal("a b").is_err());
        assert!(literal("").is_err());
    }
}
