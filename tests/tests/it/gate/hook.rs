//! The result, posted to whoever asked for it.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use jiff::SignedDuration;
use lab::pipeline::ApprovalStatus;
use release::validation::{Hook, Phase};
use serde_json::{Value, json};

use crate::world::{HOOK_SECRET, PRODUCTION, STAGING, World, monspec, only};

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
    assert_eq!(validation.hook, Hook::Delivered);
    assert_eq!(validation.phase, Phase::Settled);
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
    assert_eq!(world.validation(only(&ticked)).await.hook, Hook::Owed);
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
