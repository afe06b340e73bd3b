//! A flag that caused a problem is set back, and competes with deployments.

use std::time::Duration;

use fake_dynatrace::{Fault, Problem, Times};
use flags::key::{Key, KeyHolder, Presented, issue};
use flags::{Cause, Entry, taken_back_by};
use jiff::SignedDuration;
use release::change::{Change, Flag, Place};
use release::pause::Target;
use release::remediation::{HealRefusal, Mode, Needless, State};
use serde_json::{Value as Json, json};
use workflows::change_flags::{self, Call, Ended, Wanted, change_flags};

use super::paused::pause;
use super::scene::Scene;
use super::stories;

stories! {
    flag_that_caused_a_problem_is_set_back_and_the_build_stays,
    flag_that_somebody_changed_since_is_left_alone,
    trial_that_somebody_kept_during_the_problem_is_left_alone,
    harmless_flag_hides_no_deployment,
    trial_that_ended_before_the_problem_hides_no_deployment,
    flag_that_is_older_than_a_deployment_is_not_to_blame,
    change_whose_event_did_not_arrive_is_known_from_the_history_of_its_flag,
    event_that_the_history_does_not_have_hides_no_deployment,
    shadow_says_what_would_be_set_and_sets_nothing,
    two_deliveries_of_a_notification_set_a_flag_back_once,
    worker_that_was_killed_after_the_transaction_has_set_the_flag_back,
    tenant_that_takes_no_event_holds_nothing_up,
    pause_of_the_flag_is_waited_for,
    flag_in_cooldown_is_not_set_back_again,
    second_problem_joins_the_first,
    problem_that_stays_open_gets_an_offer_and_nothing_more,
    problem_that_closes_by_itself_leaves_the_flag_alone,
    explanation_names_flags_beside_deployments,
}

const FILE: &str = r#"{ "flags": {
    "percent": {
        "type": "integer", "default": 5, "min": 0, "max": 100,
        "touches": { "etype": "SERVICE", "tags": [{ "key": "DeploymentGroup", "value": "Production" }] }
    },
    "colour": {
        "type": "string", "default": "red", "harmless": true,
        "touches": { "etype": "SERVICE", "tags": [{ "key": "DeploymentGroup", "value": "Production" }] }
    }
} }"#;

async fn flag_that_caused_a_problem_is_set_back_and_the_build_stays(mut scene: Scene) {
    let (change, problem) = bad_flag(&mut scene).await;

    scene.notify(&problem, "OPEN").await;

    assert_eq!(scene.percent().await, 5);
    assert!(scene.heals().is_empty());
    let entry = scene.last_entry().await;
    assert_eq!(entry.record.cause, Cause::TakenBack);
    assert_eq!(entry.record.change, taken_back_by(&change));
    assert_eq!(entry.record.problem.as_deref(), Some(problem.id()));
    assert_eq!(entry.record.by.name, "Unbreakable");
    let comments = scene.comments(&problem);
    assert_eq!(comments.len(), 1, "{comments:?}");
    for said in [
        "the change of flag prod/percent from 5 to 50 by Ann",
        "has been 5 again since",
    ] {
        assert!(comments[0].contains(said), "{comments:?}");
    }

    // Its event is sent by the function that sends those of all changes.
    assert_eq!(scene.events_of(&taken_back_by(&change)), 0);
    scene.send_events().await;
    assert_eq!(scene.events_of(&taken_back_by(&change)), 1);

    scene.minutes(2);
    problem.resolve(scene.world.now.as_millisecond());
    scene.ticks(2).await;
    let state = scene.state(&problem).await;
    assert!(matches!(state, State::Confirmed { .. }), "{state:?}");
    assert_eq!(scene.percent().await, 5, "what was blamed stays taken back");
    let comments = scene.comments(&problem);
    assert!(comments[1].contains("stays taken back"), "{comments:?}");
}

async fn flag_that_somebody_changed_since_is_left_alone(mut scene: Scene) {
    let (_, problem) = bad_flag(&mut scene).await;
    scene.set_flag("Bob", "percent", &json!(30)).await;

    scene.notify(&problem, "OPEN").await;

    assert_eq!(scene.percent().await, 30);
    let state = scene.state(&problem).await;
    let State::Refused(HealRefusal::ChangedSince { who, at, .. }) = state else {
        panic!("{state:?}");
    };
    assert_eq!((who.as_str(), at), ("Bob", scene.world.now));
    let comments = scene.comments(&problem);
    assert!(
        comments[0].contains("Bob set or kept prod/percent since"),
        "{comments:?}"
    );
}

async fn trial_that_somebody_kept_during_the_problem_is_left_alone(mut scene: Scene) {
    scene.declare().await;
    let trial = json!({"flag": "percent", "value": 50, "ttlSeconds": 3600});
    scene.ask("Ann", Call::Set, &trial).await;
    scene.minutes(10);
    let problem = scene.problem().open();
    scene.minutes(5);
    let kept = json!({"flag": "percent", "confirm": true});
    scene.ask("Bob", Call::Set, &kept).await;

    scene.notify(&problem, "OPEN").await;

    assert_eq!(scene.percent().await, 50);
    let state = scene.state(&problem).await;
    let State::Refused(HealRefusal::ChangedSince { who, at, .. }) = state else {
        panic!("{state:?}");
    };
    assert_eq!((who.as_str(), at), ("Bob", scene.world.now));
}

async fn harmless_flag_hides_no_deployment(mut scene: Scene) {
    scene.declare().await;
    scene.release("good").await;
    scene.minutes(45);
    scene.release("bad").await;
    scene.minutes(5);
    scene.set_flag("Ann", "colour", &json!("blue")).await;
    scene.minutes(5);
    let problem = scene.problem().open();
    scene.minutes(5);

    scene.notify(&problem, "OPEN").await;

    assert_eq!(scene.healed_to(), ["good"]);
}

async fn trial_that_ended_before_the_problem_hides_no_deployment(mut scene: Scene) {
    scene.declare().await;
    scene.release("good").await;
    scene.minutes(40);
    scene.release("bad").await;
    scene.minutes(5);
    let trial = json!({"flag": "percent", "value": 50, "ttlSeconds": 120});
    scene.ask("Ann", Call::Set, &trial).await;
    scene.minutes(5);
    // What the clock did is written down.
    scene.send_events().await;
    scene.minutes(5);
    let problem = scene.problem().open();
    scene.minutes(5);

    scene.notify(&problem, "OPEN").await;

    assert_eq!(scene.healed_to(), ["good"]);
}

async fn flag_that_is_older_than_a_deployment_is_not_to_blame(mut scene: Scene) {
    scene.declare().await;
    scene.release("good").await;
    scene.minutes(40);
    scene.set_flag("Ann", "percent", &json!(50)).await;
    scene.minutes(5);
    scene.release("bad").await;
    scene.minutes(10);
    let problem = scene.problem().open();
    scene.minutes(5);

    scene.notify(&problem, "OPEN").await;

    assert_eq!(scene.healed_to(), ["good"]);
    assert_eq!(scene.percent().await, 50);
}

/// The event of an older change ties the flag to the entity.
async fn change_whose_event_did_not_arrive_is_known_from_the_history_of_its_flag(mut scene: Scene) {
    scene.declare().await;
    scene.set_flag("Ann", "percent", &json!(10)).await;
    scene.minutes(20);
    scene.world.tenant.fail(Fault::Html503, Times::Always, "/");
    let change = scene.set_flag("Ann", "percent", &json!(50)).await;
    scene.world.tenant.clear_faults();
    assert_eq!(scene.events_of(&change), 0);
    scene.minutes(10);
    let problem = scene.problem().open();
    scene.minutes(5);

    scene.notify(&problem, "OPEN").await;

    assert_eq!(scene.percent().await, 10);
}

async fn event_that_the_history_does_not_have_hides_no_deployment(mut scene: Scene) {
    scene.declare().await;
    let (_, _, problem) = scene.bad_release().await;
    scene.forge("percent").await;

    scene.notify(&problem, "OPEN").await;

    assert_eq!(scene.healed_to(), ["good"]);
    let explained = scene.explained(&problem).await;
    let mut forged = explained.candidates.iter();
    let forged = forged.find(|one| one.change == "forged").unwrap();
    assert_eq!(forged.why, "the history of its flag does not have it");
}

async fn shadow_says_what_would_be_set_and_sets_nothing(mut scene: Scene) {
    scene.healing.mode = Mode::Shadow;
    let (_, problem) = bad_flag(&mut scene).await;

    scene.notify(&problem, "OPEN").await;

    assert_eq!(scene.percent().await, 50);
    let state = scene.state(&problem).await;
    assert!(matches!(state, State::Shadowed(_)), "{state:?}");
    let comments = scene.comments(&problem);
    let said = "5 of flag prod/percent would have been set again";
    assert!(comments[0].contains(said), "{comments:?}");
}

async fn two_deliveries_of_a_notification_set_a_flag_back_once(mut scene: Scene) {
    let (_, problem) = bad_flag(&mut scene).await;

    tokio::join!(
        scene.notify(&problem, "OPEN"),
        scene.notify(&problem, "OPEN")
    );
    scene.ticks(2).await;

    assert_eq!(scene.percent().await, 5);
    assert_eq!(scene.times_taken_back().await, 1);
}

async fn worker_that_was_killed_after_the_transaction_has_set_the_flag_back(mut scene: Scene) {
    let (_, problem) = bad_flag(&mut scene).await;
    scene.notify(&problem, "OPEN").await;
    let healed = scene.state(&problem).await;
    assert!(matches!(healed, State::Healed { .. }), "{healed:?}");
    scene.minutes(6);
    scene.as_if_only_intended(&problem).await;
    let state = scene.state(&problem).await;
    assert!(matches!(state, State::Intended(_)), "{state:?}");

    scene.ticks(2).await;

    let state = scene.state(&problem).await;
    assert!(matches!(state, State::Healed { .. }), "{state:?}");
    assert_eq!(scene.percent().await, 5);
    assert_eq!(scene.times_taken_back().await, 1);
}

async fn tenant_that_takes_no_event_holds_nothing_up(mut scene: Scene) {
    let (change, problem) = bad_flag(&mut scene).await;
    scene.notify(&problem, "OPEN").await;
    assert_eq!(scene.percent().await, 5);

    scene.world.tenant.fail(Fault::Html503, Times::Always, "/");
    scene.send_events().await;
    assert_eq!(scene.events_of(&taken_back_by(&change)), 0);
    scene.world.tenant.clear_faults();
    scene.minutes(10);
    scene.send_events().await;

    assert_eq!(scene.events_of(&taken_back_by(&change)), 1);
}

async fn pause_of_the_flag_is_waited_for(mut scene: Scene) {
    let (_, problem) = bad_flag(&mut scene).await;
    pause(&scene, "flag:prod/colour".parse().unwrap(), 60).await;
    pause(&scene, Target::Flag(percent()), 5).await;

    scene.notify(&problem, "OPEN").await;
    assert_eq!(scene.percent().await, 50);
    let comments = scene.comments(&problem);
    assert!(
        comments[0].contains("Changes of flag prod/percent are paused until"),
        "{comments:?}"
    );

    scene.ticks(12).await;
    assert_eq!(scene.percent().await, 5);
}

async fn flag_in_cooldown_is_not_set_back_again(mut scene: Scene) {
    let (_, first) = bad_flag(&mut scene).await;
    scene.notify(&first, "OPEN").await;
    scene.minutes(1);
    first.resolve(scene.world.now.as_millisecond());
    scene.ticks(1).await;
    scene.set_flag("Ann", "percent", &json!(60)).await;
    scene.minutes(1);
    let second = scene.problem().open();
    scene.minutes(1);

    scene.notify(&second, "OPEN").await;

    assert_eq!(scene.percent().await, 60);
    let state = scene.state(&second).await;
    assert!(
        matches!(state, State::Refused(HealRefusal::Cooldown { .. })),
        "{state:?}"
    );
    let guard = scene.world.ledger.guard(&Place::Flag(percent())).await;
    assert_eq!(guard.unwrap().heals.len(), 1);
}

async fn second_problem_joins_the_first(mut scene: Scene) {
    let (_, first) = bad_flag(&mut scene).await;
    let second = scene.problem().open();
    scene.notify(&first, "OPEN").await;

    scene.notify(&second, "OPEN").await;

    let state = scene.state(&second).await;
    assert!(
        matches!(&state, State::Joined { problem } if problem == first.id()),
        "{state:?}"
    );
    assert_eq!(scene.times_taken_back().await, 1);
}

async fn problem_that_stays_open_gets_an_offer_and_nothing_more(mut scene: Scene) {
    let (_, problem) = bad_flag(&mut scene).await;
    scene.notify(&problem, "OPEN").await;

    scene.ticks(30).await;

    assert_eq!(scene.percent().await, 5);
    let comments = scene.comments(&problem);
    assert_eq!(comments.len(), 2, "{comments:?}");
    for said in [
        "is still open",
        "set the flag to 50",
        "The next older change is deployment",
        "monspec heal explain",
    ] {
        assert!(comments[1].contains(said), "{comments:?}");
    }
}

async fn problem_that_closes_by_itself_leaves_the_flag_alone(mut scene: Scene) {
    let (_, problem) = bad_flag(&mut scene).await;
    pause(&scene, Target::All, 600).await;
    scene.notify(&problem, "OPEN").await;
    problem.resolve(scene.world.now.as_millisecond());

    scene.ticks(6).await;

    assert_eq!(scene.percent().await, 50);
    let state = scene.state(&problem).await;
    assert_eq!(state, State::NotNeeded(Needless::Closed));
    let stored = scene.stored(&problem).await;
    let held = scene.world.ledger.holder(&stored.remediations[0].culprit);
    assert_eq!(held.await.unwrap(), None);
}

async fn explanation_names_flags_beside_deployments(mut scene: Scene) {
    let (change, problem) = bad_flag(&mut scene).await;

    let explained = scene.explained(&problem).await;

    assert_eq!(
        explained.outcome,
        format!("{change} is to blame, and flag prod/percent is set to 5")
    );
    let told = explained.candidates.iter();
    let told: Vec<_> = told
        .map(|one| (one.place.as_str(), one.blamed, one.why.as_str()))
        .collect();
    assert_eq!(
        told,
        [
            ("prod/percent", true, "it is the newest before the problem"),
            (
                "SampleDevOpsApp/Production",
                false,
                &*format!("{change} came after it to the same entity")
            ),
        ]
    );
    let [answer] = explained.answers.as_slice() else {
        panic!("{:?}", explained.answers);
    };
    assert_eq!(answer.targets[0].version, "5");
}

/// A release, then a bad value of a flag, then a problem.
async fn bad_flag(scene: &mut Scene) -> (String, Problem) {
    scene.declare().await;
    scene.release("good").await;
    scene.minutes(45);
    let change = scene.set_flag("Ann", "percent", &json!(50)).await;
    assert_eq!(scene.percent().await, 50);
    assert_eq!(scene.events_of(&change), 1);
    scene.minutes(10);
    let problem = scene.problem().open();
    scene.minutes(5);
    (change, problem)
}

fn percent() -> Flag {
    Flag {
        set: "prod".to_owned(),
        name: "percent".to_owned(),
    }
}

impl Scene {
    async fn declare(&self) {
        self.world.declare_flags(FILE).await;
    }

    /// Somebody sets a flag; the id of the change.
    async fn set_flag(&self, who: &str, flag: &str, value: &Json) -> String {
        let asked = json!({"flag": flag, "value": value, "reason": "a try"});
        self.ask(who, Call::Set, &asked).await
    }

    async fn ask(&self, who: &str, call: Call, asked: &Json) -> String {
        let id = who.to_lowercase();
        let secret = issue(&id, [7; 32]);
        let key = Key {
            id,
            name: who.to_owned(),
            holder: KeyHolder::Person,
            secrets: vec![secret.hash],
            scopes: vec![
                "change:prod".parse().unwrap(),
                "confirm:prod".parse().unwrap(),
            ],
            expires: None,
        };
        self.world.flags.put_key(&key).await.unwrap();
        let presented = Presented::parse(&secret.text).unwrap();
        let wanted = Wanted {
            call,
            name: "",
            change: None,
            key: Some(&presented),
            idempotency: None,
            body: &asked.to_string(),
        };
        let connect = async || Ok(self.world.dynatrace());
        let tick = self.tick_in(Duration::from_secs(25));
        let services = self.changing();
        let answer = change_flags(&services, connect, wanted, tick, &|_| ()).await;
        let answer = answer.unwrap();
        assert_eq!(answer.ended, Ended::Done, "{answer:?}");
        answer.body["changeId"].as_str().unwrap().to_owned()
    }

    fn changing(&self) -> change_flags::Services {
        change_flags::Services {
            flags: self.world.flags.clone(),
            set: "prod".to_owned(),
            // What events carry of it is no runbook.
            address: Some("https://flags.example".to_owned()),
        }
    }

    /// One event of the schedule of `change-flags`.
    async fn send_events(&self) {
        let connect = async || Ok(self.world.dynatrace());
        let tick = self.tick_in(Duration::from_secs(25));
        change_flags::tick(&self.changing(), connect, tick, &|_| ())
            .await
            .unwrap();
    }

    /// How many events of a change the tenant has.
    fn events_of(&self, change: &str) -> usize {
        let events = self.world.tenant.events();
        let of_change = |id: Option<&String>| id.is_some_and(|id| id == change);
        let events = events.iter();
        events
            .filter(|event| of_change(event.properties.get("change.id")))
            .count()
    }

    /// Somebody else claims to be us.
    async fn forge(&self, flag: &str) {
        let properties = [
            ("flag.set", "prod"),
            ("feature.flag", flag),
            ("change.id", "forged"),
            ("change.version", "1"),
        ];
        let at = self.world.now - SignedDuration::from_mins(6);
        let event = dynatrace::Event {
            kind: dynatrace::EventKind::Configuration,
            title: "Feature Flag Changed".to_owned(),
            entities: vec![crate::world::PRODUCTION.to_owned()],
            start_ms: Some(at.as_millisecond()),
            end_ms: Some(at.as_millisecond()),
            source: "Unbreakable".to_owned(),
            properties: properties
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .into(),
            ..dynatrace::Event::default()
        };
        let deadline = tokio::time::Instant::now() + Duration::from_secs(5);
        let _ = self
            .world
            .dynatrace()
            .announce(&event, deadline)
            .await
            .unwrap();
    }

    async fn percent(&self) -> i64 {
        let set = self.world.flags.set("prod").await.unwrap().unwrap();
        let declared = &set.declarations.flags["percent"];
        let state = set.states.get("percent").cloned().unwrap_or_default();
        match state.value(declared, self.world.now) {
            flags::Value::Integer(percent) => percent,
            other => panic!("{other}"),
        }
    }

    async fn history(&self) -> Vec<Entry> {
        let history = self.world.flags.history("prod", "percent").await.unwrap();
        flags::verify(&history).unwrap();
        history
    }

    async fn last_entry(&self) -> Entry {
        self.history().await.pop().unwrap()
    }

    async fn times_taken_back(&self) -> usize {
        let history = self.history().await.into_iter();
        history
            .filter(|entry| entry.record.cause == Cause::TakenBack)
            .count()
    }

    /// Puts a problem back to where a worker is that was killed after it had taken
    /// the flag back, and before it could say so.
    async fn as_if_only_intended(&self, problem: &Problem) {
        let stored = self.stored(problem).await;
        let [remediation] = stored.remediations.as_slice() else {
            panic!("{stored:?}");
        };
        let State::Healed { heal, .. } = &remediation.state else {
            panic!("{stored:?}");
        };
        assert!(matches!(remediation.culprit, Change::Flag(_)));
        let intended = State::Intended(heal.clone());
        self.put_back(problem, intended).await;
    }

    async fn put_back(&self, problem: &Problem, state: State) {
        let remediations = &self.world.remediations;
        let now = self.world.now;
        let due = store::Due::problem(problem.id(), now);
        let claimed = remediations
            .queue()
            .claim(&due, "a dead worker", now, now)
            .await;
        let mut claimed = claimed.unwrap();
        claimed.problem.remediations[0].state = state;
        let ledger = &self.world.ledger;
        let advanced = remediations.advance(ledger, &mut claimed, &[]).await;
        assert_eq!(advanced.unwrap(), store::Advanced::Written);
    }
}
