//! Takes values out of the tree and reports errors.
//!
//! A function that returns `None` or leaves something out has reported an error, so
//! an incomplete spec is never passed on.

use crate::suggest::did_you_mean;
use crate::syntax::{Member, Node, Value};
use crate::{Place, Report, shortened};

/// The most elements of one list or object that are read, so that looking at
/// all pairs of two lists stays cheap for any file.
const MAX_ELEMENTS: usize = 1_000;

/// A node and the way to it.
#[derive(Clone)]
pub struct Cursor<'a> {
    /// Where it is.
    pub place: Place,
    value: &'a Value,
}

impl<'a> Cursor<'a> {
    /// The value of the field `key` of the object at `parent`.
    pub fn new(node: &'a Node, parent: &Place, key: &str) -> Self {
        Self::at(node, Place::new(node.offset, parent.path.field(key)))
    }

    /// A value that is at this place.
    pub fn at(node: &'a Node, place: Place) -> Self {
        Self {
            place,
            value: &node.value,
        }
    }

    /// The values of an object whose keys are the author's own, with the place of each key.
    pub fn entries(&self, report: &mut Report<'_>) -> Option<Vec<(&'a str, Place, Cursor<'a>)>> {
        let members = self.first(self.members(report)?, report);
        let named = members.iter().filter(|member| !member.is_comment());
        let entries = named
            .map(|member| {
                let cursor = Cursor::new(&member.node, &self.place, &member.key);
                let key = Place::new(member.offset, cursor.place.path.clone());
                (member.key.as_str(), key, cursor)
            })
            .collect();
        Some(entries)
    }

    /// The elements of a list.
    pub fn list(&self, report: &mut Report<'_>) -> Option<Vec<Cursor<'a>>> {
        let Value::List(nodes) = self.value else {
            self.mismatch("a list", "put it into `[ … ]`", report);
            return None;
        };
        let cursor = |(index, node): (usize, &'a Node)| Cursor {
            place: Place::new(node.offset, self.place.path.element(index)),
            value: &node.value,
        };
        Some(
            self.first(nodes, report)
                .iter()
                .enumerate()
                .map(cursor)
                .collect(),
        )
    }

    /// The value as it is.
    pub fn value(&self) -> &'a Value {
        self.value
    }

    /// The text, if it is one; nothing is reported.
    pub fn as_text(&self) -> Option<&'a str> {
        match self.value {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// A text that is not blank.
    pub fn text(&self, report: &mut Report<'_>) -> Option<&'a str> {
        match self.value {
            Value::Text(text) if text.trim().is_empty() => {
                report.error(
                    &self.place,
                    "the text is empty",
                    "fill it in, or remove the field",
                );
                None
            }
            Value::Text(text) => Some(text),
            _ => {
                self.mismatch(
                    "a text",
                    "put it in double quotes, or remove the field",
                    report,
                );
                None
            }
        }
    }

    /// A number, or a text that holds one.
    pub fn number(&self, report: &mut Report<'_>) -> Option<f64> {
        let parsed = match self.value {
            Value::Number(number) => Some(*number),
            Value::Text(text) => text.trim().parse().ok(),
            _ => None,
        };
        let number = parsed.filter(|number: &f64| number.is_finite());
        if number.is_none() {
            self.mismatch(
                "a number",
                "write a plain number, 100 or 99.5 for example",
                report,
            );
        }
        number
    }

    /// One of a few words.
    pub fn choice<T: Copy>(
        &self,
        choices: &[T],
        word: fn(T) -> &'static str,
        report: &mut Report<'_>,
    ) -> Option<T> {
        let text = self.text(report)?;
        let chosen = choices.iter().copied().find(|choice| word(*choice) == text);
        if chosen.is_none() {
            let words: Vec<_> = choices.iter().map(|choice| word(*choice)).collect();
            report.error(
                &self.place,
                format!("`{}` is not known here", shortened(text)),
                did_you_mean(text, &words, "it can be"),
            );
        }
        chosen
    }

    fn first<T>(&self, elements: &'a [T], report: &mut Report<'_>) -> &'a [T] {
        if elements.len() <= MAX_ELEMENTS {
            return elements;
        }
        report.error(
            &self.place,
            format!(
                "there are {} elements, more than the {MAX_ELEMENTS} that are read",
                elements.len()
            ),
            "split the entry",
        );
        &elements[..MAX_ELEMENTS]
    }

    pub(crate) fn members(&self, report: &mut Report<'_>) -> Option<&'a [Member]> {
        if let Value::Object(members) = self.value {
            return Some(members);
        }
        self.mismatch("an object", "put it into `{ … }`", report);
        None
    }

    fn mismatch(&self, expected: &str, fix: &str, report: &mut Report<'_>) {
        let problem = match self.value {
            Value::Text(text) => {
                format!("expected {expected}, found the text {:?}", shortened(text))
            }
            other => format!("expected {expected}, found {}", other.kind()),
        };
        report.error(&self.place, problem, fix);
    }
}
