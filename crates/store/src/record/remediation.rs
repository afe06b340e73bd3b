//! What is done about a problem in one place.

use jiff::Timestamp;
use release::problem;
use release::remediation::{self, Actor};
use serde::{Deserialize, Serialize};

use super::change::{Change, Remedy, of_kind};
use super::record;

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Remediation {
    #[serde(deserialize_with = "of_kind")]
    culprit: Change,
    #[serde(default)]
    holds: bool,
    #[serde(default)]
    stopped: bool,
    state: State,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "state")]
enum State {
    Attributed,
    Joined {
        problem: String,
    },
    Intended(Heal),
    #[serde(rename = "deploying")]
    UnderWay {
        heal: Heal,
        deployment: String,
    },
    Healed {
        heal: Heal,
        deployment: String,
        at: Timestamp,
    },
    Confirmed {
        heal: Heal,
        deployment: String,
        at: Timestamp,
        closed: Timestamp,
    },
    Unconfirmed {
        heal: Heal,
        deployment: String,
        at: Timestamp,
    },
    HealFailed {
        heal: Heal,
        deployment: Option<String>,
        reason: String,
    },
    Shadowed(Heal),
    Refused(HealRefusal),
    NotNeeded(Needless),
    GaveUp {
        heal: Option<Heal>,
        deployment: Option<String>,
    },
}

#[derive(Serialize, Deserialize)]
struct Heal {
    #[serde(rename = "target", deserialize_with = "of_kind")]
    remedy: Remedy,
    by: Actor,
    marker: String,
    at: Timestamp,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "because")]
enum HealRefusal {
    NoTarget {
        group: String,
    },
    HealOfHeal {
        deployment: String,
    },
    Cooldown {
        group: String,
        until: Timestamp,
    },
    TooOften {
        group: String,
        count: u32,
        hours: i64,
    },
    ChangedSince {
        flag: String,
        who: String,
        at: Timestamp,
    },
    NothingBefore {
        flag: String,
    },
    Undeclared {
        flag: String,
    },
    SwitchedOff,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "because")]
enum Needless {
    Closed,
    Replaced { running: String, culprit: String },
    Untouched { culprit: String },
    Over,
    Older { culprit: String },
    Stale { minutes: i64 },
}

record!(Remediation = problem::Remediation {
    same: holds, stopped;
    inner: culprit, state;
});

record!(enum State = remediation::State {
    Attributed,
    Joined { same: problem; },
    Intended(heal),
    UnderWay { same: deployment; inner: heal; },
    Healed { same: deployment, at; inner: heal; },
    Confirmed { same: deployment, at, closed; inner: heal; },
    Unconfirmed { same: deployment, at; inner: heal; },
    HealFailed { same: deployment, reason; inner: heal; },
    Shadowed(heal),
    Refused(refusal),
    NotNeeded(needless),
    GaveUp { same: deployment; maybe: heal; },
});

record!(Heal = remediation::Heal {
    same: by, marker, at;
    inner: remedy;
});

record!(enum HealRefusal = remediation::HealRefusal {
    NoTarget { same: group; },
    HealOfHeal { same: deployment; },
    Cooldown { same: group, until; },
    TooOften { same: group, count, hours; },
    ChangedSince { same: flag, who, at; },
    NothingBefore { same: flag; },
    Undeclared { same: flag; },
    SwitchedOff,
});

record!(enum Needless = remediation::Needless {
    Closed,
    Replaced { same: running, culprit; },
    Untouched { same: culprit; },
    Over,
    Older { same: culprit; },
    Stale { same: minutes; },
});

#[cfg(test)]
mod tests {
    use release::change::Remedy;
    use release::remediation::State;
    use serde_json::{Value, json};

    use super::*;

    /// As it was stored before there were kinds.
    const STORED: &str = r#"{
        "culprit": {
            "id": "d-2",
            "group": {"application": "Shop", "name": "Production"},
            "at": "2026-11-29T10:00:00Z",
            "execution": null,
            "identity": "two",
            "version": "2",
            "origin": "release"
        },
        "holds": true,
        "stopped": false,
        "state": {
            "state": "deploying",
            "heal": {
                "target": {
                    "id": "d-1",
                    "group": {"application": "Shop", "name": "Production"},
                    "at": "2026-11-28T10:00:00Z",
                    "execution": "e-1",
                    "identity": "one",
                    "location": "s3:bucket/one.zip",
                    "version": "1",
                    "origin": "release"
                },
                "by": "ours",
                "marker": "[unbreakable:P-1:d-2]",
                "at": "2026-11-29T10:05:00Z"
            },
            "deployment": "d-3"
        }
    }"#;

    #[test]
    fn remediation_of_before_there_were_kinds_is_one_of_deployments() {
        let read: Remediation = serde_json::from_str(STORED).unwrap();
        let read = problem::Remediation::from(read);

        let State::UnderWay { heal, deployment } = &read.state else {
            panic!("{:?}", read.state);
        };
        assert!(matches!(heal.remedy, Remedy::Redeploy(_)));
        assert_eq!((heal.remedy.id(), heal.by), ("d-1", Actor::Ours));
        assert_eq!((read.culprit.id(), deployment.as_str()), ("d-2", "d-3"));
        assert_eq!(read.culprit.place().to_string(), "Shop/Production");
        let mut stored: Value = serde_json::from_str(STORED).unwrap();
        stored["culprit"]["kind"] = json!("deployment");
        stored["state"]["heal"]["target"]["kind"] = json!("deployment");
        let written = serde_json::to_value(Remediation::from(read)).unwrap();
        assert_eq!(written, stored);
    }

    #[test]
    fn remediation_of_a_kind_that_nobody_knows_is_not_read() {
        let mut stored: Value = serde_json::from_str(STORED).unwrap();
        stored["culprit"]["kind"] = json!("weather");

        let read = serde_json::from_value::<Remediation>(stored);

        let why = read.err().unwrap().to_string();
        assert!(why.contains("unknown variant `weather`"), "{why}");
    }
}
