//! One request over HTTP and its answer.

use anyhow::Context as _;
use lambda::Invocation;
use lambda::door::{self, Opens, Route, Takes};
use lambda::http;
use serde_json::Value;
use workflows::push_deployment_event::Request;

use crate::event::LARGEST_BODY;
use crate::setup::Edge;
use crate::{push, report};

const ROUTES: [Route<()>; 1] = [Route {
    leads_to: (),
    path: "*",
    methods: &["POST"],
    opens: Opens::Secret,
    takes: Takes::Json {
        longest: LARGEST_BODY,
    },
}];

/// Announces what was posted.
pub(crate) async fn answer(
    edge: &Edge,
    asked: &http::Request,
    request: &str,
    invocation: Invocation,
) -> Value {
    let visit = match door::enter(&ROUTES, Some(&edge.secrets), asked).await {
        Ok(visit) => visit,
        Err(refused) => return refused.answer(),
    };
    let parameters = Request::Direct {
        parameters: &visit.body,
        request,
    };
    let outcome = push(edge, parameters, invocation)
        .await
        .context("cannot announce what was posted");
    report::over_http(request, outcome)
}
