//! Collects messages while a file is read.

use crate::hidden::escaped;
use crate::message::{Message, Position, Severity};
use crate::path::Place;

/// The most messages that are kept. Nobody fixes more at once, and a hostile file
/// must not fill the memory with messages about itself.
const MAX_MESSAGES: usize = 500;

/// The messages about one text.
pub struct Report<'a> {
    text: &'a str,
    line_starts: Vec<usize>,
    drafts: Vec<(usize, Message)>,
    left_out: Option<Severity>,
    errors: usize,
}

/// The result of a report.
pub struct Reported {
    /// The messages in the order of the file.
    pub messages: Vec<Message>,
    /// Whether there was an error.
    pub refused: bool,
}

impl<'a> Report<'a> {
    /// Nothing was said of the text yet.
    pub fn new(text: &'a str) -> Self {
        let after_line_ends = text.match_indices('\n').map(|(end, _)| end + 1);
        let line_starts = std::iter::once(0).chain(after_line_ends).collect();
        Self {
            text,
            line_starts,
            drafts: Vec::new(),
            left_out: None,
            errors: 0,
        }
    }

    /// Says what refuses the file.
    pub fn error(&mut self, at: &Place, problem: impl Into<String>, fix: impl Into<String>) {
        self.push(Severity::Error, at, &problem.into(), &fix.into());
    }

    /// Says what was probably not meant.
    pub fn warning(&mut self, at: &Place, problem: impl Into<String>, fix: impl Into<String>) {
        self.push(Severity::Warning, at, &problem.into(), &fix.into());
    }

    /// Says what is worth a second look.
    pub fn hint(&mut self, at: &Place, problem: impl Into<String>, fix: impl Into<String>) {
        self.push(Severity::Hint, at, &problem.into(), &fix.into());
    }

    /// How many errors there were so far.
    pub fn errors(&self) -> usize {
        self.errors
    }

    /// Everything that was said.
    pub fn finish(mut self) -> Reported {
        // Stable, so that messages about one place stay in the order of the rules.
        self.drafts.sort_by_key(|(offset, _)| *offset);
        let mut messages: Vec<_> = self
            .drafts
            .into_iter()
            .map(|(_, message)| message)
            .collect();
        if let Some(severity) = self.left_out {
            messages.push(Message {
                severity,
                position: Position { line: 1, column: 1 },
                path: "$".into(),
                problem: format!(
                    "there are more than {MAX_MESSAGES} messages; the rest is left out"
                ),
                fix: "repair these first".into(),
            });
        }
        Reported {
            messages,
            refused: 0 < self.errors,
        }
    }

    fn push(&mut self, severity: Severity, at: &Place, problem: &str, fix: &str) {
        // Most messages quote the author's text; all of them pass here.
        let (problem, fix) = (escaped(problem), escaped(fix));
        self.errors += usize::from(severity == Severity::Error);
        if self.drafts.len() == MAX_MESSAGES {
            self.left_out = self.left_out.max(Some(severity));
            return;
        }
        let position = self.position(at.offset);
        let path = at.path.as_str().to_owned();
        self.drafts.push((
            at.offset,
            Message {
                severity,
                position,
                path,
                problem,
                fix,
            },
        ));
    }

    fn position(&self, offset: usize) -> Position {
        let line = self.line_starts.partition_point(|start| *start <= offset);
        let start = self.line_starts[line - 1];
        let before = self.text.get(start..offset).unwrap_or_default();
        Position {
            line,
            column: before.chars().count() + 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::path::Path;

    #[test]
    fn messages_come_in_the_order_of_the_file_with_characters_as_columns() {
        let text = "äö\nx";
        let mut report = Report::new(text);
        report.hint(&Place::new(5, Path::root()), "second", "");
        report.warning(&Place::new(2, Path::root()), "first", "");
        let places: Vec<_> = report
            .finish()
            .messages
            .iter()
            .map(|one| format!("{} {}", one.position, one.problem))
            .collect();
        assert_eq!(places, ["1:2 first", "2:1 second"]);
    }

    #[test]
    fn an_error_refuses_even_when_it_is_left_out() {
        let mut report = Report::new("");
        let start = Place::new(0, Path::root());
        (0..MAX_MESSAGES).for_each(|_| report.warning(&start, "much", ""));
        report.error(&start, "too much", "");
        let reported = report.finish();
        assert!(reported.refused);
        assert_eq!(reported.messages.len(), MAX_MESSAGES + 1);
        assert_eq!(
            reported.messages.last().map(|last| last.severity),
            Some(Severity::Error)
        );
    }
}
