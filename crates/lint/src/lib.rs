#![doc = include_str!("../README.md")]

mod bounds;
mod cursor;
mod fields;
mod hidden;
mod message;
mod path;
mod report;
mod schema;
mod suggest;
mod syntax;

pub use bounds::{Check, check_length, check_visible};
pub use cursor::Cursor;
pub use fields::{Fields, Shape};
pub use hidden::{escaped, is_hidden};
pub use message::{Message, Position, Severity};
pub use path::{Path, Place, shortened};
pub use report::{Report, Reported};
pub use schema::schema;
pub use suggest::{did_you_mean, listed, nearest};
pub use syntax::{Member, Node, Value, parse, tree, without_byte_order_mark};
