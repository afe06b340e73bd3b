//! Detects when a service degrades and recovers, as a tenant does by itself.
//!
//! A baseline follows the service slowly while it is healthy and stays fixed while
//! it is not, so that a sick build never becomes normal.

use super::meter::Summary;

/// Fewer requests than this are not evaluated.
const ENOUGH: usize = 20;

/// The share by which the baseline approaches the present at each look.
const LEARNS: f64 = 0.05;

/// How many looks in a row must agree, so that a single outlier is no problem.
const SICK_LOOKS: u32 = 3;

/// Recovery needs more looks than degradation.
const WELL_LOOKS: u32 = 6;

/// The share of failed requests at which a service counts as down.
const DOWN: f64 = 0.9;

/// What is wrong with a service.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Symptom {
    /// It answers no request, or almost none.
    Down,
    /// Half of the requests take at least so much longer than they used to.
    Slow {
        /// What is usual, in milliseconds.
        usual_ms: f64,
        /// What is observed, in milliseconds.
        now_ms: f64,
    },
    /// More requests fail than used to.
    Failing {
        /// The usual share, between 0 and 1.
        usual: f64,
        /// The observed share, between 0 and 1.
        now: f64,
    },
}

/// What a look at the service changed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Change {
    /// It degraded.
    Degraded(Symptom),
    /// It recovered.
    Recovered,
}

/// One service under observation.
#[derive(Debug, Default)]
pub(super) struct Detector {
    usual: Option<Summary>,
    degraded: bool,
    /// How many looks in a row contradicted the current state.
    doubts: u32,
}

impl Detector {
    /// Looks at the last few seconds of a service.
    pub(super) fn look(&mut self, recent: Option<Summary>) -> Option<Change> {
        let recent = recent.filter(|recent| ENOUGH <= recent.count)?;
        // A service that was never healthy can only be down, which is no baseline.
        let symptom = symptom(self.usual.as_ref().unwrap_or(&recent), &recent);
        if symptom.is_none() && !self.degraded {
            let usual = self.usual.get_or_insert(recent);
            usual.median_ms += LEARNS * (recent.median_ms - usual.median_ms);
            usual.failing += LEARNS * (recent.failing - usual.failing);
        }
        if symptom.is_some() == self.degraded {
            self.doubts = 0;
            return None;
        }
        self.doubts += 1;
        match symptom {
            Some(symptom) if SICK_LOOKS <= self.doubts => {
                self.turn();
                Some(Change::Degraded(symptom))
            }
            None if WELL_LOOKS <= self.doubts => {
                self.turn();
                Some(Change::Recovered)
            }
            _ => None,
        }
    }

    fn turn(&mut self) {
        self.degraded = !self.degraded;
        self.doubts = 0;
    }
}

/// What is wrong now. The thresholds, 50 % slower or 5 percentage points more
/// failures, are well above the noise of a busy machine and below a sick build.
fn symptom(usual: &Summary, now: &Summary) -> Option<Symptom> {
    if DOWN <= now.failing {
        return Some(Symptom::Down);
    }
    if usual.median_ms * 1.5 < now.median_ms {
        return Some(Symptom::Slow {
            usual_ms: usual.median_ms,
            now_ms: now.median_ms,
        });
    }
    (usual.failing + 0.05 < now.failing).then_some(Symptom::Failing {
        usual: usual.failing,
        now: now.failing,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const WELL: Summary = Summary {
        count: 100,
        median_ms: 100.0,
        failing: 0.0,
    };
    const SLOW: Summary = Summary {
        median_ms: 200.0,
        ..WELL
    };
    const FAILING: Summary = Summary {
        failing: 0.1,
        ..WELL
    };
    const GONE: Summary = Summary {
        median_ms: 0.3,
        failing: 1.0,
        ..WELL
    };

    fn changes(looks: &[(Summary, usize)]) -> Vec<Change> {
        let mut detector = Detector::default();
        let looks = looks.iter().flat_map(|&(look, times)| vec![look; times]);
        looks.filter_map(|look| detector.look(Some(look))).collect()
    }

    #[test]
    fn sick_build_is_noticed_once_and_its_end_once() {
        let told = changes(&[(WELL, 10), (SLOW, 100), (WELL, 100)]);

        let [
            Change::Degraded(Symptom::Slow { usual_ms, now_ms }),
            Change::Recovered,
        ] = told[..]
        else {
            panic!("{told:?}")
        };
        assert!((usual_ms - 100.0).abs() < 1e-9 && (now_ms - 200.0).abs() < 1e-9);
    }

    #[test]
    fn failures_are_noticed_beside_a_good_response_time() {
        let told = changes(&[(WELL, 10), (FAILING, 10)]);
        assert!(
            matches!(told[..], [Change::Degraded(Symptom::Failing { .. })]),
            "{told:?}"
        );
    }

    #[test]
    fn service_that_is_not_there_is_down_and_not_fast() {
        assert_eq!(
            changes(&[(WELL, 10), (GONE, 10), (WELL, 10)]),
            [Change::Degraded(Symptom::Down), Change::Recovered]
        );
    }

    #[test]
    fn service_that_was_never_there_is_down_and_no_baseline() {
        let told = changes(&[(GONE, 10), (WELL, 100), (SLOW, 10)]);
        assert!(
            matches!(
                told[..],
                [
                    Change::Degraded(Symptom::Down),
                    Change::Recovered,
                    Change::Degraded(Symptom::Slow { .. }),
                ]
            ),
            "{told:?}"
        );
    }

    #[test]
    fn stumble_is_no_problem_and_pause_no_recovery() {
        assert_eq!(changes(&[(WELL, 10), (SLOW, 2), (WELL, 10)]), []);
        let told = changes(&[(WELL, 10), (SLOW, 10), (WELL, 5), (SLOW, 10)]);
        assert_eq!(told.len(), 1, "{told:?}");
    }

    #[test]
    fn sick_build_never_becomes_usual() {
        let told = changes(&[(WELL, 10), (SLOW, 10_000), (WELL, 10), (SLOW, 10)]);
        assert_eq!(told.len(), 3, "{told:?}");
    }

    #[test]
    fn slow_change_is_followed() {
        let mut detector = Detector::default();
        for step in 0..300 {
            let look = Summary {
                median_ms: 100.0 + f64::from(step),
                ..WELL
            };
            assert_eq!(detector.look(Some(look)), None, "step {step}");
        }
    }

    #[test]
    fn few_requests_say_nothing() {
        let few = Summary { count: 19, ..SLOW };
        assert_eq!(changes(&[(WELL, 10), (few, 100)]), []);
        assert_eq!(Detector::default().look(None), None);
    }
}
