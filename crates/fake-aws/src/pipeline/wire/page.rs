//! Lists, a page at a time.

use serde_json::{Value, json};

use crate::pipeline::service_error::ServiceError;

const PAGE_LIMIT: usize = 100;

/// One page of a list, and where the next one begins.
pub(super) struct Page {
    items: Vec<Value>,
    next: Option<String>,
}

impl Page {
    pub(super) fn named(self, list: &str) -> Value {
        let mut page = json!({list: self.items});
        if let Some(next) = self.next {
            page["nextToken"] = json!(next);
        }
        page
    }
}

/// Cuts the page out of `items` that a request asks for.
pub(super) fn page(
    mut items: Vec<Value>,
    max_results: Option<usize>,
    next_token: Option<&str>,
) -> Result<Page, ServiceError> {
    let size = max_results.unwrap_or(PAGE_LIMIT);
    if !(1..=PAGE_LIMIT).contains(&size) {
        return Err(ServiceError::Validation(
            "maxResults must be between 1 and 100".to_owned(),
        ));
    }
    let from = match next_token {
        None => 0,
        Some(token) => token
            .strip_prefix("lab-page-")
            .and_then(|from| from.parse().ok())
            .filter(|from| *from <= items.len())
            .ok_or(ServiceError::InvalidNextToken)?,
    };
    let rest = items.split_off(from);
    let next = (size < rest.len()).then(|| format!("lab-page-{}", from + size));
    Ok(Page {
        items: rest.into_iter().take(size).collect(),
        next,
    })
}
