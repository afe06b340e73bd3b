//! What is sent back.

use report::{Frame, Trouble, page};
use serde_json::json;

use super::route::Shape;

/// What is sent back, whatever carries it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    /// Whether it is what was asked for.
    pub found: Found,
    /// What the body is.
    pub kind: Kind,
    /// The body.
    pub body: String,
    /// Where the rest is, for documents that are not whole.
    pub next: Option<String>,
}

/// Whether a document is what was asked for, and if not, why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    /// It is.
    Shown,
    /// A parameter is missing or cannot be used.
    BadParameter,
    /// The link does not open it. One that is wrong and one that was right are
    /// told apart in words only: both need a new one.
    Closed,
    /// Nothing is there, or no longer.
    Nothing,
    /// The records cannot be read.
    Unavailable,
}

impl From<&Trouble> for Found {
    fn from(trouble: &Trouble) -> Self {
        match trouble {
            Trouble::BadParameter { .. } => Self::BadParameter,
            Trouble::LinkNotValid | Trouble::LinkExpired => Self::Closed,
            Trouble::NotFound => Self::Nothing,
            Trouble::Unavailable => Self::Unavailable,
        }
    }
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
            found: Found::Shown,
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
        found: trouble.into(),
        ..document
    }
}
