//! Notifications as the tenant itself writes them, through the front door.

use fake_dynatrace::{Announced, Delivered, Problem, Template, TestRun, Webhook};
use lab::world::{HANDLE_PROBLEM, PRODUCTION, Settings, World};
use lambda_host::front::{Front, Open};
use release::problem::{Cause, Problem as Stored};
use release::remediation::State;
use serde_json::{Value, json};

use super::super::under_both;
use super::{bad_release, heals, now, problem, until};

const TEMPLATES: [Template; 3] = [
    Template::Recommended,
    Template::Of2018,
    Template::Of2018Quoted,
];

/// The function behind its address, and a webhook that knows the secret.
async fn behind_its_door(world: &World) -> (Open, Webhook) {
    let front = Front::bind().await.unwrap();
    let webhook = Webhook::new(front.url());
    let webhook = webhook.header("x-unbreakable-token", world.settings().webhook_token());
    (
        front.open(world.another(HANDLE_PROBLEM).await.unwrap()),
        webhook,
    )
}

fn told(answer: &Delivered) -> Value {
    assert_eq!(answer.status, 200, "{}", answer.body);
    serde_json::from_str(&answer.body).unwrap()
}

async fn stored(world: &World, problem: &Problem) -> Stored {
    world
        .remediations()
        .problem(problem.id())
        .await
        .unwrap()
        .unwrap()
}

#[tokio::test]
async fn every_template_brings_a_problem_to_its_end() {
    under_both(async |api| {
        let world = World::start(Settings::default().api(api)).await.unwrap();
        let (door, webhook) = behind_its_door(&world).await;
        let first = bad_release(&world, api).await;
        for (index, template) in TEMPLATES.into_iter().enumerate() {
            let webhook = webhook.clone().template(template.clone());
            let problem = match index {
                0 => first.clone(),
                _ => problem(&world),
            };

            for _ in 0..2 {
                let answer = told(&problem.notify(&webhook, Announced::Open).await.unwrap());
                assert_eq!(answer["problem"], problem.id());
                let group = &answer["remediations"][0]["group"];
                assert_eq!(group, "SampleDevOpsApp/Production", "{template:?}");
            }

            let known = stored(&world, &problem).await;
            assert_eq!(known.impacted, [PRODUCTION]);
            assert_eq!(known.display_id, Some(problem.display_id()));
            until(&world, door.function(), &problem, |state| {
                matches!(state, State::Healed { .. } | State::Joined { .. })
            })
            .await;
            problem.resolve(now());
            told(&problem.notify(&webhook, Announced::Resolved).await.unwrap());
            until(&world, door.function(), &problem, State::is_final).await;
        }
        assert_eq!(heals(&world).len(), 1, "the others had the same cause");
    })
    .await;
}

#[tokio::test]
async fn problem_that_the_tenant_merged_is_followed_to_the_other() {
    let world = World::start(Settings::default()).await.unwrap();
    let (door, webhook) = behind_its_door(&world).await;
    let first = bad_release(&world, dynatrace::Api::V2).await;
    told(&first.notify(&webhook, Announced::Open).await.unwrap());
    until(&world, door.function(), &first, |state| {
        matches!(state, State::Healed { .. })
    })
    .await;
    let survivor = problem(&world);
    first.merge_into(&survivor);

    told(&first.notify(&webhook, Announced::Merged).await.unwrap());
    survivor.resolve(now());
    told(
        &survivor
            .notify(&webhook, Announced::Resolved)
            .await
            .unwrap(),
    );
    until(&world, door.function(), &first, State::is_final).await;

    let merged = stored(&world, &first).await;
    assert_eq!(merged.merged_into.as_deref(), Some(survivor.id()));
    let state = &merged.remediations[0].state;
    assert!(matches!(state, State::Confirmed { .. }), "{state:?}");
    assert_eq!(heals(&world).len(), 1);
}

#[tokio::test]
async fn test_notification_of_every_tenant_is_known_as_one() {
    let world = World::start(Settings::default()).await.unwrap();
    let (_door, webhook) = behind_its_door(&world).await;
    for run in [TestRun::Documented, TestRun::Recorded, TestRun::OldTenant] {
        for template in TEMPLATES {
            let webhook = webhook.clone().template(template);
            let answer = world.tenant.test_notification(&webhook, run).await.unwrap();
            assert_eq!(told(&answer)["state"], "test", "{run:?}");
        }
    }
    let test = world
        .remediations()
        .problem("99999")
        .await
        .unwrap()
        .unwrap();
    assert_eq!(test.cause, Cause::Test);
}

#[tokio::test]
async fn problem_that_nothing_follows_from_has_its_answer_too() {
    let world = World::start(Settings::default()).await.unwrap();
    let (door, webhook) = behind_its_door(&world).await;
    let problem = bad_release(&world, dynatrace::Api::V2).await;
    let of_nobody = world.tenant.problem("Monitoring unavailable").open();

    let paused = Announced::Other("PAUSED");
    let ignored = told(&problem.notify(&webhook, paused).await.unwrap());
    let nobodys = told(&of_nobody.notify(&webhook, Announced::Open).await.unwrap());
    let stranger = Webhook::new(door.url());
    let refused = problem.notify(&stranger, Announced::Open).await.unwrap();

    assert_eq!(ignored["state"], "ignored");
    assert_eq!(nobodys["problem"], of_nobody.id());
    assert_eq!(nobodys["remediations"], json!([]));
    assert_eq!(refused.status, 401);
    assert!(heals(&world).is_empty());
}
