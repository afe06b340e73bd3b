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
use monspec::{Gap, Monspec};
use release::deployment::{
    Deployment, Group, LedgerEntry, OwnBaseline, build, is_good, own_baseline, taint,
};
use release::evidence::Unjudged;
use release::judging::baseline::Compared;
use release::judging::{Groups, Own, ran_since};
use release::otherwise::Run;
use release::validation::Registration;
use release::window::Window;

use super::Shared;
use crate::remedy::codedeploy::completed;
use crate::sides::Pair;
use group::{History, Wanted, anything_earlier};
pub(super) use words::{of_its_own, tainted, why_mixed};

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
    pub(super) judged: Vec<Deployment>,
    /// What executions ran, where CodeDeploy does not know all.
    runs: Vec<ActionRun>,
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
        let runs = async {
            match ran_since(registration) {
                Some(since) => shared.runs_since(&registration.pipeline, since).await,
                None => Ok(Vec::new()),
            }
        };
        let (groups, runs) = try_join(try_join_all(groups), runs).await?;
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
            runs,
            window,
        })
    }

    /// What says whether the window was the build's own.
    pub(super) fn groups(&self) -> Groups<'_> {
        let judged = self.judged.iter().map(|deployment| {
            let Deployment { id, group, at, .. } = deployment;
            let history = self.groups.get(group);
            let made = history.and_then(|history| history.made.get(id));
            Own {
                deployment,
                since: made.map_or(*at, |made| made.created.max(*at)),
                history: history.map_or(&[], |history| &history.reached),
            }
        });
        let beside = not_judged(self.registration).filter_map(|group| self.groups.get(group));
        Groups {
            window: self.window,
            judged: judged.collect(),
            beside: beside.map(|history| history.reached.as_slice()).collect(),
            runs: self.runs.iter().map(as_run).collect(),
        }
    }

    /// What is known of the compare side of a service entry, where nothing was
    /// measured if it `is_silent`.
    pub(super) fn compared_side(&self, pair: &Pair<'_>, is_silent: bool) -> Compared<'_> {
        let tainted_by = pair.compare.and_then(|compare| {
            let mut compared = self.compared(pair);
            compared.find_map(|history| taint(&history.reached, compare.window))
        });
        let own = self.own_baselines(pair);
        let own = own.filter(|(judged, _)| self.is_held_against_itself(judged, pair));
        Compared {
            tainted_by,
            own: own.map(|(_, own)| own).collect(),
            policy: pair.comparison.missing_baseline,
            is_silent,
            nothing_earlier: None,
        }
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

fn as_run(run: &ActionRun) -> Run<'_> {
    let ended = run.status != RunStatus::InProgress;
    Run {
        execution: &run.execution,
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
