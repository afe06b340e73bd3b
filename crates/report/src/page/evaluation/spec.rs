//! The monspec that judged, with its hash.

use maud::{Markup, html};

use super::Bounds;
use crate::records::Evaluation;
use crate::text::shortened;

/// So much of each line of a monspec is shown.
const LONGEST_LINE: usize = 1_200;

pub(super) fn section(evaluation: &Evaluation<'_>, bounds: Bounds) -> Markup {
    let hash = &evaluation.validation.registration.spec;
    html! {
        section aria-labelledby="monspec" {
            h2 #monspec { "Monspec" }
            p { "SHA-256 " code .hash { (shortened(hash, 80)) } }
            @match evaluation.spec {
                None => p { "Its text is no longer stored." },
                Some(text) => {
                    @let shown = beginning(text, bounds.spec);
                    @let whole = evaluation.json.map_or("validation.json", |_| "the JSON of this page");
                    div .scroll tabindex="0" role="region" aria-label="Text of the monspec" {
                        pre { code { @for line in shown.lines() { (shortened_line(line)) "\n" } } }
                    }
                    @if shown.len() < text.len() || shown.lines().any(is_long) {
                        p { "Not all of its " (text.len()) " bytes are shown; " (whole) " has them." }
                    }
                }
            }
        }
    }
}

/// The lines that fit, whole.
fn beginning(text: &str, most: usize) -> &str {
    if text.len() <= most {
        return text;
    }
    let end = text.floor_char_boundary(most);
    let cut = &text[..end];
    cut.rfind('\n').map_or(cut, |line| &cut[..line])
}

fn is_long(line: &str) -> bool {
    LONGEST_LINE < line.chars().count()
}

/// Indentation stays; hidden characters are written out.
fn shortened_line(line: &str) -> String {
    let indented = line.len() - line.trim_start_matches([' ', '\t']).len();
    format!(
        "{:indented$}{}",
        "",
        shortened(line, LONGEST_LINE),
        indented = indented.min(80)
    )
}
