//! Prints the JSON Schema of the report:
//! `cargo run -p report --example schema > crates/report/schema/report.schema.json`.

use std::io::Write as _;

fn main() -> std::io::Result<()> {
    std::io::stdout().write_all(report::json::schema().as_bytes())
}
