//! What follows a decision: the target's deployment is watched to its end, the
//! problem to its own, and the culprit hears what becomes of it.

use delivery::codedeploy::Status;
use jiff::{SignedDuration, Timestamp};
use release::ledger::Effect;
use release::problem::{Problem, Reported};
use release::remediation::{Hand, Heal, Needless, State};
use store::{Advanced, ClaimedProblem};

use super::healing::{Next, Step};
use super::words;
use crate::due::Wait;

/// How long CodeDeploy may take to show a deployment that it has made.
const SHOWN_WITHIN: SignedDuration = SignedDuration::from_mins(5);

/// The culprit is answered under another problem, as long as that one holds it.
pub(super) async fn joined(step: &Step<'_>, claimed: &mut ClaimedProblem) -> anyhow::Result<Next> {
    let culprit = step.culprit();
    if claimed.problem.closed.is_some() {
        let state = State::NotNeeded(Needless::Closed);
        return step.to(claimed, state, None, &[]).await;
    }
    let store = &step.pass.services.store;
    let entry = store.ledger_entry(&culprit.group, &culprit.id).await?;
    let holder = entry.and_then(|entry| entry.bound_to);
    if holder.is_some_and(|holder| holder != claimed.problem.id) {
        return Ok(Next::Wait(Wait::for_("the answer to another problem")));
    }
    let deployment = culprit.clone();
    let effects = [Effect::Blame { deployment }];
    step.to(claimed, State::Attributed, None, &effects).await
}

/// The target is being deployed.
pub(super) async fn deploying(
    step: &Step<'_>,
    claimed: &mut ClaimedProblem,
    heal: &Heal,
    id: &str,
) -> anyhow::Result<Next> {
    let services = step.pass.services;
    let made = services.codedeploy.deployment(id).await?;
    let status = made.as_ref().map(|made| made.status);
    let age = step.pass.tick.now.duration_since(heal.at);
    if status == Some(Status::Running) || (status.is_none() && age < SHOWN_WITHIN) {
        return Ok(Next::Wait(Wait::for_("the heal to be deployed")));
    }
    let at = made
        .as_ref()
        .and_then(|made| made.completed)
        .unwrap_or(step.pass.tick.now);
    let succeeded = status == Some(Status::Succeeded);
    let failed_rollback = !succeeded && heal.by == Hand::CodeDeploy;
    let guard = services.store.guard(&step.culprit().group).await?;
    let effects = if guard.active.as_deref() != Some(&claimed.problem.id) {
        Vec::new()
    } else if failed_rollback {
        step.guard(&guard, guard.returned())
    } else {
        let now = step.pass.tick.now;
        step.guard(&guard, guard.released(services.healing.limits, now))
    };
    let (state, comment) = if succeeded {
        let state = State::Healed {
            heal: heal.clone(),
            deployment: id.to_owned(),
            at,
        };
        (state, words::healed(heal, id, at))
    } else {
        let reason = match (status, made.and_then(|made| made.error)) {
            (_, Some(error)) => error,
            (Some(Status::Stopped), None) => "it was stopped".to_owned(),
            (Some(_), None) => "CodeDeploy does not say why".to_owned(),
            (None, None) => "CodeDeploy does not know it any more".to_owned(),
        };
        let reason: String = reason.chars().take(500).collect();
        if failed_rollback {
            let comment = words::rollback_failed(step.culprit(), id, &reason);
            return step
                .to(claimed, State::Attributed, Some(comment), &effects)
                .await;
        }
        let comment = words::failed(heal, Some(id), at, &reason);
        let state = State::HealFailed {
            heal: heal.clone(),
            deployment: Some(id.to_owned()),
            reason,
        };
        (state, comment)
    };
    step.to(claimed, state, Some(comment), &effects).await
}

/// The target runs; whether the culprit was bad shows when the problem ends.
pub(super) async fn healed(
    step: &Step<'_>,
    claimed: &mut ClaimedProblem,
    heal: &Heal,
    id: &str,
    at: Timestamp,
) -> anyhow::Result<Next> {
    let culprit = step.culprit();
    let Some(closed) = claimed.problem.closed else {
        return Ok(Next::Wait(Wait::for_("the problem to end")));
    };
    // Of a problem that became a part of another one nobody knows its own end,
    // and one that ended before the heal had ended without it.
    let merged = claimed.reported == Reported::Merged && claimed.problem.merged_into.is_none();
    if merged || closed < at {
        let comment = words::unconfirmed(culprit, heal);
        let state = State::Unconfirmed {
            heal: heal.clone(),
            deployment: id.to_owned(),
            at,
        };
        return step.to(claimed, state, Some(comment), &[]).await;
    }
    let comment = words::confirmed(culprit, heal, claimed.problem.began, closed);
    let state = State::Confirmed {
        heal: heal.clone(),
        deployment: id.to_owned(),
        at,
        closed,
    };
    let deployment = culprit.clone();
    let effects = [Effect::Condemn { deployment }];
    step.to(claimed, state, Some(comment), &effects).await
}

/// Nothing more is done. Without a heal, the end of the problem clears the
/// culprit.
pub(super) async fn ended(step: &Step<'_>, claimed: &mut ClaimedProblem) -> anyhow::Result<Next> {
    if !step.remediation.holds {
        return Ok(Next::Rest);
    }
    if claimed.problem.closed.is_none() {
        return Ok(Next::Wait(Wait::for_("the problem to end")));
    }
    // A heal that was begun and failed has changed the group all the same: its
    // culprit is never answered a second time, and a person has to judge it.
    let begun = step.remediation.state.began_heal();
    let effects = if begun { Vec::new() } else { step.let_go() };
    let change = |problem: &mut Problem| problem.remediations[step.index].holds = false;
    match step.pass.commit(claimed, change, &effects).await? {
        Advanced::Written => Ok(Next::Rest),
        Advanced::Stale => Ok(Next::Step),
    }
}
