//! What follows from a request for each of its flags.

use std::collections::BTreeMap;

use flags::state::Since;
use flags::step::Transition;

/// What follows for each flag.
pub(super) type Transitions = BTreeMap<String, Follows>;

/// What follows for a flag.
pub(super) enum Follows {
    /// This is written.
    Written(Transition),
    /// It is so already.
    Unchanged,
    /// A problem is open, and what it holds is given back when it closes.
    Deferred,
    /// A problem is over and holds nothing; who said something since.
    NotHeld(Option<Since>),
}

impl Follows {
    pub(super) fn written(&self) -> Option<&Transition> {
        match self {
            Self::Written(transition) => Some(transition),
            Self::Unchanged | Self::Deferred | Self::NotHeld(_) => None,
        }
    }
}
