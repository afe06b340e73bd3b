//! Callers that do without CodePipeline.

use lab::world::{self, PIPELINE, REGISTER, Settings, Traffic, World};
use lambda_host::runtime::InvocationOutcome;
use monspec::Verdict;
use release::validation::Ending;
use serde_json::json;

use super::{settled, stored, under_both};
use crate::world::monspec;

#[tokio::test]
async fn direct_call_is_stored_and_judged() {
    let story = async |api| {
        let world = World::start(Settings::default().api(api)).await.unwrap();
        world.traffic(Traffic::SICK, Traffic::HEALTHY);
        let request = json!({
            "pipeline": PIPELINE,
            "comparison": "StagingToProduction",
            "window": "1s",
            "monspec": monspec(),
        });

        let invocation = world.register.invoke(request).await.unwrap();

        let answer = world::answer(REGISTER, invocation).unwrap();
        let id = answer["validation"].as_str().unwrap().parse().unwrap();
        settled(&world, id).await;
        let validation = stored(&world, id).await;
        assert_eq!(validation.judgement().unwrap().verdict, Verdict::Failed);
        assert_eq!(validation.ending(), Some(&Ending::NothingToAnswer));
        let asked: Vec<String> = world.aws.pipelines().calls().into_keys().collect();
        assert_eq!(asked, ["GetParameters"], "CodePipeline has no part in it");
    };
    Box::pin(under_both(story)).await;
}

#[tokio::test]
async fn direct_call_that_cannot_be_used_is_told_why() {
    let world = World::start(Settings::default()).await.unwrap();

    let request = json!({"comparison": "StagingToProduction", "monspec": monspec()});
    let invocation = world.register.invoke(request).await.unwrap();

    let InvocationOutcome::Err { r#type, message } = invocation.outcome else {
        panic!("{:?}", invocation.outcome)
    };
    assert_eq!(r#type, "Unusable");
    assert!(message.contains("names its `pipeline`"), "{message}");
}
