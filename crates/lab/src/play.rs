//! One good and one bad build, from registration to the answered approval.

use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use jiff::SignedDuration;
use lab::binaries::{self, Profile};
use lab::front::Front;
use lab::pipeline::{ApprovalStatus, JobStatus};
use lab::world::{self, REGISTER, SHOW, Settings, Traffic, VALIDATE, World};
use serde_json::json;
use tokio::time::Instant;

use crate::Options;
use crate::timeline::{Progress, Timeline, line};

/// What the builds are judged by: the file that the format's own documentation
/// shows.
const MONSPEC: &str = include_str!("../../../monspec/examples/monspec.json");

/// How long after its window a build may wait for its answer.
const PATIENCE: Duration = Duration::from_secs(30);

/// A build and what should become of it.
struct Build {
    title: &'static str,
    revision: &'static str,
    summary: &'static str,
    traffic: Traffic,
    expected: ApprovalStatus,
}

const BUILDS: [Build; 2] = [
    Build {
        title: "A build that is as good as production",
        revision: "4f2a9c1",
        summary: "Cache the price list",
        traffic: Traffic::HEALTHY,
        expected: ApprovalStatus::Approved,
    },
    Build {
        title: "A build that is slow and fails half of its requests",
        revision: "b81d03e",
        summary: "Ask for every price twice",
        traffic: Traffic::SICK,
        expected: ApprovalStatus::Rejected,
    },
];

/// Plays both builds; an error unless each got the answer it deserves.
pub(crate) async fn play(options: &Options) -> anyhow::Result<()> {
    let window = options.window;
    build_functions().await?;
    let front = Front::bind().await?;
    let settings = Settings::default()
        .api(options.api)
        .with("DT_BUILD_REPORT_URL", front.url());
    let start = settings.start_link(front.url())?;
    let world = World::start(settings).await?;
    let _report = front.open(world.another(SHOW).await?);
    let parameters = json!({
        "comparison": "StagingToProduction",
        "window": window.to_string(),
        "approvalAction": "ApproveStaging",
    });
    world.gate(&parameters);

    let timeline = Timeline::begin();
    for build in &BUILDS {
        line(&format!("\n{}", build.title));
        pass(&world, &timeline, build, window).await?;
    }
    line("\nThe good build was approved, the bad one rejected.");
    if options.stay {
        line(&format!("The report is open until Ctrl-C: {start}"));
        return std::future::pending().await;
    }
    line("With `--stay` the report of both can be read in a browser.");
    Ok(())
}

async fn build_functions() -> anyhow::Result<()> {
    line("Building the functions");
    let built = tokio::task::spawn_blocking(|| {
        let progress = Progress::begin();
        let show = &mut |text: &str| progress.show(text);
        let built = binaries::function_with_progress(VALIDATE, Profile::Dev, show);
        let took = progress.end();
        built.map(|_| took)
    });
    let took = built.await.context("the build was interrupted")?;
    let took = took.context("the functions cannot be built")?;
    line(&format!("  ready after {:.1} s", took.as_secs_f64()));
    Ok(())
}

/// Takes one build through the gate.
async fn pass(
    world: &World,
    timeline: &Timeline,
    build: &Build,
    window: SignedDuration,
) -> anyhow::Result<()> {
    world.traffic(build.traffic, Traffic::HEALTHY);
    let execution = world.release(build.revision, build.summary, MONSPEC)?;
    let released = format!("{} \"{}\" is in staging", build.revision, build.summary);
    timeline.tell("pipeline", &released);

    for carried in world.carry_jobs().await? {
        timeline.tell_logs(REGISTER, &carried.invocation.logs);
        world::answer(REGISTER, carried.invocation)?;
        let job = world.aws.pipelines().job(&carried.job.id)?;
        if let JobStatus::Failed { message, .. } = job.status {
            bail!("{} was not registered: {message}", build.revision);
        }
    }
    timeline.tell("pipeline", "ApproveStaging waits for an answer");

    let window = Duration::try_from(window).context("a window is no negative time")?;
    let deadline = Instant::now() + window + PATIENCE;
    while world.approval(&execution)?.status == ApprovalStatus::Waiting {
        ensure!(
            Instant::now() < deadline,
            "nobody answered ApproveStaging within {} s after the window",
            PATIENCE.as_secs()
        );
        let invocation = world.tick().await?;
        timeline.tell_logs(VALIDATE, &invocation.logs);
        world::answer(VALIDATE, invocation)?;
        tokio::time::sleep(Duration::from_millis(100)).await;
    }

    let approval = world.approval(&execution)?;
    let summary = approval.summary.unwrap_or_default();
    let told = format!("ApproveStaging is {}", name(approval.status));
    timeline.tell("pipeline", &told);
    line(&format!("{:12}{summary}", ""));
    ensure!(
        approval.status == build.expected,
        "{} should have been {}, but is {}",
        build.revision,
        name(build.expected),
        name(approval.status)
    );
    Ok(())
}

fn name(status: ApprovalStatus) -> &'static str {
    match status {
        ApprovalStatus::Waiting => "waiting",
        ApprovalStatus::Approved => "approved",
        ApprovalStatus::Rejected => "rejected",
        ApprovalStatus::NotReached => "not reached",
        ApprovalStatus::Abandoned => "abandoned",
    }
}
