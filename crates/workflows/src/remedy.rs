//! How a change of each kind is looked at and taken back.

pub(crate) mod codedeploy;
