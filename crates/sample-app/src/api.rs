//! The addresses of the service.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Query, Request, State};
use axum::http::{StatusCode, Uri};
use axum::middleware::{self, Next};
use axum::response::{Html, Response};
use axum::routing::get;
use serde::Deserialize;

use crate::page;
use crate::service::{Invoked, Service};

type Shared = State<Arc<Service>>;

pub(crate) fn router(service: Service) -> Router {
    let service = Arc::new(service);
    Router::new()
        .route("/", get(start))
        .route("/version", get(version_page))
        .route("/api/echo", get(echo))
        .route("/api/login", get(login))
        .route("/api/invoke", get(invoke))
        .route("/api/sleeptime", get(sleep_time))
        .route("/api/version", get(version))
        .route("/api/causeerror", get(cause_error))
        .layer(middleware::from_fn_with_state(Arc::clone(&service), count))
        .with_state(service)
}

/// What a call of the API may be given; a value that is no number is refused.
#[derive(Deserialize)]
struct Asked {
    /// How long the call takes at least, in milliseconds.
    sleep: Option<u64>,
    text: Option<String>,
    username: Option<String>,
    url: Option<String>,
    min: Option<u64>,
    #[serde(rename = "newBuildNumber")]
    new_build_number: Option<u32>,
}

async fn count(State(service): Shared, request: Request, next: Next) -> Response {
    service.count();
    next.run(request).await
}

async fn start(State(service): Shared) -> Html<String> {
    Html(page::start(service.build(), service.group()).into_string())
}

async fn version_page(State(service): Shared) -> Html<String> {
    Html(page::version(service.build(), service.group()).into_string())
}

async fn echo(State(service): Shared, Query(asked): Query<Asked>) -> String {
    service.work(asked.sleep).await;
    asked.text.unwrap_or_default()
}

async fn login(State(service): Shared, Query(asked): Query<Asked>) -> String {
    service.work(asked.sleep).await;
    let username = asked.username.unwrap_or_else(|| "nobody".to_owned());
    format!("Welcome, {username}")
}

async fn invoke(State(service): Shared, Query(asked): Query<Asked>) -> (StatusCode, String) {
    service.work(asked.sleep).await;
    let url = asked.url.unwrap_or_else(|| "nothing".to_owned());
    match service.invoke() {
        Invoked::Well => (StatusCode::OK, format!("Invoked {url}")),
        Invoked::Failed => (
            StatusCode::INTERNAL_SERVER_ERROR,
            format!("Could not invoke {url}"),
        ),
    }
}

async fn sleep_time(
    State(service): Shared,
    Query(asked): Query<Asked>,
) -> Result<String, (StatusCode, &'static str)> {
    let Some(least) = asked.min else {
        return Err((
            StatusCode::BAD_REQUEST,
            "say how long with ?min=<milliseconds>",
        ));
    };
    let set = service.set_work(least);
    Ok(format!("Every call takes {set} ms"))
}

async fn version(State(service): Shared, Query(asked): Query<Asked>) -> String {
    service.work(asked.sleep).await;
    if let Some(build) = asked.new_build_number {
        service.become_build(build);
    }
    format!("Running build {} in {}", service.build(), service.group())
}

async fn cause_error(
    State(service): Shared,
    uri: Uri,
    Query(asked): Query<Asked>,
) -> (StatusCode, &'static str) {
    service.work(asked.sleep).await;
    service.cause_error(uri.path());
    (StatusCode::INTERNAL_SERVER_ERROR, "An error, as asked for")
}
