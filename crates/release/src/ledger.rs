//! The law of the ledger: what is known of a deployment, and what each word on it
//! does.
//!
//! | Who | Says | What is known then |
//! |---|---|---|
//! | nobody | that it was deployed | nothing: unknown |
//! | a validation | its verdict, or what the person who overrode it said | the worst that its validations say together; what a problem or a person said against it stays |
//! | a problem | an [`Effect`] | the table below |
//! | a person | that it is cleared, condemned or confirmed | that, in place of everything that was said; the binding stays; what is suspect or bad cannot be confirmed |
//!
//! [`Known::apply`] decides what an effect does; each row is a case of its tests.
//!
//! | Row | Effect | Known before | Known then |
//! |---|---|---|---|
//! | `blame` | blame | unknown, good, or suspect | suspect because of this problem, and bound to it |
//! | `blame.bad` | blame | bad | bad, and bound to this problem |
//! | `blame.held` | blame | bound to another problem | refused: the step is stale |
//! | `release` | release | suspect because of this problem | what its validations hold against it, nothing good; bound to nobody |
//! | `release.bad` | release | bad, and bound to this problem | bad, bound to nobody |
//! | `release.held` | release | suspect because of another problem, which holds it | the same |
//! | `condemn` | condemn | suspect because of this problem | bad; the binding stays |
//! | `condemn.cleared` | condemn | anything else | the same |

use std::collections::BTreeMap;

use monspec::Verdict;

use crate::change::{Change, Place, Remedy};
use crate::deployment::{LedgerEntry, Standing};
use crate::evidence::Evidence;
use crate::remediation::Guard;
use crate::validation::ValidationId;

/// Who said what is known of a deployment that was only entered.
const NOBODY: &str = "nobody yet";

/// How many validations of a deployment are remembered one by one. Any number of
/// them may judge what runs, and a record has its bounds.
const MOST_LESSONS: usize = 50;

/// What is known of a deployment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    /// What counts of all that was said.
    pub said: Lesson,
    /// What each validation said.
    pub lessons: Lessons,
    /// The problem that answers for it.
    pub bound_to: Option<String>,
}

/// What somebody says of a deployment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lesson {
    /// What it is.
    pub standing: Standing,
    /// Who says so.
    pub by: String,
}

/// What the validations said of a deployment: each of the newest, and of those
/// before them the worst.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lessons {
    /// The newest, by validation.
    pub each: BTreeMap<ValidationId, Lesson>,
    /// Those before them.
    pub forgotten: Option<Forgotten>,
}

/// Words that are no longer kept one by one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Forgotten {
    /// How many.
    pub count: u32,
    /// The worst of them.
    pub worst: Lesson,
}

/// What a person says of a deployment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ruling {
    /// It is no longer suspect or bad.
    Clear,
    /// It must not be deployed again.
    Condemn,
    /// It runs and is as it should be. What is suspect or bad is cleared first.
    Confirm,
}

/// What a step of an answer to a problem does to the ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// The rows `blame`.
    Blame {
        /// What is to blame.
        change: Change,
    },
    /// The rows `release`.
    Release {
        /// What was to blame.
        change: Change,
    },
    /// The rows `condemn`.
    Condemn {
        /// What was to blame.
        change: Change,
    },
    /// The guard of a place goes from what was read to what follows. Stale if
    /// it has changed.
    Guard {
        /// The place.
        place: Place,
        /// What was read.
        from: Guard,
        /// What follows.
        to: Guard,
    },
    /// Nothing, while nothing speaks against this remedy. Stale otherwise.
    Trust {
        /// What shall be put in place.
        remedy: Remedy,
    },
    /// A heal enters the ledger.
    Enter {
        /// The heal.
        change: Change,
    },
}

/// Another problem holds the change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Held;

impl Effect {
    /// Whether the problem holds its culprit after this, where this changes it.
    pub fn holds(&self) -> Option<bool> {
        match self {
            Self::Blame { .. } => Some(true),
            Self::Release { .. } | Self::Condemn { .. } => Some(false),
            Self::Guard { .. } | Self::Trust { .. } | Self::Enter { .. } => None,
        }
    }
}

impl Standing {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Unknown, Self::Good, Self::Suspect, Self::Bad];

    /// Whether this speaks against deploying the content again, in any group.
    pub fn is_against(self) -> bool {
        matches!(self, Self::Suspect | Self::Bad)
    }

    /// The standing after validations taught `lesson` together.
    ///
    /// What a problem said is not lifted by a later good validation; only a
    /// person clears a suspect or bad revision.
    #[must_use]
    fn taught(self, lesson: Self) -> Self {
        if self.is_against() { self } else { lesson }
    }

    /// What two validations of one deployment say together: good only if both
    /// do, and bad if either does.
    #[must_use]
    fn worse(self, other: Self) -> Self {
        [Self::Bad, Self::Suspect, Self::Unknown]
            .into_iter()
            .find(|standing| [self, other].contains(standing))
            .unwrap_or(Self::Good)
    }
}

impl Lesson {
    /// What a verdict teaches. A first release had nothing to be compared with, so
    /// it proves nothing.
    pub fn of_verdict(id: ValidationId, evidence: &Evidence) -> Self {
        let mut findings = evidence.findings.iter();
        let is_first_release = findings.any(|finding| finding.finding.accepted);
        let standing = match evidence.verdict {
            Verdict::Passed if !is_first_release => Standing::Good,
            Verdict::Failed => Standing::Bad,
            Verdict::Passed | Verdict::Inconclusive => Standing::Unknown,
        };
        let by = format!("{} ({})", by_validation(id), evidence.verdict);
        Self { standing, by }
    }

    /// What is left of a verdict that a person decided instead: the revision is
    /// neither good nor bad by our measure.
    pub fn overridden(by: String) -> Self {
        let standing = Standing::Unknown;
        Self { standing, by }
    }
}

impl Default for Known {
    /// What is known of a deployment that was only entered.
    fn default() -> Self {
        Self {
            said: Lesson {
                standing: Standing::Unknown,
                by: NOBODY.to_owned(),
            },
            lessons: Lessons::default(),
            bound_to: None,
        }
    }
}

impl Known {
    /// What is known once validation `id` says `lesson`.
    ///
    /// The validations of a deployment make one word together, the worst, in
    /// whatever order they come.
    pub fn learn(&mut self, id: ValidationId, lesson: &Lesson) {
        let by_validations = self.said.by == NOBODY || self.lessons.has(&self.said);
        self.lessons.each.insert(id, lesson.clone());
        let Some(worst) = self.lessons.worst() else {
            return;
        };
        let standing = if by_validations {
            worst.standing
        } else {
            self.said.standing.taught(worst.standing)
        };
        let stays =
            self.said.standing == standing && (!by_validations || self.lessons.has(&self.said));
        if !stays && worst.standing == standing {
            self.said = worst;
        }
        self.lessons.forget_all_but(MOST_LESSONS, &self.said);
    }

    /// What is known once a step of `problem` had this effect on the deployment.
    pub fn apply(&mut self, problem: &str, effect: &Effect) -> Result<(), Held> {
        let is_bound = self.bound_to.as_deref() == Some(problem);
        let is_suspect =
            self.said.standing == Standing::Suspect && self.said.by == by_problem(problem);
        match effect {
            Effect::Blame { .. } => {
                if self.bound_to.is_some() && !is_bound {
                    return Err(Held);
                }
                self.bound_to = Some(problem.to_owned());
                if self.said.standing != Standing::Bad {
                    self.said = Lesson {
                        standing: Standing::Suspect,
                        by: by_problem(problem),
                    };
                }
            }
            Effect::Release { .. } => {
                if is_bound {
                    self.bound_to = None;
                }
                if is_suspect {
                    self.lift(format!("{}, which was not answered", by_problem(problem)));
                }
            }
            Effect::Condemn { .. } => {
                if is_suspect {
                    self.said.standing = Standing::Bad;
                }
            }
            // Entering a deployment says nothing of it.
            Effect::Enter { .. } | Effect::Guard { .. } | Effect::Trust { .. } => {}
        }
        Ok(())
    }

    /// What the validations hold against it, and nothing good.
    fn lift(&mut self, by: String) {
        let failed = self
            .lessons
            .worst()
            .filter(|worst| worst.standing == Standing::Bad);
        self.said = failed.unwrap_or(Lesson {
            standing: Standing::Unknown,
            by,
        });
    }

    /// What is known once a person has said this; nothing changes where they
    /// confirm a deployment that is suspect or bad.
    #[must_use]
    pub fn ruled(&self, ruling: Ruling, who: &str, reason: &str) -> Option<Self> {
        // To confirm does not take back what made it suspect or bad.
        if ruling == Ruling::Confirm && self.said.standing != Standing::Unknown {
            return None;
        }
        let (standing, done) = match ruling {
            Ruling::Clear => (Standing::Unknown, "cleared"),
            Ruling::Condemn => (Standing::Bad, "condemned"),
            Ruling::Confirm => (Standing::Good, "confirmed"),
        };
        Some(Self {
            said: Lesson {
                standing,
                by: format!("{done} by {who}: {reason}"),
            },
            // The person knew those lessons and decided.
            lessons: Lessons::default(),
            bound_to: self.bound_to.clone(),
        })
    }
}

impl Lessons {
    /// Whether somebody said exactly this.
    fn has(&self, said: &Lesson) -> bool {
        self.all().any(|one| one == said)
    }

    /// The worst word of all validations, from the one that said it first.
    fn worst(&self) -> Option<Lesson> {
        let standing = self
            .all()
            .map(|said| said.standing)
            .reduce(Standing::worse)?;
        self.all().find(|said| said.standing == standing).cloned()
    }

    fn all(&self) -> impl Iterator<Item = &Lesson> {
        let forgotten = self.forgotten.iter().map(|forgotten| &forgotten.worst);
        forgotten.chain(self.each.values())
    }

    /// Keeps the newest words. Of the others the worst stays, and of two alike
    /// the one that counts.
    fn forget_all_but(&mut self, most: usize, said: &Lesson) {
        while most < self.each.len()
            && let Some((_, oldest)) = self.each.pop_first()
        {
            let (count, worst) = match self.forgotten.take() {
                None => (0, oldest),
                Some(Forgotten { count, worst }) => {
                    let is_milder = worst.standing.worse(oldest.standing) != worst.standing;
                    let is_alike = worst.standing == oldest.standing;
                    if is_milder || (is_alike && oldest == *said) {
                        (count, oldest)
                    } else {
                        (count, worst)
                    }
                }
            };
            let count = count.saturating_add(1);
            self.forgotten = Some(Forgotten { count, worst });
        }
    }
}

impl LedgerEntry {
    /// The validation that said what is known, if it was one.
    pub fn validation(&self) -> Option<ValidationId> {
        let signed = self.taught_by.strip_prefix(BY_VALIDATION)?;
        let (id, _) = signed.split_once(' ').unwrap_or((signed, ""));
        id.parse().ok()
    }
}

const BY_VALIDATION: &str = "validation ";

/// How a validation signs what it says of a deployment.
fn by_validation(id: ValidationId) -> String {
    format!("{BY_VALIDATION}{id}")
}

/// How a problem signs what it says of a deployment.
fn by_problem(id: &str) -> String {
    format!("problem {id}")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use jiff::Timestamp;

    use super::*;
    use crate::deployment::{Deployment, Group, Origin};

    #[test]
    fn good_validation_lifts_neither_suspect_nor_bad() {
        assert_eq!(Standing::Unknown.taught(Standing::Good), Standing::Good);
        assert_eq!(Standing::Good.taught(Standing::Bad), Standing::Bad);
        assert_eq!(Standing::Suspect.taught(Standing::Good), Standing::Suspect);
        assert_eq!(Standing::Bad.taught(Standing::Good), Standing::Bad);
    }

    #[test]
    fn validations_of_one_deployment_say_the_worst_in_any_order() {
        use Standing::{Bad, Good, Unknown};
        for (one, other, together) in [
            (Good, Good, Good),
            (Good, Unknown, Unknown),
            (Good, Bad, Bad),
            (Unknown, Bad, Bad),
        ] {
            assert_eq!(one.worse(other), together);
            assert_eq!(other.worse(one), together);
        }
    }

    /// Each case: what is known, what the problem `P-1` does, and what follows.
    #[test]
    fn each_effect_does_what_the_table_says() {
        use Standing::{Bad, Good, Suspect, Unknown};
        let ours = |standing| known(standing, "problem P-1", Some("P-1"));
        let lifted = |standing| known(standing, "problem P-1, which was not answered", None);
        let release = Effect::Release {
            change: Change::Deployment(deployment()),
        };
        let cases = [
            ("blame", Known::default(), blame(), Ok(ours(Suspect))),
            ("blame", known(Good, "v", None), blame(), Ok(ours(Suspect))),
            ("blame", ours(Suspect), blame(), Ok(ours(Suspect))),
            (
                "blame",
                known(Suspect, "problem P-0", None),
                blame(),
                Ok(ours(Suspect)),
            ),
            (
                "blame.bad",
                known(Bad, "v", None),
                blame(),
                Ok(known(Bad, "v", Some("P-1"))),
            ),
            (
                "blame.held",
                known(Suspect, "problem P-0", Some("P-0")),
                blame(),
                Err(Held),
            ),
            (
                "release",
                ours(Suspect),
                release.clone(),
                Ok(lifted(Unknown)),
            ),
            (
                "release.bad",
                known(Bad, "v", Some("P-1")),
                release.clone(),
                Ok(known(Bad, "v", None)),
            ),
            (
                "release.held",
                known(Suspect, "problem P-0", Some("P-0")),
                release,
                Ok(known(Suspect, "problem P-0", Some("P-0"))),
            ),
            ("condemn", ours(Suspect), condemn(), Ok(ours(Bad))),
            (
                "condemn.cleared",
                known(Unknown, "cleared by Ann: a false alarm", Some("P-1")),
                condemn(),
                Ok(known(Unknown, "cleared by Ann: a false alarm", Some("P-1"))),
            ),
        ];
        for (row, before, effect, after) in &cases {
            let mut follows = before.clone();
            let done = follows.apply("P-1", effect);
            assert_eq!(done.map(|()| follows), *after, "{row}: {before:?}");
        }

        let named: BTreeSet<&str> = cases.iter().map(|(row, ..)| *row).collect();
        let rows: BTreeSet<&str> = include_str!("ledger.rs")
            .lines()
            .filter_map(|line| line.strip_prefix("//! | `")?.split('`').next())
            .collect();
        assert_eq!(named, rows);
    }

    #[test]
    fn lifted_blame_leaves_what_a_validation_holds_against_it() {
        let failed = Lesson {
            standing: Standing::Bad,
            by: "validation 1 (Failed)".to_owned(),
        };
        let mut known = Known::default();
        known.apply("P-1", &blame()).unwrap();
        known.learn(validation(1), &failed);
        assert_eq!(known.said.standing, Standing::Suspect);

        let release = Effect::Release {
            change: Change::Deployment(deployment()),
        };
        known.apply("P-1", &release).unwrap();

        assert_eq!(known.said, failed);
    }

    #[test]
    fn person_outweighs_everything_and_confirms_only_what_nothing_speaks_against() {
        for standing in [Standing::Suspect, Standing::Bad, Standing::Good] {
            let before = known(standing, "problem P-1", Some("P-1"));
            assert_eq!(before.ruled(Ruling::Confirm, "Ann", "it runs"), None);
            let cleared = before.ruled(Ruling::Clear, "Ann", "a false alarm");
            let expected = known(
                Standing::Unknown,
                "cleared by Ann: a false alarm",
                Some("P-1"),
            );
            assert_eq!(cleared, Some(expected));
        }
        let confirmed = Known::default().ruled(Ruling::Confirm, "Ann", "it runs");
        let expected = known(Standing::Good, "confirmed by Ann: it runs", None);
        assert_eq!(confirmed, Some(expected));
    }

    #[test]
    fn many_validations_are_forgotten_but_for_the_worst_word() {
        let mut known = Known::default();
        let lesson = |standing, number: usize| Lesson {
            standing,
            by: format!("validation {number}"),
        };
        for number in 0..MOST_LESSONS + 2 {
            let standing = if number == 0 {
                Standing::Bad
            } else {
                Standing::Good
            };
            known.learn(validation(number), &lesson(standing, number));
        }

        assert_eq!(known.lessons.each.len(), MOST_LESSONS);
        assert_eq!(known.said, lesson(Standing::Bad, 0));
        let forgotten = known.lessons.forgotten.unwrap();
        assert_eq!(forgotten.count, 2);
        assert_eq!(forgotten.worst, lesson(Standing::Bad, 0));
    }

    fn known(standing: Standing, by: &str, bound_to: Option<&str>) -> Known {
        Known {
            said: Lesson {
                standing,
                by: by.to_owned(),
            },
            lessons: Lessons::default(),
            bound_to: bound_to.map(str::to_owned),
        }
    }

    /// The validations in the order in which they were registered.
    fn validation(number: usize) -> ValidationId {
        let second = i64::try_from(number).unwrap();
        ValidationId::new(Timestamp::from_second(second).unwrap(), [0; 10])
    }

    fn blame() -> Effect {
        Effect::Blame {
            change: Change::Deployment(deployment()),
        }
    }

    fn condemn() -> Effect {
        Effect::Condemn {
            change: Change::Deployment(deployment()),
        }
    }

    fn deployment() -> Deployment {
        Deployment {
            id: "d-1".to_owned(),
            group: Group {
                application: "Shop".to_owned(),
                name: "Production".to_owned(),
            },
            at: Timestamp::UNIX_EPOCH,
            execution: None,
            version: "1".to_owned(),
            identity: "one".to_owned(),
            location: None,
            digest: None,
            origin: Origin::Release,
        }
    }
}
