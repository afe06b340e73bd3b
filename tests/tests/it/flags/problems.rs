//! What programs set because of a problem, as the workflows of the guide do, and
//! what becomes of it when the problem is over.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use dynatrace::Api;
use fake_aws::clock::real_time;
use fake_dynatrace::{Fault, Problem, Times};
use flags::key::KeyHolder;
use flags::state::{Author, AuthorKind, State};
use flags::step::{Event, LONGEST_HOLD, Outcome, Request, Situation, Target, Term, step};
use jiff::{SignedDuration, Timestamp};
use lab::world::{CHANGE_FLAGS, Settings};
use serde_json::{Value, json};
use store::{Commit, Decision, Found};

use super::{Flagged, PROCESS, Told, tick};

type Item = HashMap<String, AttributeValue>;

/// Problems, a workflow's key and the key of a person.
struct Scene {
    flagged: Flagged,
    flow: String,
    ann: String,
}

impl Scene {
    async fn start() -> Self {
        Self::of(Settings::default()).await
    }

    async fn of(settings: Settings) -> Self {
        let flagged = Flagged::with(settings).await;
        let scopes = ["read:prod", "change:prod"];
        let flow = flagged.key("flow", KeyHolder::Machine, &scopes).await;
        let ann = flagged.all().await;
        Self { flagged, flow, ann }
    }

    fn problem(&self) -> Problem {
        let problem = self.flagged.world.tenant.problem("Failure rate increase");
        problem.impacts(PROCESS).open()
    }

    /// The first action of the first workflow.
    async fn disables(&self, problem: &str) -> Told {
        let wanted = json!({
            "flag": "errorInjectionEnabled", "value": false,
            "reason": "Automated remediation - High error rate detected",
            "problemId": problem, "triggeredBy": "dynatrace_workflow",
        });
        self.flagged.post("feature-flag", &self.flow, &wanted).await
    }

    /// Its last.
    async fn recovers(&self, problem: &str) -> Told {
        self.recovers_of("errorInjectionEnabled", problem).await
    }

    /// As if a program had switched a flag off then because of a problem.
    async fn held_since(&self, flag: &str, problem: &str, then: Timestamp) {
        let decide = |found: &Found| {
            let set = found.set.as_ref().unwrap();
            let untouched = State::default();
            let situation = Situation {
                set: "prod",
                flag: &set.declarations.flags[flag],
                state: set.states.get(flag).unwrap_or(&untouched),
                now: then,
            };
            let request = Request {
                change: format!("flow-{flag}"),
                batch: None,
                by: Author {
                    name: "flow".to_owned(),
                    kind: AuthorKind::Machine,
                },
                why: "it fails".to_owned(),
                triggered_by: "dynatrace_workflow".to_owned(),
                problem: Some(problem.to_owned()),
                expected: None,
            };
            let event = Event::Set {
                to: Target::Value(flags::Value::Boolean(false)),
                term: Term::While {
                    problem: problem.to_owned(),
                    longest: LONGEST_HOLD,
                },
            };
            let Outcome::Written(transition) = step(situation, &request, &event) else {
                panic!("a program may");
            };
            let commit = Commit {
                flags: vec![(flag.to_owned(), *transition)],
                ..Commit::default()
            };
            Decision::Write(commit, ())
        };
        let flags = self.flagged.world.flags();
        flags.change("prod", None, then, decide).await.unwrap();
    }

    async fn recovers_of(&self, flag: &str, problem: &str) -> Told {
        let wanted = json!({
            "flag": flag, "value": true,
            "reason": "Automated recovery - Re-enabling after cooldown",
            "problemId": problem, "triggeredBy": "dynatrace_workflow_recovery",
        });
        self.flagged.post("feature-flag", &self.flow, &wanted).await
    }

    async fn sets(&self, flag: &str, value: Value) {
        let wanted = json!({"flag": flag, "value": value});
        let told = self.flagged.post("feature-flag", &self.ann, &wanted).await;
        assert_eq!(told.status, 200, "{told:?}");
    }

    async fn value(&self, flag: &str) -> Value {
        self.flagged.list(&self.ann).await.json()["flags"][flag].clone()
    }

    /// Asks after the problems, however long that is not due.
    async fn asks(&self) {
        self.hurries("since").await;
        let clock = self.flagged.world.another(CHANGE_FLAGS).await.unwrap();
        tick(&clock).await;
    }

    /// Makes due at once what is owed and has this.
    async fn hurries(&self, attribute: &str) -> Vec<Item> {
        let table = self.flagged.world.dynamo.client();
        let items = table.scan().table_name("Flags").send().await.unwrap();
        let mut owed = items.items().to_vec();
        owed.retain(|item| item.contains_key(attribute) && item.contains_key("dueShard"));
        for item in &mut owed {
            let now = AttributeValue::N("0".to_owned());
            item.insert("dueAt".to_owned(), now);
            self.puts(item).await;
        }
        owed
    }

    async fn puts(&self, item: &Item) {
        let table = self.flagged.world.dynamo.client();
        let put = table.put_item().table_name("Flags");
        put.set_item(Some(item.clone())).send().await.unwrap();
    }
}

fn close(problem: &Problem) {
    problem.resolve(real_time().as_millisecond());
}

#[tokio::test]
async fn what_a_problem_holds_is_given_back_once_it_is_closed() {
    let scene = Scene::start().await;
    let problem = scene.problem();
    let told = scene.disables(&problem.display_id()).await;
    assert_eq!(told.status, 200, "{told:?}");
    assert!(told.json()["expiresAt"].is_string(), "a day at most");
    let listed = scene.flagged.list(&scene.ann).await.json();
    let holders = &listed["details"]["errorInjectionEnabled"]["holders"];
    assert!(holders[problem.display_id()].is_string(), "{listed}");

    scene.asks().await;
    assert_eq!(scene.value("errorInjectionEnabled").await, false);
    close(&problem);
    scene.asks().await;

    assert_eq!(scene.value("errorInjectionEnabled").await, true);
    let events = scene.flagged.events();
    assert_eq!(events.len(), 1, "the other one is sent at the next tick");
    scene.asks().await;
    let events = scene.flagged.events();
    let last = events.last().unwrap();
    assert_eq!(last.properties["change.cause"], "givenBack");
    assert_eq!(last.properties["problem.id"], problem.display_id());
}

#[tokio::test]
async fn what_the_watch_gave_back_is_said_once_on_the_problem() {
    let scene = Scene::start().await;
    let problem = scene.problem();
    scene.disables(&problem.display_id()).await;
    close(&problem);
    let tenant = &scene.flagged.world.tenant;
    tenant.refuse_comments(Times::N(1));
    scene.asks().await;
    scene.asks().await;
    let mut unsaid = scene.hurries("remark").await;
    // Beside it there is what was to be said before the hold ends.
    unsaid.retain(|item| !item["sk"].as_s().unwrap().starts_with("near#"));
    assert_eq!(unsaid.len(), 1, "the tenant refused it");

    scene.asks().await;
    // As if that had died before it was noted.
    scene.puts(&unsaid[0]).await;
    scene.asks().await;

    assert_eq!(scene.hurries("remark").await, [], "nothing is owed");
    let said = tenant.comments(problem.id()).into_iter();
    let said: Vec<String> = said.map(|comment| comment.text).collect();
    let expected =
        "Unbreakable: flag errorInjectionEnabled is true again, because the problem is over.";
    assert_eq!(said, [expected]);
}

#[tokio::test]
async fn problem_that_is_named_by_its_id_is_read_by_it() {
    for api in [Api::V2, Api::V1] {
        let scene = Scene::of(Settings::default().api(api)).await;
        let problem = scene.problem();
        let told = scene.disables(problem.id()).await;
        assert_eq!(told.status, 200, "{told:?}");
        let tenant = &scene.flagged.world.tenant;
        tenant.clear_calls();

        let early = scene.recovers(problem.id()).await;
        assert_eq!(early.status, 202, "{early:?}");
        close(&problem);
        scene.asks().await;

        assert_eq!(scene.value("errorInjectionEnabled").await, true);
        let paths: Vec<String> = tenant.calls().into_iter().map(|call| call.path).collect();
        let asked = |path: &&String| path.contains("/problem");
        let asked: Vec<&String> = paths.iter().filter(asked).collect();
        assert!(!asked.is_empty(), "{api:?}: {paths:?}");
        for path in asked {
            assert!(path.contains(problem.id()), "{api:?}: {path}");
        }
    }
}

#[tokio::test]
async fn hold_that_ends_in_an_hour_is_told_on_its_open_problem_and_rings() {
    let scene = Scene::start().await;
    let problem = scene.problem();
    let held_since = real_time() - SignedDuration::from_mins(23 * 60 + 30);
    scene
        .held_since("errorInjectionEnabled", problem.id(), held_since)
        .await;
    let over = scene.problem();
    scene
        .held_since("slowResponsesEnabled", over.id(), held_since)
        .await;
    close(&over);
    scene.recovers_of("slowResponsesEnabled", over.id()).await;

    scene.asks().await;

    let tenant = &scene.flagged.world.tenant;
    let said = |problem: &Problem| -> Vec<String> {
        let said = tenant.comments(problem.id()).into_iter();
        said.map(|comment| comment.text).collect()
    };
    let told = said(&problem);
    assert_eq!(told.len(), 1, "{told:?}");
    let ends = "this problem will have held errorInjectionEnabled for as long as it may";
    assert!(told[0].contains(ends), "{told:?}");
    assert_eq!(said(&over), [""; 0]);
    assert_eq!(scene.value("errorInjectionEnabled").await, false);
}

#[tokio::test]
async fn early_recovery_is_deferred_to_the_close() {
    let scene = Scene::start().await;
    let problem = scene.problem();
    scene.disables(&problem.display_id()).await;

    let early = scene.recovers(&problem.display_id()).await;

    assert_eq!(early.status, 202, "{early:?}");
    let early = early.json();
    assert_eq!(
        (&early["deferred"], &early["changed"], &early["newValue"]),
        (&json!(true), &json!(false), &json!(false))
    );
    assert_eq!(scene.value("errorInjectionEnabled").await, false);
    close(&problem);
    scene.asks().await;
    assert_eq!(scene.value("errorInjectionEnabled").await, true);
    // Workflow 3 comes after it, and finds nothing to do.
    let late = scene.recovers(&problem.display_id()).await;
    assert_eq!(
        (late.status, &late.json()["restored"]),
        (200, &json!(false)),
        "{late:?}"
    );
}

#[tokio::test]
async fn recovery_gives_back_what_was_before_and_says_so() {
    let scene = Scene::start().await;
    scene.sets("canaryTrafficPercent", json!(37)).await;
    let problem = scene.problem();
    let bulk = |values: Value, triggered_by: &str| {
        json!({
            "flags": values, "reason": "Complex failure - Enabling defensive mode",
            "problemId": problem.display_id(), "triggeredBy": triggered_by,
        })
    };
    let path = "feature-flags/bulk";
    let defensive = json!({"errorInjectionEnabled": false, "canaryTrafficPercent": 0});
    let defensive = bulk(defensive, "dynatrace_workflow");
    let told = scene.flagged.post(path, &scene.flow, &defensive).await;
    assert_eq!(told.status, 200, "{told:?}");
    close(&problem);

    let recovery = json!({"errorInjectionEnabled": true, "canaryTrafficPercent": 100});
    let recovery = bulk(recovery, "dynatrace_workflow_recovery");
    let told = scene.flagged.post(path, &scene.flow, &recovery).await;

    assert_eq!(told.status, 200, "{told:?}");
    let changes = told.json()["changes"].clone();
    assert_eq!(
        changes,
        json!([
            {
                "flag": "canaryTrafficPercent", "previousValue": 0, "newValue": 37,
                "version": 3, "changed": true, "restored": true,
            },
            {
                "flag": "errorInjectionEnabled", "previousValue": false, "newValue": true,
                "version": 2, "changed": true, "restored": true,
            },
        ])
    );
    assert_eq!(scene.value("canaryTrafficPercent").await, 37);
    let again = scene.flagged.post(path, &scene.flow, &recovery).await;
    assert_eq!(again.json(), told.json(), "its first answer was lost");
}

#[tokio::test]
async fn recovery_does_not_overwrite_the_later_word_of_a_person() {
    let scene = Scene::start().await;
    let problem = scene.problem();
    scene.disables(&problem.display_id()).await;
    // The same value: from now on it is theirs.
    scene.sets("errorInjectionEnabled", json!(false)).await;
    close(&problem);

    let told = scene.recovers(&problem.display_id()).await;

    assert_eq!(told.status, 200, "{told:?}");
    let body = told.json();
    assert_eq!(
        (&body["restored"], &body["newValue"]),
        (&json!(false), &json!(false))
    );
    let why = body["why"].as_str().unwrap();
    assert!(why.starts_with("the key all said something else"), "{why}");
    for _ in 0..2 {
        scene.recovers(&problem.display_id()).await;
        scene.asks().await;
        assert_eq!(scene.value("errorInjectionEnabled").await, false);
    }
}

#[tokio::test]
async fn recovery_of_a_problem_that_holds_nothing_is_a_change_like_any_other() {
    let scene = Scene::start().await;
    scene.sets("errorInjectionEnabled", json!(false)).await;

    let told = scene.recovers("P-1").await;

    assert_eq!(
        (told.status, &told.json()["newValue"]),
        (200, &json!(true)),
        "{told:?}"
    );
    assert!(told.json()["restored"].is_null());
}

#[tokio::test]
async fn problem_that_the_tenant_cannot_be_asked_about_counts_as_open() {
    let scene = Scene::start().await;
    let problem = scene.problem();
    scene.disables(&problem.display_id()).await;
    close(&problem);
    let tenant = &scene.flagged.world.tenant;
    tenant.fail(Fault::Html503, Times::Always, "/");

    let told = scene.recovers(&problem.display_id()).await;

    assert_eq!(told.status, 202, "{told:?}");
    scene.asks().await;
    assert_eq!(scene.value("errorInjectionEnabled").await, false);
    tenant.clear_faults();
    scene.asks().await;
    assert_eq!(scene.value("errorInjectionEnabled").await, true);
}

#[tokio::test]
async fn flapping_flag_is_unlocked_by_a_person() {
    let scene = Scene::start().await;
    let flag = "slowResponsesEnabled";
    let set = async |value: bool| {
        let wanted = json!({"flag": flag, "value": value});
        let flow = &scene.flow;
        scene.flagged.post("feature-flag", flow, &wanted).await
    };
    let mut value = false;
    let locked = loop {
        let told = set(value).await;
        if told.status != 200 {
            break told;
        }
        value = !value;
    };
    assert_eq!(locked.status, 429, "{locked:?}");
    assert!(
        locked.json()["error"]
            .as_str()
            .unwrap()
            .contains("back and forth")
    );
    let unlock = json!({"flag": flag, "unlock": true});
    let post = async |key: &str| scene.flagged.post("feature-flag", key, &unlock).await;
    assert_eq!(post(&scene.ann).await.status, 403, "not within its scopes");

    let releaser = &["release:prod/slow*"];
    let releaser = scene.flagged.key("rel", KeyHolder::Person, releaser).await;
    let told = post(&releaser).await;

    assert_eq!(told.status, 200, "{told:?}");
    assert_eq!(set(value).await.status, 200);
    let program = scene
        .flagged
        .key("prog", KeyHolder::Machine, &["release:prod"])
        .await;
    assert_eq!(post(&program).await.status, 403, "only a person");
}
