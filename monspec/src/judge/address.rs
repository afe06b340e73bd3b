//! Names one signature of a spec.

use std::fmt;

use crate::signature::Signature;
use crate::spec::ServiceEntry;

/// Which signature is meant. Displays the way to it in the file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Address {
    /// The key of the service entry.
    pub service: String,
    /// The method, for signatures of `servicemethods`.
    pub method: Option<String>,
    /// The index within `perfsignature`, counted from 0.
    pub signature: usize,
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.service)?;
        if let Some(method) = &self.method {
            write!(f, ".servicemethods[{method:?}]")?;
        }
        write!(f, ".perfsignature[{}]", self.signature)
    }
}

/// All signatures of an entry with their addresses, in the order of the file:
/// its own first, then those of its methods.
pub fn addresses(entry: &ServiceEntry) -> impl Iterator<Item = (Address, &Signature)> {
    let own = std::iter::once((None, &entry.signatures));
    let of_methods = entry
        .methods
        .iter()
        .map(|method| (Some(&method.name), &method.signatures));
    own.chain(of_methods).flat_map(move |(method, signatures)| {
        signatures
            .iter()
            .enumerate()
            .map(move |(index, signature)| {
                let address = Address {
                    service: entry.id.clone(),
                    method: method.cloned(),
                    signature: index,
                };
                (address, signature)
            })
    })
}
