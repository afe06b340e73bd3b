//! The content of the buckets and the access to it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::body::Bytes;
use sha2::{Digest as _, Sha256};

use crate::protocol::{ACCESS_KEY, Caller};

/// The buckets of one endpoint; clones share them.
#[derive(Clone, Debug, Default)]
pub struct S3 {
    state: Arc<Mutex<State>>,
}

/// A stored object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Object {
    /// The content as it was written.
    pub body: Bytes,
    /// The media type given with the write, if any.
    pub content_type: Option<String>,
    /// How the writer asked for encryption, e.g. `aws:kms`.
    pub encryption: Option<String>,
    /// The key the writer asked to encrypt with.
    pub kms_key: Option<String>,
}

impl Object {
    /// An identity of the content; equal content has an equal tag.
    pub fn etag(&self) -> String {
        let digest = Sha256::digest(&self.body);
        let half = digest.iter().take(16);
        let hex = half.fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"));
        format!("\"{hex}\"")
    }
}

impl From<Bytes> for Object {
    fn from(body: Bytes) -> Self {
        Self {
            body,
            content_type: None,
            encryption: None,
            kms_key: None,
        }
    }
}

impl S3 {
    /// Writes an object from Rust, past every access rule.
    pub fn put(&self, bucket: &str, key: &str, body: impl Into<Bytes>) {
        self.store(bucket, key, Object::from(body.into()));
    }

    /// Reads an object from Rust, past every access rule.
    pub fn get(&self, bucket: &str, key: &str) -> Option<Object> {
        self.state().objects.get(&place(bucket, key)).cloned()
    }

    /// Removes an object, as a lifecycle rule would; one that is not there is no error.
    pub fn delete(&self, bucket: &str, key: &str) {
        self.state().objects.remove(&place(bucket, key));
    }

    /// The keys of a bucket, in order.
    pub fn keys(&self, bucket: &str) -> Vec<String> {
        let state = self.state();
        let keys = state.objects.keys();
        keys.filter(|(owner, _)| owner == bucket)
            .map(|(_, key)| key.clone())
            .collect()
    }

    /// Closes a bucket to callers without a grant.
    pub fn restrict(&self, bucket: &str) {
        self.state().restricted.insert(bucket.to_owned());
    }

    pub(crate) fn is_restricted(&self, bucket: &str) -> bool {
        self.state().restricted.contains(bucket)
    }

    /// Opens a restricted bucket to the functions' own role, as a policy does
    /// that lets whoever heals look for bundles.
    pub fn admit_role(&self, bucket: &str) {
        let role = Caller {
            access_key: ACCESS_KEY.to_owned(),
            session_token: None,
        };
        self.state().grants.push((bucket.to_owned(), role));
    }

    /// Opens a restricted bucket to temporary credentials.
    pub(crate) fn grant(&self, bucket: &str, access_key: &str, session_token: &str) {
        let caller = Caller {
            access_key: access_key.to_owned(),
            session_token: Some(session_token.to_owned()),
        };
        self.state().grants.push((bucket.to_owned(), caller));
    }

    pub(super) fn store(&self, bucket: &str, key: &str, object: Object) {
        self.state().objects.insert(place(bucket, key), object);
    }

    pub(super) fn admits(&self, bucket: &str, caller: &Caller) -> bool {
        let state = self.state();
        !state.restricted.contains(bucket)
            || state
                .grants
                .iter()
                .any(|(granted, holder)| granted == bucket && holder == caller)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Default)]
struct State {
    objects: BTreeMap<(String, String), Object>,
    restricted: BTreeSet<String>,
    grants: Vec<(String, Caller)>,
}

/// Grants hold session tokens, so only the sizes are shown.
impl std::fmt::Debug for State {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("State")
            .field("objects", &self.objects.len())
            .field("restricted", &self.restricted)
            .finish_non_exhaustive()
    }
}

fn place(bucket: &str, key: &str) -> (String, String) {
    (bucket.to_owned(), key.to_owned())
}
