//! What else happened to the groups of a validation: whether a window was the
//! build's own, and whether a baseline can be trusted.
//!
//! CodeDeploy knows every deployment to a group, whoever made it and however far
//! it is; the ledger knows what they are worth. Both are asked once per group. A
//! group that cannot be asked is a fault: what was not seen would be a pass.

mod group;
mod words;

use std::collections::BTreeMap;

use anyhow::Context as _;
use delivery::pipeline::{ActionRun, RunStatus};
use futures_util::future::{try_join, try_join_all};
use monspec::{Gap, Monspec, Verdict};
use release::deployment::{
    Deployment, Group, LedgerEntry, OwnBaseline, Undisturbed, build, disturbed, is_good,
    own_baseline, taint, undisturbed,
};
use release::evidence::Unjudged;
use release::otherwise::{Run, looked_back_to};
use release::validation::{Registrant, Registration};
use release::window::Window;

use super::Shared;
use crate::remedy::codedeploy::completed;
use crate::sides::Pair;
use group::{History, Wanted, anything_earlier};
use words::{healed, of_its_own, overtaken, tainted, whole_second};

/// Why the window was not the build's own.
pub(super) struct Mixed {
    pub(super) verdict: Verdict,
    pub(super) unjudged: Unjudged,
    pub(super) reason: String,
    /// The deployment that was taken back, if one was.
    pub(super) healed: Option<Deployment>,
    /// The deployment that came, if it was one.
    pub(super) came: Option<Deployment>,
}

/// Why a compare side is no baseline.
pub(super) struct Distrusted {
    pub(super) gap: Gap,
    pub(super) unjudged: Unjudged,
    /// What ran there.
    pub(super) entry: LedgerEntry,
}

/// What is known of the groups of a validation.
pub(super) struct Histories<'a> {
    registration: &'a Registration,
    groups: BTreeMap<Group, History>,
    /// The deployments to judge, with what CodeDeploy knows beyond the
    /// registration.
    judged: Vec<Deployment>,
    /// What another execution ran, where CodeDeploy does not know all.
    followed_by: Option<Mixed>,
    window: Window,
}

impl<'a> Histories<'a> {
    /// Asks for everything at once.
    pub(super) async fn read(
        shared: &Shared<'_>,
        registration: &'a Registration,
        spec: &Monspec,
        pairs: &[Pair<'_>],
    ) -> anyhow::Result<Self> {
        let window = looked_at(registration, spec);
        let asked = wanted(registration, pairs, window);
        let groups = asked.into_iter();
        let groups = groups.map(|(group, wanted)| History::read(shared, group, wanted));
        let (groups, followed_by) =
            try_join(try_join_all(groups), followed(shared, registration, window)).await?;
        let groups: BTreeMap<Group, History> = groups.into_iter().collect();
        let judged = registration.deployments.iter().map(|judged| {
            let made = groups
                .get(&judged.group)
                .and_then(|history| history.made.get(&judged.id));
            completed(judged.clone(), made)
        });
        Ok(Self {
            registration,
            judged: judged.collect(),
            groups,
            followed_by,
            window,
        })
    }

    /// Why the window was not the build's own, if it was not, and which of the
    /// judged deployments that is said of. One that was taken back has failed,
    /// whatever overtook its neighbours.
    pub(super) fn mixed(&mut self) -> Option<(Mixed, Vec<Deployment>)> {
        let (mut taken_back, mut overtaken_by) = (Vec::new(), None);
        for judged in &self.judged {
            match self.undisturbed(judged) {
                Undisturbed::Yes => {}
                Undisturbed::Healed(heal) => taken_back.push((judged.clone(), heal)),
                Undisturbed::Overtaken(by) => overtaken_by = overtaken_by.or(Some(by)),
            }
        }
        if let Some((judged, heal)) = taken_back.first() {
            let mixed = healed(judged, heal.clone());
            let of = taken_back.into_iter().map(|(judged, _)| judged).collect();
            return Some((mixed, of));
        }
        let beside = || {
            let groups = not_judged(self.registration);
            let mut histories = groups.filter_map(|group| self.groups.get(group));
            histories.find_map(|history| disturbed(&history.reached, self.window).cloned())
        };
        let mixed = overtaken_by.or_else(beside).map(overtaken);
        let mixed = mixed.or_else(|| self.followed_by.take())?;
        Some((mixed, self.judged.clone()))
    }

    fn undisturbed(&self, judged: &Deployment) -> Undisturbed {
        let Some(history) = self.groups.get(&judged.group) else {
            return Undisturbed::Yes;
        };
        let made = history.made.get(&judged.id);
        let since = Deployment {
            at: made.map_or(judged.at, |made| made.created.max(judged.at)),
            ..judged.clone()
        };
        undisturbed(&since, &history.reached, self.window)
    }

    /// Why the compare side of a service entry is no baseline, if that is so.
    pub(super) fn distrusted(&self, pair: &Pair<'_>) -> Option<Distrusted> {
        let compare = pair.compare?;
        let mut compared = self.compared(pair);
        if let Some(bad) = compared.find_map(|history| taint(&history.reached, compare.window)) {
            return Some(tainted(bad));
        }
        let own = self.own_baselines(pair);
        let own = own.filter(|(judged, _)| self.is_held_against_itself(judged, pair));
        let own = own.map(|(_, own)| own);
        own.max_by_key(|own| own.clear_at).map(of_its_own)
    }

    /// The deployments that a verdict on these pairs is about. What it says of
    /// one that ran on both sides is nothing.
    pub(super) fn about(&self, pairs: &[Pair<'_>]) -> Vec<Deployment> {
        let ran_on_both = |one: &&Deployment| {
            pairs.iter().any(|pair| {
                let mut own = self.own_baselines(pair);
                own.any(|(judged, _)| judged == *one && !self.is_held_against_itself(judged, pair))
            })
        };
        let about = self.judged.iter().filter(|one| !ran_on_both(one));
        about.cloned().collect()
    }

    /// What is known of the groups behind the compare side.
    fn compared(&self, pair: &Pair<'_>) -> impl Iterator<Item = &History> {
        let groups = self.registration.compared_by(&pair.entry.id).iter();
        groups.filter_map(|group| self.groups.get(group))
    }

    /// The judged deployments whose content ran on the compare side, and was not
    /// judged good there or where it is judged.
    fn own_baselines(&self, pair: &Pair<'_>) -> impl Iterator<Item = (&Deployment, OwnBaseline)> {
        let window = self.registration.window;
        let shift = pair.comparison.shift_compare_seconds;
        let compared: Vec<&History> = self.compared(pair).collect();
        self.judged.iter().flat_map(move |judged| {
            let contents = judged.contents();
            let at_home = self.groups.get(&judged.group);
            let own = compared.iter().filter_map(|there| {
                let known = at_home.into_iter().chain([*there]);
                if is_good(&contents, known.flat_map(|history| &history.known)) {
                    return None;
                }
                own_baseline(&contents, &there.reached, window, shift)
            });
            own.map(|own| (judged, own)).collect::<Vec<_>>()
        })
    }

    /// Whether a deployment that ran on the compare side too makes it no
    /// baseline. A neighbour of the build that stays as it was does not, where
    /// another environment runs the same.
    fn is_held_against_itself(&self, judged: &Deployment, pair: &Pair<'_>) -> bool {
        let known: Vec<&LedgerEntry> = self.groups.values().flat_map(|one| &one.known).collect();
        let of_the_build = || build(&self.judged, &known).contains(&judged);
        pair.comparison.compares_environment_with_itself() || of_the_build()
    }

    /// Whether neither the ledger nor CodeDeploy knows of an earlier deployment
    /// to the compare side that succeeded. Without a known group nobody can say
    /// so.
    pub(super) async fn nothing_earlier(
        &self,
        shared: &Shared<'_>,
        pair: &Pair<'_>,
    ) -> anyhow::Result<bool> {
        let groups = self.registration.compared_by(&pair.entry.id);
        let Some(compare) = pair.compare.filter(|_| !groups.is_empty()) else {
            return Ok(false);
        };
        let judged: Vec<&str> = self
            .judged
            .iter()
            .map(|judged| judged.id.as_str())
            .collect();
        let asked = groups.iter().map(|group| {
            let history = self.groups.get(group);
            let known = history.map(|history| history.known.as_slice());
            let known = known
                .unwrap_or_default()
                .iter()
                .map(|entry| &entry.deployment);
            let earlier = known
                .filter(|known| known.at < compare.window.end)
                .filter(|known| !judged.contains(&known.id.as_str()))
                .map(|known| known.id.as_str());
            let until = (compare.window.end, judged.as_slice());
            anything_earlier(&shared.services.codedeploy, group, until, earlier.collect())
        });
        let found = try_join_all(asked).await;
        let found = found.context("cannot learn whether it is the first release")?;
        Ok(!found.contains(&true))
    }
}

fn wanted<'a>(
    registration: &'a Registration,
    pairs: &[Pair<'_>],
    window: Window,
) -> BTreeMap<&'a Group, Wanted<'a>> {
    let mut all: BTreeMap<&Group, Wanted<'a>> = BTreeMap::new();
    for judged in &registration.deployments {
        let wanted = all.entry(&judged.group).or_default();
        wanted.judged.push(judged);
        wanted.until = Some(window.end);
    }
    for group in not_judged(registration) {
        all.entry(group).or_default().quiet = Some(window);
    }
    for pair in pairs {
        if let Some(compare) = pair.compare {
            for group in registration.compared_by(&pair.entry.id) {
                all.entry(group).or_default().windows.push(compare.window);
            }
        }
    }
    all
}

/// The groups behind the source environments that nothing judged is in.
fn not_judged(registration: &Registration) -> impl Iterator<Item = &Group> {
    let is_judged = |group: &Group| {
        let mut deployments = registration.deployments.iter();
        deployments.any(|judged| judged.group == *group)
    };
    let groups = registration.source_groups.iter();
    groups.filter(move |group| !is_judged(group))
}

/// Whether another execution may have changed before the window ended what this
/// one had brought by other means than CodeDeploy. Where no deployments are known,
/// one that came to the stage of the registering action may have too.
async fn followed(
    shared: &Shared<'_>,
    registration: &Registration,
    window: Window,
) -> anyhow::Result<Option<Mixed>> {
    let (Registrant::Action { stage, .. }, Some(execution)) =
        (&registration.registrant, &registration.execution)
    else {
        return Ok(None);
    };
    let unknown = registration.deployments.is_empty();
    let registered_at = unknown.then_some(registration.registered_at);
    let brought = looked_back_to(&registration.otherwise, registration.mode);
    let Some(since) = brought.into_iter().chain(registered_at).min() else {
        return Ok(None);
    };
    let runs = shared.runs_since(&registration.pipeline, since).await?;
    let changes = |run: &ActionRun| {
        let mut otherwise = registration.otherwise.iter();
        let entered = registered_at.is_some_and(|at| at <= run.started) && run.stage == *stage;
        entered || otherwise.any(|one| one.is_changed_by(as_run(run)))
    };
    let by = runs
        .iter()
        .filter(|run| run.execution != *execution && run.started < window.end)
        .filter(|run| changes(run))
        .min_by_key(|run| run.started);
    Ok(by.map(|by| {
        let reason = format!(
            "overtaken: execution {} reached stage `{}` at {}, before the window ended, so the numbers belong to two \
             builds",
            by.execution,
            by.stage,
            whole_second(by.started)
        );
        Mixed {
            verdict: Verdict::Inconclusive,
            unjudged: Unjudged::Overtaken,
            reason,
            healed: None,
            came: None,
        }
    }))
}

fn as_run(run: &ActionRun) -> Run<'_> {
    let ended = run.status != RunStatus::InProgress;
    Run {
        stage: &run.stage,
        action: &run.action,
        began: run.started,
        ended: run.updated.filter(|_| ended),
    }
}

/// The build's window, as far as any shift of its side looks beyond it.
fn looked_at(registration: &Registration, spec: &Monspec) -> Window {
    let window = registration.window;
    let compared = spec.compared(&registration.comparison);
    let shifted = compared
        .iter()
        .map(|(_, comparison)| comparison.shift_source_seconds);
    shifted
        .map(|shift| window.shifted_back(shift))
        .fold(window, |all, shifted| Window {
            start: all.start.min(shifted.start),
            end: all.end.max(shifted.end),
        })
}
