//! What else happened to the groups of a validation: whether a window was the
//! build's own, and whether a baseline can be trusted.
//!
//! CodeDeploy knows every deployment to a group, whoever made it and however far
//! it is; the ledger knows what they are worth. Both are asked once per group. A
//! group that cannot be asked is a fault: what was not seen would be a pass.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Context as _;
use delivery::DeliveryError;
use delivery::codedeploy::{self, CodeDeploy, Life, Maker, Status};
use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, try_join, try_join_all};
use jiff::{SignedDuration, Timestamp};
use monspec::{Gap, Monspec, Verdict};
use release::deployment::{
    Deployment, Group, LedgerEntry, Origin, OwnBaseline, Reached, Standing, Undisturbed, is_good,
    own_baseline, taint, undisturbed,
};
use release::evidence::Unjudged;
use release::remediation::named_in;
use release::validation::{Registrant, Registration};
use release::window::Window;

use super::Shared;
use crate::handle_problem::{completed, recorded, target};
use crate::sides::Pair;

/// How far before a compare window its group's deployments are read at first.
/// That of most groups is found there; for the others so many times as much is
/// read, until what ran when the window began is known.
const FIRST_READ: SignedDuration = SignedDuration::from_hours(4 * 24);
const NEXT_READ: i32 = 64;

/// No part of a history that is shorter holds too many deployments to be read.
const SHORTEST_READ: SignedDuration = SignedDuration::from_hours(1);

/// Why the window was not the build's own.
pub(super) struct Mixed {
    pub(super) verdict: Verdict,
    pub(super) unjudged: Unjudged,
    pub(super) reason: String,
    /// The deployment that was to be judged, and the one that came; only known
    /// together.
    pub(super) deployments: Option<(Deployment, Deployment)>,
}

/// Why nothing may be held against a compare side.
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
    /// The first execution that followed, where no deployments are known.
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

    /// Why the window was not the build's own, if it was not.
    pub(super) fn mixed(&mut self) -> Option<Mixed> {
        if let Some(mixed) = self.followed_by.take() {
            return Some(mixed);
        }
        self.judged.iter().find_map(|judged| {
            let history = self.groups.get(&judged.group)?;
            let made = history.made.get(&judged.id);
            let since = Deployment {
                at: made.map_or(judged.at, |made| made.created.max(judged.at)),
                ..judged.clone()
            };
            match undisturbed(&since, &history.reached, self.window) {
                Undisturbed::Yes => None,
                Undisturbed::Healed(heal) => Some(healed(judged, heal)),
                Undisturbed::Overtaken(by) => Some(overtaken(judged, by)),
            }
        })
    }

    /// Why nothing may be held against the compare side of a service entry, if
    /// that is so.
    pub(super) fn distrusted(&self, pair: &Pair<'_>) -> Option<Distrusted> {
        let compare = pair.compare?;
        let groups = self.registration.compared_by(&pair.entry.id);
        let histories = || groups.iter().filter_map(|group| self.groups.get(group));
        if let Some(bad) = histories().find_map(|history| taint(&history.reached, compare.window)) {
            return Some(tainted(bad));
        }
        let contents: BTreeSet<String> =
            self.judged.iter().flat_map(Deployment::contents).collect();
        let judged = self.judged.iter();
        let judged = judged.filter_map(|judged| self.groups.get(&judged.group));
        let shift = pair.comparison.shift_compare_seconds;
        histories().find_map(|history| {
            // Who was judged good in either group proves nothing new.
            let known = judged.clone().chain([history]);
            if is_good(&contents, known.flat_map(|history| &history.known)) {
                return None;
            }
            let window = self.registration.window;
            let own = own_baseline(&contents, &history.reached, window, shift)?;
            Some(of_its_own(own))
        })
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

/// Whether CodeDeploy knows of a deployment until then that succeeded, or cannot
/// say so of what the ledger knows.
fn anything_earlier<'a>(
    codedeploy: &'a CodeDeploy,
    group: &'a Group,
    (until, but_for): (Timestamp, &'a [&'a str]),
    known: Vec<&'a str>,
) -> BoxFuture<'a, Result<bool, DeliveryError>> {
    async move {
        let target = target(group);
        if codedeploy.has_succeeded(&target, until, but_for).await? {
            return Ok(true);
        }
        // What it knows of these did not succeed until then.
        let told = try_join_all(known.into_iter().map(|id| codedeploy.deployment(id))).await?;
        Ok(told.iter().any(|made| {
            let made = made.as_ref();
            made.is_none_or(|made| made.status == Status::Succeeded)
        }))
    }
    .boxed()
}

/// What is asked of one group.
#[derive(Default)]
struct Wanted<'a> {
    /// What came after these deployments counts.
    judged: Vec<&'a Deployment>,
    /// Until then.
    until: Option<Timestamp>,
    /// What ran in these windows counts.
    windows: Vec<Window>,
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
    for pair in pairs {
        if let Some(compare) = pair.compare {
            for group in registration.compared_by(&pair.entry.id) {
                all.entry(group).or_default().windows.push(compare.window);
            }
        }
    }
    all
}

impl Wanted<'_> {
    /// The first moment that counts.
    fn from(&self) -> Option<Timestamp> {
        let judged = self.judged.iter().map(|judged| judged.at);
        let windows = self.windows.iter().map(|window| window.start);
        judged.chain(windows).min()
    }

    fn until(&self) -> Option<Timestamp> {
        let ends = self.windows.iter().map(|window| window.end);
        ends.chain(self.until).max()
    }

    /// Whether the targets of a deployment have to be asked when it changed
    /// them, and whether it did; of others its own times say enough.
    fn has_to_be_asked(&self, made: &codedeploy::Deployment, all: &Made) -> bool {
        let after = self.judged.iter().any(|judged| judged.at <= made.created)
            && self.judged.iter().all(|judged| judged.id != made.id)
            && self.until.is_some_and(|until| made.created < until);
        let in_windows = self.windows.iter().any(|window| {
            let meets = made.completed.is_none_or(|ended| window.start < ended);
            let untold = made.status != Status::Succeeded && !replaced(made, all, window.start);
            made.created < window.end && (meets || untold)
        });
        after || in_windows
    }
}

type Made = BTreeMap<String, codedeploy::Deployment>;

/// When nothing but this deployment ran any more, if that ever was. A restart
/// brings nothing, and what joins the group is brought to what runs.
fn everywhere(made: &codedeploy::Deployment) -> Option<Timestamp> {
    let brings = made.revision.is_some() && made.maker != Maker::Joining;
    let whole = brings && made.status == Status::Succeeded;
    made.completed.filter(|_| whole)
}

/// Whether something else ran everywhere by `at`, whatever this one changed.
fn replaced(made: &codedeploy::Deployment, all: &Made, at: Timestamp) -> bool {
    let mut later = all.values().filter(|later| made.created <= later.created);
    later.any(|later| later.id != made.id && everywhere(later).is_some_and(|whole| whole <= at))
}

/// What is known of one group.
struct History {
    reached: Vec<Reached>,
    /// What the ledger knows, completed by CodeDeploy.
    known: Vec<LedgerEntry>,
    made: Made,
}

impl History {
    fn read<'a>(
        shared: &'a Shared<'_>,
        group: &'a Group,
        wanted: Wanted<'a>,
    ) -> BoxFuture<'a, anyhow::Result<(Group, Self)>> {
        async move {
            let read = Self::read_now(shared, group, &wanted).await;
            let read =
                read.with_context(|| format!("cannot learn what was deployed to {group}"))?;
            Ok((group.clone(), read))
        }
        .boxed()
    }

    async fn read_now(
        shared: &Shared<'_>,
        group: &Group,
        wanted: &Wanted<'_>,
    ) -> anyhow::Result<Self> {
        let (Some(from), Some(until)) = (wanted.from(), wanted.until()) else {
            return Ok(Self {
                reached: Vec::new(),
                known: Vec::new(),
                made: Made::new(),
            });
        };
        let codedeploy = &shared.services.codedeploy;
        let ledger = async {
            let known = shared.services.store.deployments(group, until).await?;
            anyhow::Ok(known)
        };
        let made = async {
            if wanted.windows.is_empty() {
                Ok((from, listed(codedeploy, group, from, until).await?))
            } else {
                back_from(codedeploy, group, from, until).await
            }
        };
        let (mut known, (since, mut made)) = try_join(ledger, made).await?;

        // A list may be behind what the ledger heard.
        let unlisted = known
            .iter()
            .map(|entry| &entry.deployment)
            .filter(|known| since <= known.at && !made.contains_key(&known.id));
        let unlisted = unlisted.map(|known| codedeploy.deployment(&known.id));
        let found = try_join_all(unlisted).await?.into_iter().flatten();
        made.extend(found.map(|found| (found.id.clone(), found)));

        let joins = |id: &str| {
            made.get(id)
                .is_some_and(|made| made.maker == Maker::Joining)
        };
        known.retain(|entry| !joins(&entry.deployment.id));
        for entry in &mut known {
            let made = made.get(&entry.deployment.id);
            entry.deployment = completed(entry.deployment.clone(), made);
        }
        let changes = made.values().filter(|made| made.maker != Maker::Joining);
        let changes: Vec<&codedeploy::Deployment> = changes.collect();
        let unsure = changes.iter().copied();
        let unsure: Vec<_> = unsure
            .filter(|one| wanted.has_to_be_asked(one, &made))
            .collect();
        let lives = codedeploy.lives(unsure.iter().copied()).await?;
        let untouched = |id: &str| unsure.iter().any(|one| one.id == id) && !lives.contains_key(id);
        let mut reached: Vec<Reached> = changes
            .iter()
            .filter(|one| !untouched(&one.id))
            .map(|one| as_reached(one, lives.get(&one.id), &known, &made))
            .collect();
        let untold = known.iter().filter(|entry| {
            since <= entry.deployment.at && !made.contains_key(&entry.deployment.id)
        });
        reached.extend(untold.map(|entry| Reached {
            entry: entry.clone(),
            everywhere: Some(entry.deployment.at),
            takes_back: None,
        }));
        Ok(Self {
            reached,
            known,
            made,
        })
    }
}

fn as_reached(
    made: &codedeploy::Deployment,
    life: Option<&Life>,
    known: &[LedgerEntry],
    all: &Made,
) -> Reached {
    let mut known = known.iter();
    let known = known.find(|entry| entry.deployment.id == made.id).cloned();
    let mut entry = known.unwrap_or_else(|| LedgerEntry {
        deployment: recorded(made),
        standing: Standing::Unknown,
        taught_by: String::new(),
        bound_to: None,
    });
    entry.deployment.at = life.map_or(made.created, |life| life.began);
    let rolled_back = || {
        let mut others = all.values();
        let own = Some(&made.id);
        let other = others.find(|other| other.rolled_back_by.as_ref() == own)?;
        Some(other.id.clone())
    };
    let named = || named_in(&made.description).map(str::to_owned);
    Reached {
        entry,
        everywhere: everywhere(made),
        takes_back: made.rolls_back.clone().or_else(rolled_back).or_else(named),
    }
}

/// The deployments of a group since a moment, as long as they can be read.
async fn listed(
    codedeploy: &CodeDeploy,
    group: &Group,
    since: Timestamp,
    until: Timestamp,
) -> anyhow::Result<Made> {
    let found = codedeploy
        .history_between(&target(group), since, until)
        .await?
        .context("more was deployed since than can be read")?;
    Ok(by_id(found))
}

/// The deployments of a group back to what ran at `from`, the newest part first,
/// and since when they are known.
async fn back_from(
    codedeploy: &CodeDeploy,
    group: &Group,
    from: Timestamp,
    until: Timestamp,
) -> anyhow::Result<(Timestamp, Made)> {
    let mut made = Made::new();
    let mut since = until;
    let mut length = until.duration_since(from).saturating_add(FIRST_READ);
    let mut grows = true;
    loop {
        let begin = since
            .saturating_sub(length)
            .unwrap_or(Timestamp::UNIX_EPOCH);
        let begin = begin.max(Timestamp::UNIX_EPOCH);
        let part = codedeploy
            .history_between(&target(group), begin, since)
            .await?;
        match part {
            Some(part) => {
                made.extend(by_id(part));
                since = begin;
                if grows {
                    length = length.saturating_mul(NEXT_READ);
                }
            }
            None if SHORTEST_READ < length => {
                length /= NEXT_READ;
                grows = false;
            }
            None => anyhow::bail!("more was deployed within an hour than can be read"),
        }
        let whole = |made| everywhere(made).is_some_and(|whole| whole <= from);
        if since <= Timestamp::UNIX_EPOCH || made.values().any(whole) {
            return Ok((since, made));
        }
    }
}

fn by_id(found: Vec<codedeploy::Deployment>) -> Made {
    let by_id = found.into_iter().map(|found| (found.id.clone(), found));
    by_id.collect()
}

fn healed(judged: &Deployment, heal: Deployment) -> Mixed {
    let reason = format!(
        "this build was replaced because of a problem: deployment {} healed {} at {}",
        heal.id,
        heal.group,
        whole_second(heal.at)
    );
    Mixed {
        verdict: Verdict::Failed,
        unjudged: Unjudged::Healed,
        reason,
        deployments: Some((judged.clone(), heal)),
    }
}

fn overtaken(judged: &Deployment, by: Reached) -> Mixed {
    let came = by.entry.deployment;
    let why = match (came.origin, by.takes_back) {
        (_, Some(other)) => format!(", which takes {other} back,"),
        (Origin::Heal, None) => ", which takes back what nobody names,".to_owned(),
        (Origin::Release, None) => String::new(),
    };
    let reason = format!(
        "overtaken: deployment {}{why} reached {} at {}, before the window ended, so the numbers belong to two \
         deployments",
        came.id,
        came.group,
        whole_second(came.at)
    );
    Mixed {
        verdict: Verdict::Inconclusive,
        unjudged: Unjudged::Overtaken,
        reason,
        deployments: Some((judged.clone(), came)),
    }
}

fn tainted(bad: &LedgerEntry) -> Distrusted {
    let Deployment { id, group, .. } = &bad.deployment;
    let standing = match bad.standing {
        Standing::Suspect => "suspect",
        _ => "bad",
    };
    Distrusted {
        gap: Gap::Tainted(format!(
            "deployment {id} of {group} ran in it and is known to be {standing} ({})",
            bad.taught_by
        )),
        unjudged: Unjudged::Tainted,
        entry: bad.clone(),
    }
}

fn of_its_own(own: OwnBaseline) -> Distrusted {
    let OwnBaseline { entry, clear_at } = own;
    let Deployment { id, group, .. } = &entry.deployment;
    Distrusted {
        gap: Gap::OwnBaseline(format!(
            "its content ran in the compare window too, by deployment {id} of {group}, and is not known to be good; \
             a shiftcomparetimeframe of {clear_at} looks past it"
        )),
        unjudged: Unjudged::OwnBaseline,
        entry,
    }
}

/// Whether a later execution came to the stage of the registering action before
/// the window ended. Without deployments that are known this is all that can be
/// seen of an overlap.
async fn followed(
    shared: &Shared<'_>,
    registration: &Registration,
    window: Window,
) -> anyhow::Result<Option<Mixed>> {
    let (Registrant::Action { stage, .. }, Some(execution), []) = (
        &registration.registrant,
        &registration.execution,
        registration.deployments.as_slice(),
    ) else {
        return Ok(None);
    };
    let runs = shared
        .runs_since(&registration.pipeline, registration.registered_at)
        .await?;
    let by = runs
        .into_iter()
        .filter(|run| run.stage == *stage && run.execution != *execution)
        .filter(|run| run.started < window.end)
        .min_by_key(|run| run.started);
    Ok(by.map(|by| {
        let reason = format!(
            "overtaken: execution {} reached stage `{stage}` at {}, before the window ended, so the numbers belong \
             to two builds",
            by.execution,
            whole_second(by.started)
        );
        Mixed {
            verdict: Verdict::Inconclusive,
            unjudged: Unjudged::Overtaken,
            reason,
            deployments: None,
        }
    }))
}

/// The build's window, as far as any shift looks ahead of it.
fn looked_at(registration: &Registration, spec: &Monspec) -> Window {
    let window = registration.window;
    let end = spec
        .compared(&registration.comparison)
        .iter()
        .map(|(_, comparison)| window.shifted_back(comparison.shift_source_seconds).end)
        .fold(window.end, Timestamp::max);
    Window { end, ..window }
}

fn whole_second(at: Timestamp) -> Timestamp {
    Timestamp::from_second(at.as_second()).unwrap_or(at)
}
