//! The stand-in of `CodeDeploy`, through the real client.

mod caller;
mod creation;
mod endings;
mod lists;
mod of_pipelines;
mod rollbacks;
mod targets;
