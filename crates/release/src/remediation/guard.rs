//! What keeps a place from being healed in a circle.

use std::fmt;

use jiff::{SignedDuration, Timestamp};

use super::HealRefusal;

/// What keeps a place from being healed in a circle.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Guard {
    /// The problem that is being answered.
    pub active: Option<String>,
    /// Until when the place is left alone.
    pub cooldown_until: Option<Timestamp>,
    /// When the place was healed.
    pub heals: Vec<Timestamp>,
}

/// How often a place may be healed.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// How long a place is left alone after a heal.
    pub cooldown: SignedDuration,
    /// How many heals are allowed within [`Limits::window`].
    pub most: u32,
    /// The span in which heals are counted.
    pub window: SignedDuration,
}

/// Whether the guard lets a problem through.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Admission {
    /// It does; this is the guard while the problem is answered.
    Admitted(Guard),
    /// Another problem is being answered in this place.
    Busy,
    /// It does not.
    Refused(HealRefusal),
}

impl Guard {
    /// Asks to answer `problem` in `place`.
    pub fn admit(
        &self,
        problem: &str,
        place: &impl fmt::Display,
        limits: Limits,
        now: Timestamp,
    ) -> Admission {
        match &self.active {
            Some(active) if active == problem => return Admission::Admitted(self.clone()),
            // A problem that has held it for longer than problems are followed will not
            // give it back.
            Some(_) if self.is_held(limits, now) => return Admission::Busy,
            Some(_) | None => {}
        }
        if let Some(until) = self.cooldown_until
            && now < until
        {
            return Admission::Refused(HealRefusal::Cooldown {
                group: place.to_string(),
                until,
            });
        }
        let heals: Vec<Timestamp> = self
            .heals
            .iter()
            .copied()
            .filter(|heal| now.duration_since(*heal) < limits.window)
            .collect();
        let count = u32::try_from(heals.len()).unwrap_or(u32::MAX);
        if limits.most <= count {
            return Admission::Refused(HealRefusal::TooOften {
                group: place.to_string(),
                count,
                hours: limits.window.as_hours(),
            });
        }
        Admission::Admitted(Self {
            active: Some(problem.to_owned()),
            cooldown_until: None,
            heals: heals.into_iter().chain([now]).collect(),
        })
    }

    /// The guard while what somebody else has begun is watched: whatever the
    /// guard would say, it has happened, and counts.
    #[must_use]
    pub fn taken(&self, problem: &str, now: Timestamp) -> Self {
        Self {
            active: Some(problem.to_owned()),
            cooldown_until: self.cooldown_until,
            heals: self.heals.iter().copied().chain([now]).collect(),
        }
    }

    fn is_held(&self, limits: Limits, now: Timestamp) -> bool {
        let since = self.heals.last();
        since.is_some_and(|since| now.duration_since(*since) < limits.window)
    }

    /// The guard after an intent that came to nothing: as if it had not been
    /// admitted.
    #[must_use]
    pub fn returned(&self) -> Self {
        let mut heals = self.heals.clone();
        heals.pop();
        Self {
            active: None,
            cooldown_until: self.cooldown_until,
            heals,
        }
    }

    /// The guard after a heal has ended, well or not.
    #[must_use]
    pub fn released(&self, limits: Limits, now: Timestamp) -> Self {
        Self {
            active: None,
            cooldown_until: Some(
                now.saturating_add(limits.cooldown)
                    .unwrap_or(Timestamp::MAX),
            ),
            heals: self.heals.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::change::Place;
    use crate::deployment::Group;

    #[test]
    fn guard_lets_one_problem_through_and_counts() {
        let limits = Limits {
            cooldown: SignedDuration::from_mins(15),
            most: 2,
            window: SignedDuration::from_hours(24),
        };
        let admitted = |guard: &Guard, problem: &str, at: i64| match guard.admit(
            problem,
            &place(),
            limits,
            minute(at),
        ) {
            Admission::Admitted(guard) => guard,
            other => panic!("{other:?}"),
        };
        let first = admitted(&Guard::default(), "P-1", 0);
        assert_eq!(
            first.admit("P-2", &place(), limits, minute(1)),
            Admission::Busy
        );
        assert_eq!(
            admitted(&first, "P-1", 1),
            first,
            "asking again changes nothing"
        );

        let rested = first.released(limits, minute(5));
        assert!(matches!(
            rested.admit("P-2", &place(), limits, minute(10)),
            Admission::Refused(HealRefusal::Cooldown { .. })
        ));
        let second = admitted(&rested, "P-2", 20).released(limits, minute(25));
        assert!(matches!(
            second.admit("P-3", &place(), limits, minute(60)),
            Admission::Refused(HealRefusal::TooOften { count: 2, .. })
        ));
        admitted(&second, "P-3", 24 * 60 + 1);

        // A rollback that is watched counts, and one that fails lifts nothing.
        let watched = rested.taken("P-2", minute(10));
        assert_eq!(
            watched.admit("P-3", &place(), limits, minute(11)),
            Admission::Busy
        );
        assert_eq!(watched.heals.len(), 2);
        assert_eq!(watched.returned(), rested);
    }

    fn place() -> Place {
        Place::Group(Group {
            application: "App".to_owned(),
            name: "Production".to_owned(),
        })
    }

    fn minute(minute: i64) -> Timestamp {
        Timestamp::from_second(minute * 60).unwrap()
    }
}
