//! Numbers that a person or a script measured, matched with the signatures of a spec.

use std::collections::{BTreeMap, BTreeSet};

use monspec::{Address, Comparison, Gap, Measured, Measurement, ServiceEntry, addresses};
use serde::Deserialize;

use crate::failure::Failure;
use crate::input::Input;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    service: String,
    method: Option<String>,
    signature: usize,
    observation: Option<f64>,
    baseline: Option<f64>,
}

/// Reads the values; each must belong to a signature that takes part.
pub(crate) fn read(
    input: &Input,
    comparison: &str,
    compared: &[(&ServiceEntry, &Comparison)],
) -> Result<BTreeMap<Address, Measured>, Failure> {
    let rows: Vec<Row> = serde_json::from_str(&input.text()?).map_err(|error| {
        Failure::Data(format!(
            "{input} is not a list of values: {error}; see `monspec judge --help` for its shape"
        ))
    })?;
    let known: BTreeSet<Address> = compared
        .iter()
        .flat_map(|(entry, _)| addresses(entry))
        .map(|(address, _)| address)
        .collect();

    let mut measured = BTreeMap::new();
    for row in rows {
        let Row {
            service,
            method,
            signature,
            observation,
            baseline,
        } = row;
        let address = Address {
            service,
            method,
            signature,
        };
        if !known.contains(&address) {
            return Err(Failure::Data(format!(
                "{input}: {}",
                unknown(&address, comparison, &known)
            )));
        }
        let values = Measured {
            observation: number(observation),
            baseline: number(baseline),
        };
        if measured.insert(address.clone(), values).is_some() {
            return Err(Failure::Data(format!(
                "{input}: there are two values for {address}; remove one of them"
            )));
        }
    }
    Ok(measured)
}

fn number(value: Option<f64>) -> Measurement {
    value.map_or(Measurement::Missing(Gap::NotMeasured), Measurement::Value)
}

/// Names the first part of the address that does not exist, and what there is instead.
fn unknown(address: &Address, comparison: &str, known: &BTreeSet<Address>) -> String {
    let of_service: Vec<_> = known
        .iter()
        .filter(|one| one.service == address.service)
        .collect();
    let of_method: Vec<_> = of_service
        .iter()
        .filter(|one| one.method == address.method)
        .collect();
    let Address {
        service,
        method,
        signature,
    } = address;
    match (method, of_service.is_empty(), of_method.len()) {
        (_, true, _) => {
            let services: BTreeSet<_> = known.iter().map(|one| one.service.as_str()).collect();
            let services = Vec::from_iter(services).join(", ");
            format!(
                "no service `{service}` with signatures takes part in `{comparison}`; these do: {services}"
            )
        }
        (Some(method), _, 0) => {
            let methods: BTreeSet<_> = of_service
                .iter()
                .filter_map(|one| one.method.as_deref())
                .collect();
            let methods = Vec::from_iter(methods).join(", ");
            format!("`{service}` has no method `{method}` with signatures; it has: {methods}")
        }
        (_, _, count) => {
            format!(
                "{address} does not exist: there are {count} signatures, {signature} is not one; the first is 0"
            )
        }
    }
}
