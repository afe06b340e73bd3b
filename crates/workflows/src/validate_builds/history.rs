//! What else happened to the groups of a validation: whether a window was the
//! build's own, and whether a baseline can be trusted.
//!
//! The ledger knows what registered a validation or was a heal; the pipeline
//! knows every release. Both are asked.

use delivery::pipeline::ActionKind;
use jiff::Timestamp;
use monspec::{Monspec, Verdict};
use release::deployment::{
    Deployment, Group, LedgerEntry, Origin, Standing, Undisturbed, taint, undisturbed,
};
use release::evidence::Unjudged;
use release::validation::{Registrant, Registration};
use release::window::Window;

use super::Shared;

/// Why the window was not the build's own.
pub(super) struct Mixed {
    pub(super) verdict: Verdict,
    pub(super) unjudged: Unjudged,
    pub(super) reason: String,
    /// The deployment that was to be judged, and the one that came; only known
    /// together.
    pub(super) deployments: Option<(Deployment, Deployment)>,
}

/// Why the window was not the build's own, if it was not.
pub(super) async fn mixed(
    shared: &Shared<'_>,
    registration: &Registration,
    spec: &Monspec,
) -> anyhow::Result<Option<Mixed>> {
    let window = looked_at(registration, spec);
    let Some(since) = registration
        .deployments
        .iter()
        .map(|judged| judged.at)
        .min()
    else {
        return followed(shared, registration, window).await;
    };
    let released = released_since(shared, registration, since).await?;
    for judged in &registration.deployments {
        let known = shared
            .services
            .store
            .deployments(&judged.group, window.end)
            .await?;
        let mut others: Vec<Deployment> = known.into_iter().map(|entry| entry.deployment).collect();
        others.extend(released.iter().cloned());
        match undisturbed(judged, &others, window) {
            Undisturbed::Yes => {}
            Undisturbed::Healed(heal) => {
                let reason = format!(
                    "this build was replaced because of a problem: deployment {} healed {} at {}",
                    heal.id,
                    heal.group,
                    whole_second(heal.at)
                );
                return Ok(Some(Mixed {
                    verdict: Verdict::Failed,
                    unjudged: Unjudged::Healed,
                    reason,
                    deployments: Some((judged.clone(), heal)),
                }));
            }
            Undisturbed::Overtaken(by) => {
                let reason = format!(
                    "overtaken: deployment {} reached {} at {}, before the window ended, so the numbers belong to \
                     two builds",
                    by.id,
                    by.group,
                    whole_second(by.at)
                );
                return Ok(Some(Mixed {
                    verdict: Verdict::Inconclusive,
                    unjudged: Unjudged::Overtaken,
                    reason,
                    deployments: Some((judged.clone(), by)),
                }));
            }
        }
    }
    Ok(None)
}

/// Whether a later execution came to the stage of the registering action before
/// the window ended. Without deployments that are known this is all that can be
/// seen of an overlap.
async fn followed(
    shared: &Shared<'_>,
    registration: &Registration,
    window: Window,
) -> anyhow::Result<Option<Mixed>> {
    let (Registrant::Action { stage, .. }, Some(execution)) =
        (&registration.registrant, &registration.execution)
    else {
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

/// What the ledger says of the compare side.
#[derive(Default)]
pub(super) struct History {
    /// Why the baseline cannot be trusted, if it cannot.
    pub(super) tainted: Option<String>,
    /// What ran in it.
    pub(super) culprit: Option<LedgerEntry>,
    /// Whether the ledger knows of no earlier deployment.
    pub(super) nothing_earlier: bool,
}

impl History {
    pub(super) async fn read(
        shared: &Shared<'_>,
        registration: &Registration,
        window: Window,
    ) -> anyhow::Result<Self> {
        let judged: Vec<&str> = registration
            .deployments
            .iter()
            .map(|deployment| deployment.id.as_str())
            .collect();
        let mut history = Self {
            tainted: None,
            culprit: None,
            // Without a known group nobody can say that nothing was there.
            nothing_earlier: !registration.compare_groups.is_empty(),
        };
        for group in &registration.compare_groups {
            let mut known: Vec<LedgerEntry> =
                shared.services.store.deployments(group, window.end).await?;
            history.nothing_earlier &= known
                .iter()
                .all(|entry| judged.contains(&entry.deployment.id.as_str()));
            let Some(bad) = taint(&known, window).cloned() else {
                continue;
            };
            // A release that registered nothing may have replaced it since.
            let since = bad.deployment.at;
            let later = released_since(shared, registration, since).await?;
            let new = |later: &Deployment| {
                let is_known = known.iter().any(|entry| entry.deployment.id == later.id);
                later.group == *group && !is_known
            };
            let unregistered: Vec<LedgerEntry> = later
                .into_iter()
                .filter(new)
                .map(|deployment| LedgerEntry {
                    deployment,
                    standing: Standing::Unknown,
                    taught_by: String::new(),
                    bound_to: None,
                })
                .collect();
            known.extend(unregistered);
            if let Some(bad) = taint(&known, window) {
                history.culprit = Some(bad.clone());
                history.tainted = Some(format!(
                    "deployment {} of {group} ran in it and is known to be {} ({})",
                    bad.deployment.id,
                    match bad.standing {
                        Standing::Suspect => "suspect",
                        _ => "bad",
                    },
                    bad.taught_by
                ));
            }
        }
        Ok(history)
    }
}

/// Whether the pipeline itself knows of no release to the compare side either:
/// not every release registers a validation.
pub(super) async fn never_released(
    shared: &Shared<'_>,
    registration: &Registration,
) -> anyhow::Result<bool> {
    let released = released_since(shared, registration, Timestamp::UNIX_EPOCH).await?;
    Ok(released
        .iter()
        .all(|deployment| !registration.compare_groups.contains(&deployment.group)))
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

/// Deployments of the pipeline's other executions since a moment; they may not
/// have registered anything.
async fn released_since(
    shared: &Shared<'_>,
    registration: &Registration,
    since: Timestamp,
) -> anyhow::Result<Vec<Deployment>> {
    let runs = shared.runs_since(&registration.pipeline, since).await?;
    Ok(runs
        .into_iter()
        .filter(|run| Some(run.execution.as_str()) != registration.execution.as_deref())
        .filter_map(|run| {
            let ActionKind::CodeDeploy(target) = run.kind else {
                return None;
            };
            Some(Deployment {
                id: run.external_id.unwrap_or(run.id),
                group: Group {
                    application: target.application,
                    name: target.group,
                },
                at: run.started,
                execution: Some(run.execution),
                identity: String::new(),
                location: None,
                digest: None,
                version: String::new(),
                origin: Origin::Release,
            })
        })
        .collect())
}

fn whole_second(at: Timestamp) -> Timestamp {
    Timestamp::from_second(at.as_second()).unwrap_or(at)
}
