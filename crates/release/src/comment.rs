//! Text of comments on a problem, where the tenant shows it.
//!
//! Everything that somebody else wrote is made a piece of text: on one line,
//! short, and without marks that a tenant would render.

use jiff::Timestamp;

/// The longest comment, in characters.
pub const LONGEST: usize = 2_000;

/// The longest piece that somebody else wrote, in characters.
const LONGEST_PIECE: usize = 200;

/// The longest sentence that has such pieces in it, in characters.
const LONGEST_SENTENCE: usize = 700;

/// A piece that somebody else wrote.
pub fn plain(text: &str) -> String {
    cut(text, LONGEST_PIECE)
}

/// A sentence of ours with such pieces in it, or a reason that a remote gives.
pub fn sentence(text: &str) -> String {
    cut(text, LONGEST_SENTENCE)
}

/// The first `longest` characters, without marks.
pub fn cut(text: &str, longest: usize) -> String {
    let mut plain = String::new();
    for c in text.chars().take(longest) {
        match c {
            '<' => plain.push_str("&lt;"),
            '>' => plain.push_str("&gt;"),
            '&' => plain.push_str("&amp;"),
            '*' | '_' | '`' | '[' | ']' | '#' | '|' | '~' | '\\' | '!' => {
                plain.push('\\');
                plain.push(c);
            }
            c if c.is_control() || c.is_whitespace() => plain.push(' '),
            c => plain.push(c),
        }
    }
    plain
}

/// A whole comment, within its bound.
pub fn bounded(text: String) -> String {
    if text.chars().count() <= LONGEST {
        return text;
    }
    text.chars().take(LONGEST - 1).chain(['…']).collect()
}

/// A moment, for people.
pub fn time(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn foreign_text_stays_text_and_short() {
        assert_eq!(
            plain("a\n<script>&[x](y) *b* `c`"),
            "a &lt;script&gt;&amp;\\[x\\](y) \\*b\\* \\`c\\`"
        );
        assert_eq!(plain(&"x".repeat(5_000)).len(), LONGEST_PIECE);
    }
}
