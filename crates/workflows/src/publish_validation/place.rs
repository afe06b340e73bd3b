//! The execution of a job, and what its actions do.

use delivery::CodePipeline;
use delivery::job::JobContext;
use delivery::pipeline::ExecutionKind;

use super::attempt::Attempt;
use super::parameters::Parameters;
use crate::execution::Read;
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
    /// What its actions do; nothing once the validation of this attempt was seen.
    pub(super) attempt: Option<Attempt>,
}

impl Place {
    /// An execution in which an earlier job of the same run saw the validation.
    pub(super) fn known(execution: &str) -> Self {
        Self {
            execution: execution.to_owned(),
            attempt: None,
        }
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
        attempt: Some(Attempt {
            stage: context.stage.clone(),
            action: context.action.clone(),
            structure: read.structure,
            runs,
        }),
    }))
}
