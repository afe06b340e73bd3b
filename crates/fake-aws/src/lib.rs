#![doc = include_str!("../README.md")]

pub mod clock;
pub mod codedeploy;
pub mod dynamo;
pub mod pipeline;
pub mod s3;
pub mod ssm;

mod http;
mod protocol;
mod rights;
mod traffic;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_dynamodb::config::{Credentials, SharedCredentialsProvider};
use aws_smithy_http_client::Builder;
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use jiff::Timestamp;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

pub use protocol::{ACCESS_KEY, ACCOUNT, REGION, SECRET_KEY};
pub use rights::Right;
pub use traffic::Fault;

use crate::clock::Clock;
use crate::codedeploy::CodeDeploy;
use crate::pipeline::Pipelines;
use crate::s3::S3;
use crate::ssm::Parameters;
use crate::traffic::Traffic;

/// The running endpoint; it stops when this value is dropped.
#[derive(Debug)]
pub struct Aws {
    url: String,
    services: Services,
    server: JoinHandle<()>,
}

impl Aws {
    /// Starts the endpoint on a free loopback port.
    pub async fn start() -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")
            .await
            .context("cannot listen on a loopback port")?;
        let url = format!("http://{}", listener.local_addr()?);
        let services = Services::new();
        let router = http::router(services.clone());

        let server = tokio::spawn(async move {
            // `serve` only ends when its task is aborted.
            let _ = axum::serve(listener, router).await;
        });
        Ok(Self {
            url,
            services,
            server,
        })
    }

    /// The endpoint to hand to functions as `AWS_ENDPOINT_URL`.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// What the clients of a test need to reach this endpoint as the functions' role.
    pub fn sdk_config(&self) -> SdkConfig {
        sdk_config(&self.url)
    }

    /// The pipelines behind this endpoint.
    pub fn pipelines(&self) -> &Pipelines {
        &self.services.pipelines
    }

    /// The deployments behind this endpoint.
    pub fn codedeploy(&self) -> &CodeDeploy {
        &self.services.codedeploy
    }

    /// The objects behind this endpoint.
    pub fn s3(&self) -> &S3 {
        &self.services.s3
    }

    /// The parameters behind this endpoint.
    pub fn ssm(&self) -> &Parameters {
        &self.services.ssm
    }

    /// How often an operation of any service was asked for, e.g. `PutObject`.
    pub fn calls(&self, operation: &str) -> usize {
        self.services.traffic.calls(operation)
    }

    /// The rights that requests to `CodePipeline`, `CodeDeploy` and S3 took since this
    /// was asked last.
    pub fn rights_used(&self) -> BTreeSet<Right> {
        self.services.traffic.rights_used()
    }

    /// Makes every later answer take at least this long.
    pub fn latency(&self, latency: Duration) {
        self.services.traffic.set_latency(latency);
    }

    /// Makes later answers to one operation take at least this long. A request
    /// whose caller is gone by then has no effect.
    pub fn slow_down(&self, operation: &str, latency: Duration) {
        self.services.traffic.slow_down(operation, latency);
    }

    /// Makes the next `times` requests for an operation of any service fail.
    pub fn fail(&self, operation: &str, fault: Fault, times: usize) {
        self.services.traffic.fail(operation, fault, times);
    }

    /// Stops real time: from now on it is `now`, until it is set again.
    pub fn set_now(&self, now: Timestamp) {
        self.services.clock.set(now);
    }
}

impl Drop for Aws {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// Everything behind one endpoint; clones share their state.
#[derive(Clone, Debug)]
struct Services {
    clock: Clock,
    traffic: Arc<Traffic>,
    pipelines: Pipelines,
    codedeploy: CodeDeploy,
    s3: S3,
    ssm: Parameters,
}

impl Services {
    fn new() -> Self {
        let clock = Clock::default();
        let traffic = Arc::new(Traffic::default());
        let s3 = S3::default();
        let codedeploy = CodeDeploy::new(clock.clone(), s3.clone());
        Self {
            pipelines: Pipelines::new(
                clock.clone(),
                Arc::clone(&traffic),
                s3.clone(),
                codedeploy.clone(),
            ),
            codedeploy,
            ssm: Parameters::new(clock.clone()),
            clock,
            traffic,
            s3,
        }
    }
}

/// The configuration the functions use on AWS, but for the endpoint and the
/// credentials: same HTTP stack, same defaults for retries and timeouts.
pub(crate) fn sdk_config(url: &str) -> SdkConfig {
    let http = Builder::new()
        .tls_provider(Provider::Rustls(CryptoMode::Ring))
        .build_https();
    let credentials = Credentials::new(ACCESS_KEY, SECRET_KEY, None, None, "lab");
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .region(Region::from_static(REGION))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .endpoint_url(url)
        .http_client(http)
        .build()
}
