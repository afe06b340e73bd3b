//! The execution of a job, and whether what it waits for may still begin.

use delivery::CodePipeline;
use delivery::job::JobContext;
use delivery::pipeline::{ActionRun, ExecutionKind, RunStatus, Structure};

use super::parameters::Parameters;
use super::wanted::Wanted;
use crate::execution::{Read, run_order};
use crate::refusal::Stop;

/// Whether there is anything to publish in the execution of a job.
pub(super) enum Placed {
    In(Place),
    /// The execution takes a stage back.
    Rollback,
}

/// The execution of a job.
pub(super) struct Place {
    pub(super) execution: String,
    /// What its actions do; nothing once the validation was seen.
    actions: Option<(Structure, Vec<ActionRun>)>,
}

impl Place {
    /// An execution in which an earlier job saw the validation.
    pub(super) fn known(execution: &str) -> Self {
        Self {
            execution: execution.to_owned(),
            actions: None,
        }
    }

    /// Whether an action that is named is under way, or begins together with
    /// this one.
    pub(super) fn may_still_register(&self, own: &JobContext, wanted: &Wanted) -> bool {
        let Some((structure, runs)) = &self.actions else {
            return false;
        };
        let actions = structure.stages.iter().flat_map(|stage| {
            let names = stage.actions.iter().map(|action| action.name.as_str());
            names.map(move |action| (stage, action))
        });
        actions
            .filter(|(stage, action)| wanted.names(&stage.name, action))
            .filter(|(stage, action)| (&*stage.name, *action) != (&*own.stage, &*own.action))
            .any(|(stage, action)| {
                let latest = runs
                    .iter()
                    .find(|run| run.stage == stage.name && run.action == action);
                match latest {
                    Some(run) => run.status == RunStatus::InProgress,
                    None => {
                        stage.name == own.stage
                            && run_order(stage, action) <= run_order(stage, &own.action)
                    }
                }
            })
    }
}

/// The execution of a job that does not know it yet.
pub(super) async fn of_job(
    pipeline: &CodePipeline,
    context: &JobContext,
    parameters: &Parameters,
) -> Result<Placed, Stop> {
    let read = Read::of_job(
        pipeline,
        context,
        parameters.execution.as_deref(),
        "add the execution as second part, `Action,#{codepipeline.PipelineExecutionId}`",
    )
    .await?;
    let (execution, runs) = read.execution?;
    if execution.kind == ExecutionKind::Rollback {
        return Ok(Placed::Rollback);
    }
    Ok(Placed::In(Place {
        execution: read.id,
        actions: Some((read.structure, runs)),
    }))
}
