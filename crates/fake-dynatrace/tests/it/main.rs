//! The Dynatrace stand-in, asked with plain HTTP.

mod access;
mod caller;
mod faults;
mod late_data;
mod receiver;
mod silence;
mod v1_entities;
mod v1_events;
mod v1_problems;
mod v1_timeseries;
mod v2_entities;
mod v2_events;
mod v2_metrics;
mod v2_problems;
mod webhook;
