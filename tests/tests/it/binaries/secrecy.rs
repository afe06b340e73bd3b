//! What functions know and must not tell, at the most talkative level there is.

use fake_aws::{Fault, SECRET_KEY};
use lab::world::{self, REGISTER, Settings, World};
use serde_json::{Value, json};

use super::receiver::Receiver;
use super::{PATIENCE, gated, parameters, registered, release, settled, stored, told};
use crate::world::monspec;

/// The owner that the monspec names: whoever logs its body logs this.
const OWNER: &str = "The cart team";

#[tokio::test]
async fn no_secret_and_no_body_reaches_a_log() {
    let hook = Receiver::start().await;
    let settings = Settings::default()
        .with("AWS_LAMBDA_LOG_LEVEL", "TRACE")
        .with("AWS_LAMBDA_LOG_FORMAT", "JSON")
        .with("RUST_LOG", "trace")
        .with("ALLOWED_ORIGINS", &hook.origin);
    let mut secrets = vec![
        ("the key of report links", key_of(settings.report_keys())),
        ("the secret of hooks", settings.hook_secret().to_owned()),
        (
            "the secret key of the function's role",
            SECRET_KEY.to_owned(),
        ),
        ("the body of the monspec", OWNER.to_owned()),
        ("the path of a hook", "hook-path".to_owned()),
    ];
    let world = gated(settings).await;
    secrets.push(("the token of the tenant", world.tenant.token().to_owned()));
    let mut parameters = parameters();
    parameters["resultHook"] = json!(hook.address());
    world.gate(&parameters);

    // A build that passes, with its result posted.
    let build = registered(&world).await;
    secrets.extend(credentials(&build.job.event));
    let token = world.approval(&build.execution).unwrap().token.unwrap();
    secrets.push(("the token of the approval", token));
    settled(&world, build.id).await;
    let summary = world.approval(&build.execution).unwrap().summary.unwrap();
    let (_, signature) = summary.rsplit_once("&s=").unwrap();
    secrets.push(("the signature of a link", signature.to_owned()));
    let [(signed, posted)] = hook.received().try_into().unwrap();
    assert!(
        signed && posted["validation"] == json!(build.id),
        "{posted}"
    );

    // Whatever else makes functions talk.
    secrets.extend(troubled(&world).await);

    let logs = world.logs();
    assert!(
        !told(&logs, build.id).is_empty(),
        "the functions do talk: {logs}"
    );
    for (what, secret) in secrets {
        assert!(8 <= secret.len(), "{what} is too short to be looked for");
        assert!(!logs.contains(&secret), "{what} is in the logs:\n{logs}");
    }
}

/// Refusals, faults and events that nobody can read; the answer is what they
/// brought along and must not be told.
async fn troubled(world: &World) -> Vec<(&'static str, String)> {
    world.aws.fail("GetJobDetails", Fault::InternalError, 10);
    let execution = release(world);
    let throttled = world.aws.pipelines().next_job().unwrap();
    let invocation = world
        .register
        .invoke(throttled.event.clone())
        .await
        .unwrap();
    world::answer(REGISTER, invocation).unwrap();
    assert!(world.approval(&execution).unwrap().token.is_none());

    let unreadable = json!({"CodePipeline.job": {
        "data": {"artifactCredentials": {"secretAccessKey": "unreadable-secret"}}
    }});
    let broken = json!({"pipeline": 7, "monspec": {"owner": OWNER}});
    let torn = json!({"pipeline": "Sample", "monspec": OWNER});
    for event in [unreadable, broken, torn] {
        let invocation = world.register.invoke(event).await.unwrap();
        world::answer(REGISTER, invocation).unwrap_err();
    }

    let direct = json!({
        "pipeline": "Sample",
        "comparison": "StagingToProduction",
        "window": "1s",
        "monspec": monspec(),
    });
    let invocation = world.register.invoke(direct).await.unwrap();
    let answer = world::answer(REGISTER, invocation).unwrap();
    let id = answer["validation"].as_str().unwrap().parse().unwrap();
    world.tenant.fail(
        fake_dynatrace::Fault::Unauthorised,
        fake_dynatrace::Times::Always,
        "/api",
    );
    let judged = async || stored(world, id).await.judgement().is_some();
    world
        .tick_until("the direct call is judged", PATIENCE, judged)
        .await
        .unwrap();

    let mut secrets = credentials(&throttled.event).to_vec();
    secrets.push(("an unreadable event", "unreadable-secret".to_owned()));
    secrets
}

fn credentials(event: &Value) -> [(&'static str, String); 3] {
    let credentials = &event["CodePipeline.job"]["data"]["artifactCredentials"];
    let value = |name: &str| credentials[name].as_str().unwrap().to_owned();
    [
        ("the access key of a job", value("accessKeyId")),
        ("the secret key of a job", value("secretAccessKey")),
        ("the session token of a job", value("sessionToken")),
    ]
}

/// The secret half of `<id>:<secret>`.
fn key_of(keys: &str) -> String {
    keys.split_once(':').unwrap().1.to_owned()
}
