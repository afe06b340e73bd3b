//! What every service behind the endpoint speaks of: the account, who asks, and
//! how a JSON protocol refuses.

use axum::http::{HeaderMap, header};

/// The region every stand-in claims to be in.
pub const REGION: &str = "us-east-1";
/// The account every stand-in claims to belong to.
pub const ACCOUNT: &str = "111122223333";
/// The access key of the functions' own role; it opens nothing outside the lab.
pub const ACCESS_KEY: &str = "AKIALABFUNCTIONROLE0";
/// The secret beside [`ACCESS_KEY`]; no stand-in ever checks it.
pub const SECRET_KEY: &str = "lab-secret";

/// Who sent a request, as far as its `SigV4` headers tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Caller {
    pub(crate) access_key: String,
    pub(crate) session_token: Option<String>,
}

impl Caller {
    pub(crate) fn of(headers: &HeaderMap) -> Option<Self> {
        let authorization = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
        let scope = authorization.strip_prefix("AWS4-HMAC-SHA256 Credential=")?;
        let (access_key, _) = scope.split_once('/')?;
        let session_token = headers
            .get("x-amz-security-token")
            .and_then(|token| token.to_str().ok())
            .map(str::to_owned);
        Some(Self {
            access_key: access_key.to_owned(),
            session_token,
        })
    }

    /// The name under which AWS would show this caller, e.g. in `lastUpdatedBy`.
    pub(crate) fn arn(&self) -> String {
        format!(
            "arn:aws:sts::{ACCOUNT}:assumed-role/lab/{}",
            self.access_key
        )
    }
}

/// An error of a JSON protocol.
#[derive(Debug)]
pub(crate) struct JsonError {
    pub(crate) code: &'static str,
    pub(crate) message: String,
}

impl JsonError {
    pub(crate) fn not_json() -> Self {
        Self {
            code: "SerializationException",
            message: "The body is not JSON".to_owned(),
        }
    }

    pub(crate) fn denied(operation: &str) -> Self {
        Self {
            code: "AccessDeniedException",
            message: format!("The role is not authorized to perform {operation}"),
        }
    }

    pub(crate) fn unknown_operation(operation: &str) -> Self {
        Self {
            code: "UnknownOperationException",
            message: format!("Operation {operation} is not served here"),
        }
    }
}
