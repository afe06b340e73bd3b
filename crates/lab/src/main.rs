//! The world on a laptop, as a program.

mod build;
mod console;
mod story;
mod timeline;

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use lab::live::{self, Ports};

/// A whole pipeline on this machine: real builds of a service under real load,
/// judged and healed by the real functions. No account and no tenant is needed.
///
/// Without a command it serves a console for the browser, until Ctrl-C.
#[derive(Parser)]
#[command(name = "lab")]
struct Options {
    #[command(subcommand)]
    command: Option<Command>,
    /// The port of the console; a free one unless given.
    #[arg(long)]
    port: Option<u16>,
    /// The port of the service in staging; a free one unless given.
    #[arg(
        long,
        value_name = "PORT",
        default_value_t = 0,
        hide_default_value = true,
        global = true
    )]
    staging_port: u16,
    /// The port of the service in production; a free one unless given.
    #[arg(
        long,
        value_name = "PORT",
        default_value_t = 0,
        hide_default_value = true,
        global = true
    )]
    production_port: u16,
    /// The port of the reports; a free one unless given.
    #[arg(
        long,
        value_name = "PORT",
        default_value_t = 0,
        hide_default_value = true,
        global = true
    )]
    reports_port: u16,
    /// Keep the functions' data in this folder, and start with the data in it;
    /// processes, measurements and the pipeline are not kept.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// The generation of the Dynatrace API that the functions speak, `v2` or `v1`.
    #[arg(long, env = "DT_API", default_value = "v2", global = true)]
    api: dynatrace::Api,
}

#[derive(Subcommand)]
enum Command {
    /// Releases builds 1, 2, 3, 4 and then 1 again, and sets a campaign too high;
    /// exits 0 only if everything ended as expected.
    Story {
        /// Print the outcome as one JSON object, and progress on stderr.
        #[arg(long)]
        json: bool,
    },
}

#[tokio::main]
async fn main() -> ExitCode {
    let options = Options::parse();
    // Ctrl-C is the usual end of the console, but an interrupted story has failed.
    let interruption = match options.command {
        None => ExitCode::SUCCESS,
        Some(_) => ExitCode::FAILURE,
    };
    // Dropping the work ends every process it started.
    tokio::select! {
        ended = run(options) => match ended {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                complain(&format!("{error:#}"));
                ExitCode::FAILURE
            }
        },
        () = interrupted() => {
            complain("interrupted");
            interruption
        }
    }
}

/// Prints an error.
fn complain(what: &str) {
    // With stderr closed, nobody can read the error.
    let _ = writeln!(std::io::stderr(), "lab: {what}");
}

async fn run(options: Options) -> anyhow::Result<()> {
    let live = live::Options {
        api: options.api,
        data: options.data,
        ports: Ports {
            staging: options.staging_port,
            production: options.production_port,
            reports: options.reports_port,
        },
    };
    match options.command {
        None => console::serve(live, options.port.unwrap_or(0)).await,
        Some(Command::Story { json }) => {
            anyhow::ensure!(
                options.port.is_none(),
                "the story has no console: leave out `--port`"
            );
            anyhow::ensure!(
                live.data.is_none(),
                "the story starts without data: leave out `--data`"
            );
            let form = if json {
                story::Form::Json
            } else {
                story::Form::Table
            };
            story::tell(live, form).await
        }
    }
}

/// Waits for Ctrl-C or a request to terminate.
async fn interrupted() {
    use tokio::signal::unix::{SignalKind, signal};
    let Ok(mut terminated) = signal(SignalKind::terminate()) else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = terminated.recv() => {}
    }
}
