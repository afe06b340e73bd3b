//! One AWS configuration and one HTTP client for the whole process.

use std::time::Duration;

use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, SdkConfig};
use aws_smithy_http_client::Builder;
use aws_smithy_http_client::tls::Provider;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;

/// How long one attempt at a call may take. A service that accepts and then
/// says nothing must not take the whole invocation with it.
const ATTEMPT: Duration = Duration::from_secs(5);

/// How long a call may take with all its attempts.
const CALL: Duration = Duration::from_secs(15);

/// The configuration that all AWS clients share.
///
/// The behaviour version is pinned: defaults do not change under a running
/// product because a dependency was updated.
pub async fn aws() -> SdkConfig {
    let http = Builder::new()
        .tls_provider(Provider::Rustls(CryptoMode::Ring))
        .build_https();
    aws_config::defaults(BehaviorVersion::v2026_01_12())
        .http_client(http)
        .timeout_config(
            TimeoutConfig::builder()
                .operation_attempt_timeout(ATTEMPT)
                .operation_timeout(CALL)
                .build(),
        )
        .load()
        .await
}

/// Installs the TLS provider that both HTTP stacks use; done once, at start.
pub fn install_tls() {
    // Fails only when a provider is installed already, which is what is wanted.
    let _ = rustls::crypto::ring::default_provider().install_default();
}
