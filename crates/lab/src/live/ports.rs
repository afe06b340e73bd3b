//! The addresses that a person sees.

use std::net::SocketAddr;

use anyhow::Context as _;
use tokio::net::TcpListener;

/// The ports of the addresses that a person sees; a free one where it is 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ports {
    /// Of the service in staging.
    pub staging: u16,
    /// Of the service in production.
    pub production: u16,
    /// Of the reports.
    pub reports: u16,
}

/// Those addresses, taken and not answered at yet.
#[derive(Debug)]
pub struct Listeners {
    pub(super) staging: TcpListener,
    pub(super) production: TcpListener,
    pub(super) reports: TcpListener,
}

impl Listeners {
    /// Takes the addresses.
    pub async fn bind(ports: Ports) -> anyhow::Result<Self> {
        Ok(Self {
            staging: listen(ports.staging, "--staging-port").await?,
            production: listen(ports.production, "--production-port").await?,
            reports: listen(ports.reports, "--reports-port").await?,
        })
    }
}

/// Listens on a port of this machine; `flag` is how a person chooses another.
pub async fn listen(port: u16, flag: &str) -> anyhow::Result<TcpListener> {
    let address = SocketAddr::from(([127, 0, 0, 1], port));
    let listener = TcpListener::bind(address).await;
    listener.with_context(|| {
        format!("cannot listen on {address}: is the port in use? Choose another with `{flag}`")
    })
}
