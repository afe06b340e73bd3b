//! Whether what a revision names is still there to be deployed.

use aws_sdk_s3::error::SdkError;

use crate::DeliveryError;
use crate::codedeploy::Revision;
use crate::error::sorted;

/// The buckets of bundles, looked at with the function's own role.
#[derive(Clone, Debug)]
pub struct Bundles {
    client: aws_sdk_s3::Client,
}

/// Whether a bundle is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    /// It is, or the revision lies where nobody deletes.
    There,
    /// It is not: deploying it would fail.
    Gone,
    /// The function may not look.
    Hidden,
}

impl Bundles {
    /// Looks through this client.
    pub fn new(client: aws_sdk_s3::Client) -> Self {
        Self { client }
    }

    /// Whether the content of a revision can still be fetched, without
    /// fetching it.
    pub async fn presence(&self, revision: &Revision) -> Result<Presence, DeliveryError> {
        let Some((bucket, key)) = revision.bundle() else {
            return Ok(Presence::There);
        };
        let outcome = self
            .client
            .head_object()
            .bucket(bucket)
            .key(key)
            .set_version_id(revision.version().map(str::to_owned))
            .send()
            .await;
        // An answer without a body has no code to go by, only its status.
        match outcome {
            Ok(found) if replaced(revision.tag(), found.e_tag()) => Ok(Presence::Gone),
            Ok(_) => Ok(Presence::There),
            Err(error) => match status(&error) {
                Some(404) => Ok(Presence::Gone),
                Some(403) => Ok(Presence::Hidden),
                _ => Err(sorted("look for the bundle", error)),
            },
        }
    }
}

/// Whether something else lies there now: CodeDeploy would refuse it.
fn replaced(wanted: Option<&str>, found: Option<&str>) -> bool {
    let bare = |tag: &str| tag.trim_matches('"').to_owned();
    match (wanted.map(bare), found.map(bare)) {
        (Some(wanted), Some(found)) => wanted != found,
        _ => false,
    }
}

fn status<E>(error: &SdkError<E>) -> Option<u16> {
    error
        .raw_response()
        .map(|response| response.status().as_u16())
}
