//! A person's word on a deployment, whoever knows of it.

use std::cmp::Reverse;

use delivery::codedeploy::{CodeDeploy, Status};
use delivery::pipeline::Target;
use jiff::Timestamp;
use release::deployment::{Group, LedgerEntry};
use store::{Ruling, Store};

use crate::handle_problem::recorded;

/// What a person says.
#[derive(Clone, Copy, Debug)]
pub struct Word<'a> {
    /// Where it was deployed.
    pub group: &'a Group,
    /// The deployment, as CodeDeploy calls it.
    pub deployment: &'a str,
    /// What is said of it.
    pub ruling: Ruling,
    /// Who says it.
    pub who: &'a str,
    /// Why.
    pub reason: &'a str,
}

/// What CodeDeploy knows of a group, taken over into the ledger.
#[derive(Clone, Debug)]
pub struct Adopted {
    /// What was taken over now, the newest first.
    pub entered: Vec<String>,
    /// The deployment that succeeded last: what runs, as far as CodeDeploy says.
    pub running: Option<String>,
    /// Everything that the ledger knows of the group now, the newest first.
    pub known: Vec<LedgerEntry>,
}

/// Enters what succeeded in a group since a moment, and what runs however old it
/// is, as unknown. What the ledger knows already stays as it is.
pub async fn adopt(
    store: &Store,
    codedeploy: &CodeDeploy,
    group: &Group,
    (since, now): (Timestamp, Timestamp),
) -> anyhow::Result<Adopted> {
    let target = Target {
        application: group.application.clone(),
        group: group.name.clone(),
    };
    let (mut history, latest) = tokio::try_join!(
        codedeploy.history(&target, since, now),
        codedeploy.latest(&target)
    )?;
    let last = latest.map(|(id, _)| id);
    if let Some(id) = &last
        && history.iter().all(|made| made.id != *id)
    {
        history.extend(codedeploy.deployment(id).await?);
    }
    history.retain(|made| made.status == Status::Succeeded && made.revision.is_some());
    // Of those that were made in one moment, the group says which came last.
    history.sort_by_key(|made| Reverse((made.created, last.as_ref() == Some(&made.id))));
    let mut entered = Vec::new();
    for made in &history {
        if store.ledger_entry(group, &made.id).await?.is_none() {
            store.record_deployment(&recorded(made)).await?;
            entered.push(made.id.clone());
        }
    }
    Ok(Adopted {
        entered,
        running: history.first().map(|made| made.id.clone()),
        known: store.deployments(group, now).await?,
    })
}

/// Stores what a person says. A deployment of which only CodeDeploy knows
/// enters the ledger by it: heals choose among those as well.
///
/// Nothing, if the group has no such deployment.
pub async fn rule(
    store: &Store,
    codedeploy: &CodeDeploy,
    word: &Word<'_>,
) -> anyhow::Result<Option<LedgerEntry>> {
    let say = || {
        let Word {
            group,
            deployment,
            ruling,
            who,
            reason,
        } = *word;
        store.rule(group, deployment, ruling, who, reason)
    };
    if let Some(entry) = say().await? {
        return Ok(Some(entry));
    }
    let made = codedeploy.deployment(word.deployment).await?;
    let Some(known) = made.as_ref().map(recorded) else {
        return Ok(None);
    };
    if known.group != *word.group {
        return Ok(None);
    }
    store.record_deployment(&known).await?;
    Ok(say().await?)
}
