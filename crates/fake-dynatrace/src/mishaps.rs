//! What goes wrong on demand with events, although the call is served.

use super::faults::Times;

/// Why an event was counted as reported and yet not stored.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Unstored {
    /// The type of event does not go with the type of entity.
    InvalidEntityType,
    /// A property is not allowed.
    InvalidMetadata,
    /// The event is too old or too far ahead.
    InvalidTimestamps,
}

impl Unstored {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::InvalidEntityType => "INVALID_ENTITY_TYPE",
            Self::InvalidMetadata => "INVALID_METADATA",
            Self::InvalidTimestamps => "INVALID_TIMESTAMPS",
        }
    }
}

/// How the next reports of events fail, although they are accepted.
#[derive(Default)]
pub(super) struct Mishaps {
    unmatched: Option<Times>,
    unstored: Option<(Unstored, Times)>,
}

impl Mishaps {
    pub(super) fn match_nothing(&mut self, times: Times) {
        self.unmatched = Some(times);
    }

    pub(super) fn store_nothing(&mut self, reason: Unstored, times: Times) {
        self.unstored = Some((reason, times));
    }

    /// Whether this report finds no entity, whatever it asks for.
    pub(super) fn next_matches_nothing(&mut self) -> bool {
        self.unmatched.as_mut().is_some_and(Times::take)
    }

    pub(super) fn next_unstored(&mut self) -> Option<Unstored> {
        let (reason, times) = self.unstored.as_mut()?;
        times.take().then_some(*reason)
    }
}

/// The words for "no entity matches"; they changed over the years.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum NoMatchText {
    /// `No MEIdentifier do match`, until 2020.
    Identifier,
    /// `No entity IDs match`, since then.
    EntityIds,
}

/// The words in use. Until a test pins them they take turns, so that a client
/// that knows only one of them is found out.
#[derive(Default)]
pub(super) struct NoMatch {
    pinned: Option<NoMatchText>,
    turn: usize,
}

impl NoMatch {
    pub(super) fn pin(&mut self, text: NoMatchText) {
        self.pinned = Some(text);
    }

    pub(super) fn next(&mut self) -> NoMatchText {
        let texts = [NoMatchText::EntityIds, NoMatchText::Identifier];
        let text = texts[self.turn % texts.len()];
        self.turn = self.turn.wrapping_add(1);
        self.pinned.unwrap_or(text)
    }
}
