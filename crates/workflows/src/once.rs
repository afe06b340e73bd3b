//! Questions that are asked once, however many ask them at the same time.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex};

use tokio::sync::OnceCell;

/// Answers by question. Only answers are kept; a failed question is asked
/// again by the next caller.
#[derive(Debug)]
pub(crate) struct Once<Q, A>(Mutex<HashMap<Q, Arc<OnceCell<A>>>>);

impl<Q, A> Default for Once<Q, A> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<Q: Eq + Hash, A> Once<Q, A> {
    /// The place of the answer to `question`.
    pub(crate) fn cell(&self, question: Q) -> Arc<OnceCell<A>> {
        let mut cells = self.0.lock().expect("no holder panics");
        Arc::clone(cells.entry(question).or_default())
    }
}
