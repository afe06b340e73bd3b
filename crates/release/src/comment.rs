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

/// How long it took, in words that a person reads at three in the morning.
pub fn span(from: Timestamp, to: Timestamp) -> String {
    let seconds = to.duration_since(from).as_secs().max(0);
    match (seconds / 3_600, seconds / 60 % 60, seconds % 60) {
        (0, 0, seconds) => format!("{seconds} s"),
        (0, minutes, seconds) => format!("{minutes} min {seconds} s"),
        (hours, minutes, _) => format!("{hours} h {minutes} min"),
    }
}

/// As a sentence begins.
pub fn sentence_case(text: &str) -> String {
    let mut characters = text.chars();
    match characters.next() {
        Some(first) => first.to_uppercase().chain(characters).collect(),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_told_in_the_largest_units_that_matter() {
        let at = |second| Timestamp::from_second(second).unwrap();
        assert_eq!(span(at(0), at(42)), "42 s");
        assert_eq!(span(at(0), at(754)), "12 min 34 s");
        assert_eq!(span(at(0), at(7_321)), "2 h 2 min");
        assert_eq!(span(at(9), at(0)), "0 s");
    }

    #[test]
    fn foreign_text_stays_text_and_short() {
        assert_eq!(
            plain("a\n<script>&[x](y) *b* `c`"),
            "a &lt;script&gt;&amp;\\[x\\](y) \\*b\\* \\`c\\`"
        );
        assert_eq!(plain(&"x".repeat(5_000)).len(), LONGEST_PIECE);
    }
}
