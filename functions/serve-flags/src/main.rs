#![doc = include_str!("../README.md")]

mod answer;
mod setup;

use anyhow::anyhow;
use flags::LARGEST_REQUEST;
use flags::key::Presented;
use lambda::door::{self, Opens, Route, Takes};
use lambda::http::Request;
use lambda::{Failure, Invocation, init_logging};
use lambda_runtime::{LambdaEvent, service_fn};
use percent_encoding::percent_decode_str;
use serde_json::Value;
use workflows::serve_flags::{Question, Services, serve_flags};

/// What is at an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Page {
    One,
    All,
    Flagd,
    /// What a browser asks before it asks.
    Preflight,
}

/// Python and Rust put names into paths as they are, and some clients end
/// addresses with a slash.
const ROUTES: [Route<Page>; 8] = [
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
    Route {
        leads_to,
        path,
        methods,
        opens: Opens::Key,
        takes,
    }
}

const fn preflight(path: &'static str) -> Route<Page> {
    route(path, Page::Preflight)
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    init_logging();
    let services = setup::services().await?;

    // On the heap, or the compiler follows all that it awaits from here.
    lambda_runtime::run(service_fn(|event| Box::pin(handle(&services, event)))).await
}

async fn handle(services: &Services, event: LambdaEvent<Value>) -> Result<Value, Failure> {
    let now = Invocation::begin(&event.context).now;
    let request = Request::of(&event.payload)
        .ok_or_else(|| Failure::unusable(anyhow!("the event is not an HTTP request")))?;
    let visit = match door::enter(&ROUTES, None, &request).await {
        Ok(visit) => visit,
        Err(refused) => return Ok(answer::refused(&refused)),
    };
    let name = percent_decode_str(visit.name).decode_utf8_lossy();
    let body = visit.body.as_bytes();
    let question = match visit.leads_to {
        Page::Preflight => return Ok(answer::preflight()),
        Page::One => Question::One { flag: &name, body },
        Page::All => Question::All { body },
        Page::Flagd => Question::Flagd { set: &name },
    };
    let key = door::key(&request).and_then(|key| Presented::parse(&key));
    let known: Vec<&str> = request.header("if-none-match").collect();
    let known = Some(known.join(", ")).filter(|known| !known.is_empty());
    let served = serve_flags(services, key.as_ref(), question, known.as_deref(), now);
    Ok(answer::to(
        &request,
        &event.context.request_id,
        served.await,
    ))
}
