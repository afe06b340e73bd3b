//! How the answer to a culprit begins.

use super::{HealRefusal, State};
use crate::change::Change;
use crate::ledger::Effect;
use crate::problem::Remediation;

/// The remediation of a culprit that `problem` is blamed on, with what it does to
/// the ledger. `holder` is the problem that holds the culprit, if one does.
///
/// A heal is not blamed: what it deployed again was good before, and the suspicion
/// would reach everything of the same content.
pub fn begin(
    culprit: &Change,
    problem: &str,
    holder: Option<String>,
) -> (Remediation, Option<Effect>) {
    let holder = holder.filter(|holder| holder != problem);
    let state = if culprit.is_heal() {
        State::Refused(HealRefusal::HealOfHeal {
            deployment: culprit.id().to_owned(),
        })
    } else if let Some(problem) = holder {
        State::Joined { problem }
    } else {
        State::Attributed
    };
    let is_free = state == State::Attributed;
    let remediation = Remediation {
        culprit: culprit.clone(),
        holds: is_free,
        stopped: false,
        state,
    };
    let blame = || Effect::Blame {
        change: culprit.clone(),
    };
    (remediation, is_free.then(blame))
}
