//! Fetching a monspec from where its author left it, and reading it.

use delivery::DeliveryError;
use delivery::artifact::{ArtifactError, Artifacts};
use delivery::job::JobData;
use monspec::Monspec;
use monspec::lint::Severity;
use serde::Deserialize;

use crate::outgoing::{Outgoing, OutgoingError};
use crate::refusal::{Refusal, Stop};
use crate::{LARGEST_SPEC, metric_facts};

/// The file within an artifact.
const FILE: &str = "monspec.json";

/// How many messages of the linter are told; the command tells all.
const TOLD: usize = 5;

/// Where a monspec is.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(from = "serde_json::Value")]
pub(crate) enum Place {
    /// At a URL.
    Url(String),
    /// In the request itself.
    Inline(String),
}

impl From<serde_json::Value> for Place {
    /// A text is an address, anything else the file's content.
    fn from(value: serde_json::Value) -> Self {
        match value {
            serde_json::Value::String(url) => Self::Url(url),
            content => Self::Inline(content.to_string()),
        }
    }
}

/// What fetches monspecs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SpecFetcher<'a> {
    pub(crate) artifacts: &'a Artifacts,
    pub(crate) outgoing: &'a Outgoing,
}

/// A monspec without errors, and its text.
#[derive(Debug)]
pub(crate) struct Fetched {
    pub(crate) monspec: Monspec,
    pub(crate) text: String,
}

impl SpecFetcher<'_> {
    /// The monspec of a pipeline action: from the named place, else from its
    /// input artifact.
    pub(crate) async fn of_job(
        self,
        place: Option<&Place>,
        data: &JobData,
    ) -> Result<Fetched, Stop> {
        match place {
            Some(place) => self.at(place).await,
            None => self.in_artifact(data).await,
        }
    }

    /// The monspec at a place.
    pub(crate) async fn at(self, place: &Place) -> Result<Fetched, Stop> {
        let text = match place {
            Place::Inline(text) => text.clone(),
            Place::Url(url) => {
                let address = self
                    .outgoing
                    .allowed(url)
                    .map_err(|why| Refusal::configuration(format!("monspec: {why}")))?;
                let fetched = self.outgoing.text(&address, LARGEST_SPEC).await;
                fetched.map_err(|error| match error {
                    OutgoingError::Unreachable { .. } => {
                        Stop::Fault(anyhow::Error::from(error).context("cannot fetch the monspec"))
                    }
                    refused => {
                        Refusal::configuration(format!("cannot fetch the monspec: {refused}"))
                            .into()
                    }
                })?
            }
        };
        Ok(read(text)?)
    }

    async fn in_artifact(self, data: &JobData) -> Result<Fetched, Stop> {
        let [artifact] = data.input_artifacts.as_slice() else {
            return Err(Refusal::configuration(format!(
                "the action has {} input artifacts; give it one that holds {FILE}, or the URL of the monspec",
                data.input_artifacts.len()
            ))
            .into());
        };
        let location = artifact.s3_location().ok_or_else(|| {
            Refusal::configuration(format!(
                "the input artifact `{}` is not in S3, so it cannot be read",
                artifact.name
            ))
        })?;
        let credentials = data.artifact_credentials.as_ref().ok_or_else(|| {
            Refusal::configuration(
                "the job carries no credentials for its input artifact, so it cannot be read",
            )
        })?;
        let text = self
            .artifacts
            .text(location, credentials, FILE, LARGEST_SPEC)
            .await;
        match text {
            Ok(text) => Ok(read(text)?),
            Err(ArtifactError::Fetch(error @ DeliveryError::Unavailable { .. })) => {
                Err(Stop::Fault(anyhow::Error::from(error)))
            }
            Err(error @ ArtifactError::Torn(_)) => Err(Stop::Fault(anyhow::Error::from(error))),
            Err(ArtifactError::Fetch(DeliveryError::Denied { .. })) => {
                Err(Refusal::permission(format!(
                    "the job's credentials may not read the input artifact `{}`: check the pipeline's role",
                    artifact.name
                ))
                .into())
            }
            Err(error) => Err(Refusal::configuration(format!(
                "input artifact `{}`: {error}",
                artifact.name
            ))
            .into()),
        }
    }
}

/// Reads a monspec; one with errors is refused with the first of them.
pub(crate) fn read(text: String) -> Result<Fetched, Refusal> {
    let reading = monspec::read(&text, metric_facts);
    match reading.spec {
        Some(monspec) => Ok(Fetched { monspec, text }),
        None => Err(Refusal::configuration(told(&reading.messages))),
    }
}

fn told(messages: &[monspec::lint::Message]) -> String {
    let errors: Vec<&monspec::lint::Message> = messages
        .iter()
        .filter(|message| message.severity == Severity::Error)
        .collect();
    let plural = if errors.len() == 1 { "" } else { "s" };
    let mut text = format!("{FILE} has {} error{plural}:", errors.len());
    for message in errors.iter().take(TOLD) {
        text.push('\n');
        text.push_str(&message.to_string());
    }
    if errors.len() > TOLD {
        text.push_str("\nThe command `monspec lint` lists all of them.");
    }
    text
}
