//! The judge: numbers in, findings out. It knows no clock, no tenant and no pipeline.

mod address;
mod bounds;
mod coverage;
mod finding;
mod measured;
mod number;
mod reason;
mod verdict;

use std::collections::BTreeMap;

pub use address::{Address, addresses};
pub use coverage::{Answered, Coverage};
pub use finding::{Finding, Outcome};
pub use measured::{Gap, Measured, Measurement};
pub use number::readable;
pub use verdict::{Verdict, verdict};

use crate::comparison::{Comparison, MissingBaseline};
use crate::signature::Signature;
use crate::spec::ServiceEntry;
use bounds::Bounds;

/// Judges every signature of an entry, those of its methods included, in the
/// order of the file.
///
/// A signature without a measurement is a gap, never a pass: a gate that opens when
/// monitoring is silent approves exactly the builds that nobody can see.
pub fn judge(
    entry: &ServiceEntry,
    comparison: &Comparison,
    measured: &BTreeMap<Address, Measured>,
) -> Vec<Finding> {
    addresses(entry)
        .map(|(address, signature)| match measured.get(&address) {
            Some(measured) => judge_signature(address, signature, comparison, measured),
            None => judge_signature(address, signature, comparison, &Measured::nothing()),
        })
        .collect()
}

fn judge_signature(
    address: Address,
    signature: &Signature,
    comparison: &Comparison,
    measured: &Measured,
) -> Finding {
    let observation = measured.observation.finite();
    let baseline = measured.baseline.finite();
    let judged = observation
        .clone()
        .and_then(|observed| Ok((observed, bounds_of(signature, comparison, &baseline)?)));
    let blank = Finding {
        address,
        metric: signature.metric.to_string(),
        aggregate: signature.aggregate.to_string(),
        side: signature.validate,
        outcome: Outcome::Inconclusive,
        accepted: false,
        observation: observation.as_ref().ok().copied(),
        baseline: baseline.ok(),
        coverage: Coverage {
            observation: measured.observation.mean_of(),
            baseline: measured.baseline.mean_of(),
        },
        tolerance: tolerance_of(signature, comparison),
        upper_limit: None,
        lower_limit: None,
        margin: None,
        reason: String::new(),
    };
    let coverage = blank.coverage;
    match judged {
        // The entities that answered are fine; the silent ones may not be.
        Ok((observed, Bounds { range, .. }))
            if range.admits(observed) && is_partial(coverage, signature) =>
        {
            Finding {
                reason: reason::of_silence(coverage),
                ..blank
            }
        }
        Ok((observed, Bounds { range, origin })) => Finding {
            outcome: if range.admits(observed) {
                Outcome::Held
            } else {
                Outcome::Violated
            },
            upper_limit: range.upper(),
            lower_limit: range.lower(),
            margin: Some(range.margin(observed)),
            reason: reason::of_number(observed, range, origin, coverage),
            ..blank
        },
        Err(gap) => Finding {
            accepted: is_accepted(&gap, comparison, blank.observation),
            reason: reason::of_gap(&gap, blank.observation),
            ..blank
        },
    }
}

/// The tolerance towards the baseline, where one is needed.
fn tolerance_of(signature: &Signature, comparison: &Comparison) -> Option<f64> {
    let derives = signature.needs_baseline() && comparison.compare.is_some();
    derives.then(|| comparison.scale.of(&signature.metric))
}

/// Whether a deciding number lacks some of the entities.
fn is_partial(coverage: Coverage, signature: &Signature) -> bool {
    let is_partial = |answered: Option<Answered>| answered.is_some_and(Answered::is_partial);
    is_partial(coverage.observation)
        || (signature.needs_baseline() && is_partial(coverage.baseline))
}

/// The limits that are in force, or why there are none.
fn bounds_of(
    signature: &Signature,
    comparison: &Comparison,
    baseline: &Result<f64, Gap>,
) -> Result<Bounds, Gap> {
    if let Some(fixed) = Bounds::fixed(signature.upper_limit, signature.lower_limit) {
        return Ok(fixed);
    }
    if comparison.compare.is_none() {
        return Err(Gap::NothingToCompare);
    }
    let factor = comparison.scale.of(&signature.metric);
    Bounds::derived(signature.validate, baseline.clone()?, factor)
}

/// A first release has nothing to compare with; that is accepted if the spec says
/// so and the new build itself was measured.
fn is_accepted(gap: &Gap, comparison: &Comparison, observation: Option<f64>) -> bool {
    *gap == Gap::FirstRelease
        && comparison.missing_baseline == MissingBaseline::FirstRelease
        && observation.is_some()
}

#[cfg(test)]
mod laws;
#[cfg(test)]
mod tests;
