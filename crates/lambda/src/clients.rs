//! One AWS configuration and one TLS configuration for the whole process.

mod https;
mod roots;

use std::sync::OnceLock;
use std::time::Duration;

use aws_config::environment::EnvironmentVariableCredentialsProvider;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, SdkConfig};
use rustls::ClientConfig;

use crate::settings::{self, SettingError};
use https::Https;

/// How long one attempt at a call may take. A service that accepts and then
/// says nothing must not take the whole invocation with it.
const ATTEMPT: Duration = Duration::from_secs(5);

/// How long a call may take with all its attempts.
const CALL: Duration = Duration::from_secs(15);

/// The configuration that all AWS clients share, their connections included.
///
/// The behaviour version is pinned: defaults do not change under a running
/// product because a dependency was updated.
pub async fn aws() -> Result<SdkConfig, SettingError> {
    let loader = aws_config::defaults(BehaviorVersion::v2026_01_12())
        .http_client(Https::new(tls()?))
        .timeout_config(
            TimeoutConfig::builder()
                .operation_attempt_timeout(ATTEMPT)
                .operation_timeout(CALL)
                .build(),
        );
    // Lambda hands the role's credentials over in the environment. Everybody
    // else has the whole chain of places to look, whose clients take a while to
    // make.
    let loader = match settings::optional("AWS_ACCESS_KEY_ID") {
        Some(_) => loader.credentials_provider(EnvironmentVariableCredentialsProvider::new()),
        None => loader,
    };
    Ok(loader.load().await)
}

/// The TLS configuration of every client, AWS and others. It is made once and
/// cheap to clone.
pub fn tls() -> Result<ClientConfig, SettingError> {
    static MADE: OnceLock<ClientConfig> = OnceLock::new();
    if let Some(made) = MADE.get() {
        return Ok(made.clone());
    }
    install_tls();
    let made = ClientConfig::builder()
        .with_root_certificates(roots::trusted()?)
        .with_no_client_auth();
    Ok(MADE.get_or_init(|| made).clone())
}

/// Installs the TLS provider that every client uses; done once, at start.
pub fn install_tls() {
    // Fails only when a provider is installed already, which is what is wanted.
    let _ = rustls::crypto::ring::default_provider().install_default();
}
