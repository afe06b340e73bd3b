//! The result, posted to whoever asked for it.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use fake_aws::pipeline::{ApprovalStatus, PipelineSpec, Stage};
use jiff::SignedDuration;
use release::validation::{Hook, Phase, ValidationId};
use serde_json::{Value, json};
use workflows::register_validation::{Outcome, Request, register_validation};
use workflows::validate_builds::LookResult;
use workflows::work::Progress;

use crate::schema;
use crate::world::{HOOK_SECRET, PIPELINE, PRODUCTION, STAGING, World, monspec, only};

#[derive(Default)]
struct Receiver {
    received: Mutex<Vec<(HeaderMap, String)>>,
    refusals: Mutex<usize>,
}

impl Receiver {
    /// A receiver that says no so many times before it says yes.
    async fn start(refusals: usize) -> (Arc<Self>, String) {
        let receiver = Arc::new(Self::default());
        *receiver.refusals.lock().unwrap() = refusals;
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let origin = format!("http://{}", listener.local_addr().unwrap());
        let shared = Arc::clone(&receiver);
        let router = Router::new().route(
            "/result",
            post(async move |headers: HeaderMap, body: String| {
                let mut refusals = shared.refusals.lock().unwrap();
                if 0 < *refusals {
                    *refusals -= 1;
                    return StatusCode::SERVICE_UNAVAILABLE;
                }
                shared.received.lock().unwrap().push((headers, body));
                StatusCode::NO_CONTENT
            }),
        );
        tokio::spawn(async move { axum::serve(listener, router).await });
        (receiver, origin)
    }
}

async fn hooked_world(refusals: usize) -> (World, Arc<Receiver>) {
    let (receiver, origin) = Receiver::start(refusals).await;
    let mut world = World::start(dynatrace::Api::V2).await;
    world.origins.clone_from(&origin);
    let parameters = json!({
        "comparison": "StagingToProduction",
        "approvalAction": "ApproveStaging",
        "resultHook": format!("{origin}/result"),
    });
    world.gate(&parameters.to_string());
    world.traffic(STAGING, 100.0, 0.0);
    world.traffic(PRODUCTION, 100.0, 0.0);
    (world, receiver)
}

#[tokio::test]
async fn result_is_posted_once_and_signed() {
    let (mut world, receiver) = hooked_world(0).await;
    world.release("1", &monspec()).await;

    let ticked = world.pass_window().await;

    let received = receiver.received.lock().unwrap();
    let [(headers, body)] = received.as_slice() else {
        panic!("expected one delivery");
    };
    let result: Value = serde_json::from_str(body).unwrap();
    schema::assert_is("Posted", &result);
    assert_eq!(result["validation"], only(&ticked).to_string());
    assert_eq!(result["verdict"], "passed");
    assert_eq!(result["findings"].as_array().unwrap().len(), 4);
    assert_eq!(
        headers["x-unbreakable-delivery"],
        only(&ticked).to_string().as_str()
    );
    assert_eq!(headers["x-unbreakable-signature"], signature(body).as_str());
}

#[tokio::test]
async fn receiver_that_is_down_is_tried_again_and_holds_up_nothing() {
    let (mut world, receiver) = hooked_world(1).await;
    let execution = world.release("1", &monspec()).await;
    let ticked = world.pass_window().await;
    assert_eq!(world.answered(&execution), ApprovalStatus::Approved);
    assert!(receiver.received.lock().unwrap().is_empty());

    world.advance(SignedDuration::from_mins(1));
    world.tick().await;

    assert_eq!(receiver.received.lock().unwrap().len(), 1);
    let validation = world.validation(only(&ticked)).await;
    assert_eq!(validation.hook(), Hook::Delivered);
    assert_eq!(validation.phase(), Phase::Settled);
    let result = validation.result.unwrap();
    assert_eq!((result.attempts, result.posted), (1, Some(world.now)));
}

/// An operator who takes an origin back stops what was promised to it.
#[tokio::test]
async fn result_for_an_origin_that_is_allowed_no_more_is_given_up() {
    let (mut world, receiver) = hooked_world(0).await;
    let execution = world.release("1", &monspec()).await;
    world.origins.clear();

    let ticked = world.pass_window().await;

    assert_eq!(world.answered(&execution), ApprovalStatus::Approved);
    assert!(receiver.received.lock().unwrap().is_empty());
    let result = world.validation(only(&ticked)).await.result.unwrap();
    let why = result.given_up.unwrap();
    assert!(why.contains("ALLOWED_ORIGINS"), "{why}");
    world.advance(SignedDuration::from_hours(1));
    world.tick().await;
    assert!(receiver.received.lock().unwrap().is_empty());
}

/// Who asks twice for the same approval of the same execution, and is heard by a
/// receiver that was down the first time.
#[tokio::test]
async fn result_that_is_owed_is_posted_although_its_validation_is_superseded() {
    let (mut world, receiver) = hooked_world(1).await;
    let execution = unregistered(&world);
    let first = registered(&world, &execution).await;
    world.pass_window().await;
    assert_eq!(world.validation(first).await.hook(), Hook::Owed);

    let second = registered(&world, &execution).await;

    let superseded = world.validation(first).await;
    assert_eq!(superseded.phase(), Phase::Settled);
    let answers = world.aws.calls("PutApprovalResult");
    world.advance(SignedDuration::from_mins(6));
    world.tick().await;
    world.pass_window().await;
    assert_eq!(world.validation(first).await.hook(), Hook::Delivered);
    assert_eq!(world.validation(second).await.hook(), Hook::Delivered);
    assert_eq!(world.aws.calls("PutApprovalResult"), answers);
    let posted: Vec<Value> = {
        let received = receiver.received.lock().unwrap();
        let body = |(_, body): &(HeaderMap, String)| serde_json::from_str::<Value>(body).unwrap();
        received.iter().map(body).collect()
    };
    let posted: Vec<&Value> = posted.iter().map(|result| &result["validation"]).collect();
    assert_eq!(posted, [&json!(first), &json!(second)]);
    world.advance(SignedDuration::from_hours(1));
    let later = world.tick().await;
    let again = later
        .looks
        .iter()
        .find(|look| look.about.registration.id == first);
    assert!(again.is_none(), "it is not due any more: {again:?}");
}

#[tokio::test]
async fn hook_of_a_validation_that_never_had_a_result_is_given_up_visibly() {
    let (mut world, receiver) = hooked_world(0).await;
    let execution = unregistered(&world);
    let first = registered(&world, &execution).await;
    let second = registered(&world, &execution).await;

    let ticked = world.pass_window().await;

    let given_up = |look: &&LookResult| {
        matches!(look.progress, Progress::Settled)
            && look
                .about
                .result
                .as_ref()
                .is_some_and(|it| it.given_up.is_some())
    };
    let told: Vec<_> = ticked.looks.iter().filter(given_up).collect();
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!(told[0].about.registration.id, first);
    assert_eq!(world.validation(first).await.hook(), Hook::GivenUp);
    assert_eq!(world.validation(second).await.hook(), Hook::Delivered);
    assert_eq!(receiver.received.lock().unwrap().len(), 1);
}

/// An execution whose approval waits, in a pipeline that registers nothing.
fn unregistered(world: &World) -> String {
    let staging = Stage::new("Staging").deploy("Deploy", "SampleDevOpsApp", "Staging", 1);
    let approve = Stage::new("Approve").approval("ApproveStaging");
    let pipeline = PipelineSpec::new(PIPELINE).stage(staging).stage(approve);
    world.aws.pipelines().create(pipeline);
    world.start_execution("1", &monspec())
}

/// Registers a validation directly, with a hook.
async fn registered(world: &World, execution: &str) -> ValidationId {
    let event = json!({
        "pipeline": PIPELINE, "executionId": execution, "comparison": "StagingToProduction",
        "minutes": 5, "approvalAction": "ApproveStaging", "monspec": monspec(),
        "resultHook": format!("{}/result", world.origins),
    });
    let services = world.registering();
    let asked = event.to_string();
    let outcome = register_validation(&services, Request::Direct(&asked), world.now).await;
    match outcome.unwrap() {
        Outcome::Waiting { id, .. } => id,
        other => panic!("it is registered: {other:?}"),
    }
}

#[tokio::test]
async fn receiver_that_hangs_holds_up_no_approval() {
    let (mut world, _) = hooked_world(0).await;
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = format!("http://{}", silent.local_addr().unwrap());
    world.origins.clone_from(&origin);
    let parameters = json!({
        "comparison": "StagingToProduction",
        "approvalAction": "ApproveStaging",
        "resultHook": format!("{origin}/result"),
    });
    world.gate(&parameters.to_string());
    let execution = world.release("1", &monspec()).await;
    world.advance(SignedDuration::from_mins(8));

    let ticked = world
        .tick_within(std::time::Duration::from_secs(2))
        .await
        .unwrap();

    assert_eq!(world.answered(&execution), ApprovalStatus::Approved);
    assert_eq!(world.validation(only(&ticked)).await.hook(), Hook::Owed);
}

fn signature(body: &str) -> String {
    use hmac::{Hmac, KeyInit, Mac};
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(HOOK_SECRET.as_bytes()).unwrap();
    mac.update(body.as_bytes());
    let hex: Vec<String> = mac
        .finalize()
        .into_bytes()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    format!("sha256={}", hex.concat())
}
