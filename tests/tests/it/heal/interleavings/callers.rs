//! The flags of the storm, and what callers ask for.

use std::time::Duration;

use fastrand::Rng;
use flags::key::{Key, KeyHolder, Presented, issue};
use release::rule;
use serde_json::{Value, json};
use store::Flags;
use workflows::change_flags::{self, Call, Ended, Wanted, change_flags};

use super::steps::Done;
use super::storm::{Storm, Worker};

/// The set that the functions change.
pub(super) const SET: &str = "prod";

/// All flags, by name.
pub(super) const FLAGS: [&str; 6] = [
    "breaker", "campaign", "colour", "errors", "limit", "percent",
];

const FILE: &str = r#"{ "flags": {
    "errors": { "type": "boolean", "default": true, "touches": TOUCHES },
    "breaker": { "type": "boolean", "default": false, "touches": TOUCHES },
    "percent": { "type": "integer", "default": 5, "min": 0, "max": 100, "touches": TOUCHES,
        "rateLimit": { "changes": 4, "within": "10m" } },
    "campaign": { "type": "integer", "default": 0, "min": 0, "max": 100, "touches": TOUCHES,
        "events": "require" },
    "limit": { "type": "number", "default": 0.1, "min": 0, "max": 1, "touches": TOUCHES },
    "colour": { "type": "string", "default": "red", "harmless": true, "touches": TOUCHES }
} }"#;

const TOUCHES: &str =
    r#"{ "etype": "SERVICE", "tags": [{ "key": "DeploymentGroup", "value": "Production" }] }"#;

/// What rules set is blamed for other problems, too.
const RULES: &str = r#"{ "rules": {
    "noErrors": { "when": { "category": ["ERROR"] }, "set": { "errors": false },
        "restore": "onClose", "mode": "auto", "maxPerDay": 20 },
    "lessLoad": { "when": { "category": ["ERROR", "PERFORMANCE"] }, "set": { "percent": 0 },
        "restore": "onClose", "mode": "auto", "maxPerDay": 3 },
    "breaker": { "when": { "category": ["AVAILABILITY"] }, "set": { "breaker": true, "errors": false },
        "restore": "onClose", "mode": "auto", "maxPerDay": 20 },
    "limit": { "when": { "category": ["PERFORMANCE"] }, "ramp": { "flag": "limit", "to": 0.02, "duration": "5m" },
        "ttl": "30m", "restore": "onClose", "mode": "auto", "maxPerDay": 20 },
    "told": { "when": { "category": ["AVAILABILITY"] }, "set": { "percent": 1 }, "mode": "shadow" }
} }"#;

/// Somebody asks for a change.
#[derive(Clone)]
pub(super) struct Ask {
    key: &'static str,
    call: Call,
    body: Value,
    /// What makes a repetition the same request; its reason, too.
    pub(super) name: String,
}

/// Declares flags and rules, and gives a person and a program their keys.
pub(super) async fn declare(flags: &Flags) {
    let file = FILE.replace("TOUCHES", TOUCHES);
    let declared = flags::read(&file);
    let declared = declared.declarations.expect("the file is right");
    flags.declare(SET, &declared, None).await.unwrap();
    let reading = rule::read(RULES, Some(&declared));
    let rules = reading
        .rules
        .unwrap_or_else(|| panic!("{:?}", reading.messages));
    let none = std::collections::BTreeMap::new();
    flags.declare_rules(SET, &rules, &none).await.unwrap();
    for (id, holder) in [("ann", KeyHolder::Person), ("ci", KeyHolder::Machine)] {
        let actions = ["change", "confirm", "ramp", "release"];
        let key = Key {
            id: id.to_owned(),
            name: id.to_owned(),
            holder,
            secrets: vec![issue(id, [7; 32]).hash],
            scopes: actions
                .iter()
                .map(|action| format!("{action}:{SET}").parse().unwrap())
                .collect(),
            expires: None,
        };
        flags.put_key(&key).await.unwrap();
    }
}

impl Storm<'_> {
    /// A request as somebody may send it, or the last one once more.
    pub(super) fn ask(&mut self) -> Ask {
        if let Some(last) = self.last_ask.clone()
            && self.chance(20)
        {
            return last;
        }
        self.asked += 1;
        let name = format!("ask-{}", self.asked);
        let dice = &mut self.dice;
        let flag = *dice.choice(&FLAGS).unwrap();
        let problem = dice
            .choice(&self.troubles)
            .map(|one| one.problem.id().to_owned());
        let (call, mut body) = match dice.u8(..20) {
            0..9 => (Call::Set, json!({"flag": flag, "value": value(dice, flag)})),
            9..12 => (
                Call::Bulk,
                json!({"flags": {"errors": value(dice, "errors"), flag: value(dice, flag)}}),
            ),
            12..15 => {
                let seconds = *dice.choice(&[0, 60, 300, 900]).unwrap();
                let rate = value(dice, "limit");
                let body = json!({"flag": "limit", "targetRate": rate, "duration": seconds});
                (Call::ErrorRate, body)
            }
            15 => (Call::ErrorRate, json!({"flag": "limit", "cancel": true})),
            16 => (Call::Set, json!({"flag": flag, "confirm": true})),
            17 => (Call::Set, json!({"flag": flag, "unlock": true})),
            18 => {
                let body = json!({"flag": flag, "value": value(dice, flag), "problemId": problem});
                (Call::Set, body)
            }
            _ => {
                let body = json!({"flag": flag, "value": value(dice, flag), "problemId": problem,
                    "triggeredBy": "workflow_recovery"});
                (Call::Set, body)
            }
        };
        if matches!(call, Call::Set | Call::Bulk) && dice.u8(..10) < 4 {
            body["ttlSeconds"] = json!(dice.choice([30, 120, 600]));
        }
        body["reason"] = json!(name);
        let key = *dice.choice(&["ann", "ann", "ci"]).unwrap();
        let ask = Ask {
            key,
            call,
            body,
            name,
        };
        self.last_ask = Some(ask.clone());
        ask
    }

    /// The function that changes flags gets a request.
    pub(super) async fn asks(&self, worker: &Worker, ask: &Ask) -> Done {
        let secret = issue(ask.key, [7; 32]);
        let presented = Presented::parse(&secret.text).unwrap();
        let wanted = Wanted {
            call: ask.call,
            name: "",
            change: None,
            key: Some(&presented),
            idempotency: Some(&ask.name),
            body: &ask.body.to_string(),
        };
        let tenant = worker.tenant.clone();
        let connect = async || Ok(tenant.clone());
        let tick = self.scene.tick_in(Duration::from_secs(25));
        let answer = change_flags(&worker.switching, connect, wanted, tick, &|_| ()).await;
        match answer {
            Ok(answer) => Done::Answered {
                requires: ask.body["flag"] == "campaign",
                is_said: matches!(answer.ended, Ended::Done | Ended::Begun),
                ended: answer.ended,
                error: answer.body["error"].as_str().unwrap_or_default().to_owned(),
                made: answer.made,
            },
            Err(error) => Done::Refused(format!("{error:#}")),
        }
    }

    /// One event of the schedule of the same function.
    pub(super) async fn sweeps_once(&self, worker: &Worker) -> anyhow::Result<()> {
        let tenant = worker.tenant.clone();
        let connect = async || Ok(tenant);
        let tick = self.scene.tick_in(Duration::from_secs(25));
        change_flags::tick(&worker.switching, connect, tick, &|_| ()).await?;
        Ok(())
    }
}

impl Ask {
    pub(super) fn told(&self) -> String {
        let Self {
            key,
            call,
            body,
            name,
        } = self;
        format!("{key} asks as {name}: {call:?} {body}")
    }
}

fn value(dice: &mut Rng, flag: &str) -> Value {
    match flag {
        "errors" | "breaker" => json!(dice.bool()),
        "percent" | "campaign" => json!(dice.choice([0, 5, 20, 50, 100])),
        "limit" => json!(dice.choice([0.05, 0.1, 0.2, 0.5])),
        _ => json!(dice.choice(["red", "blue"])),
    }
}
