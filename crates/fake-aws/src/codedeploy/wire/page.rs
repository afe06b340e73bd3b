//! Lists, a page at a time.

use serde_json::{Value, json};

use crate::codedeploy::service_error::ServiceError;

/// How many deployments a page holds, unless the harness says otherwise.
pub(in crate::codedeploy) const PAGE_SIZE: usize = 100;

/// Cuts the page out of `ids` that a request asks for, under the name of the
/// list.
pub(super) fn page(
    name: &str,
    ids: &[&str],
    size: usize,
    token: Option<&str>,
) -> Result<Value, ServiceError> {
    let from = match token {
        None => 0,
        Some(token) => token
            .strip_prefix("lab-page-")
            .and_then(|from| from.parse().ok())
            .filter(|from| *from <= ids.len())
            .ok_or(ServiceError::InvalidNextToken)?,
    };
    let rest = &ids[from..];
    let shown = &rest[..size.min(rest.len())];
    let mut page = json!({name: shown});
    if shown.len() < rest.len() {
        page["nextToken"] = json!(format!("lab-page-{}", from + size));
    }
    Ok(page)
}
