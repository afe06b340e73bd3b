//! How far the judging of a window comes, as a function of what is known.
//!
//! [`step`] decides; whoever calls it asks for the histories of the groups and
//! for the numbers, and judges, waits or says why nothing is judged. The rows of
//! the table in [`crate::validation`] whose names begin with `judge.` are cases of
//! the tests below.

pub mod baseline;

use jiff::{SignedDuration, Timestamp};
use monspec::{Gap, Measurement, Verdict};

use crate::deployment::{Deployment, Reached, Undisturbed, disturbed, undisturbed};
use crate::evidence::Unjudged;
use crate::otherwise::{Run, looked_back_to};
use crate::validation::{Registrant, Registration, Validation};
use crate::window::{Window, saturating_add};
use crate::work::Wait;

/// What was found out. What is `None` was not asked yet.
#[derive(Clone, Debug, Default)]
pub struct Observed<'a> {
    /// What else was done while the window lasted.
    pub groups: Option<Groups<'a>>,
    /// Every number that the comparison needs, in the order of the monspec.
    pub numbers: Option<Vec<&'a Measurement>>,
    /// Whether something that has to be asked could not be.
    pub is_broken: bool,
}

/// What was done to the groups of a validation, and beside CodeDeploy.
#[derive(Clone, Debug)]
pub struct Groups<'a> {
    /// The window, as far as any shift of its side looks beyond it.
    pub window: Window,
    /// The deployments to judge, with what CodeDeploy knows beyond the
    /// registration.
    pub judged: Vec<Own<'a>>,
    /// The histories of the groups behind the source environment that none of
    /// them is to.
    pub beside: Vec<&'a [Reached]>,
    /// What the pipeline's executions ran since [`ran_since`].
    pub runs: Vec<Run<'a>>,
}

/// A deployment to judge.
#[derive(Clone, Debug)]
pub struct Own<'a> {
    /// The deployment.
    pub deployment: &'a Deployment,
    /// From when on another one came after it.
    pub since: Timestamp,
    /// The history of its group.
    pub history: &'a [Reached],
}

/// What comes next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// This has to be found out first.
    Ask(Question),
    /// A number may still come.
    Wait(Wait),
    /// What is broken may work again.
    Fault,
    /// The time is over, and what is broken is the reason.
    Unmeasured,
    /// The window was not the build's own, so the numbers are only shown.
    Unjudged(Box<Mixed>),
    /// The numbers are judged.
    Judge,
}

/// What is found out, and where it is put down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Question {
    /// [`Observed::groups`].
    Groups,
    /// [`Observed::numbers`].
    Numbers,
}

/// Why the window was not the build's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mixed {
    /// These of the judged deployments were taken back, the first of them by
    /// this one.
    Healed {
        /// What was taken back; never empty.
        of: Vec<Deployment>,
        /// What came.
        by: Deployment,
    },
    /// Another deployment came.
    Overtaken(Reached),
    /// Another execution may have changed what CodeDeploy knows nothing of.
    Followed {
        /// The execution.
        execution: String,
        /// The stage that it reached.
        stage: String,
        /// When it did.
        at: Timestamp,
    },
}

impl Mixed {
    /// A build that was taken back has failed; of any other nobody can say.
    pub fn verdict(&self) -> Verdict {
        match self {
            Self::Healed { .. } => Verdict::Failed,
            Self::Overtaken(_) | Self::Followed { .. } => Verdict::Inconclusive,
        }
    }

    /// The same for readers of the evidence.
    pub fn unjudged(&self) -> Unjudged {
        match self {
            Self::Healed { .. } => Unjudged::Healed,
            Self::Overtaken(_) | Self::Followed { .. } => Unjudged::Overtaken,
        }
    }
}

/// How far the judging of a waiting validation comes. `patience` is how long
/// after the window a missing number is waited for.
pub fn step(
    validation: &Validation,
    observed: &Observed<'_>,
    patience: SignedDuration,
    now: Timestamp,
) -> Step {
    let registration = &validation.registration;
    let groups = observed.groups.as_ref();
    if let Some(mixed) = groups.and_then(|groups| mixed(registration, groups)) {
        return Step::Unjudged(Box::new(mixed));
    }
    if observed.is_broken {
        return if validation.expired(now) {
            Step::Unmeasured
        } else {
            Step::Fault
        };
    }
    if groups.is_none() {
        return Step::Ask(Question::Groups);
    }
    let Some(numbers) = &observed.numbers else {
        return Step::Ask(Question::Numbers);
    };
    let patience_ends = saturating_add(registration.due_at, patience);
    match numbers.iter().copied().find_map(awaited) {
        Some(waiting_for) if now < patience_ends => Step::Wait(Wait {
            waiting_for,
            until: Some(next_look(patience, now).min(patience_ends)),
        }),
        _ => Step::Judge,
    }
}

/// Since when what other executions ran has to be known: where something else
/// than CodeDeploy may have brought the build, or where no deployments are known.
pub fn ran_since(registration: &Registration) -> Option<Timestamp> {
    let brought = looked_back_to(&registration.otherwise, registration.mode);
    let is_followed = matches!(registration.registrant, Registrant::Action { .. })
        && registration.execution.is_some();
    let since = brought.into_iter().chain(unknown_since(registration)).min();
    since.filter(|_| is_followed)
}

/// Whether a compare side looks like one that nothing was ever deployed to:
/// nothing answered there.
pub fn is_silent<'a>(baselines: impl IntoIterator<Item = &'a Measurement>) -> bool {
    baselines.into_iter().all(|baseline| {
        matches!(
            baseline,
            Measurement::Missing(Gap::NoData(_) | Gap::NoEntity(_) | Gap::NoRelationship(_))
        )
    })
}

/// Why the window was not the build's own, if it was not. What was taken back has
/// failed, whatever overtook its neighbours.
fn mixed(registration: &Registration, groups: &Groups<'_>) -> Option<Mixed> {
    let (mut of, mut taken_back_by, mut overtaken_by) = (Vec::new(), None, None);
    for own in &groups.judged {
        let since = Deployment {
            at: own.since,
            ..own.deployment.clone()
        };
        match undisturbed(&since, own.history, groups.window) {
            Undisturbed::Yes => {}
            Undisturbed::Healed(by) => {
                of.push(own.deployment.clone());
                taken_back_by = taken_back_by.or(Some(by));
            }
            Undisturbed::Overtaken(by) => overtaken_by = overtaken_by.or(Some(by)),
        }
    }
    if let Some(by) = taken_back_by {
        return Some(Mixed::Healed { of, by });
    }
    let beside = || {
        let mut histories = groups.beside.iter();
        histories.find_map(|history| disturbed(history, groups.window).cloned())
    };
    let overtaken = overtaken_by.or_else(beside).map(Mixed::Overtaken);
    overtaken.or_else(|| followed(registration, groups))
}

/// Whether another execution may have changed before the window ended what this
/// one had brought by other means than CodeDeploy. Where no deployments are known,
/// one that came to the stage of the registering action may have too.
fn followed(registration: &Registration, groups: &Groups<'_>) -> Option<Mixed> {
    let Registrant::Action { stage, .. } = &registration.registrant else {
        return None;
    };
    let own = registration.execution.as_deref()?;
    let unknown_since = unknown_since(registration);
    let changes = |run: &&Run<'_>| {
        let mut otherwise = registration.otherwise.iter();
        let entered = unknown_since.is_some_and(|at| at <= run.began) && run.stage == stage;
        entered || otherwise.any(|one| one.is_changed_by(**run))
    };
    let runs = groups.runs.iter();
    let by = runs
        .filter(|run| run.execution != own && run.began < groups.window.end)
        .filter(changes)
        .min_by_key(|run| run.began)?;
    Some(Mixed::Followed {
        execution: by.execution.to_owned(),
        stage: by.stage.to_owned(),
        at: by.began,
    })
}

/// Since when anything may have come, where no deployments are known.
fn unknown_since(registration: &Registration) -> Option<Timestamp> {
    let unknown = registration.deployments.is_empty();
    unknown.then_some(registration.registered_at)
}

/// What asking again can bring.
fn awaited(measurement: &Measurement) -> Option<String> {
    match measurement {
        Measurement::Missing(gap) => may_come(gap).then(|| gap.to_string()),
        Measurement::Mean { of, .. } => of.is_partial().then(|| of.to_string()),
        Measurement::Value(_) => None,
    }
}

/// Whether asking again can help.
fn may_come(gap: &Gap) -> bool {
    matches!(
        gap,
        Gap::NoData(_) | Gap::NoEntity(_) | Gap::NoRelationship(_) | Gap::Unavailable(_)
    )
}

/// A tenth of the patience from now, but at least a second and at most half a
/// minute.
fn next_look(patience: SignedDuration, now: Timestamp) -> Timestamp {
    let tenth = i64::try_from(patience.as_millis() / 10).unwrap_or(i64::MAX);
    let pause = SignedDuration::from_millis(tenth);
    let pause = pause.clamp(SignedDuration::from_secs(1), SignedDuration::from_secs(30));
    saturating_add(now, pause)
}

#[cfg(test)]
mod tests;
