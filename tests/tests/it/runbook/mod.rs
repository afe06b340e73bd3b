//! Runs of runbooks, from an event to the end of a problem, through the rules,
//! the client and a controller.
//!
//! The driver of these stories is the smallest thing that does what the rules ask
//! for: it finds out, writes and calls. `now` is the story's.

mod driver;
mod launched;
mod refused;
mod watched;
