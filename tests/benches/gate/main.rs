//! What the functions cost, through the real release binaries: cold starts, a busy
//! tick, the calls of a validation, the answer to a problem, a long history and an
//! idle tick.
//!
//! It asserts nothing. Times of a shared machine belong in a table that a
//! person reads, and they stand beside a bare hello world of the same run.

mod calls;
mod cold;
mod figures;
mod heal;
mod healing;
mod history;
mod idle;
mod load;
mod relay;
mod report;
mod world;

use std::path::PathBuf;

use anyhow::Context as _;
use lab::binaries::{self, Profile};

use figures::Figures;

/// The executables that are measured.
struct Binaries {
    hello: PathBuf,
    register: PathBuf,
    validate: PathBuf,
    show: PathBuf,
    heal: PathBuf,
    announce: PathBuf,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let json = asked_for_json()?;
    // Fails only when a provider is installed already, which is what is wanted.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let binaries = build()?;

    let mut figures = Figures::default();
    cold::measure(&binaries, &mut figures)
        .await
        .context("cannot measure cold starts")?;
    load::measure(&binaries, &mut figures)
        .await
        .context("cannot measure a busy tick")?;
    calls::measure(&binaries, &mut figures)
        .await
        .context("cannot count the calls of a validation")?;
    heal::measure(&binaries, &mut figures)
        .await
        .context("cannot measure the answer to a problem")?;
    report::measure(&binaries, &mut figures)
        .await
        .context("cannot measure a report")?;
    idle::measure(&binaries, &mut figures)
        .await
        .context("cannot measure an idle tick")?;

    if json {
        figures.print_json();
    } else {
        figures.print_table();
    }
    Ok(())
}

fn asked_for_json() -> anyhow::Result<bool> {
    let mut json = false;
    for argument in std::env::args().skip(1) {
        match argument.as_str() {
            "--json" => json = true,
            // What `cargo bench` says to every benchmark.
            "--bench" => {}
            _ => anyhow::bail!("`{argument}` is not understood; the only option is `--json`"),
        }
    }
    Ok(json)
}

#[expect(
    clippy::print_stderr,
    reason = "a release build takes minutes in which somebody waits"
)]
fn build() -> anyhow::Result<Binaries> {
    let progress = &mut |line: &str| eprintln!("{line}");
    let register =
        binaries::function_with_progress("register-validation", Profile::Release, progress)?;
    let validate = binaries::function_with_progress("validate-builds", Profile::Release, progress)?;
    let show = binaries::function_with_progress("validation-report", Profile::Release, progress)?;
    let heal = binaries::function_with_progress("handle-problem", Profile::Release, progress)?;
    let announce =
        binaries::function_with_progress("push-deployment-event", Profile::Release, progress)?;
    let hello = ["--example", "hello"];
    let mut examples = binaries::build(&hello, Profile::Release, progress)?;
    Ok(Binaries {
        hello: examples.remove("hello").context("no hello was built")?,
        register,
        validate,
        show,
        heal,
        announce,
    })
}
