//! Problem notifications, sent as the tenant sends them: its own values put into
//! the receiver's template.

mod details;
mod template;
mod test_run;

use std::time::Duration;

use anyhow::Context as _;
use reqwest::{Client, redirect};

use super::state::State;

pub use template::Template;
pub use test_run::TestRun;

/// Longer than any receiver may take, so that a test gets the answer.
const TIMEOUT: Duration = Duration::from_mins(1);

/// Where notifications go, and what they look like.
#[derive(Clone)]
pub struct Webhook {
    url: String,
    headers: Vec<(String, String)>,
    template: Template,
    unknown: Vec<String>,
}

/// The state in a notification.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Announced {
    /// `OPEN`, also when more events join a problem.
    Open,
    /// `RESOLVED`.
    Resolved,
    /// `MERGED`, as some tenants send.
    Merged,
    /// An unknown state.
    Other(&'static str),
}

/// What the receiver answered.
#[derive(Clone, Debug, PartialEq)]
pub struct Delivered {
    /// The HTTP status.
    pub status: u16,
    /// The body.
    pub body: String,
}

impl Webhook {
    /// A webhook with the recommended template and no header of its own.
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            headers: Vec::new(),
            template: Template::Recommended,
            unknown: Vec::new(),
        }
    }

    /// Adds a header, such as one with a secret.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Sets the template of the body.
    #[must_use]
    pub fn template(mut self, template: Template) -> Self {
        self.template = template;
        self
    }

    /// Leaves a placeholder as it stands, as tenants do that do not know it.
    #[must_use]
    pub fn unknown_placeholder(mut self, name: &str) -> Self {
        self.unknown.push(name.to_owned());
        self
    }
}

impl Announced {
    fn text(self) -> &'static str {
        match self {
            Self::Open => "OPEN",
            Self::Resolved => "RESOLVED",
            Self::Merged => "MERGED",
            Self::Other(text) => text,
        }
    }
}

/// The body of a notification about a problem.
pub(super) fn message(
    state: &State,
    tenant: &str,
    problem: &str,
    webhook: &Webhook,
    announced: Announced,
) -> String {
    let problem = state.problems.get(problem);
    let problem = problem.expect("problems are never forgotten");
    fill(webhook, |name| match name {
        "State" => Some(announced.text().into()),
        _ => details::value(state, tenant, problem, name),
    })
}

/// The body of the test notification of a webhook's set-up.
pub(super) fn test_message(webhook: &Webhook, run: TestRun) -> String {
    fill(webhook, |name| run.value(name))
}

/// Posts a body. Nothing is checked beforehand and nothing is tried again.
pub(super) async fn send(webhook: &Webhook, body: String) -> anyhow::Result<Delivered> {
    // Only the first provider is installed, and they are all the same.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = Client::builder()
        .no_proxy()
        .redirect(redirect::Policy::none())
        .timeout(TIMEOUT)
        .build()
        .context("cannot make a client for the webhook")?;
    let mut request = client
        .post(&webhook.url)
        .header("content-type", "application/json; charset=utf-8")
        .body(body);
    for (name, value) in &webhook.headers {
        request = request.header(name, value);
    }
    let response = request.send().await.context("the webhook did not answer")?;
    let status = response.status().as_u16();
    let body = response
        .text()
        .await
        .context("the webhook's answer broke off")?;
    Ok(Delivered { status, body })
}

fn fill(webhook: &Webhook, value: impl Fn(&str) -> Option<serde_json::Value>) -> String {
    template::fill(webhook.template.text(), |name| {
        if webhook.unknown.iter().any(|unknown| unknown == name) {
            return None;
        }
        value(name)
    })
}
