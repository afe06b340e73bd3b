//! `monspec schema`

use std::io::Write;
use std::process::ExitCode;

use clap::Args;

use crate::failure::Failure;

/// Prints the JSON Schema of monspec files, for editors.
#[derive(Args)]
#[command(after_help = "Example:\n  monspec schema > monspec.schema.json")]
pub(crate) struct Options {}

pub(crate) fn run(out: &mut impl Write) -> Result<ExitCode, Failure> {
    out.write_all(monspec::schema().as_bytes())?;
    Ok(ExitCode::SUCCESS)
}
