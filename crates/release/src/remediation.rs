//! A remediation: one attempt to answer a problem in one group, and its life.
//!
//! # Transitions
//!
//! [`conclude`](crate::problem::cause::conclude) decides the rows whose name begins
//! with `cause.`, [`begin`] those with `begin.`, [`give_up`] `gave-up`, and
//! [`step`] those without a `story.`; each of them is a case of the tests of its
//! function. A row whose name begins with `story.` takes a store or a remote;
//! `tests/tests/it/rows.rs` names the test of each.
//!
//! Claims, leases and crashes work as for a validation: every write is
//! conditional on the claim, and a crashed worker's problem is due again at the
//! lease.
//!
//! | Row | State | Event | Durable write | External call | Killed before the write | Killed after the write |
//! |---|---|---|---|---|---|---|
//! | `story.noticed` | – | it is reported open, and no worker has it | the problem, and the claim of whoever was told, in one write | – | the sender hears no yes | due again at the lease |
//! | `begin.free` | – | a problem is blamed on a deployment | remediation Attributed, culprit suspect and bound to this problem, in one transaction | – | blamed again | as written |
//! | `begin.held` | – | the culprit is bound to another problem | remediation Joined | – | blamed again | as written |
//! | `cause.over` | – | it is over before anybody is blamed | the finding, nothing is bound | – | looked at again | as written |
//! | `cause.found` | – | deployments are to blame, one per group | the finding, with a remediation each by the rows of `begin`, in one transaction | – | blamed again | as written |
//! | `cause.none-yet` | – | nobody is to blame, and the notification is young | due later | – | looked at again | as written |
//! | `cause.none` | – | nobody is to blame, and it is old | the finding, nothing is bound | – | looked at again | as written |
//! | `cause.again` | – | a run that answers it is refused before anything is changed, and no person said so | the cause is looked for once more, with the refusal, in one transaction; that change hides no other from now on | – | refused again | looked for |
//! | `story.reopened` | – | it settled with nothing done and is reported open, or it was over and is found open | as if heard of now | – | settled as it was | as written |
//! | `begin.heal` | – | a heal is to blame | refused, nothing is bound | – | blamed again | as written |
//! | `cause.too-many` | – | more groups than allowed are to blame | the finding, nothing is bound | – | blamed again | as written |
//! | `cause.either` | – | either of two may be to blame, by the rounding of the tenant's time | the finding, nothing is bound | – | blamed again | as written |
//! | `joined.free` | Joined | the other problem let the culprit go, this one is open | Attributed, bound, in one transaction | – | looked at again | as written |
//! | `joined.held` | Joined | the other problem holds the culprit | due later | – | looked at again | as written |
//! | `unheard` | Attributed and being stopped, Intended, Under way | the tenant says nothing of the problem, or of the one that it became a part of | – | – | – | the rows below; nothing is begun but what a stop owes |
//! | `unheard.waits` | Joined, Healed, or final and holding its culprit | the same | due later | – | – | looked at again |
//! | `attributed.no` | Attributed | a check says no | not needed or refused with the reason | – | checked again | as written |
//! | `attributed.busy` | Attributed | another deployment runs, or another problem is answered in the group, for a day at most | due later | – | checked again | as written |
//! | `attributed.paused` | Attributed and not being stopped | there is something to do, and the group is paused or frozen | due later, with a comment that says why | – | checked again | as written |
//! | `attributed.pauses-unknown` | Attributed and not being stopped | there is something to do, and nobody can say whether the group is paused | due later | – | checked again | as written |
//! | `attributed.stop` | Attributed | the culprit is still being deployed, the guard is free and there is a target | that it is stopped | stop it, without rollback | checked again | stopped again: already stopped |
//! | `attributed.owed` | Attributed, the culprit is being stopped or was | the problem closes, or its notification becomes old | – | – | checked again | a heal is owed all the same: the rows below |
//! | `attributed.marker` | Attributed | a deployment with the culprit's marker is there | Deploying with its id, guard taken, the heal in the ledger, in one transaction | – | found again | as written |
//! | `attributed.rollback` | Attributed | a rollback of CodeDeploy replaces the culprit by content that is neither suspect nor bad, is under way or succeeded after the problem began, however old or over the problem is | as in the row above | – | found again | as written |
//! | `attributed.rollback-tainted` | Attributed | a rollback of CodeDeploy brings what is suspect or bad as well | due later, and once it has ended as where the culprit runs: the rows below | – | checked again | as written |
//! | `attributed.rollback-failed` | Attributed | a rollback of CodeDeploy failed or was stopped | as where the culprit runs: the rows below | – | checked again | as written |
//! | `attributed.untouched` | Attributed | the culprit changed no instance | not needed | – | checked again | as written |
//! | `attributed.over` | Attributed | the culprit has ended by itself, as the trial of a flag does | not needed | – | checked again | as written |
//! | `attributed.kept` | Attributed | the culprit must not be taken back, as a flag that somebody has changed since | refused with who and when | – | checked again | as written |
//! | `attributed.intend` | Attributed | a target is found and the guard is free | Intended with target and marker, guard taken, the target neither suspect nor bad, in one transaction | – | checked again | next rows |
//! | `attributed.shadow` | Attributed | the same, in shadow | Shadowed with target, guard in cooldown, in one transaction | – | checked again | as written |
//! | `story.intended` | Intended | just written by this worker | – | create the deployment, or take the flag back in one transaction | – | next rows |
//! | `intended.created` | Intended | created | Under way with its id, the heal in the ledger, in one transaction | – | its marker is found | as written |
//! | `intended.found` | Intended | met by another worker, its marker is found | as in the row above | – | searched again | as written |
//! | `intended.not-found` | Intended | met by another worker, its marker is not found | Attributed, guard given back, in one transaction | – | searched again | decided anew |
//! | `intended.busy` | Intended | CodeDeploy is busy with another deployment, or somebody has just changed the flag | Attributed, guard given back, in one transaction | – | its marker is searched | decided anew |
//! | `intended.refused` | Intended | CodeDeploy does not take the revision | failed heal, guard in cooldown, in one transaction | – | its marker is searched | as written |
//! | `under-way.hidden` | Under way | CodeDeploy does not show it within five minutes of the decision | due later | – | looked at again | as written |
//! | `under-way.succeeded` | Under way | it succeeded | Healed, guard in cooldown, in one transaction | – | looked at again | as written |
//! | `under-way.failed` | Under way | it failed, was stopped, or is not shown after that | failed heal, guard in cooldown, in one transaction | – | looked at again | as written |
//! | `under-way.rollback-failed` | Under way | the same, and it is a rollback of CodeDeploy | Attributed, guard given back, in one transaction | – | looked at again | decided anew |
//! | `healed.still-open` | Healed | the problem is open ten minutes later | due later, with a comment that offers to put the culprit back, and names the next older change | – | looked at again | as written |
//! | `healed.confirmed` | Healed | the problem closes after the heal had ended | Confirmed, culprit bad, in one transaction | – | looked at again | as written |
//! | `healed.unconfirmed` | Healed | the problem had closed before, its time is over, or it was merged and the tenant cannot say into which | Unconfirmed, culprit stays suspect | – | looked at again | as written |
//! | `closed` | Attributed with nothing stopped nor taken back, Joined | the problem closes | not needed; what was bound is unknown again | – | looked at again | as written |
//! | `ended.released` | Refused, not needed, Shadowed, failed heal without a deployment | the problem closes, or its time is over | culprit unknown again | – | looked at again | as written |
//! | `ended.kept` | failed heal with a deployment | the same | the culprit stays suspect | – | looked at again | as written |
//! | `gave-up` | any that is not final, or that still holds its culprit | its time is over | given up, or unconfirmed where the target runs; guard in cooldown; a culprit that nothing was begun against is unknown again | – | looked at again | as written |
//!
//! A heal is only ever created in the pass that wrote its intent, and the
//! group's history is read in each pass before anything is decided: what an
//! earlier worker managed to create is found there by its marker.
//!
//! A culprit runs as long as it is on at least one instance: if it changed one,
//! however it ended, and nothing has succeeded since. What brings a joining
//! instance up to date replaces nothing and is not waited for.
//!
//! Comments are stored with the state that causes them and posted beside all
//! this: one that cannot be posted is tried again and stops nothing.

mod begin;
mod guard;
mod observed;
mod policy;
mod step;

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::change::{Change, Remedy};
use crate::deployment::{LedgerEntry, Origin, Standing};
use crate::precedence::{Precedence, may_precede};

pub use begin::begin;
pub use guard::{Admission, Guard, Limits};
pub use observed::{Created, Made, Observed, Paused, Running, Shown, Situation};
pub use policy::{Mode, Policy, UnknownMode};
pub use step::{Call, Move, Question, Said, Step, Stopping, Told, give_up, step};

/// How far a remediation is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// A deployment is to blame; nothing was done yet.
    Attributed,
    /// The same culprit is answered under another problem.
    Joined {
        /// The problem under which it is answered.
        problem: String,
    },
    /// What will be done is decided and stored, and about to be done.
    Intended(Heal),
    /// The target is being deployed.
    UnderWay {
        /// What was decided.
        heal: Heal,
        /// The deployment that does it.
        deployment: String,
    },
    /// The target runs.
    Healed {
        /// What was decided.
        heal: Heal,
        /// The deployment that did it.
        deployment: String,
        /// When it had ended.
        at: Timestamp,
    },
    /// The problem ended after the target ran: the culprit was bad.
    Confirmed {
        /// What was decided.
        heal: Heal,
        /// The deployment that did it.
        deployment: String,
        /// When it had ended.
        at: Timestamp,
        /// When the problem had.
        closed: Timestamp,
    },
    /// The target runs, and nobody can say whether that ended the problem.
    Unconfirmed {
        /// What was decided.
        heal: Heal,
        /// The deployment that did it.
        deployment: String,
        /// When it had ended.
        at: Timestamp,
    },
    /// The target could not be deployed.
    HealFailed {
        /// What was decided.
        heal: Heal,
        /// The deployment that failed, where there was one.
        deployment: Option<String>,
        /// What CodeDeploy said.
        reason: String,
    },
    /// Everything was decided as if it were to be done, and nothing was.
    Shadowed(Heal),
    /// It must not be done.
    Refused(HealRefusal),
    /// It need not be done.
    NotNeeded(Needless),
    /// It could not be finished in time.
    GaveUp {
        /// What was decided, where something was.
        heal: Option<Heal>,
        /// The deployment that had not ended, where there was one.
        deployment: Option<String>,
    },
}

impl State {
    /// Whether nothing more is done or watched, whatever becomes of the
    /// culprit.
    pub fn is_final(&self) -> bool {
        match self {
            Self::Attributed
            | Self::Joined { .. }
            | Self::Intended(_)
            | Self::UnderWay { .. }
            | Self::Healed { .. } => false,
            Self::Confirmed { .. }
            | Self::Unconfirmed { .. }
            | Self::HealFailed { .. }
            | Self::Shadowed(_)
            | Self::Refused(_)
            | Self::NotNeeded(_)
            | Self::GaveUp { .. } => true,
        }
    }

    /// Whether a deployment was made to replace the culprit, however it ended.
    pub fn began_heal(&self) -> bool {
        match self {
            Self::UnderWay { .. }
            | Self::Healed { .. }
            | Self::Confirmed { .. }
            | Self::Unconfirmed { .. } => true,
            Self::HealFailed { deployment, .. } | Self::GaveUp { deployment, .. } => {
                deployment.is_some()
            }
            Self::Attributed
            | Self::Joined { .. }
            | Self::Intended(_)
            | Self::Shadowed(_)
            | Self::Refused(_)
            | Self::NotNeeded(_) => false,
        }
    }

    /// A word for answers and logs.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Attributed => "attributed",
            Self::Joined { .. } => "joined",
            Self::Intended(_) => "intended",
            Self::UnderWay { .. } => "deploying",
            Self::Healed { .. } => "healed",
            Self::Confirmed { .. } => "confirmed",
            Self::Unconfirmed { .. } => "unconfirmed",
            Self::HealFailed { .. } => "healFailed",
            Self::Shadowed(_) => "shadowed",
            Self::Refused(_) => "refused",
            Self::NotNeeded(_) => "notNeeded",
            Self::GaveUp { .. } => "gaveUp",
        }
    }
}

/// What is decided before anything is called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heal {
    /// What is put in the place of the culprit.
    pub remedy: Remedy,
    /// Who does it.
    pub by: Actor,
    /// Found in the description of the deployment that does it.
    pub marker: String,
    /// When it was decided.
    pub at: Timestamp,
}

/// Who puts something in the place of a culprit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Actor {
    /// We do.
    Ours,
    /// The platform that deploys, by a rollback of its own.
    #[serde(rename = "codeDeploy")]
    Platform,
}

/// What the marker of every heal of ours begins with.
pub const MARKER: &str = "[unbreakable:";

/// Whether what a deployment's maker wrote says that it is a heal of ours.
pub fn carries_marker(description: &str) -> bool {
    description.contains(MARKER)
}

/// What makes the deployment that answers a problem findable: by the problem
/// and by the culprit, which is answered once whatever the problem.
pub fn marker(problem: &str, culprit: &str) -> String {
    format!("{MARKER}{problem}{}", end_of_marker(culprit))
}

/// Whether what a deployment's maker wrote says that it answers this culprit,
/// whichever problem it was made for.
pub fn answers(description: &str, culprit: &str) -> bool {
    carries_marker(description) && description.contains(&end_of_marker(culprit))
}

fn end_of_marker(culprit: &str) -> String {
    format!(":{culprit}]")
}

/// The culprit that the marker of a heal of ours names.
pub fn named_in(description: &str) -> Option<&str> {
    let (_, marker) = description.split_once(MARKER)?;
    let (marker, _) = marker.split_once(']')?;
    let (_, culprit) = marker.rsplit_once(':')?;
    Some(culprit)
}

/// Why a heal must not be done. Displays as a sentence that says what a person
/// can do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HealRefusal {
    /// There is nothing that is known to be good.
    #[error(
        "no earlier revision of {group} is known to be good; deploy one by hand, or clear one in the ledger"
    )]
    NoTarget {
        /// The group.
        group: String,
    },
    /// The culprit is itself an answer to a problem.
    #[error(
        "deployment {deployment} is itself a heal, and a heal is never healed; a person has to look"
    )]
    HealOfHeal {
        /// The deployment.
        deployment: String,
    },
    /// The group was healed a moment ago.
    #[error("{group} was healed recently and is in cooldown until {until}; a person has to look")]
    Cooldown {
        /// The group.
        group: String,
        /// When it may be healed again.
        until: Timestamp,
    },
    /// The group was healed too often.
    #[error(
        "{group} was healed {count} times within {hours} hours, the most allowed; a person has to \
         look"
    )]
    TooOften {
        /// The group.
        group: String,
        /// How often.
        count: u32,
        /// Within how long.
        hours: i64,
    },
    /// Somebody has set the flag since, or has kept the change.
    #[error("{who} set or kept {flag} since, at {at}, and nobody's later word is overwritten")]
    ChangedSince {
        /// The flag.
        flag: String,
        /// Who.
        who: String,
        /// When.
        at: Timestamp,
    },
    /// What the flag was before is not known any more.
    #[error("what {flag} was before is not known any more; set it by hand")]
    NothingBefore {
        /// The flag.
        flag: String,
    },
    /// The flag is gone.
    #[error("{flag} is not declared any more")]
    Undeclared {
        /// The flag.
        flag: String,
    },
    /// Healing is switched off.
    #[error("healing is switched off (HEAL_MODE=off)")]
    SwitchedOff,
}

/// Why a heal need not be done.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Needless {
    /// The problem is over.
    #[error("the problem is already closed")]
    Closed,
    /// Something else runs by now.
    #[error("deployment {running} runs now, not {culprit}, which is to blame")]
    Replaced {
        /// What runs.
        running: String,
        /// What is to blame.
        culprit: String,
    },
    /// It never ran.
    #[error("deployment {culprit} changed no instance")]
    Untouched {
        /// The deployment.
        culprit: String,
    },
    /// It ended by itself.
    #[error("it has ended by itself")]
    Over,
    /// The problem began before the change.
    #[error("the problem began before {culprit}")]
    Older {
        /// The change.
        culprit: String,
    },
    /// The notification is too old to act on.
    #[error("the notification is {minutes} minutes old, too old to act on without a person")]
    Stale {
        /// Its age.
        minutes: i64,
    },
}

/// What a look at the world says about acting now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Look {
    /// Act.
    Act,
    /// Stop the culprit's own deployment first.
    StopFirst,
    /// This rollback of CodeDeploy is the heal.
    TakenBack {
        /// The deployment.
        by: String,
    },
    /// Another deployment runs; decide anew when it has ended.
    Wait,
    /// It need not be done.
    NotNeeded(Needless),
    /// It must not be done.
    Refused(HealRefusal),
}

/// What is true directly before acting.
#[derive(Clone, Debug)]
pub struct Scene<'a> {
    /// Whether the problem is open now.
    pub open: bool,
    /// When the problem began.
    pub began: Timestamp,
    /// When its notification arrived.
    pub noticed: Timestamp,
    /// What is to blame.
    pub culprit: &'a Change,
    /// What runs in the group.
    pub runs: Runs,
    /// Whether the culprit was stopped half-way for this problem: the group is
    /// then owed a whole revision, however old or over the problem is.
    pub stopped_half_way: bool,
    /// How old a notification may be.
    pub max_age: SignedDuration,
    /// Now.
    pub now: Timestamp,
}

/// What runs in a group, as seen from a culprit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Runs {
    /// The culprit, or its content under another id, on at least one instance.
    Culprit(Progress),
    /// The culprit never did: it changed no instance.
    Untouched,
    /// What CodeDeploy itself deploys in place of the culprit.
    Rollback {
        /// The deployment.
        id: String,
        /// When it had ended, unless it is under way.
        ended: Option<Timestamp>,
    },
    /// What somebody else deployed since.
    Another(String, Progress),
    /// Nothing of the culprit any more: it has ended by itself.
    Over,
    /// The culprit, and it must not be taken back, for this reason.
    Kept(HealRefusal),
}

impl Runs {
    /// The same where a rollback brings what is suspect or bad as well: its end
    /// is awaited, and then nothing is better than before.
    #[must_use]
    pub fn distrusted(self) -> Self {
        match self {
            Self::Rollback { id, ended: None } => Self::Another(id, Progress::Running),
            Self::Rollback { ended: Some(_), .. } => Self::Culprit(Progress::Ended),
            runs => runs,
        }
    }
}

/// How far a deployment is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// It is being deployed.
    Running,
    /// It has ended.
    Ended,
}

/// Looks before acting: nothing is done for a problem that is over, for what no
/// longer runs, or on old news. What CodeDeploy does is watched all the same.
pub fn look(scene: &Scene<'_>) -> Look {
    let culprit = scene.culprit;
    let precedes = may_precede(culprit.at(), scene.began) != Precedence::No;
    let is_cause = !culprit.is_heal() && precedes;
    if let Runs::Rollback { id, ended } = &scene.runs
        && is_cause
        // What had ended by then did not end the problem.
        && ended.is_none_or(|ended| scene.began <= ended)
    {
        return Look::TakenBack { by: id.clone() };
    }
    if !scene.open && !scene.stopped_half_way {
        return Look::NotNeeded(Needless::Closed);
    }
    if culprit.is_heal() {
        return Look::Refused(HealRefusal::HealOfHeal {
            deployment: culprit.id().to_owned(),
        });
    }
    if !precedes {
        return Look::NotNeeded(Needless::Older {
            culprit: culprit.id().to_owned(),
        });
    }
    let age = scene.now.duration_since(scene.noticed);
    if scene.max_age < age && !scene.stopped_half_way {
        return Look::NotNeeded(Needless::Stale {
            minutes: age.as_mins(),
        });
    }
    match &scene.runs {
        Runs::Culprit(Progress::Running) => Look::StopFirst,
        Runs::Culprit(Progress::Ended) => Look::Act,
        Runs::Untouched => Look::NotNeeded(Needless::Untouched {
            culprit: culprit.id().to_owned(),
        }),
        Runs::Over => Look::NotNeeded(Needless::Over),
        Runs::Kept(refusal) => Look::Refused(refusal.clone()),
        Runs::Rollback { ended: None, .. } | Runs::Another(_, Progress::Running) => Look::Wait,
        Runs::Rollback { id, ended: Some(_) } | Runs::Another(id, Progress::Ended) => {
            Look::NotNeeded(Needless::Replaced {
                running: id.clone(),
                culprit: culprit.id().to_owned(),
            })
        }
    }
}

/// The contents that are not deployed again: what is suspect or bad in any
/// group, and the culprit's own, by whatever they are known.
pub fn untrusted(
    history: &[LedgerEntry],
    culprit: &str,
    bad_elsewhere: &BTreeSet<String>,
) -> BTreeSet<String> {
    let speaks_against =
        |entry: &&LedgerEntry| entry.standing.is_against() || entry.deployment.id == culprit;
    let here = history.iter().filter(speaks_against);
    let mut untrusted: BTreeSet<String> = here
        .flat_map(|entry| entry.deployment.contents())
        .chain(bad_elsewhere.iter().cloned())
        .collect();
    // What is bad by its sources is so by its place, under which another
    // deployment may be known alone.
    let same = history
        .iter()
        .filter(|entry| !untrusted.is_disjoint(&entry.deployment.may_be()));
    let names: Vec<String> = same.flat_map(|entry| entry.deployment.contents()).collect();
    untrusted.extend(names);
    untrusted
}

/// A revision that could be deployed again, the best first.
///
/// `history` holds what the ledger knows of the group; a revision that passed
/// its validation comes before one about which nothing is known. Content that is
/// bad anywhere is a target nowhere, under whatever key or id.
pub fn targets<'a>(
    history: &'a [LedgerEntry],
    culprit: &str,
    bad_elsewhere: &BTreeSet<String>,
) -> Vec<&'a LedgerEntry> {
    let Some(blamed) = history.iter().find(|entry| entry.deployment.id == culprit) else {
        return Vec::new();
    };
    let bad = untrusted(history, culprit, bad_elsewhere);
    let mut targets: Vec<&LedgerEntry> = history
        .iter()
        .filter(|entry| entry.deployment.at < blamed.deployment.at)
        .filter(|entry| entry.deployment.origin == Origin::Release)
        .filter(|entry| bad.is_disjoint(&entry.deployment.may_be()))
        .collect();
    targets.sort_by_key(|entry| {
        let proven = entry.standing == Standing::Good;
        (
            std::cmp::Reverse(proven),
            std::cmp::Reverse(entry.deployment.at),
        )
    });
    targets
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::deployment::{Deployment, Group};

    fn minute(minute: i64) -> Timestamp {
        Timestamp::from_second(minute * 60).unwrap()
    }

    fn group() -> Group {
        Group {
            application: "App".to_owned(),
            name: "Production".to_owned(),
        }
    }

    fn culprit(origin: Origin) -> Change {
        Change::Deployment(Deployment {
            origin,
            ..entry("d-4", 40, "four", Standing::Suspect).deployment
        })
    }

    fn entry(id: &str, at: i64, identity: &str, standing: Standing) -> LedgerEntry {
        LedgerEntry {
            deployment: Deployment {
                id: id.to_owned(),
                group: group(),
                at: minute(at),
                execution: None,
                identity: identity.to_owned(),
                location: None,
                digest: None,
                version: id.to_owned(),
                origin: Origin::Release,
            },
            standing,
            taught_by: String::new(),
            bound_to: None,
        }
    }

    #[test]
    fn build_that_failed_under_no_digest_is_a_target_under_none() {
        let with = |mut entry: LedgerEntry, digest: &str| {
            entry.deployment.digest = Some(digest.to_owned());
            entry
        };
        let chosen = |bad: LedgerEntry| {
            let history = [
                entry("d-9", 90, "sources:App=9", Standing::Suspect),
                bad,
                with(entry("d-1", 10, "built:App=1", Standing::Unknown), "7c"),
            ];
            let targets = targets(&history, "d-9", &BTreeSet::new());
            targets.first().map(|target| target.deployment.id.clone())
        };
        let bad = entry("d-2", 20, "built:App=1", Standing::Bad);

        assert_eq!(chosen(bad.clone()), None);
        assert_eq!(chosen(with(bad.clone(), "7c")), None);
        assert_eq!(chosen(with(bad, "9f")).as_deref(), Some("d-1"));
    }

    fn chosen(history: &[LedgerEntry]) -> Vec<&str> {
        targets(history, "d-4", &BTreeSet::new())
            .into_iter()
            .map(|entry| entry.deployment.id.as_str())
            .collect()
    }

    #[test]
    fn proven_revision_comes_before_a_newer_unknown_one() {
        let history = [
            entry("d-4", 40, "four", Standing::Suspect),
            entry("d-3", 30, "three", Standing::Unknown),
            entry("d-2", 20, "two", Standing::Good),
            entry("d-1", 10, "one", Standing::Good),
        ];

        assert_eq!(chosen(&history), ["d-2", "d-1", "d-3"]);
    }

    #[test]
    fn bad_content_is_no_target_under_another_key() {
        let history = [
            entry("d-4", 40, "four", Standing::Suspect),
            entry("d-3", 30, "four", Standing::Good),
            entry("d-2", 20, "two", Standing::Bad),
            entry("d-1", 10, "two", Standing::Good),
            entry("d-0", 5, "zero", Standing::Suspect),
        ];

        assert!(chosen(&history).is_empty());
        let elsewhere = BTreeSet::from(["one".to_owned()]);
        let history = [
            entry("d-4", 40, "four", Standing::Suspect),
            entry("d-1", 10, "one", Standing::Good),
        ];
        assert!(targets(&history, "d-4", &elsewhere).is_empty());
    }

    #[test]
    fn content_that_is_bad_by_its_sources_is_no_target_by_its_place() {
        let at_place = |mut entry: LedgerEntry| {
            entry.deployment.location = Some("s3:bundles/one#".to_owned());
            entry
        };
        let history = [
            entry("d-4", 40, "four", Standing::Suspect),
            at_place(entry(
                "d-2",
                20,
                "location:s3:bundles/one#",
                Standing::Unknown,
            )),
            at_place(entry("d-1", 10, "one", Standing::Unknown)),
        ];
        let bad = BTreeSet::from(["one".to_owned()]);

        assert!(targets(&history, "d-4", &bad).is_empty());
        assert_eq!(chosen(&history), ["d-2", "d-1"]);
    }

    #[test]
    fn neither_heals_nor_later_deployments_are_targets() {
        let mut healed = entry("d-2", 20, "two", Standing::Good);
        healed.deployment.origin = Origin::Heal;
        let history = [
            entry("d-5", 50, "five", Standing::Good),
            entry("d-4", 40, "four", Standing::Suspect),
            healed,
        ];

        assert!(chosen(&history).is_empty());
        assert!(targets(&history, "d-unknown", &BTreeSet::new()).is_empty());
    }

    #[test]
    fn nothing_is_done_on_old_news_or_for_what_is_gone() {
        let release = culprit(Origin::Release);
        let heal = culprit(Origin::Heal);
        let facts = Scene {
            open: true,
            began: minute(45),
            noticed: minute(46),
            culprit: &release,
            runs: Runs::Culprit(Progress::Ended),
            stopped_half_way: false,
            max_age: SignedDuration::from_mins(30),
            now: minute(47),
        };
        assert_eq!(look(&facts), Look::Act);

        let closed = Scene {
            open: false,
            ..facts.clone()
        };
        assert_eq!(look(&closed), Look::NotNeeded(Needless::Closed));
        let older = Scene {
            began: minute(39),
            ..facts.clone()
        };
        assert!(matches!(
            look(&older),
            Look::NotNeeded(Needless::Older { .. })
        ));
        let stale = Scene {
            now: minute(77),
            ..facts.clone()
        };
        assert_eq!(
            look(&stale),
            Look::NotNeeded(Needless::Stale { minutes: 31 })
        );
        let owed = Scene {
            open: false,
            stopped_half_way: true,
            ..stale.clone()
        };
        assert_eq!(look(&owed), Look::Act, "half a deployment is no end");
        let replaced = Scene {
            runs: Runs::Another("d-5".to_owned(), Progress::Ended),
            ..facts.clone()
        };
        assert!(matches!(
            look(&replaced),
            Look::NotNeeded(Needless::Replaced { .. })
        ));
        let forward_fix = Scene {
            runs: Runs::Another("d-5".to_owned(), Progress::Running),
            ..facts.clone()
        };
        assert_eq!(look(&forward_fix), Look::Wait);
        let running = Scene {
            runs: Runs::Culprit(Progress::Running),
            ..facts.clone()
        };
        assert_eq!(look(&running), Look::StopFirst);
        let untouched = Scene {
            runs: Runs::Untouched,
            ..facts.clone()
        };
        assert!(matches!(
            look(&untouched),
            Look::NotNeeded(Needless::Untouched { .. })
        ));
        let of_heal = Scene {
            culprit: &heal,
            ..facts
        };
        assert!(matches!(
            look(&of_heal),
            Look::Refused(HealRefusal::HealOfHeal { .. })
        ));
    }

    #[test]
    fn rollback_of_codedeploy_is_the_heal_unless_it_is_no_better() {
        let release = culprit(Origin::Release);
        let rollback = |ended: Option<i64>| Runs::Rollback {
            id: "d-5".to_owned(),
            ended: ended.map(minute),
        };
        let looked = |runs: Runs, open: bool, now: i64| {
            look(&Scene {
                open,
                began: minute(45),
                noticed: minute(46),
                culprit: &release,
                runs,
                stopped_half_way: false,
                max_age: SignedDuration::from_mins(30),
                now: minute(now),
            })
        };
        let taken_back = Look::TakenBack {
            by: "d-5".to_owned(),
        };
        for ended in [None, Some(45), Some(50)] {
            for (open, now) in [(true, 51), (false, 51), (true, 100)] {
                assert_eq!(looked(rollback(ended), open, now), taken_back, "{ended:?}");
            }
        }
        let before = looked(rollback(Some(44)), true, 51);
        assert!(matches!(before, Look::NotNeeded(Needless::Replaced { .. })));

        assert_eq!(looked(rollback(None).distrusted(), true, 51), Look::Wait);
        let no_better = rollback(Some(50)).distrusted();
        assert_eq!(looked(no_better.clone(), true, 51), Look::Act);
        assert_eq!(
            looked(no_better, false, 51),
            Look::NotNeeded(Needless::Closed)
        );
    }
}
