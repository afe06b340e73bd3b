//! Which revision is deployed again, and whether it still can be.

use std::collections::BTreeSet;

use delivery::bundle::Presence;
use delivery::codedeploy::{Revision, Status};
use release::deployment::{Deployment, LedgerEntry, Standing};
use release::remediation::targets;
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
    Ok(targets(&known.history, &culprit.id, &known.bad)
        .into_iter()
        .filter(|entry| {
            let location = view.location(&entry.deployment.id);
            location.is_none_or(|location| !known.tainted.contains(&location))
        })
        .cloned()
        .collect())
}

/// Whether what a deployment brought is itself known to be bad, or is the
/// culprit's.
pub(super) async fn is_tainted(
    services: &Services,
    view: &View,
    culprit: &Deployment,
    deployment: &str,
) -> anyhow::Result<bool> {
    let known = Known::read(services, view, culprit).await?;
    let location = view.location(deployment);
    Ok(location.is_some_and(|location| known.tainted.contains(&location)))
}

/// What is known of everything that was deployed to the culprit's group.
struct Known {
    history: Vec<LedgerEntry>,
    /// The contents that are bad in any group.
    bad: BTreeSet<String>,
    /// Where such contents lie.
    tainted: BTreeSet<String>,
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
        let identities: Vec<&str> = history
            .iter()
            .map(|entry| entry.deployment.identity.as_str())
            .collect();
        let bad = services.store.bad_contents(&identities).await?;
        let tainted = tainted_locations(view, &history, &bad, culprit);
        Ok(Self {
            history,
            bad,
            tainted,
        })
    }
}

/// Where bad content lies: the ledger may know it by its sources, and
/// CodeDeploy only by its place.
fn tainted_locations(
    view: &View,
    history: &[LedgerEntry],
    bad: &BTreeSet<String>,
    culprit: &Deployment,
) -> BTreeSet<String> {
    history
        .iter()
        .filter(|entry| {
            matches!(entry.standing, Standing::Suspect | Standing::Bad)
                || bad.contains(&entry.deployment.identity)
                || entry.deployment.id == culprit.id
        })
        .filter_map(|entry| view.location(&entry.deployment.id))
        .collect()
}
