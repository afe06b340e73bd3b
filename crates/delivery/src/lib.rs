#![doc = include_str!("../README.md")]

pub mod approval;
pub mod artifact;
pub mod bundle;
pub mod codedeploy;
mod error;
pub mod job;
mod moment;
pub mod pipeline;

pub use error::DeliveryError;

/// CodePipeline, through its SDK client.
#[derive(Clone, Debug)]
pub struct CodePipeline {
    client: aws_sdk_codepipeline::Client,
}

impl CodePipeline {
    /// Speaks through this client.
    pub fn new(client: aws_sdk_codepipeline::Client) -> Self {
        Self { client }
    }
}
