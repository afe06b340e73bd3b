//! Finds the part of a spec that a command is about.

use monspec::{Comparison, Monspec, ServiceEntry};

use crate::failure::Failure;

/// The entries that take part, at least one.
pub(crate) fn compared<'a>(
    spec: &'a Monspec,
    comparison: &str,
) -> Result<Vec<(&'a ServiceEntry, &'a Comparison)>, Failure> {
    let compared = spec.compared(comparison);
    if !compared.is_empty() {
        return Ok(compared);
    }
    let known = spec.comparison_names();
    Err(Failure::Usage(if known.is_empty() {
        format!("there is no comparison `{comparison}`: the monspec declares none")
    } else {
        format!(
            "there is no comparison `{comparison}`; the monspec has: {}",
            known.join(", ")
        )
    }))
}
