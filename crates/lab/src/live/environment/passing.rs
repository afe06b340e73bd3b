//! A request on its way to the build that runs.

use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use tokio::time::Instant;

use super::{Behind, Shared};

/// The most that is read of a request.
const LARGEST: usize = 1024 * 1024;

/// Hands a request to the running build, and measures what becomes of it.
pub(super) async fn pass_on(State(shared): State<Arc<Shared>>, request: Request) -> Response<Body> {
    let behind = shared.behind().clone();
    if behind == Behind::Nothing {
        return plain(StatusCode::SERVICE_UNAVAILABLE, "Nothing is deployed here.");
    }
    let (parts, body) = request.into_parts();
    let Ok(body) = axum::body::to_bytes(body, LARGEST).await else {
        return plain(StatusCode::PAYLOAD_TOO_LARGE, "That is too much.");
    };
    let mut asked = Asked {
        path: parts.uri.path().to_owned(),
        began: Instant::now(),
        answer: None,
        behind,
        shared: &shared,
    };
    let Behind::Build { url, .. } = &asked.behind else {
        return plain(StatusCode::BAD_GATEWAY, "The build that ran here is gone.");
    };
    let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
    let request = shared
        .client
        .request(parts.method, format!("{url}{path}"))
        .headers(passed(&parts.headers))
        .body(body);
    match answered(request).await {
        Ok((status, kind, body)) => {
            asked.answer = Some(status);
            let mut response = Response::new(Body::from(body));
            *response.status_mut() = status;
            if let Some(kind) = kind {
                response.headers_mut().insert(header::CONTENT_TYPE, kind);
            }
            response
        }
        Err(_) => plain(StatusCode::BAD_GATEWAY, "The build here does not answer."),
    }
}

/// A request that is under way. It is measured when it is over, in whatever
/// way: one that its sender gave up on is dropped here, and nothing else would
/// tell of a build that hangs.
struct Asked<'a> {
    path: String,
    began: Instant,
    answer: Option<StatusCode>,
    /// What it was handed to.
    behind: Behind,
    shared: &'a Shared,
}

impl Drop for Asked<'_> {
    fn drop(&mut self) {
        let failed = match self.answer {
            Some(status) => status.is_server_error(),
            // A build that was replaced meanwhile owes no answer any more.
            None if is_replaced(&self.behind, &self.shared.behind()) => return,
            None => true,
        };
        self.shared
            .measured(&self.path, self.began.elapsed(), failed);
    }
}

fn is_replaced(before: &Behind, now: &Behind) -> bool {
    before != now && *now != Behind::Dead
}

async fn answered(
    asked: reqwest::RequestBuilder,
) -> Result<(StatusCode, Option<HeaderValue>, Bytes), reqwest::Error> {
    let response = asked.send().await?;
    let kind = response.headers().get(header::CONTENT_TYPE).cloned();
    Ok((response.status(), kind, response.bytes().await?))
}

/// What of a request's headers concerns the service.
fn passed(headers: &HeaderMap) -> HeaderMap {
    let wanted = [
        header::CONTENT_TYPE,
        header::HeaderName::from_static("x-dynatrace"),
    ];
    let known = wanted.into_iter().filter_map(|name| {
        let value = headers.get(&name)?.clone();
        Some((name, value))
    });
    known.collect()
}

fn plain(status: StatusCode, text: &'static str) -> Response<Body> {
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = status;
    response
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::net::TcpListener;

    use super::*;
    use crate::live::environment::Environment;
    use crate::live::meter::Summary;
    use crate::world::{PRODUCTION, until};
    use fake_dynatrace::Tenant;

    const PATIENCE: Duration = Duration::from_secs(20);

    #[tokio::test]
    async fn user_who_gives_up_on_a_hanging_build_has_met_a_failure() {
        let hanging = listener().await;
        let environment = environment(Behind::Build {
            url: format!("http://{}", hanging.local_addr().unwrap()),
            build: 1,
        })
        .await;

        let asked = ask(&environment, Duration::from_millis(300)).await;

        assert!(asked.unwrap_err().is_timeout());
        let summary = measured(&environment).await;
        assert_eq!((summary.count, summary.failing), (1, 1.0));
    }

    #[tokio::test]
    async fn dead_build_fails_every_request() {
        let environment = environment(Behind::Dead).await;

        let answer = ask(&environment, PATIENCE).await.unwrap();

        assert_eq!(answer.status(), StatusCode::BAD_GATEWAY);
        let summary = measured(&environment).await;
        assert_eq!((summary.count, summary.failing), (1, 1.0));
    }

    #[tokio::test]
    async fn where_nothing_is_deployed_nothing_is_measured() {
        let environment = environment(Behind::Nothing).await;

        let answer = ask(&environment, PATIENCE).await.unwrap();

        assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(environment.recent(60, -1), None);
    }

    #[test]
    fn only_a_build_that_was_replaced_owes_no_answer() {
        let build = |build| Behind::Build {
            url: format!("http://127.0.0.1:{build}"),
            build,
        };
        assert!(is_replaced(&build(1), &Behind::Nothing));
        assert!(is_replaced(&build(1), &build(2)));
        assert!(!is_replaced(&build(1), &build(1)));
        assert!(!is_replaced(&build(1), &Behind::Dead));
    }

    async fn environment(behind: Behind) -> Environment {
        // Only the first provider is installed, and they are all the same.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let tenant = Tenant::start().await.unwrap();
        let environment =
            Environment::open("Production", PRODUCTION, listener().await, &tenant).unwrap();
        *environment.shared.behind() = behind;
        environment
    }

    async fn listener() -> TcpListener {
        TcpListener::bind("127.0.0.1:0").await.unwrap()
    }

    async fn ask(
        environment: &Environment,
        patience: Duration,
    ) -> reqwest::Result<reqwest::Response> {
        let client = reqwest::Client::builder().no_proxy().timeout(patience);
        let client = client.build().unwrap();
        client.get(environment.url()).send().await
    }

    /// The requests so far, once one is over.
    async fn measured(environment: &Environment) -> Summary {
        let over = async || environment.recent(60, -1).is_some();
        until("a request is measured", PATIENCE, over)
            .await
            .unwrap();
        environment.recent(60, -1).unwrap()
    }
}
