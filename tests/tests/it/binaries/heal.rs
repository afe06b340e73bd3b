//! Self-healing as it is deployed: the real binary behind its front door.

mod culprits;
mod random;
mod receiver;
mod stories;
mod templates;

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use dynatrace::{Api, Dynatrace, Event, EventKind};
use fake_aws::codedeploy::{Deployment, GroupOptions, Revision};
use fake_dynatrace::Problem;
use jiff::SignedDuration;
use lab::world::{self, HANDLE_PROBLEM, PRODUCTION, Settings, World};
use lambda_host::runtime::{Function, InvocationOutcome};
use release::remediation::State;
use secrecy::SecretString;
use serde_json::{Value, json};

use super::{PATIENCE, under_both};

const APPLICATION: &str = "SampleDevOpsApp";
const GROUP: &str = "Production";

/// Long enough that nothing happens before the function is killed.
const LONG: Duration = Duration::from_secs(20);

#[tokio::test]
async fn problem_is_answered_from_webhook_to_its_end() {
    under_both(async |api| {
        let world = World::start(Settings::default().api(api)).await.unwrap();
        let function = world.another(HANDLE_PROBLEM).await.unwrap();
        let problem = bad_release(&world, api).await;

        let answer = posted(&world, &function, &problem, "OPEN").await;

        assert_eq!(answer["statusCode"], 200, "{answer}");
        let told = body(&answer);
        assert_eq!(told["problem"], problem.id());
        assert_eq!(
            told["remediations"][0]["group"],
            "SampleDevOpsApp/Production"
        );
        let [heal] = heals(&world).try_into().unwrap();
        assert_eq!(told["remediations"][0]["deployment"], heal.id);

        until(&world, &function, &problem, |state| {
            matches!(state, State::Healed { .. })
        })
        .await;
        problem.resolve(now());
        posted(&world, &function, &problem, "RESOLVED").await;
        until(&world, &function, &problem, |state| {
            matches!(state, State::Confirmed { .. })
        })
        .await;
        assert_eq!(heals(&world).len(), 1);
        let comments = world.tenant.comments(problem.id());
        assert_eq!(comments.len(), 3, "{comments:?}");
    })
    .await;
}

#[tokio::test]
async fn nobody_gets_in_uninvited() {
    let settings = Settings::default();
    let world = World::start(settings.clone()).await.unwrap();
    let function = world.another(HANDLE_PROBLEM).await.unwrap();
    let problem = bad_release(&world, Api::V2).await;
    let good = notification(&problem, "OPEN").to_string();
    let token = settings.webhook_token();
    let huge = json!({"PID": "1", "Text": "x".repeat(300_000)}).to_string();

    for (status, event) in [
        (401, post(&good, &json!({}))),
        (
            401,
            post(
                &good,
                &json!({"x-unbreakable-token": "a-forged-secret-of-length"}),
            ),
        ),
        (
            401,
            post(&good, &json!({"Authorization": format!("Basic {token}")})),
        ),
        (401, post(&huge, &json!({}))),
        (413, post(&huge, &json!({"x-unbreakable-token": "wrong"}))),
        (413, post(&huge, &json!({"x-unbreakable-token": token}))),
        (400, post("{", &json!({"x-unbreakable-token": token}))),
        (400, post("{}", &json!({"x-unbreakable-token": token}))),
        (405, method("GET", &json!({"x-unbreakable-token": token}))),
    ] {
        let invocation = function.invoke(event).await.unwrap();
        let answer = world::answer(HANDLE_PROBLEM, invocation).unwrap();
        assert_eq!(answer["statusCode"], status, "{answer}");
        assert!(body(&answer)["error"].is_string(), "{answer}");
    }

    let stored = world.remediations().problem(problem.id()).await.unwrap();
    assert!(stored.is_none());
    assert!(heals(&world).is_empty());
    let event = post(&good, &json!({"AUTHORIZATION": format!("Bearer {token}")}));
    let invocation = function.invoke(event).await.unwrap();
    let answer = world::answer(HANDLE_PROBLEM, invocation).unwrap();
    assert_eq!(answer["statusCode"], 200, "{answer}");
    assert_eq!(heals(&world).len(), 1);
    for secret in [
        token,
        world.tenant.token(),
        "a-forged-secret",
        "Failure rate",
    ] {
        assert!(!function.logs().contains(secret), "`{secret}` is logged");
    }
}

#[tokio::test]
async fn notification_without_its_request_is_not_taken_for_the_schedule() {
    let world = World::start(Settings::default()).await.unwrap();
    let function = world.another(HANDLE_PROBLEM).await.unwrap();
    let problem = bad_release(&world, Api::V2).await;
    let bare = notification(&problem, "OPEN");

    for event in [bare.clone(), json!({"eventBody": bare})] {
        let outcome = function.invoke(event).await.unwrap().outcome;
        let InvocationOutcome::Err { message, .. } = outcome else {
            panic!("{outcome:?}");
        };
        assert!(message.contains("proxy integration"), "{message}");
        assert!(!message.contains(problem.id()), "{message}");
    }

    let stored = world.remediations().problem(problem.id()).await.unwrap();
    assert!(stored.is_none());
    assert!(heals(&world).is_empty());
}

#[tokio::test]
async fn two_notifications_at_once_are_one_heal_of_two_processes() {
    let world = World::start(Settings::default()).await.unwrap();
    let one = world.another(HANDLE_PROBLEM).await.unwrap();
    let two = world.another(HANDLE_PROBLEM).await.unwrap();
    let problem = bad_release(&world, Api::V2).await;

    let (first, second) = tokio::join!(
        posted(&world, &one, &problem, "OPEN"),
        posted(&world, &two, &problem, "OPEN"),
    );

    assert_eq!(
        (&first["statusCode"], &second["statusCode"]),
        (&json!(200), &json!(200))
    );
    until(&world, &one, &problem, |state| {
        matches!(state, State::Healed { .. })
    })
    .await;
    assert_eq!(heals(&world).len(), 1);
}

#[tokio::test]
async fn killed_between_intent_and_deployment() {
    let world = short_lived().await;
    let function = world.another(HANDLE_PROBLEM).await.unwrap();
    let problem = bad_release(&world, Api::V2).await;
    world.aws.slow_down("CreateDeployment", LONG);

    let called = async || 0 < world.aws.calls("CreateDeployment");
    killed_once(&world, &function, &problem, called).await;

    assert!(matches!(state(&world, &problem).await, State::Intended(_)));
    world.aws.slow_down("CreateDeployment", Duration::ZERO);
    until(&world, &function, &problem, |state| {
        matches!(state, State::Healed { .. })
    })
    .await;
    assert_eq!(heals(&world).len(), 1);
}

#[tokio::test]
async fn killed_between_deployment_and_record() {
    let world = short_lived().await;
    let function = world.another(HANDLE_PROBLEM).await.unwrap();
    let problem = bad_release(&world, Api::V2).await;
    world
        .aws
        .fail("CreateDeployment", fake_aws::Fault::TimeoutAfterActing, 1);

    let acted = async || !heals(&world).is_empty();
    killed_once(&world, &function, &problem, acted).await;

    until(&world, &function, &problem, |state| {
        matches!(state, State::Healed { .. })
    })
    .await;
    assert_eq!(heals(&world).len(), 1);
    assert_eq!(world.aws.calls("CreateDeployment"), 1);
}

/// A good release and a bad one, and the problem that follows.
pub(super) async fn bad_release(world: &World, api: Api) -> Problem {
    group(world, quick());
    deploy(world, "good").await;
    let bad = deploy(world, "bad").await;
    announce(world, api, &bad, &[PRODUCTION]).await;
    problem(world)
}

/// Deployments that are over soon.
fn quick() -> GroupOptions {
    GroupOptions {
        duration: SignedDuration::from_millis(300),
        ..GroupOptions::default()
    }
}

/// The group exists, and its later deployments go like this.
fn group(world: &World, options: GroupOptions) {
    let codedeploy = world.aws.codedeploy();
    codedeploy.application(APPLICATION);
    codedeploy.group(APPLICATION, GROUP, options).unwrap();
}

/// Deploys a bundle of this name and waits for its end.
async fn deploy(world: &World, name: &str) -> String {
    world.aws.s3().put("bundles", name, name.to_owned());
    let revision = Revision::s3("bundles", name);
    let codedeploy = world.aws.codedeploy();
    let made = codedeploy.deploy_by_person(APPLICATION, GROUP, revision);
    free(world).await;
    made.unwrap()
}

/// Nothing is deployed any more.
async fn free(world: &World) {
    let codedeploy = world.aws.codedeploy();
    let free = async || codedeploy.active(APPLICATION, GROUP).unwrap().is_none();
    world::until("the group to be free", PATIENCE, free)
        .await
        .unwrap();
}

fn problem(world: &World) -> Problem {
    let problem = world.tenant.problem("Failure rate increase");
    problem.impacts(PRODUCTION).open()
}

async fn announce(world: &World, api: Api, deployment: &str, entities: &[&str]) {
    let announcement = Announcement {
        api,
        entities,
        ..Announcement::of(deployment)
    };
    announced(world, &announcement).await;
}

/// A deployment as the tenant hears of it.
struct Announcement<'a> {
    api: Api,
    deployment: &'a str,
    group: &'a str,
    entities: &'a [&'a str],
    /// When it was made; now, if nothing is said.
    at: Option<i64>,
}

impl<'a> Announcement<'a> {
    fn of(deployment: &'a str) -> Self {
        Self {
            api: Api::V2,
            deployment,
            group: GROUP,
            entities: &[PRODUCTION],
            at: None,
        }
    }
}

async fn announced(world: &World, announcement: &Announcement<'_>) {
    let tenant = tenant(world, announcement.api);
    let entities = announcement.entities.iter();
    let event = Event {
        kind: EventKind::Deployment,
        title: "Deploy".to_owned(),
        name: Some("Deploy".to_owned()),
        version: Some("1".to_owned()),
        source: "AWS CodePipeline".to_owned(),
        start_ms: announcement.at,
        end_ms: announcement.at,
        entities: entities.map(|id| (*id).to_owned()).collect(),
        properties: [
            ("CodeDeploy.Application", APPLICATION),
            ("CodeDeploy.DeploymentGroup", announcement.group),
            ("CodeDeploy.DeploymentId", announcement.deployment),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into_iter()
        .collect(),
        ..Event::default()
    };
    let deadline = tokio::time::Instant::now() + PATIENCE;
    let _ = tenant.announce(&event, deadline).await.unwrap();
}

/// The tenant, as whoever announces something speaks to it.
fn tenant(world: &World, api: Api) -> Dynatrace {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let settings = dynatrace::Tenant {
        url: world.tenant.url(),
        token: SecretString::from(world.tenant.token()),
        api,
        calls_in_flight: 1,
        calls_per_minute: None,
    };
    Dynatrace::new(reqwest::Client::new(), settings).unwrap()
}

fn notification(problem: &Problem, state: &str) -> Value {
    json!({
        "PID": problem.id(), "State": state, "ProblemID": problem.display_id(),
        "ProblemTitle": "Failure rate increase",
        "ImpactedEntities": [
            {"type": "SERVICE", "name": "SampleJSonService", "entity": PRODUCTION},
        ],
    })
}

/// A request as an HTTP API hands it over, with an encoded body.
fn post(body: &str, headers: &Value) -> Value {
    json!({
        "version": "2.0", "headers": headers,
        "requestContext": {"http": {"method": "POST", "path": "/HandleDynatraceProblem"}},
        "body": STANDARD.encode(body), "isBase64Encoded": true,
    })
}

/// A request as a REST API hands it over.
fn method(method: &str, headers: &Value) -> Value {
    json!({
        "httpMethod": method, "headers": headers, "multiValueHeaders": null,
        "requestContext": {"stage": "v1", "httpMethod": method},
        "body": null, "isBase64Encoded": false,
    })
}

pub(super) async fn posted(
    world: &World,
    function: &Function,
    problem: &Problem,
    state: &str,
) -> Value {
    let body = notification(problem, state).to_string();
    let token = world.settings().webhook_token();
    let event = post(&body, &json!({"x-unbreakable-token": token}));
    let invocation = function.invoke(event).await.unwrap();
    world::answer(HANDLE_PROBLEM, invocation).unwrap()
}

fn body(answer: &Value) -> Value {
    serde_json::from_str(answer["body"].as_str().unwrap()).unwrap()
}

pub(super) fn heals(world: &World) -> Vec<Deployment> {
    let history = world.aws.codedeploy().history(APPLICATION, GROUP).unwrap();
    let marked = |deployment: &Deployment| {
        let description = deployment.description.as_deref();
        description.is_some_and(|text| text.contains("[unbreakable:"))
    };
    history.into_iter().filter(marked).collect()
}

async fn state(world: &World, problem: &Problem) -> State {
    let stored = world
        .remediations()
        .problem(problem.id())
        .await
        .unwrap()
        .unwrap();
    stored.remediations[0].state.clone()
}

/// Lets the schedule run until the remediation is as wanted.
async fn until(
    world: &World,
    function: &Function,
    problem: &Problem,
    wanted: impl Fn(&State) -> bool,
) {
    let deadline = tokio::time::Instant::now() + PATIENCE;
    loop {
        let state = state(world, problem).await;
        if wanted(&state) {
            return;
        }
        assert!(
            tokio::time::Instant::now() < deadline,
            "still {state:?}; the function wrote:\n{}",
            function.logs()
        );
        function.invoke(world::scheduled()).await.unwrap();
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// A lease outlives the function's timeout, and these stories wait for leases.
async fn short_lived() -> World {
    let settings = Settings::default().timeout(Duration::from_secs(4));
    World::start(settings).await.unwrap()
}

/// Posts a notification and kills the function once the moment has come.
async fn killed_once(
    world: &World,
    function: &Function,
    problem: &Problem,
    moment: impl AsyncFn() -> bool,
) {
    let token = world.settings().webhook_token();
    let body = notification(problem, "OPEN").to_string();
    let event = post(&body, &json!({"x-unbreakable-token": token}));
    let killed = async {
        world::until("the moment to kill", PATIENCE, &moment)
            .await
            .unwrap();
        function.kill().await;
    };
    let (invocation, ()) = tokio::join!(function.invoke(event), killed);
    let outcome = invocation.unwrap().outcome;
    // What answers at the very moment was not killed, and has recorded nothing
    // that the story could not do without.
    assert!(
        matches!(
            outcome,
            InvocationOutcome::Crashed(_) | InvocationOutcome::Ok(_)
        ),
        "{outcome:?}"
    );
}

#[expect(
    clippy::disallowed_methods,
    reason = "real processes read the real clock, and this plays the world around them"
)]
fn now() -> i64 {
    jiff::Timestamp::now().as_millisecond()
}
