//! The stand-in of a controller, asked with plain HTTP.

mod caller;
mod faults;
mod launches;
mod moves;
mod wire;
