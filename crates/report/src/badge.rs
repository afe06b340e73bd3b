//! The last verdict as a small picture, for a README or a wiki.

use maud::html;
use monspec::Verdict;

use crate::text::shortened;
use crate::words::State;

/// The longest name on a badge.
const LONGEST: usize = 40;

/// What a letter takes on average; the text is stretched to fit exactly.
const LETTER: usize = 7;

/// A badge that stands alone, without a stylesheet. `None` is a gate that has
/// judged nothing yet.
pub fn badge(comparison: &str, verdict: Option<Verdict>) -> String {
    let label = shortened(comparison, LONGEST);
    let (word, colour) = match verdict.map(State::from) {
        Some(state @ State::Passed) => (state.word(), "#1a7a38"),
        Some(state @ State::Failed) => (state.word(), "#c0271c"),
        Some(state @ State::Inconclusive) => (state.word(), "#8a5a00"),
        _ => ("no verdict", "#545c66"),
    };
    let width = |text: &str| text.chars().count() * LETTER;
    let (left, right) = (width(&label) + 12, width(word) + 12);
    let text = |text: &str, x: usize| {
        html! { text x=(x) y="14" textLength=(width(text)) lengthAdjust="spacingAndGlyphs" { (text) } }
    };
    let picture = html! {
        svg xmlns="http://www.w3.org/2000/svg" width=(left + right) height="20" role="img"
            aria-label={ (label) ": " (word) } {
            title { (label) ": " (word) }
            rect width=(left) height="20" fill="#3a4149" {}
            rect x=(left) width=(right) height="20" fill=(colour) {}
            g fill="#fff" font-family="Verdana,DejaVu Sans,sans-serif" font-size="11" {
                (text(&label, 6))
                (text(word, left + 6))
            }
        }
    };
    picture.into_string()
}
