//! Revisions as requests name them.

use serde::Deserialize;

use crate::codedeploy::revision::{Bundle, Revision, sha256};
use crate::codedeploy::service_error::ServiceError;

const BUNDLE_TYPES: [&str; 5] = ["tar", "tgz", "zip", "YAML", "JSON"];

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::codedeploy::wire) struct RevisionLocation {
    revision_type: Option<String>,
    s3_location: Option<S3Location>,
    git_hub_location: Option<GitHubLocation>,
    app_spec_content: Option<AppSpecContent>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct S3Location {
    bucket: Option<String>,
    key: Option<String>,
    bundle_type: Option<String>,
    version: Option<String>,
    e_tag: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct GitHubLocation {
    repository: Option<String>,
    commit_id: Option<String>,
}

#[derive(Deserialize)]
struct AppSpecContent {
    content: Option<String>,
    sha256: Option<String>,
}

impl RevisionLocation {
    /// What the location stands for, with everything a deployment needs.
    pub(super) fn revision(&self) -> Result<Revision, ServiceError> {
        match self.place()? {
            Place::S3(location) => location.revision(),
            Place::GitHub(location) => location.revision(),
            Place::AppSpec(location) => location.revision(),
        }
    }

    /// Whether the location says enough to look a revision up.
    pub(in crate::codedeploy::wire) fn check_key(&self) -> Result<(), ServiceError> {
        match self.place()? {
            // The text itself is what the caller wants to know.
            Place::AppSpec(AppSpecContent {
                sha256: Some(_), ..
            }) => Ok(()),
            _ => self.revision().map(|_| ()),
        }
    }

    /// Whether this is where a revision comes from. What is not said about a
    /// bundle is taken to fit.
    pub(in crate::codedeploy::wire) fn names(&self, revision: &Revision) -> bool {
        match revision {
            Revision::S3(bundle) => self.s3_location.as_ref().is_some_and(|location| {
                let fits =
                    |said: &Option<String>, known: &Option<String>| said.is_none() || said == known;
                location.bucket.as_ref() == Some(&bundle.bucket)
                    && location.key.as_ref() == Some(&bundle.key)
                    && fits(&location.version, &bundle.version)
                    && fits(&location.e_tag, &bundle.etag)
            }),
            Revision::GitHub { repository, commit } => {
                self.git_hub_location.as_ref().is_some_and(|location| {
                    location.repository.as_ref() == Some(repository)
                        && location.commit_id.as_ref() == Some(commit)
                })
            }
            Revision::AppSpec { content, sha256 } => {
                self.app_spec_content.as_ref().is_some_and(|location| {
                    location.sha256.as_ref() == Some(sha256)
                        || location.content.as_ref() == Some(content)
                })
            }
        }
    }

    /// The one location that the type announces; a type without its location,
    /// or one that is not played, is refused.
    fn place(&self) -> Result<Place<'_>, ServiceError> {
        let place = match self.revision_type.as_deref() {
            Some("S3") => self.s3_location.as_ref().map(Place::S3),
            Some("GitHub") => self.git_hub_location.as_ref().map(Place::GitHub),
            Some("AppSpecContent") => self.app_spec_content.as_ref().map(Place::AppSpec),
            _ => return Err(ServiceError::InvalidRevision("its type is unknown")),
        };
        place.ok_or(ServiceError::InvalidRevision("its location is missing"))
    }
}

enum Place<'a> {
    S3(&'a S3Location),
    GitHub(&'a GitHubLocation),
    AppSpec(&'a AppSpecContent),
}

impl S3Location {
    fn revision(&self) -> Result<Revision, ServiceError> {
        let (Some(bucket), Some(key)) = (&self.bucket, &self.key) else {
            return Err(ServiceError::InvalidRevision(
                "a bundle has a bucket and a key",
            ));
        };
        let bundle_type = self.bundle_type.as_deref().unwrap_or("zip");
        if !BUNDLE_TYPES.contains(&bundle_type) {
            return Err(ServiceError::InvalidRevision("the bundle type is unknown"));
        }
        Ok(Revision::S3(Bundle {
            bucket: bucket.clone(),
            key: key.clone(),
            bundle_type: bundle_type.to_owned(),
            version: self.version.clone(),
            etag: self.e_tag.clone(),
        }))
    }
}

impl GitHubLocation {
    fn revision(&self) -> Result<Revision, ServiceError> {
        match (&self.repository, &self.commit_id) {
            (Some(repository), Some(commit)) => Ok(Revision::github(repository, commit)),
            _ => Err(ServiceError::InvalidRevision(
                "a commit has a repository and an id",
            )),
        }
    }
}

impl AppSpecContent {
    fn revision(&self) -> Result<Revision, ServiceError> {
        let content = self.content.as_deref();
        let content = content.ok_or(ServiceError::InvalidRevision("the AppSpec has no content"))?;
        if self
            .sha256
            .as_ref()
            .is_some_and(|hash| *hash != sha256(content))
        {
            return Err(ServiceError::InvalidRevision(
                "the hash is of another AppSpec",
            ));
        }
        Ok(Revision::app_spec(content))
    }
}
