//! Monspecs, which are stored by their hash and never change.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use sha2::{Digest, Sha256};

use crate::item;
use crate::packed::pack;

/// How many monspecs are remembered: a process meets those of a few pipelines.
const REMEMBERED: usize = 8;

/// A monspec and its hash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spec {
    hash: String,
    text: String,
}

impl Spec {
    /// The spec of this text.
    pub fn new(text: String) -> Self {
        let hash = item::hexadecimal(&Sha256::digest(text.as_bytes()));
        Self { hash, text }
    }

    /// The SHA-256 of the text, in hexadecimal.
    pub fn hash(&self) -> &str {
        &self.hash
    }

    /// The text as its author wrote it.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// How many bytes its text takes in the table.
    pub fn packed_len(&self) -> usize {
        let packed = pack(&self.text);
        let bytes = packed.as_b().expect("a text is packed into bytes");
        bytes.as_ref().len()
    }
}

/// The monspecs that were read last.
#[derive(Clone, Debug, Default)]
pub(crate) struct Specs(Arc<Mutex<VecDeque<Spec>>>);

impl Specs {
    /// The text of the one of this hash, if it is remembered.
    pub(crate) fn text(&self, hash: &str) -> Option<String> {
        let specs = self.remembered();
        let known = specs.iter().find(|spec| spec.hash() == hash)?;
        Some(known.text().to_owned())
    }

    pub(crate) fn remember(&self, spec: Spec) {
        let mut specs = self.remembered();
        specs.push_front(spec);
        specs.truncate(REMEMBERED);
    }

    fn remembered(&self) -> MutexGuard<'_, VecDeque<Spec>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
