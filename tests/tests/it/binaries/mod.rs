//! The gate as it is deployed: the real function binaries, in real time.
//!
//! Windows are seconds long, and every story waits for what it wants to see,
//! up to a deadline that only a broken gate reaches.

mod announce;
mod answers;
mod direct;
mod frozen;
mod heal;
mod jobs;
mod killed;
mod overlap;
mod publish;
mod receiver;
mod report;
mod secrecy;
mod start;

use std::time::Duration;

use dynatrace::Api;
use fake_aws::pipeline::{ApprovalStatus, Job};
use lab::world::{self, Carried, REGISTER, Settings, Traffic, World};
use release::validation::{Phase, Validation, ValidationId};
use serde_json::{Value, json};

use crate::world::monspec;

/// Much longer than anything takes, so that only what never happens is told.
const PATIENCE: Duration = Duration::from_mins(1);

/// A world with a gate whose window is a second long, and traffic of a good
/// build.
async fn gated(settings: Settings) -> World {
    let world = World::start(settings).await.unwrap();
    world.gate(&parameters());
    world.traffic(Traffic::HEALTHY, Traffic::HEALTHY);
    world
}

/// What the registering action asks for.
fn parameters() -> Value {
    json!({
        "comparison": "StagingToProduction",
        "window": "1s",
        "approvalAction": "ApproveStaging",
    })
}

/// Tells a story under both generations of the tenant's API, at the same time.
async fn under_both(story: impl AsyncFn(Api)) {
    tokio::join!(Box::pin(story(Api::V2)), Box::pin(story(Api::V1)));
}

/// A build that is registered: the id of its execution, its job and the id of
/// its validation.
struct Registered {
    execution: String,
    job: Job,
    id: ValidationId,
}

/// Releases a build and lets its job run.
async fn registered(world: &World) -> Registered {
    let execution = release(world);
    let Carried { job, invocation } = carried(world).await;
    world::answer(REGISTER, invocation).unwrap();
    let id = world.validations().registered_by(&job.id).await.unwrap();
    Registered {
        execution,
        id: id.expect("the validation is stored before the job is answered"),
        job,
    }
}

fn release(world: &World) -> String {
    let spec = monspec().to_string();
    world.release("4f2a9c1", "Change the cart", &spec).unwrap()
}

/// The only job that was due.
async fn carried(world: &World) -> Carried {
    let mut carried = world.carry_jobs().await.unwrap();
    assert_eq!(carried.len(), 1);
    carried.remove(0)
}

async fn answered(world: &World, execution: &str) {
    let answered = async || status(world, execution) != ApprovalStatus::Waiting;
    world
        .tick_until("the approval is answered", PATIENCE, answered)
        .await
        .unwrap();
}

fn status(world: &World, execution: &str) -> ApprovalStatus {
    world.approval(execution).unwrap().status
}

async fn stored(world: &World, id: ValidationId) -> Validation {
    world.validations().validation(id).await.unwrap().unwrap()
}

async fn settled(world: &World, id: ValidationId) {
    let settled = async || stored(world, id).await.phase() == Phase::Settled;
    world
        .tick_until("the validation is settled", PATIENCE, settled)
        .await
        .unwrap();
}

/// The structured lines among what functions wrote.
fn lines(logs: &str) -> Vec<Value> {
    logs.lines()
        .filter_map(|line| serde_json::from_str(line).ok())
        .collect()
}

/// The lines about one validation that are meant for people.
fn told(logs: &str, id: ValidationId) -> Vec<Value> {
    let id = json!(id);
    let mut told = lines(logs);
    told.retain(|line| line["validation.id"] == id);
    told
}

/// The lines of metrics about one validation.
fn measured(logs: &str, id: ValidationId) -> Vec<Value> {
    let id = json!(id);
    let mut measured = lines(logs);
    measured.retain(|line| line["_aws"].is_object() && line["validation"] == id);
    measured
}
