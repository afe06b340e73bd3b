#![doc = include_str!("../README.md")]

pub mod aws;
pub mod binaries;
pub mod codedeploy;
pub mod dynamo;
pub mod front;
pub mod live;
pub mod pipeline;
pub mod runtime;
pub mod s3;
pub mod ssm;
pub mod tenant;
pub mod world;

mod clock;
