//! Everything `CodePipeline` says no to.

/// Why a request was refused. The variants are the exceptions of the service.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ServiceError {
    /// There is no pipeline of this name.
    #[error("the account has no pipeline with the name `{0}`")]
    PipelineNotFound(String),
    /// The pipeline has no stage of this name.
    #[error("the pipeline has no stage with the name `{0}`")]
    StageNotFound(String),
    /// The stage has no action of this name.
    #[error("the stage has no action with the name `{0}`")]
    ActionNotFound(String),
    /// The pipeline has no execution with this id.
    #[error("the pipeline has no execution `{0}`")]
    PipelineExecutionNotFound(String),
    /// Another execution has entered the stage since.
    #[error("the stage has run for a later execution than `{0}`")]
    NotLatestPipelineExecution(String),
    /// The stage neither failed nor was stopped.
    #[error("the stage `{0}` is not in a state that can be retried")]
    StageNotRetryable(String),
    /// The execution is over.
    #[error("the execution `{0}` is no longer in progress")]
    PipelineExecutionNotStoppable(String),
    /// The execution is stopping already.
    #[error("the execution `{0}` is already stopping")]
    DuplicatedStopRequest(String),
    /// The target of a rollback never succeeded there, or is one itself.
    #[error("the stage cannot be rolled back to the execution `{0}`")]
    UnableToRollbackStage(String),
    /// The approval token was never given out, or belongs to an earlier run.
    #[error("the approval request has expired or was never made")]
    InvalidApprovalToken,
    /// The approval has its answer.
    #[error("the approval action has already been approved or rejected")]
    ApprovalAlreadyCompleted,
    /// There is no job with this id.
    #[error("the account has no job `{0}`")]
    JobNotFound(String),
    /// The job has its result.
    #[error("the job `{0}` is not in progress")]
    InvalidJobState(String),
    /// The output variables of one action are too many bytes.
    #[error("the output variables of an action are limited to 122880 bytes")]
    OutputVariablesSizeExceeded,
    /// The paging token was not given out here.
    #[error("the next token is not valid")]
    InvalidNextToken,
    /// A member is missing or outside its limits.
    #[error("{0}")]
    Validation(String),
}

impl ServiceError {
    /// The name of the exception on the wire.
    pub fn code(&self) -> &'static str {
        match self {
            Self::PipelineNotFound(_) => "PipelineNotFoundException",
            Self::StageNotFound(_) => "StageNotFoundException",
            Self::ActionNotFound(_) => "ActionNotFoundException",
            Self::PipelineExecutionNotFound(_) => "PipelineExecutionNotFoundException",
            Self::NotLatestPipelineExecution(_) => "NotLatestPipelineExecutionException",
            Self::StageNotRetryable(_) => "StageNotRetryableException",
            Self::PipelineExecutionNotStoppable(_) => "PipelineExecutionNotStoppableException",
            Self::DuplicatedStopRequest(_) => "DuplicatedStopRequestException",
            Self::UnableToRollbackStage(_) => "UnableToRollbackStageException",
            Self::InvalidApprovalToken => "InvalidApprovalTokenException",
            Self::ApprovalAlreadyCompleted => "ApprovalAlreadyCompletedException",
            Self::JobNotFound(_) => "JobNotFoundException",
            Self::InvalidJobState(_) => "InvalidJobStateException",
            Self::OutputVariablesSizeExceeded => "OutputVariablesSizeExceededException",
            Self::InvalidNextToken => "InvalidNextTokenException",
            Self::Validation(_) => "ValidationException",
        }
    }
}
