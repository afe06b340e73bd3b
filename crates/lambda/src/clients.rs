//! One AWS configuration and one HTTP client for the whole process.

use aws_config::{BehaviorVersion, SdkConfig};
use aws_smithy_http_client::Builder;
use aws_smithy_http_client::tls::Provider;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;

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
        .load()
        .await
}

/// Installs the TLS provider that both HTTP stacks use; done once, at start.
pub fn install_tls() {
    // Fails only when a provider is installed already, which is what is wanted.
    let _ = rustls::crypto::ring::default_provider().install_default();
}
