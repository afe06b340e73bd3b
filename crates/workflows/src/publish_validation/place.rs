//! The execution of a job, and what its actions do.

use delivery::CodePipeline;
use delivery::job::JobContext;

use super::attempt::Attempt;
use super::parameters::Parameters;
use crate::execution::{Read, needs_verdict};
use crate::refusal::Stop;

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
) -> Result<Place, Stop> {
    let read = Read::of_job(
        pipeline,
        context,
        parameters.execution.as_deref(),
        "add the execution as second part, `Action,#{codepipeline.PipelineExecutionId}`",
    )
    .await?;
    let (execution, runs) = read.execution?;
    needs_verdict(&execution)?;
    Ok(Place {
        execution: read.id,
        attempt: Some(Attempt {
            stage: context.stage.clone(),
            action: context.action.clone(),
            structure: read.structure,
            runs,
        }),
    })
}
