//! The pages of the service, in the colour of its build.

use maud::{DOCTYPE, Markup, html};

/// Dark enough for white text; builds that follow each other differ.
const COLOURS: [&str; 6] = [
    "#37474f", "#1b5e20", "#8e0000", "#0d47a1", "#6a1b9a", "#7a4a00",
];

pub(crate) fn start(build: u32, group: &str) -> Markup {
    let calls = [
        "api/echo?text=Hello",
        "api/login?username=Guest",
        "api/invoke?url=https://service.example",
        "api/version",
        "api/causeerror",
    ];
    framed(
        build,
        &html! {
            h1 { "Sample service" }
            p { "Build " (build) " in " (group) }
            ul {
                @for call in calls {
                    li { a href=(call) { "/" (call) } }
                }
            }
        },
    )
}

pub(crate) fn version(build: u32, group: &str) -> Markup {
    framed(
        build,
        &html! {
            h1 { "Build " (build) }
            p { "It runs in " (group) "." }
        },
    )
}

fn framed(build: u32, content: &Markup) -> Markup {
    let index = build as usize % COLOURS.len();
    let style = format!(
        "body {{ background: {}; color: white; font: 1.2rem/1.6 system-ui, sans-serif; margin: 12vh 10vw }} \
         a {{ color: inherit }}",
        COLOURS[index]
    );
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { "Sample service, build " (build) }
                style { (style) }
            }
            body { (content) }
        }
    }
}
