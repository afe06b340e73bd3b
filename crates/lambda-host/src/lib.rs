#![doc = include_str!("../README.md")]

pub mod binaries;
pub mod front;
pub mod runtime;
