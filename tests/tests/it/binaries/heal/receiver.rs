//! A change that a listed receiver takes back, through the real binary: the list and
//! the secret come from parameters, and neither is told, however talkative it is.

use dynatrace::{Event, EventKind};
use fake_aws::ssm::Kind;
use fake_controller::Receiver;
use lab::world::{self, PRODUCTION, Settings};
use serde_json::json;

use super::stories::set;
use super::{PATIENCE, now, posted, problem, tenant};

const LIST: &str = "/unbreakable/heal-runbooks";
const SECRET: &str = "the-secret-that-signs";

#[tokio::test]
async fn receiver_of_a_parameter_is_asked_and_no_secret_is_logged() {
    let settings = Settings::default()
        .with("AWS_LAMBDA_LOG_LEVEL", "TRACE")
        .with("AWS_LAMBDA_LOG_FORMAT", "JSON")
        .with("RUST_LOG", "trace")
        .with("HEAL_RUNBOOKS_PARAMETER", LIST);
    let (world, function) = set(settings).await;
    let receiver = Receiver::start(SECRET).await.unwrap();
    receiver.answers(r#"{"changed":true,"note":"the rate is 0 again"}"#);
    let listed = json!({
        "receivers": {"ops": {"url": receiver.url(), "secret": format!("{LIST}/ops")}},
        "runbooks": {"undo": {
            "on": "ops",
            "for": {"events": ["CUSTOM_CONFIGURATION"], "sources": ["Deployer"]},
            "mode": "auto",
        }},
    });
    let ssm = world.aws.ssm();
    ssm.put(LIST, Kind::SecureString, &listed.to_string());
    ssm.put(&format!("{LIST}/ops"), Kind::SecureString, SECRET);
    let event = Event {
        kind: EventKind::Configuration,
        title: "promotion rate 30".to_owned(),
        source: "Deployer".to_owned(),
        start_ms: Some(now()),
        end_ms: Some(now()),
        entities: vec![PRODUCTION.to_owned()],
        properties: [
            ("remediationType", "http".to_owned()),
            ("remediationAction", receiver.url()),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into(),
        ..Event::default()
    };
    let deadline = tokio::time::Instant::now() + PATIENCE;
    let tenant = tenant(&world, dynatrace::Api::V2);
    let _ = tenant.announce(&event, deadline).await.unwrap();
    let problem = problem(&world);

    posted(&world, &function, &problem, "OPEN").await;

    let asked = async || {
        function.invoke(world::scheduled()).await.unwrap();
        0 < receiver.done()
    };
    world::until("the receiver to be asked", PATIENCE, asked)
        .await
        .unwrap();
    let stored = world.remediations().problem(problem.id()).await.unwrap();
    let run = &stored.unwrap().runs[0];
    assert_eq!(run.state.word(), "verifying");
    assert_eq!(receiver.received().len(), 1);
    let comments = world.tenant.comments(problem.id());
    assert!(
        comments[0].text.contains("the rate is 0 again"),
        "{comments:?}"
    );
    let logs = function.logs();
    assert!(
        logs.contains(problem.id()),
        "the function does talk: {logs}"
    );
    for secret in [
        SECRET,
        "the rate is 0 again",
        "hooks/undo",
        "promotion rate 30",
    ] {
        assert!(!logs.contains(secret), "`{secret}` is logged:\n{logs}");
    }
}
