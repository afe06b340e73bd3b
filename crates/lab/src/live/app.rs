//! One build as a real process.

use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use anyhow::{Context as _, bail};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader};
use tokio::process::{Child, Command};

/// How long a build may take to listen.
const PATIENCE: Duration = Duration::from_secs(20);

/// A running build; dropping it ends its process.
#[derive(Debug)]
pub(super) struct App {
    child: Child,
    url: String,
    build: u32,
    log: PathBuf,
}

/// How a build ended by itself.
#[derive(Debug)]
pub(super) struct Ended {
    pub(super) build: u32,
    pub(super) status: ExitStatus,
    /// The last line of its log.
    pub(super) last: String,
}

impl App {
    /// Starts a build and waits until it listens.
    pub(super) async fn start(
        binary: &Path,
        build: u32,
        group: &str,
        log: &Path,
        more: &[(&str, &str)],
    ) -> anyhow::Result<Self> {
        let mut child = Command::new(binary)
            .env_clear()
            .env("BUILD_NUMBER", build.to_string())
            .env("DEPLOYMENT_GROUP_NAME", group)
            .env("LISTEN", "127.0.0.1:0")
            .env("LOG_FILE", log)
            .envs(more.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("cannot start `{}`", binary.display()))?;
        let stdout = child.stdout.take().context("its output is not piped")?;
        let mut line = String::new();
        let mut stdout = BufReader::new(stdout);
        tokio::time::timeout(PATIENCE, stdout.read_line(&mut line))
            .await
            .with_context(|| format!("build {build} did not listen within {PATIENCE:?}"))??;
        let Some(url) = line.trim().strip_prefix("listening on ") else {
            let mut told = String::new();
            if let Some(mut stderr) = child.stderr.take() {
                stderr.read_to_string(&mut told).await?;
            }
            let status = child.wait().await?;
            bail!("build {build} did not start ({status}): {}", told.trim());
        };
        Ok(Self {
            url: url.to_owned(),
            child,
            build,
            log: log.to_owned(),
        })
    }

    pub(super) fn url(&self) -> &str {
        &self.url
    }

    /// How it ended, if it did.
    pub(super) fn ended(&mut self) -> Option<Ended> {
        // Asking fails only for a process that somebody else collected.
        let status = self.child.try_wait().ok()??;
        let log = std::fs::read_to_string(&self.log).unwrap_or_default();
        let last = log.lines().last().unwrap_or("nothing at all");
        Some(Ended {
            build: self.build,
            status,
            last: last.to_owned(),
        })
    }

    /// Ends the process and waits until it is gone.
    pub(super) async fn stop(mut self) {
        // It fails only for a process that is gone already.
        let _ = self.child.kill().await;
    }
}
