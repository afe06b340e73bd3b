//! From a waiting validation to its evidence.

use std::collections::BTreeMap;

use anyhow::Context as _;
use jiff::{SignedDuration, Timestamp};
use monspec::{
    Comparison, Gap, Measurement, MissingBaseline, Monspec, ServiceEntry, Verdict, WhenInconclusive,
};
use release::approval;
use release::evidence::{Evidence, Evidenced};
use release::validation::{Registration, Validation};
use release::window::saturating_add;

use super::Shared;
use super::history::{History, mixed, never_released};
use crate::due::Wait;
use crate::metric_facts;
use crate::sides::{Baseline, Pair, Sides};

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

async fn measured(shared: &Shared<'_>, validation: &Validation) -> anyhow::Result<Judging> {
    let registration = &validation.registration;
    let spec = spec(shared, registration).await?;
    let policy = policy(&spec, registration);

    // Asked together, because windows are seldom mixed and answers are slow.
    let entries = spec.compared(&registration.comparison);
    let sides = entries
        .iter()
        .map(|(entry, comparison)| both_sides(shared, registration, entry, comparison));
    let (mixed, sides) = futures_util::future::join(
        mixed(shared, registration, &spec),
        futures_util::future::try_join_all(sides),
    )
    .await;
    if let Some((verdict, reason)) = mixed? {
        return Ok(decided(evidence(
            shared,
            verdict,
            policy,
            Some(reason),
            Vec::new(),
        )));
    }
    let mut sides = sides?;
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
    evidence.note = note(registration, &plain);
    for both in &sides {
        both.name_entities(&mut evidence.entities);
    }
    Ok(Judging {
        token_refused,
        ..decided(evidence)
    })
}

/// What a reader of the verdict has to know beside the numbers.
fn note(registration: &Registration, findings: &[monspec::Finding]) -> Option<String> {
    let mut notes = Vec::new();
    if findings.iter().any(|finding| finding.accepted) {
        notes.push("First release: there was nothing to compare with.");
    }
    if registration.deployments.is_empty() {
        notes.push("No deployments are known, so releases that overlap may go unseen.");
    }
    (!notes.is_empty()).then(|| notes.join(" "))
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
