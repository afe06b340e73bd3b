//! The event of a Lambda action, and its answer.
//!
//! The shape is our own and permissive: CodePipeline leaves out whatever an
//! action does not have or writes it as `null`, and adds fields over time.

use std::collections::HashMap;

use aws_sdk_codepipeline::operation::put_job_failure_result::PutJobFailureResultError;
use aws_sdk_codepipeline::operation::put_job_success_result::PutJobSuccessResultError;
use aws_sdk_codepipeline::operation::put_job_success_result::builders::PutJobSuccessResultFluentBuilder;
use aws_sdk_codepipeline::types::{ExecutionDetails, FailureDetails, FailureType};
use secrecy::SecretString;
use serde::{Deserialize, Deserializer};

use crate::error::sorted;
use crate::{CodePipeline, DeliveryError};

/// CodePipeline's limit of a failure message, in characters.
const LONGEST_MESSAGE: usize = 5_000;

/// CodePipeline's limit of a summary, in characters.
const LONGEST_SUMMARY: usize = 2_048;

/// The event of a Lambda action.
#[derive(Debug, Deserialize)]
pub struct JobEvent {
    /// The job.
    #[serde(rename = "CodePipeline.job")]
    pub job: Job,
}

/// A job that waits for its result.
#[derive(Debug, Deserialize)]
pub struct Job {
    /// Names the job. A continued job has another id each time.
    pub id: String,
    /// What the job is about.
    #[serde(default, deserialize_with = "or_default")]
    pub data: JobData,
}

/// What a job is about.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct JobData {
    #[serde(deserialize_with = "or_default")]
    action_configuration: ActionConfiguration,
    /// The artifacts that the action was given.
    #[serde(deserialize_with = "or_default")]
    pub input_artifacts: Vec<Artifact>,
    /// The artifacts that the action may write.
    #[serde(deserialize_with = "or_default")]
    pub output_artifacts: Vec<Artifact>,
    /// Opens the artifacts, and nothing else.
    pub artifact_credentials: Option<ArtifactCredentials>,
    /// What an earlier job of this action asked to be told again.
    pub continuation_token: Option<String>,
    /// The key that artifacts are encrypted with, where it is not the default.
    pub encryption_key: Option<EncryptionKey>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ActionConfiguration {
    #[serde(deserialize_with = "or_default")]
    configuration: Configuration,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Configuration {
    user_parameters: Option<String>,
}

/// An input or output artifact of the action.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Artifact {
    /// Its name in the pipeline.
    #[serde(deserialize_with = "or_default")]
    pub name: String,
    #[serde(deserialize_with = "or_default")]
    location: ArtifactLocation,
}

impl Artifact {
    /// Where it lies, if that is in S3.
    pub fn s3_location(&self) -> Option<&S3Location> {
        self.location.s3_location.as_ref()
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct ArtifactLocation {
    s3_location: Option<S3Location>,
}

/// An object in S3.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct S3Location {
    /// The bucket.
    pub bucket_name: String,
    /// The key.
    pub object_key: String,
}

/// A KMS key.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct EncryptionKey {
    /// Its id or ARN.
    pub id: String,
}

/// Temporary credentials for the artifacts of one job.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ArtifactCredentials {
    /// The access key.
    pub access_key_id: SecretString,
    /// The secret key.
    pub secret_access_key: SecretString,
    /// The session token.
    pub session_token: Option<SecretString>,
}

/// The job of an event cannot be read. The cause may quote what it found, and a
/// credential stands in there, so it is not kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the event is not shaped like a job of CodePipeline")]
pub struct UnreadableJob;

impl Job {
    /// Reads what an event has below `CodePipeline.job`.
    pub fn read(job: &serde_json::Value) -> Result<Self, UnreadableJob> {
        Self::deserialize(job).map_err(|_| UnreadableJob)
    }

    /// What the pipeline's author wrote into the action.
    pub fn user_parameters(&self) -> &str {
        self.data
            .action_configuration
            .configuration
            .user_parameters
            .as_deref()
            .unwrap_or_default()
    }
}

/// What is `null` is as good as left out.
fn or_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    Option::deserialize(deserializer).map(Option::unwrap_or_default)
}

/// Where in which pipeline a job runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobContext {
    /// The pipeline.
    pub pipeline: String,
    /// The stage of the action.
    pub stage: String,
    /// The action.
    pub action: String,
    /// The execution, where CodePipeline says so.
    pub execution: Option<String>,
}

/// Why a job failed, in the words that CodePipeline knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JobFailure {
    /// The pipeline or the monspec must be corrected.
    Configuration,
    /// A role or a token must be corrected.
    Permission,
    /// Something is broken or out of reach; trying again helps.
    Unavailable,
    /// Nothing is wrong with the action: this is its result.
    Result,
}

/// What became of a job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It is done.
    Done {
        /// What a person reads at the action.
        summary: String,
        /// What later actions and rules of the pipeline may read.
        variables: HashMap<String, String>,
    },
    /// It is not done: the action is invoked again in a while, by another job.
    Later {
        /// What a person reads in the meantime.
        summary: String,
        /// What the other job carries.
        token: String,
    },
    /// It failed.
    Failed {
        /// What kind of correction it needs.
        failure: JobFailure,
        /// What to correct.
        message: String,
    },
}

impl Answer {
    /// Done, with nothing for others to read.
    pub fn done(summary: impl Into<String>) -> Self {
        Self::Done {
            summary: summary.into(),
            variables: HashMap::new(),
        }
    }

    /// Failed until the pipeline or the monspec is corrected.
    pub fn misconfigured(message: String) -> Self {
        Self::Failed {
            failure: JobFailure::Configuration,
            message,
        }
    }

    /// Failed until a role or a token is corrected.
    pub fn not_permitted(message: String) -> Self {
        Self::Failed {
            failure: JobFailure::Permission,
            message,
        }
    }
}

/// Whether CodePipeline took a job's result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reported {
    /// It did.
    Taken,
    /// The job already had a result or has timed out; nobody waits any more.
    NobodyWaits,
}

impl CodePipeline {
    /// Where a job runs; the event of a Lambda action does not say.
    pub async fn job_context(&self, job: &str) -> Result<Option<JobContext>, DeliveryError> {
        let details = self
            .client
            .get_job_details()
            .job_id(job)
            .send()
            .await
            .map_err(|error| sorted("read the job's details", error))?;
        let Some(context) = details
            .job_details
            .and_then(|details| details.data)
            .and_then(|data| data.pipeline_context)
        else {
            return Ok(None);
        };
        let stage = context.stage.and_then(|stage| stage.name);
        let action = context.action.and_then(|action| action.name);
        Ok(match (context.pipeline_name, stage, action) {
            (Some(pipeline), Some(stage), Some(action)) => Some(JobContext {
                pipeline,
                stage,
                action,
                execution: context.pipeline_execution_id,
            }),
            _ => None,
        })
    }

    /// Tells CodePipeline what became of a job.
    pub async fn report(&self, job: &str, answer: Answer) -> Result<Reported, DeliveryError> {
        match answer {
            Answer::Done { summary, variables } => {
                let done = self
                    .success(job, &summary)
                    .set_output_variables((!variables.is_empty()).then_some(variables));
                succeeded(done).await
            }
            Answer::Later { summary, token } => {
                succeeded(self.success(job, &summary).continuation_token(token)).await
            }
            Answer::Failed { failure, message } => self.failed(job, failure, &message).await,
        }
    }

    fn success(&self, job: &str, summary: &str) -> PutJobSuccessResultFluentBuilder {
        let summary: String = summary.chars().take(LONGEST_SUMMARY).collect();
        let details = ExecutionDetails::builder().summary(summary).build();
        self.client
            .put_job_success_result()
            .job_id(job)
            .execution_details(details)
    }

    async fn failed(
        &self,
        job: &str,
        failure: JobFailure,
        message: &str,
    ) -> Result<Reported, DeliveryError> {
        let kind = match failure {
            JobFailure::Configuration => FailureType::ConfigurationError,
            JobFailure::Permission => FailureType::PermissionError,
            JobFailure::Unavailable => FailureType::SystemUnavailable,
            JobFailure::Result => FailureType::JobFailed,
        };
        let details = FailureDetails::builder()
            .r#type(kind)
            .message(message.chars().take(LONGEST_MESSAGE).collect::<String>())
            .build()
            .expect("type and message are given");
        let outcome = self
            .client
            .put_job_failure_result()
            .job_id(job)
            .failure_details(details)
            .send()
            .await;
        match outcome {
            Ok(_) => Ok(Reported::Taken),
            Err(error) => match error.as_service_error() {
                Some(
                    PutJobFailureResultError::InvalidJobStateException(_)
                    | PutJobFailureResultError::JobNotFoundException(_),
                ) => Ok(Reported::NobodyWaits),
                _ => Err(sorted("report the job's failure", error)),
            },
        }
    }
}

async fn succeeded(success: PutJobSuccessResultFluentBuilder) -> Result<Reported, DeliveryError> {
    match success.send().await {
        Ok(_) => Ok(Reported::Taken),
        Err(error) => match error.as_service_error() {
            Some(
                PutJobSuccessResultError::InvalidJobStateException(_)
                | PutJobSuccessResultError::JobNotFoundException(_),
            ) => Ok(Reported::NobodyWaits),
            _ => Err(sorted("report the job's success", error)),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn event_without_artifacts_and_parameters_is_read() {
        let event: JobEvent = serde_json::from_str(
            r#"{"CodePipeline.job":{"id":"11111111-abcd-1111-abcd-111111abcdef"}}"#,
        )
        .unwrap();

        assert_eq!(event.job.user_parameters(), "");
        assert!(event.job.data.input_artifacts.is_empty());
    }

    #[test]
    fn null_reads_like_what_is_left_out() {
        for data in [
            "null",
            r#"{"actionConfiguration":null,"inputArtifacts":null,"outputArtifacts":null,
                "artifactCredentials":null,"continuationToken":null,"encryptionKey":null}"#,
            r#"{"actionConfiguration":{"configuration":null}}"#,
            r#"{"actionConfiguration":{"configuration":{"UserParameters":null}}}"#,
        ] {
            let job: Job = serde_json::from_str(&format!(r#"{{"id":"1","data":{data}}}"#)).unwrap();

            assert_eq!(job.user_parameters(), "", "{data}");
            assert!(job.data.input_artifacts.is_empty(), "{data}");
            assert!(job.data.output_artifacts.is_empty(), "{data}");
        }
    }

    #[test]
    fn artifact_elsewhere_than_in_s3_has_no_location_there() {
        for artifact in [
            "{}",
            r#"{"name":null,"location":null,"revision":null}"#,
            r#"{"name":"Monspec","location":{"type":"Other"}}"#,
            r#"{"name":"Monspec","location":{"type":"S3","s3Location":null}}"#,
        ] {
            let artifact: Artifact = serde_json::from_str(artifact).unwrap();

            assert_eq!(artifact.s3_location(), None);
        }
    }

    #[test]
    fn fields_that_are_added_over_time_are_ignored() {
        let artifact: Artifact = serde_json::from_str(
            r#"{"name":"Monspec","size":1,"location":{"type":"S3","region":"r",
                "s3Location":{"bucketName":"b","objectKey":"k","versionId":"v"}}}"#,
        )
        .unwrap();

        let location = artifact.s3_location().unwrap();
        assert_eq!((&*location.bucket_name, &*location.object_key), ("b", "k"));
    }

    #[test]
    fn job_that_cannot_be_read_is_told_without_what_it_holds() {
        let job = serde_json::json!({"id": "1", "data": {"artifactCredentials": "AKIDEXAMPLEID"}});

        let fault = Job::read(&job).unwrap_err();

        let told = format!("{fault} {fault:?}");
        assert!(told.contains("not shaped like a job"), "{told}");
        assert!(!told.contains("AKID"), "{told}");
    }

    #[test]
    fn debug_of_an_event_prints_no_credential() {
        let event: JobEvent = serde_json::from_str(include_str!("../fixtures/job.json")).unwrap();

        let debug = format!("{event:?}");

        assert_eq!(
            event.job.user_parameters(),
            "StagingToProduction,5,ApproveStaging"
        );
        for credential in [
            "AKIDEXAMPLEID",
            "ThisIsTheSecretKey",
            "ThisIsTheSessionToken",
        ] {
            assert!(!debug.contains(credential), "{debug}");
        }
    }
}
