//! Fetching a monspec, and accepting it.

use delivery::DeliveryError;
use delivery::artifact::ArtifactError;
use delivery::job::{JobData, JobFailure};
use monspec::Monspec;
use monspec::lint::Severity;
use store::Spec;

use super::parameters::{Parameters, Place};
use super::{Refusal, Services, Stop};
use crate::outgoing::OutgoingError;
use crate::{LARGEST_SPEC, metric_facts};

/// The file within an artifact.
const FILE: &str = "monspec.json";

/// The largest monspec that is stored, in compressed bytes: it is one item of
/// the table, which is refused above 400 KB.
const LARGEST_PACKED: usize = 300_000;

/// The longest name of a comparison, in bytes: it is part of a key.
const LONGEST_NAME: usize = 400;

/// How many signatures one comparison judges: their numbers are kept in one
/// item.
const MOST_SIGNATURES: usize = 500;

/// How many messages of the linter are told; the command tells all.
const TOLD: usize = 5;

/// A monspec without errors, and its text.
pub(super) struct Accepted {
    pub(super) monspec: Monspec,
    pub(super) stored: Spec,
}

impl Accepted {
    /// The comparison that is meant: the named one, or the only one.
    pub(super) fn comparison<'a>(&'a self, named: Option<&'a str>) -> Result<&'a str, Refusal> {
        let name = self.meant(named)?;
        if name.len() > LONGEST_NAME {
            return Err(Refusal::configuration(format!(
                "the name of a comparison is longer than {LONGEST_NAME} bytes"
            )));
        }
        let compared = self.monspec.compared(name);
        let signatures: usize = compared
            .iter()
            .map(|(entry, _)| monspec::addresses(entry).count())
            .sum();
        if signatures > MOST_SIGNATURES {
            return Err(Refusal::configuration(format!(
                "comparison `{name}` judges {signatures} signatures; at most {MOST_SIGNATURES} fit into one validation"
            )));
        }
        Ok(name)
    }

    fn meant<'a>(&'a self, named: Option<&'a str>) -> Result<&'a str, Refusal> {
        let known = self.monspec.comparison_names();
        let list = || {
            known
                .iter()
                .map(|name| format!("`{name}`"))
                .collect::<Vec<_>>()
                .join(", ")
        };
        match (named, known.as_slice()) {
            (Some(name), _) if known.contains(&name) => Ok(name),
            (None, [only]) => Ok(only),
            (_, []) => Err(Refusal::configuration("the monspec declares no comparison")),
            (Some(name), _) => Err(Refusal::configuration(format!(
                "the monspec has no comparison `{name}`; it has {}",
                list()
            ))),
            (None, _) => Err(Refusal::configuration(format!(
                "the monspec has several comparisons, name one: {}",
                list()
            ))),
        }
    }
}

/// The monspec of a pipeline action: from the named place, else from its input
/// artifact.
pub(super) async fn of_job(
    services: &Services,
    parameters: &Parameters,
    data: &JobData,
) -> Result<Accepted, Stop> {
    match &parameters.monspec {
        Some(place) => at(services, place).await,
        None => in_artifact(services, data).await,
    }
}

/// The monspec of a direct call.
pub(super) async fn of_caller(
    services: &Services,
    parameters: &Parameters,
) -> Result<Accepted, Stop> {
    let place = parameters
        .monspec
        .as_ref()
        .expect("a direct call without a monspec is refused with its parameters");
    at(services, place).await
}

async fn at(services: &Services, place: &Place) -> Result<Accepted, Stop> {
    let text = match place {
        Place::Inline(text) => text.clone(),
        Place::Url(url) => {
            let address = services
                .outgoing
                .allowed(url)
                .map_err(|why| Refusal::configuration(format!("monspec: {why}")))?;
            let fetched = services.outgoing.text(&address, LARGEST_SPEC).await;
            fetched.map_err(|error| match error {
                OutgoingError::Unreachable { .. } => {
                    Stop::Fault(anyhow::Error::from(error).context("cannot fetch the monspec"))
                }
                refused => {
                    Refusal::configuration(format!("cannot fetch the monspec: {refused}")).into()
                }
            })?
        }
    };
    Ok(accepted(text)?)
}

async fn in_artifact(services: &Services, data: &JobData) -> Result<Accepted, Stop> {
    let [artifact] = data.input_artifacts.as_slice() else {
        return Err(Refusal::configuration(format!(
            "the action has {} input artifacts; give it one that holds {FILE}, or the URL of the monspec",
            data.input_artifacts.len()
        ))
        .into());
    };
    let location = artifact.s3_location().ok_or_else(|| {
        Refusal::configuration(format!(
            "the input artifact `{}` does not lie in S3, so it cannot be read",
            artifact.name
        ))
    })?;
    let credentials = data.artifact_credentials.as_ref().ok_or_else(|| {
        Refusal::configuration(
            "the job carries no credentials for its input artifact, so it cannot be read",
        )
    })?;
    let text = services
        .artifacts
        .text(location, credentials, FILE, LARGEST_SPEC)
        .await;
    match text {
        Ok(text) => Ok(accepted(text)?),
        Err(ArtifactError::Fetch(error @ DeliveryError::Unavailable { .. })) => {
            Err(Stop::Fault(anyhow::Error::from(error)))
        }
        Err(error @ ArtifactError::Torn(_)) => Err(Stop::Fault(anyhow::Error::from(error))),
        Err(ArtifactError::Fetch(DeliveryError::Denied { .. })) => Err(Stop::Refused(Refusal {
            failure: JobFailure::Permission,
            text: format!(
                "the job's credentials may not read the input artifact `{}`: check the pipeline's role",
                artifact.name
            ),
        })),
        Err(error) => Err(Refusal::configuration(format!(
            "input artifact `{}`: {error}",
            artifact.name
        ))
        .into()),
    }
}

fn accepted(text: String) -> Result<Accepted, Refusal> {
    let reading = monspec::read(&text, metric_facts);
    let Some(monspec) = reading.spec else {
        return Err(Refusal::configuration(told(&reading.messages)));
    };
    let stored = Spec::new(text);
    let packed = stored.packed_len();
    if packed > LARGEST_PACKED {
        return Err(Refusal::configuration(format!(
            "the monspec has {packed} bytes when compressed, more than the {LARGEST_PACKED} that can be stored: split it into files of one service each"
        )));
    }
    Ok(Accepted { monspec, stored })
}

fn told(messages: &[monspec::lint::Message]) -> String {
    let errors: Vec<&monspec::lint::Message> = messages
        .iter()
        .filter(|message| message.severity == Severity::Error)
        .collect();
    let mut text = format!("{FILE} has {} errors:", errors.len());
    for message in errors.iter().take(TOLD) {
        text.push('\n');
        text.push_str(&message.to_string());
    }
    if errors.len() > TOLD {
        text.push_str("\nThe command `monspec lint` tells all of them.");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPEC: &str = r#"{"_comment":"","Shop":{"etype":"SERVICE",
        "environments":{"Staging":{"tags":[{"key":"Stage"}]}}}}"#;

    /// A monspec with a comment in which nothing repeats: it is compressed to
    /// about three quarters of its length.
    fn with_comment(letters: usize) -> String {
        const ALPHABET: &[u8] = b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ+-";
        let mut state = 1_usize;
        let letter = || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            char::from(ALPHABET[state % ALPHABET.len()])
        };
        let comment: String = std::iter::repeat_with(letter).take(letters).collect();
        SPEC.replace(r#""_comment":"""#, &format!(r#""_comment":"{comment}""#))
    }

    #[test]
    fn spec_that_does_not_fit_into_an_item_is_refused() {
        let most = with_comment(380_000);
        assert!(accepted(most).is_ok());
        let large = with_comment(410_000);
        assert!(large.len() < LARGEST_SPEC);

        let Err(refusal) = accepted(large) else {
            panic!("it is accepted");
        };

        assert_eq!(refusal.failure, JobFailure::Configuration);
        assert!(
            refusal
                .text
                .contains("more than the 300000 that can be stored"),
            "{}",
            refusal.text
        );
    }
}
