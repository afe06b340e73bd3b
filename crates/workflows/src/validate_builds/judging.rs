//! From a waiting validation to its evidence.

use std::collections::BTreeMap;

use anyhow::Context as _;
use futures_util::future::{join3, try_join_all};
use jiff::{SignedDuration, Timestamp};
use monspec::{
    Comparison, Gap, Measurement, MissingBaseline, Monspec, Outcome, ServiceEntry, Verdict,
    WhenInconclusive,
};
use release::approval;
use release::deployment::LedgerEntry;
use release::evidence::{
    self, Context, Evidence, Evidenced, Link, Problems, Unjudged, with_problems,
};
use release::validation::{Registration, Validation};
use release::window::saturating_add;

use super::Shared;
use super::context;
use super::history::{History, Mixed, mixed, never_released};
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
            let verdict = Verdict::Inconclusive;
            let mut evidence = evidence(shared, verdict, policy, Some(reason), Vec::new());
            evidence.context.unjudged = Some(Unjudged::Unmeasured);
            evidence.context.links = context::around(shared, &validation.registration, &[]);
            Ok(decided(evidence))
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
    let problems = entries
        .iter()
        .map(|(entry, comparison)| context::problems(shared, registration, entry, comparison));
    let (mixed, sides, problems) = join3(
        mixed(shared, registration, &spec),
        try_join_all(sides),
        try_join_all(problems),
    )
    .await;
    if let Some(mixed) = mixed? {
        // The verdict stands; whatever can be measured is shown beside it.
        let (sides, problems) = (sides.unwrap_or_default(), problems.unwrap_or_default());
        let (looked_at, problems) = (plain(sides), problems.into_iter().flatten().collect());
        let unjudged = unjudged(shared, registration, policy, mixed, &looked_at, problems);
        return Ok(decided(unjudged.await));
    }
    let sides = sides?;
    let tainted_by: Vec<LedgerEntry> = sides
        .iter()
        .filter_map(|(_, culprit)| culprit.clone())
        .collect();
    let mut sides = plain(sides);
    let problems: Vec<Problems> = problems?.into_iter().flatten().collect();
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
    let verdict = with_problems(monspec::verdict(&plain), &problems);
    let mut evidence = evidence(shared, verdict, policy, None, findings);
    evidence.note = note(registration, &plain, &problems);
    for both in &sides {
        both.name_entities(&mut evidence.entities);
    }
    evidence.context.problems = problems;
    if let Some(culprit) = tainted_by.first() {
        if verdict == Verdict::Inconclusive {
            evidence.context.unjudged = Some(Unjudged::Tainted);
        }
        evidence.context.links = blamed(shared, &culprit.deployment.id, culprit).await;
    }
    let around = match evidence.context.unjudged {
        Some(_) => context::around_unjudged(shared, registration, &sides).await,
        None => context::around(shared, registration, &sides),
    };
    evidence.context.links.extend(around);
    Ok(Judging {
        token_refused,
        ..decided(evidence)
    })
}

/// A verdict that does not rest on numbers, with those that could be measured.
async fn unjudged(
    shared: &Shared<'_>,
    registration: &Registration,
    policy: WhenInconclusive,
    mixed: Mixed,
    sides: &[Sides<'_>],
    problems: Vec<Problems>,
) -> Evidence {
    let Mixed {
        verdict,
        unjudged,
        reason,
        deployments,
    } = mixed;
    let findings = sides.iter().flat_map(Sides::findings);
    let findings = findings.map(|found| Evidenced {
        finding: evidence::unjudged(found.finding),
        ..found
    });
    let mut evidence = evidence(shared, verdict, policy, Some(reason), findings.collect());
    for both in sides {
        both.name_entities(&mut evidence.entities);
    }
    let mut links = Vec::new();
    if let Some((judged, came)) = deployments {
        let store = &shared.services.store;
        let known = store.ledger_entry(&judged.group, &judged.id).await;
        match known.ok().flatten() {
            Some(known) if unjudged == Unjudged::Healed => {
                links.extend(blamed(shared, &came.id, &known).await);
            }
            _ => links.push(context::deployment(shared, &came.id)),
        }
    }
    links.extend(context::around_unjudged(shared, registration, sides).await);
    evidence.context = Context {
        unjudged: Some(unjudged),
        problems,
        links,
        ..Context::default()
    };
    evidence
}

/// The deployment that answers for it, and the problem that a ledger entry is
/// bound to.
async fn blamed(shared: &Shared<'_>, deployment: &str, known: &LedgerEntry) -> Vec<Link> {
    let mut links = Vec::new();
    if let Some(problem) = &known.bound_to {
        links.push(context::problem(shared, problem).await);
    }
    links.push(context::deployment(shared, deployment));
    links
}

fn plain(sides: Vec<(Sides<'_>, Option<LedgerEntry>)>) -> Vec<Sides<'_>> {
    sides.into_iter().map(|(sides, _)| sides).collect()
}

/// What a reader of the verdict has to know beside the numbers.
fn note(
    registration: &Registration,
    findings: &[monspec::Finding],
    problems: &[Problems],
) -> Option<String> {
    let mut notes = Vec::new();
    for problems in problems {
        let told = if problems.counts() {
            "Counted"
        } else {
            "Not counted"
        };
        if problems.outcome == Outcome::Violated
            || (problems.counts() && problems.outcome == Outcome::Inconclusive)
        {
            notes.push(format!("{told}: {}.", problems.reason));
        }
    }
    if findings.iter().any(|finding| finding.accepted) {
        notes.push("First release: there was nothing to compare with.".to_owned());
    }
    if registration.deployments.is_empty() {
        let unseen = "No deployments are known, so releases that overlap may go unseen.";
        notes.push(unseen.to_owned());
    }
    notes.extend(registration.untaught.clone());
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
        context: Context::default(),
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
) -> anyhow::Result<(Sides<'a>, Option<LedgerEntry>)> {
    let pair = Pair::new(entry, comparison, registration.window)?;
    let history = match pair.compare {
        Some(compare) => History::read(shared, registration, compare.window).await?,
        None => History::default(),
    };
    let is_tainted = history.tainted.is_some();
    let baseline = match history.tainted {
        Some(tainted) => Baseline::Untrusted(Gap::Tainted(tainted)),
        None => Baseline::Wanted,
    };
    let mut sides = pair.measured(&shared.asking, baseline).await?;
    if !is_tainted
        && comparison.missing_baseline == MissingBaseline::FirstRelease
        && history.nothing_earlier
        && sides.measured.values().all(|both| silent(&both.baseline))
        && never_released(shared, registration).await?
    {
        for both in sides.measured.values_mut() {
            both.baseline = Measurement::Missing(Gap::FirstRelease);
        }
    }
    Ok((sides, history.culprit))
}

/// What is missing and may still come.
fn worth_waiting_for(sides: &Sides<'_>) -> Option<String> {
    monspec::addresses(sides.pair.entry).find_map(|(address, signature)| {
        let both = sides.measured.get(&address)?;
        let baseline = signature.needs_baseline().then_some(&both.baseline);
        std::iter::once(&both.observation)
            .chain(baseline)
            .find_map(awaited)
    })
}

/// What asking again can bring.
fn awaited(measurement: &Measurement) -> Option<String> {
    match measurement {
        Measurement::Missing(gap) => may_come(gap).then(|| gap.to_string()),
        Measurement::Mean { of, .. } => of.is_partial().then(|| of.to_string()),
        Measurement::Value(_) => None,
    }
}

/// Whether a baseline is missing because nothing answered.
fn silent(measurement: &Measurement) -> bool {
    matches!(
        measurement,
        Measurement::Missing(Gap::NoData(_) | Gap::NoEntity(_) | Gap::NoRelationship(_))
    )
}

/// Whether asking again can help.
fn may_come(gap: &Gap) -> bool {
    matches!(
        gap,
        Gap::NoData(_) | Gap::NoEntity(_) | Gap::NoRelationship(_) | Gap::Unavailable(_)
    )
}
