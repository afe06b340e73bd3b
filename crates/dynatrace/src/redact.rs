//! Makes foreign text fit to be shown: short, and without secrets.

/// How much of an answer is kept for people, in bytes.
const EXCERPT: usize = 512;

/// The beginning of `text` without anything that looks like a token, and
/// without `token`, which may be of the old kind that looks like nothing.
///
/// Secrets are removed before the text is cut, because half a token is no
/// longer recognised as one.
pub(crate) fn excerpt(text: &str, token: &str) -> String {
    let mut clean = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if !token.is_empty() {
        clean = clean.replace(token, REDACTED);
    }
    clean = without_words_after(&clean, "dt0", |c| {
        c.is_ascii_alphanumeric() || ".-_".contains(c)
    });
    clean = without_words_after(&clean, "api-token=", |c| !" \"'&<>".contains(c));

    if clean.len() > EXCERPT {
        let end = (0..=EXCERPT)
            .rev()
            .find(|at| clean.is_char_boundary(*at))
            .expect("zero is a boundary");
        clean.truncate(end);
        clean.push('…');
    }
    clean
}

const REDACTED: &str = "[redacted]";

/// Replaces `start`, in whatever case, and the word that it begins.
fn without_words_after(text: &str, start: &str, in_word: impl Fn(char) -> bool) -> String {
    // ASCII lowercasing keeps every byte offset, so offsets fit both texts.
    let lower = text.to_ascii_lowercase();
    let mut clean = String::with_capacity(text.len());
    let mut done = 0;
    while let Some(found) = lower[done..].find(start) {
        let begin = done + found;
        let rest = &text[begin + start.len()..];
        let word = rest.find(|c| !in_word(c)).unwrap_or(rest.len());
        clean.push_str(&text[done..begin]);
        clean.push_str(REDACTED);
        done = begin + start.len() + word;
    }
    clean.push_str(&text[done..]);
    clean
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_of_every_kind_disappear() {
        for text in [
            "token dt0c01.ST2EY72KQINMH574WMNVI7YN.G3DFPBEJYMODIDAEX454M7YWBUVEFOWK",
            "token DT0S16.AAAA.BBBB",
            "see https://x.example.com/?Api-Token=opaque-secret",
            "token opaque-secret",
        ] {
            let shown = excerpt(text, "opaque-secret");

            assert!(shown.ends_with("[redacted]"), "{shown}");
            assert!(!shown.contains("secret"), "{shown}");
            assert!(!shown.contains("G3DFPB"), "{shown}");
        }
    }

    #[test]
    fn text_around_a_token_stays() {
        assert_eq!(
            excerpt("a dt0c01.X.Y b ?api-token=z&c=1", ""),
            "a [redacted] b ?[redacted]&c=1"
        );
    }

    #[test]
    fn long_answers_are_cut_between_characters() {
        let shown = excerpt(&"é".repeat(2000), "");

        assert!(shown.len() <= EXCERPT + '…'.len_utf8());
        assert!(shown.ends_with("é…"));
    }

    #[test]
    fn a_token_across_the_cut_is_still_recognised() {
        let text = format!("{}dt0c01.{}", "x".repeat(EXCERPT - 4), "S".repeat(80));

        assert!(!excerpt(&text, "").contains("SS"));
    }
}
