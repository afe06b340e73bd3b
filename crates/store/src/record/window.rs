//! The span of time that is judged.

use jiff::Timestamp;
use release::window;
use serde::{Deserialize, Serialize};

use super::record;

#[derive(Serialize, Deserialize)]
pub(super) struct Window {
    start: Timestamp,
    end: Timestamp,
}

record!(Window = window::Window {
    same: start, end;
});
