//! Building what the lab runs, with progress.

use anyhow::Context as _;
use lab::live::{self, Built};
use lambda_host::binaries::Cargo;

use crate::timeline::{Progress, Timeline};

/// Builds the functions and the service if nobody has done so.
pub(crate) async fn build(timeline: &Timeline) -> anyhow::Result<Built> {
    timeline.line("Building the functions and the service");
    let stream = timeline.stream();
    let cargo = Cargo::default();
    // If nothing waits for the build any more, it is cancelled.
    let _cancelled = Cancelled(cargo.clone());
    let built = tokio::task::spawn_blocking(move || {
        let progress = Progress::begin(stream);
        let built = live::build(&cargo, &mut |text| progress.show(text));
        let took = progress.end();
        built.map(|built| (built, took))
    });
    let built = built.await.context("the build was interrupted")?;
    let (built, took) = built.context("what the lab runs cannot be built")?;
    timeline.line(&format!("  ready after {:.1} s", took.as_secs_f64()));
    Ok(built)
}

/// Cancels a build when it is dropped, unless it has ended.
struct Cancelled(Cargo);

impl Drop for Cancelled {
    fn drop(&mut self) {
        self.0.cancel();
    }
}
