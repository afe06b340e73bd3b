//! One integration-test binary: whole stories, and the rules of the workspace.

mod absences;
mod binaries;
mod delivery;
mod gate;
mod layers;
mod settings;
mod world;
