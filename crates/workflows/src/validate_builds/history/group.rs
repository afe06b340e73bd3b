//! One group: what the ledger knows of it, and what CodeDeploy did there.

use std::collections::BTreeMap;

use anyhow::Context as _;
use delivery::DeliveryError;
use delivery::codedeploy::{self, CodeDeploy, Life, Maker, Status};
use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, try_join, try_join_all};
use jiff::{SignedDuration, Timestamp};
use release::deployment::{Deployment, Group, LedgerEntry, Reached, Standing};
use release::remediation::named_in;
use release::window::Window;
use store::HISTORY;

use super::super::Shared;
use crate::remedy::codedeploy::{completed, recorded, target};

/// How far before a compare window its group's deployments are read at first.
/// What ran when the window began is found there for most groups.
const FIRST_READ: SignedDuration = SignedDuration::from_hours(4 * 24);

/// How much sooner than in CodeDeploy a deployment may have begun by the ledger.
const ENTERED_SOONER: SignedDuration = SignedDuration::from_hours(1);

/// What is asked of one group.
#[derive(Default)]
pub(super) struct Wanted<'a> {
    /// What came after these deployments counts.
    pub(super) judged: Vec<&'a Deployment>,
    /// Until then.
    pub(super) until: Option<Timestamp>,
    /// Whatever changes the group in this window counts.
    pub(super) quiet: Option<Window>,
    /// What ran in these windows counts.
    pub(super) windows: Vec<Window>,
}

impl Wanted<'_> {
    /// The first moment that counts.
    fn from(&self) -> Option<Timestamp> {
        let judged = self.judged.iter().map(|judged| judged.at);
        let windows = self.windows.iter().chain(&self.quiet);
        judged.chain(windows.map(|window| window.start)).min()
    }

    fn until(&self) -> Option<Timestamp> {
        let windows = self.windows.iter().chain(&self.quiet);
        let ends = windows.map(|window| window.end);
        ends.chain(self.until).max()
    }

    /// Since when the deployments are listed where what ran then does not count.
    /// One that goes on in a window that has to be quiet was made before it.
    fn listed_from(&self, from: Timestamp) -> Timestamp {
        match self.quiet {
            Some(_) => from.saturating_sub(FIRST_READ).unwrap_or(from),
            None => from,
        }
    }

    /// Whether the targets of a deployment have to be asked when it changed
    /// them, and whether it did; of others its own times say enough.
    fn has_to_be_asked(&self, made: &codedeploy::Deployment, all: &Made) -> bool {
        self.comes_after(made) || self.may_run_in(made, all) || self.disturbs(made)
    }

    /// Whether it was made after a deployment that is judged, in time to matter.
    fn comes_after(&self, made: &codedeploy::Deployment) -> bool {
        self.judged.iter().any(|judged| judged.at <= made.created)
            && self.judged.iter().all(|judged| judged.id != made.id)
            && self.until.is_some_and(|until| made.created < until)
    }

    /// Whether it may change the group while it has to be quiet.
    fn disturbs(&self, made: &codedeploy::Deployment) -> bool {
        self.quiet.is_some_and(|window| {
            made.created < window.end && made.completed.is_none_or(|ended| window.start < ended)
        })
    }

    /// Whether something of it may have run in a window that counts: it had not
    /// ended by then, or ended without a word on what it left behind.
    fn may_run_in(&self, made: &codedeploy::Deployment, all: &Made) -> bool {
        self.windows.iter().any(|window| {
            let meets = made.completed.is_none_or(|ended| window.start < ended);
            let untold = made.status != Status::Succeeded && !replaced(made, all, window.start);
            made.created < window.end && (meets || untold)
        })
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
pub(super) struct History {
    pub(super) reached: Vec<Reached>,
    /// What the ledger knows, completed by CodeDeploy.
    pub(super) known: Vec<LedgerEntry>,
    pub(super) made: Made,
}

impl History {
    pub(super) fn read<'a>(
        shared: &'a Shared<'_>,
        group: &'a Group,
        wanted: Wanted<'a>,
    ) -> BoxFuture<'a, anyhow::Result<(Group, Self)>> {
        async move {
            let read = Self::read_now(shared, group, &wanted);
            let read = tokio::time::timeout_at(shared.remotes_until, read).await;
            let read = read.context("CodeDeploy takes too long").flatten();
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
            let known = shared.services.ledger.deployments(group, until).await?;
            anyhow::Ok(known)
        };
        // Where a window is looked at, what ran when it began counts, however
        // long ago that was deployed.
        let looks_back = !wanted.windows.is_empty();
        let mut floor = wanted.listed_from(from);
        let mut length = until.duration_since(floor);
        if looks_back {
            length = until.duration_since(from).saturating_add(FIRST_READ);
            floor = Timestamp::UNIX_EPOCH;
        }
        let mut back = codedeploy.backwards(target(group), until, length);
        let newest = async { Ok(back.part(floor).await?) };
        let (mut known, newest) = try_join(ledger, newest).await?;
        let mut made = by_id(newest);
        let ran = |made: &Made| looks_back && made.values().any(|made| ran_by(made, from));
        while floor < back.since() && !ran(&made) {
            made.extend(by_id(back.part(floor).await?));
        }
        let since = back.since();
        if let Some(oldest) = known.last().map(|entry| entry.deployment.at)
            && HISTORY <= known.len()
            && since < oldest
        {
            let since = since.saturating_sub(ENTERED_SOONER).unwrap_or(since);
            let ledger = &shared.services.ledger;
            let older = ledger.deployments_between(group, since, oldest).await?;
            let is_new = |older: &LedgerEntry| {
                let mut known = known.iter();
                !known.any(|known| known.deployment.id == older.deployment.id)
            };
            let older: Vec<LedgerEntry> = older.into_iter().filter(is_new).collect();
            known.extend(older);
        }

        // A list may be older than the ledger.
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
            ended: Some(entry.deployment.at),
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
        ended: made.completed,
        takes_back: made.rolls_back.clone().or_else(rolled_back).or_else(named),
    }
}

/// Whether nothing but this deployment ran at a moment, unless something came
/// after it.
fn ran_by(made: &codedeploy::Deployment, at: Timestamp) -> bool {
    everywhere(made).is_some_and(|whole| whole <= at)
}

fn by_id(found: Vec<codedeploy::Deployment>) -> Made {
    let by_id = found.into_iter().map(|found| (found.id.clone(), found));
    by_id.collect()
}

/// Whether CodeDeploy knows of a deployment until then that succeeded, or cannot
/// say so of what the ledger knows.
pub(super) fn anything_earlier<'a>(
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
