//! From text to a tree whose every node knows its place in the text.
//!
//! The reader needs places for its messages, so the tree is our own and not
//! `serde_json`'s.

mod depth;
mod json;
mod parse;

use crate::Report;

pub use parse::parse;

/// The tree of a text without syntax errors, for callers that report none.
pub fn tree(source: &str) -> Option<Node> {
    let text = without_byte_order_mark(source);
    let mut report = Report::new(text);
    parse(text, &mut report).filter(|_| report.errors() == 0)
}

/// The text without the mark that some editors put in front of it.
pub fn without_byte_order_mark(source: &str) -> &str {
    source.strip_prefix('\u{feff}').unwrap_or(source)
}

/// One JSON value and where it begins.
#[derive(Debug)]
pub struct Node {
    /// The byte at which the value begins.
    pub offset: usize,
    /// The value.
    pub value: Value,
}

/// What a JSON value can be. Numbers are finite.
#[derive(Debug)]
pub enum Value {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number.
    Number(f64),
    /// A text.
    Text(String),
    /// A list.
    List(Vec<Node>),
    /// An object.
    Object(Vec<Member>),
}

/// One field of an object, in the order of the text.
#[derive(Debug)]
pub struct Member {
    /// The byte at which the key begins.
    pub offset: usize,
    /// The key.
    pub key: String,
    /// The value.
    pub node: Node,
}

impl Member {
    /// Whether it is the author's comment.
    pub(crate) fn is_comment(&self) -> bool {
        self.key.starts_with('_')
    }
}

impl Value {
    /// The type of the value, for people.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "a boolean",
            Self::Number(_) => "a number",
            Self::Text(_) => "a text",
            Self::List(_) => "a list",
            Self::Object(_) => "an object",
        }
    }
}
