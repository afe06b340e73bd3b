//! Finds text that nests too deeply, before a recursive parser meets it.

/// The deepest nesting that is read.
pub(super) const MAX_DEPTH: usize = 64;

/// The byte of the first bracket beyond [`MAX_DEPTH`].
///
/// Brackets in texts and comments do not count. In text that is not JSON the
/// answer may be off by what a broken literal hides; the parser refuses it then.
pub(super) fn first_bracket_too_deep(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut depth = 0_usize;
    let mut at = 0;
    while at < bytes.len() {
        match bytes[at] {
            b'"' => at = end_of_text(bytes, at),
            b'/' if bytes[at..].starts_with(b"//") => at = end_of(bytes, at, b"\n"),
            b'/' if bytes[at..].starts_with(b"/*") => at = end_of(bytes, at + 2, b"*/"),
            b'{' | b'[' => {
                depth += 1;
                if MAX_DEPTH < depth {
                    return Some(at);
                }
                at += 1;
            }
            b'}' | b']' => {
                depth = depth.saturating_sub(1);
                at += 1;
            }
            _ => at += 1,
        }
    }
    None
}

/// The byte after the text that begins at `start`.
fn end_of_text(bytes: &[u8], start: usize) -> usize {
    let mut at = start + 1;
    while at < bytes.len() {
        match bytes[at] {
            b'\\' => at += 2,
            b'"' => return at + 1,
            _ => at += 1,
        }
    }
    at
}

/// The byte after the next `end`, or the end of all bytes.
fn end_of(bytes: &[u8], start: usize, end: &[u8]) -> usize {
    let rest = bytes.get(start..).unwrap_or_default();
    let found = rest.windows(end.len()).position(|window| window == end);
    found.map_or(bytes.len(), |found| start + found + end.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_brackets_outside_of_texts_and_comments_count() {
        let deepest = "[".repeat(MAX_DEPTH);
        let harmless = format!("// {{{{\n/* [[[[ */ \"[[[[ \\\" [[[[\" {deepest}");
        assert_eq!(first_bracket_too_deep(&harmless), None);
        assert_eq!(
            first_bracket_too_deep(&format!("{harmless}{{")),
            Some(harmless.len())
        );
    }

    #[test]
    fn siblings_do_not_add_up() {
        assert_eq!(first_bracket_too_deep(&"[{}]".repeat(1_000)), None);
    }

    #[test]
    fn literals_without_an_end_are_survived() {
        for text in ["\"", "\"\\", "//", "/*", "/*/", "/"] {
            assert_eq!(first_bracket_too_deep(text), None, "{text}");
        }
    }
}
