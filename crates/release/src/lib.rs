#![doc = include_str!("../README.md")]

pub mod approval;
pub mod attribution;
pub mod console;
pub mod content;
pub mod deployment;
pub mod evidence;
pub mod explanation;
pub mod link;
pub mod links;
pub mod outlook;
pub mod plot;
pub mod problem;
pub mod remediation;
pub mod summary;
pub mod validation;
pub mod window;
