//! A tenant with a clock that stands still, and somebody who calls it.

use anyhow::Context as _;
use fake_dynatrace::{Options, Requests, Tenant};
use reqwest::header::HeaderMap;
use reqwest::{Client, Method, RequestBuilder, redirect};
use serde_json::Value;

/// The tenant's time unless a test moves it.
pub(crate) const NOW: i64 = 1_790_000_000_000;

pub(crate) const MINUTE: i64 = 60_000;

/// The pairs of a query.
pub(crate) type Pairs<'q> = &'q [(&'q str, &'q str)];

/// A tenant and a client that shows the right token.
pub(crate) struct Caller {
    pub(crate) tenant: Tenant,
    pub(crate) http: Client,
}

/// What came back.
pub(crate) struct Answered {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Caller {
    pub(crate) async fn start() -> anyhow::Result<Self> {
        Self::start_with(Options::default()).await
    }

    pub(crate) async fn start_with(options: Options) -> anyhow::Result<Self> {
        // Every test of the process installs the same provider; one of them wins.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let tenant = Tenant::start_with(options).await?;
        tenant.set_now(NOW);
        let http = Client::builder()
            .no_proxy()
            .redirect(redirect::Policy::none())
            .build()?;
        Ok(Self { tenant, http })
    }

    /// A tenant with two services in Staging, four and six requests old.
    pub(crate) async fn with_two_services() -> anyhow::Result<Self> {
        let caller = Self::start().await?;
        let staging = |id, name| {
            caller
                .tenant
                .service(id, name)
                .tag("DeploymentGroup", "Staging")
        };
        staging("SERVICE-A", "Front")
            .method("SERVICE_METHOD-A", "/api/invoke")
            .add();
        staging("SERVICE-B", "Back").add();
        let at = |ago, duration_us| Requests::at(NOW - ago, duration_us);
        let invoke = Some("SERVICE_METHOD-A");
        caller
            .tenant
            .requests("SERVICE-A", invoke, at(MINUTE, 100_000.0).times(3));
        caller
            .tenant
            .requests("SERVICE-A", None, at(MINUTE, 500_000.0));
        caller
            .tenant
            .requests("SERVICE-B", None, at(MINUTE, 300_000.0).times(6));
        Ok(caller)
    }

    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let url = format!("{}{path}", self.tenant.url());
        self.http.request(method, url).header(
            "authorization",
            format!("Api-Token {}", self.tenant.token()),
        )
    }

    pub(crate) async fn get(&self, path: &str, query: &[(&str, &str)]) -> anyhow::Result<Answered> {
        Answered::read(self.request(Method::GET, path).query(query)).await
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> anyhow::Result<Answered> {
        Answered::read(self.request(Method::POST, path).json(body)).await
    }

    /// Asks for metrics of the last five minutes, one value each.
    pub(crate) async fn metrics(&self, selector: &str, scope: &str) -> anyhow::Result<Answered> {
        let (from, to) = last_minutes(5);
        let mut query = vec![
            ("metricSelector", selector),
            ("resolution", "Inf"),
            ("from", from.as_str()),
            ("to", to.as_str()),
        ];
        if !scope.is_empty() {
            query.push(("entitySelector", scope));
        }
        self.get("/api/v2/metrics/query", &query).await
    }

    /// The only value that a metric expression yields.
    pub(crate) async fn value(&self, selector: &str, scope: &str) -> anyhow::Result<Value> {
        let answered = self.metrics(selector, scope).await?.ok()?;
        let data = answered.pointer("/result/0/data").and_then(Value::as_array);
        match data.map(Vec::as_slice) {
            Some([series]) => Ok(series["values"][0].clone()),
            _ => anyhow::bail!("`{selector}` yields not one series: {answered}"),
        }
    }
}

impl Answered {
    pub(crate) async fn read(request: RequestBuilder) -> anyhow::Result<Self> {
        let response = request.send().await?;
        Ok(Self {
            status: response.status().as_u16(),
            headers: response.headers().clone(),
            text: response.text().await?,
        })
    }

    pub(crate) fn json(&self) -> anyhow::Result<Value> {
        serde_json::from_str(&self.text).with_context(|| format!("not JSON: {}", self.text))
    }

    /// The body of an answer that must be a success.
    pub(crate) fn ok(&self) -> anyhow::Result<Value> {
        anyhow::ensure!(self.status == 200, "{}: {}", self.status, self.text);
        self.json()
    }

    /// The status and the message of an answer that must be an error envelope.
    pub(crate) fn refused(&self) -> anyhow::Result<(u16, String)> {
        let body = self.json()?;
        anyhow::ensure!(
            body["error"]["code"] == self.status,
            "code and status differ: {body}"
        );
        let message = body["error"]["message"]
            .as_str()
            .context("an envelope has a message")?;
        Ok((self.status, message.to_owned()))
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

/// The milliseconds between which the last minutes lie, as text.
pub(crate) fn last_minutes(minutes: i64) -> (String, String) {
    ((NOW - minutes * MINUTE).to_string(), NOW.to_string())
}

/// The ids of an answer's entities, in v2 (`entities`) or v1 (bare array).
pub(crate) fn ids(body: &Value) -> Vec<&str> {
    let entities = body.get("entities").unwrap_or(body).as_array();
    entities
        .into_iter()
        .flatten()
        .filter_map(|entity| entity["entityId"].as_str())
        .collect()
}
