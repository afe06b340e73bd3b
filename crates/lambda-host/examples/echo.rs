//! A function that does what its event says, to try the host on.

#![expect(
    clippy::disallowed_methods,
    reason = "what the environment holds is one of the things to try"
)]

use std::sync::atomic::{AtomicU64, Ordering};

use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde_json::{Value, json};

static INVOCATIONS: AtomicU64 = AtomicU64::new(0);

#[tokio::main]
async fn main() -> Result<(), Error> {
    if std::env::var_os("EXIT_AT_START").is_some() {
        std::process::exit(7);
    }
    lambda_runtime::run(service_fn(handle)).await
}

#[expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "what it writes is the point"
)]
async fn handle(event: LambdaEvent<Value>) -> Result<Value, Error> {
    let count = 1 + INVOCATIONS.fetch_add(1, Ordering::Relaxed);
    match event.payload["do"].as_str() {
        Some("fail") => Err("told to fail".into()),
        Some("crash") => std::process::exit(3),
        Some("hang") => std::future::pending().await,
        Some("write") => {
            println!("to standard output");
            eprintln!("to standard error");
            Ok(json!(null))
        }
        Some("environment") => Ok(std::env::vars().map(|(name, _)| name).collect()),
        _ => Ok(json!({
            "echo": event.payload,
            "count": count,
            "deadline": event.context.deadline,
        })),
    }
}
