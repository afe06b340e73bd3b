//! A problem in production: from its notification to the end of the heal.

mod causes;
mod contents;
mod explained;
mod flags;
mod groups;
mod guards;
mod healed;
pub(crate) mod interleavings;
mod notices;
pub(crate) mod paused;
mod rollbacks;
mod rules;
pub(crate) mod scene;
mod targets;
mod troubles;

/// Tells each story twice: once against each generation of the tenant's API.
macro_rules! stories {
    ($($story:ident),* $(,)?) => {
        mod v2 {
            $(#[tokio::test]
            async fn $story() {
                super::$story(crate::heal::scene::Scene::set(dynatrace::Api::V2).await).await;
            })*
        }
        mod v1 {
            $(#[tokio::test]
            async fn $story() {
                super::$story(crate::heal::scene::Scene::set(dynatrace::Api::V1).await).await;
            })*
        }
    };
}
pub(crate) use stories;
