//! The gate: from registration to the answered approval.

mod approvals;
mod baselines;
mod contents;
mod elsewhere;
mod entities;
mod faults;
mod groups;
mod history;
mod hook;
mod neighbours;
mod paused;
mod problems;
pub(crate) mod refused;
mod registration;
mod verdicts;
mod windows;
mod wishes;

/// Tells each story twice: once against each generation of the tenant's API.
macro_rules! stories {
    ($($story:ident),* $(,)?) => {
        mod v2 {
            $(#[tokio::test]
            async fn $story() {
                super::$story(crate::world::World::start(dynatrace::Api::V2).await).await;
            })*
        }
        mod v1 {
            $(#[tokio::test]
            async fn $story() {
                super::$story(crate::world::World::start(dynatrace::Api::V1).await).await;
            })*
        }
    };
}
pub(crate) use stories;
