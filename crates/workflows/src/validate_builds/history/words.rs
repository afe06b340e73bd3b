//! Why a window or a baseline does not count, in the words that people read.

use jiff::Timestamp;
use monspec::Gap;
use release::deployment::{Deployment, LedgerEntry, Origin, OwnBaseline, Standing};
use release::evidence::Unjudged;
use release::judging::Mixed;

use super::Distrusted;

pub(in super::super) fn why_mixed(mixed: &Mixed) -> String {
    match mixed {
        Mixed::Healed { by, .. } => format!(
            "this build was replaced because of a problem: deployment {} healed {} at {}",
            by.id,
            by.group,
            whole_second(by.at)
        ),
        Mixed::Overtaken(by) => {
            let came = &by.entry.deployment;
            let why = match (came.origin, &by.takes_back) {
                (_, Some(other)) => format!(", a rollback of {other},"),
                (Origin::Heal, None) => ", a heal that names no deployment,".to_owned(),
                (Origin::Release, None) => String::new(),
            };
            format!(
                "overtaken: deployment {}{why} reached {} at {}, before the window ended, so the \
                 numbers belong to two deployments",
                came.id,
                came.group,
                whole_second(came.at)
            )
        }
        Mixed::Followed {
            execution,
            stage,
            at,
        } => format!(
            "overtaken: execution {execution} reached stage `{stage}` at {}, before the window \
             ended, so the numbers belong to two builds",
            whole_second(*at)
        ),
    }
}

pub(in super::super) fn tainted(bad: LedgerEntry) -> Distrusted {
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
        entry: bad,
    }
}

pub(in super::super) fn of_its_own(own: OwnBaseline) -> Distrusted {
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

fn whole_second(at: Timestamp) -> Timestamp {
    Timestamp::from_second(at.as_second()).unwrap_or(at)
}
