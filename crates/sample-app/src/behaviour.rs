//! What each build does wrong, and where.

use std::time::Duration;

/// What every call of the API costs. Far above what a busy machine adds to it,
/// so that twice as slow is never mistaken for noise.
const WORK: Duration = Duration::from_millis(100);

/// How a build behaves where it runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Behaviour {
    /// What a call costs at least.
    pub(crate) work: Duration,
    /// Which of the invocations fail.
    pub(crate) failing: Failing,
}

/// Which of the invocations fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Failing {
    /// None.
    None,
    /// The last of every so many.
    Every(u64),
}

impl Behaviour {
    /// The behaviour of a build in a deployment group.
    pub(crate) fn of(build: u32, group: &str) -> Self {
        let healthy = Self {
            work: WORK,
            failing: Failing::None,
        };
        match build {
            2 => Self {
                failing: Failing::Every(2),
                ..healthy
            },
            4 if group.starts_with("Production") => Self {
                work: 2 * WORK,
                failing: Failing::Every(10),
            },
            _ => healthy,
        }
    }
}

impl Failing {
    /// Whether the invocation of this number fails, counted from 1.
    pub(crate) fn hits(self, number: u64) -> bool {
        match self {
            Self::None => false,
            Self::Every(so_many) => number.is_multiple_of(so_many),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failures(build: u32, group: &str) -> usize {
        let failing = Behaviour::of(build, group).failing;
        (1..=100).filter(|&number| failing.hits(number)).count()
    }

    #[test]
    fn each_build_fails_as_often_as_is_documented() {
        for (build, staging, production) in
            [(1, 0, 0), (2, 50, 50), (3, 0, 0), (4, 0, 10), (17, 0, 0)]
        {
            assert_eq!(failures(build, "Staging"), staging, "build {build}");
            assert_eq!(failures(build, "Production"), production, "build {build}");
        }
    }

    #[test]
    fn only_build_4_is_slow_and_only_in_production() {
        let work = |build, group| Behaviour::of(build, group).work;
        for build in [1, 2, 3, 5] {
            assert_eq!(work(build, "Production"), WORK, "build {build}");
        }
        assert_eq!(work(4, "Staging"), WORK);
        assert_eq!(work(4, "Production"), 2 * WORK);
        assert_eq!(work(4, "ProductionTests"), 2 * WORK);
    }
}
