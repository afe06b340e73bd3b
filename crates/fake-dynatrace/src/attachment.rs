//! Which entities an event is attached to, and what goes wrong with it on demand.

use super::events::ENVIRONMENT;
use super::faults::Times;
use super::request::Window;
use super::selector::ParseError;
use super::selector::entity::EntitySelector;
use super::state::State;
use super::topology::View;

const DAY: i64 = 86_400_000;

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

/// The entities that were seen in the last day; only they get events.
pub(super) fn recent(state: &State) -> View<'_> {
    let now = state.now();
    state.view(Window {
        from: now - DAY,
        to: now,
    })
}

/// The ids a v2 report means. Ids given by name reach vanished entities too,
/// and without a selector the whole environment is meant.
pub(super) fn selected(state: &State, selector: Option<&str>) -> Result<Vec<String>, ParseError> {
    let Some(selector) = selector else {
        return Ok(vec![ENVIRONMENT.to_owned()]);
    };
    let selector = EntitySelector::parse(selector)?;
    let view = if selector.names_ids() {
        state.view_of_all()
    } else {
        recent(state)
    };
    Ok(view
        .all()
        .filter(|entity| selector.matches(view, entity))
        .map(|entity| entity.id.clone())
        .collect())
}
