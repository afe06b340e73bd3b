//! Which entities an event is attached to.

use super::events::ENVIRONMENT;
use super::request::Window;
use super::selector::ParseError;
use super::selector::entity::EntitySelector;
use super::state::State;
use super::topology::View;

const DAY: i64 = 86_400_000;

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
