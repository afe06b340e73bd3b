//! The function that announces, as it is deployed.

use fake_aws::codedeploy::{GroupOptions, Revision};
use fake_aws::pipeline::{Job, JobStatus, PipelineSpec, Stage};
use fake_dynatrace::{Event, Fault, Times};
use lab::world::{self, HEALING, PIPELINE, PRODUCTION, PUSH, STAGING, Settings, World};
use lambda_host::runtime::{Function, Invocation, InvocationOutcome};
use serde_json::{Value, json};

use super::{release, under_both};

const APPLICATION: &str = "SampleDevOpsApp";

/// A world whose staging announces its deployments, and the function that does.
async fn announcing(settings: Settings) -> (World, Function) {
    let world = World::start(settings).await.unwrap();
    let push = world.another(PUSH).await.unwrap();
    let staging = Stage::new("Staging")
        .deploy("Deploy", APPLICATION, "Staging", 1)
        .lambda("Push", PUSH, "Staging,Deploying", 2, Some("Monspec"));
    world
        .aws
        .pipelines()
        .create(PipelineSpec::new(PIPELINE).stage(staging));
    (world, push)
}

fn job(world: &World) -> Job {
    release(world);
    world.aws.pipelines().next_job().unwrap()
}

fn status(world: &World, job: &Job) -> JobStatus {
    world.aws.pipelines().job(&job.id).unwrap().status
}

fn events_on(world: &World, entity: &str) -> Vec<Event> {
    let mut events = world.tenant.events();
    events.retain(|event| event.entity == entity);
    events
}

fn deploy(world: &World) -> String {
    deploy_to(world, "Production")
}

fn deploy_to(world: &World, group: &str) -> String {
    let codedeploy = world.aws.codedeploy();
    codedeploy.application(APPLICATION);
    codedeploy
        .group(APPLICATION, group, GroupOptions::default())
        .unwrap();
    let revision = Revision::github("shop/cart", "c0ffee");
    codedeploy
        .deploy_by_person(APPLICATION, group, revision)
        .unwrap()
}

#[tokio::test]
async fn job_puts_the_deployment_on_its_service() {
    let story = async |api| {
        let (world, push) = announcing(Settings::default().api(api)).await;
        let job = job(&world);

        let invocation = push.invoke(job.event.clone()).await.unwrap();

        world::answer(PUSH, invocation).unwrap();
        assert_eq!(status(&world, &job), JobStatus::Succeeded);
        let events = events_on(&world, STAGING);
        let [event] = events.as_slice() else {
            panic!("{events:?}");
        };
        assert_eq!(event.event_type, "CUSTOM_DEPLOYMENT");
        assert_eq!(event.properties["CodeDeploy.DeploymentGroup"], "Staging");
        let link = &event.properties["dt.event.deployment.remediation_action_link"];
        assert_eq!(link, HEALING);
        assert!(!push.logs().contains(world.tenant.token()));
    };
    Box::pin(under_both(story)).await;
}

#[tokio::test]
async fn late_service_is_told_by_the_continued_job() {
    let (world, push) = announcing(Settings::default()).await;
    let pipelines = world.aws.pipelines();
    pipelines.continuation_interval(jiff::SignedDuration::ZERO);
    world.tenant.remove(STAGING);
    let first = job(&world);
    world::answer(PUSH, push.invoke(first.event.clone()).await.unwrap()).unwrap();
    assert!(matches!(status(&world, &first), JobStatus::Continued(_)));

    let service = world.tenant.service(STAGING, "SampleJSonService");
    service.tag("DeploymentGroup", "Staging").add();
    let next = pipelines.next_job().unwrap();
    world::answer(PUSH, push.invoke(next.event.clone()).await.unwrap()).unwrap();

    assert_eq!(status(&world, &next), JobStatus::Succeeded);
    assert_eq!(events_on(&world, STAGING).len(), 1);
}

#[tokio::test]
async fn job_fails_in_the_same_invocation_when_the_tenant_is_down() {
    let (world, push) =
        announcing(Settings::default().timeout(std::time::Duration::from_secs(5))).await;
    world.tenant.fail(Fault::Hang, Times::Always, "/api");
    let job = job(&world);

    let invocation = push.invoke(job.event.clone()).await.unwrap();

    assert!(matches!(invocation.outcome, InvocationOutcome::Ok(_)));
    let JobStatus::Failed { r#type, .. } = status(&world, &job) else {
        panic!("{:?}", status(&world, &job));
    };
    assert_eq!(r#type, "SystemUnavailable");
}

#[tokio::test]
async fn notices_of_codedeploy_announce_one_deployment() {
    let (world, push) = announcing(Settings::default()).await;
    let id = deploy(&world);
    let message =
        json!({"deploymentId": id, "status": "SUCCEEDED", "completeTime": null}).to_string();
    let sns = json!({"Records": [{"EventSource": "aws:sns", "Sns": {"Message": message}}]});
    let eventbridge = json!({
        "source": "aws.codedeploy",
        "detail-type": "CodeDeploy Deployment State-change Notification",
        "detail": {"deploymentId": id, "state": "SUCCESS"},
    });

    for event in [sns, eventbridge] {
        world::answer(PUSH, push.invoke(event).await.unwrap()).unwrap();
    }

    let events = events_on(&world, PRODUCTION);
    assert_eq!(events.len(), 1, "{events:?}");
    assert_eq!(events[0].properties["CodeDeploy.DeploymentId"], id);
}

/// Three deployments in one event, between notices that nobody understands. The
/// second cannot be announced yet.
#[tokio::test]
async fn refused_notice_stops_none_behind_it_and_a_retry_announces_nothing_twice() {
    let story = async |api| {
        let (world, push) = announcing(Settings::default().api(api)).await;
        let [first, third] = [deploy(&world), deploy(&world)];
        let second = deploy_to(&world, "Elsewhere");
        let ids = [&*first, "d-UNKNOWN12", &second, &third, &first];
        let mut records: Vec<Value> = ids
            .iter()
            .map(|id| json!({"deploymentId": id, "status": "SUCCEEDED"}).to_string())
            .map(|message| json!({"Sns": {"Message": message}}))
            .collect();
        records.insert(0, json!({"Sns": {"Message": "what is this?"}}));
        let event = json!({"Records": records});

        for _ in 0..2 {
            let invocation = push.invoke(event.clone()).await.unwrap();

            let InvocationOutcome::Err { r#type, message } = invocation.outcome else {
                panic!("{:?}", invocation.outcome);
            };
            assert_eq!(r#type, "Fault");
            assert!(message.starts_with("3 of 5 failed: "), "{message}");
            for refused in [
                "it is no JSON",
                "d-UNKNOWN12: CodeDeploy knows no deployment",
                &format!("{second}: not all entities have the event yet"),
            ] {
                assert!(message.contains(refused), "{message}");
            }
            let mut announced: Vec<_> = events_on(&world, PRODUCTION)
                .into_iter()
                .map(|mut event| event.properties.remove("CodeDeploy.DeploymentId").unwrap())
                .collect();
            announced.sort();
            let mut wanted = [first.clone(), third.clone()];
            wanted.sort();
            assert_eq!(announced, wanted);
        }
    };
    Box::pin(under_both(story)).await;
}

#[tokio::test]
async fn notice_that_cannot_be_announced_yet_fails_to_be_repeated() {
    let (world, push) = announcing(Settings::default()).await;
    world.tenant.remove(PRODUCTION);
    let id = deploy(&world);
    let event = json!({
        "source": "aws.codedeploy",
        "detail-type": "CodeDeploy Deployment State-change Notification",
        "detail": {"deploymentId": id, "state": "SUCCESS"},
    });

    let invocation = push.invoke(event).await.unwrap();

    let InvocationOutcome::Err { r#type, message } = invocation.outcome else {
        panic!("{:?}", invocation.outcome);
    };
    assert_eq!(r#type, "Fault");
    assert!(message.contains("DeploymentGroup:Production"), "{message}");
}

#[tokio::test]
async fn nobody_announces_over_http_without_the_secret() {
    let (world, push) = announcing(Settings::default()).await;
    let id = deploy(&world);
    let secret = Settings::default().webhook_token().to_owned();
    let asked = |headers: Value| {
        json!({
            "version": "2.0",
            "requestContext": {"http": {"method": "POST", "path": "/"}},
            "headers": headers,
            "body": json!({"deployment": id}).to_string(),
        })
    };

    for headers in [
        json!(null),
        json!({"x-unbreakable-token": "a-secret-that-is-wrong"}),
    ] {
        let refused = http(push.invoke(asked(headers)).await.unwrap());
        assert_eq!(refused["statusCode"], 401);
    }
    assert!(events_on(&world, PRODUCTION).is_empty());

    let let_in = http(
        push.invoke(asked(json!({"x-unbreakable-token": secret})))
            .await
            .unwrap(),
    );
    assert_eq!(let_in["statusCode"], 200, "{let_in}");
    assert_eq!(events_on(&world, PRODUCTION).len(), 1);
    assert!(!push.logs().contains(&secret));
}

#[tokio::test]
async fn stranger_costs_no_call_while_a_secret_is_missing() {
    for parameter in ["/unbreakable/webhook-token", "/unbreakable/dynatrace-token"] {
        let (world, push) = announcing(Settings::default()).await;
        world.aws.ssm().remove(parameter);
        let event = json!({
            "httpMethod": "POST",
            "headers": {"x-unbreakable-token": "a-secret-that-is-wrong"},
            "body": "{}",
        });

        for _ in 0..6 {
            let refused = http(push.invoke(event.clone()).await.unwrap());
            // A door without its secret cannot tell who comes.
            let told = match parameter {
                "/unbreakable/webhook-token" => 503,
                _ => 401,
            };
            assert_eq!(refused["statusCode"], told, "{parameter}");
        }

        let reads = world.aws.calls("GetParameters");
        assert!(reads <= 2, "{reads} calls for six strangers");
    }
}

#[tokio::test]
async fn without_a_secret_the_door_stays_shut() {
    let (_world, push) = announcing(Settings::default().without("WEBHOOK_TOKEN_PARAMETER")).await;
    let event = json!({"httpMethod": "POST", "headers": {"x-unbreakable-token": ""}, "body": "{}"});

    let refused = http(push.invoke(event).await.unwrap());

    assert_eq!(refused["statusCode"], 401);
}

fn http(invocation: Invocation) -> Value {
    world::answer(PUSH, invocation).unwrap()
}
