//! What a problem would be answered with, told without answering it.

use std::collections::BTreeMap;

use release::window::saturating_add;
use workflows::handle_problem::explain::Asked;

use super::scene::{Scene, healed_by};
use super::stories;

stories! {
    explanation_names_the_culprit_and_the_target_that_the_heal_takes,
    explanation_writes_nothing,
    explanation_at_a_time_needs_no_problem,
    explanation_of_a_problem_that_is_unknown_is_none,
}

async fn explanation_names_the_culprit_and_the_target_that_the_heal_takes(mut scene: Scene) {
    let (good, bad, problem) = scene.bad_release().await;

    let told = scene.explained(&problem).await;

    assert_eq!(
        told.outcome,
        format!("{bad} is to blame, and {good} is deployed again")
    );
    let blamed: BTreeMap<&str, bool> = told
        .candidates
        .iter()
        .map(|one| (one.deployment.as_str(), one.blamed))
        .collect();
    assert_eq!(
        blamed,
        BTreeMap::from([(good.as_str(), false), (bad.as_str(), true)])
    );
    scene.notify(&problem, "OPEN").await;
    assert_eq!(healed_by(&scene.state(&problem).await), Some(good));
}

async fn explanation_writes_nothing(mut scene: Scene) {
    let (_, _, problem) = scene.bad_release().await;
    let before = scene.everything().await;

    scene.explained(&problem).await;

    assert_eq!(scene.everything().await, before);
    assert!(scene.heals().is_empty());
    assert!(scene.comments(&problem).is_empty());
}

async fn explanation_at_a_time_needs_no_problem(mut scene: Scene) {
    let (good, bad, problem) = scene.bad_release().await;
    problem.forget();
    let now = scene.world.now;

    let told = scene.explain(Asked::At(now)).await.unwrap();
    let earlier = saturating_add(now, jiff::SignedDuration::from_mins(-30));
    let before = scene.explain(Asked::At(earlier)).await.unwrap();

    assert_eq!(
        told.outcome,
        format!("{bad} is to blame, and {good} is deployed again")
    );
    assert!(
        before.candidates.iter().all(|one| one.deployment == good),
        "{before:?}"
    );
}

async fn explanation_of_a_problem_that_is_unknown_is_none(mut scene: Scene) {
    scene.bad_release().await;

    let told = scene.explain(Asked::Problem("-1_1V2".to_owned())).await;

    assert!(told.is_none(), "{told:?}");
}
