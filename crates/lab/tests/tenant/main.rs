//! The Dynatrace stand-in, asked with plain HTTP.

mod access;
mod caller;
mod faults;
mod late_data;
mod silence;
mod v1_entities;
mod v1_timeseries;
mod v2_entities;
mod v2_metrics;
