//! The entities behind a number: what they are related to, which of them
//! answer, and how they are found.

use fake_aws::pipeline::{ApprovalStatus, JobStatus};
use fake_dynatrace::Requests;
use jiff::SignedDuration;
use monspec::{Answered, Outcome, Verdict};
use serde_json::{Value, json};

use crate::gate::stories;
use crate::world::{GATE, PRODUCTION, STAGING, World, monspec, only};

stories! {
    mistyped_relationship_is_refused_with_the_one_that_was_meant,
    relationship_that_no_such_entity_has_is_a_gap,
    nought_is_a_number_of_entities_that_have_other_relationships,
    nought_of_entities_without_any_relationship_is_a_gap,
    silent_entity_makes_no_pass_of_a_mean,
    mean_over_all_entities_says_how_many_they_are,
    violation_stays_one_however_many_are_silent,
    backslash_in_a_tag_finds_its_entities,
}

/// One signature over both environments.
fn spec(signature: &Value) -> Value {
    let mut spec = monspec();
    spec["SampleJSonService"]["perfsignature"] = json!([signature]);
    spec
}

/// Both environments run on a process group and call nobody.
fn runs(world: &World) {
    for (id, environment) in [(STAGING, "Staging"), (PRODUCTION, "Production")] {
        let service = world.tenant.service(id, "SampleJSonService");
        let service = service.tag("DeploymentGroup", environment);
        service.runs_on("PROCESS_GROUP-00000000000000D1").add();
    }
}

async fn mistyped_relationship_is_refused_with_the_one_that_was_meant(world: World) {
    world.gate(GATE);
    runs(&world);
    world.start_execution("1", &spec(&json!({"smartscape": "toRelationships:cals"})));

    let ends = world.run_jobs().await;

    let [JobStatus::Failed { message, .. }] = ends.as_slice() else {
        panic!("expected one failed job, got {ends:?}");
    };
    assert!(
        message.contains("did you mean `toRelationships:calls`?"),
        "{message}"
    );
}

async fn relationship_that_no_such_entity_has_is_a_gap(mut world: World) {
    world.gate(GATE);
    runs(&world);
    let spec = spec(&json!({"smartscape": "fromRelationships:dependsOn"}));
    let execution = world.release("1", &spec).await;

    let ticked = world.pass_window().await;

    assert_eq!(world.answered(&execution), ApprovalStatus::Waiting);
    let evidence = world.evidence(only(&ticked)).await;
    assert_eq!(evidence.verdict, Verdict::Inconclusive);
    let reason = &evidence.findings[0].finding.reason;
    assert!(
        reason
            .contains("does not know the relationship `fromRelationships:dependsOn` of a SERVICE"),
        "{reason}"
    );
}

async fn nought_is_a_number_of_entities_that_have_other_relationships(mut world: World) {
    world.gate(GATE);
    runs(&world);
    let spec = spec(&json!({"smartscape": "toRelationships:calls"}));
    let execution = world.release("1", &spec).await;

    let ticked = world.pass_window().await;

    assert_eq!(world.answered(&execution), ApprovalStatus::Approved);
    let evidence = world.evidence(only(&ticked)).await;
    assert_eq!(evidence.findings[0].finding.observation, Some(0.0));
}

async fn nought_of_entities_without_any_relationship_is_a_gap(mut world: World) {
    world.gate(GATE);
    let spec = spec(&json!({"smartscape": "toRelationships:calls"}));
    let execution = world.release("1", &spec).await;
    world.pass_window().await;
    assert_eq!(
        world.answered(&execution),
        ApprovalStatus::Waiting,
        "they may be seen yet"
    );

    world.advance(SignedDuration::from_mins(6));
    let ticked = world.tick().await;

    assert_eq!(world.answered(&execution), ApprovalStatus::Waiting);
    let evidence = world.evidence(only(&ticked)).await;
    let reason = &evidence.findings[0].finding.reason;
    assert!(
        reason.contains("no relationship of any kind of tag DeploymentGroup:Staging"),
        "{reason}"
    );
}

const SECOND: &str = "SERVICE-00000000000000A2";

/// Two services in staging, whose numbers are averaged unweighted, of which the
/// second may say nothing.
async fn mean(world: &mut World, second: Option<f64>, first: f64) -> String {
    world.gate(GATE);
    let service = world.tenant.service(SECOND, "SampleJSonService");
    service.tag("DeploymentGroup", "Staging").add();
    let now = world.now.as_millisecond();
    let numbers = [
        (STAGING, Some(first)),
        (SECOND, second),
        (PRODUCTION, Some(100_000.0)),
    ];
    for (id, microseconds) in numbers {
        if let Some(microseconds) = microseconds {
            let requests = Requests::over(now, now + 1_200_000, 1_000, microseconds);
            world.tenant.requests(id, None, requests);
        }
    }
    let signature = json!({
        "timeseries": "com.dynatrace.builtin:service.responsetime", "aggregate": "avg", "merge": "mean"
    });
    world.release("1", &spec(&signature)).await
}

async fn silent_entity_makes_no_pass_of_a_mean(mut world: World) {
    let execution = mean(&mut world, None, 90_000.0).await;
    world.pass_window().await;
    assert_eq!(
        world.answered(&execution),
        ApprovalStatus::Waiting,
        "it may answer yet"
    );

    world.advance(SignedDuration::from_mins(6));
    let ticked = world.tick().await;

    assert_eq!(world.answered(&execution), ApprovalStatus::Waiting);
    let evidence = world.evidence(only(&ticked)).await;
    let finding = &evidence.findings[0].finding;
    assert_eq!(finding.outcome, Outcome::Inconclusive);
    assert_eq!(finding.observation, Some(90_000.0));
    let half = Answered {
        answered: 1,
        entities: 2,
    };
    assert_eq!(finding.coverage.observation, Some(half));
    assert!(
        finding.reason.contains("1 of 2 entities answered"),
        "{}",
        finding.reason
    );
}

async fn mean_over_all_entities_says_how_many_they_are(mut world: World) {
    let execution = mean(&mut world, Some(110_000.0), 90_000.0).await;

    let ticked = world.pass_window().await;

    assert_eq!(world.answered(&execution), ApprovalStatus::Approved);
    let evidence = world.evidence(only(&ticked)).await;
    let finding = &evidence.findings[0].finding;
    assert_eq!(finding.observation, Some(100_000.0));
    assert!(
        finding
            .reason
            .ends_with("2 of 2 entities answered, and 1 of 1 entity answered for the baseline"),
        "{}",
        finding.reason
    );
}

async fn violation_stays_one_however_many_are_silent(mut world: World) {
    let execution = mean(&mut world, None, 300_000.0).await;
    world.pass_window().await;

    world.advance(SignedDuration::from_mins(6));
    world.tick().await;

    assert_eq!(world.answered(&execution), ApprovalStatus::Rejected);
    let summary = world.approval(&execution).summary.unwrap();
    assert!(summary.contains("1 of 2 entities answered"), "{summary}");
}

async fn backslash_in_a_tag_finds_its_entities(mut world: World) {
    world.gate(GATE);
    let mut spec = monspec();
    for (id, environment) in [(STAGING, "Staging"), (PRODUCTION, "Production")] {
        let place = format!(r"C:\shop\{environment}");
        let service = world.tenant.service(id, "SampleJSonService");
        service.tag(r"share\path", &place).add();
        spec["SampleJSonService"]["environments"][environment]["tags"] =
            json!([{"key": r"share\path", "value": place}]);
    }
    world.traffic(STAGING, 100.0, 0.0);
    world.traffic(PRODUCTION, 100.0, 0.0);
    let execution = world.release("1", &spec).await;

    world.pass_window().await;

    assert_eq!(world.answered(&execution), ApprovalStatus::Approved);
}
