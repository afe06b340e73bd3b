//! Finding the approval of one execution, and answering it once.

use aws_sdk_codepipeline::operation::put_approval_result::PutApprovalResultError;
use aws_sdk_codepipeline::types::{ApprovalResult, ApprovalStatus};
use secrecy::{ExposeSecret, SecretString};

use crate::error::sorted;
use crate::pipeline::{ActionRun, Mode, RunStatus};
use crate::{CodePipeline, DeliveryError};

/// Names the approval of one execution.
#[derive(Clone, Copy, Debug)]
pub struct ApprovalRef<'a> {
    /// The pipeline.
    pub pipeline: &'a str,
    /// How its executions pass each other, which decides where the token is.
    pub mode: Mode,
    /// The execution.
    pub execution: &'a str,
    /// The stage of the approval.
    pub stage: &'a str,
    /// The approval action.
    pub action: &'a str,
}

/// How the approval of one execution stands.
#[derive(Debug)]
pub enum ApprovalState {
    /// The execution has not come to it.
    NotReached,
    /// It was begun, and cannot be answered: its token is not there yet, or is
    /// gone because somebody answers at this moment.
    Changing,
    /// It waits for an answer.
    Open {
        /// The run that waits.
        run: ActionRun,
        /// Answers this run, once.
        token: SecretString,
        /// Runs of the same approval that were answered before: someone
        /// retried the stage.
        earlier: Vec<ActionRun>,
    },
    /// It has its answer.
    Answered {
        /// The run that was answered last.
        run: ActionRun,
        /// Earlier runs, the newest first.
        earlier: Vec<ActionRun>,
    },
}

/// What an approval is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// The execution goes on.
    Approve,
    /// The execution stops.
    Reject,
}

/// What became of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Receipt {
    /// CodePipeline took it.
    Taken,
    /// The approval had an answer already, or its token has ended.
    TooLate,
}

impl CodePipeline {
    /// How the approval of exactly this execution stands.
    pub async fn approval(
        &self,
        approval: ApprovalRef<'_>,
    ) -> Result<ApprovalState, DeliveryError> {
        let mut runs: Vec<ActionRun> = self
            .runs(approval.pipeline, approval.execution)
            .await?
            .into_iter()
            .filter(|run| run.stage == approval.stage && run.action == approval.action)
            .filter(|run| run.execution == approval.execution)
            .collect();
        if runs.is_empty() {
            return Ok(ApprovalState::NotReached);
        }
        let run = runs.remove(0);
        if run.status != RunStatus::InProgress {
            return Ok(ApprovalState::Answered { run, earlier: runs });
        }
        let token = match approval.mode {
            Mode::Parallel => run.token.clone(),
            Mode::Superseded | Mode::Queued => {
                self.token(approval, &run.id).await?.map(SecretString::from)
            }
        };
        Ok(match token {
            Some(token) => ApprovalState::Open {
                run,
                token,
                earlier: runs,
            },
            None => ApprovalState::Changing,
        })
    }

    /// Answers the run that `token` belongs to.
    pub async fn answer(
        &self,
        approval: ApprovalRef<'_>,
        token: &SecretString,
        decision: Decision,
        summary: &str,
    ) -> Result<Receipt, DeliveryError> {
        let status = match decision {
            Decision::Approve => ApprovalStatus::Approved,
            Decision::Reject => ApprovalStatus::Rejected,
        };
        let result = ApprovalResult::builder()
            .status(status)
            .summary(summary)
            .build()
            .expect("status and summary are given");
        let outcome = self
            .client
            .put_approval_result()
            .pipeline_name(approval.pipeline)
            .stage_name(approval.stage)
            .action_name(approval.action)
            .token(token.expose_secret())
            .result(result)
            .send()
            .await;
        match outcome {
            Ok(_) => Ok(Receipt::Taken),
            Err(error) => match error.as_service_error() {
                Some(
                    PutApprovalResultError::InvalidApprovalTokenException(_)
                    | PutApprovalResultError::ApprovalAlreadyCompletedException(_),
                ) => Ok(Receipt::TooLate),
                _ => Err(sorted("answer the approval", error)),
            },
        }
    }

    /// The token from the pipeline's state, but only while the stage holds our
    /// execution and the action runs our run: a newer execution may be there.
    async fn token(
        &self,
        approval: ApprovalRef<'_>,
        run: &str,
    ) -> Result<Option<String>, DeliveryError> {
        let stages = self.state(approval.pipeline).await?;
        Ok(stages
            .into_iter()
            .find(|stage| stage.stage_name.as_deref() == Some(approval.stage))
            .filter(|stage| {
                let execution = stage.latest_execution.as_ref();
                execution.is_some_and(|latest| latest.pipeline_execution_id == approval.execution)
            })
            .and_then(|stage| stage.action_states)
            .unwrap_or_default()
            .into_iter()
            .find(|action| action.action_name.as_deref() == Some(approval.action))
            .and_then(|action| action.latest_execution)
            .filter(|latest| latest.action_execution_id.as_deref() == Some(run))
            .and_then(|latest| latest.token))
    }
}
