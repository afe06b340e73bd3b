//! The addresses of OFREP and of the document for flagd.

use flags::LARGEST_REQUEST;
use lambda::door::{Opens, Route, Takes};

/// What is at an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Page {
    One,
    All,
    Flagd,
    /// What a browser asks before it asks.
    Preflight,
}

/// Python and Rust put names into paths as they are, and some clients end
/// addresses with a slash.
pub(crate) const ROUTES: [Route<Page>; 8] = [
    route("*/ofrep/v1/evaluate/flags", Page::All),
    route("*/ofrep/v1/evaluate/flags/", Page::All),
    route("*/ofrep/v1/evaluate/flags/{}", Page::One),
    route("*/ofrep/v1/evaluate/flags/{}/", Page::One),
    route("*/flags/{}.json", Page::Flagd),
    preflight("*/ofrep/v1/evaluate/flags"),
    preflight("*/ofrep/v1/evaluate/flags/"),
    preflight("*/ofrep/v1/evaluate/flags/{}"),
];

const fn route(path: &'static str, leads_to: Page) -> Route<Page> {
    let (methods, takes): (&[&str], _) = match leads_to {
        Page::One | Page::All => {
            let longest = LARGEST_REQUEST;
            (&["POST"], Takes::Json { longest })
        }
        Page::Flagd => (&["GET", "HEAD"], Takes::Nothing),
        Page::Preflight => (&["OPTIONS"], Takes::Nothing),
    };
    let opens = match leads_to {
        Page::Preflight => Opens::Anybody,
        Page::One | Page::All | Page::Flagd => Opens::Key,
    };
    Route {
        leads_to,
        path,
        methods,
        opens,
        takes,
    }
}

const fn preflight(path: &'static str) -> Route<Page> {
    route(path, Page::Preflight)
}
