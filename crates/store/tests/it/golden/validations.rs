//! The table of validations.

use jiff::Timestamp;
use monspec::{Answered, BoundSide, Coverage, Finding, OpenProblems, Outcome, Verdict};
use release::approval::Answer;
use release::evidence::{
    About, Context, Evidence, Evidenced, Link, OpenProblem, Problems, Unjudged,
};
use release::execution::{ExecutionMode, SourceRevision};
use release::otherwise::Otherwise;
use release::plot::Plotted;
use release::validation::wish::Wish;
use release::validation::{
    Ending, Environments, Hook, Intent, Judged, PersonsDecision, Progress, Registrant,
    Registration, State, Validation,
};
use release::work::Counts;
use store::{Fulfilled, GateName, Part, ReadLimit, Slot, Span, Stuck};

use super::check;
use crate::world::{
    REMEDIATIONS, VALIDATIONS, World, again, at, deployment, evidence, finding, group, judgement,
    lease, person, registration, result, spec,
};

#[tokio::test]
async fn stored_form_of_waiting_validations_is_kept() {
    let direct = Registration {
        pipeline: "Shop #1 at 100 %".to_owned(),
        mode: ExecutionMode::Queued,
        registrant: Registrant::Direct,
        ..registration(2)
    };
    let alone = Registration {
        execution: None,
        registrant: Registrant::Direct,
        approval: None,
        untaught: Some("two groups cannot be told apart".to_owned()),
        deployments: Vec::new(),
        ..registration(3)
    };
    let all = [full(), direct, alone];
    check(
        "waiting",
        [VALIDATIONS],
        async |world| {
            for (asked, job) in all.iter().zip([Some("job-1"), None, None]) {
                let registered = world
                    .validations
                    .register(&world.ledger, asked, &spec(), job)
                    .await;
                registered.unwrap();
            }
        },
        async |world| {
            for asked in &all {
                let expected = Validation::registered(asked.clone());
                assert_eq!(world.validation(asked).await, expected);
            }
            let job = world.validations.registered_by("job-1").await.unwrap();
            assert_eq!(job, Some(all[0].id));
            let text = world.validations.spec(spec().hash()).await.unwrap();
            assert_eq!(text.as_deref(), Some(spec().text()));
            for asked in &all[..2] {
                let slot = Slot {
                    id: asked.id,
                    registrant: asked.registrant.clone(),
                    comparison: asked.comparison.clone(),
                };
                let slots = world
                    .validations
                    .slots(&asked.pipeline, "execution-1")
                    .await;
                assert_eq!(slots.unwrap(), [slot]);
            }
            let due: Vec<Timestamp> = due(world).await;
            assert_eq!(due, [at(1_001), at(1_002), at(1_003)]);
        },
    )
    .await;
}

#[tokio::test]
async fn stored_form_of_judged_validations_is_kept() {
    let builds = [full(), registration(2), registration(3)];
    let found = [
        (Verdict::Failed, whole_evidence()),
        (Verdict::Passed, evidence(Verdict::Passed)),
        (Verdict::Inconclusive, evidence(Verdict::Inconclusive)),
    ];
    let plot = plot();
    let intent = intent(Answer::Reject);
    let counts = Counts {
        faults: 1,
        waits: 2,
    };
    check(
        "judged",
        [VALIDATIONS],
        async |world| {
            for (asked, (verdict, evidence)) in builds.iter().zip(&found) {
                let mut claimed = world.claimed(asked).await;
                let (plot, intent) = match verdict {
                    Verdict::Failed => (plot.as_slice(), Some(intent.clone())),
                    _ => (&[][..], None),
                };
                let judged = store::Judged {
                    judgement: judgement(*verdict),
                    evidence,
                    plot,
                    intent,
                    beside: None,
                };
                world
                    .validations
                    .judged_with(&world.ledger, &mut claimed, judged)
                    .await
                    .unwrap();
                if *verdict == Verdict::Inconclusive {
                    claimed.counts = counts;
                    if let State::Judged(judged) = &mut claimed.state {
                        judged.told = true;
                    }
                    world
                        .validations
                        .queue()
                        .defer(claimed, at(3_000))
                        .await
                        .unwrap();
                }
            }
        },
        async |world| {
            for (asked, (verdict, evidence)) in builds.iter().zip(&found) {
                let is = |one| *verdict == one;
                let intent = is(Verdict::Failed).then(|| intent.clone());
                let expected = Validation {
                    state: State::Judged(Judged {
                        told: is(Verdict::Inconclusive),
                        ..Judged::new(judgement(*verdict), intent)
                    }),
                    counts: if is(Verdict::Inconclusive) {
                        counts
                    } else {
                        Counts::default()
                    },
                    ..Validation::registered(asked.clone())
                };
                assert_eq!(world.validation(asked).await, expected);
                let read = world.validations.evidence(asked.id).await.unwrap();
                assert_eq!(read.as_ref(), Some(evidence));
            }
            let others = world.validations.others(&builds[1]).await.unwrap();
            assert_eq!(others, [Some(Answer::Reject), Some(Answer::Hold)]);
            assert_eq!(plotted(world).await, [plot.to_vec(), vec![], vec![]]);

            let catalogue = world.validations.catalogue(None::<GateName<'_>>, 10).await;
            let [gate] = &catalogue.unwrap().gates[..] else {
                panic!("there is one gate");
            };
            assert_eq!((gate.last, gate.verdict), (builds[2].id, found[2].0));
            assert_eq!(
                (gate.pipeline.as_str(), gate.judged_at),
                ("Shop", at(2_000))
            );
            assert_eq!(gate.trend, found.each_ref().map(|(verdict, _)| *verdict));
            assert_eq!(gate.version, "build 3");
        },
    )
    .await;
}

#[tokio::test]
async fn stored_form_of_settled_validations_is_kept() {
    let person = person("Approved");
    let endings = [
        Ending::NothingToAnswer,
        Ending::Answered {
            answer: Answer::Approve,
            action_execution: "action-1".to_owned(),
            overridden: Some(person.clone()),
        },
        Ending::Person(person.clone()),
        Ending::ExecutionEnded {
            status: "Stopped".to_owned(),
        },
        Ending::GaveUp {
            waiting_for: "its approval to open".to_owned(),
        },
    ];
    let builds: Vec<(u16, &Ending)> = (1..).zip(&endings).collect();
    let asked = |number| Registration {
        result_hook: Some("https://results.example".to_owned()),
        ..registration(number)
    };
    let hook = |number| match number {
        1 => Hook::Delivered,
        _ => Hook::GivenUp,
    };
    let (replaced, replacing) = (registration(8), again(&registration(8), 9));
    check(
        "settled",
        [VALIDATIONS],
        async |world| {
            for (number, ending) in &builds {
                let mut claimed = world.judged(&asked(*number), Verdict::Passed).await;
                let validations = &world.validations;
                world.ended(&mut claimed, (*ending).clone()).await.unwrap();
                validations
                    .hooked(&mut claimed, result(&asked(*number), hook(*number)))
                    .await
                    .unwrap();
                validations.queue().settle(claimed).await.unwrap();
            }
            let mut claimed = world.judged(&replaced, Verdict::Passed).await;
            let intent = intent(Answer::Approve);
            world.intend(&mut claimed, intent).await.unwrap();
            world.register(&replacing).await;
        },
        async |world| {
            for (number, ending) in &builds {
                let read = world.validation(&asked(*number)).await;
                assert_eq!(read.hook(), hook(*number));
                let expected = Validation {
                    state: State::Judged(Judged {
                        progress: Progress::Settled((*ending).clone()),
                        ..Judged::new(judgement(Verdict::Passed), None)
                    }),
                    // Earlier versions stored neither when nor why.
                    result: read.result.clone(),
                    ..Validation::registered(asked(*number))
                };
                assert_eq!(read, expected);
            }
            let intent = Some(intent(Answer::Approve));
            let superseded = Validation {
                state: State::Judged(Judged {
                    progress: Progress::Settled(Ending::Superseded { by: replacing.id }),
                    ..Judged::new(judgement(Verdict::Passed), intent.clone())
                }),
                ..Validation::registered(replaced.clone())
            };
            assert_eq!(world.validation(&replaced).await, superseded);
            let heir = Validation {
                inherited: intent,
                ..Validation::registered(replacing.clone())
            };
            assert_eq!(world.validation(&replacing).await, heir);
            assert_eq!(due(world).await, [replacing.due_at]);
            let unsettled = world.validations.unsettled(None, 10, at(0)).await.unwrap();
            let looks = unsettled.validations.iter().map(|one| one.next_look);
            let looks: Vec<_> = looks.collect();
            assert_eq!(
                looks,
                [None, Some(replacing.due_at)],
                "one gave up and rests"
            );
        },
    )
    .await;
}

#[tokio::test]
async fn stored_form_of_wishes_is_kept() {
    let word = |second| PersonsDecision {
        who: "ada".to_owned(),
        why: "the tenant was down".to_owned(),
        at: at(second),
    };
    let (again, as_it_is) = (registration(1), registration(2));
    check(
        "wished",
        [VALIDATIONS],
        async |world| {
            for (asked, wish) in [(&again, Wish::Rejudge), (&as_it_is, Wish::Release)] {
                world.judged(asked, Verdict::Inconclusive).await;
                let wished = world
                    .validations
                    .wish(&world.ledger, asked.id, wish, &word(2_100))
                    .await;
                assert!(matches!(wished.unwrap(), Fulfilled::Now(_)));
            }
        },
        async |world| {
            let expected = Validation {
                rejudged: vec![word(2_100)],
                ..Validation::registered(again.clone())
            };
            assert_eq!(world.validation(&again).await, expected);
            let expected = Validation {
                state: State::Judged(Judged {
                    released: Some(word(2_100)),
                    ..Judged::new(judgement(Verdict::Inconclusive), None)
                }),
                ..Validation::registered(as_it_is.clone())
            };
            assert_eq!(world.validation(&as_it_is).await, expected);
            let others = world.validations.others(&again).await.unwrap();
            assert_eq!(others, [Some(Answer::Approve)]);
            assert_eq!(due(world).await, [at(2_100); 2]);
        },
    )
    .await;
}

#[tokio::test]
async fn stored_form_of_stuck_validations_is_kept() {
    let asked = registration(1);
    let panicked = async |world: &World, due, claim: &str| -> Stuck {
        let claimed = world.claim(due, due, claim).await;
        let held = claimed.held();
        world
            .validations
            .queue()
            .panicked(&held, due)
            .await
            .unwrap()
    };
    check(
        "stuck",
        [VALIDATIONS],
        async |world| {
            world.register(&asked).await;
            let mut due = Some(asked.due_at);
            while let Some(now) = due {
                due = panicked(world, now, "worker").await.until;
            }
            world.register(&registration(2)).await;
            panicked(world, registration(2).due_at, "worker").await;
        },
        async |world| {
            let read = world.validation(&asked).await;
            assert!(read.stuck_since.is_some());
            let expected = Validation {
                stuck_since: read.stuck_since,
                ..Validation::registered(asked.clone())
            };
            assert_eq!(read, expected);
            let [again] = due(world).await.try_into().expect("one is looked at again");
            let claimed = world.claim(again, again, "another").await;
            let held = claimed.held();
            let stuck = world
                .validations
                .queue()
                .panicked(&held, again)
                .await
                .unwrap();
            assert_eq!(stuck.looks, 2);
        },
    )
    .await;
}

/// What records did not say at first.
#[tokio::test]
async fn stored_form_of_compared_environments_is_kept() {
    let compared = |compare: Option<&str>, entries: &[&str]| Environments {
        source: "Staging".to_owned(),
        compare: compare.map(str::to_owned),
        entries: entries.iter().map(|entry| (*entry).to_owned()).collect(),
    };
    let asked = Registration {
        environments: vec![
            compared(Some("Production"), &["Shop", "Cart"]),
            compared(None, &["Mail"]),
        ],
        ..registration(1)
    };
    let mut found = evidence(Verdict::Passed);
    found.findings[0].finding.tolerance = Some(10.0);
    check(
        "compared",
        [VALIDATIONS],
        async |world| {
            let mut claimed = world.claimed(&asked).await;
            let judgement = judgement(Verdict::Passed);
            let judged =
                world
                    .validations
                    .judged(&world.ledger, &mut claimed, judgement, &found, &[]);
            judged.await.unwrap();
        },
        async |world| {
            assert_eq!(world.validation(&asked).await.registration, asked);
            let read = world.validations.evidence(asked.id).await.unwrap();
            assert_eq!(read.as_ref(), Some(&found));
        },
    )
    .await;
}

#[tokio::test]
async fn stored_form_of_schedules_is_kept() {
    check(
        "schedules",
        [VALIDATIONS, REMEDIATIONS],
        async |world| {
            world.validations.queue().beat(at(60)).await.unwrap();
            world.remediations.queue().beat(at(60)).await.unwrap();
        },
        async |world| {
            let ran = world.validations.queue().last_beat().await.unwrap();
            assert_eq!(ran, Some(at(60)));
            let ran = world.remediations.queue().last_beat().await.unwrap();
            assert_eq!(ran, Some(at(60)));
        },
    )
    .await;
}

/// A registration with everything that there can be.
fn full() -> Registration {
    let source = |name: &str, summary: Option<&str>| SourceRevision {
        name: name.to_owned(),
        revision: format!("revision of {name}"),
        summary: summary.map(str::to_owned),
    };
    let deployment = release::deployment::Deployment {
        location: Some("s3://builds/app.zip".to_owned()),
        digest: Some("sha256:4f".to_owned()),
        ..deployment("d-1", 0)
    };
    Registration {
        mode: ExecutionMode::Parallel,
        sources: vec![source("App", Some("Sell more")), source("Tests", None)],
        deployments: vec![deployment],
        source_groups: vec![group()],
        otherwise: vec![Otherwise {
            stage: "Staging".to_owned(),
            action: "Stack".to_owned(),
            since: at(0),
        }],
        compare_groups: vec![group()],
        compared: [("SampleJSonService".to_owned(), vec![group()])].into(),
        result_hook: Some("https://results.example".to_owned()),
        ..registration(1)
    }
}

/// Evidence with everything that there can be.
fn whole_evidence() -> Evidence {
    let answered = |answered| {
        Some(Answered {
            answered,
            entities: 3,
        })
    };
    let violated = Finding {
        outcome: Outcome::Violated,
        observation: Some(-0.1),
        coverage: Coverage {
            observation: answered(2),
            baseline: answered(3),
        },
        margin: Some(-1e-9),
        ..finding(0, "").finding
    };
    let mut gap = Finding {
        side: BoundSide::Lower,
        outcome: Outcome::Inconclusive,
        accepted: true,
        observation: None,
        baseline: None,
        upper_limit: None,
        margin: None,
        reason: "there is no baseline yet".to_owned(),
        ..finding(1, "").finding
    };
    gap.address.method = Some("/api".to_owned());
    let asked = |finding| Evidenced {
        finding,
        ..finding_asked()
    };
    let problem = OpenProblem {
        id: "-1_2V2".to_owned(),
        name: "P-12 Response time".to_owned(),
        since: at(10),
        until: Some(at(20)),
        address: Some("https://tenant.example/p".to_owned()),
    };
    let problems = [
        ("Staging", OpenProblems::Count, Ok(vec![problem])),
        ("Canary", OpenProblems::Tell, Err("no scope".to_owned())),
    ];
    let mut problems = problems.map(|(environment, policy, open)| {
        Problems::found(("SampleJSonService", environment), policy, open)
    });
    // Texts may be worded anew; what is stored is read as it was written.
    "nobody knows whether a problem was open: no scope".clone_into(&mut problems[1].reason);
    let abouts = [
        About::Problem,
        About::Deployment,
        About::Execution,
        About::Charts,
    ];
    let link = |about| Link {
        about,
        name: "see there".to_owned(),
        address: (about != About::Charts).then(|| "https://there.example".to_owned()),
    };
    Evidence {
        reason: Some("the build was replaced".to_owned()),
        note: Some("No deployments are known.".to_owned()),
        findings: vec![finding_asked(), asked(violated), asked(gap)],
        context: Context {
            unjudged: Some(Unjudged::OwnBaseline),
            problems: problems.into(),
            links: abouts.map(link).into(),
            entity_counts: [(
                "SampleJSonService".to_owned(),
                [("Staging".to_owned(), 7)].into(),
            )]
            .into(),
        },
        ..evidence(Verdict::Failed)
    }
}

fn finding_asked() -> Evidenced {
    let mut found = finding(0, "builtin:service.response.time");
    found.source.warnings = vec!["the data is old".to_owned()];
    found
}

fn plot() -> [Plotted; 2] {
    let point = |name: &str, outcome| Plotted {
        name: name.to_owned(),
        outcome,
        observation: Some(204.5),
        baseline: Some(-0.25),
        upper_limit: Some(1.5e9),
        lower_limit: Some(0.0),
    };
    let gap = Plotted {
        observation: None,
        baseline: None,
        upper_limit: None,
        lower_limit: None,
        ..point("Cart - failurerate(AVG,UPPER)", Outcome::Inconclusive)
    };
    [
        point("Cart - responsetime(AVG,UPPER)", Outcome::Violated),
        gap,
    ]
}

fn intent(answer: Answer) -> Intent {
    Intent {
        action_execution: "action-1".to_owned(),
        answer,
        at: at(2_000),
    }
}

/// When what is due was, in order.
async fn due(world: &World) -> Vec<Timestamp> {
    let found = world.due(lease(at(1_000_000))).await;
    let mut due: Vec<_> = found.iter().map(|found| found.at).collect();
    due.sort();
    due
}

async fn plotted(world: &World) -> Vec<Vec<Plotted>> {
    let span = Span {
        pipeline: "Shop",
        comparison: "StagingToProduction",
        since: at(0),
    };
    let limit = ReadLimit {
        builds: 10,
        points: 100,
    };
    let history = world.validations.history(span, Part::Newest, limit).await;
    let builds = history.unwrap().builds;
    builds.into_iter().map(|build| build.plot).collect()
}
