//! The unattended story: builds 1, 2, 3, 4 and then 1 again, each to its end, and a
//! campaign that is too much for production.

mod answered;
mod campaign;
mod results;
mod told;

use std::time::Duration;

use anyhow::{anyhow, ensure};
use fake_aws::pipeline::{ApprovalStatus, ExecutionStatus};
use lab::live::{self, Environment, Happened, Listeners, Live, Scene};
use release::remediation::State;
use tokio::time::Instant;

use crate::build;
use crate::timeline::Timeline;
use answered::Heal;
use campaign::Campaign;
use results::{Gate, Release, Results};

pub(crate) use told::Form;

/// The longest time of a release: enough for a busy machine.
const PATIENCE: Duration = Duration::from_secs(100);

/// The pause after a heal, until no compare window includes the bad build.
const CALM: Duration = Duration::from_secs(20);

/// Longer than the lab takes to record an event.
const TELLING: Duration = Duration::from_secs(1);

const PAUSE: Duration = Duration::from_millis(100);

/// A build and its expected result.
pub(crate) struct Chapter {
    build: u32,
    about: &'static str,
    staging: ApprovalStatus,
    production: ApprovalStatus,
    /// The build that runs in production afterwards.
    left: u32,
}

static CHAPTERS: [Chapter; 5] = [
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

/// How far the story got.
#[derive(Default)]
struct Progress {
    releases: Vec<Release>,
    under_way: Option<UnderWay>,
    campaign: Option<Campaign>,
}

/// A release that is not over.
struct UnderWay {
    chapter: &'static Chapter,
    execution: String,
    began: Instant,
    /// How many problems are told already.
    known: usize,
}

/// Runs the whole story and prints its results, even if it stops early; an error
/// unless everything ended as expected.
pub(crate) async fn tell(options: live::Options, form: Form) -> anyhow::Result<()> {
    let timeline = Timeline::begin(form.stream());
    let listeners = Listeners::bind(options.ports).await?;
    let built = build::build(&timeline).await?;
    let began = Instant::now();
    let mut live = Live::start(&built, listeners, options).await?;
    let scene = live.scene().clone();
    let mut troubles = scene.troubles();

    let mut progress = Progress::default();
    let all = CHAPTERS.len() + 1;
    let telling = async {
        for (number, chapter) in (1..).zip(&CHAPTERS) {
            let Chapter { build, about, .. } = chapter;
            timeline.line(&format!("\n{number} of {all}: build {build} {about}"));
            progress.release(&scene, chapter).await?;
        }
        timeline.line(&format!("\n{all} of {all}: a campaign is too much for it"));
        progress.campaign = Some(campaign::tell(&scene).await?);
        // All events are printed before the results are.
        tokio::time::sleep(TELLING).await;
        anyhow::Ok(())
    };
    let ended = tokio::select! {
        ended = telling => ended,
        never = told::follow(&scene.journal, &timeline) => match never {},
        error = live.broken() => Err(error),
        trouble = troubles.wait_for(Option::is_some) => {
            let trouble = trouble.ok().and_then(|told| told.clone());
            Err(anyhow!(trouble.unwrap_or_default()))
        }
    };
    let campaign = progress.campaign.take();
    let releases = progress.end(&scene).await;
    let error = ended.as_ref().err().map(|error| format!("{error:#}"));
    let results = Results::of(releases, campaign, error, began.elapsed());
    told::end(&results, form, &timeline);
    ended?;
    ensure!(results.as_expected, "not everything ended as expected");
    Ok(())
}

impl Progress {
    /// Takes one build through the pipeline and waits for all that follows.
    async fn release(&mut self, scene: &Scene, chapter: &'static Chapter) -> anyhow::Result<()> {
        let began = Instant::now();
        let one = self.under_way.insert(UnderWay {
            chapter,
            execution: scene.release(chapter.build)?,
            began,
            // One that opens between two releases belongs to the second.
            known: self.releases.iter().map(|told| told.problems.len()).sum(),
        });
        let is_over = until(async || {
            Ok(scene.execution(&one.execution)?.status != ExecutionStatus::InProgress)
        });
        ensure!(
            is_over.await?,
            "the pipeline did not end within {} s",
            PATIENCE.as_secs()
        );
        // All events are printed before the next chapter begins.
        tokio::time::sleep(TELLING).await;
        let problems = one.problems(scene);
        for problem in &problems {
            // A release without an answer is reported as it is then.
            until(async || is_answered(scene, &problem.id).await).await?;
        }
        if !problems.is_empty() {
            tokio::time::sleep(CALM).await;
        }
        self.releases.push(one.told(scene).await?);
        self.under_way = None;
        Ok(())
    }

    /// All releases, with what is known of one that is not over.
    async fn end(mut self, scene: &Scene) -> Vec<Release> {
        // Unreadable releases are left out: the story ends with an error.
        if let Some(one) = self.under_way
            && let Ok(release) = one.told(scene).await
        {
            self.releases.push(release.unfinished());
        }
        self.releases
    }
}

impl UnderWay {
    fn problems(&self, scene: &Scene) -> Vec<Happened> {
        scene.problems().split_off(self.known)
    }

    /// The result of the release so far.
    async fn told(&self, scene: &Scene) -> anyhow::Result<Release> {
        let staging = self.gate(scene, &scene.staging).await?;
        let production = self.gate(scene, &scene.production).await?;
        let mut heals = Vec::new();
        for problem in self.problems(scene) {
            heals.push(heal(scene, problem).await?);
        }
        Ok(Release::told(
            self.chapter,
            [staging, production],
            heals,
            scene.production.build(),
            self.began.elapsed(),
        ))
    }

    async fn gate(&self, scene: &Scene, environment: &Environment) -> anyhow::Result<Gate> {
        let mut approval = scene.approval(environment, &self.execution)?;
        if approval.status == ApprovalStatus::Waiting {
            approval.summary = scene.held(environment, &self.execution).await?;
        }
        Ok(Gate::of(&approval))
    }
}

/// Whether a problem is completely handled.
async fn is_answered(scene: &Scene, id: &str) -> anyhow::Result<bool> {
    let problem = scene.answered(id).await?;
    let remediations = problem.map_or_else(Vec::new, |problem| problem.remediations);
    Ok(!remediations.is_empty() && remediations.iter().all(|one| one.state.is_final()))
}

/// What was done about a problem so far.
async fn heal(scene: &Scene, problem: Happened) -> anyhow::Result<Heal> {
    let answered = scene.answered(&problem.id).await?;
    let remediations = answered.map_or_else(Vec::new, |answered| answered.remediations);
    let comments = scene.comments(&problem.id).into_iter();
    Ok(Heal {
        problem: problem.display_id,
        title: problem.title,
        confirmed: matches!(
            remediations.first().map(|one| &one.state),
            Some(State::Confirmed { .. })
        ),
        comments: comments.map(|comment| comment.text).collect(),
    })
}

/// Polls a condition until it holds or the time is over.
async fn until(holds: impl AsyncFn() -> anyhow::Result<bool>) -> anyhow::Result<bool> {
    let deadline = Instant::now() + PATIENCE;
    while !holds().await? {
        if deadline <= Instant::now() {
            return Ok(false);
        }
        tokio::time::sleep(PAUSE).await;
    }
    Ok(true)
}
