//! Whether an event is there already cannot always be known, and then it is
//! announced: twice is better than never.

use std::time::Duration;

use delivery::job::JobEvent;
use dynatrace::Api;
use fake_aws::codedeploy::GroupOptions;
use fake_aws::pipeline::Mode;
use fake_dynatrace::{Fault, Times, Unstored};
use jiff::SignedDuration;
use serde_json::json;
use workflows::push_deployment_event::{Outcome, Request};

use super::APPLICATION;
use crate::gate::stories;
use crate::world::{PRODUCTION, World, monspec};

stories![
    many_processes_are_told_within_the_calls_of_one_minute,
    tenant_that_cannot_say_what_is_there_is_told_all_the_same,
    event_of_another_tool_is_not_taken_for_ours,
    pipeline_tells_more_than_the_notice_before_it_did,
    fault_with_one_type_does_not_silence_the_other,
];

const PROCESS: &str = "PROCESS_GROUP_INSTANCE-0000000000000000";

/// The path under which events are read.
fn reading(world: &World) -> &'static str {
    match world.api {
        Api::V2 => "GET /api/v2/events",
        Api::V1 => "GET /api/v1/events",
    }
}

async fn many_processes_are_told_within_the_calls_of_one_minute(world: World) {
    for n in 0..60 {
        let id = format!("PROCESS_GROUP_INSTANCE-{n:016X}");
        let process = world.tenant.entity("PROCESS_GROUP_INSTANCE", &id, "node");
        process.tag("DeploymentGroup", "Production").add();
    }
    let id = world.deployed("c0ffee");

    for _ in 0..2 {
        let tenant = world.paced(Some(50));
        let request = Request::Deployment(&id);
        let told = world.announce_to(tenant, request, Duration::from_secs(20));
        let outcome = told.await.unwrap();
        let Outcome::Announced(announcement) = outcome else {
            panic!("{outcome:?}");
        };
        assert_eq!(announcement.have_it, 61);
    }

    assert_eq!(world.tenant.events().len(), 61, "each of them once");
}

async fn tenant_that_cannot_say_what_is_there_is_told_all_the_same(world: World) {
    for (told, fault) in [(1, Fault::NotJson200), (2, Fault::Hang)] {
        world.tenant.clear_faults();
        world.tenant.fail(fault, Times::Always, reading(&world));
        let id = world.deployed("c0ffee");

        let request = Request::Deployment(&id);
        let outcome = world
            .announce_to(world.dynatrace(), request, Duration::from_secs(4))
            .await
            .unwrap();

        assert!(matches!(outcome, Outcome::Announced(_)), "{outcome:?}");
        assert_eq!(world.events_on(PRODUCTION).len(), told);
    }
}

async fn event_of_another_tool_is_not_taken_for_ours(world: World) {
    let id = world.deployed("c0ffee");
    for (source, application, group) in [
        ("Another tool", APPLICATION, "Production"),
        ("AWS CodePipeline", "AnotherApp", "Production"),
        ("AWS CodePipeline", APPLICATION, "Staging"),
    ] {
        let event = dynatrace::Event {
            title: "Deploy".to_owned(),
            source: source.to_owned(),
            entities: vec![PRODUCTION.to_owned()],
            properties: [
                ("CodeDeploy.Application", application),
                ("CodeDeploy.DeploymentGroup", group),
                ("CodeDeploy.DeploymentId", &id),
            ]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into(),
            ..dynatrace::Event::default()
        };
        let deadline = tokio::time::Instant::now() + Duration::from_secs(20);
        let _ = world.dynatrace().announce(&event, deadline).await.unwrap();
    }

    for _ in 0..2 {
        world.announce(Request::Deployment(&id)).await.unwrap();
    }

    let ours = world.events_on(PRODUCTION).split_off(3);
    let [ours] = ours.as_slice() else {
        panic!("{ours:?}");
    };
    assert_eq!(ours.properties["dt.event.source"], "AWS CodePipeline");
    assert_eq!(ours.properties["CodeDeploy.Application"], APPLICATION);
    assert_eq!(ours.properties["CodeDeploy.DeploymentGroup"], "Production");
}

async fn pipeline_tells_more_than_the_notice_before_it_did(mut world: World) {
    let slow = GroupOptions {
        duration: SignedDuration::from_secs(90),
        ..GroupOptions::default()
    };
    world.production_group(slow);
    world.announcing_pipeline(Mode::Superseded, "Production,Deploying");
    let execution = world.start_execution("1", &monspec());
    world.advance(SignedDuration::from_mins(2));
    let history = world.aws.codedeploy().history(APPLICATION, "Production");
    let id = history.unwrap()[0].id.clone();
    let job = world.aws.pipelines().next_job().unwrap();
    let event: JobEvent = serde_json::from_value(job.event.clone()).unwrap();
    world.tenant.fail(Fault::NotJson200, Times::Always, "/api");
    let fault = world.announce(Request::Job(&event.job)).await;
    assert!(fault.is_err(), "it is in the ledger by now: {fault:?}");
    world.tenant.clear_faults();
    world.announce(Request::Deployment(&id)).await.unwrap();

    world.announce_job(&job).await;
    let again = world.aws.pipelines().redeliver(&job.id).unwrap();
    let event: JobEvent = serde_json::from_value(again.event).unwrap();
    world.announce(Request::Job(&event.job)).await.unwrap();
    world.announce(Request::Deployment(&id)).await.unwrap();

    let events = world.events_on(PRODUCTION);
    let [notice, job] = events.as_slice() else {
        panic!("{events:?}");
    };
    assert_eq!(notice.properties["PipelineExecutionId"], execution);
    assert!(!notice.properties.contains_key("PipelineName"));
    assert_eq!(job.properties["PipelineExecutionId"], execution);
    let link = &job.properties["dt.event.deployment.ci_back_link"];
    assert!(link.contains(&execution), "{link}");
    for event in &events {
        assert_eq!(event.properties["CodeDeploy.DeploymentId"], id);
    }
}

async fn fault_with_one_type_does_not_silence_the_other(world: World) {
    let process = world
        .tenant
        .entity("PROCESS_GROUP_INSTANCE", PROCESS, "node");
    process.add();
    let writing = match world.api {
        Api::V2 => "POST /api/v2/events/ingest",
        Api::V1 => "POST /api/v1/events",
    };
    world.tenant.fail(Fault::NotJson200, Times::N(1), writing);

    let told = both_types();
    let direct = Request::Direct {
        parameters: &told,
        request: "call-1",
    };
    let fault = world.announce(direct).await.unwrap_err();

    let fault = format!("{fault:#}");
    assert!(fault.contains("cannot announce the deployment"), "{fault}");
    world.event_on(PRODUCTION);
    assert!(world.events_on(PROCESS).is_empty());
    world.announce(direct).await.unwrap();
    world.event_on(PRODUCTION);
    world.event_on(PROCESS);
}

#[tokio::test]
async fn type_that_is_refused_does_not_silence_the_other() {
    let world = World::start(Api::V2).await;
    let process = world
        .tenant
        .entity("PROCESS_GROUP_INSTANCE", PROCESS, "node");
    process.add();
    let refusal = Unstored::InvalidMetadata;
    world.tenant.store_no_event(refusal, Times::N(1));

    let told = both_types();
    let direct = Request::Direct {
        parameters: &told,
        request: "call-1",
    };
    let outcome = world.announce(direct).await.unwrap();

    let Outcome::Refused(refused) = outcome else {
        panic!("{outcome:?}");
    };
    for word in ["PROCESS_GROUP_INSTANCE", "INVALID_METADATA"] {
        assert!(refused.text.contains(word), "{}", refused.text);
    }
    world.event_on(PRODUCTION);
}

/// A process, whose type comes first, and a service.
fn both_types() -> String {
    let entities = [PROCESS, PRODUCTION];
    json!({"kind": "info", "title": "Scaled", "attachRules": {"entityIds": entities}}).to_string()
}
