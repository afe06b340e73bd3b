//! `monspec lint`

use std::io::Write;
use std::process::ExitCode;

use clap::Args;
use monspec::lint::{Message, Severity};
use monspec::read;
use workflows::metric_facts;

use crate::failure::Failure;
use crate::input::{Input, refuse_stdin_twice};
use crate::output;

/// Checks monspec files: errors, warnings and hints, each with its likely fix.
///
/// Only errors make the command fail.
#[derive(Args)]
#[command(
    after_help = "Examples:\n  monspec lint monspec.json\n  generate-spec | monspec lint --json -"
)]
pub(crate) struct Options {
    /// The files to check; `-` reads standard input.
    #[arg(value_name = "FILE", required = true)]
    files: Vec<Input>,

    /// Print the messages as a JSON list.
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(options: &Options, out: &mut impl Write) -> Result<ExitCode, Failure> {
    refuse_stdin_twice(&options.files)?;
    let mut linted = Vec::new();
    for file in &options.files {
        linted.push((file, read(&file.text()?, metric_facts).messages));
    }

    if options.json {
        output::messages_json(out, &linted)?;
    } else {
        for (file, messages) in &linted {
            output::messages(out, file, messages)?;
        }
    }
    let is_error = |message: &Message| message.severity == Severity::Error;
    let failed = linted
        .iter()
        .any(|(_, messages)| messages.iter().any(is_error));
    Ok(ExitCode::from(u8::from(failed)))
}
