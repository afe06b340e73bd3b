//! From a waiting validation to its evidence.

use std::collections::BTreeMap;

use anyhow::Context as _;
use futures_util::future::{join_all, join3};
use monspec::{Gap, Measurement, Monspec, Outcome, Verdict, WhenInconclusive};
use release::approval;
use release::deployment::{Deployment, LedgerEntry};
use release::evidence::{
    self, Context, Evidence, Evidenced, Link, Problems, Unjudged, with_problems,
};
use release::judging::baseline::{Baseline, baseline};
use release::judging::{Mixed, Observed, Step, is_silent, step};
use release::validation::{Registration, Validation};
use release::work::Wait;

use super::Shared;
use super::context;
use super::history::{Distrusted, Histories, of_its_own, tainted, why_mixed};
use crate::metric_facts;
use crate::sides::{Pair, Sides};

/// How far a validation came, and what was learnt of the token.
pub(super) struct Judging {
    pub(super) came: Came,
    pub(super) token_refused: bool,
}

/// How far a validation came.
pub(super) enum Came {
    /// It waits.
    Waits(Wait),
    /// To its verdict, with all that led to it, and the deployments that it is
    /// about with all that is known of them by now.
    Judged(Box<Evidence>, Vec<Deployment>),
}

/// Judges a validation whose window has ended, as far as
/// [`release::judging::step`] says.
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
    let Err(error) = outcome else {
        return outcome;
    };
    let broken = Observed {
        is_broken: true,
        ..Observed::default()
    };
    if decide(shared, validation, &broken) != Step::Unmeasured {
        return Err(error);
    }
    let reason = format!("it could not be measured in time: {error:#}");
    let verdict = Verdict::Inconclusive;
    let mut evidence = evidence(shared, verdict, policy, Some(reason), Vec::new());
    evidence.context.unjudged = Some(Unjudged::Unmeasured);
    evidence.note = note(registration, &[], &[]);
    evidence.context.links = context::around(shared, registration, &[]);
    Ok(judged(evidence, registration.deployments.clone()))
}

fn decide(shared: &Shared<'_>, validation: &Validation, observed: &Observed<'_>) -> Step {
    let Shared { services, tick, .. } = shared;
    step(validation, observed, services.patience, tick.now)
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
    let histories = histories?;
    let mut observed = Observed {
        groups: Some(histories.groups()),
        ..Observed::default()
    };
    if let Step::Unjudged(mixed) = decide(shared, validation, &observed) {
        // The verdict stands; whatever can be measured is shown beside it.
        let sides: Vec<_> = sides.into_iter().flatten().collect();
        let problems = problems.into_iter().flatten().flatten().collect();
        let evidence = unjudged(shared, registration, policy, &mixed, &sides, problems).await;
        let about = match *mixed {
            Mixed::Healed { of, .. } => of,
            Mixed::Overtaken(_) | Mixed::Followed { .. } => histories.judged,
        };
        return Ok(judged(evidence, about));
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

    observed.numbers = Some(sides.iter().flat_map(Sides::needed).collect());
    if let Step::Wait(wait) = decide(shared, validation, &observed) {
        return Ok(Judging {
            came: Came::Waits(wait),
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
        ..judged(evidence, histories.about(&pairs))
    })
}

/// A verdict that does not rest on numbers, with those that could be measured.
async fn unjudged(
    shared: &Shared<'_>,
    registration: &Registration,
    policy: WhenInconclusive,
    mixed: &Mixed,
    sides: &[Sides<'_>],
    problems: Vec<Problems>,
) -> Evidence {
    let (verdict, reason) = (mixed.verdict(), why_mixed(mixed));
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
    match mixed {
        Mixed::Healed { of, by } => {
            let ledger = &shared.services.ledger;
            let known = async {
                let healed = of.first()?;
                let known = ledger.entry(&healed.group, &healed.id).await;
                known.ok().flatten()
            };
            match known.await {
                Some(known) => links.extend(blamed(shared, &by.id, &known).await),
                None => links.push(context::deployment(shared, &by.id)),
            }
        }
        Mixed::Overtaken(by) => links.push(context::deployment(shared, &by.entry.deployment.id)),
        Mixed::Followed { .. } => {}
    }
    links.extend(context::around_unjudged(shared, registration, sides).await);
    evidence.context = Context {
        unjudged: Some(mixed.unjudged()),
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

fn judged(evidence: Evidence, about: Vec<Deployment>) -> Judging {
    Judging {
        came: Came::Judged(Box::new(evidence), about),
        token_refused: false,
    }
}

/// Removes the numbers of a compare side that is no baseline, and says why;
/// where there is nothing and never was, that is said.
async fn with_history(
    shared: &Shared<'_>,
    histories: &Histories<'_>,
    both: &mut Sides<'_>,
) -> anyhow::Result<Option<Distrusted>> {
    let is_silent = is_silent(both.measured.values().map(|both| &both.baseline));
    let mut compared = histories.compared_side(&both.pair, is_silent);
    let worth = loop {
        match baseline(&compared) {
            Baseline::Ask => {
                let nothing = histories.nothing_earlier(shared, &both.pair).await?;
                compared.nothing_earlier = Some(nothing);
            }
            worth => break worth,
        }
    };
    let distrusted = match worth {
        Baseline::Tainted(bad) => tainted(bad),
        Baseline::Own(own) => of_its_own(own),
        Baseline::FirstRelease => {
            for both in both.measured.values_mut() {
                both.baseline = Measurement::Missing(Gap::FirstRelease);
            }
            return Ok(None);
        }
        Baseline::AsMeasured | Baseline::Ask => return Ok(None),
    };
    both.distrust(&distrusted.gap);
    Ok(Some(distrusted))
}
