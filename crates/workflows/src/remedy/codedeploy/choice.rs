//! Which revision is deployed again, and whether it still can be.

use std::collections::BTreeSet;

use delivery::bundle::Presence;
use delivery::codedeploy::{self, Revision, Status};
use futures_util::future::try_join;
use release::deployment::{Deployment, LedgerEntry, Origin, Standing};
use release::remediation::{targets, untrusted};
use release::validation::ValidationId;

use super::view::{Beyond, View};
use super::{completed, recorded, target};
use crate::remedy::adapter::{Alternative, Context};

/// How many candidates are looked at more closely.
const MOST_CANDIDATES: usize = 10;

/// A revision that can be deployed again.
#[derive(Clone, Debug)]
pub(super) struct Choice {
    /// What released it first.
    pub(super) target: Deployment,
    pub(super) revision: Revision,
    /// The validation that speaks for it, if one does.
    pub(super) evidence: Option<ValidationId>,
    /// What a person should know about the choice.
    pub(super) notes: Vec<String>,
}

/// The best revision that can still be fetched; `None` if there is none.
pub(super) async fn choose(
    context: Context<'_>,
    view: &View,
    culprit: &Deployment,
) -> anyhow::Result<Option<Choice>> {
    let known = match &view.beyond {
        Some(beyond) => Known::of(view, culprit, beyond.clone()),
        None => Known::read(context, view, culprit, None).await?,
    };
    let place = target(&culprit.group);
    let mut notes = Vec::new();
    let candidates = targets(&known.history, &culprit.id, &known.bad);
    for entry in candidates.into_iter().take(MOST_CANDIDATES) {
        let evidence = (entry.standing == Standing::Good)
            .then(|| entry.validation())
            .flatten();
        let candidate = &entry.deployment;
        let made = view
            .made(&candidate.id)
            .or_else(|| known.older.iter().find(|made| made.id == candidate.id))
            .filter(|made| made.status == Status::Succeeded);
        let Some(revision) = made.and_then(|made| made.revision.as_ref()) else {
            notes.push(format!("Deployment {} is gone.", candidate.id));
            continue;
        };
        let (presence, complete) = try_join(
            async { anyhow::Ok(context.clients.bundles.presence(revision).await?) },
            async {
                Ok(context
                    .clients
                    .codedeploy
                    .complete(&place, revision)
                    .await?)
            },
        )
        .await?;
        match presence {
            Presence::There => {}
            Presence::Gone => {
                notes.push(format!(
                    "The bundle of deployment {} is gone.",
                    candidate.id
                ));
                continue;
            }
            Presence::Hidden => notes
                .push("Whether its bundle still exists is unknown: access is denied.".to_owned()),
        }
        let Some(revision) = complete else {
            notes.push(format!(
                "The content of deployment {} is gone.",
                candidate.id
            ));
            continue;
        };
        return Ok(Some(Choice {
            target: candidate.clone(),
            revision,
            evidence,
            notes,
        }));
    }
    Ok(None)
}

/// What somebody else deploys in place of a culprit.
pub(super) struct Brought {
    /// The deployment that released it first.
    pub(super) deployment: Deployment,
    /// Whether it is suspect or bad itself.
    pub(super) is_tainted: bool,
}

/// What is known of the content of `made`.
pub(super) async fn brought(
    context: Context<'_>,
    view: &View,
    culprit: &Deployment,
    made: &codedeploy::Deployment,
) -> anyhow::Result<Brought> {
    let deployment = view.deployment(&made.id).unwrap_or_else(|| recorded(made));
    let known = Known::read(context, view, culprit, Some(&deployment)).await?;
    let contents = deployment.contents();
    let same = known.history.iter().map(|entry| &entry.deployment);
    let same = same.filter(|other| other.id != made.id && !other.contents().is_disjoint(&contents));
    let untrusted = untrusted(&known.history, &culprit.id, &known.bad);
    let is_tainted = !untrusted.is_disjoint(&deployment.may_be());
    let first = same
        .filter(|other| other.origin == Origin::Release)
        .min_by_key(|other| other.at);
    Ok(Brought {
        deployment: first.unwrap_or(&deployment).clone(),
        is_tainted,
    })
}

/// What is known of everything that was deployed to the culprit's group.
struct Known {
    history: Vec<LedgerEntry>,
    /// What CodeDeploy says of those that were made before its own history was
    /// read.
    older: Vec<codedeploy::Deployment>,
    /// The contents that are bad in any group.
    bad: BTreeSet<String>,
}

/// Asks for it ahead. What becomes bad in the meantime is caught by the conditions of the
/// intent.
pub(super) async fn look_beyond(context: Context<'_>, view: &View) -> anyhow::Result<Beyond> {
    let mut history = view.deployments();
    beyond(context, view, &mut history, None).await
}

async fn beyond(
    context: Context<'_>,
    view: &View,
    history: &mut [LedgerEntry],
    beside: Option<&Deployment>,
) -> anyhow::Result<Beyond> {
    let older: Vec<String> = history
        .iter()
        .map(|entry| entry.deployment.id.clone())
        .filter(|id| view.made(id).is_none())
        .collect();
    let older = context.clients.codedeploy.deployments(&older).await?;
    complete(history, &older);
    let deployments = history.iter().map(|entry| &entry.deployment);
    let contents: BTreeSet<String> = deployments
        .chain(beside)
        .flat_map(Deployment::may_be)
        .collect();
    let bad = context.ledger.bad_contents(&contents).await?;
    Ok(Beyond { older, bad })
}

fn complete(history: &mut [LedgerEntry], older: &[codedeploy::Deployment]) {
    for entry in history {
        let made = older.iter().find(|made| made.id == entry.deployment.id);
        entry.deployment = completed(entry.deployment.clone(), made);
    }
}

impl Known {
    fn of(view: &View, culprit: &Deployment, Beyond { older, bad }: Beyond) -> Self {
        let mut history = with_culprit(view, culprit);
        complete(&mut history, &older);
        Self {
            history,
            older,
            bad,
        }
    }

    async fn read(
        context: Context<'_>,
        view: &View,
        culprit: &Deployment,
        beside: Option<&Deployment>,
    ) -> anyhow::Result<Self> {
        let mut history = with_culprit(view, culprit);
        let Beyond { older, bad } = beyond(context, view, &mut history, beside).await?;
        Ok(Self {
            history,
            older,
            bad,
        })
    }
}

/// Everything that was deployed to a group, a culprit among it.
fn with_culprit(view: &View, culprit: &Deployment) -> Vec<LedgerEntry> {
    let mut history = view.deployments();
    if !history
        .iter()
        .any(|entry| entry.deployment.id == culprit.id)
    {
        history.push(LedgerEntry {
            deployment: culprit.clone(),
            standing: Standing::Suspect,
            taught_by: String::new(),
            bound_to: None,
        });
    }
    history
}

/// Everything that was deployed to the culprit's group, with whether it would
/// be deployed again and why.
pub(super) async fn weighed(
    context: Context<'_>,
    view: &View,
    culprit: &Deployment,
) -> anyhow::Result<Vec<Alternative>> {
    let chosen = choose(context, view, culprit).await?;
    let chosen = chosen.map(|chosen| chosen.target.id);
    let known = Known::read(context, view, culprit, None).await?;
    let untrusted = untrusted(&known.history, &culprit.id, &known.bad);
    let mut history = known.history;
    history.sort_by_key(|entry| std::cmp::Reverse(entry.deployment.at));
    let weighed = history.into_iter().map(|entry| {
        let deployment = &entry.deployment;
        let is_chosen = chosen.as_ref() == Some(&deployment.id);
        let why = if deployment.id == culprit.id {
            "it is to blame"
        } else if culprit.at <= deployment.at {
            "it is not older than the culprit"
        } else if deployment.origin == Origin::Heal {
            "it was itself a heal"
        } else if !untrusted.is_disjoint(&deployment.may_be()) {
            "its content is suspect, bad or the culprit's own"
        } else if is_chosen && entry.standing == Standing::Good {
            "it is the newest that passed its validation"
        } else if is_chosen {
            "it is the newest with nothing known against it"
        } else if chosen.is_some() {
            "another one has priority, or its bundle is gone"
        } else {
            "its bundle or its record is gone"
        };
        Alternative {
            why: why.to_owned(),
            standing: entry.standing,
            id: entry.deployment.id,
            version: entry.deployment.version,
            is_chosen,
        }
    });
    Ok(weighed.collect())
}
