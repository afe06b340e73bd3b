//! The artifact that the evidence is written to.

use anyhow::anyhow;
use delivery::DeliveryError;
use delivery::artifact::Artifacts;
use delivery::job::{ArtifactCredentials, EncryptionKey, JobData, S3Location};

use crate::refusal::{Refusal, Stop};

/// Where the evidence goes, and what opens it.
pub(super) struct Output<'a> {
    name: &'a str,
    location: &'a S3Location,
    credentials: &'a ArtifactCredentials,
    key: Option<&'a EncryptionKey>,
}

impl<'a> Output<'a> {
    pub(super) fn of(data: &'a JobData) -> Result<Self, Refusal> {
        let [artifact] = data.output_artifacts.as_slice() else {
            return Err(Refusal::configuration(format!(
                "the action has {} output artifacts; give it one, which the evidence is written to",
                data.output_artifacts.len()
            )));
        };
        let location = artifact.s3_location().ok_or_else(|| {
            Refusal::configuration(format!(
                "the output artifact `{}` is not in S3, so it cannot be written",
                artifact.name
            ))
        })?;
        let credentials = data.artifact_credentials.as_ref().ok_or_else(|| {
            Refusal::configuration(
                "the job carries no credentials for its output artifact, so it cannot be written",
            )
        })?;
        Ok(Self {
            name: &artifact.name,
            location,
            credentials,
            key: data.encryption_key.as_ref(),
        })
    }

    pub(super) async fn write(&self, artifacts: &Artifacts, content: Vec<u8>) -> Result<(), Stop> {
        let written = artifacts
            .write(self.location, self.credentials, self.key, content)
            .await;
        let name = self.name;
        written.map_err(|error| match error {
            DeliveryError::Denied { .. } => Refusal::permission(format!(
                "the job's credentials may not write the output artifact `{name}`: \
                 check the pipeline's role, the artifact bucket and its key"
            ))
            .into(),
            DeliveryError::NotFound { .. } => Refusal::configuration(format!(
                "the bucket of the output artifact `{name}` does not exist"
            ))
            .into(),
            error @ (DeliveryError::Unavailable { .. } | DeliveryError::TooMany { .. }) => {
                Stop::Fault(anyhow!(error))
            }
        })
    }
}
