//! The client against the stand-in of a controller, over HTTP.

mod access;
mod launches;
mod lists;
mod recovery;
mod templates;
mod tls;
mod watching;
mod world;
