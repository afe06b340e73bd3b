//! A problem and a run that answers it, for the tests of this module.

use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::{Arrival, Problem};
use crate::ledger::Known;
use crate::runbook::{About, Begun, Cause, Draft, Input, Run, Runbooks};

pub(super) fn minute(minute: i64) -> Timestamp {
    Timestamp::from_second(minute * 60).unwrap()
}

/// One that became known in minute 10.
pub(super) fn problem() -> Problem {
    let patience = SignedDuration::from_hours(24);
    Problem::heard_of("P-1", Arrival::Webhook, minute(10), patience)
}

/// One that was just begun for it.
pub(super) fn run() -> Run {
    let settings = json!({
        "controllers": {
            "awx": {"base": "https://awx.acme/api/v2", "auth": "bearer", "secret": "/ub/awx"},
        },
        "runbooks": {"stop": {
            "on": "awx", "template": 18, "name": "stop-campaign",
            "for": {"events": ["CUSTOM_CONFIGURATION"], "sources": ["Ansible"]},
        }},
    });
    let listed = Runbooks::read(&settings.to_string()).unwrap();
    let draft = Draft {
        runbook: listed.runbooks["stop"].clone(),
        cause: Cause {
            id: "e-1".to_owned(),
            kind: "CUSTOM_CONFIGURATION".to_owned(),
            at: minute(5),
            title: "rate".to_owned(),
            source: "Ansible".to_owned(),
        },
        input: Input::default(),
    };
    let begun = draft.begin(
        "r-1".to_owned(),
        &problem(),
        About::default(),
        &Known::default(),
    );
    match begun {
        Begun::Run(run) => *run,
        other => panic!("{other:?}"),
    }
}
