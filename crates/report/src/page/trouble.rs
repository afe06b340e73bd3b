//! Pages for when there is nothing to show.

use maud::{Markup, html};

use crate::frame::Frame;
use crate::records::Trouble;

/// Says what to do next, and nothing about what exists.
pub fn trouble(frame: &Frame<'_>, trouble: &Trouble) -> String {
    let title = trouble.title();
    let main = html! {
        h1 { (title) }
        p .lead { (trouble.next_step()) }
        @if let Some(start) = frame.start {
            p { a href=(start) { "All release gates" } }
        }
    };
    frame.document(title, None, &[], &main)
}

impl Trouble {
    /// What happened, in a few words.
    pub fn title(&self) -> &'static str {
        match self {
            Self::LinkNotValid => "This link is not valid",
            Self::LinkExpired => "This link has expired",
            Self::NotFound => "There is nothing here",
            Self::BadParameter { .. } => "A parameter cannot be used",
            Self::Unavailable => "The records cannot be read right now",
        }
    }

    fn next_step(&self) -> Markup {
        match self {
            Self::LinkNotValid => html! {
                "Part of it may be missing: copy the whole address from the approval, the problem comment "
                "or the message that brought you here. If it still does not open, ask for a new link."
            },
            Self::LinkExpired => html! {
                "Links open a report for a limited time. Newer approvals carry newer links, and the operator "
                "of this installation can create one."
            },
            Self::NotFound => html! {
                "The address may be incomplete, or the record is older than the time that records are kept."
            },
            Self::BadParameter { name, expected } => html! {
                code { (name) } " has to be " (expected) ". Correct it in the address and try again."
            },
            Self::Unavailable => html! { "Nothing is lost. Try again in a minute." },
        }
    }
}
