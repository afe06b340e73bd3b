//! A controller with a clock that stands still, and somebody who calls it.

use fake_controller::{Controller, JobTemplate, Scope};
use reqwest::{Client, Method, redirect};
use serde_json::{Value, json};

pub(crate) const NOW: i64 = 1_790_000_000_000;

pub(crate) struct Caller {
    pub(crate) fake: Controller,
    pub(crate) template: u64,
    http: Client,
    token: String,
}

/// What came back.
pub(crate) struct Answered {
    pub(crate) status: u16,
    pub(crate) location: Option<String>,
    pub(crate) body: Value,
}

impl Caller {
    pub(crate) async fn with(template: JobTemplate) -> anyhow::Result<Self> {
        // Every test of the process installs the same provider; one of them wins.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let fake = Controller::start().await?;
        fake.set_now(NOW);
        fake.user("ub", "hunter2");
        let template = fake.job_template(template);
        fake.permit("ub", template);
        Ok(Self {
            token: fake.token("ub", Scope::Write),
            fake,
            template,
            http: Client::builder()
                .no_proxy()
                .redirect(redirect::Policy::none())
                .build()?,
        })
    }

    pub(crate) async fn start() -> anyhow::Result<Self> {
        Self::with(JobTemplate::default()).await
    }

    pub(crate) async fn send(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> anyhow::Result<Answered> {
        let url = format!("{}{path}", self.fake.base());
        let request = self.http.request(method, url).bearer_auth(&self.token);
        let request = match body {
            Some(body) => request.json(body),
            None => request,
        };
        let response = request.send().await?;
        let location = response.headers().get("location");
        Ok(Answered {
            status: response.status().as_u16(),
            location: location.and_then(|value| Some(value.to_str().ok()?.to_owned())),
            body: serde_json::from_str(&response.text().await?).unwrap_or(Value::Null),
        })
    }

    pub(crate) async fn get(&self, path: &str) -> anyhow::Result<Answered> {
        self.send(Method::GET, path, None).await
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> anyhow::Result<Answered> {
        self.send(Method::POST, path, Some(body)).await
    }

    /// Launches the template; the id of the job.
    pub(crate) async fn launch(&self) -> anyhow::Result<u64> {
        let path = format!("/job_templates/{}/launch/", self.template);
        let answered = self.post(&path, &json!({})).await?;
        anyhow::ensure!(answered.status == 201, "{}", answered.body);
        answered.body["job"]
            .as_u64()
            .ok_or_else(|| anyhow::anyhow!("no job: {}", answered.body))
    }
}
