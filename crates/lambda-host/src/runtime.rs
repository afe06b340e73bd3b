//! Lambda: a host that runs a real function binary behind the Runtime API.
//!
//! One [`Function`] is one execution environment: at most one process, one
//! invocation at a time, kept warm between invocations. A process that crashed,
//! timed out or was killed is replaced by the next invocation, as on Lambda.
//! Several environments of one function are several values.
//!
//! Nothing of the harness's own environment reaches the process. The memory
//! setting is only announced, not enforced.

mod api;
mod process;

use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde_json::Value;

use api::{Answer, Event};
use process::Process;

use fake_aws::clock::real_time;

/// A start does not count towards the timeout, but for no longer than this.
const START_LIMIT: Duration = Duration::from_secs(10);

/// How a function is configured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// When an invocation is cut off.
    pub timeout: Duration,
    /// The memory the function is told it has, in MB.
    pub memory: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(30),
            memory: 256,
        }
    }
}

/// One execution environment of a function. Dropping it ends its process.
#[derive(Debug)]
pub struct Function {
    binary: PathBuf,
    environment: Vec<(String, String)>,
    settings: Settings,
    /// Held during an invocation, so that there is one at a time.
    turn: tokio::sync::Mutex<()>,
    process: Mutex<Option<Arc<Process>>>,
    /// What ended processes wrote.
    old_logs: Mutex<String>,
}

/// What came of an invocation.
#[derive(Debug)]
pub struct Invocation {
    /// How it ended.
    pub outcome: InvocationOutcome,
    /// How long it took, a cold start included.
    pub duration: Duration,
    /// What the process wrote meanwhile.
    pub logs: String,
}

/// How an invocation ended.
#[derive(Clone, Debug, PartialEq)]
pub enum InvocationOutcome {
    /// The function returned this.
    Ok(Value),
    /// The function, or its start, reported an error.
    Err {
        /// The kind of error.
        r#type: String,
        /// What was said about it.
        message: String,
    },
    /// The process ended without an answer.
    Crashed(ExitStatus),
    /// The process took too long and was killed.
    TimedOut,
}

/// How long a process took to become useful.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ColdStart {
    /// From its start to its first request for work.
    pub to_first_request: Duration,
    /// From its start to its first answer; absent until there is one.
    pub to_first_answer: Option<Duration>,
}

impl Function {
    /// Prepares an environment and starts its process.
    pub async fn spawn(
        binary: &Path,
        environment: &[(&str, &str)],
        settings: Settings,
    ) -> anyhow::Result<Self> {
        let owned = |&(name, value): &(&str, &str)| (name.to_owned(), value.to_owned());
        let function = Self {
            binary: binary.to_owned(),
            environment: environment.iter().map(owned).collect(),
            settings,
            turn: tokio::sync::Mutex::default(),
            process: Mutex::default(),
            old_logs: Mutex::default(),
        };
        function.running().await?;
        Ok(function)
    }

    /// Hands an event to the function and waits for what comes of it.
    pub async fn invoke(&self, event: Value) -> anyhow::Result<Invocation> {
        let _turn = self.turn.lock().await;
        let started = Instant::now();
        let process = self.running().await?;
        let log_start = process.log_start();
        tokio::select! {
            () = process.api().started() => {}
            _ = process.exited() => {}
            () = tokio::time::sleep(START_LIMIT) => {}
        }
        let event = Event::new(event, real_time() + self.settings.timeout);

        let answer = tokio::select! {
            biased;
            answer = process.api().ask(event) => Some(answer),
            _ = process.exited() => None,
            () = tokio::time::sleep(self.settings.timeout) => {
                process.kill().await;
                let logs = process.logs_from(log_start);
                return Ok(Invocation { outcome: InvocationOutcome::TimedOut, duration: started.elapsed(), logs });
            }
        };
        let outcome = match answer {
            Some(Answer::Response(value)) => InvocationOutcome::Ok(value),
            Some(Answer::Error { r#type, message }) => InvocationOutcome::Err { r#type, message },
            None => InvocationOutcome::Crashed(process.exited().await),
        };
        process.note_memory();
        Ok(Invocation {
            outcome,
            duration: started.elapsed(),
            logs: process.logs_from(log_start),
        })
    }

    /// Kills the process, during an invocation or between two, and waits until
    /// it is gone.
    pub async fn kill(&self) {
        if let Some(process) = self.current() {
            process.kill().await;
        }
    }

    /// Everything all processes of this environment wrote so far.
    pub fn logs(&self) -> String {
        let mut logs = self
            .old_logs
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        if let Some(process) = self.current() {
            logs.push_str(&process.logs_from(0));
        }
        logs
    }

    /// How long the current process took to start; absent before its first
    /// request for work.
    pub fn cold_start(&self) -> Option<ColdStart> {
        self.current()?.cold_start()
    }

    /// The most memory the current process ever held, in bytes, as of its last
    /// answer.
    pub fn peak_memory(&self) -> Option<u64> {
        self.current()?.peak_memory()
    }

    /// The id of the current process, if one is running.
    pub fn process_id(&self) -> Option<u32> {
        self.current()
            .filter(|process| process.is_running())
            .map(|process| process.id())
    }

    async fn running(&self) -> anyhow::Result<Arc<Process>> {
        let current = self.current();
        if let Some(process) = current.as_ref().filter(|process| process.is_running()) {
            return Ok(Arc::clone(process));
        }
        let started = Process::start(&self.binary, &self.environment, self.settings.memory).await?;
        let started = Arc::new(started);
        if let Some(ended) = current {
            let mut logs = self.old_logs.lock().unwrap_or_else(PoisonError::into_inner);
            logs.push_str(&ended.logs_from(0));
        }
        *self.process.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&started));
        Ok(started)
    }

    fn current(&self) -> Option<Arc<Process>> {
        self.process
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}
