//! What invokes the functions.

use std::path::Path;

use anyhow::{Context as _, ensure};
use fake_aws::pipeline::{Job, JobStatus};
use fake_dynatrace::Problem;
use lambda_host::runtime::{Function, InvocationOutcome};
use release::link::Scope;
use release::validation::ValidationId;
use serde_json::{Value, json};

use crate::Binaries;
use crate::healing::{end, notification};
use crate::world::{Gate, RIPE, Tables, Then, World, sample, tick};

/// One function with one kind of event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    Registration,
    NamedRegistration,
    IdleTick,
    RipeTick,
    Publication,
    StartPage,
    Evaluation,
    AnnouncingJob,
    AnnouncedDeployment,
    QuietSchedule,
    Notification,
    FlagNotification,
    Flags,
    ChangedFlags,
}

/// An event that is about to happen, and what tells that it went well.
pub(crate) struct Prepared {
    pub(crate) event: Value,
    expected: Expected,
}

enum Expected {
    Job(Job),
    Tick(usize, Option<Gate>),
    Page,
    Announced,
    Healed(Problem, String),
    /// The flag that this service is about is what it was.
    Restored(Problem, String, Tables),
    Schedule,
}

impl Event {
    pub(crate) const ALL: [Self; 14] = [
        Self::Registration,
        Self::NamedRegistration,
        Self::IdleTick,
        Self::RipeTick,
        Self::Publication,
        Self::StartPage,
        Self::Evaluation,
        Self::AnnouncingJob,
        Self::AnnouncedDeployment,
        Self::QuietSchedule,
        Self::Notification,
        Self::FlagNotification,
        Self::Flags,
        Self::ChangedFlags,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Registration => "register-validation, job",
            Self::NamedRegistration => "register-validation, job with its execution",
            Self::IdleTick => "validate-builds, idle tick",
            Self::RipeTick => "validate-builds, one ripe",
            Self::Publication => "publish-validation, job with a verdict",
            Self::StartPage => "validation-report, start page",
            Self::Evaluation => "validation-report, evaluation",
            Self::AnnouncingJob => "push-deployment-event, job",
            Self::AnnouncedDeployment => "push-deployment-event, notice",
            Self::QuietSchedule => "handle-problem, schedule",
            Self::Notification => "handle-problem, notification",
            Self::FlagNotification => "handle-problem, notification after a flag",
            Self::Flags => "serve-flags, bulk of 50",
            Self::ChangedFlags => "serve-flags, bulk of 50 after a change",
        }
    }

    pub(crate) fn binary(self, binaries: &Binaries) -> &Path {
        match self {
            Self::Registration | Self::NamedRegistration => &binaries.register,
            Self::IdleTick | Self::RipeTick => &binaries.validate,
            Self::Publication => &binaries.publish,
            Self::StartPage | Self::Evaluation => &binaries.show,
            Self::AnnouncingJob | Self::AnnouncedDeployment => &binaries.announce,
            Self::QuietSchedule | Self::Notification | Self::FlagNotification => &binaries.heal,
            Self::Flags | Self::ChangedFlags => &binaries.serve,
        }
    }

    /// Sets the stage for this event; `number` tells it from every other one.
    pub(crate) async fn prepare(
        self,
        world: &World,
        tables: &Tables,
        binaries: &Binaries,
        number: usize,
    ) -> anyhow::Result<Prepared> {
        let (event, expected) = match self {
            Self::Registration => {
                let (job, _) = world.job(&format!("New-{number}"), &sample(), Then::Approval)?;
                (job.event.clone(), Expected::Job(job))
            }
            Self::NamedRegistration => {
                let (job, _) = world.job(&format!("New-{number}"), &sample(), Then::Named)?;
                (job.event.clone(), Expected::Job(job))
            }
            Self::IdleTick => (json!({}), Expected::Tick(0, None)),
            Self::RipeTick => {
                let name = format!("Ripe-{number}");
                let gate = world.ripe(&name, &sample(), tables, RIPE).await?;
                (json!({}), Expected::Tick(1, Some(gate)))
            }
            Self::Publication => {
                judged(world, tables, binaries, number, Then::Publication).await?;
                let job = world.aws.pipelines().next_job();
                let job = job.context("nothing asks for the evidence")?;
                (job.event.clone(), Expected::Job(job))
            }
            Self::StartPage => (world.start_page(), Expected::Page),
            Self::Evaluation => {
                let id = judged(world, tables, binaries, number, Then::Approval).await?;
                let scope = Scope::Evaluation(id);
                (
                    world.request(&format!("/v/{id}"), scope, ""),
                    Expected::Page,
                )
            }
            Self::AnnouncingJob => {
                let job = world.announcing_job(&format!("Announced-{number}"))?;
                (job.event.clone(), Expected::Job(job))
            }
            Self::AnnouncedDeployment => (
                world.notice(&format!("Notice-{number}"))?,
                Expected::Announced,
            ),
            Self::QuietSchedule => (json!({}), Expected::Schedule),
            Self::Flags => (world.flags_bulk(tables).await?, Expected::Page),
            Self::ChangedFlags => {
                let bulk = world.flags_bulk(tables).await?;
                world.change_flags(tables).await?;
                (bulk, Expected::Page)
            }
            Self::Notification => {
                // A service of its own, so that nothing else is to blame.
                let service = "s".repeat(number + 1);
                let problem = world.bad_release(&service).await?;
                (notification(&problem), Expected::Healed(problem, service))
            }
            Self::FlagNotification => {
                let service = "s".repeat(number + 1);
                let problem = world.bad_flag(&service, tables).await?;
                let event = notification(&problem);
                (event, Expected::Restored(problem, service, tables.clone()))
            }
        };
        Ok(Prepared { event, expected })
    }
}

impl Prepared {
    /// Fails unless the event came to what it is for: a number of something that
    /// did nothing would be worth nothing.
    pub(crate) async fn check(
        &self,
        world: &World,
        function: &Function,
        outcome: &InvocationOutcome,
    ) -> anyhow::Result<()> {
        let went_well = |is_good: bool| {
            ensure!(is_good, "it went wrong: {outcome:?}\n{}", function.logs());
            Ok(())
        };
        let InvocationOutcome::Ok(answer) = outcome else {
            return went_well(false);
        };
        match &self.expected {
            Expected::Job(job) => {
                let status = world.aws.pipelines().job(&job.id)?.status;
                went_well(status == JobStatus::Succeeded)
            }
            Expected::Tick(worked, gate) => {
                went_well(*answer == json!({"worked": worked, "workLeft": false}))?;
                gate.iter().try_for_each(|gate| world.expect_approved(gate))
            }
            Expected::Page => went_well(answer["statusCode"] == 200),
            Expected::Announced => went_well(true),
            Expected::Schedule => went_well(answer["worked"] == 0),
            Expected::Healed(problem, service) => {
                went_well(world.heals(service) == 1)?;
                end(problem);
                Ok(())
            }
            Expected::Restored(problem, service, tables) => {
                went_well(world.is_restored(service, tables).await?)?;
                end(problem);
                Ok(())
            }
        }
    }
}

/// A build that was judged; its validation's id.
async fn judged(
    world: &World,
    tables: &Tables,
    binaries: &Binaries,
    number: usize,
    then: Then,
) -> anyhow::Result<ValidationId> {
    let name = format!("Judged-{number}");
    let gate = world
        .registered(&name, &sample(), tables, RIPE, then)
        .await?;
    let function = world.function(&binaries.validate, tables).await?;
    tick(&function, 1).await?;
    gate.validation.context("nothing was registered")
}
