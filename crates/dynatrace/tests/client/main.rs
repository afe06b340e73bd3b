//! The client against a server that answers what each test says.

mod announcements;
mod comments;
mod events;
mod failures;
mod problems;
mod repeats;
mod tenant;
mod v1;
mod v2;
