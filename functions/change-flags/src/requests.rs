//! One request and its answer, which is always JSON.

use flags::key::Presented;
use lambda::door::{self, Opens, Refused, Route, Takes};
use lambda::http::{Request, Status, answer as response};
use serde_json::{Value, json};
use workflows::Tick;
use workflows::change_flags::{Call, Observed, Wanted, change_flags};

use crate::answer::told;
use crate::report;
use crate::restore::{self, Visitor};
use crate::setup::Edge;

/// What a request leads to.
#[derive(Clone, Copy)]
enum Way {
    /// Flags are listed or changed.
    Call(Call),
    /// The page that says what would be taken back.
    Page,
}

/// As the callers of the guide know them, below any folder.
const ROUTES: [Route<Way>; 9] = [
    reads("*/api/remediation/feature-flags", Way::Call(Call::List)),
    changes("*/api/remediation/feature-flag", Call::Set),
    changes("*/api/remediation/feature-flags/bulk", Call::Bulk),
    changes("*/api/remediation/feature-flags/preset", Call::Preset),
    changes("*/api/remediation/error-rate", Call::ErrorRate),
    changes(RESTORE, Call::Restore),
    reads(RESTORE, Way::Page),
    changes("*/carts/1/items/promotional/{}", Call::Promotional),
    // The carts of the guide take a GET. Nobody repeats one that has a key, and
    // who does repeats the same value.
    reads(
        "*/carts/1/items/promotional/{}",
        Way::Call(Call::Promotional),
    ),
];

/// Where a change of a flag is taken back; its parameter names the change.
const RESTORE: &str = "*/api/remediation/feature-flag/{}/restore";

/// Twenty flags with values as long as they may be.
const LONGEST: usize = 256 * 1024;

const fn reads(path: &'static str, leads_to: Way) -> Route<Way> {
    route(path, leads_to, &["GET"], Takes::Nothing)
}

const fn changes(path: &'static str, leads_to: Call) -> Route<Way> {
    let leads_to = Way::Call(leads_to);
    route(path, leads_to, &["POST"], Takes::Json { longest: LONGEST })
}

const fn route(
    path: &'static str,
    leads_to: Way,
    methods: &'static [&'static str],
    takes: Takes,
) -> Route<Way> {
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
    let visitor = Visitor {
        request,
        id,
        flag: visit.name,
        key: key.as_ref(),
        now: tick.now,
    };
    let call = match visit.leads_to {
        Way::Page => return restore::page(edge, visitor).await,
        Way::Call(call) => call,
    };
    if call == Call::Restore && restore::is_forged(request) {
        tracing::warn!(request.id = id, "Refused what another site asked for");
        let why = "another site asked for it; open the page of the change";
        return response(Status::Forbidden, &json!({"ok": false, "error": why}));
    }
    let wanted = Wanted {
        call,
        name: visit.name,
        change: restore::change(request),
        key: key.as_ref(),
        idempotency: request.header("idempotency-key").next(),
        body: &visit.body,
    };
    let connect = async || edge.connect().await;
    let observe = |observed: Observed<'_>| report::tell(&observed, tick.now);
    match change_flags(&edge.services, connect, wanted, tick, &observe).await {
        Ok(answer) if call == Call::Restore && restore::is_for_a_person(request) => {
            restore::outcome(edge, visitor, &answer).await
        }
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

/// In the words of the guide.
fn refusal(refused: &Refused) -> Value {
    if let Refused::Key = refused {
        return restore::unknown();
    }
    let mut answer = refused.answer();
    let body = json!({"ok": false, "error": refused.to_string()});
    answer["body"] = body.to_string().into();
    answer
}
