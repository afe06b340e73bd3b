//! Configurations that others announced, and the runbooks that take them back.
//!
//! Only the operator's list says what may run. An event chooses among it, and no
//! address of an event is ever spoken to.

mod asking;
mod candidates;
mod connected;
mod receiver;
mod site;

use std::collections::BTreeMap;
use std::fmt;

use controller::Controller;
use release::ledger::Known;
use release::runbook::{Draft, Runbooks};

pub(crate) use asking::Asking;
pub use asking::form;
pub(in crate::remedy) use candidates::gather;
pub use receiver::Receiver;
pub(crate) use site::Site;

/// Looks at announced configurations, by the id of their events.
pub(in crate::remedy) type Views = BTreeMap<String, View>;

/// An announced configuration, with the run that would take it back.
pub(crate) struct View {
    draft: Draft,
    known: Known,
}

/// What runbooks are run with.
#[derive(Default)]
pub struct Automation {
    /// What the operator lists.
    pub listed: Runbooks,
    /// The controllers by the operator's names, or why one cannot be spoken to.
    pub controllers: BTreeMap<String, Result<Controller, String>>,
    /// The receivers by the operator's names, or why one cannot be asked.
    pub receivers: BTreeMap<String, Result<Receiver, String>>,
}

impl Automation {
    /// The controller that the operator calls so, or why it cannot be spoken to.
    pub(crate) fn controller(&self, name: &str) -> Result<&Controller, String> {
        one_of(&self.controllers, name)
    }

    /// The receiver that the operator calls so, or why it cannot be asked.
    pub(crate) fn receiver(&self, name: &str) -> Result<&Receiver, String> {
        one_of(&self.receivers, name)
    }
}

fn one_of<'a, T>(
    listed: &'a BTreeMap<String, Result<T, String>>,
    name: &str,
) -> Result<&'a T, String> {
    match listed.get(name) {
        Some(Ok(one)) => Ok(one),
        Some(Err(why)) => Err(why.clone()),
        None => Err("it is not listed any more".to_owned()),
    }
}

impl fmt::Debug for Automation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&String> = self.controllers.keys().collect();
        f.debug_struct("Automation")
            .field("controllers", &names)
            .field("receivers", &self.receivers.keys())
            .finish_non_exhaustive()
    }
}
