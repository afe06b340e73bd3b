//! What is sent back.

use report::{Frame, Trouble, page};
use serde_json::json;

use super::route::Shape;

/// What is sent back, whatever carries it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    /// The status, in the numbers of HTTP.
    pub status: u16,
    /// What the body is.
    pub kind: Kind,
    /// The body.
    pub body: String,
    /// Where the rest is, for documents that are not whole.
    pub next: Option<String>,
}

/// What a body is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A page.
    Html,
    /// A document for machines.
    Json,
    /// Test results.
    Xml,
    /// A picture.
    Svg,
}

impl Document {
    pub(super) fn page(body: String) -> Self {
        Self::good(Kind::Html, body)
    }

    pub(super) fn json(body: String) -> Self {
        Self::good(Kind::Json, body)
    }

    pub(super) fn junit(body: String) -> Self {
        Self::good(Kind::Xml, body)
    }

    pub(super) fn badge(body: String) -> Self {
        Self::good(Kind::Svg, body)
    }

    fn good(kind: Kind, body: String) -> Self {
        Self {
            status: 200,
            kind,
            body,
            next: None,
        }
    }
}

/// Why there is nothing to show, for people or for machines.
pub(super) fn trouble(frame: &Frame<'_>, shape: Shape, trouble: &Trouble) -> Document {
    let document = match shape {
        Shape::Page => Document::page(page::trouble(frame, trouble)),
        Shape::Json | Shape::Junit | Shape::Svg => {
            let mut told = json!({ "error": trouble.title() });
            if let Trouble::BadParameter { name, expected } = trouble {
                told["parameter"] = (*name).into();
                told["expected"] = (*expected).into();
            }
            Document::json(told.to_string())
        }
    };
    Document {
        status: trouble.status(),
        ..document
    }
}
