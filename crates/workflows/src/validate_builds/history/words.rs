//! Why a window or a baseline does not count, in the words that people read.

use jiff::Timestamp;
use monspec::{Gap, Verdict};
use release::deployment::{Deployment, LedgerEntry, Origin, OwnBaseline, Reached, Standing};
use release::evidence::Unjudged;

use super::{Distrusted, Mixed};

pub(super) fn healed(judged: &Deployment, heal: Deployment) -> Mixed {
    let reason = format!(
        "this build was replaced because of a problem: deployment {} healed {} at {}",
        heal.id,
        heal.group,
        whole_second(heal.at)
    );
    Mixed {
        verdict: Verdict::Failed,
        unjudged: Unjudged::Healed,
        reason,
        healed: Some(judged.clone()),
        came: Some(heal),
    }
}

pub(super) fn overtaken(by: Reached) -> Mixed {
    let came = by.entry.deployment;
    let why = match (came.origin, by.takes_back) {
        (_, Some(other)) => format!(", a rollback of {other},"),
        (Origin::Heal, None) => ", a heal that names no deployment,".to_owned(),
        (Origin::Release, None) => String::new(),
    };
    let reason = format!(
        "overtaken: deployment {}{why} reached {} at {}, before the window ended, so the numbers belong to two \
         deployments",
        came.id,
        came.group,
        whole_second(came.at)
    );
    Mixed {
        verdict: Verdict::Inconclusive,
        unjudged: Unjudged::Overtaken,
        reason,
        healed: None,
        came: Some(came),
    }
}

pub(super) fn tainted(bad: &LedgerEntry) -> Distrusted {
    let Deployment { id, group, .. } = &bad.deployment;
    let standing = match bad.standing {
        Standing::Suspect => "suspect",
        _ => "bad",
    };
    Distrusted {
        gap: Gap::Tainted(format!(
            "deployment {id} of {group} ran in it and is {standing} ({})",
            bad.taught_by
        )),
        unjudged: Unjudged::Tainted,
        entry: bad.clone(),
    }
}

pub(super) fn of_its_own(own: OwnBaseline) -> Distrusted {
    let OwnBaseline { entry, clear_at } = own;
    let Deployment { id, group, .. } = &entry.deployment;
    Distrusted {
        gap: Gap::OwnBaseline(format!(
            "deployment {id} of {group} ran its content in the compare window, and that content \
             is not known to be good; a shiftcomparetimeframe of {clear_at} avoids it"
        )),
        unjudged: Unjudged::OwnBaseline,
        entry,
    }
}

pub(super) fn whole_second(at: Timestamp) -> Timestamp {
    Timestamp::from_second(at.as_second()).unwrap_or(at)
}
