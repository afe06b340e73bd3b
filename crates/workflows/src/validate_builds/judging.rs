//! From a waiting validation to its evidence.

use std::collections::BTreeMap;

use anyhow::Context as _;
use futures_util::future::{join_all, join3};
use jiff::{SignedDuration, Timestamp};
use monspec::{Gap, Measurement, MissingBaseline, Monspec, Outcome, Verdict, WhenInconclusive};
use release::approval;
use release::deployment::{Deployment, LedgerEntry};
use release::evidence::{
    self, Context, Evidence, Evidenced, Link, Problems, Unjudged, with_problems,
};
use release::validation::{Registration, Validation};
use release::window::saturating_add;
use release::work::Wait;

use super::Shared;
use super::context;
use super::history::{Distrusted, Histories, Mixed};
use crate::metric_facts;
use crate::sides::{Pair, Sides};

/// How far a validation came, and what was learnt of the token.
pub(super) struct Judging {
    pub(super) step: Step,
    pub(super) token_refused: bool,
}

/// How far a validation came.
pub(super) enum Step {
    /// Not yet.
    Wait(Wait),
    /// The verdict, with all that led to it, and the deployments that it is
    /// about with all that is known of them by now.
    Judge(Box<Evidence>, Vec<Deployment>),
}

/// Judges a validation whose window has ended.
///
/// When its time is over, a fault is a reason instead of an error: what was
/// asked for ends in a verdict that says why there are no numbers.
pub(super) async fn judge(shared: &Shared<'_>, validation: &Validation) -> anyhow::Result<Judging> {
    let registration = &validation.registration;
    let (outcome, policy) = match spec(shared, registration).await {
        Ok(spec) => (
            measured(shared, validation, &spec).await,
            policy(&spec, registration),
        ),
        Err(error) => (Err(error), WhenInconclusive::Hold),
    };
    match outcome {
        Err(error) if validation.expired(shared.tick.now) => {
            let reason = format!("it could not be measured in time: {error:#}");
            let verdict = Verdict::Inconclusive;
            let mut evidence = evidence(shared, verdict, policy, Some(reason), Vec::new());
            evidence.context.unjudged = Some(Unjudged::Unmeasured);
            evidence.note = note(registration, &[], &[]);
            evidence.context.links = context::around(shared, registration, &[]);
            Ok(decided(evidence, registration.deployments.clone()))
        }
        outcome => outcome,
    }
}

async fn measured(
    shared: &Shared<'_>,
    validation: &Validation,
    spec: &Monspec,
) -> anyhow::Result<Judging> {
    let registration = &validation.registration;
    let policy = policy(spec, registration);

    // Asked together, because windows are seldom mixed and answers are slow.
    let entries = spec.compared(&registration.comparison);
    let pairs = entries
        .iter()
        .map(|(entry, comparison)| Pair::new(entry, comparison, registration.window))
        .collect::<anyhow::Result<Vec<Pair<'_>>>>()?;
    let sides = pairs.iter().map(|pair| pair.measured(&shared.asking));
    let problems = entries
        .iter()
        .map(|(entry, comparison)| context::problems(shared, registration, entry, comparison));
    let (histories, sides, problems) = join3(
        Histories::read(shared, registration, spec, &pairs),
        join_all(sides),
        join_all(problems),
    )
    .await;
    let mut histories = histories?;
    if let Some((mixed, about)) = histories.mixed() {
        // The verdict stands; whatever can be measured is shown beside it.
        let sides: Vec<_> = sides.into_iter().flatten().collect();
        let problems = problems.into_iter().flatten().flatten().collect();
        let unjudged = unjudged(shared, registration, policy, mixed, &sides, problems);
        return Ok(decided(unjudged.await, about));
    }
    let mut sides = sides.into_iter().collect::<Result<Vec<_>, _>>()?;
    let problems = problems.into_iter().filter_map(Result::transpose);
    let problems = problems.collect::<anyhow::Result<Vec<Problems>>>()?;
    let token_refused = sides.iter().any(Sides::token_refused);
    let mut distrusted: Option<Distrusted> = None;
    for both in &mut sides {
        let found = with_history(shared, &histories, both).await?;
        distrusted = distrusted.or(found);
    }

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
    if let Some(Distrusted {
        unjudged, entry, ..
    }) = distrusted
    {
        if verdict == Verdict::Inconclusive {
            evidence.context.unjudged = Some(unjudged);
        }
        evidence.context.links = blamed(shared, &entry.deployment.id, &entry).await;
    }
    let around = match evidence.context.unjudged {
        Some(_) => context::around_unjudged(shared, registration, &sides).await,
        None => context::around(shared, registration, &sides),
    };
    evidence.context.links.extend(around);
    Ok(Judging {
        token_refused,
        ..decided(evidence, histories.about(&pairs))
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
        healed,
        came,
    } = mixed;
    let findings = sides.iter().flat_map(Sides::findings);
    let findings = findings.map(|found| Evidenced {
        finding: evidence::unjudged(found.finding),
        ..found
    });
    let mut evidence = evidence(shared, verdict, policy, Some(reason), findings.collect());
    evidence.note = note(registration, &[], &problems);
    for both in sides {
        both.name_entities(&mut evidence.entities);
    }
    let mut links = Vec::new();
    let ledger = &shared.services.ledger;
    let known = match &healed {
        Some(healed) => ledger.entry(&healed.group, &healed.id).await,
        None => Ok(None),
    };
    match (came, known.ok().flatten()) {
        (Some(came), Some(known)) => links.extend(blamed(shared, &came.id, &known).await),
        (Some(came), None) => links.push(context::deployment(shared, &came.id)),
        (None, _) => {}
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
        let unseen = "No deployments are known, so overlapping releases may go undetected.";
        notes.push(unseen.to_owned());
    }
    notes.extend(registration.untaught.clone());
    (!notes.is_empty()).then(|| notes.join(" "))
}

async fn spec(shared: &Shared<'_>, registration: &Registration) -> anyhow::Result<Monspec> {
    let text = shared
        .services
        .validations
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

fn decided(evidence: Evidence, judged: Vec<Deployment>) -> Judging {
    Judging {
        step: Step::Judge(Box::new(evidence), judged),
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

/// Removes the numbers of a compare side that is no baseline, and says why; where there is nothing and never was, that is said.
async fn with_history(
    shared: &Shared<'_>,
    histories: &Histories<'_>,
    both: &mut Sides<'_>,
) -> anyhow::Result<Option<Distrusted>> {
    if let Some(distrusted) = histories.distrusted(&both.pair) {
        both.distrust(&distrusted.gap);
        return Ok(Some(distrusted));
    }
    if both.pair.comparison.missing_baseline == MissingBaseline::FirstRelease
        && both.measured.values().all(|both| silent(&both.baseline))
        && histories.nothing_earlier(shared, &both.pair).await?
    {
        for both in both.measured.values_mut() {
            both.baseline = Measurement::Missing(Gap::FirstRelease);
        }
    }
    Ok(None)
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
