//! Everything the tenant remembers.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use axum::http::StatusCode;

use super::answer::ServiceError;
use super::catalogue::{self, Metric};
use super::events::{Event, EventLog};
use super::faults::{Planned, Times};
use super::mishaps::{Mishaps, NoMatch};
use super::problems::Problems;
use super::request::Window;
use super::samples::Samples;
use super::silence::Silence;
use super::topology::{Entity, View};

/// The state behind one tenant; all access goes through one lock.
pub(super) struct State {
    pub(super) environment: Option<String>,
    pub(super) token: String,
    pub(super) clock: Clock,
    pub(super) entities: BTreeMap<String, Entity>,
    pub(super) metrics: BTreeMap<String, Metric>,
    pub(super) samples: Samples,
    pub(super) metrics_delay: Duration,
    pub(super) faults: Vec<Planned>,
    pub(super) latency: Duration,
    pub(super) silence: Silence,
    pub(super) v1_units: V1Units,
    pub(super) events: EventLog,
    pub(super) events_delay: Duration,
    pub(super) mishaps: Mishaps,
    pub(super) no_match: NoMatch,
    pub(super) problems: Problems,
    pub(super) refused_comments: Times,
    pub(super) calls: Calls,
}

/// Where the tenant's time comes from.
#[derive(Clone, Copy)]
pub(super) enum Clock {
    Real,
    Set(i64),
}

/// How API v1 writes its units; the spelling changed over the years.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum V1Units {
    /// A symbol alone, such as `µs`.
    #[default]
    Symbol,
    /// A name with the symbol, such as `MicroSecond (µs)`.
    Name,
}

/// A call the tenant received.
#[derive(Clone, Debug)]
pub struct Call {
    /// The HTTP method.
    pub method: String,
    /// The decoded path, without the prefix of the environment.
    pub path: String,
    /// The decoded query pairs in the order sent; a token among them is hidden.
    pub query: Vec<(String, String)>,
    /// What was answered, or nothing if the connection was left without answer.
    pub status: Option<u16>,
    /// When it was answered, by the tenant's clock, in milliseconds.
    pub at: i64,
}

/// The most recent calls. A laboratory runs for days, so old ones are dropped.
#[derive(Default)]
pub(super) struct Calls(VecDeque<Call>);

impl State {
    pub(super) fn new(environment: Option<String>, token: String) -> Self {
        Self {
            environment,
            token,
            clock: Clock::Real,
            entities: BTreeMap::new(),
            metrics: catalogue::builtin(),
            samples: Samples::default(),
            metrics_delay: Duration::ZERO,
            faults: Vec::new(),
            latency: Duration::ZERO,
            silence: Silence::default(),
            v1_units: V1Units::default(),
            events: EventLog::default(),
            events_delay: Duration::ZERO,
            mishaps: Mishaps::default(),
            no_match: NoMatch::default(),
            problems: Problems::default(),
            refused_comments: Times::N(0),
            calls: Calls::default(),
        }
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "the tenant is a remote with a clock of its own"
    )]
    pub(super) fn now(&self) -> i64 {
        match self.clock {
            Clock::Real => jiff::Timestamp::now().as_millisecond(),
            Clock::Set(ms) => ms,
        }
    }

    /// The entities known by now that were seen within `window`.
    pub(super) fn view(&self, window: Window) -> View<'_> {
        View {
            entities: &self.entities,
            now: self.now(),
            since: window.from,
            until: window.to,
        }
    }

    /// Every entity known by now, however long ago it was seen.
    pub(super) fn view_of_all(&self) -> View<'_> {
        self.view(Window {
            from: i64::MIN,
            to: i64::MAX,
        })
    }

    /// The part of `window` whose samples have arrived.
    pub(super) fn arrived(&self, window: Window) -> Window {
        let delay = milliseconds(self.metrics_delay);
        window.before(self.now().saturating_sub(delay).saturating_add(1))
    }

    /// The events that readers can see by now.
    pub(super) fn visible_events(&self) -> impl Iterator<Item = &Event> {
        let latest = self.now().saturating_sub(milliseconds(self.events_delay));
        self.events
            .iter()
            .filter(move |event| event.ingested <= latest)
    }

    /// Refuses a comment if that was asked for, with a status that tells nobody
    /// to send it again at once.
    pub(super) fn refuse_comment(&mut self) -> Result<(), ServiceError> {
        if self.refused_comments.take() {
            let status = StatusCode::INTERNAL_SERVER_ERROR;
            return Err(ServiceError::new(
                status,
                "The comment could not be stored.",
            ));
        }
        Ok(())
    }
}

fn milliseconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

impl Calls {
    const CAPACITY: usize = 10_000;

    pub(super) fn push(&mut self, call: Call) {
        if self.0.len() == Self::CAPACITY {
            self.0.pop_front();
        }
        self.0.push_back(call);
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Call> {
        self.0.iter()
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_calls_make_room_for_new_ones() {
        let mut calls = Calls::default();
        for at in 0..=10_000 {
            calls.push(Call {
                method: "GET".into(),
                path: "/".into(),
                query: Vec::new(),
                status: Some(200),
                at,
            });
        }
        assert_eq!(calls.iter().count(), Calls::CAPACITY);
        assert_eq!(calls.iter().next().map(|call| call.at), Some(1));
    }
}
