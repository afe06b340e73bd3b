//! Whether what is registered is of this attempt, or is still to come.
//!
//! A stage that is retried runs some or all of its actions again, in the same
//! execution. What they registered before must not be published as if it were
//! new, so the slots are read after the history of the actions, and both are
//! compared:
//!
//! | Row | Registered, of what is meant | History of the action that registers it | Waited for | Answer |
//! |---|---|---|---|---|
//! | `begun` | one or none | its last run is under way | – | awaited |
//! | `again` | one or none | its last run is of an earlier attempt, and it begins together with this action | under a minute | awaited: it may begin again |
//! | `begins` | one or none | no run, and it begins before or with this action | under a minute | awaited: it may begin |
//! | `earlier` | one | its last run failed or was abandoned | – | refused: it is of an earlier attempt |
//! | `it` | one | anything else, or it is no action | – | it |
//! | `none` | none | anything else | – | refused, with what there is |
//! | `several` | several | – | – | refused, with what there is |
//!
//! A minute is for CodePipeline, whose history lags behind what it begins: of
//! two actions that begin together, one may look before the other is shown. An
//! action that has not begun after that was left alone by the retry.
//!
//! A job that names no action means any that invokes a function, other than the
//! function that publishes: two that publish would wait for each other.

use delivery::pipeline::{Action, ActionKind, ActionRun, RunStatus, Stage, Structure};
use jiff::SignedDuration;
use release::validation::Registrant;
use store::Slot;

use super::wanted::{Wanted, ambiguous, earlier, nothing};
use crate::Refusal;
use crate::execution::run_order;

/// How long after the first job an action may begin that begins together with
/// this one.
const BEGINS_WITHIN: SignedDuration = SignedDuration::from_mins(1);

/// A run of the action that publishes, and what it sees of the others.
#[derive(Clone)]
pub(super) struct Attempt {
    pub(super) stage: String,
    pub(super) action: String,
    pub(super) structure: Structure,
    /// The runs of this execution, the newest first.
    pub(super) runs: Vec<ActionRun>,
}

/// How what is meant stands.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum SlotState<'a> {
    /// It is registered.
    Registered(&'a Slot),
    /// It may still be; this says what is waited for.
    Awaited(String),
}

/// How what is meant stands after this long. Without an attempt nothing more is
/// to come.
pub(super) fn slot_state<'a>(
    wanted: &Wanted,
    slots: &'a [Slot],
    attempt: Option<&Attempt>,
    waited: SignedDuration,
) -> Result<SlotState<'a>, Refusal> {
    let found = wanted.among(slots);
    let found = match found.as_slice() {
        [] => None,
        [slot] => Some(*slot),
        several => return Err(ambiguous(wanted, several)),
    };
    if let Some((stage, action)) = attempt.and_then(|attempt| attempt.coming(wanted, found, waited))
    {
        let place = format!("the action `{action}` of stage `{stage}`");
        return Ok(SlotState::Awaited(match found {
            Some(_) => format!("{place} may register another validation in this attempt"),
            None if wanted.names(stage, action) => {
                format!("{wanted} has not registered a validation yet")
            }
            None => format!("nothing is registered for {wanted} yet, and {place} may do so"),
        }));
    }
    match found {
        None => Err(nothing(wanted, slots)),
        Some(slot) if attempt.is_some_and(|attempt| attempt.failed(slot)) => Err(earlier(slot)),
        Some(slot) => Ok(SlotState::Registered(slot)),
    }
}

impl Attempt {
    /// The action that may register, or register again, what is meant.
    fn coming(
        &self,
        wanted: &Wanted,
        found: Option<&Slot>,
        waited: SignedDuration,
    ) -> Option<(&str, &str)> {
        let declared = self.structure.stages.iter().flat_map(|stage| {
            let actions = stage.actions.iter();
            actions.map(move |action| (stage, action))
        });
        declared
            .filter(|(stage, action)| self.may_register(wanted, stage, action))
            .filter(|(stage, action)| match found {
                None => true,
                Some(slot) => wanted.names(&stage.name, &action.name) || is_by(slot, stage, action),
            })
            .find(|(stage, action)| self.may_begin(stage, action, waited))
            .map(|(stage, action)| (&*stage.name, &*action.name))
    }

    /// Whether an action may be the one that registers what is meant.
    fn may_register(&self, wanted: &Wanted, stage: &Stage, action: &Action) -> bool {
        let ActionKind::Lambda(function) = &action.kind else {
            return false;
        };
        if self.own_function() == Some(function) {
            return false;
        }
        let is = |given: &Option<String>, found: &str| {
            given.as_deref().is_none_or(|given| given == found)
        };
        match wanted {
            Wanted::Named(name) if self.declares(name) => *name == action.name,
            Wanted::Named(_) => true,
            Wanted::Described {
                stage: within,
                action: named,
                ..
            } => is(within, &stage.name) && is(named, &action.name),
        }
    }

    /// Whether a run of the action is under way, or may be about to.
    fn may_begin(&self, stage: &Stage, action: &Action, waited: SignedDuration) -> bool {
        let is_own_stage = stage.name == self.stage;
        let own_order = run_order(stage, &self.action);
        let begins_with = is_own_stage && own_order == Some(action.run_order);
        let begins_by = is_own_stage && Some(action.run_order) <= own_order;
        match self.latest(&stage.name, &action.name) {
            Some(run) if run.status == RunStatus::InProgress => true,
            Some(run) => begins_with && waited < BEGINS_WITHIN && self.is_earlier(run),
            None => begins_by && waited < BEGINS_WITHIN,
        }
    }

    /// Whether a run that has ended is of an earlier attempt: it began before
    /// the last run of this action had ended.
    fn is_earlier(&self, run: &ActionRun) -> bool {
        let own = |run: &&ActionRun| run.stage == self.stage && run.action == self.action;
        let mut ended = self
            .runs
            .iter()
            .filter(own)
            .filter(|run| run.status != RunStatus::InProgress);
        ended
            .next()
            .is_some_and(|last| run.started <= last.updated.unwrap_or(last.started))
    }

    /// Whether the action that registered it failed since.
    fn failed(&self, slot: &Slot) -> bool {
        let Registrant::Action { stage, action } = &slot.registrant else {
            return false;
        };
        self.latest(stage, action)
            .is_some_and(|run| matches!(run.status, RunStatus::Failed | RunStatus::Abandoned))
    }

    fn latest(&self, stage: &str, action: &str) -> Option<&ActionRun> {
        self.runs
            .iter()
            .find(|run| run.stage == stage && run.action == action)
    }

    fn declares(&self, name: &str) -> bool {
        let mut actions = self
            .structure
            .stages
            .iter()
            .flat_map(|stage| &stage.actions);
        actions.any(|action| action.name == name)
    }

    fn own_function(&self) -> Option<&String> {
        let stages = self.structure.stages.iter();
        let own = stages
            .filter(|stage| stage.name == self.stage)
            .flat_map(|stage| &stage.actions)
            .find(|action| action.name == self.action)?;
        match &own.kind {
            ActionKind::Lambda(function) => Some(function),
            _ => None,
        }
    }
}

fn is_by(slot: &Slot, stage: &Stage, action: &Action) -> bool {
    matches!(&slot.registrant, Registrant::Action { stage: of, action: by }
        if *of == stage.name && *by == action.name)
}

#[cfg(test)]
mod tests {
    use delivery::pipeline::Mode;
    use jiff::Timestamp;
    use release::validation::ValidationId;

    use std::collections::BTreeSet;

    use super::*;

    /// The file that the table is in.
    const TABLE: &str = include_str!("attempt.rs");

    const SECOND: SignedDuration = SignedDuration::from_secs(1);

    /// A slot of the action that registers, in a stage.
    fn registered(stage: &str) -> Slot {
        Slot {
            id: ValidationId::new(Timestamp::UNIX_EPOCH, [0; 10]),
            registrant: Registrant::Action {
                stage: stage.to_owned(),
                action: "Register".to_owned(),
            },
            comparison: "Yesterday".to_owned(),
        }
    }

    /// A run from one second to another, or until now.
    fn run(action: &str, status: RunStatus, began: i64, ended: Option<i64>) -> ActionRun {
        let at = |second| Timestamp::from_second(second).unwrap();
        ActionRun {
            execution: "e-1".to_owned(),
            id: format!("{action}-{began}"),
            stage: "Staging".to_owned(),
            action: action.to_owned(),
            status,
            kind: ActionKind::Other,
            inputs: Vec::new(),
            started: at(began),
            updated: ended.map(at),
            updated_by: None,
            external_id: None,
            token: None,
            summary: None,
        }
    }

    /// `Publish` in *Staging*, whose run began at second 100 and whose earlier
    /// attempt took from second 10 to 20, and an action that registers at this
    /// place in the order.
    fn attempt(order: i32, register: Option<ActionRun>, earlier: bool) -> Attempt {
        let action = |name: &str, function: &str, run_order| Action {
            user_parameters: String::new(),
            name: name.to_owned(),
            kind: ActionKind::Lambda(function.to_owned()),
            run_order,
            inputs: Vec::new(),
            outputs: Vec::new(),
        };
        let stage = |name: &str, actions| Stage {
            name: name.to_owned(),
            actions,
        };
        let mut runs = vec![run("Publish", RunStatus::InProgress, 100, None)];
        runs.extend(register);
        if earlier {
            runs.push(run("Publish", RunStatus::Failed, 10, Some(20)));
        }
        runs.sort_by_key(|run| std::cmp::Reverse(run.started));
        Attempt {
            stage: "Staging".to_owned(),
            action: "Publish".to_owned(),
            structure: Structure {
                mode: Mode::Superseded,
                stages: vec![
                    stage(
                        "Staging",
                        vec![
                            action("Publish", "publish", 2),
                            action("Again", "publish", 2),
                            action("Register", "register", order),
                        ],
                    ),
                    stage("Production", vec![action("Register", "register", 1)]),
                ],
            },
            runs,
        }
    }

    fn named() -> Wanted {
        Wanted::Named("Register".to_owned())
    }

    fn compared() -> Wanted {
        Wanted::Described {
            stage: None,
            action: None,
            comparison: Some("Yesterday".to_owned()),
        }
    }

    /// The answer in one word.
    fn word(
        wanted: &Wanted,
        slots: &[Slot],
        attempt: Option<&Attempt>,
        waited: SignedDuration,
    ) -> &'static str {
        match slot_state(wanted, slots, attempt, waited) {
            Ok(SlotState::Registered(_)) => "it",
            Ok(SlotState::Awaited(_)) => "awaited",
            Err(_) => "refused",
        }
    }

    #[test]
    fn verdict_of_an_earlier_attempt_is_never_the_answer() {
        use RunStatus::{Abandoned, Failed, InProgress, Succeeded};

        let beside = 2;
        let young = SignedDuration::ZERO;
        let late = BEGINS_WITHIN;
        let before = |status| Some(run("Register", status, 10, Some(12)));
        let now = |status| Some(run("Register", status, 101, Some(102)));
        // The row for one that is registered, and for none; the order, the last
        // run, a retry, the time that was waited; the answers for both.
        let nearly = BEGINS_WITHIN - SECOND;
        #[rustfmt::skip]
        let cases = [
            ("begun", "begun", beside, now(InProgress), false, late, "awaited", "awaited"),
            ("begun", "begun", 1, now(InProgress), true, late, "awaited", "awaited"),
            ("begun", "begun", 3, now(InProgress), true, late, "awaited", "awaited"),
            ("again", "again", beside, before(Succeeded), true, young, "awaited", "awaited"),
            ("again", "again", beside, before(Failed), true, nearly, "awaited", "awaited"),
            ("it", "none", beside, before(Succeeded), true, late, "it", "refused"),
            ("earlier", "none", beside, before(Failed), true, late, "refused", "refused"),
            ("earlier", "none", beside, before(Abandoned), true, late, "refused", "refused"),
            ("it", "none", 1, before(Succeeded), true, young, "it", "refused"),
            ("earlier", "none", 1, before(Failed), true, young, "refused", "refused"),
            ("it", "none", beside, now(Succeeded), true, young, "it", "refused"),
            ("earlier", "none", beside, now(Failed), true, young, "refused", "refused"),
            ("it", "none", beside, now(Succeeded), false, young, "it", "refused"),
            ("begins", "begins", beside, None, false, young, "awaited", "awaited"),
            ("begins", "begins", 1, None, false, young, "awaited", "awaited"),
            ("it", "none", beside, None, false, late, "it", "refused"),
            ("it", "none", 3, None, false, young, "it", "refused"),
        ];
        // Several are refused by a test of their own.
        let mut named_rows = BTreeSet::from(["several"]);
        for (row, row_of_none, order, register, retried, waited, one, none) in cases {
            named_rows.extend([row, row_of_none]);
            let case = format!("{row} {order} {register:?} {retried} {waited}");
            let attempt = attempt(order, register, retried);
            for wanted in [named(), compared()] {
                let slots = [registered("Staging")];
                let answer = |slots: &[Slot]| word(&wanted, slots, Some(&attempt), waited);
                assert_eq!(answer(&slots), one, "one for {wanted}: {case}");
                assert_eq!(answer(&[]), none, "none for {wanted}: {case}");
            }
        }
        let rows = TABLE
            .lines()
            .filter_map(|line| line.strip_prefix("//! | `")?.split('`').next());
        assert_eq!(named_rows, rows.collect());
    }

    #[test]
    fn what_was_seen_in_this_attempt_is_looked_for_no_more() {
        let slots = [registered("Staging"), registered("Production")];

        assert_eq!(word(&compared(), &slots[..1], None, SECOND), "it");
        assert_eq!(word(&compared(), &slots, None, SECOND), "refused");
        assert_eq!(word(&compared(), &[], None, SECOND), "refused");
    }

    #[test]
    fn several_are_refused_whoever_may_still_register() {
        let attempt = attempt(2, None, false);
        let slots = [registered("Staging"), registered("Production")];

        assert_eq!(word(&named(), &slots, Some(&attempt), SECOND), "refused");
    }

    #[test]
    fn action_that_is_named_is_awaited_although_a_namesake_has_registered() {
        let attempt = attempt(
            2,
            Some(run("Register", RunStatus::InProgress, 101, None)),
            false,
        );
        let slots = [registered("Production")];

        assert_eq!(word(&named(), &slots, Some(&attempt), SECOND), "awaited");
        assert_eq!(word(&compared(), &slots, Some(&attempt), SECOND), "it");
    }

    #[test]
    fn two_that_publish_do_not_wait_for_each_other() {
        let mut attempt = attempt(3, None, false);
        let again = run("Again", RunStatus::InProgress, 100, None);
        attempt.runs.push(again);

        for wanted in [compared(), Wanted::Named("Again".to_owned())] {
            assert_eq!(word(&wanted, &[], Some(&attempt), SECOND), "refused");
        }
    }
}
