//! Whole pages.

mod evaluation;
mod form;
mod history;
mod start;
mod trouble;

pub use evaluation::evaluation;
pub use form::form;
pub use history::history;
pub use start::start;
pub use trouble::trouble;
