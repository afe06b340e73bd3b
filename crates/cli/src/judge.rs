//! `monspec judge`

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use monspec::{Entities, verdict};
use report::json;

use crate::annotated;
use crate::compared::compared;
use crate::failure::Failure;
use crate::input::{Input, refuse_stdin_twice};
use crate::output::{self, Units};
use crate::values;

const EXAMPLES: &str = r#"Example:
  monspec judge monspec.json --comparison StagingToProduction --values values.json

The values are a list with one element per signature; `signature` counts the
signatures of the service, or of its method, from 0:
  [
    { "service": "Shop", "signature": 0, "observation": 412.5, "baseline": 398 },
    { "service": "Shop", "method": "/api", "signature": 0, "observation": 3, "baseline": null }
  ]
A signature without a number is a gap and makes the verdict inconclusive."#;

/// Judges your own numbers by a monspec, without Dynatrace.
///
/// Exits with 0 when the verdict is passed, 1 when failed, 2 when inconclusive.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Options {
    /// The monspec; `-` reads standard input.
    #[arg(value_name = "FILE")]
    file: Input,

    /// The comparison to judge by.
    #[arg(long, value_name = "NAME")]
    comparison: String,

    /// The numbers; `-` reads standard input.
    #[arg(long, value_name = "VALUES")]
    values: Input,

    /// Print the verdict and the findings as JSON.
    #[arg(long)]
    json: bool,

    /// Also write the monspec with the results in it.
    #[arg(long, value_name = "PATH")]
    annotated: Option<PathBuf>,
}

pub(crate) fn run(options: &Options, out: &mut impl Write) -> Result<ExitCode, Failure> {
    refuse_stdin_twice([&options.file, &options.values])?;
    let (spec, source) = options.file.spec()?;
    let compared = compared(&spec, &options.comparison)?;
    let measured = values::read(&options.values, &options.comparison, &compared)?;
    let findings: Vec<_> = compared
        .iter()
        .flat_map(|(entry, comparison)| monspec::judge(entry, comparison, &measured))
        .collect();

    if let Some(path) = &options.annotated {
        annotated::write(
            path,
            &source,
            &options.comparison,
            &findings,
            &Entities::new(),
        )?;
    }
    if options.json {
        output::json(out, &json::judged(verdict(&findings), &findings))?;
    } else {
        output::findings(out, &findings, &Units::new())?;
    }
    Ok(output::exit_code(verdict(&findings)))
}
