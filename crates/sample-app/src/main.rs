#![doc = include_str!("../README.md")]

mod api;
mod behaviour;
mod flags;
mod page;
mod service;

use std::fs::OpenOptions;
use std::io::Write as _;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use anyhow::Context as _;
use clap::Parser;
use tokio::net::TcpListener;

use flags::{Flags, Source};
use service::Service;

/// The service whose builds are released.
#[derive(Parser)]
struct Options {
    /// Which build it is.
    #[arg(long, env = "BUILD_NUMBER", default_value_t = 1)]
    build: u32,
    /// Where it runs; a name that begins with `Production` is production.
    #[arg(long, env = "DEPLOYMENT_GROUP_NAME", default_value = "Staging")]
    group: String,
    /// Where it listens; port 0 takes a free one.
    #[arg(long, env = "LISTEN", default_value = "127.0.0.1:8080")]
    listen: SocketAddr,
    /// The file it logs to.
    #[arg(long, env = "LOG_FILE", default_value = "serviceoutput.log")]
    log: PathBuf,
    /// Where feature flags are served by OFREP; nothing is flagged without.
    #[arg(long, env = "FLAGS_URL", requires = "flags_key")]
    flags_url: Option<String>,
    /// The key that reads them.
    #[arg(long, env = "FLAGS_KEY", hide_env_values = true)]
    flags_key: Option<String>,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let options = Options::parse();
    let log = OpenOptions::new()
        .create(true)
        .append(true)
        .open(&options.log);
    let log =
        log.with_context(|| format!("cannot open the log file `{}`", options.log.display()))?;
    tracing_subscriber::fmt()
        .with_ansi(false)
        .with_level(false)
        .with_target(false)
        .with_writer(Mutex::new(log))
        .init();

    let listener = TcpListener::bind(options.listen).await;
    let listener = listener.with_context(|| format!("cannot listen on {}", options.listen))?;
    let address = listener.local_addr()?;
    tracing::info!("INFO build {} listens in {}", options.build, options.group);
    // Without a reader, the address is known already.
    let _ = writeln!(std::io::stdout(), "listening on http://{address}");
    let flags = Arc::new(Flags::default());
    if let (Some(url), Some(key)) = (options.flags_url, options.flags_key) {
        // It fails only if there is one, and they are all the same.
        let _ = rustls::crypto::ring::default_provider().install_default();
        tokio::spawn(flags::follow(Source { url, key }, Arc::clone(&flags)));
    }
    let service = Service::new(options.build, options.group, flags);
    axum::serve(listener, api::router(service)).await?;
    Ok(())
}
