//! What is deployed.

use sha2::{Digest as _, Sha256};

/// Where the content of a deployment comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Revision {
    /// A bundle in a bucket.
    S3(Bundle),
    /// A commit; the stand-in takes every commit for existing.
    GitHub {
        /// Owner and name.
        repository: String,
        /// The commit.
        commit: String,
    },
    /// The text of an `AppSpec`, for functions and containers.
    AppSpec {
        /// The text; `GetDeployment` never shows it.
        content: String,
        /// The hash of the text.
        sha256: String,
    },
}

impl Revision {
    /// A zipped bundle, whatever its content is when it is fetched.
    pub fn s3(bucket: &str, key: &str) -> Self {
        Self::S3(Bundle {
            bucket: bucket.to_owned(),
            key: key.to_owned(),
            bundle_type: "zip".to_owned(),
            version: None,
            etag: None,
        })
    }

    /// This version of the same bundle. Of what is no bundle nothing changes.
    #[must_use]
    pub fn with_version(mut self, version: &str) -> Self {
        if let Self::S3(bundle) = &mut self {
            bundle.version = Some(version.to_owned());
        }
        self
    }

    /// The same bundle, but only while its content has this tag. Of what is no
    /// bundle nothing changes.
    #[must_use]
    pub fn with_etag(mut self, etag: &str) -> Self {
        if let Self::S3(bundle) = &mut self {
            bundle.etag = Some(etag.trim_matches('"').to_owned());
        }
        self
    }

    /// A commit.
    pub fn github(repository: &str, commit: &str) -> Self {
        Self::GitHub {
            repository: repository.to_owned(),
            commit: commit.to_owned(),
        }
    }

    /// The text of an `AppSpec`.
    pub fn app_spec(content: &str) -> Self {
        Self::AppSpec {
            content: content.to_owned(),
            sha256: sha256(content),
        }
    }
}

/// The place of a bundle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bundle {
    /// The bucket.
    pub bucket: String,
    /// The key in the bucket.
    pub key: String,
    /// How it is packed.
    pub bundle_type: String,
    /// The version of the object, if one was named.
    pub version: Option<String>,
    /// The tag its content must have, if one was named; without quotes.
    pub etag: Option<String>,
}

pub(super) fn sha256(content: &str) -> String {
    let digest = Sha256::digest(content);
    let hex = digest.iter().map(|byte| format!("{byte:02x}"));
    hex.collect()
}
