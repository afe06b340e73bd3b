//! What was launched, and how far it is.

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::template::variables;

/// A job, or the workflow job that a workflow or a sliced template makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct JobRef {
    /// Which of them.
    pub kind: JobKind,
    /// Its id; both kinds share one space of ids, in which later ones are larger.
    pub id: u64,
}

/// What a launch makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum JobKind {
    /// One run of a playbook.
    Job,
    /// A run of several jobs, or of slices of one.
    Workflow,
}

impl JobRef {
    pub(crate) fn path(self) -> String {
        let list = match self.kind {
            JobKind::Job => "jobs",
            JobKind::Workflow => "workflow_jobs",
        };
        format!("/{list}/{}/", self.id)
    }
}

/// How far a job is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Status {
    /// It is written down.
    New,
    /// It waits for what it depends on, or for capacity.
    Pending,
    /// It waits for what it needs on the machine that runs it.
    Waiting,
    /// It runs.
    Running,
    /// It ended, and the playbook says that all went well.
    Successful,
    /// It ended, and something failed.
    Failed,
    /// It could not be run.
    Error,
    /// Somebody ended it.
    Canceled,
    /// A word that is not known here, and so no end.
    Other(String),
}

impl Status {
    /// Reads the controller's word.
    pub fn of(word: &str) -> Self {
        match word {
            "new" => Self::New,
            "pending" => Self::Pending,
            "waiting" => Self::Waiting,
            "running" => Self::Running,
            "successful" => Self::Successful,
            "failed" => Self::Failed,
            "error" => Self::Error,
            "canceled" => Self::Canceled,
            other => Self::Other(other.to_owned()),
        }
    }

    /// The controller's word.
    pub fn word(&self) -> &str {
        match self {
            Self::New => "new",
            Self::Pending => "pending",
            Self::Waiting => "waiting",
            Self::Running => "running",
            Self::Successful => "successful",
            Self::Failed => "failed",
            Self::Error => "error",
            Self::Canceled => "canceled",
            Self::Other(word) => word,
        }
    }

    /// Whether it changes no more.
    pub fn is_ended(&self) -> bool {
        match self {
            Self::Successful | Self::Failed | Self::Error | Self::Canceled => true,
            Self::New | Self::Pending | Self::Waiting | Self::Running | Self::Other(_) => false,
        }
    }
}

/// A job as the controller shows it.
#[derive(Clone, Debug, PartialEq)]
pub struct Job {
    /// Which one.
    pub at: JobRef,
    /// How far it is.
    pub status: Status,
    /// The template that it was made of, unless that is gone.
    pub template: Option<u64>,
    /// Its name, which is the template's.
    pub name: String,
    /// How it was launched: `manual`, `relaunch`, `scheduled` and others.
    pub launch_type: String,
    /// Who launched it.
    pub launched_by: Option<Launcher>,
    /// When it was written down.
    pub created: Option<Timestamp>,
    /// When it began to run.
    pub started: Option<Timestamp>,
    /// When it ended.
    pub finished: Option<Timestamp>,
    /// How long it ran, in seconds.
    pub elapsed: Option<f64>,
    /// The hosts; empty for all of the inventory.
    pub limit: String,
    /// `run` or `check`; empty for a workflow job.
    pub job_type: String,
    /// Its variables, those of template and survey among them; nothing where they
    /// cannot be read.
    pub variables: Option<Map<String, Value>>,
    /// The commit of the playbook.
    pub revision: String,
    /// Why it waits or could not run, in sentences that are shown and never
    /// parsed.
    pub explanation: String,
    /// What went wrong in the controller itself.
    pub traceback: String,
    /// What the playbook has set by `set_stats`; nothing where it is hidden.
    pub artifacts: Map<String, Value>,
    /// On how many hosts what happened; nothing before that is known.
    pub counts: Option<Counts>,
    /// Whether everything that it did is stored. It lags behind the end, at
    /// times for hours.
    pub events_stored: bool,
}

impl Job {
    /// Whether its variables have this text under this path of names.
    pub fn carries(&self, path: &[&str], text: &str) -> bool {
        let Some((first, rest)) = path.split_first() else {
            return false;
        };
        let found = self.variables.as_ref().and_then(|all| all.get(*first));
        rest.iter()
            .try_fold(found, |found, name| Some(found?.get(*name)))
            .flatten()
            .and_then(Value::as_str)
            == Some(text)
    }
}

/// Who launched a job.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Launcher {
    /// The id, of whatever kind of thing it is.
    pub id: Option<u64>,
    /// The name.
    #[serde(default)]
    pub name: String,
    /// `user`, `schedule`, `workflow_job_template` and others.
    #[serde(default, rename = "type")]
    pub kind: String,
}

/// On how many hosts what happened; a host can be counted more than once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct Counts {
    /// All was as it should be.
    #[serde(default)]
    pub ok: u64,
    /// Something was changed.
    #[serde(default)]
    pub changed: u64,
    /// A task failed.
    #[serde(default)]
    pub failures: u64,
    /// It could not be reached.
    #[serde(default)]
    pub dark: u64,
    /// A task was left out.
    #[serde(default)]
    pub skipped: u64,
    /// A failure was caught and dealt with.
    #[serde(default)]
    pub rescued: u64,
    /// A failure was ignored.
    #[serde(default)]
    pub ignored: u64,
}

/// A task that failed on a host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FailedTask {
    /// The name of the task.
    pub task: String,
    /// The host.
    pub host: String,
    /// What the module said.
    pub message: String,
    /// Whether the host could not even be reached.
    pub unreachable: bool,
}

/// The end of what a job has put out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tail {
    /// The last lines, without colours.
    pub text: String,
}

/// What became of the wish to end a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cancel {
    /// The controller knows of the wish. The job may go on for a long time.
    Asked,
    /// The job had ended.
    Ended,
    /// There is no such job.
    Gone,
}

#[derive(Deserialize)]
pub(crate) struct WireJob {
    id: u64,
    #[serde(rename = "type")]
    kind: String,
    status: String,
    job_template: Option<u64>,
    workflow_job_template: Option<u64>,
    #[serde(default)]
    name: String,
    #[serde(default)]
    launch_type: String,
    launched_by: Option<Launcher>,
    created: Option<Timestamp>,
    started: Option<Timestamp>,
    finished: Option<Timestamp>,
    elapsed: Option<f64>,
    limit: Option<String>,
    job_type: Option<String>,
    #[serde(default)]
    extra_vars: Value,
    scm_revision: Option<String>,
    job_explanation: Option<String>,
    result_traceback: Option<String>,
    #[serde(default)]
    artifacts: Value,
    #[serde(default)]
    host_status_counts: Option<Counts>,
    #[serde(default)]
    event_processing_finished: bool,
}

impl WireJob {
    pub(crate) fn read(self) -> Job {
        let kind = if self.kind == "workflow_job" {
            JobKind::Workflow
        } else {
            JobKind::Job
        };
        Job {
            at: JobRef { kind, id: self.id },
            status: Status::of(&self.status),
            template: self.job_template.or(self.workflow_job_template),
            name: self.name,
            launch_type: self.launch_type,
            launched_by: self.launched_by,
            created: self.created,
            started: self.started,
            finished: self.finished,
            elapsed: self.elapsed,
            limit: self.limit.unwrap_or_default(),
            job_type: self.job_type.unwrap_or_default(),
            variables: variables(&self.extra_vars),
            revision: self.scm_revision.unwrap_or_default(),
            explanation: self.job_explanation.unwrap_or_default(),
            traceback: self.result_traceback.unwrap_or_default(),
            artifacts: variables(&self.artifacts).unwrap_or_default(),
            counts: self.host_status_counts,
            events_stored: self.event_processing_finished,
        }
    }
}

#[derive(Deserialize)]
pub(crate) struct WireEvent {
    #[serde(default)]
    event: String,
    #[serde(default)]
    task: String,
    #[serde(default)]
    host_name: String,
    #[serde(default)]
    stdout: String,
    #[serde(default)]
    event_data: Value,
}

impl WireEvent {
    /// The lines that it has put out.
    pub(crate) fn output(self) -> String {
        self.stdout
    }

    /// The words of the module, else the line that was put out.
    pub(crate) fn read(self, shown: impl Fn(&str) -> String) -> FailedTask {
        let result = self.event_data.get("res");
        let said = result.and_then(|result| result.get("msg"));
        let message = match said {
            Some(Value::String(text)) if !text.is_empty() => text.clone(),
            Some(other) if !other.is_null() && !other.is_string() => other.to_string(),
            _ => self.stdout,
        };
        FailedTask {
            task: self.task,
            host: self.host_name,
            message: shown(&message),
            unreachable: self.event == "runner_on_unreachable",
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_the_four_words_are_an_end() {
        for (word, ended) in [
            ("new", false),
            ("pending", false),
            ("waiting", false),
            ("running", false),
            ("successful", true),
            ("failed", true),
            ("error", true),
            ("canceled", true),
            ("paused", false),
            ("", false),
        ] {
            assert_eq!(Status::of(word).is_ended(), ended, "{word}");
            assert_eq!(Status::of(word).word(), word);
        }
    }

    #[test]
    fn marker_is_found_under_its_path_alone() {
        let read = |extra_vars: Value| {
            let wire = json!({"id": 1, "type": "job", "status": "new", "extra_vars": extra_vars});
            serde_json::from_value::<WireJob>(wire).unwrap().read()
        };
        let marked = read(json!("{\"unbreakable\": {\"run\": \"r-1\"}}"));

        assert!(marked.carries(&["unbreakable", "run"], "r-1"));
        assert!(!marked.carries(&["unbreakable", "run"], "r-2"));
        assert!(!marked.carries(&["run"], "r-1"));
        assert!(!marked.carries(&[], "r-1"));
        assert_eq!(read(json!("not: [json")).variables, None);
        assert_eq!(read(json!("")).variables, None);
    }

    #[test]
    fn hidden_artifacts_are_none() {
        let wire = json!({
            "id": 1, "type": "workflow_job", "status": "ended",
            "artifacts": "$hidden due to Ansible no_log flag$",
        });
        let job = serde_json::from_value::<WireJob>(wire).unwrap().read();

        assert!(job.artifacts.is_empty());
        assert_eq!(job.at.kind, JobKind::Workflow);
        assert_eq!(job.status, Status::Other("ended".to_owned()));
    }
}
