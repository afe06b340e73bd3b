//! What the actions of a pipeline may have brought by other means than
//! CodeDeploy, told by how they are declared.

use std::collections::BTreeSet;

use delivery::pipeline::{Action, ActionKind, Stage, Structure};
use jiff::Timestamp;
use release::deployment::Group;
use release::otherwise::Otherwise;
use release::validation::Registrant;

use crate::execution::{Deployed, Released, deploys_to, is_before};

/// An action of a stage that surely deploys by other means than CodeDeploy, and
/// these means.
pub(super) fn deploys_otherwise(stage: &Stage) -> Option<(&Action, &str)> {
    stage.actions.iter().find_map(|action| match &action.kind {
        ActionKind::Deploy(provider) => Some((action, provider.as_str())),
        _ => None,
    })
}

/// The groups that are meant where nothing names one: those that the stage
/// deployed to before the registrant. There are none where anything before their
/// deployment, or beside it, may have brought the build by other means: what they
/// were given may be its tests.
pub(super) fn unnamed(
    structure: &Structure,
    registrant: &Registrant,
    stage: &Stage,
) -> BTreeSet<Group> {
    let actions = stage.actions.iter();
    let before =
        actions.filter(|action| is_before(structure, registrant, &stage.name, &action.name));
    let deployed: Vec<(i32, Group)> = before
        .filter_map(|action| Some((action.run_order, deploys_to(action)?)))
        .collect();
    let may_have_deployed = |action: &Action| match action.kind {
        ActionKind::Deploy(_) => true,
        // What makes an artifact is a build.
        ActionKind::Lambda(_) | ActionKind::Other => {
            let mut orders = deployed.iter().map(|(order, _)| *order);
            action.outputs.is_empty() && orders.any(|order| action.run_order <= order)
        }
        ActionKind::Approval
        | ActionKind::Source
        | ActionKind::CodeDeploy(_)
        | ActionKind::Test => false,
    };
    if stage.actions.iter().any(may_have_deployed) {
        return BTreeSet::new();
    }
    deployed.into_iter().map(|(_, group)| group).collect()
}

/// The actions up to the registrant's stage that may have brought the build to
/// the source environment by other means than CodeDeploy, and since when it is
/// there by them. Where deployments are known, those count that deploy beside
/// them.
pub(super) fn brought(
    released: &Released<'_>,
    registrant: &Registrant,
    deployed: &[Deployed],
    now: Timestamp,
) -> Vec<Otherwise> {
    let stages = released.structure.stages.as_slice();
    let position = |name: &str| stages.iter().position(|declared| declared.name == name);
    let Registrant::Action { stage, action } = registrant else {
        return Vec::new();
    };
    let Some(own) = position(stage) else {
        return Vec::new();
    };
    let up_to = Stages {
        stages: &stages[..=own],
        registrant: action,
    };
    let found = if deployed.is_empty() {
        up_to.may_deploy()
    } else {
        let first = deployed.iter().filter_map(|one| position(&one.stage)).min();
        up_to.pick(first.unwrap_or(own), surely)
    };
    let found = found.into_iter().map(|(stage, action)| {
        let runs = released.runs.iter();
        let ours = runs.filter(|run| run.stage == stage.name && run.action == action.name);
        Otherwise {
            stage: stage.name.clone(),
            action: action.name.clone(),
            since: ours.map(|run| run.started).max().unwrap_or(now),
        }
    });
    found.collect()
}

/// The stages of a pipeline up to that of the registrant.
struct Stages<'a> {
    stages: &'a [Stage],
    registrant: &'a str,
}

fn surely(action: &Action) -> bool {
    matches!(action.kind, ActionKind::Deploy(_))
}

/// Whatever it runs, it makes no artifact, so it is no build.
fn perhaps(action: &Action) -> bool {
    action.kind == ActionKind::Other && action.outputs.is_empty()
}

impl<'a> Stages<'a> {
    /// What may have deployed, whatever else did:
    ///
    /// | The pipeline has | Then |
    /// |---|---|
    /// | deploy actions | those since the approval before the last of them, as what is approved is another environment, and scripts of later stages |
    /// | scripts that make no artifact | those of the last stage that has any, and functions of the own stage |
    /// | neither | functions of the own stage, else its tests, else the last builds |
    fn may_deploy(&self) -> Vec<(&'a Stage, &'a Action)> {
        let own = self.stages.len() - 1;
        if let Some(last) = self.last(surely) {
            let approvals = |action: &Action| action.kind == ActionKind::Approval;
            let before = Stages {
                stages: &self.stages[..last],
                ..*self
            };
            let first = before.last(approvals).map_or(0, |approval| approval + 1);
            let mut found = self.pick(first, surely);
            found.extend(self.pick(last + 1, perhaps));
            return found;
        }
        let mut found = self.pick(own, |action| self.is_function(action));
        if let Some(last) = self.last(perhaps) {
            found.extend(self.pick(last, perhaps));
        }
        if found.is_empty() {
            found = self.pick(own, |action| action.kind == ActionKind::Test);
        }
        let builds = |action: &Action| action.kind == ActionKind::Other;
        match self.last(builds) {
            Some(last) if found.is_empty() => self.pick(last, builds),
            _ => found,
        }
    }

    /// A function that is done before the registrant begins.
    fn is_function(&self, action: &Action) -> bool {
        let own = self.stages.iter().flat_map(|stage| &stage.actions);
        let mut own = own.filter(|declared| declared.name == self.registrant);
        matches!(action.kind, ActionKind::Lambda(_))
            && own.any(|own| action.run_order < own.run_order)
    }

    /// The last stage with such an action.
    fn last(&self, is_such: impl Fn(&Action) -> bool) -> Option<usize> {
        let has = |stage: &Stage| stage.actions.iter().any(&is_such);
        self.stages.iter().rposition(has)
    }

    /// Such actions from a stage on.
    fn pick(&self, from: usize, is_such: impl Fn(&Action) -> bool) -> Vec<(&'a Stage, &'a Action)> {
        let stages = self.stages.iter().skip(from);
        let actions =
            stages.flat_map(|stage| stage.actions.iter().map(move |action| (stage, action)));
        actions.filter(|(_, action)| is_such(action)).collect()
    }
}
