//! Which revision is deployed again, and whether it still can be.

use std::collections::BTreeSet;

use delivery::bundle::Presence;
use delivery::codedeploy::{Revision, Status};
use release::deployment::{Deployment, LedgerEntry, Standing};
use release::remediation::{targets, untrusted};
use release::validation::ValidationId;

use super::Services;
use super::view::View;

/// How many candidates are looked at more closely.
const MOST_CANDIDATES: usize = 10;

/// A revision that can be deployed again.
#[derive(Debug)]
pub(super) struct Chosen {
    pub(super) deployment: Deployment,
    pub(super) revision: Revision,
    /// The validation that speaks for it, if one does.
    pub(super) evidence: Option<ValidationId>,
    /// What a person should know about the choice.
    pub(super) notes: Vec<String>,
}

/// The best revision that can still be fetched; `None` if there is none.
pub(super) async fn choose(
    services: &Services,
    view: &View,
    culprit: &Deployment,
) -> anyhow::Result<Option<Chosen>> {
    let candidates = candidates(services, view, culprit).await?;
    let mut notes = Vec::new();
    for entry in candidates.into_iter().take(MOST_CANDIDATES) {
        let evidence = (entry.standing == Standing::Good)
            .then(|| entry.validation())
            .flatten();
        let candidate = entry.deployment;
        let revision = match view.made(&candidate.id) {
            Some(made) => made.revision.clone(),
            // Older than what was listed.
            None => services
                .codedeploy
                .deployment(&candidate.id)
                .await?
                .filter(|made| made.status == Status::Succeeded)
                .and_then(|made| made.revision),
        };
        let Some(revision) = revision else {
            notes.push(format!("Deployment {} is gone.", candidate.id));
            continue;
        };
        match services.bundles.presence(&revision).await? {
            Presence::There => {}
            Presence::Gone => {
                notes.push(format!(
                    "The bundle of deployment {} is gone.",
                    candidate.id
                ));
                continue;
            }
            Presence::Hidden => notes.push(
                "Whether its bundle still exists could not be looked up: access is denied."
                    .to_owned(),
            ),
        }
        return Ok(Some(Chosen {
            deployment: candidate,
            revision,
            evidence,
            notes,
        }));
    }
    Ok(None)
}

/// What could be deployed again, the best first.
async fn candidates(
    services: &Services,
    view: &View,
    culprit: &Deployment,
) -> anyhow::Result<Vec<LedgerEntry>> {
    let known = Known::read(services, view, culprit).await?;
    let targets = targets(&known.history, &culprit.id, &known.bad);
    Ok(targets.into_iter().cloned().collect())
}

/// Whether what a deployment brought is itself known to be bad, or is the
/// culprit's.
pub(super) async fn is_tainted(
    services: &Services,
    view: &View,
    culprit: &Deployment,
    deployment: &str,
) -> anyhow::Result<bool> {
    let Some(deployment) = view.deployment(deployment) else {
        return Ok(false);
    };
    let known = Known::read(services, view, culprit).await?;
    let untrusted = untrusted(&known.history, &culprit.id, &known.bad);
    Ok(!untrusted.is_disjoint(&deployment.contents()))
}

/// What is known of everything that was deployed to the culprit's group.
struct Known {
    history: Vec<LedgerEntry>,
    /// The contents that are bad in any group.
    bad: BTreeSet<String>,
}

impl Known {
    async fn read(services: &Services, view: &View, culprit: &Deployment) -> anyhow::Result<Self> {
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
        let contents = history.iter().flat_map(|entry| entry.deployment.contents());
        let bad = services.store.bad_contents(&contents.collect()).await?;
        Ok(Self { history, bad })
    }
}
