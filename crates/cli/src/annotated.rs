//! Writes the monspec with the results in it.

use std::fs;
use std::path::Path;

use monspec::{Entities, Finding, annotate};

use crate::failure::Failure;

/// Writes `source`, which the findings are about, to `path` with the findings
/// and the entities in it.
pub(crate) fn write(
    path: &Path,
    source: &str,
    comparison: &str,
    findings: &[Finding],
    entities: &Entities,
) -> Result<(), Failure> {
    let text = annotate(source, comparison, findings, entities)
        .map_err(|error| Failure::Data(error.to_string()))?;
    fs::write(path, text).map_err(|cause| Failure::Unwritable {
        name: path.display().to_string(),
        cause,
    })
}
