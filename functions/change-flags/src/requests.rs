//! One request and its answer, which is always JSON.

use flags::key::Presented;
use lambda::door::{self, Opens, Refused, Route, Takes};
use lambda::http::{Request, Status, answer as response};
use serde_json::{Value, json};
use workflows::Tick;
use workflows::change_flags::{Answer, Call, Ended, Observed, Wanted, change_flags};

use crate::report;
use crate::setup::Edge;

/// As the callers of the guide know them, below any folder.
const ROUTES: [Route<Call>; 7] = [
    reads("*/api/remediation/feature-flags", Call::List),
    changes("*/api/remediation/feature-flag", Call::Set),
    changes("*/api/remediation/feature-flags/bulk", Call::Bulk),
    changes("*/api/remediation/feature-flags/preset", Call::Preset),
    changes("*/api/remediation/error-rate", Call::ErrorRate),
    changes("*/carts/1/items/promotional/{}", Call::Promotional),
    // The carts of the guide take a GET. Nobody repeats one that has a key, and
    // who does repeats the same value.
    reads("*/carts/1/items/promotional/{}", Call::Promotional),
];

/// Twenty flags with values as long as they may be.
const LONGEST: usize = 256 * 1024;

const fn reads(path: &'static str, leads_to: Call) -> Route<Call> {
    route(path, leads_to, &["GET"], Takes::Nothing)
}

const fn changes(path: &'static str, leads_to: Call) -> Route<Call> {
    route(path, leads_to, &["POST"], Takes::Json { longest: LONGEST })
}

const fn route(
    path: &'static str,
    leads_to: Call,
    methods: &'static [&'static str],
    takes: Takes,
) -> Route<Call> {
    Route {
        leads_to,
        path,
        methods,
        opens: Opens::Key,
        takes,
    }
}

/// Answers a request. Of the request, only what it made is logged.
pub(crate) async fn answer(edge: &Edge, request: &Request, id: &str, tick: Tick) -> Value {
    let visit = match door::enter(&ROUTES, None, request).await {
        Ok(visit) => visit,
        Err(refused) => return refusal(&refused),
    };
    let key = door::key(request).and_then(|key| Presented::parse(&key));
    let wanted = Wanted {
        call: visit.leads_to,
        name: visit.name,
        key: key.as_ref(),
        idempotency: request.header("idempotency-key").next(),
        body: &visit.body,
    };
    let connect = async || edge.connect().await;
    let observe = |observed: Observed<'_>| report::tell(&observed, tick.now);
    match change_flags(&edge.services, connect, wanted, tick, &observe).await {
        Ok(answer) => told(&answer, id),
        Err(error) => {
            tracing::error!(
                request.id = id,
                "Flags could not be read or changed: {error:#}"
            );
            let why = "the flags could not be read or changed; send it again";
            response(Status::Unavailable, &json!({"ok": false, "error": why}))
        }
    }
}

fn told(answer: &Answer, id: &str) -> Value {
    let status = status(answer.ended);
    for (flag, version) in &answer.made {
        tracing::info!(
            flag.name = flag,
            flag.version = version,
            "Changed flag `{flag}`: version {version}"
        );
    }
    if !matches!(answer.ended, Ended::Done | Ended::Begun) {
        tracing::warn!(
            request.id = id,
            status = status.code(),
            "Refused a request about flags"
        );
    }
    let mut response = response(status, &answer.body);
    if let Some(seconds) = answer.ended.retry_after() {
        response["headers"]["retry-after"] = seconds.to_string().into();
    }
    response
}

fn status(ended: Ended) -> Status {
    match ended {
        Ended::Done => Status::Done,
        Ended::Begun => Status::Begun,
        Ended::Bad => Status::Bad,
        Ended::Unknown => Status::Unknown,
        Ended::Forbidden => Status::Forbidden,
        Ended::Conflict => Status::Conflict,
        Ended::TooOften { .. } => Status::TooOften,
        Ended::Undeclared | Ended::NotTold | Ended::Waits => Status::Unavailable,
    }
}

/// In the words of the guide.
fn refusal(refused: &Refused) -> Value {
    let mut answer = refused.answer();
    let body = json!({"ok": false, "error": refused.to_string()});
    answer["body"] = body.to_string().into();
    answer
}
