//! The process of one execution environment.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::Context as _;
use tokio::process::{Child, Command};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use uuid::Uuid;

use super::ColdStart;
use super::api::Api;
use fake_aws::{ACCESS_KEY, REGION, SECRET_KEY};

/// A started process with its Runtime API. Dropping it kills the process.
#[derive(Debug)]
pub(super) struct Process {
    id: u32,
    api: Api,
    log: File,
    kill: mpsc::UnboundedSender<()>,
    exited: watch::Receiver<Option<ExitStatus>>,
    peak_memory: AtomicU64,
    keeper: JoinHandle<()>,
}

impl Process {
    pub(super) async fn start(
        binary: &Path,
        environment: &[(String, String)],
        memory: u32,
    ) -> anyhow::Result<Self> {
        let api = Api::start().await?;
        let log = nameless_file().context("cannot open a file for what the function writes")?;
        let name = binary
            .file_name()
            .unwrap_or(binary.as_os_str())
            .to_string_lossy();
        let child = Command::new(binary)
            .env_clear()
            .envs(lambda_environment(&name, memory, api.address()))
            .envs(environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log.try_clone()?)
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("cannot start the function `{}`", binary.display()))?;
        let id = child
            .id()
            .context("the process ended before it was looked at")?;

        let (kill, kill_wanted) = mpsc::unbounded_channel();
        let (report, exited) = watch::channel(None);
        let keeper = tokio::spawn(keep(child, kill_wanted, report));
        Ok(Self {
            id,
            api,
            log,
            kill,
            exited,
            peak_memory: AtomicU64::new(0),
            keeper,
        })
    }

    pub(super) fn id(&self) -> u32 {
        self.id
    }

    pub(super) fn api(&self) -> &Api {
        &self.api
    }

    pub(super) fn is_running(&self) -> bool {
        self.exited.borrow().is_none()
    }

    /// Waits until the process is gone.
    pub(super) async fn exited(&self) -> ExitStatus {
        let mut exited = self.exited.clone();
        let status = exited.wait_for(Option::is_some).await;
        status
            .expect("the keeper reports before it ends, and lives as long as this process")
            .expect("waited until it is there")
    }

    pub(super) async fn kill(&self) {
        // An ended keeper means that the process is gone, which is what is wanted.
        let _ = self.kill.send(());
        self.exited().await;
    }

    /// Where the next invocation's logs begin. What a process writes at its
    /// start belongs to its first invocation.
    pub(super) fn log_start(&self) -> u64 {
        let answered = self
            .cold_start()
            .is_some_and(|cold| cold.to_first_answer.is_some());
        if answered { self.log_length() } else { 0 }
    }

    fn log_length(&self) -> u64 {
        self.log.metadata().map_or(0, |metadata| metadata.len())
    }

    /// What the process wrote after the first `from` bytes. A function writes
    /// before it answers, so with a file nothing is still under way.
    pub(super) fn logs_from(&self, from: u64) -> String {
        let length = usize::try_from(self.log_length().saturating_sub(from)).unwrap_or(0);
        let mut bytes = vec![0; length];
        match self.log.read_exact_at(&mut bytes, from) {
            Ok(()) => String::from_utf8_lossy(&bytes).into_owned(),
            Err(_) => String::new(),
        }
    }

    pub(super) fn cold_start(&self) -> Option<ColdStart> {
        self.api.cold_start()
    }

    /// Remembers the high-water mark while the process is there to be asked.
    pub(super) fn note_memory(&self) {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.id));
        if let Some(bytes) = status.ok().as_deref().and_then(peak_bytes) {
            self.peak_memory.store(bytes, Ordering::Relaxed);
        }
    }

    pub(super) fn peak_memory(&self) -> Option<u64> {
        let bytes = self.peak_memory.load(Ordering::Relaxed);
        (bytes != 0).then_some(bytes)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // The keeper owns the child, which is killed when it is dropped.
        self.keeper.abort();
    }
}

async fn keep(
    mut child: Child,
    mut kill_wanted: mpsc::UnboundedReceiver<()>,
    report: watch::Sender<Option<ExitStatus>>,
) {
    let status = loop {
        tokio::select! {
            status = child.wait() => break status,
            Some(()) = kill_wanted.recv() => {
                // It fails only for a process that is gone already.
                let _ = child.start_kill();
            }
        }
    };
    // Waiting fails only if somebody else collected the process.
    report.send_replace(Some(status.unwrap_or_default()));
}

/// What Lambda itself puts into the environment, as far as functions need it.
fn lambda_environment(name: &str, memory: u32, api: &str) -> Vec<(&'static str, String)> {
    vec![
        ("AWS_LAMBDA_RUNTIME_API", api.to_owned()),
        ("AWS_LAMBDA_FUNCTION_NAME", name.to_owned()),
        ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST".to_owned()),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", memory.to_string()),
        ("AWS_LAMBDA_LOG_GROUP_NAME", format!("/aws/lambda/{name}")),
        ("AWS_LAMBDA_LOG_STREAM_NAME", "lab".to_owned()),
        ("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand".to_owned()),
        ("AWS_EXECUTION_ENV", "AWS_Lambda_provided.al2023".to_owned()),
        ("AWS_REGION", REGION.to_owned()),
        ("AWS_DEFAULT_REGION", REGION.to_owned()),
        ("AWS_ACCESS_KEY_ID", ACCESS_KEY.to_owned()),
        ("AWS_SECRET_ACCESS_KEY", SECRET_KEY.to_owned()),
        ("TZ", ":UTC".to_owned()),
    ]
}

/// A file that is gone with its last handle, however this program ends.
fn nameless_file() -> std::io::Result<File> {
    let path = std::env::temp_dir().join(format!("lab-{}.log", Uuid::new_v4()));
    let file = OpenOptions::new()
        .read(true)
        .append(true)
        .create_new(true)
        .open(&path)?;
    std::fs::remove_file(&path)?;
    Ok(file)
}

fn peak_bytes(status: &str) -> Option<u64> {
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kilobytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kilobytes * 1024)
}
