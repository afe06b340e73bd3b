//! What is judged, and what CodePipeline is told.

use fake_aws::pipeline::ApprovalStatus;
use fake_dynatrace::{Failed, NoDataShape, Requests};
use jiff::SignedDuration;
use monspec::{Outcome, Verdict};
use release::approval::Answer;
use release::validation::{Ending, Phase};
use serde_json::json;

use crate::gate::stories;
use crate::world::{GATE, PIPELINE, PRODUCTION, STAGING, World, monspec, monspec_with, only};

stories! {
    good_build_is_approved,
    bad_build_is_rejected_with_its_worst_numbers,
    yesterdays_production_is_the_baseline_when_the_shift_says_so,
    environment_is_compared_with_its_own_earlier_hour,
    silence_of_the_new_build_is_never_a_pass,
    missing_baseline_follows_the_policy,
    first_release_is_approved_and_says_so,
    known_earlier_deployment_is_no_first_release,
    release_that_registered_nothing_is_no_first_release_either,
    unknown_metric_is_a_gap_that_names_it,
    late_numbers_are_waited_for,
    relationships_are_counted,
    service_methods_are_judged_with_their_own_numbers,
    both_static_limits_are_enforced_without_a_baseline,
    value_on_its_limit_is_held,
    values_of_several_entities_are_merged_by_traffic,
    one_entry_that_cannot_be_judged_does_not_hide_the_violation_of_another,
}

async fn good_build_is_approved(mut world: World) {
    world.gate(GATE);
    let execution = world.release("1", &monspec()).await;
    world.traffic(STAGING, 100.0, 0.0);
    world.traffic(PRODUCTION, 100.0, 0.0);
    world.advance(SignedDuration::from_mins(4));
    assert!(
        world.tick().await.looks.is_empty(),
        "the window has not ended"
    );

    let ticked = world.pass_window().await;

    assert_eq!(world.answered(&execution), ApprovalStatus::Approved);
    let validation = world.validation(only(&ticked)).await;
    assert_eq!(validation.phase(), Phase::Settled);
    assert!(matches!(validation.ending(), Some(Ending::Answered { .. })));
    let summary = world.approval(&execution).summary.unwrap();
    assert!(
        summary.starts_with("Passed: 4 of 4 signatures held."),
        "{summary}"
    );
    let link = format!("https://report.example/v/{}?e=", only(&ticked));
    assert!(summary.contains(&link), "{summary}");
}

async fn bad_build_is_rejected_with_its_worst_numbers(mut world: World) {
    world.gate(GATE);
    let execution = world.release("2", &monspec()).await;
    world.traffic(STAGING, 300.0, 0.5);
    world.traffic(PRODUCTION, 100.0, 0.0);

    let ticked = world.pass_window().await;

    assert_eq!(world.answered(&execution), ApprovalStatus::Rejected);
    let summary = world.approval(&execution).summary.unwrap();
    assert!(
        summary.starts_with("Failed: 3 of 4 signatures violated."),
        "{summary}"
    );
    assert!(
        summary.contains(
            "SampleJSonService service.responsetime avg 300000 > 115000 (baseline 100000)."
        ),
        "{summary}"
    );
    assert!(summary.chars().count() <= 512, "{summary}");
    let evidence = world.evidence(only(&ticked)).await;
    assert_eq!(evidence.verdict, Verdict::Failed);
    assert_eq!(evidence.findings.len(), 4);
    for found in &evidence.findings {
        let compare = found.compare.as_ref().unwrap();
        assert_eq!(found.source.window, compare.window);
        assert!(
            found.source.query.contains("/timeseries") || found.source.query.contains("/metrics"),
            "{found:?}"
        );
    }
}

async fn yesterdays_production_is_the_baseline_when_the_shift_says_so(mut world: World) {
    world.gate("StagingToProductionYesterday,5,ApproveStaging");
    let day = 86_400_000;
    let now = world.now.as_millisecond();
    world.traffic(STAGING, 140.0, 0.0);
    // Today production is as slow as the new build; yesterday it was not.
    world.traffic(PRODUCTION, 140.0, 0.0);
    world.traffic_between(
        PRODUCTION,
        now - day - 600_000,
        now - day + 1_200_000,
        100.0,
        0.0,
    );
    let execution = world.release("1", &monspec()).await;

    world.pass_window().await;

    assert_eq!(world.answered(&execution), ApprovalStatus::Rejected);
}

async fn environment_is_compared_with_its_own_earlier_hour(mut world: World) {
    world.gate("StagingToStagingLastHour,5,ApproveStaging");
    let now = world.now.as_millisecond();
    world.traffic_between(STAGING, now - 4_000_000, now - 60_000, 100.0, 0.0);
    world.traffic_between(STAGING, now, now + 1_200_000, 105.0, 0.0);
    let execution = world.release("1", &monspec()).await;

    let ticked = world.pass_window().await;

    assert_eq!(world.answered(&execution), ApprovalStatus::Approved);
    let evidence = world.evidence(only(&ticked)).await;
    let found = &evidence.findings[0];
    let compare = found.compare.as_ref().unwrap();
    assert_eq!(found.finding.baseline, Some(100_000.0));
    assert_eq!(
        found
            .source
            .window
            .start
            .duration_since(compare.window.start),
        SignedDuration::from_hours(1)
    );
}

async fn silence_of_the_new_build_is_never_a_pass(first: World) {
    for (shape, policy, told) in [
        (NoDataShape::EmptyResult, "hold", ApprovalStatus::Waiting),
        (NoDataShape::EmptyData, "reject", ApprovalStatus::Rejected),
        (NoDataShape::EmptySeries, "hold", ApprovalStatus::Waiting),
        (NoDataShape::NullValue, "approve", ApprovalStatus::Approved),
    ] {
        let mut world = World::start(first.api).await;
        world.gate(GATE);
        world.tenant.no_data_shape(shape);
        world.traffic(PRODUCTION, 100.0, 0.0);
        let execution = world
            .release("1", &monspec_with("whenInconclusive", json!(policy)))
            .await;
        world.pass_window().await;
        assert_eq!(
            world.answered(&execution),
            ApprovalStatus::Waiting,
            "the data may still come"
        );

        world.advance(SignedDuration::from_mins(6));
        let ticked = world.tick().await;

        assert_eq!(world.answered(&execution), told, "{shape:?} under {policy}");
        let evidence = world.evidence(only(&ticked)).await;
        assert_eq!(evidence.verdict, Verdict::Inconclusive);
        let reason = &evidence.findings[0].finding.reason;
        assert!(
            reason.contains("no data") || reason.contains("no entity"),
            "{reason}"
        );
    }
}

async fn missing_baseline_follows_the_policy(first: World) {
    for (policy, told) in [
        ("hold", ApprovalStatus::Waiting),
        ("reject", ApprovalStatus::Rejected),
        ("approve", ApprovalStatus::Approved),
    ] {
        let mut world = World::start(first.api).await;
        world.gate(GATE);
        world.traffic(STAGING, 100.0, 0.0);
        let execution = world
            .release("1", &monspec_with("whenInconclusive", json!(policy)))
            .await;
        world.pass_window().await;
        world.advance(SignedDuration::from_mins(6));

        let ticked = world.tick().await;

        assert_eq!(world.answered(&execution), told, "{policy}");
        let evidence = world.evidence(only(&ticked)).await;
        assert_eq!(evidence.verdict, Verdict::Inconclusive);
        assert!(
            evidence
                .findings
                .iter()
                .all(|found| found.finding.observation.is_some())
        );
    }
}

async fn first_release_is_approved_and_says_so(mut world: World) {
    world.gate(GATE);
    world.traffic(STAGING, 100.0, 0.0);
    let spec = monspec_with("missingBaseline", json!("firstRelease"));
    let execution = world.release("1", &spec).await;

    let ticked = world.pass_window().await;

    assert_eq!(world.answered(&execution), ApprovalStatus::Approved);
    let summary = world.approval(&execution).summary.unwrap();
    assert!(
        summary.contains("there was nothing to compare with"),
        "{summary}"
    );
    let evidence = world.evidence(only(&ticked)).await;
    assert!(
        evidence
            .findings
            .iter()
            .all(|found| found.finding.accepted && found.finding.outcome == Outcome::Inconclusive)
    );
}

async fn known_earlier_deployment_is_no_first_release(mut world: World) {
    world.pipeline(
        fake_aws::pipeline::Mode::Superseded,
        GATE,
        "ProductionToStaging,5,ApproveProduction",
    );
    let spec = monspec_with("missingBaseline", json!("firstRelease"));
    world.traffic(STAGING, 100.0, 0.0);
    let first = world.release("1", &spec).await;
    world.advance(SignedDuration::from_mins(8));
    world.tick().await;
    assert_eq!(in_sample(&world, &first), ApprovalStatus::Approved);
    // Its production gate registers, so the ledger knows production from here on.
    world.run_jobs().await;

    world.advance(SignedDuration::from_mins(30));
    world.traffic(STAGING, 100.0, 0.0);
    let second = world.release("2", &spec).await;
    world.advance(SignedDuration::from_mins(8));
    world.tick().await;
    world.advance(SignedDuration::from_mins(6));
    world.tick().await;

    assert_eq!(in_sample(&world, &second), ApprovalStatus::Waiting);
}

/// Only staging has a gate, so the ledger never hears of production; when its
/// tag breaks after a release, nothing is approved for want of a baseline.
async fn release_that_registered_nothing_is_no_first_release_either(mut world: World) {
    world.gate(GATE);
    let spec = monspec_with("missingBaseline", json!("firstRelease"));
    world.traffic(STAGING, 100.0, 0.0);
    let first = world.release("1", &spec).await;
    world.pass_window().await;
    assert_eq!(world.answered(&first), ApprovalStatus::Approved);

    world.advance(SignedDuration::from_mins(30));
    world.traffic(STAGING, 100.0, 0.0);
    let second = world.release("2", &spec).await;
    world.pass_window().await;
    world.advance(SignedDuration::from_mins(6));
    world.tick().await;

    assert_eq!(world.answered(&second), ApprovalStatus::Waiting);
}

fn in_sample(world: &World, execution: &str) -> ApprovalStatus {
    let pipelines = world.aws.pipelines();
    let approval = pipelines.approval(PIPELINE, "ApproveStaging", "ApproveStaging", execution);
    approval.unwrap().status
}

async fn unknown_metric_is_a_gap_that_names_it(mut world: World) {
    world.gate(GATE);
    let mut spec = monspec();
    spec["SampleJSonService"]["perfsignature"][0]["timeseries"] =
        json!("com.dynatrace.builtin:service.happiness");
    world.traffic(STAGING, 100.0, 0.0);
    world.traffic(PRODUCTION, 100.0, 0.0);
    let execution = world.release("1", &spec).await;

    let ticked = world.pass_window().await;

    assert_eq!(world.answered(&execution), ApprovalStatus::Waiting);
    let evidence = world.evidence(only(&ticked)).await;
    assert_eq!(evidence.verdict, Verdict::Inconclusive);
    let outcomes: Vec<Outcome> = evidence
        .findings
        .iter()
        .map(|found| found.finding.outcome)
        .collect();
    assert_eq!(
        outcomes,
        [
            Outcome::Inconclusive,
            Outcome::Held,
            Outcome::Held,
            Outcome::Held
        ]
    );
    let reason = &evidence.findings[0].finding.reason;
    assert!(reason.contains("service.happiness"), "{reason}");
}

async fn late_numbers_are_waited_for(mut world: World) {
    world.gate(GATE);
    world
        .tenant
        .metrics_arrive_after(std::time::Duration::from_mins(10));
    let execution = world.release("1", &monspec()).await;
    let now = world.now.as_millisecond();
    for service in [STAGING, PRODUCTION] {
        world.traffic_between(service, now, now + 1_200_000, 100.0, 0.0);
    }
    world.pass_window().await;
    assert_eq!(world.answered(&execution), ApprovalStatus::Waiting);

    // The last of the window's numbers is there, and patience is not over.
    world.advance(SignedDuration::from_mins(4));
    world.tenant.metrics_arrive_after(std::time::Duration::ZERO);
    world.tick().await;

    assert_eq!(world.answered(&execution), ApprovalStatus::Approved);
}

async fn relationships_are_counted(mut world: World) {
    world.gate(GATE);
    for (id, environment, callees) in [
        ("SERVICE-00000000000000A2", "StagingTopology", 3),
        ("SERVICE-00000000000000B2", "ProductionTopology", 1),
    ] {
        let mut service = world
            .tenant
            .service(id, "Topology")
            .tag("Topology", environment);
        for callee in 0..callees {
            service = service.calls(&format!("SERVICE-00000000000000C{callee}"));
        }
        service.add();
    }
    let spec = json!({"Topology": {
        "etype": "SERVICE",
        "environments": {
            "Staging": {"tags": [{"key": "Topology", "value": "StagingTopology"}]},
            "Production": {"tags": [{"key": "Topology", "value": "ProductionTopology"}]}
        },
        "comparisons": [{"name": "StagingToProduction", "source": "Staging", "compare": "Production"}],
        "perfsignature": [{"smartscape": "fromRelationships:calls", "aggregate": "count"}]
    }});
    let execution = world.release("1", &spec).await;

    let ticked = world.pass_window().await;

    assert_eq!(world.answered(&execution), ApprovalStatus::Rejected);
    let evidence = world.evidence(only(&ticked)).await;
    assert_eq!(evidence.findings[0].finding.observation, Some(3.0));
    assert_eq!(evidence.findings[0].finding.baseline, Some(1.0));
}

async fn service_methods_are_judged_with_their_own_numbers(mut world: World) {
    world.gate(GATE);
    for (service, method, environment) in [
        (
            "SERVICE-00000000000000A3",
            "SERVICE_METHOD-00000000000000A3",
            "StagingMethods",
        ),
        (
            "SERVICE-00000000000000B3",
            "SERVICE_METHOD-00000000000000B3",
            "ProductionMethods",
        ),
    ] {
        world
            .tenant
            .service(service, "Methods")
            .tag("Methods", environment)
            .method(method, "/api/invoke")
            .add();
    }
    let now = world.now.as_millisecond();
    let requests = |milliseconds: f64| {
        Requests::over(now, now + 1_200_000, 1_000, milliseconds * 1_000.0)
            .failing(Failed::Count(0))
    };
    for (service, method, milliseconds) in [
        (
            "SERVICE-00000000000000A3",
            "SERVICE_METHOD-00000000000000A3",
            200.0,
        ),
        (
            "SERVICE-00000000000000B3",
            "SERVICE_METHOD-00000000000000B3",
            100.0,
        ),
    ] {
        world
            .tenant
            .requests(service, Some(method), requests(milliseconds));
    }
    let spec = json!({"Methods": {
        "etype": "SERVICE",
        "environments": {
            "Staging": {"tags": [{"key": "Methods", "value": "StagingMethods"}]},
            "Production": {"tags": [{"key": "Methods", "value": "ProductionMethods"}]}
        },
        "comparisons": [{"name": "StagingToProduction", "source": "Staging", "compare": "Production"}],
        "perfsignature": [],
        "servicemethods": [{"name": "/api/invoke", "perfsignature": [
            {"timeseries": "com.dynatrace.builtin:servicemethod.responsetime", "aggregate": "avg"}
        ]}]
    }});
    let execution = world.release("1", &spec).await;

    let ticked = world.pass_window().await;

    assert_eq!(world.answered(&execution), ApprovalStatus::Rejected);
    let evidence = world.evidence(only(&ticked)).await;
    let finding = &evidence.findings[0].finding;
    assert_eq!(finding.address.method.as_deref(), Some("/api/invoke"));
    assert_eq!(finding.observation, Some(200_000.0));
    assert_eq!(finding.baseline, Some(100_000.0));
}

async fn both_static_limits_are_enforced_without_a_baseline(first: World) {
    for (milliseconds, told) in [
        (40.0, ApprovalStatus::Rejected),
        (50.0, ApprovalStatus::Approved),
        (100.0, ApprovalStatus::Approved),
        (101.0, ApprovalStatus::Rejected),
    ] {
        let mut world = World::start(first.api).await;
        world.gate("Limits,5,ApproveStaging");
        world.traffic(STAGING, milliseconds, 0.0);
        let spec = json!({"Limits": {
            "etype": "SERVICE",
            "environments": {"Staging": {"tags": [{"key": "DeploymentGroup", "value": "Staging"}]}},
            "comparisons": [{"name": "Limits", "source": "Staging"}],
            "perfsignature": [{
                "timeseries": "com.dynatrace.builtin:service.responsetime",
                "aggregate": "avg", "upperlimit": "100000", "lowerlimit": 50000
            }]
        }});
        let execution = world.release("1", &spec).await;

        world.pass_window().await;

        assert_eq!(world.answered(&execution), told, "{milliseconds} ms");
    }
}

async fn value_on_its_limit_is_held(first: World) {
    for (baseline, observed, worse, limit) in [
        (11.12, 12.788, 12.789, None),
        (18.4, 21.16, 21.161, None),
        // A reader that hurries takes the last digit for a 7.
        (
            1.0,
            199.449_279_355_545_34,
            199.45,
            Some("199.44927935554534"),
        ),
    ] {
        for (microseconds, told) in [
            (observed, ApprovalStatus::Approved),
            (worse, ApprovalStatus::Rejected),
        ] {
            let mut world = World::start(first.api).await;
            world.gate(GATE);
            let now = world.now.as_millisecond();
            for (service, microseconds) in [(STAGING, microseconds), (PRODUCTION, baseline)] {
                let requests = Requests::over(now, now + 1_200_000, 1_000, microseconds);
                world.tenant.requests(service, None, requests);
            }
            let mut spec = monspec();
            let mut signature = json!({
                "timeseries": "com.dynatrace.builtin:service.responsetime", "aggregate": "max"
            });
            if let Some(limit) = limit {
                signature["upperlimit"] = json!(limit);
            }
            spec["SampleJSonService"]["perfsignature"] = json!([signature]);
            let execution = world.release("1", &spec).await;

            world.pass_window().await;

            assert_eq!(world.answered(&execution), told, "{microseconds}");
        }
    }
}

async fn values_of_several_entities_are_merged_by_traffic(mut world: World) {
    world.gate(GATE);
    world
        .tenant
        .service("SERVICE-00000000000000A4", "SampleJSonService")
        .tag("DeploymentGroup", "Staging")
        .add();
    let now = world.now.as_millisecond();
    for (service, count, milliseconds) in [
        (STAGING, 30_000, 100.0),
        ("SERVICE-00000000000000A4", 10_000, 300.0),
    ] {
        let requests = Requests::over(now, now + 1_000_000, count, milliseconds * 1_000.0);
        world.tenant.requests(service, None, requests);
    }
    world.traffic(PRODUCTION, 100.0, 0.0);
    world.release("1", &monspec()).await;

    let ticked = world.pass_window().await;

    let evidence = world.evidence(only(&ticked)).await;
    let observed = |index: usize| {
        evidence.findings[index]
            .finding
            .observation
            .map(f64::round)
            .unwrap()
    };
    match world.api {
        // Weighted: (3 * 100 + 1 * 300) / 4.
        dynatrace::Api::V2 => assert!((observed(0) - 150_000.0).abs() < 1.0),
        // The old API answers per entity and cannot weigh.
        dynatrace::Api::V1 => assert!((observed(0) - 200_000.0).abs() < 1.0),
    }
    assert!(
        (observed(3) - 12_000.0).abs() < 50.0,
        "counts are summed: {}",
        observed(3)
    );
}

async fn one_entry_that_cannot_be_judged_does_not_hide_the_violation_of_another(mut world: World) {
    world.gate(GATE);
    let mut spec = monspec();
    let mut silent = spec["SampleJSonService"].clone();
    silent["environments"]["Staging"]["tags"][0]["value"] = json!("Nowhere");
    spec["ASilentService"] = silent;
    spec["_comment"] = json!("top-level comments are no entries");
    world.traffic(STAGING, 300.0, 0.0);
    world.traffic(PRODUCTION, 100.0, 0.0);
    let execution = world.release("1", &spec).await;
    world.pass_window().await;
    world.advance(SignedDuration::from_mins(6));

    let ticked = world.tick().await;

    assert_eq!(world.answered(&execution), ApprovalStatus::Rejected);
    let evidence = world.evidence(only(&ticked)).await;
    assert_eq!(evidence.answer, Answer::Reject);
    let silent = evidence
        .findings
        .iter()
        .find(|found| found.finding.address.service == "ASilentService")
        .unwrap();
    assert!(
        silent
            .finding
            .reason
            .contains("no entity matches tag DeploymentGroup:Nowhere"),
        "{}",
        silent.finding.reason
    );
}
