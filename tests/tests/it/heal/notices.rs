//! What arrives, and what does not.

use fake_aws::codedeploy::GroupOptions;
use fake_dynatrace::{Fault, Severity, Times};
use jiff::SignedDuration;
use release::deployment::Standing;
use release::problem::{Arrival, Cause, Phase};
use release::remediation::State;
use serde_json::json;
use workflows::handle_problem::Notified;
use workflows::handle_problem::notification::Unusable;

use super::scene::Scene;
use super::stories;
use crate::world::{PRODUCTION, STAGING};

stories! {
    notification_that_comes_again_changes_nothing,
    test_notification_is_recorded_and_nothing_is_done,
    states_that_open_nothing_are_answered_and_left,
    end_that_is_told_of_a_problem_that_goes_on_ends_nothing,
    missing_field_is_named_and_nothing_is_stored,
    entities_may_be_missing_from_the_list,
    lost_notification_is_made_up_for,
    problem_that_is_none_of_ours_is_not_adopted,
    merged_problem_ends_with_the_one_that_it_became_a_part_of,
    what_is_begun_goes_on_though_nothing_is_heard_of_the_survivor,
    problem_that_became_a_part_of_an_unknown_one_condemns_nobody,
    problem_that_the_tenant_does_not_know_is_given_up,
}

async fn notification_that_comes_again_changes_nothing(mut scene: Scene) {
    let (_, _, problem) = scene.bad_release().await;

    for _ in 0..3 {
        scene.notify(&problem, "OPEN").await;
        scene.notify(&problem, "OPEN (1 more event)").await;
        scene.ticks(1).await;
    }

    assert_eq!(scene.heals().len(), 1);
    assert_eq!(scene.comments(&problem).len(), 2);
}

async fn test_notification_is_recorded_and_nothing_is_done(scene: Scene) {
    for body in [
        json!({"PID": "99999", "State": "OPEN"}),
        json!({"PID": "{PID}", "ProblemID": "TESTID", "State": "OPEN",
               "ImpactedEntities": [{"entity": "SERVICE-XXXXXXXXXXXXX"}]}),
    ] {
        let problem = match scene.receive(&body).await {
            Notified::Worked(look) => look.about.problem,
            Notified::Stored(problem) => *problem,
            other => panic!("it is recorded: {other:?}"),
        };
        assert_eq!(problem.cause, Cause::Test);
    }

    let stored = scene
        .world
        .remediations
        .problem("99999")
        .await
        .unwrap()
        .unwrap();
    assert_eq!(stored.cause, Cause::Test);
    assert_eq!(stored.phase, Phase::Settled);
}

async fn states_that_open_nothing_are_answered_and_left(mut scene: Scene) {
    let (_, _, problem) = scene.bad_release().await;

    let notified = scene.notify(&problem, "PONDERED").await;
    assert!(matches!(notified, Notified::Ignored(_)), "{notified:?}");
    let stored = scene
        .world
        .remediations
        .problem(problem.id())
        .await
        .unwrap();
    assert!(stored.is_none());

    problem.resolve(scene.world.now.as_millisecond());
    let notified = scene.notify(&problem, "RESOLVED").await;
    assert!(matches!(notified, Notified::Stored(_)), "{notified:?}");

    scene.ticks(1).await;
    let stored = scene.stored(&problem).await;
    assert_eq!((stored.cause, stored.phase), (Cause::Over, Phase::Settled));
    assert!(scene.heals().is_empty());
}

async fn end_that_is_told_of_a_problem_that_goes_on_ends_nothing(mut scene: Scene) {
    let (_, _, problem) = scene.bad_release().await;

    let notified = scene.notify(&problem, "RESOLVED").await;

    assert!(matches!(notified, Notified::Stored(_)), "{notified:?}");
    assert!(scene.heals().is_empty());
    scene.ticks(1).await;
    assert_eq!(scene.healed_to(), ["good"]);
}

async fn missing_field_is_named_and_nothing_is_stored(mut scene: Scene) {
    let (_, _, problem) = scene.bad_release().await;
    for field in ["PID", "State", "ImpactedEntities"] {
        let mut body = Scene::body(&problem, "OPEN");
        body.as_object_mut().unwrap().remove(field);

        let Notified::Unusable(unusable) = scene.receive(&body).await else {
            panic!("`{field}` is missing");
        };

        assert_eq!(unusable, Unusable::Missing(field));
    }
    let stored = scene
        .world
        .remediations
        .problem(problem.id())
        .await
        .unwrap();
    assert!(stored.is_none());
}

async fn entities_may_be_missing_from_the_list(mut scene: Scene) {
    let (_, _, problem) = scene.bad_release().await;
    let mut body = Scene::body(&problem, "OPEN");
    body["ImpactedEntities"] = json!("[]");

    scene.receive(&body).await;

    assert_eq!(scene.healed_to(), ["good"]);
    assert_eq!(scene.stored(&problem).await.impacted, [PRODUCTION]);
}

async fn lost_notification_is_made_up_for(mut scene: Scene) {
    let (_, _, problem) = scene.bad_release().await;

    scene.tick().await;
    scene.ticks(2).await;

    assert_eq!(scene.healed_to(), ["good"]);
    let stored = scene.stored(&problem).await;
    assert_eq!(stored.arrival, Arrival::Adopted);
    assert_eq!(
        stored.noticed,
        stored.began.unwrap(),
        "it is as old as the problem"
    );
}

async fn problem_that_is_none_of_ours_is_not_adopted(mut scene: Scene) {
    scene.release("good").await;
    scene.minutes(10);
    let elsewhere = scene.world.tenant.problem("Slow").impacts(STAGING).open();
    let resources = scene
        .problem()
        .severity(Severity::ResourceContention)
        .open();
    scene.minutes(10);
    let fresh = scene.problem().open();

    scene.ticks(1).await;

    for problem in [elsewhere, resources, fresh] {
        let stored = scene
            .world
            .remediations
            .problem(problem.id())
            .await
            .unwrap();
        assert!(stored.is_none(), "{stored:?}");
    }
}

async fn merged_problem_ends_with_the_one_that_it_became_a_part_of(mut scene: Scene) {
    let (_, _, first) = scene.bad_release().await;
    scene.notify(&first, "OPEN").await;
    scene.ticks(1).await;
    let survivor = scene.problem().open();
    first.merge_into(&survivor);

    scene.notify(&first, "MERGED").await;
    scene.ticks(1).await;

    let merged = scene.stored(&first).await;
    if merged.merged_into.is_none() {
        // Only the newer API says what became of it.
        assert!(matches!(
            scene.state(&first).await,
            State::Unconfirmed { .. }
        ));
        return;
    }
    assert!(matches!(scene.state(&first).await, State::Healed { .. }));
    assert!(matches!(scene.state(&survivor).await, State::Joined { .. }));
    scene.minutes(5);
    survivor.resolve(scene.world.now.as_millisecond());
    scene.ticks(8).await;

    assert!(matches!(scene.state(&first).await, State::Confirmed { .. }));
    assert_eq!(scene.heals().len(), 1);
}

async fn what_is_begun_goes_on_though_nothing_is_heard_of_the_survivor(mut scene: Scene) {
    let (_, _, first) = scene.bad_release().await;
    scene.group(GroupOptions {
        duration: SignedDuration::from_mins(2),
        ..GroupOptions::default()
    });
    scene.notify(&first, "OPEN").await;
    assert!(matches!(scene.state(&first).await, State::UnderWay { .. }));
    let survivor = scene.problem().open();
    first.merge_into(&survivor);
    for path in ["/api/v1/problem/details/", "/api/v2/problems/"] {
        let path = format!("{path}{}", survivor.id());
        scene
            .world
            .tenant
            .fail(Fault::Empty502, Times::Always, &path);
    }

    scene.ticks(5).await;

    assert!(!matches!(scene.state(&first).await, State::UnderWay { .. }));
}

async fn problem_that_became_a_part_of_an_unknown_one_condemns_nobody(mut scene: Scene) {
    let (_, bad, first) = scene.bad_release().await;
    scene.notify(&first, "OPEN").await;
    let survivor = scene.problem().open();
    first.merge_into(&survivor);
    survivor.forget();

    scene.notify(&first, "MERGED").await;
    scene.ticks(8).await;
    assert_eq!(scene.standing(&bad).await, Standing::Suspect);
    scene.minutes(24 * 60);
    scene.ticks(1).await;

    assert!(matches!(
        scene.state(&first).await,
        State::Unconfirmed { .. }
    ));
    assert_eq!(scene.standing(&bad).await, Standing::Suspect);
}

async fn problem_that_the_tenant_does_not_know_is_given_up(mut scene: Scene) {
    scene
        .receive(&json!({"PID": "1_2V2", "State": "OPEN", "ImpactedEntities": []}))
        .await;
    scene.minutes(24 * 60);
    scene.tick().await;

    let stored = scene
        .world
        .remediations
        .problem("1_2V2")
        .await
        .unwrap()
        .unwrap();
    assert_eq!(stored.cause, Cause::GaveUp);
    assert_eq!(stored.phase, Phase::Settled);
}
