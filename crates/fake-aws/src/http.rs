//! From a request on the wire to the service it is meant for.

use std::io;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::request::Parts;
use axum::http::{Request, StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use serde_json::{Value, json};

use super::{Services, rights};
use crate::protocol::{Caller, JsonError};
use crate::s3;
use crate::traffic::Fault;

/// Artifacts are bundles of an application, so the usual 2 MB are too few.
const MAX_BODY: usize = 64 * 1024 * 1024;

pub(super) fn router(services: Services) -> Router {
    Router::new().fallback(handle).with_state(services)
}

async fn handle(State(services): State<Services>, request: Request<Body>) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(body) = axum::body::to_bytes(body, MAX_BODY).await else {
        return StatusCode::PAYLOAD_TOO_LARGE.into_response();
    };
    let target = Target::of(&parts);
    let fault = services.traffic.enter(target.operation());
    tokio::time::sleep(services.traffic.latency(target.operation())).await;

    match fault {
        Some(Fault::Drop) => hang_up(),
        Some(Fault::Throttle) => target.trouble(Trouble::Throttled),
        Some(Fault::Deny) => target.trouble(Trouble::Denied),
        Some(Fault::InternalError) => target.trouble(Trouble::Internal),
        Some(Fault::TimeoutAfterActing) => {
            drop(serve(&services, &target, &parts, body));
            hang_up()
        }
        None => serve(&services, &target, &parts, body),
    }
}

fn serve(services: &Services, target: &Target, parts: &Parts, body: Bytes) -> Response {
    let Some(caller) = Caller::of(&parts.headers) else {
        return target.trouble(Trouble::Unsigned);
    };
    let answer = match target {
        Target::S3 { .. } => {
            let rights = rights::in_s3(parts, &services.s3);
            services.traffic.use_rights(rights);
            return services.s3.serve(&caller, parts, body);
        }
        Target::Json { service, operation } => {
            let Ok(input) = serde_json::from_slice::<Value>(&body) else {
                return json_failure(StatusCode::BAD_REQUEST, &JsonError::not_json());
            };
            match service.as_str() {
                "CodePipeline_20150709" => {
                    let rights = rights::in_codepipeline(operation, &input);
                    services.traffic.use_rights(rights);
                    services.pipelines.serve(&caller, operation, input)
                }
                "CodeDeploy_20141006" => {
                    let codedeploy = &services.codedeploy;
                    let rights = rights::in_codedeploy(operation, &input, codedeploy);
                    services.traffic.use_rights(rights);
                    codedeploy.serve(operation, input)
                }
                "AmazonSSM" => services.ssm.serve(operation, input),
                _ => Err(JsonError::unknown_operation(operation)),
            }
        }
    };
    match answer {
        Ok(output) => json_response(StatusCode::OK, &output),
        Err(error) => json_failure(StatusCode::BAD_REQUEST, &error),
    }
}

/// The operation of a request.
enum Target {
    Json { service: String, operation: String },
    S3 { operation: &'static str },
}

impl Target {
    fn of(parts: &Parts) -> Self {
        let target = parts
            .headers
            .get("x-amz-target")
            .and_then(|target| target.to_str().ok())
            .and_then(|target| target.split_once('.'));
        match target {
            Some((service, operation)) => Self::Json {
                service: service.to_owned(),
                operation: operation.to_owned(),
            },
            None => Self::S3 {
                operation: s3::operation(&parts.method),
            },
        }
    }

    fn operation(&self) -> &str {
        match self {
            Self::Json { operation, .. } => operation,
            Self::S3 { operation } => operation,
        }
    }

    /// The names differ between protocols.
    fn trouble(&self, trouble: Trouble) -> Response {
        let (status, code) = match (self, trouble) {
            (Self::Json { .. }, Trouble::Unsigned) => {
                (StatusCode::FORBIDDEN, "MissingAuthenticationTokenException")
            }
            (Self::Json { .. }, Trouble::Throttled) => {
                (StatusCode::BAD_REQUEST, "ThrottlingException")
            }
            (Self::Json { .. }, Trouble::Denied) => {
                (StatusCode::BAD_REQUEST, "AccessDeniedException")
            }
            (Self::Json { .. }, Trouble::Internal) => {
                (StatusCode::INTERNAL_SERVER_ERROR, "InternalFailure")
            }
            (Self::S3 { .. }, Trouble::Unsigned | Trouble::Denied) => {
                (StatusCode::FORBIDDEN, "AccessDenied")
            }
            (Self::S3 { .. }, Trouble::Throttled) => (StatusCode::SERVICE_UNAVAILABLE, "SlowDown"),
            (Self::S3 { .. }, Trouble::Internal) => {
                (StatusCode::INTERNAL_SERVER_ERROR, "InternalError")
            }
        };
        let message = match trouble {
            Trouble::Unsigned => "The request is not signed",
            Trouble::Throttled => "Rate exceeded",
            Trouble::Denied => "The role is not authorized to perform this",
            Trouble::Internal => "The lab was told to fail",
        };
        match self {
            Self::Json { .. } => json_failure(
                status,
                &JsonError {
                    code,
                    message: message.to_owned(),
                },
            ),
            Self::S3 { .. } => s3::failure(status, code, message),
        }
    }
}

/// Errors of any request.
#[derive(Clone, Copy)]
enum Trouble {
    Unsigned,
    Throttled,
    Denied,
    Internal,
}

fn json_failure(status: StatusCode, error: &JsonError) -> Response {
    json_response(
        status,
        &json!({"__type": error.code, "message": error.message}),
    )
}

fn json_response(status: StatusCode, body: &Value) -> Response {
    let content_type = [(header::CONTENT_TYPE, "application/x-amz-json-1.1")];
    (status, content_type, body.to_string()).into_response()
}

/// Ends the connection instead of answering: a body that fails before its
/// first byte makes the server close the socket with nothing written.
fn hang_up() -> Response {
    let broken = stream::iter([Err::<Bytes, _>(io::Error::other("the lab hung up"))]);
    Body::from_stream(broken).into_response()
}
