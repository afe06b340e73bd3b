//! A pipeline with a history, as the store would hand it over.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use monspec::{Address, BoundSide, Finding, Outcome, Verdict};
use release::approval::Answer;
use release::deployment::{Deployment, Group, Origin};
use release::evidence::{About, Asked, Context, Evidence, Evidenced, Link, Unjudged};
use release::execution::{ExecutionMode, SourceRevision};
use release::plot::Plotted;
use release::summary;
use release::validation::{
    ApprovalAction, Ending, Environments, Intent, Judged, Judgement, PersonsAnswer, Progress,
    Registrant, Registration, State, Validation, ValidationId,
};
use release::window::Window;
use report::{Build, Gate};

pub(crate) const PIPELINE: &str = "SampleDevOpsPipeline";
pub(crate) const COMPARISON: &str = "StagingToProduction";
pub(crate) const SPEC: &str = include_str!("monspec.json");

pub(crate) fn at(text: &str) -> Timestamp {
    text.parse().expect("a time is written well")
}

/// When all pages are read.
pub(crate) fn now() -> Timestamp {
    at("2026-01-09T16:12:00Z")
}

/// The build of this number, registered and nothing else; four a day.
pub(crate) fn waiting(number: u8) -> Validation {
    let first = at("2026-01-05T08:00:20Z");
    let registered_at = first + SignedDuration::from_hours(6 * i64::from(number));
    let revision = format!("{:02x}d41c9e5b7f3a60", number.wrapping_mul(37));
    let window = Window::from_registration(registered_at, SignedDuration::from_mins(5));
    let staging = Group {
        application: "SampleDevOpsApp".to_owned(),
        name: "Staging".to_owned(),
    };
    let version = format!("{} Build {number}", &revision[..12]);
    Validation::registered(Registration {
        id: ValidationId::new(registered_at, [number; 10]),
        pipeline: PIPELINE.to_owned(),
        execution: Some(format!("3b2f{number:04}-5c1d-4e8a-9b7e-2f6a1c0d9e84")),
        mode: ExecutionMode::Superseded,
        registrant: Registrant::Action {
            stage: "Staging".to_owned(),
            action: "RegisterStagingValidation".to_owned(),
        },
        comparison: COMPARISON.to_owned(),
        window,
        approval: Some(ApprovalAction {
            stage: "ApproveStaging".to_owned(),
            action: "ApproveStaging".to_owned(),
        }),
        spec: "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08".to_owned(),
        sources: vec![SourceRevision {
            name: "App".to_owned(),
            revision,
            summary: Some(format!("Build {number}")),
        }],
        version: version.clone(),
        deployments: vec![Deployment {
            id: format!("d-{number:08}"),
            group: staging,
            at: registered_at - SignedDuration::from_secs(95),
            execution: None,
            identity: "sources:App=1".to_owned(),
            location: None,
            digest: None,
            version,
            origin: Origin::Release,
        }],
        untaught: None,
        source_groups: Vec::new(),
        otherwise: Vec::new(),
        compare_groups: Vec::new(),
        compared: std::collections::BTreeMap::new(),
        environments: vec![Environments {
            source: "Staging".to_owned(),
            compare: Some("Production".to_owned()),
            entries: vec!["SampleJSonService".to_owned()],
        }],
        result_hook: None,
        registered_at,
        due_at: window.end + SignedDuration::from_secs(120),
        give_up_at: registered_at + SignedDuration::from_hours(24),
        expires_at: registered_at + SignedDuration::from_hours(24 * 90),
    })
}

/// The validation with its verdict.
pub(crate) fn judged(mut validation: Validation, evidence: &Evidence) -> Validation {
    let findings = findings(evidence);
    let judgement = Judgement {
        verdict: evidence.verdict,
        answer: evidence.answer,
        summary: summary::text(
            evidence.verdict,
            &findings,
            evidence.reason.as_deref(),
            evidence.note.as_deref(),
        ),
        at: evidence.judged_at,
    };
    validation.state = State::Judged(Judged::new(judgement, None));
    validation
}

/// The validation after its answer was sent.
pub(crate) fn answered(validation: Validation) -> Validation {
    overridden(validation, None)
}

/// The same, and what a person said afterwards.
pub(crate) fn overridden(
    mut validation: Validation,
    overridden: Option<PersonsAnswer>,
) -> Validation {
    let judged = verdict(&mut validation);
    let Judgement { answer, at, .. } = judged.judgement;
    judged.intent = Some(Intent {
        action_execution: "ae-1".to_owned(),
        answer,
        at: at + SignedDuration::from_secs(2),
    });
    judged.progress = Progress::Settled(Ending::Answered {
        answer,
        action_execution: "ae-1".to_owned(),
        overridden,
    });
    validation
}

/// The verdict of a judged validation and what became of it.
pub(crate) fn verdict(validation: &mut Validation) -> &mut Judged {
    match &mut validation.state {
        State::Judged(judged) => judged,
        state => panic!("it was judged: {state:?}"),
    }
}

pub(crate) fn person(status: &str, why: &str, at: Timestamp) -> PersonsAnswer {
    PersonsAnswer {
        status: status.to_owned(),
        who: Some("arn:aws:sts::111122223333:assumed-role/Release/alice".to_owned()),
        why: Some(why.to_owned()),
        at: Some(at),
    }
}

fn findings(evidence: &Evidence) -> Vec<Finding> {
    let findings = evidence.findings.iter();
    findings.map(|one| one.finding.clone()).collect()
}

/// What is measured of a build: seven signatures, `slower` times the response
/// time of a good one, and so many percent of failures.
pub(crate) fn evidence(validation: &Validation, slower: f64, failures: f64) -> Evidence {
    let wobble = (validation.registration.registered_at.as_second() % 7) as f64 / 100.0;
    let response = |base: f64| base * slower * (1.0 + wobble);
    let findings = vec![
        bounded(
            "service.responsetime",
            "avg",
            response(310_000.0),
            300_000.0,
            15.0,
        ),
        bounded(
            "service.responsetime",
            "p90",
            response(402_000.0),
            391_000.0,
            15.0,
        ),
        bounded(
            "service.responsetime",
            "max",
            response(1_240_000.0),
            1_410_000.0,
            15.0,
        ),
        fixed("service.failurerate", "avg", failures, 2.0),
        lower(
            "service.requestspermin",
            "count",
            131.0 - 40.0 * wobble,
            1_180.0,
            90.0,
        ),
        fixed("host.cpu.user", "avg", 38.0 * (1.0 + wobble), 80.0),
        bounded("toRelationships:calls", "avg", 4.0, 4.0, 0.0),
    ];
    let findings = findings.into_iter().enumerate();
    let addressed = |(index, mut finding): (usize, Finding)| {
        finding.address.signature = index;
        finding
    };
    told(validation, findings.map(addressed).collect())
}

/// Evidence of these findings, asked for as the gate asks.
pub(crate) fn told(validation: &Validation, findings: Vec<Finding>) -> Evidence {
    let verdict = monspec::verdict(&findings);
    let window = validation.registration.window;
    let asked = |environment: &str, metric: &str| Asked {
        environment: environment.to_owned(),
        window,
        selector: match metric {
            "toRelationships:calls" => metric.to_owned(),
            metric => metric.replace("com.dynatrace.", "") + ":splitBy():avg",
        },
        query: format!(
            "GET /api/v2/metrics/query?metricSelector=builtin:service.response.time:splitBy():avg,\
             builtin:service.errors.total.rate:splitBy():avg&resolution=Inf\
             &entitySelector=type(SERVICE),tag(\"DeploymentGroup:{environment}\")"
        ),
        warnings: Vec::new(),
    };
    let entities = BTreeMap::from([
        (
            "Staging".to_owned(),
            vec!["SERVICE-1D5B0B3D9A3D4F01".to_owned()],
        ),
        (
            "Production".to_owned(),
            vec![
                "SERVICE-4C2A6B1E0F9D8E77".to_owned(),
                "SERVICE-77AA02B1C3D4E5F6".to_owned(),
            ],
        ),
    ]);
    Evidence {
        verdict,
        answer: match verdict {
            Verdict::Passed => Answer::Approve,
            Verdict::Failed => Answer::Reject,
            Verdict::Inconclusive => Answer::Hold,
        },
        reason: None,
        note: None,
        findings: findings
            .into_iter()
            .map(|finding| Evidenced {
                source: asked("Staging", &finding.metric),
                compare: finding
                    .baseline
                    .map(|_| asked("Production", &finding.metric)),
                finding,
            })
            .collect(),
        entities: BTreeMap::from([("SampleJSonService".to_owned(), entities)]),
        judged_at: validation.registration.due_at + SignedDuration::from_secs(41),
        context: Context::default(),
    }
}

/// Evidence of a build whose numbers were not looked at.
pub(crate) fn unmeasured(validation: &Validation, reason: &str) -> Evidence {
    Evidence {
        reason: Some(reason.to_owned()),
        ..told(validation, Vec::new())
    }
}

pub(crate) fn finding(metric: &str, aggregate: &str) -> Finding {
    Finding {
        address: Address {
            service: "SampleJSonService".to_owned(),
            method: None,
            signature: 0,
        },
        metric: if metric.contains(':') {
            metric.to_owned()
        } else {
            format!("com.dynatrace.builtin:{metric}")
        },
        aggregate: aggregate.to_owned(),
        side: BoundSide::Upper,
        outcome: Outcome::Held,
        accepted: false,
        observation: None,
        baseline: None,
        coverage: monspec::Coverage::default(),
        tolerance: None,
        upper_limit: None,
        lower_limit: None,
        margin: None,
        reason: "nothing was measured".to_owned(),
    }
}

pub(crate) fn gap(metric: &str, aggregate: &str, reason: &str) -> Finding {
    Finding {
        outcome: Outcome::Inconclusive,
        reason: reason.to_owned(),
        ..finding(metric, aggregate)
    }
}

pub(crate) fn bounded(
    metric: &str,
    aggregate: &str,
    observed: f64,
    baseline: f64,
    factor: f64,
) -> Finding {
    let limit = baseline * (1.0 + factor / 100.0);
    Finding {
        baseline: Some(baseline),
        tolerance: Some(factor),
        ..fixed(metric, aggregate, observed, limit)
    }
}

pub(crate) fn fixed(metric: &str, aggregate: &str, observed: f64, limit: f64) -> Finding {
    let violated = limit < observed;
    Finding {
        outcome: if violated {
            Outcome::Violated
        } else {
            Outcome::Held
        },
        observation: Some(observed),
        upper_limit: Some(limit),
        margin: Some(limit - observed),
        reason: if violated {
            format!("{observed:.0} is above the upper limit {limit:.0}")
        } else {
            format!("{observed:.0} does not exceed the upper limit {limit:.0}")
        },
        ..finding(metric, aggregate)
    }
}

fn lower(metric: &str, aggregate: &str, observed: f64, baseline: f64, factor: f64) -> Finding {
    let limit = baseline * (1.0 - factor / 100.0);
    let violated = observed < limit;
    Finding {
        side: BoundSide::Lower,
        outcome: if violated {
            Outcome::Violated
        } else {
            Outcome::Held
        },
        observation: Some(observed),
        baseline: Some(baseline),
        tolerance: Some(factor),
        lower_limit: Some(limit),
        margin: Some(observed - limit),
        reason: if violated {
            format!("{observed:.0} is below the lower limit {limit:.0}")
        } else {
            format!("{observed:.0} does not fall below the lower limit {limit:.0}")
        },
        ..finding(metric, aggregate)
    }
}

pub(crate) fn build(validation: Validation, evidence: Option<&Evidence>) -> Build {
    let plot = evidence.map(|evidence| findings(evidence).iter().map(Plotted::from).collect());
    Build {
        evaluation: format!(
            "/v/{}?e=1767980000&k=a&s=c2lnbmF0dXJl",
            validation.registration.id
        ),
        plot: plot.unwrap_or_default(),
        validation,
    }
}

/// So many builds, in which every way a build can end occurs, oldest first.
pub(crate) fn builds() -> Vec<Build> {
    let build = |number| {
        let (validation, evidence) = one_of_many(number);
        build(validation, evidence.as_ref())
    };
    (0..18).map(build).collect()
}

/// What led to the verdict of one of them.
pub(crate) fn evidence_of(number: u8) -> Option<Evidence> {
    one_of_many(number).1
}

fn one_of_many(number: u8) -> (Validation, Option<Evidence>) {
    let registered = waiting(number);
    let with = |slower: f64, failures: f64| {
        let evidence = evidence(&registered, slower, failures);
        (judged(registered.clone(), &evidence), evidence)
    };
    let (validation, evidence) = match number {
        2 => {
            let reason = "overtaken: deployment d-00000099 reached SampleDevOpsApp/Staging at \
                          2026-01-05T20:02:00Z, before the window ended, so the numbers belong to \
                          two deployments";
            let mut evidence = unmeasured(&registered, reason);
            evidence.context = Context {
                unjudged: Some(Unjudged::Overtaken),
                links: vec![Link {
                    about: About::Deployment,
                    name: "d-00000099".to_owned(),
                    address: None,
                }],
                ..Context::default()
            };
            (judged(registered, &evidence), evidence)
        }
        5 => {
            let (validation, evidence) = with(1.02, 11.4);
            let later = evidence.judged_at + SignedDuration::from_mins(25);
            let why = "The failures were the load test's own, see the incident review";
            let person = person("Approved", why, later);
            (overridden(validation, Some(person)), evidence)
        }
        8 => {
            let mut silent = evidence(&registered, 1.0, 0.2);
            let gap = gap(
                "service.failurerate",
                "avg",
                "no observation: Dynatrace has no data for `com.dynatrace.builtin:service.failurerate` \
                 in Staging (tag DeploymentGroup:Staging); check that it got traffic during the window",
            );
            silent.findings[3].finding = gap;
            silent.verdict = Verdict::Inconclusive;
            silent.answer = Answer::Hold;
            let mut validation = judged(registered, &silent);
            let later = silent.judged_at + SignedDuration::from_mins(12);
            let person = person("Approved", "Known gap", later);
            verdict(&mut validation).progress = Progress::Ended(Ending::Person(person));
            (validation, silent)
        }
        10 => {
            let mut again = registered;
            let by = waiting(11).registration.id;
            again.state = State::Unjudged(Ending::Superseded { by });
            return (again, None);
        }
        12 => {
            let evidence = unmeasured(
                &registered,
                "it could not be measured in time: the tenant answered with status 503",
            );
            let mut validation = judged(registered, &evidence);
            let waiting_for = "the approval `ApproveStaging` to be open".to_owned();
            verdict(&mut validation).progress = Progress::Ended(Ending::GaveUp { waiting_for });
            (validation, evidence)
        }
        14 => {
            let (validation, evidence) = with(1.34, 0.4);
            (answered(validation), evidence)
        }
        16 => {
            let (mut validation, evidence) = with(1.61, 3.7);
            validation = answered(validation);
            (validation, evidence)
        }
        17 => return (registered, None),
        _ => {
            let (validation, evidence) = with(0.97 + f64::from(number % 5) / 50.0, 0.3);
            (answered(validation), evidence)
        }
    };
    (validation, Some(evidence))
}

pub(crate) fn gates() -> Vec<Gate> {
    use Verdict::{Failed, Inconclusive, Passed};
    let gate = |pipeline: &str, comparison: &str, number: u8, trend: &[Verdict]| {
        let validation = waiting(number);
        Gate {
            pipeline: pipeline.to_owned(),
            comparison: comparison.to_owned(),
            last: validation.registration.id,
            version: validation.registration.version,
            verdict: *trend.last().expect("a gate was judged once"),
            judged_at: validation.registration.due_at,
            trend: trend.to_vec(),
            history: format!("/h/{number}"),
            evaluation: format!("/v/{}", validation.registration.id),
        }
    };
    vec![
        gate("PaymentService", "StagingToProduction", 15, &[Passed; 10]),
        gate(
            PIPELINE,
            "ProductionToProductionLastHour",
            13,
            &[Passed, Passed, Failed, Passed, Inconclusive],
        ),
        gate(
            PIPELINE,
            COMPARISON,
            16,
            &[
                Passed,
                Failed,
                Passed,
                Passed,
                Inconclusive,
                Passed,
                Passed,
                Failed,
            ],
        ),
        gate("WebShop", "ReleaseToRelease", 12, &[Passed]),
    ]
}
