#![doc = include_str!("../README.md")]

pub mod aws;

pub mod dynamo;
pub mod pipeline;

pub mod s3;
pub mod ssm;
pub mod tenant;

mod clock;
