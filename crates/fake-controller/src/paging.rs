//! Lists: filters, order and pages.

use axum::http::StatusCode;
use serde_json::{Value, json};

use super::answer::Refusal;
use super::request::Incoming;

const PAGE: usize = 25;
const LARGEST: usize = 200;

/// One page of `rows`, filtered and ordered as the query says. The addresses of
/// other pages lie under the controller's own path, not under a gateway's.
pub(super) fn list(incoming: &Incoming<'_>, mut rows: Vec<Value>) -> Result<Value, Refusal> {
    let mut size = PAGE;
    let mut page = 1;
    let mut order = "id";
    for (name, value) in incoming.query {
        if name.split("__").next() == Some("extra_vars") {
            return Err(Refusal::new(
                StatusCode::FORBIDDEN,
                "Filtering on extra_vars is not allowed.",
            ));
        }
        match name.as_str() {
            "page_size" => size = value.parse().unwrap_or(PAGE).clamp(1, LARGEST),
            "page" => page = value.parse().unwrap_or(0),
            "order_by" => order = value,
            "format" => {}
            filter => keep(&mut rows, filter, value)?,
        }
    }
    let key = |row: &Value| row[order.trim_start_matches('-')].as_i64();
    rows.sort_by_key(key);
    if order.starts_with('-') {
        rows.reverse();
    }
    let count = rows.len();
    let pages = count.div_ceil(size).max(1);
    if page < 1 || pages < page {
        return Err(Refusal::new(StatusCode::NOT_FOUND, "Invalid page."));
    }
    let path = incoming.path.join("/");
    let address = |page: usize| format!("/api/v2/{path}/?page={page}&page_size={size}");
    let rows: Vec<Value> = rows
        .into_iter()
        .skip((page - 1) * size)
        .take(size)
        .collect();
    Ok(json!({
        "count": count,
        "next": (page < pages).then(|| address(page + 1)),
        "previous": (1 < page).then(|| address(page - 1)),
        "results": rows,
    }))
}

/// Keeps the rows for which a filter holds.
fn keep(rows: &mut Vec<Value>, filter: &str, value: &str) -> Result<(), Refusal> {
    let (field, test) = filter.split_once("__").unwrap_or((filter, "exact"));
    let of = |row: &Value| match field {
        "created_by" => row["launched_by"]["id"].clone(),
        "organization" => row["summary_fields"]["organization"]["name"].clone(),
        field => row[field].clone(),
    };
    if let Some(row) = rows.first()
        && of(row).is_null()
        && row.get(field).is_none()
    {
        let text = format!("No field named '{field}'.");
        return Err(Refusal::bad(json!({ "detail": text })));
    }
    let text = |row: &Value| match of(row) {
        Value::String(text) => text,
        other => other.to_string(),
    };
    match test {
        "exact" | "name" => rows.retain(|row| text(row) == value),
        "in" => rows.retain(|row| value.split(',').any(|one| one == text(row))),
        "gt" => {
            let floor: i64 = value.parse().unwrap_or(i64::MAX);
            rows.retain(|row| of(row).as_i64().is_some_and(|id| floor < id));
        }
        other => {
            let text = format!("Unsupported lookup '{other}'.");
            return Err(Refusal::bad(json!({ "detail": text })));
        }
    }
    Ok(())
}
