//! Runs of runbooks, from an event to the end of a problem, as `handle-problem`
//! answers it, with a controller or a receiver. `now` is the story's.

mod chosen;
mod driver;
mod launched;
mod refused;
mod requested;
mod watched;
