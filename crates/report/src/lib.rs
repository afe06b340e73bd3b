#![doc = include_str!("../README.md")]

pub mod ancestor;
pub mod badge;
pub mod json;
pub mod junit;
pub mod page;
pub mod told;

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
pub use records::{
    AnsweredProblem, Build, Changes, Closing, Evaluation, FlagHistory, FlagNow, Form, Gate,
    History, ProblemRow, Problems, Remedies, Said, Start, TakingBack, Trouble, Written,
};
pub use style::content_security_policy;
pub use units::Unit;
