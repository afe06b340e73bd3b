//! The lab in a browser: what happens, live, and buttons that make it happen.

mod state;

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use axum::extract::{Json, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Router, middleware};
use fake_aws::pipeline::Answer;
use futures_util::{Stream, stream};
use lab::live::{self, Listeners, Live, Scene};
use serde::Deserialize;
use serde_json::Value;

use crate::build;
use crate::timeline::{Stream as Output, Timeline};

/// The shortest interval between two updates of a browser.
const EVERY: Duration = Duration::from_millis(500);

/// The page loads nothing from elsewhere and cannot be framed.
const POLICY: &str = "default-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

type Shared = State<Arc<Scene>>;
type Refused = (StatusCode, String);

/// Serves the console until it is interrupted.
pub(crate) async fn serve(options: live::Options, port: u16) -> anyhow::Result<()> {
    let timeline = Timeline::begin(Output::Out);
    // Before the build, so that a port in use is reported at once.
    let listener = live::listen(port, "--port").await?;
    let listeners = Listeners::bind(options.ports).await?;
    let url = format!("http://{}", listener.local_addr()?);

    let built = build::build(&timeline).await?;
    let mut live = Live::start(&built, listeners, options).await?;
    let scene = Arc::clone(live.scene());
    timeline.line(&format!(
        "The lab is at {url}\n  staging     {}\n  production  {}\n  reports     {}\nCtrl-C ends it.",
        scene.staging.url(),
        scene.production.url(),
        scene.reports,
    ));
    let mut troubles = scene.troubles();
    let complaints = async {
        // It fails only when the lab is gone.
        while troubles.changed().await.is_ok() {
            if let Some(trouble) = troubles.borrow_and_update().as_deref() {
                crate::complain(trouble);
            }
        }
        std::future::pending::<Infallible>().await
    };
    let served = axum::serve(listener, router(scene));
    tokio::select! {
        served = async { served.await } => served.context("the console ended"),
        error = live.broken() => Err(error),
        never = complaints => match never {},
    }
}

fn router(scene: Arc<Scene>) -> Router {
    let commands = Router::new()
        .route("/release", post(release))
        .route("/answer", post(answer))
        .route("/switch", post(switch))
        .layer(middleware::from_fn(own_page_only));
    let file = |kind: &'static str, text: &'static str| {
        get(async move || ([(header::CONTENT_TYPE, kind)], text))
    };
    Router::new()
        .route(
            "/",
            file(
                "text/html; charset=utf-8",
                include_str!("console/page.html"),
            ),
        )
        .route(
            "/console.css",
            file("text/css", include_str!("console/console.css")),
        )
        .route(
            "/console.js",
            file("text/javascript", include_str!("console/console.js")),
        )
        .route("/events", get(events))
        .merge(commands)
        .layer(middleware::map_response(guarded))
        .layer(middleware::from_fn(this_machine_only))
        .with_state(scene)
}

async fn guarded(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(POLICY),
    );
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// Refuses foreign names that resolve to this machine: their pages could read
/// what ours reads.
async fn this_machine_only(
    headers: HeaderMap,
    request: axum::extract::Request,
    next: middleware::Next,
) -> Response {
    let host = text(&headers, header::HOST);
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    if ["127.0.0.1", "localhost"].contains(&name) {
        return next.run(request).await;
    }
    (
        StatusCode::FORBIDDEN,
        "the lab is at 127.0.0.1 and localhost",
    )
        .into_response()
}

fn text(headers: &HeaderMap, name: header::HeaderName) -> &str {
    let value = headers.get(name);
    value.and_then(|value| value.to_str().ok()).unwrap_or("")
}

/// Any page in the browser can send requests here; only ours are accepted.
async fn own_page_only(
    headers: HeaderMap,
    request: axum::extract::Request,
    next: middleware::Next,
) -> Response {
    let origin = text(&headers, header::ORIGIN);
    if origin.strip_prefix("http://") == Some(text(&headers, header::HOST)) {
        return next.run(request).await;
    }
    (
        StatusCode::FORBIDDEN,
        "only the console's own page may ask for this",
    )
        .into_response()
}

async fn events(State(scene): Shared) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let events = stream::unfold((scene, None), async |(scene, last)| {
        loop {
            if last.is_some() {
                tokio::time::sleep(EVERY).await;
            }
            let now = match state::now(&scene).await {
                Ok(now) => serde_json::to_string(&now).expect("texts and numbers make JSON"),
                Err(error) => {
                    scene.journal.tell_once("lab", &format!("{error:#}"));
                    tokio::time::sleep(EVERY).await;
                    continue;
                }
            };
            if last.as_ref() != Some(&now) {
                let event = Event::default().event("state").data(&now);
                return Some((Ok(event), (scene, Some(now))));
            }
        }
    });
    Sse::new(events).keep_alive(KeepAlive::default())
}

#[derive(Deserialize)]
struct Release {
    build: u32,
}

async fn release(State(scene): Shared, Json(asked): Json<Release>) -> Result<StatusCode, Refused> {
    scene.release(asked.build).map_err(refused)?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Deserialize)]
struct Answered {
    execution: String,
    environment: String,
    approve: bool,
}

async fn answer(State(scene): Shared, Json(asked): Json<Answered>) -> Result<StatusCode, Refused> {
    let environments = [&scene.staging, &scene.production];
    let environment = environments
        .into_iter()
        .find(|environment| environment.name() == asked.environment)
        .ok_or_else(|| {
            (
                StatusCode::BAD_REQUEST,
                "there is no such environment".to_owned(),
            )
        })?;
    let answer = if asked.approve {
        Answer::Approved
    } else {
        Answer::Rejected
    };
    scene
        .answer(environment, &asked.execution, answer)
        .map_err(refused)?;
    Ok(StatusCode::NO_CONTENT)
}

/// A flag that is set, for good or for so many seconds.
#[derive(Deserialize)]
struct Switched {
    flag: String,
    value: Value,
    seconds: Option<u64>,
}

async fn switch(State(scene): Shared, Json(asked): Json<Switched>) -> Result<StatusCode, Refused> {
    let Switched {
        flag,
        value,
        seconds,
    } = asked;
    scene
        .switch(&flag, &value, seconds, "By hand in the console")
        .await
        .map_err(refused)?;
    Ok(StatusCode::NO_CONTENT)
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "the shape that `map_err` wants"
)]
fn refused(error: anyhow::Error) -> Refused {
    (StatusCode::CONFLICT, format!("{error:#}"))
}
