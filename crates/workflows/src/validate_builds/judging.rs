//! From a waiting validation to its evidence.

use std::collections::BTreeMap;

use anyhow::Context as _;
use delivery::pipeline::ActionKind;
use jiff::{SignedDuration, Timestamp};
use monspec::{
    Comparison, Gap, Measurement, MissingBaseline, Monspec, ServiceEntry, Verdict, WhenInconclusive,
};
use release::approval;
use release::deployment::{
    Deployment, Group, LedgerEntry, Origin, Standing, Undisturbed, taint, undisturbed,
};
use release::evidence::{Evidence, Evidenced};
use release::summary::series_name;
use release::validation::{Registration, Validation};
use release::window::{Window, saturating_add};
use store::Plotted;

use super::{Shared, Wait};
use crate::metric_facts;
use crate::sides::{Baseline, Pair, Sides};

/// The longest name of a plotted signature; all of them share one item.
const LONGEST_NAME: usize = 200;

/// How far a validation came, and what was learnt of the token.
pub(super) struct Judging {
    pub(super) step: Step,
    pub(super) token_refused: bool,
}

/// How far a validation came.
pub(super) enum Step {
    /// Not yet.
    Wait(Wait),
    /// The verdict, with all that led to it.
    Judge(Box<Evidence>),
}

/// Judges a validation whose window has ended.
///
/// When its time is over, a fault is a reason instead of an error: what was
/// asked for ends in a verdict that says why there are no numbers.
pub(super) async fn judge(shared: &Shared<'_>, validation: &Validation) -> anyhow::Result<Judging> {
    let outcome = measured(shared, validation).await;
    match outcome {
        Err(error) if validation.expired(shared.tick.now) => {
            let spec = spec(shared, &validation.registration).await.ok();
            let policy = spec.map_or(WhenInconclusive::Hold, |spec| {
                policy(&spec, &validation.registration)
            });
            let reason = format!("it could not be measured in time: {error:#}");
            Ok(decided(evidence(
                shared,
                Verdict::Inconclusive,
                policy,
                Some(reason),
                Vec::new(),
            )))
        }
        outcome => outcome,
    }
}

/// The points of the charts.
pub(super) fn plot(findings: &[monspec::Finding]) -> Vec<Plotted> {
    findings
        .iter()
        .map(|finding| Plotted {
            name: series_name(finding).chars().take(LONGEST_NAME).collect(),
            outcome: finding.outcome,
            observation: finding.observation,
            baseline: finding.baseline,
            upper_limit: finding.upper_limit,
            lower_limit: finding.lower_limit,
        })
        .collect()
}

async fn measured(shared: &Shared<'_>, validation: &Validation) -> anyhow::Result<Judging> {
    let registration = &validation.registration;
    let spec = spec(shared, registration).await?;
    let policy = policy(&spec, registration);

    if let Some((verdict, reason)) = mixed(shared, registration, &spec).await? {
        return Ok(decided(evidence(
            shared,
            verdict,
            policy,
            Some(reason),
            Vec::new(),
        )));
    }
    let entries = spec.compared(&registration.comparison);
    let sides = entries
        .iter()
        .map(|(entry, comparison)| both_sides(shared, registration, entry, comparison));
    let mut sides = futures_util::future::try_join_all(sides).await?;
    let token_refused = sides.iter().any(Sides::token_refused);

    let patience_ends = saturating_add(registration.due_at, shared.services.patience);
    if shared.tick.now < patience_ends
        && let Some(missing) = sides.iter().find_map(worth_waiting_for)
    {
        return Ok(Judging {
            step: Step::Wait(Wait {
                waiting_for: missing,
                until: Some(next_look(shared, patience_ends)),
            }),
            token_refused,
        });
    }
    for both in &mut sides {
        both.explain(&shared.asking).await;
    }
    let findings = sides.iter().flat_map(Sides::findings).collect::<Vec<_>>();
    let plain: Vec<monspec::Finding> = findings.iter().map(|found| found.finding.clone()).collect();
    let mut evidence = evidence(shared, monspec::verdict(&plain), policy, None, findings);
    if plain.iter().any(|finding| finding.accepted) {
        evidence.note = Some("First release: there was nothing to compare with.".to_owned());
    }
    for both in &sides {
        both.name_entities(&mut evidence.entities);
    }
    Ok(Judging {
        token_refused,
        ..decided(evidence)
    })
}

async fn spec(shared: &Shared<'_>, registration: &Registration) -> anyhow::Result<Monspec> {
    let text = shared
        .services
        .store
        .spec(&registration.spec)
        .await?
        .context("the monspec of this validation is no longer stored")?;
    monspec::read(&text, metric_facts)
        .spec
        .context("the stored monspec has errors by today's rules")
}

fn policy(spec: &Monspec, registration: &Registration) -> WhenInconclusive {
    let entries = spec.compared(&registration.comparison);
    monspec::strictest(
        entries
            .iter()
            .map(|(_, comparison)| comparison.when_inconclusive),
    )
    .unwrap_or(WhenInconclusive::Hold)
}

fn evidence(
    shared: &Shared<'_>,
    verdict: Verdict,
    policy: WhenInconclusive,
    reason: Option<String>,
    findings: Vec<Evidenced>,
) -> Evidence {
    Evidence {
        verdict,
        answer: approval::answer(verdict, policy),
        reason,
        note: None,
        findings,
        entities: BTreeMap::new(),
        judged_at: shared.tick.now,
    }
}

fn decided(evidence: Evidence) -> Judging {
    Judging {
        step: Step::Judge(Box::new(evidence)),
        token_refused: false,
    }
}

/// A tenth of the patience from now, but at least a second and at most half a
/// minute.
fn next_look(shared: &Shared<'_>, patience_ends: Timestamp) -> Timestamp {
    let tenth = SignedDuration::from_millis(
        i64::try_from(shared.services.patience.as_millis() / 10).unwrap_or(i64::MAX),
    );
    let pause = tenth.clamp(SignedDuration::from_secs(1), SignedDuration::from_secs(30));
    saturating_add(shared.tick.now, pause).min(patience_ends)
}

/// Why the window was not the build's own, if it was not.
async fn mixed(
    shared: &Shared<'_>,
    registration: &Registration,
    spec: &Monspec,
) -> anyhow::Result<Option<(Verdict, String)>> {
    let Some(since) = registration
        .deployments
        .iter()
        .map(|judged| judged.at)
        .min()
    else {
        return Ok(None);
    };
    let window = looked_at(registration, spec);
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
                return Ok(Some((Verdict::Failed, reason)));
            }
            Undisturbed::Overtaken(by) => {
                let reason = format!(
                    "overtaken: deployment {} reached {} at {}, before the window ended, so the numbers belong to \
                     two builds",
                    by.id,
                    by.group,
                    whole_second(by.at)
                );
                return Ok(Some((Verdict::Inconclusive, reason)));
            }
        }
    }
    Ok(None)
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
                version: String::new(),
                origin: Origin::Release,
            })
        })
        .collect())
}

async fn both_sides<'a>(
    shared: &Shared<'_>,
    registration: &Registration,
    entry: &'a ServiceEntry,
    comparison: &'a Comparison,
) -> anyhow::Result<Sides<'a>> {
    let pair = Pair::new(entry, comparison, registration.window)?;
    let history = match pair.compare {
        Some(compare) => History::read(shared, registration, compare.window).await?,
        None => History::default(),
    };
    let baseline = match history.tainted {
        Some(_) => Baseline::Untrusted,
        None => Baseline::Wanted,
    };
    let mut sides = pair.measured(&shared.asking, baseline).await?;
    if let Some(tainted) = history.tainted {
        for both in sides.measured.values_mut() {
            both.baseline = Measurement::Missing(Gap::Tainted(tainted.clone()));
        }
    } else if comparison.missing_baseline == MissingBaseline::FirstRelease
        && history.nothing_earlier
        && sides.measured.values().all(|both| silent(&both.baseline))
        && never_released(shared, registration).await?
    {
        for both in sides.measured.values_mut() {
            both.baseline = Measurement::Missing(Gap::FirstRelease);
        }
    }
    Ok(sides)
}

/// What is missing and may still come.
fn worth_waiting_for(sides: &Sides<'_>) -> Option<String> {
    monspec::addresses(sides.pair.entry).find_map(|(address, signature)| {
        let both = sides.measured.get(&address)?;
        let gap = match (&both.observation, &both.baseline) {
            (Measurement::Missing(gap), _) if may_come(gap) => gap,
            (_, Measurement::Missing(gap)) if signature.needs_baseline() && may_come(gap) => gap,
            _ => return None,
        };
        Some(gap.to_string())
    })
}

/// What the ledger says of the compare side.
#[derive(Default)]
struct History {
    tainted: Option<String>,
    nothing_earlier: bool,
}

impl History {
    async fn read(
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
                })
                .collect();
            known.extend(unregistered);
            if let Some(bad) = taint(&known, window) {
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
async fn never_released(shared: &Shared<'_>, registration: &Registration) -> anyhow::Result<bool> {
    let released = released_since(shared, registration, Timestamp::UNIX_EPOCH).await?;
    Ok(released
        .iter()
        .all(|deployment| !registration.compare_groups.contains(&deployment.group)))
}

/// Whether a baseline is missing because nothing answered.
fn silent(measurement: &Measurement) -> bool {
    matches!(
        measurement,
        Measurement::Missing(Gap::NoData(_) | Gap::NoEntity(_))
    )
}

/// Whether asking again can help.
fn may_come(gap: &Gap) -> bool {
    matches!(gap, Gap::NoData(_) | Gap::NoEntity(_) | Gap::Unavailable(_))
}

fn whole_second(at: Timestamp) -> Timestamp {
    Timestamp::from_second(at.as_second()).unwrap_or(at)
}
