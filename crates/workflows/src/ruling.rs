//! A person's word on a deployment, whoever knows of it.

use delivery::codedeploy::CodeDeploy;
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
