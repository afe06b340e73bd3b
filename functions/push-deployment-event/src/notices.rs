//! The notices of one event, and what became of each.

use futures_util::future::join_all;
use lambda::job::ended;
use lambda::{Failure, Invocation};
use serde_json::{Value, json};
use workflows::push_deployment_event::Request;

use crate::setup::Edge;
use crate::{push, report};

/// Announces what every notice is about, side by side, so that one that is
/// refused or hangs stops no other. If one could not be announced the whole
/// event is delivered again; what has its announcement is found to have it then.
pub(crate) async fn answer(
    edge: &Edge,
    notices: Vec<anyhow::Result<String>>,
    request: &str,
    invocation: Invocation,
) -> Result<Value, Failure> {
    if notices.is_empty() {
        return Ok(report::nothing(request, "the notice is about one instance"));
    }
    let answers = notices.into_iter().map(async |notice| {
        let id = notice.map_err(|error| ("a notice".to_owned(), Failure::unusable(error)))?;
        let pushed = Box::pin(push(edge, Request::Deployment(&id), invocation));
        let pushed = ended(pushed, invocation.deadline).await;
        let answer = pushed.map_err(Failure::from);
        match answer.and_then(|outcome| report::to_caller(&id, outcome)) {
            Ok(answer) => Ok((id, answer)),
            Err(failure) => Err((id, failure)),
        }
    });
    let (mut done, mut failed) = (serde_json::Map::new(), Vec::new());
    for answer in join_all(answers).await {
        match answer {
            Ok((id, answer)) => drop(done.insert(id, answer)),
            Err(failure) => failed.push(failure),
        }
    }
    match Failure::of_some(done.len() + failed.len(), failed) {
        None => Ok(json!({ "deployments": done })),
        Some(failure) => Err(failure),
    }
}
