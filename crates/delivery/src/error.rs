//! What a caller does next when AWS does not answer as hoped.

use std::error::Error;

use aws_sdk_codepipeline::error::{ProvideErrorMetadata, SdkError};

type Cause = Box<dyn Error + Send + Sync>;

/// What a caller does next when AWS does not answer as hoped.
#[derive(Debug, thiserror::Error)]
pub enum DeliveryError {
    /// What was asked for does not exist; asking again does not help.
    #[error("cannot {action}: it does not exist")]
    NotFound {
        /// What was tried.
        action: &'static str,
        /// The service's answer.
        #[source]
        cause: Cause,
    },
    /// The caller's role or credentials do not allow it; a person must act.
    #[error("cannot {action}: access is denied")]
    Denied {
        /// What was tried.
        action: &'static str,
        /// The service's answer.
        #[source]
        cause: Cause,
    },
    /// There is more than can be read: half of it would be a wrong answer, so
    /// the caller asks for less.
    #[error("cannot {action}: there are too many")]
    TooMany {
        /// What was tried.
        action: &'static str,
    },
    /// The service is throttling, broken or out of reach; try again later.
    #[error("cannot {action}")]
    Unavailable {
        /// What was tried.
        action: &'static str,
        /// What went wrong.
        #[source]
        cause: Cause,
    },
}

/// Sorts an SDK error by what its caller can do.
pub(crate) fn sorted<E, R>(action: &'static str, error: SdkError<E, R>) -> DeliveryError
where
    E: Error + ProvideErrorMetadata + Send + Sync + 'static,
    R: std::fmt::Debug + Send + Sync + 'static,
{
    let code = error.code().unwrap_or_default();
    let not_found = code.ends_with("NotFoundException")
        || matches!(
            code,
            "NoSuchKey"
                | "NoSuchBucket"
                | "ApplicationDoesNotExistException"
                | "DeploymentGroupDoesNotExistException"
                // A name that cannot be one names nothing either.
                | "InvalidApplicationNameException"
                | "InvalidDeploymentGroupNameException"
        );
    let denied = matches!(
        code,
        "AccessDenied"
            | "AccessDeniedException"
            | "UnauthorizedException"
            | "InvalidAccessKeyId"
            | "ExpiredToken"
    );
    // The wrapper's own text is only "service error"; its inner error says more.
    let cause: Cause = match error {
        SdkError::ServiceError(context) => Box::new(context.into_err()),
        other => Box::new(other),
    };
    if not_found {
        DeliveryError::NotFound { action, cause }
    } else if denied {
        DeliveryError::Denied { action, cause }
    } else {
        DeliveryError::Unavailable { action, cause }
    }
}
