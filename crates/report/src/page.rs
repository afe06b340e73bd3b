//! Whole pages.

mod changes;
mod evaluation;
mod flag;
mod form;
mod history;
mod problem;
mod problems;
mod remedies;
mod start;
mod taking_back;
mod trouble;

pub use changes::changes;
pub use evaluation::evaluation;
pub(crate) use flag::broken;
pub use flag::flag;
pub use form::form;
pub use history::history;
pub use problem::problem;
pub use problems::problems;
pub use remedies::remedies;
pub use start::start;
pub use taking_back::taking_back;
pub use trouble::trouble;
