//! A tenant that answers every request through one function, and the questions
//! that the tests ask it.

use std::sync::{Arc, Mutex, Once};
use std::time::Duration;

use axum::Router;
use axum::body::{Bytes, to_bytes};
use axum::extract::Request;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use dynatrace::{
    Aggregation, Api, Dynatrace, EntityType, Merge, Metric, Question, Scope, Series, Tag, Tenant,
    Window,
};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::time::Instant;

pub(crate) const TOKEN: &str = "dt0c01.PUBLICPARTPUBLICPARTPUBL.SECRETPART";

/// A request as the tenant saw it.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) method: String,
    pub(crate) path: String,
    /// The query as it was sent.
    pub(crate) raw: String,
    pub(crate) query: Vec<(String, String)>,
    pub(crate) authorization: String,
    pub(crate) body: Value,
    /// How many requests came before this one.
    pub(crate) earlier: usize,
}

impl Seen {
    /// The values of a query parameter.
    pub(crate) fn all(&self, name: &str) -> Vec<&str> {
        let named = self.query.iter().filter(|(known, _)| known == name);
        named.map(|(_, value)| value.as_str()).collect()
    }

    /// The value of a query parameter that is sent once, or nothing.
    pub(crate) fn one(&self, name: &str) -> Option<&str> {
        let all = self.all(name);
        assert!(all.len() < 2, "{name} was sent {} times", all.len());
        all.first().copied()
    }

    pub(crate) fn selector(&self) -> &str {
        self.one("metricSelector").unwrap_or_default()
    }
}

pub(crate) struct FakeTenant {
    pub(crate) url: String,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl FakeTenant {
    pub(crate) async fn answering<F>(answer: F) -> Self
    where
        F: Fn(&Seen) -> Response + Clone + Send + Sync + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("it is bound"));
        let seen = Arc::new(Mutex::new(Vec::new()));
        let memory = Arc::clone(&seen);
        let routes = Router::new().fallback(async move |request: Request| {
            let seen = {
                let request = read(request).await;
                let mut memory = memory.lock().expect("no test panics in here");
                let seen = Seen {
                    earlier: memory.len(),
                    ..request
                };
                memory.push(seen.clone());
                seen
            };
            answer(&seen)
        });
        tokio::spawn(async move { axum::serve(listener, routes).await });
        Self { url, seen }
    }

    pub(crate) fn client(&self, api: Api) -> Dynatrace {
        client(&self.url, api)
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().expect("no test panics in here").clone()
    }
}

async fn read(request: Request) -> Seen {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, usize::MAX).await.unwrap_or_default();
    let raw = parts.uri.query().unwrap_or_default().to_owned();
    Seen {
        method: parts.method.to_string(),
        path: parts.uri.path().to_owned(),
        query: url::form_urlencoded::parse(raw.as_bytes())
            .into_owned()
            .collect(),
        raw,
        authorization: parts
            .headers
            .get("authorization")
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
            .to_owned(),
        body: serde_json::from_slice(&body).unwrap_or_default(),
        earlier: 0,
    }
}

pub(crate) fn http() -> reqwest::Client {
    static PROVIDER: Once = Once::new();
    PROVIDER.call_once(|| {
        rustls::crypto::ring::default_provider()
            .install_default()
            .expect("only this function installs one");
    });
    reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .expect("a plain client can be built")
}

pub(crate) fn settings(url: &str, api: Api) -> Tenant {
    Tenant {
        url: url.into(),
        token: TOKEN.into(),
        api,
        calls_in_flight: 4,
        calls_per_minute: None,
    }
}

pub(crate) fn client(url: &str, api: Api) -> Dynatrace {
    Dynatrace::new(http(), settings(url, api)).expect("a loopback address is accepted")
}

/// Later than any test takes.
pub(crate) fn later() -> Instant {
    Instant::now() + Duration::from_secs(20)
}

pub(crate) const WINDOW: Window = Window {
    from_ms: 1_767_607_200_000,
    to_ms: 1_767_607_500_000,
};

pub(crate) fn scope(tags: &[(&str, &str)]) -> Scope {
    let tags = tags.iter().map(|(key, value)| Tag {
        context: None,
        key: (*key).into(),
        value: Some((*value).into()),
    });
    Scope {
        entity_type: EntityType::Service,
        tags: tags.collect(),
    }
}

pub(crate) fn staging() -> Scope {
    scope(&[("DeploymentGroup", "Staging")])
}

pub(crate) fn question(series: Vec<Series>) -> Question {
    Question {
        scope: staging(),
        window: WINDOW,
        series,
    }
}

pub(crate) fn timeseries(name: &str, aggregation: Aggregation) -> Series {
    Series {
        metric: Metric::Timeseries(format!("com.dynatrace.builtin:{name}")),
        aggregation,
        merge: Merge::Tenant,
        method: None,
    }
}

pub(crate) fn selector(text: &str) -> Series {
    Series {
        metric: Metric::Selector(text.into()),
        ..timeseries("", Aggregation::Avg)
    }
}

pub(crate) fn method(name: &str, series: Series) -> Series {
    Series {
        method: Some(name.into()),
        ..series
    }
}

pub(crate) fn response_time() -> Series {
    timeseries("service.responsetime", Aggregation::Avg)
}

pub(crate) fn json(body: impl Into<Bytes>) -> Response {
    ([(CONTENT_TYPE, "application/json")], body.into()).into_response()
}

pub(crate) fn refused(status: u16, message: &str) -> Response {
    let status = StatusCode::from_u16(status).expect("tests name statuses that exist");
    let body = serde_json::json!({
        "error": {"code": status.as_u16(), "message": message, "constraintViolations": null}
    });
    (status, json(body.to_string())).into_response()
}

/// A v2 answer of one number per metric id.
pub(crate) fn numbers(values: &[(&str, f64)]) -> Response {
    let collections: Vec<_> = values
        .iter()
        .map(|(id, value)| {
            serde_json::json!({
                "metricId": id, "dataPointCountRatio": 5.0E-8,
                "data": [{"dimensions": [], "dimensionMap": {}, "timestamps": [1], "values": [value]}]
            })
        })
        .collect();
    json(serde_json::json!({"totalCount": 0, "nextPageKey": null, "resolution": "Inf", "result": collections}).to_string())
}
