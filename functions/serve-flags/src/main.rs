#![doc = include_str!("../README.md")]

mod answer;
mod routes;
mod setup;

use anyhow::anyhow;
use flags::key::Presented;
use lambda::door;
use lambda::http::Request;
use lambda::{Failure, Invocation, init_logging};
use lambda_runtime::{LambdaEvent, service_fn};
use percent_encoding::percent_decode_str;
use serde_json::Value;
use workflows::serve_flags::{Question, Services, serve_flags};

use routes::{Page, ROUTES};

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
