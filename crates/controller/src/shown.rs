//! Makes foreign text fit to be shown: without colours, secrets and excess.

/// How much of a refusal is kept for people, in characters.
const EXCERPT: usize = 500;

/// The beginning of a refusal on one line, without `secret`.
pub(crate) fn excerpt(text: &str, secret: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let clean = without(&line, secret);
    match clean.char_indices().nth(EXCERPT) {
        Some((end, _)) => format!("{}…", &clean[..end]),
        None => clean,
    }
}

/// The end of an output, at most `most` characters, without colours and without
/// `secret`.
pub(crate) fn tail(text: &str, most: usize, secret: &str) -> String {
    let clean = without(&without_colours(text), secret);
    let count = clean.chars().count();
    clean.chars().skip(count.saturating_sub(most)).collect()
}

/// Secrets are removed before a text is cut: half of one is not recognised.
fn without(text: &str, secret: &str) -> String {
    if secret.is_empty() {
        return text.to_owned();
    }
    text.replace(secret, "[redacted]")
}

/// Control sequences of terminals begin with an escape and end with a letter;
/// of other control characters only line ends and tabs stay.
pub(crate) fn without_colours(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        if c == '\u{1b}' {
            if rest.next_if_eq(&'[').is_some() {
                for c in rest.by_ref() {
                    if ('@'..='~').contains(&c) {
                        break;
                    }
                }
            }
        } else if !c.is_control() || c == '\n' || c == '\t' {
            plain.push(c);
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_disappear_and_lines_stay() {
        assert_eq!(
            without_colours("\u{1b}[0;31mfatal\u{1b}[0m: [web-1]\r\n\tno\u{1b}"),
            "fatal: [web-1]\n\tno"
        );
    }

    #[test]
    fn end_is_kept_and_secrets_are_not() {
        assert_eq!(tail("one two three", 5, ""), "three");
        let shown = tail("the password is hunter2!", 10, "hunter2");
        assert!(
            !shown.contains("hunter") && !shown.contains("ter2"),
            "{shown}"
        );
    }

    #[test]
    fn long_refusals_are_cut_between_characters() {
        let shown = excerpt(&"é ".repeat(2000), "");
        assert!(shown.ends_with('…') && shown.chars().count() == EXCERPT + 1);
        assert_eq!(excerpt("no \n t0k3n", "t0k3n"), "no [redacted]");
    }
}
