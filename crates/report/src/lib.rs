#![doc = include_str!("../README.md")]

pub mod ancestor;
pub mod badge;
pub mod json;
pub mod junit;
pub mod page;

mod numbers;
mod records;

mod frame;
mod style;

mod chart;
mod text;
mod units;
mod words;

pub use frame::Frame;
pub use numbers::Numbers;
pub use records::{Build, Evaluation, Form, Gate, History, Start, Trouble};
pub use style::content_security_policy;
pub use units::Unit;
