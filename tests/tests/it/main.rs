//! One integration-test binary: whole stories, and the rules of the workspace.

mod gate;
mod layers;
mod world;
