//! The Runtime API of one process: it asks for events and posts what came of them.
//!
//! Each process has a server of its own, so nothing a dead process left behind
//! can reach the next one.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use axum::Router;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::{Notify, oneshot};
use tokio::task::JoinHandle;
use uuid::Uuid;

use super::ColdStart;
use fake_aws::{ACCOUNT, REGION};

const INVOCATION_ID: &str = "lambda-runtime-invocation-id";

/// The running server; it stops when this value is dropped.
#[derive(Debug)]
pub(super) struct Api {
    address: String,
    desk: Arc<Desk>,
    server: JoinHandle<()>,
}

/// What the function did with an event.
#[derive(Debug)]
pub(super) enum Answer {
    Response(Value),
    Error { r#type: String, message: String },
}

/// One event on its way to the function.
#[derive(Debug)]
pub(super) struct Event {
    request_id: String,
    invocation_id: String,
    body: Value,
    deadline: Timestamp,
}

impl Event {
    pub(super) fn new(body: Value, deadline: Timestamp) -> Self {
        Self {
            request_id: Uuid::new_v4().to_string(),
            invocation_id: Uuid::new_v4().to_string(),
            body,
            deadline,
        }
    }
}

impl Api {
    pub(super) async fn start() -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")
            .await
            .context("cannot listen on a loopback port")?;
        let address = listener.local_addr()?.to_string();
        let desk = Arc::new(Desk::new());
        let router = router(Arc::clone(&desk));
        let server = tokio::spawn(async move {
            // `serve` only ends when its task is aborted.
            let _ = axum::serve(listener, router).await;
        });
        Ok(Self {
            address,
            desk,
            server,
        })
    }

    /// The value of `AWS_LAMBDA_RUNTIME_API`.
    pub(super) fn address(&self) -> &str {
        &self.address
    }

    /// Waits until the process asks for work, or reports that it cannot start.
    pub(super) async fn started(&self) {
        loop {
            // Interest is registered before looking, so no report is missed.
            let reported = self.desk.reported.notified();
            tokio::pin!(reported);
            reported.as_mut().enable();
            if self.desk.has_started() {
                return;
            }
            reported.await;
        }
    }

    /// Offers an event to the process and waits for its answer, or for the
    /// report that its start failed.
    pub(super) async fn ask(&self, event: Event) -> Answer {
        let (answer, answered) = oneshot::channel();
        {
            let mut state = self.desk.state();
            if let Some(failure) = state.start_failure.take() {
                return failure;
            }
            state.offered = Some(event);
            state.waiting = Some(Waiting {
                taken: None,
                answer,
            });
        }
        self.desk.arrived.notify_one();
        match answered.await {
            Ok(answer) => answer,
            // The desk outlives this call and drops a sender only when the
            // next event takes its place, which waits for this call to end.
            Err(_) => std::future::pending().await,
        }
    }

    pub(super) fn cold_start(&self) -> Option<ColdStart> {
        let state = self.desk.state();
        Some(ColdStart {
            to_first_request: state.first_request?,
            to_first_answer: state.first_answer,
        })
    }
}

impl Drop for Api {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// Where events and answers change hands.
#[derive(Debug)]
struct Desk {
    opened: Instant,
    /// An event was offered.
    arrived: Notify,
    /// The process asked for work, or failed to start.
    reported: Notify,
    state: Mutex<DeskState>,
}

#[derive(Debug, Default)]
struct DeskState {
    offered: Option<Event>,
    waiting: Option<Waiting>,
    start_failure: Option<Answer>,
    first_request: Option<Duration>,
    first_answer: Option<Duration>,
}

#[derive(Debug)]
struct Waiting {
    /// The two ids of the event, once the process took it.
    taken: Option<(String, String)>,
    answer: oneshot::Sender<Answer>,
}

impl Desk {
    fn new() -> Self {
        Self {
            opened: Instant::now(),
            arrived: Notify::new(),
            reported: Notify::new(),
            state: Mutex::default(),
        }
    }

    fn has_started(&self) -> bool {
        let state = self.state();
        state.first_request.is_some() || state.start_failure.is_some()
    }

    async fn next(&self) -> Event {
        self.state()
            .first_request
            .get_or_insert_with(|| self.opened.elapsed());
        self.reported.notify_waiters();
        loop {
            // One stored permit is enough: there is one event and one process.
            if let Some(event) = self.take() {
                return event;
            }
            self.arrived.notified().await;
        }
    }

    fn take(&self) -> Option<Event> {
        let mut state = self.state();
        let event = state.offered.take()?;
        let ids = (event.request_id.clone(), event.invocation_id.clone());
        state.waiting.as_mut()?.taken = Some(ids);
        Some(event)
    }

    /// Accepts an answer to the event that was taken, and to no other.
    fn settle(&self, request_id: &str, headers: &HeaderMap, answer: Answer) -> StatusCode {
        let mut state = self.state();
        let expected = |waiting: &mut Waiting| {
            waiting.taken.as_ref().is_some_and(|(request, invocation)| {
                let echoed = headers.get(INVOCATION_ID);
                request == request_id && echoed.is_none_or(|echoed| echoed == invocation.as_str())
            })
        };
        let Some(waiting) = state.waiting.take_if(expected) else {
            return StatusCode::BAD_REQUEST;
        };
        state
            .first_answer
            .get_or_insert_with(|| self.opened.elapsed());
        // Nobody listens any more if the invocation was given up meanwhile.
        let _ = waiting.answer.send(answer);
        StatusCode::ACCEPTED
    }

    fn fail_start(&self, failure: Answer) {
        let mut state = self.state();
        match state.waiting.take() {
            Some(waiting) => {
                // Nobody listens any more if the invocation was given up meanwhile.
                let _ = waiting.answer.send(failure);
            }
            None => state.start_failure = Some(failure),
        }
        self.reported.notify_waiters();
    }

    fn state(&self) -> MutexGuard<'_, DeskState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn router(desk: Arc<Desk>) -> Router {
    let routes = Router::new()
        .route("/invocation/next", get(next))
        .route("/invocation/{id}/response", post(response))
        .route("/invocation/{id}/error", post(error))
        .route("/init/error", post(init_error))
        .with_state(desk);
    Router::new().nest("/2018-06-01/runtime", routes)
}

async fn next(State(desk): State<Arc<Desk>>) -> Response {
    let event = desk.next().await;
    let headers = [
        ("lambda-runtime-aws-request-id", event.request_id),
        (INVOCATION_ID, event.invocation_id),
        (
            "lambda-runtime-deadline-ms",
            event.deadline.as_millisecond().to_string(),
        ),
        (
            "lambda-runtime-invoked-function-arn",
            format!("arn:aws:lambda:{REGION}:{ACCOUNT}:function:lab"),
        ),
        (header::CONTENT_TYPE.as_str(), "application/json".to_owned()),
    ];
    (headers, event.body.to_string()).into_response()
}

async fn response(
    State(desk): State<Arc<Desk>>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: String,
) -> StatusCode {
    // A body that is no JSON is what the caller of the function would see too.
    let value = serde_json::from_str(&body).unwrap_or(Value::String(body));
    desk.settle(&id, &headers, Answer::Response(value))
}

async fn error(
    State(desk): State<Arc<Desk>>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: String,
) -> StatusCode {
    desk.settle(&id, &headers, failure(&body))
}

async fn init_error(State(desk): State<Arc<Desk>>, body: String) -> StatusCode {
    desk.fail_start(failure(&body));
    StatusCode::ACCEPTED
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Failure {
    error_type: String,
    error_message: String,
}

fn failure(body: &str) -> Answer {
    let failure: Failure = serde_json::from_str(body).unwrap_or_default();
    Answer::Error {
        r#type: failure.error_type,
        message: failure.error_message,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use fake_aws::clock::real_time;
    use reqwest::{Client, RequestBuilder};

    /// The part of the process: plain requests to the Runtime API.
    struct Caller {
        http: Client,
        base: String,
    }

    impl Caller {
        fn of(api: &Api) -> Self {
            // A second test of this process may have been first.
            let _ = rustls::crypto::ring::default_provider().install_default();
            let base = format!("http://{}/2018-06-01/runtime", api.address());
            Self {
                http: Client::new(),
                base,
            }
        }

        fn post(&self, path: &str, body: &'static str) -> RequestBuilder {
            self.http.post(format!("{}/{path}", self.base)).body(body)
        }

        /// Takes the next event; the answer is its two ids.
        async fn next(&self) -> (String, String) {
            let next = self.http.get(format!("{}/invocation/next", self.base));
            let next = next.send().await.unwrap();
            let header = |name: &str| next.headers()[name].to_str().unwrap().to_owned();
            let deadline: i64 = header("lambda-runtime-deadline-ms").parse().unwrap();
            assert!(0 < deadline);
            (
                header("lambda-runtime-aws-request-id"),
                header(INVOCATION_ID),
            )
        }
    }

    #[tokio::test]
    async fn failed_start_answers_the_event_that_waits() {
        let api = Api::start().await.unwrap();
        let caller = Caller::of(&api);
        let body = r#"{"errorType": "Setup", "errorMessage": "no table is named"}"#;
        let posted = caller.post("init/error", body).send().await.unwrap();
        assert_eq!(posted.status(), 202);

        api.started().await;
        let answer = api.ask(Event::new(Value::Null, real_time())).await;
        let Answer::Error { r#type, message } = answer else {
            panic!("the start failed");
        };
        assert_eq!(
            (r#type.as_str(), message.as_str()),
            ("Setup", "no table is named")
        );
    }

    #[tokio::test]
    async fn only_the_answer_to_the_event_at_hand_counts() {
        let api = Api::start().await.unwrap();
        let caller = Caller::of(&api);
        let function = async {
            let (request, invocation) = caller.next().await;
            let status = async |path: String, invocation: &str| {
                let post = caller.post(&path, "true").header(INVOCATION_ID, invocation);
                post.send().await.unwrap().status().as_u16()
            };
            let right = format!("invocation/{request}/response");
            let unknown = "invocation/unknown/response".to_owned();
            [
                status(unknown, &invocation).await,
                status(right.clone(), "another invocation").await,
                status(right.clone(), &invocation).await,
                status(right, &invocation).await,
            ]
        };
        let asked = api.ask(Event::new(Value::Null, real_time()));
        let (answer, statuses) = tokio::join!(asked, function);

        assert!(matches!(answer, Answer::Response(Value::Bool(true))));
        assert_eq!(statuses, [400, 400, 202, 400]);
    }
}
