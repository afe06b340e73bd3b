//! The client against a server that answers what each test says.

mod failures;
mod tenant;
mod v1;
mod v2;
