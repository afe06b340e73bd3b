//! Invisible characters that change how a text is displayed.

/// The text on one line, with every hidden character written out, so that foreign
/// text can neither forge a line of a log nor control a terminal.
pub fn escaped(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for letter in text.chars() {
        if is_hidden(letter) {
            shown.extend(letter.escape_default());
        } else {
            shown.push(letter);
        }
    }
    shown
}

/// Whether a character controls the display: a control character, the end of a
/// line, or one that changes the direction of the text around it.
pub fn is_hidden(letter: char) -> bool {
    letter.is_control()
        || matches!(letter, '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hidden_characters_are_written_out_and_all_others_kept() {
        assert_eq!(
            escaped("a\r\nb\t\u{1b}[2J\u{9b}\u{202e}\u{2069}\u{2028}"),
            r"a\r\nb\t\u{1b}[2J\u{9b}\u{202e}\u{2069}\u{2028}"
        );
        let plain = "caf\u{e9} e\u{301} \"it's\" \\ 日本 ✓";
        assert_eq!(escaped(plain), plain);
    }
}
