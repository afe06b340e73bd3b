//! Jobs: what a function is invoked with and what it may answer.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use uuid::Uuid;

use super::service_error::ServiceError;
use super::spec::ARTIFACT_BUCKET;
use crate::protocol::ACCOUNT;

/// How long the temporary credentials of a job say they live.
const CREDENTIALS_LIVE: SignedDuration = SignedDuration::from_hours(1);

/// The observed pause before a continued action is invoked again. AWS does not
/// document it, so nothing may depend on the number.
const CONTINUATION_INTERVAL: SignedDuration = SignedDuration::from_secs(30);

/// Every job ever made, and those that no function was invoked with yet.
#[derive(Debug)]
pub(super) struct Jobs {
    known: BTreeMap<String, Job>,
    queue: VecDeque<String>,
    pub(super) continuation_interval: SignedDuration,
}

impl Default for Jobs {
    fn default() -> Self {
        Self {
            known: BTreeMap::new(),
            queue: VecDeque::new(),
            continuation_interval: CONTINUATION_INTERVAL,
        }
    }
}

/// One invocation of one action's function.
#[derive(Clone, Debug)]
pub(super) struct Job {
    pub(super) id: String,
    pub(super) work: JobWork,
    pub(super) credentials: Credentials,
    pub(super) continuation: Option<String>,
    /// When the function is to be invoked.
    pub(super) due: Timestamp,
    pub(super) status: JobStatus,
    pub(super) output_variables: BTreeMap<String, String>,
}

/// What a job and all its continuations have in common.
#[derive(Clone, Debug)]
pub(super) struct JobWork {
    pub(super) pipeline: String,
    pub(super) execution: String,
    pub(super) stage: String,
    pub(super) action: String,
    pub(super) action_execution: String,
    pub(super) function: String,
    pub(super) user_parameters: String,
    /// Names of artifacts and their keys.
    pub(super) inputs: Vec<(String, String)>,
    pub(super) outputs: Vec<(String, String)>,
}

/// How far a job is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JobStatus {
    /// No result has arrived yet.
    Queued,
    /// The function reported success.
    Succeeded,
    /// The function reported failure.
    Failed {
        /// The failure type, e.g. `JobFailed`.
        r#type: String,
        /// What the function said.
        message: String,
    },
    /// The function asked to be invoked again with this token.
    Continued(String),
    /// The action ended without this job's result: it timed out or was abandoned.
    Expired,
}

/// The temporary credentials of one job.
#[derive(Clone)]
pub(super) struct Credentials {
    pub(super) access_key: String,
    pub(super) secret_key: String,
    pub(super) session_token: String,
    expires: Timestamp,
}

impl Credentials {
    fn new(now: Timestamp) -> Self {
        let random = Uuid::new_v4().simple().to_string().to_uppercase();
        Self {
            access_key: format!("ASIA{}", &random[..16]),
            secret_key: format!("lab-secret-{random}"),
            session_token: format!("lab-session-{random}"),
            expires: now + CREDENTIALS_LIVE,
        }
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Credentials")
            .field("access_key", &self.access_key)
            .finish_non_exhaustive()
    }
}

impl Jobs {
    /// Queues the first job of an action.
    pub(super) fn add(&mut self, work: JobWork, now: Timestamp) {
        self.queue_job(work, None, now, now);
    }

    /// Queues the job that takes over where another one paused. Each
    /// continuation is a new job with a new id.
    pub(super) fn carry_on(&mut self, work: JobWork, token: String, now: Timestamp) {
        self.queue_job(work, Some(token), now, now + self.continuation_interval);
    }

    /// Takes the next job that is due and still wanted.
    pub(super) fn take(&mut self, now: Timestamp) -> Option<&Job> {
        self.queue
            .retain(|id| self.known[id].status == JobStatus::Queued);
        let position = self.queue.iter().position(|id| self.known[id].due <= now)?;
        let id = self.queue.remove(position)?;
        self.known.get(&id)
    }

    pub(super) fn get(&self, id: &str) -> Result<&Job, ServiceError> {
        self.known
            .get(id)
            .ok_or_else(|| ServiceError::JobNotFound(id.to_owned()))
    }

    /// A job that may still be answered.
    pub(super) fn open(&mut self, id: &str) -> Result<&mut Job, ServiceError> {
        let job = self
            .known
            .get_mut(id)
            .ok_or_else(|| ServiceError::JobNotFound(id.to_owned()))?;
        if job.status == JobStatus::Queued {
            Ok(job)
        } else {
            Err(ServiceError::InvalidJobState(id.to_owned()))
        }
    }

    /// Closes the open job of an action that ended without it.
    pub(super) fn expire(&mut self, action_execution: &str) {
        for job in self.known.values_mut() {
            if job.work.action_execution == action_execution && job.status == JobStatus::Queued {
                job.status = JobStatus::Expired;
            }
        }
    }

    /// When the open job of an action was handed out at the latest.
    pub(super) fn last_sign_of_life(&self, action_execution: &str) -> Option<Timestamp> {
        let jobs = self.known.values();
        jobs.filter(|job| job.work.action_execution == action_execution)
            .map(|job| job.due)
            .max()
    }

    fn queue_job(
        &mut self,
        work: JobWork,
        continuation: Option<String>,
        now: Timestamp,
        due: Timestamp,
    ) {
        let id = Uuid::new_v4().to_string();
        let job = Job {
            id: id.clone(),
            work,
            credentials: Credentials::new(now),
            continuation,
            due,
            status: JobStatus::Queued,
            output_variables: BTreeMap::new(),
        };
        self.known.insert(id.clone(), job);
        self.queue.push_back(id);
    }
}

impl Job {
    /// The event the function is invoked with.
    pub(super) fn event(&self) -> Value {
        let mut data = self.data();
        data["artifactCredentials"]["expirationTime"] =
            json!(self.credentials.expires.as_millisecond());
        json!({"CodePipeline.job": {"id": self.id, "accountId": ACCOUNT, "data": data}})
    }

    /// The members that the event and `GetJobDetails` share.
    pub(super) fn data(&self) -> Value {
        let artifacts = |artifacts: &[(String, String)]| -> Vec<Value> {
            artifacts
                .iter()
                .map(|(name, key)| artifact(name, key))
                .collect()
        };
        let mut data = json!({
            "actionConfiguration": {"configuration": {
                "FunctionName": self.work.function,
                "UserParameters": self.work.user_parameters,
            }},
            "inputArtifacts": artifacts(&self.work.inputs),
            "outputArtifacts": artifacts(&self.work.outputs),
            "artifactCredentials": {
                "accessKeyId": self.credentials.access_key,
                "secretAccessKey": self.credentials.secret_key,
                "sessionToken": self.credentials.session_token,
            },
        });
        if let Some(token) = &self.continuation {
            data["continuationToken"] = json!(token);
        }
        data
    }
}

fn artifact(name: &str, key: &str) -> Value {
    json!({
        "name": name,
        "revision": null,
        "location": {
            "type": "S3",
            "s3Location": {"bucketName": ARTIFACT_BUCKET, "objectKey": key},
        },
    })
}
