//! The unattended story: builds 1, 2, 3, 4 and then 1 again, each to its end.

mod outcome;
mod told;

use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use lab::live::{self, Listeners, Live, Scene};
use lab::pipeline::{ApprovalStatus, ExecutionStatus};
use release::remediation::State;
use tokio::time::Instant;

use crate::build;
use crate::timeline::Timeline;
use outcome::{Gate, Heal, Outcome, Release};

pub(crate) use told::Form;

/// What one release takes on a busy machine, and far more than on a calm one.
const PATIENCE: Duration = Duration::from_secs(100);

/// After a heal production is left alone until no window looks back on it.
const CALM: Duration = Duration::from_secs(20);

/// Longer than the lab takes to tell what happened.
const TELLING: Duration = Duration::from_secs(1);

const PAUSE: Duration = Duration::from_millis(100);

/// A build and what should become of it.
pub(crate) struct Chapter {
    build: u32,
    about: &'static str,
    staging: ApprovalStatus,
    production: ApprovalStatus,
    /// The build that runs in production afterwards.
    left: u32,
}

const CHAPTERS: [Chapter; 5] = [
    Chapter {
        build: 1,
        about: "is healthy, and the first of all",
        staging: ApprovalStatus::Approved,
        production: ApprovalStatus::Approved,
        left: 1,
    },
    Chapter {
        build: 2,
        about: "fails every second invocation",
        staging: ApprovalStatus::Rejected,
        production: ApprovalStatus::NotReached,
        left: 1,
    },
    Chapter {
        build: 3,
        about: "is healthy",
        staging: ApprovalStatus::Approved,
        production: ApprovalStatus::Approved,
        left: 3,
    },
    Chapter {
        build: 4,
        about: "is healthy in staging and sick in production",
        staging: ApprovalStatus::Approved,
        production: ApprovalStatus::Rejected,
        left: 3,
    },
    Chapter {
        build: 1,
        about: "is released again",
        staging: ApprovalStatus::Approved,
        production: ApprovalStatus::Approved,
        left: 1,
    },
];

/// Tells the whole story; an error unless every build ended as it should.
pub(crate) async fn tell(options: live::Options, form: Form) -> anyhow::Result<()> {
    let timeline = Timeline::begin(form.stream());
    let listeners = Listeners::bind(options.ports).await?;
    let built = build::build(&timeline).await?;
    let began = Instant::now();
    let mut live = Live::start(&built, listeners, options).await?;
    let scene = live.scene().clone();
    let mut troubles = scene.troubles();

    let telling = async {
        let mut releases = Vec::new();
        for (number, chapter) in (1..).zip(&CHAPTERS) {
            let Chapter { build, about, .. } = chapter;
            timeline.line(&format!(
                "\n{number} of {}: build {build} {about}",
                CHAPTERS.len()
            ));
            releases.push(release(&scene, chapter).await?);
        }
        anyhow::Ok(releases)
    };
    let releases = tokio::select! {
        releases = telling => releases?,
        never = told::follow(&scene.journal, &timeline) => match never {},
        error = live.broken() => return Err(error),
        trouble = troubles.wait_for(Option::is_some) => {
            let trouble = trouble.ok().and_then(|told| told.clone());
            bail!(trouble.unwrap_or_default());
        }
    };
    let outcome = Outcome::of(releases, began.elapsed());
    told::end(&outcome, form, &timeline);
    ensure!(outcome.as_expected, "not every build ended as it should");
    Ok(())
}

/// Takes one build through the pipeline and waits for all that follows.
async fn release(scene: &Scene, chapter: &Chapter) -> anyhow::Result<Release> {
    let known = scene.problems().len();
    let began = Instant::now();
    let execution = scene.release(chapter.build)?;
    until("the pipeline to end", async || {
        Ok(scene.execution(&execution)?.status != ExecutionStatus::InProgress)
    })
    .await?;
    // What followed is told before the next chapter begins.
    tokio::time::sleep(TELLING).await;
    let staging = Gate::of(&scene.approval(&scene.staging, &execution)?);
    let production = Gate::of(&scene.approval(&scene.production, &execution)?);
    let mut heals = Vec::new();
    for problem in scene.problems().split_off(known) {
        heals.push(healed(scene, &problem.id).await?);
    }
    if !heals.is_empty() {
        tokio::time::sleep(CALM).await;
    }
    let left = scene.production.build();
    Ok(Release::told(
        chapter,
        [staging, production],
        heals,
        left,
        began.elapsed(),
    ))
}

/// Waits until everything is said and done about a problem.
async fn healed(scene: &Scene, id: &str) -> anyhow::Result<Heal> {
    until("the problem to be answered", async || {
        let problem = scene.answered(id).await?;
        let remediations = problem.map_or_else(Vec::new, |problem| problem.remediations);
        let is_over = |state: &State| state.is_final();
        Ok(!remediations.is_empty() && remediations.iter().all(|one| is_over(&one.state)))
    })
    .await?;
    let problem = scene.answered(id).await?;
    let problem = problem.context("the problem is not stored any more")?;
    let state = problem.remediations.into_iter().map(|one| one.state).next();
    Ok(Heal {
        problem: problem.display_id.unwrap_or(problem.id),
        title: problem.title.unwrap_or_default(),
        confirmed: matches!(state, Some(State::Confirmed { .. })),
        comments: scene
            .comments(id)
            .into_iter()
            .map(|comment| comment.text)
            .collect(),
    })
}

/// Looks again and again until something holds.
async fn until(what: &str, holds: impl AsyncFn() -> anyhow::Result<bool>) -> anyhow::Result<()> {
    let deadline = Instant::now() + PATIENCE;
    while !holds().await? {
        ensure!(
            Instant::now() < deadline,
            "waited {} s in vain for {what}",
            PATIENCE.as_secs()
        );
        tokio::time::sleep(PAUSE).await;
    }
    Ok(())
}
