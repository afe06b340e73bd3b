//! What CodePipeline and the schedule do by themselves: deliver jobs to their
//! functions, and call scheduled functions.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use super::Scene;
use crate::world::{self, CHANGE_FLAGS, HANDLE_PROBLEM, PUSH, REGISTER, VALIDATE};
use fake_aws::pipeline::Job;
use lambda_host::runtime::Function;

/// Instead of a minute in production.
const EVERY: Duration = Duration::from_secs(1);

const PAUSE: Duration = Duration::from_millis(100);

/// Lambda retries a failed event twice, after one and two minutes.
const RETRIES: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(2)];

/// Delivers jobs, without end.
pub(super) async fn carry_jobs(scene: Arc<Scene>) -> anyhow::Result<()> {
    loop {
        while let Some(job) = scene.world.aws.pipelines().next_job() {
            tokio::spawn(carry(Arc::clone(&scene), job));
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// Calls the scheduled functions, without end.
pub(super) async fn tick(scene: Arc<Scene>) -> anyhow::Result<()> {
    loop {
        tokio::join!(
            call(&scene, VALIDATE, &scene.world.validate),
            call(&scene, HANDLE_PROBLEM, scene.heal.function()),
            call(&scene, CHANGE_FLAGS, scene.switches.changing()),
        );
        tokio::time::sleep(EVERY).await;
    }
}

async fn call(scene: &Scene, name: &str, function: &Function) {
    let (_, logs) = invoke(scene, name, function, world::scheduled()).await;
    scene.journal.tell_news(name, &logs);
}

async fn carry(scene: Arc<Scene>, job: Job) {
    let function = match job.function.as_str() {
        REGISTER => &scene.world.register,
        PUSH => &scene.push,
        other => {
            scene.trouble(format!("`{other}` does not run here"));
            return;
        }
    };
    let mut retries = RETRIES.into_iter();
    loop {
        let (done, logs) = invoke(&scene, &job.function, function, job.event.clone()).await;
        scene.journal.tell_logs(&job.function, &logs);
        match retries.next() {
            Some(pause) if !done => tokio::time::sleep(pause).await,
            _ => break,
        }
    }
}

/// Invokes a function; returns whether it succeeded, and its log. A failure is
/// reported as trouble of the lab.
async fn invoke(scene: &Scene, name: &str, function: &Function, event: Value) -> (bool, String) {
    match function.invoke(event).await {
        Ok(invocation) => {
            let logs = invocation.logs.clone();
            let answer = world::answer(name, invocation);
            if let Err(error) = &answer {
                scene.trouble(format!("{error:#}"));
            }
            (answer.is_ok(), logs)
        }
        Err(error) => {
            scene.trouble(format!("{name} cannot be invoked: {error:#}"));
            (false, String::new())
        }
    }
}
