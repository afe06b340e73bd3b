//! A person's ruling on a deployment, which the ledger or only CodeDeploy knows.

use std::cmp::Reverse;

use delivery::codedeploy::{CodeDeploy, Deployment, Maker, Status};
use delivery::pipeline::Target;
use futures_util::future::try_join_all;
use jiff::Timestamp;
use release::deployment::{Group, LedgerEntry, Origin};
use release::ledger::Ruling;
use store::Ledger;

use crate::remedy::codedeploy::{recorded, target};

/// The ruling that a person asks for.
#[derive(Clone, Copy, Debug)]
pub struct RulingRequest<'a> {
    /// Where it was deployed.
    pub group: &'a Group,
    /// The deployment, as CodeDeploy calls it.
    pub deployment: &'a str,
    /// What it is to count as.
    pub ruling: Ruling,
    /// Who asks.
    pub who: &'a str,
    /// Why.
    pub reason: &'a str,
}

/// What CodeDeploy knows of a group, taken over into the ledger.
#[derive(Clone, Debug)]
pub struct Adopted {
    /// What was taken over now, the newest first.
    pub entered: Vec<String>,
    /// What runs, as far as CodeDeploy says.
    pub running: Option<Running>,
    /// Everything that the ledger knows of the group now, the newest first.
    pub known: Vec<LedgerEntry>,
}

/// What runs in a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Running {
    /// The deployment that succeeded last.
    pub deployment: String,
    /// The release that brought its content, where that is known: itself, unless
    /// it put back what another one had released.
    pub release: Option<String>,
}

/// How many questions are asked at the same time.
const AT_ONCE: usize = 16;

/// Enters what succeeded in a group since a moment, and what runs however old it
/// is, as unknown. What the ledger knows already stays as it is, and what only
/// brought an instance that joined to what ran is no deployment.
pub async fn adopt(
    ledger: &Ledger,
    codedeploy: &CodeDeploy,
    group: &Group,
    (since, now): (Timestamp, Timestamp),
) -> anyhow::Result<Adopted> {
    let history = succeeded(codedeploy, &target(group), since, now).await?;
    let mut entered = Vec::new();
    for some in history.chunks(AT_ONCE) {
        let known = some.iter().map(|made| ledger.entry(group, &made.id));
        for (made, known) in some.iter().zip(try_join_all(known).await?) {
            if known.is_none() {
                ledger.record_deployment(&recorded(made)).await?;
                entered.push(made.id.clone());
            }
        }
    }
    let known = ledger.deployments(group, now).await?;
    let running = history.first().map(|made| Running {
        deployment: made.id.clone(),
        release: release_of(&recorded(made), &history, &known),
    });
    Ok(Adopted {
        entered,
        running,
        known,
    })
}

/// What brought something to a group since a moment, and what runs, the newest
/// first.
async fn succeeded(
    codedeploy: &CodeDeploy,
    target: &Target,
    since: Timestamp,
    now: Timestamp,
) -> anyhow::Result<Vec<Deployment>> {
    let brings = |made: &Deployment| {
        made.maker != Maker::Joining && made.status == Status::Succeeded && made.revision.is_some()
    };
    let (mut history, latest) = tokio::try_join!(
        codedeploy.history(target, since, now),
        codedeploy.latest(target)
    )?;
    let last = latest.map(|(id, _)| id);
    if let Some(id) = &last
        && history.iter().all(|made| made.id != *id)
    {
        history.extend(codedeploy.deployment(id).await?);
    }
    history.retain(brings);
    // Instances may have joined ever since.
    let mut back = codedeploy.backwards(target.clone(), since, now.duration_since(since));
    while history.is_empty() && Timestamp::UNIX_EPOCH < back.since() {
        history = back.part(Timestamp::UNIX_EPOCH).await?;
        history.retain(brings);
        history.sort_by_key(|made| Reverse(made.created));
        history.truncate(1);
    }
    // Of those that were made in one moment, the group says which came last.
    history.sort_by_key(|made| Reverse((made.created, last.as_ref() == Some(&made.id))));
    Ok(history)
}

/// The newest release that brought the content of a deployment.
fn release_of(
    running: &release::deployment::Deployment,
    history: &[Deployment],
    known: &[LedgerEntry],
) -> Option<String> {
    let contents = running.contents();
    let made = history.iter().map(recorded);
    let known = known.iter().map(|entry| entry.deployment.clone());
    made.chain(known)
        .filter(|one| one.origin == Origin::Release && one.at <= running.at)
        .filter(|one| !one.contents().is_disjoint(&contents))
        .max_by_key(|one| (one.id == running.id, one.at))
        .map(|one| one.id)
}

/// Stores a person's ruling. A deployment that only CodeDeploy knows
/// enters the ledger by it: heals choose among those as well.
///
/// Nothing, if the group has no such deployment.
pub async fn rule(
    ledger: &Ledger,
    codedeploy: &CodeDeploy,
    request: &RulingRequest<'_>,
) -> anyhow::Result<Option<LedgerEntry>> {
    let say = || {
        let RulingRequest {
            group,
            deployment,
            ruling,
            who,
            reason,
        } = *request;
        ledger.rule(group, deployment, ruling, who, reason)
    };
    if let Some(entry) = say().await? {
        return Ok(Some(entry));
    }
    let made = codedeploy.deployment(request.deployment).await?;
    let Some(known) = made.as_ref().map(recorded) else {
        return Ok(None);
    };
    if known.group != *request.group {
        return Ok(None);
    }
    ledger.record_deployment(&known).await?;
    Ok(say().await?)
}
