//! Everything `CodeDeploy` says no to.

/// Why a request was refused. The variants are the exceptions of the service,
/// but for the last, which only the harness can meet.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ServiceError {
    /// A request that needs an application names none.
    #[error("an application name is required")]
    ApplicationNameRequired,
    /// There is no application of this name.
    #[error("no application found for name: {0}")]
    ApplicationDoesNotExist(String),
    /// A request that needs a group names none.
    #[error("a deployment group name is required")]
    DeploymentGroupNameRequired,
    /// The application has no group of this name.
    #[error("no deployment group found for name: {0}")]
    DeploymentGroupDoesNotExist(String),
    /// A request that needs a deployment names none.
    #[error("a deployment id is required")]
    DeploymentIdRequired,
    /// This is no id of a deployment.
    #[error("the deployment id `{0}` has an invalid format")]
    InvalidDeploymentId(String),
    /// There is no deployment with this id.
    #[error("the deployment {0} could not be found")]
    DeploymentDoesNotExist(String),
    /// The deployment has ended.
    #[error("the deployment {0} is already completed")]
    DeploymentAlreadyCompleted(String),
    /// The deployment has not begun, so that it has no targets.
    #[error("the deployment {0} has not started")]
    DeploymentNotStarted(String),
    /// A request that needs targets names none.
    #[error("a target id is required")]
    DeploymentTargetIdRequired,
    /// The deployment has no target with this id.
    #[error("the deployment target {0} could not be found")]
    DeploymentTargetDoesNotExist(String),
    /// More targets are asked for at once than the service gives.
    #[error("at most {0} targets can be asked for at once")]
    DeploymentTargetListSizeExceeded(usize),
    /// The group is busy with another deployment.
    #[error("the deployment group '{group}' already has an active deployment '{active}'")]
    DeploymentLimitExceeded {
        /// The group that was to be deployed to.
        group: String,
        /// The deployment that keeps it busy.
        active: String,
    },
    /// More deployments are asked for at once than the service gives.
    #[error("at most {0} deployments can be asked for at once")]
    BatchLimitExceeded(usize),
    /// A description is longer than it may be.
    #[error("the description is limited to {0} characters")]
    DescriptionTooLong(usize),
    /// There is no configuration of this name.
    #[error("no deployment configuration found for name: {0}")]
    DeploymentConfigDoesNotExist(String),
    /// A deployment needs something to deploy.
    #[error("a revision is required")]
    RevisionRequired,
    /// The revision is incomplete, contradicts itself or does not fit the platform.
    #[error("the revision is invalid: {0}")]
    InvalidRevision(&'static str),
    /// The application never saw this revision.
    #[error("the application has no such revision")]
    RevisionDoesNotExist,
    /// The events of an automatic rollback are missing or unknown.
    #[error("the automatic rollback configuration is invalid")]
    InvalidAutoRollbackConfig,
    /// Only instances have scripts whose failure could be ignored.
    #[error("ignoreApplicationStopFailures must be false for this platform")]
    InvalidIgnoreApplicationStopFailuresValue,
    /// Only instances can be outdated.
    #[error("updateOutdatedInstancesOnly must be false for this platform")]
    InvalidUpdateOutdatedInstancesOnlyValue,
    /// The alarms of a deployment contradict themselves.
    #[error("the alarm configuration is invalid")]
    InvalidAlarmConfig,
    /// A deployment watches too many alarms.
    #[error("at most {0} alarms can be watched")]
    AlarmsLimitExceeded(usize),
    /// The behaviour for existing files is unknown.
    #[error("the file-exists behaviour `{0}` is unknown")]
    InvalidFileExistsBehavior(String),
    /// The status is unknown.
    #[error("the deployment status `{0}` is unknown")]
    InvalidDeploymentStatus(String),
    /// The range ends before it starts.
    #[error("the time range is invalid")]
    InvalidTimeRange,
    /// The paging token was not given out here.
    #[error("the next token is not valid")]
    InvalidNextToken,
    /// A member has the wrong type, or requests something that is not implemented.
    #[error("{0}")]
    InvalidInput(String),
    /// The deployment is not in progress yet, so it cannot end.
    #[error("the deployment {0} has not begun")]
    NotBegun(String),
}

impl ServiceError {
    /// The name of the exception on the wire.
    pub fn code(&self) -> &'static str {
        match self {
            Self::ApplicationNameRequired => "ApplicationNameRequiredException",
            Self::ApplicationDoesNotExist(_) => "ApplicationDoesNotExistException",
            Self::DeploymentGroupNameRequired => "DeploymentGroupNameRequiredException",
            Self::DeploymentGroupDoesNotExist(_) => "DeploymentGroupDoesNotExistException",
            Self::DeploymentIdRequired => "DeploymentIdRequiredException",
            Self::InvalidDeploymentId(_) => "InvalidDeploymentIdException",
            Self::DeploymentDoesNotExist(_) => "DeploymentDoesNotExistException",
            Self::DeploymentAlreadyCompleted(_) => "DeploymentAlreadyCompletedException",
            Self::DeploymentNotStarted(_) => "DeploymentNotStartedException",
            Self::DeploymentTargetIdRequired => "DeploymentTargetIdRequiredException",
            Self::DeploymentTargetDoesNotExist(_) => "DeploymentTargetDoesNotExistException",
            Self::DeploymentTargetListSizeExceeded(_) => {
                "DeploymentTargetListSizeExceededException"
            }
            Self::DeploymentLimitExceeded { .. } => "DeploymentLimitExceededException",
            Self::BatchLimitExceeded(_) => "BatchLimitExceededException",
            Self::DescriptionTooLong(_) => "DescriptionTooLongException",
            Self::DeploymentConfigDoesNotExist(_) => "DeploymentConfigDoesNotExistException",
            Self::RevisionRequired => "RevisionRequiredException",
            Self::InvalidRevision(_) => "InvalidRevisionException",
            Self::RevisionDoesNotExist => "RevisionDoesNotExistException",
            Self::InvalidAutoRollbackConfig => "InvalidAutoRollbackConfigException",
            Self::InvalidIgnoreApplicationStopFailuresValue => {
                "InvalidIgnoreApplicationStopFailuresValueException"
            }
            Self::InvalidUpdateOutdatedInstancesOnlyValue => {
                "InvalidUpdateOutdatedInstancesOnlyValueException"
            }
            Self::InvalidAlarmConfig => "InvalidAlarmConfigException",
            Self::AlarmsLimitExceeded(_) => "AlarmsLimitExceededException",
            Self::InvalidFileExistsBehavior(_) => "InvalidFileExistsBehaviorException",
            Self::InvalidDeploymentStatus(_) => "InvalidDeploymentStatusException",
            Self::InvalidTimeRange => "InvalidTimeRangeException",
            Self::InvalidNextToken => "InvalidNextTokenException",
            Self::InvalidInput(_) | Self::NotBegun(_) => "InvalidInputException",
        }
    }
}
