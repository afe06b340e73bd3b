//! Rules set flags while a problem is open, and give them back.

use fake_dynatrace::{Failed, Fault, Problem, Requests, Severity, Times};
use flags::state::{Author, AuthorKind, State as FlagState};
use flags::step::{Event, Outcome, Request, Situation, Target, Term, step};
use flags::{LARGEST_BULK, Value};
use jiff::SignedDuration;
use release::pause::{Pause, Target as Paused};
use release::problem::Phase;
use release::remediation::Mode;
use release::rule::application::State;
use release::rule::{Application, Rule, Rules};
use serde_json::json;
use store::{Commit, Decision, Declared, Found, What};

use super::scene::Scene;
use crate::world::PRODUCTION;

const FLAGS: &str = include_str!("../../../../crates/flags/examples/flags.json");
const RULES: &str = include_str!("../../../../monspec/examples/rules.json");

/// A second service of production.
const CART: &str = "SERVICE-00000000000000C1";

const ERRORS: &str = "errorInjectionEnabled";

/// The examples are declared, and nothing was deployed.
async fn scene() -> Scene {
    scene_with(RULES).await
}

async fn scene_with(rules: &str) -> Scene {
    scene_of(FLAGS, rules).await
}

async fn scene_of(flags: &str, rules: &str) -> Scene {
    let scene = Scene::set(dynatrace::Api::V2).await;
    let declared = flags::read(flags).declarations.unwrap();
    let reading = release::rule::read(rules, Some(&declared));
    let rules = reading
        .rules
        .unwrap_or_else(|| panic!("{:?}", reading.messages));
    let flags = &scene.world.flags;
    let stored = flags.declare("prod", &declared, None).await;
    assert_eq!(stored.unwrap(), Declared::Stored(1));
    let none = std::collections::BTreeMap::new();
    flags.declare_rules("prod", &rules, &none).await.unwrap();
    let cart = scene.world.tenant.service(CART, "Cart");
    cart.tag("DeploymentGroup", "Production").add();
    scene
}

impl Scene {
    fn failing(&self) -> Problem {
        self.problem().severity(Severity::Error).open()
    }

    /// A share of the requests of the last ten minutes fails.
    fn errors(&self, share: f64) {
        let now = self.world.now.as_millisecond();
        let requests = Requests::over(now - 600_000, now, 600, 1_000.0);
        let requests = requests.failing(Failed::Share(share));
        self.world.tenant.requests(PRODUCTION, None, requests);
    }

    fn close(&self, problem: &Problem) {
        problem.resolve(self.world.now.as_millisecond());
    }

    async fn flag(&self, flag: &str) -> Value {
        let set = self.world.flags.set("prod").await.unwrap().unwrap();
        let state = set.states.get(flag).cloned().unwrap_or_default();
        state.value(&set.declarations.flags[flag], self.world.now)
    }

    async fn is_on(&self, flag: &str) -> bool {
        self.flag(flag).await == Value::Boolean(true)
    }

    /// How often a flag was written.
    async fn version(&self, flag: &str) -> u64 {
        let set = self.world.flags.set("prod").await.unwrap().unwrap();
        set.states.get(flag).map_or(0, |state| state.version)
    }

    /// A person sets a flag for good.
    async fn person_sets(&self, flag: &str, value: bool) {
        let to = Target::Value(Value::Boolean(value));
        let term = Term::Stays;
        self.person_does(flag, &Event::Set { to, term }).await;
    }

    async fn person_does(&self, flag: &str, event: &Event) {
        let now = self.world.now;
        let decide = |found: &Found| {
            let set = found.set.as_ref().unwrap();
            let untouched = FlagState::default();
            let situation = Situation {
                set: "prod",
                flag: &set.declarations.flags[flag],
                state: set.states.get(flag).unwrap_or(&untouched),
                now,
            };
            let request = Request {
                change: format!("ann-1-{flag}"),
                batch: None,
                by: Author {
                    name: "ann".to_owned(),
                    kind: AuthorKind::Person,
                },
                why: "I know better".to_owned(),
                triggered_by: "manual".to_owned(),
                problem: None,
                expected: None,
            };
            let Outcome::Written(transition) = step(situation, &request, event) else {
                panic!("a person may");
            };
            let commit = Commit {
                flags: vec![(flag.to_owned(), *transition)],
                ..Commit::default()
            };
            Decision::Write(commit, ())
        };
        let flags = &self.world.flags;
        flags.change("prod", None, now, decide).await.unwrap();
    }

    /// The problems that are watched because of what they hold.
    async fn watched(&self) -> Vec<String> {
        let queue = self.world.flags.queue();
        let mut watched = Vec::new();
        for shard in 0..store::tables::SHARDS {
            let later = self.world.now + SignedDuration::from_hours(48);
            for due in queue.due(shard, later, 100, None).await.unwrap() {
                let until = later + SignedDuration::from_secs(1);
                let claimed = queue.claim(&due, "the story", later, until).await;
                if let What::Watch { problem, .. } = &claimed.unwrap().what {
                    watched.push(problem.clone());
                }
            }
        }
        watched
    }

    /// The rules that were applied, with how far they are.
    async fn applied(&self, problem: &Problem) -> Vec<String> {
        let applications = self.stored(problem).await.applications.into_iter();
        applications
            .map(|one| format!("{} {}", one.rule, one.state.word()))
            .collect()
    }
}

#[tokio::test]
async fn error_rate_switches_the_flag_off_until_the_problem_closes() {
    let mut scene = scene().await;
    scene.errors(0.12);
    let problem = scene.failing();
    assert!(scene.is_on(ERRORS).await);

    scene.notify(&problem, "OPEN").await;

    assert!(!scene.is_on(ERRORS).await);
    assert_eq!(scene.applied(&problem).await, ["errorInjectionOff holding"]);
    let comments = scene.comments(&problem);
    assert_eq!(comments.len(), 1, "{comments:?}");
    assert!(
        comments[0].contains("rule errorInjectionOff matches this problem: errorInjectionEnabled goes from true to false"),
        "{comments:?}"
    );

    // It stays so for as long as that takes, and nothing is done twice.
    scene.notify(&problem, "OPEN").await;
    scene.ticks(45).await;
    assert!(!scene.is_on(ERRORS).await);
    assert_eq!(scene.version(ERRORS).await, 1);
    scene.close(&problem);
    scene.notify(&problem, "RESOLVED").await;
    scene.notify(&problem, "RESOLVED").await;

    assert!(scene.is_on(ERRORS).await);
    assert_eq!(scene.applied(&problem).await, ["errorInjectionOff ended"]);
    let comments = scene.comments(&problem);
    assert!(
        comments
            .last()
            .unwrap()
            .contains("errorInjectionEnabled is true again"),
        "{comments:?}"
    );
    assert_eq!(scene.stored(&problem).await.phase, Phase::Settled);
    assert_eq!(scene.version(ERRORS).await, 2);
    let history = scene.world.flags.history("prod", ERRORS).await.unwrap();
    assert_eq!(flags::verify(&history), Ok(()));
}

#[tokio::test]
async fn error_rate_is_asked_again_while_the_problem_is_young() {
    let mut scene = scene().await;
    let problem = scene.failing();
    scene.notify(&problem, "OPEN").await;
    scene.ticks(5).await;
    assert_eq!(scene.applied(&problem).await, [""; 0]);

    scene.errors(0.12);
    scene.ticks(5).await;
    assert_eq!(scene.applied(&problem).await, ["errorInjectionOff holding"]);

    // One that is old begins nothing.
    let other = scene.failing();
    scene.world.tenant.forget_data(PRODUCTION);
    scene.notify(&other, "OPEN").await;
    scene.ticks(40).await;
    assert_eq!(scene.stored(&other).await.phase, Phase::Settled);
    assert_eq!(scene.applied(&other).await, [""; 0]);
}

#[tokio::test]
async fn several_failing_services_set_the_preset_together() {
    let mut scene = scene().await;
    let problem = scene
        .problem()
        .impacts(CART)
        .severity(Severity::Error)
        .open();

    scene.notify(&problem, "OPEN").await;

    assert_eq!(scene.applied(&problem).await, ["defensiveMode holding"]);
    let preset = [ERRORS, "slowResponsesEnabled", "circuitBreakerEnabled"];
    for (flag, is_on) in preset.into_iter().zip([false, false, true]) {
        assert_eq!(scene.is_on(flag).await, is_on, "{flag}");
    }
    assert_eq!(scene.comments(&problem).len(), 1);
    // A person says something else of one of them: the others are given back.
    scene.minutes(1);
    scene.person_sets("circuitBreakerEnabled", true).await;
    scene.close(&problem);
    scene.notify(&problem, "RESOLVED").await;
    for flag in preset {
        assert!(scene.is_on(flag).await, "{flag}");
    }
    let comments = scene.comments(&problem);
    let last = comments.last().unwrap();
    assert!(
        last.contains("circuitBreakerEnabled stays as it is, because ann changed it at"),
        "{last}"
    );
    assert!(
        last.contains("slowResponsesEnabled is true again"),
        "{last}"
    );
}

#[tokio::test]
async fn second_rule_leaves_alone_what_the_first_has_set() {
    let mut scene = scene().await;
    scene.errors(0.12);
    let problem = scene
        .problem()
        .impacts(CART)
        .severity(Severity::Error)
        .open();

    scene.notify(&problem, "OPEN").await;

    let expected = ["defensiveMode holding", "errorInjectionOff notNeeded"];
    assert_eq!(scene.applied(&problem).await, expected);
    assert_eq!(scene.version(ERRORS).await, 1);
    scene.minutes(1);
    scene.close(&problem);
    scene.notify(&problem, "RESOLVED").await;
    assert!(scene.is_on(ERRORS).await);
    assert_eq!(scene.version(ERRORS).await, 2);
}

#[tokio::test]
async fn circuit_breaker_closes_once_per_problem_even_if_that_opens_again() {
    let mut scene = scene().await;
    let problem = scene.problem().severity(Severity::Availability).open();

    scene.notify(&problem, "OPEN").await;
    assert!(scene.is_on("circuitBreakerEnabled").await);
    scene.minutes(1);
    scene.close(&problem);
    scene.notify(&problem, "RESOLVED").await;
    assert!(!scene.is_on("circuitBreakerEnabled").await);

    problem.reopen();
    scene.notify(&problem, "OPEN").await;
    scene.ticks(5).await;
    assert!(!scene.is_on("circuitBreakerEnabled").await);
    assert_eq!(scene.version("circuitBreakerEnabled").await, 2);
    assert_eq!(scene.applied(&problem).await, ["circuitBreaker ended"]);
}

#[tokio::test]
async fn shadow_says_what_would_be_done() {
    let mut scene = scene().await;
    scene.healing.mode = Mode::Shadow;
    let problem = scene.problem().severity(Severity::Availability).open();

    scene.notify(&problem, "OPEN").await;
    scene.ticks(3).await;

    assert!(!scene.is_on("circuitBreakerEnabled").await);
    assert_eq!(scene.applied(&problem).await, ["circuitBreaker shadowed"]);
    let comments = scene.comments(&problem);
    let would = comments
        .iter()
        .filter(|text| text.contains("circuitBreaker matches this problem and would set"));
    assert_eq!(would.count(), 1, "{comments:?}");
}

#[tokio::test]
async fn problem_that_is_followed_no_longer_is_watched_for_what_it_holds() {
    let mut scene = scene().await;
    scene.healing.patience = SignedDuration::from_mins(60);
    let problem = scene.problem().severity(Severity::Availability).open();
    scene.notify(&problem, "OPEN").await;
    assert!(scene.is_on("circuitBreakerEnabled").await);
    assert_eq!(scene.watched().await, [""; 0]);

    scene.minutes(61);
    scene.ticks(20).await;

    assert_eq!(scene.applied(&problem).await, ["circuitBreaker gaveUp"]);
    assert!(scene.is_on("circuitBreakerEnabled").await);
    assert_eq!(scene.watched().await, [problem.id()]);
    let comments = scene.comments(&problem);
    let told = "What rule circuitBreaker set for it is given back when it closes";
    assert!(comments.last().unwrap().contains(told), "{comments:?}");
}

#[tokio::test]
async fn silent_tenant_does_not_keep_what_was_set_from_being_given_back() {
    let mut scene = scene().await;
    let problem = scene.problem().severity(Severity::Availability).open();
    scene.notify(&problem, "OPEN").await;
    assert!(scene.is_on("circuitBreakerEnabled").await);
    scene.minutes(1);
    scene.close(&problem);
    scene
        .world
        .tenant
        .fail(Fault::Empty502, Times::Always, "/api/");

    scene.notify(&problem, "RESOLVED").await;

    assert!(!scene.is_on("circuitBreakerEnabled").await);
    scene.world.tenant.clear_faults();
    scene.ticks(10).await;
    let comments = scene.comments(&problem);
    let back = comments
        .iter()
        .filter(|text| text.contains("circuitBreakerEnabled is false again"));
    assert_eq!(back.count(), 1, "{comments:?}");
    assert_eq!(scene.version("circuitBreakerEnabled").await, 2);
}

#[tokio::test]
async fn end_that_is_told_of_a_problem_that_goes_on_gives_nothing_back() {
    let mut scene = scene().await;
    let problem = scene.problem().severity(Severity::Availability).open();
    scene.notify(&problem, "OPEN").await;
    scene.minutes(1);

    scene.notify(&problem, "RESOLVED").await;
    scene.ticks(2).await;

    assert!(scene.is_on("circuitBreakerEnabled").await);
}

#[tokio::test]
async fn rule_waits_for_the_end_of_a_pause_and_giving_back_does_not() {
    let mut scene = scene().await;
    let pause = |scene: &Scene, minutes: i64| Pause {
        target: Paused::All,
        until: scene.world.now + SignedDuration::from_mins(minutes),
        who: "ada".to_owned(),
        why: "the network is being moved".to_owned(),
    };
    let ledger = scene.world.ledger.clone();
    ledger.pause(&pause(&scene, 5)).await.unwrap();
    let problem = scene.problem().severity(Severity::Availability).open();

    scene.notify(&problem, "OPEN").await;
    scene.ticks(3).await;
    assert!(!scene.is_on("circuitBreakerEnabled").await);
    let comments = scene.comments(&problem);
    assert_eq!(comments.len(), 1, "{comments:?}");
    assert!(
        comments[0].contains("matches this problem, and waits"),
        "{comments:?}"
    );
    scene.ticks(6).await;
    assert!(scene.is_on("circuitBreakerEnabled").await);

    ledger.pause(&pause(&scene, 60)).await.unwrap();
    scene.close(&problem);
    scene.notify(&problem, "RESOLVED").await;
    assert!(!scene.is_on("circuitBreakerEnabled").await);
}

#[tokio::test]
async fn pause_of_one_flag_keeps_a_rule_from_setting_it_and_no_other() {
    let mut scene = scene().await;
    let ledger = scene.world.ledger.clone();
    for (flag, minutes) in [(ERRORS, 60), ("circuitBreakerEnabled", 5)] {
        let pause = Pause {
            target: format!("flag:prod/{flag}").parse().unwrap(),
            until: scene.world.now + SignedDuration::from_mins(minutes),
            who: "ada".to_owned(),
            why: "it is examined".to_owned(),
        };
        ledger.pause(&pause).await.unwrap();
    }
    let problem = scene.problem().severity(Severity::Availability).open();

    scene.notify(&problem, "OPEN").await;
    scene.ticks(3).await;
    assert!(!scene.is_on("circuitBreakerEnabled").await);
    let comments = scene.comments(&problem);
    assert!(
        comments[0].contains("Changes of flag prod/circuitBreakerEnabled are paused"),
        "{comments:?}"
    );
    scene.ticks(6).await;
    assert!(scene.is_on("circuitBreakerEnabled").await);
}

#[tokio::test]
async fn rule_is_not_followed_for_staging_or_too_often() {
    let rules = r#"{"rules": {"breaker": {
        "when": {"category": ["AVAILABILITY"]}, "maxPerDay": 1,
        "set": {"circuitBreakerEnabled": true}, "mode": "auto"
    }}}"#;
    let mut scene = scene_with(rules).await;
    let staging = scene.world.tenant.problem("Staging does not answer");
    let staging = staging.severity(Severity::Availability);
    let staging = staging.impacts(crate::world::STAGING).open();
    scene.notify(&staging, "OPEN").await;
    assert_eq!(scene.applied(&staging).await, [""; 0]);

    let [first, second] = [(); 2].map(|()| scene.problem().severity(Severity::Availability).open());
    scene.notify(&first, "OPEN").await;
    scene.minutes(1);
    scene.close(&first);
    scene.notify(&first, "RESOLVED").await;
    scene.notify(&second, "OPEN").await;

    assert_eq!(scene.applied(&second).await, ["breaker refused"]);
    assert!(!scene.is_on("circuitBreakerEnabled").await);
    let comments = scene.comments(&second);
    assert!(
        comments
            .iter()
            .any(|text| text.contains("was followed 1 times in 24 hours")),
        "{comments:?}"
    );
}

/// As many flags as a rule may set, and a rule that sets them.
async fn many() -> (Scene, Vec<String>) {
    let names: Vec<String> = (0..LARGEST_BULK).map(|one| format!("share{one}")).collect();
    let of_each = |value: serde_json::Value| -> serde_json::Value {
        let each = names.iter().map(|name| (name.clone(), value.clone()));
        each.collect::<serde_json::Map<_, _>>().into()
    };
    let flag = json!({
        "type": "integer", "default": 0, "min": 0, "max": 100,
        "touches": { "etype": "SERVICE", "tags": [{ "key": "app", "value": "carts" }] }
    });
    let flags = json!({ "flags": of_each(flag) });
    let rules = json!({"rules": {"all": {
        "when": {"category": ["AVAILABILITY"]}, "set": of_each(7.into()), "mode": "auto"
    }}});
    let scene = scene_of(&flags.to_string(), &rules.to_string()).await;
    (scene, names)
}

#[tokio::test]
async fn more_than_is_written_together_is_refused_with_the_number() {
    let (scene, names) = many().await;
    let to = Target::Ramp {
        to: Value::Integer(50),
        duration: SignedDuration::from_hours(1),
    };
    // Each of them stops, and is set: that is too much.
    for name in &names {
        let (to, term) = (to.clone(), Term::Stays);
        scene.person_does(name, &Event::Set { to, term }).await;
    }
    let problem = scene.problem().severity(Severity::Availability).open();

    scene.notify(&problem, "OPEN").await;

    assert_eq!(scene.applied(&problem).await, ["all refused"]);
    for name in &names {
        assert_eq!(scene.version(name).await, 1, "{name}");
    }
    let comments = scene.comments(&problem);
    let why = "nothing is set: it takes 125 writes together, and there are 100 at most";
    assert!(comments.last().unwrap().contains(why), "{comments:?}");
}

#[tokio::test]
async fn however_much_the_clock_did_everything_is_given_back() {
    let (mut scene, names) = many().await;
    let until = scene.world.now + SignedDuration::from_mins(10);
    for name in &names {
        let to = Target::Value(Value::Integer(50));
        let term = Term::Until(until);
        scene.person_does(name, &Event::Set { to, term }).await;
    }
    let problem = scene.problem().severity(Severity::Availability).open();
    scene.notify(&problem, "OPEN").await;
    assert_eq!(scene.applied(&problem).await, ["all holding"]);

    // The trials below have ended, and nobody has written that down.
    scene.minutes(11);
    scene.close(&problem);
    scene.notify(&problem, "RESOLVED").await;

    assert_eq!(scene.applied(&problem).await, ["all ended"]);
    for name in &names {
        assert_eq!(scene.flag(name).await, Value::Integer(0), "{name}");
    }
}

#[tokio::test]
async fn rule_that_died_after_setting_sets_nothing_twice() {
    let mut scene = scene().await;
    let problem = scene.problem().severity(Severity::Availability).open();
    scene.notify(&problem, "OPEN").await;

    scene.minutes(10);
    let stored = scene.stored(&problem).await;
    let rules = scene.world.flags.rules("prod").await.unwrap();
    let State::Holding { .. } = stored.applications[0].state else {
        panic!("{stored:?}");
    };
    let rule = rules["circuitBreaker"].rule.clone();
    died_before_it_was_written_down(&scene, &problem, rule).await;
    scene.ticks(1).await;

    assert_eq!(scene.version("circuitBreakerEnabled").await, 1);
    assert_eq!(scene.applied(&problem).await, ["circuitBreaker holding"]);
    let followed = &scene.world.flags.rules("prod").await.unwrap()["circuitBreaker"].followed;
    assert_eq!(followed.len(), 1);
}

#[tokio::test]
async fn rule_that_died_before_setting_asks_again_whether_it_may() {
    let mut scene = scene().await;
    let pause = Pause {
        target: Paused::All,
        until: scene.world.now + SignedDuration::from_mins(60),
        who: "ada".to_owned(),
        why: "the network is being moved".to_owned(),
    };
    scene.world.ledger.pause(&pause).await.unwrap();
    let problem = scene.problem().severity(Severity::Availability).open();
    scene.notify(&problem, "OPEN").await;
    scene.minutes(1);
    let flags = scene.world.flags.clone();
    let rules = flags.rules("prod").await.unwrap();
    let rule = rules["circuitBreaker"].rule.clone();
    died_before_it_was_written_down(&scene, &problem, rule).await;

    scene.ticks(1).await;
    assert_eq!(scene.applied(&problem).await, ["circuitBreaker applying"]);
    let none = Rules::default();
    flags.declare_rules("prod", &none, &rules).await.unwrap();
    scene.ticks(2).await;

    assert_eq!(scene.applied(&problem).await, ["circuitBreaker notNeeded"]);
    assert_eq!(scene.version("circuitBreakerEnabled").await, 0);
}

/// As if a worker had died after the rule matched, before it wrote down what it set.
async fn died_before_it_was_written_down(scene: &Scene, problem: &Problem, rule: Rule) {
    let mut claimed = claim(scene, problem).await;
    claimed.problem.applications = vec![Application {
        rule: "circuitBreaker".to_owned(),
        at: scene.world.now,
        state: State::Applying {
            as_matched: Box::new(rule),
        },
    }];
    let remediations = &scene.world.remediations;
    let written = remediations
        .advance(&scene.world.ledger, &mut claimed, &[])
        .await;
    assert_eq!(written.unwrap(), store::Advanced::Written);
    remediations
        .queue()
        .defer(claimed, scene.world.now)
        .await
        .unwrap();
}

async fn claim(scene: &Scene, problem: &Problem) -> store::ClaimedProblem {
    let due = store::Due::problem(problem.id(), scene.world.now);
    let until = scene.world.now + SignedDuration::from_secs(35);
    let remediations = &scene.world.remediations;
    let claimed = remediations
        .queue()
        .claim(&due, "the story", scene.world.now, until)
        .await;
    claimed.unwrap()
}
