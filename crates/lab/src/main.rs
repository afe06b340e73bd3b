//! The world on a laptop, as a program.

mod play;
mod timeline;

use std::io::Write as _;
use std::process::ExitCode;

use clap::Parser;

/// Plays a good and a bad build through the gate, from registration to the
/// answered approval: the real functions as processes, a real database, and
/// stand-ins for CodePipeline and Dynatrace, all on loopback.
///
/// The program ends with 0 only if the good build was approved and the bad one
/// rejected. The functions are built first if they have to be.
#[derive(Parser)]
#[command(name = "lab")]
struct Options {
    /// How long each build is watched, such as `3s` or `1m`.
    #[arg(long, value_name = "TIME", default_value = "3s")]
    window: jiff::SignedDuration,
    /// The generation of the Dynatrace API that the functions speak, `v2` or `v1`.
    #[arg(long, env = "DT_API", default_value = "v2")]
    api: dynatrace::Api,
    /// Keep the report open in the end, to be read in a browser.
    #[arg(long)]
    stay: bool,
}

#[tokio::main]
async fn main() -> ExitCode {
    let options = Options::parse();
    // Whatever ends the play drops it, and with it every process it started.
    let ended = tokio::select! {
        ended = play::play(&options) => ended,
        _ = tokio::signal::ctrl_c() => Err(anyhow::anyhow!("interrupted")),
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Without anybody to read it, there is nothing left to tell.
            let _ = writeln!(std::io::stderr(), "lab: {error:#}");
            ExitCode::FAILURE
        }
    }
}
