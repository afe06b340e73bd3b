//! What the runtime reports and logs when an invocation fails.

use std::fmt;

use anyhow::anyhow;
use lambda_runtime::Diagnostic;

/// Something is broken, and trying again may help.
const FAULT: &str = "Fault";

/// A failed invocation.
///
/// The runtime logs the `Debug` form once and reports the [`Diagnostic`]; both
/// show the whole chain of causes, which the stock conversions lose.
pub struct Failure {
    error_type: &'static str,
    error: anyhow::Error,
}

impl Failure {
    /// What was sent cannot be used, and sending it again will not help.
    pub fn unusable(error: impl Into<anyhow::Error>) -> Self {
        Self {
            error_type: "Unusable",
            error: error.into(),
        }
    }
}

impl Failure {
    /// What failed of so many things, and why; a fault if one of them was.
    pub fn of_some(all: usize, failed: Vec<(String, Failure)>) -> Option<Self> {
        let error_type = match failed.iter().find(|(_, each)| each.error_type == FAULT) {
            Some(_) => FAULT,
            None => failed.first()?.1.error_type,
        };
        if all == 1 {
            return failed.into_iter().next().map(|(_, only)| only);
        }
        let reasons: Vec<String> = failed
            .iter()
            .map(|(name, failure)| format!("{name}: {:#}", failure.error))
            .collect();
        let error = anyhow!("{} of {all} failed: {}", failed.len(), reasons.join("; "));
        Some(Self { error_type, error })
    }
}

impl From<anyhow::Error> for Failure {
    /// Something this function depends on is broken; Lambda may try again.
    fn from(error: anyhow::Error) -> Self {
        Self {
            error_type: FAULT,
            error,
        }
    }
}

impl fmt::Debug for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#}", self.error)
    }
}

impl From<Failure> for Diagnostic {
    fn from(failure: Failure) -> Self {
        Self {
            error_type: failure.error_type.to_owned(),
            error_message: format!("{:#}", failure.error),
        }
    }
}

#[cfg(test)]
mod tests {
    use anyhow::Context as _;

    use super::*;

    #[test]
    fn whole_chain_of_causes_reaches_the_log_and_the_caller() {
        let error = Err::<(), _>(std::io::Error::other("connection reset"))
            .context("cannot claim a validation")
            .unwrap_err();

        let failure = Failure::from(error);

        assert_eq!(
            format!("{failure:?}"),
            "cannot claim a validation: connection reset"
        );
        let diagnostic = Diagnostic::from(failure);
        assert_eq!(diagnostic.error_type, "Fault");
        assert_eq!(
            diagnostic.error_message,
            "cannot claim a validation: connection reset"
        );
    }
}
