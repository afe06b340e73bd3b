//! A change of a flag, before it is taken back.

use maud::html;

use crate::frame::{Crumb, Frame};
use crate::records::TakingBack;
use crate::text::{name, sentence};

/// Says what would be given back, and asks whether it shall be. The form changes
/// something, the page does not.
pub fn taking_back(frame: &Frame<'_>, asked: &TakingBack<'_>) -> String {
    let crumbs = [
        Crumb {
            name: "Feature flags",
            address: None,
        },
        Crumb {
            name: asked.flag,
            address: None,
        },
    ];
    let main = html! {
        h1 { "Take back a change of " (name(asked.flag)) span .of { " of " (name(asked.set)) } }
        @if let Some(outcome) = asked.outcome {
            p .lead role="status" { (sentence(outcome)) }
        }
        dl .facts {
            div { dt { "Value now" } dd { (sentence(&asked.value)) } }
            @if let Some(said) = &asked.said {
                div {
                    dt { "Set" }
                    dd {
                        "to " (sentence(&said.value)) " by " (name(said.by)) ", "
                        (frame.clock().both(said.at))
                    }
                }
            }
            @if let Ok(after) = &asked.after {
                div { dt { "Value afterwards" } dd { (sentence(after)) } }
            }
        }
        @match &asked.after {
            Ok(_) => form method="post" action=(asked.action) {
                p { button type="submit" { "Take it back" } }
            },
            Err(why) => p { "It cannot be taken back: " (sentence(why)) "." },
        }
    };
    frame.document(asked.flag, None, &crumbs, &main)
}
