//! What the registering actions of a pipeline will run into, before any runs.

use std::collections::BTreeSet;

use delivery::pipeline::{Action, ActionKind, Stage, Structure};
use release::behind::Behind;
use release::deployment::Group;
use release::grouping::{behind_compared, behind_sources};
use release::validation::Registrant;

use super::pipeline::{approval, has_its_place, named, place_of};
use super::spec::{self, Accepted};
use super::{Refusal, parameters};
use crate::execution::{Released, is_before};
use crate::fetched_spec;
use crate::overlap::windows_are_apart;

/// What the function is called by a stack that took over the tutorial's names.
const NAME_OF_2018: &str = "registerDynatraceBuildValidation";

/// The variable that every action may be given, and what it stands for here.
const EXECUTION: (&str, &str) = ("#{codepipeline.PipelineExecutionId}", "execution");

/// A registering action.
#[derive(Debug)]
pub struct Rehearsed {
    /// The stage.
    pub stage: String,
    /// The action.
    pub action: String,
    /// What it will register, or why it will be refused.
    pub outcome: Result<Planned, Refusal>,
}

/// What an action will register.
#[derive(Debug)]
pub struct Planned {
    /// The comparison.
    pub comparison: String,
    /// The approval that is answered, if one is.
    pub approval: Option<String>,
    /// Which groups are behind each environment.
    pub environments: Vec<BehindOne>,
}

/// The groups behind one environment.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct BehindOne {
    /// The environment.
    pub environment: String,
    /// What it is for the comparison.
    pub role: Role,
    /// All that may be behind it.
    pub groups: BTreeSet<Group>,
    /// Whether every one of them surely is.
    pub told_apart: bool,
}

/// What an environment is for a comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// It is judged.
    Source,
    /// It is the baseline.
    Compare,
}

/// Looks at every registering action of a pipeline as a registration would, with
/// the text of the monspec that they are given.
pub fn rehearse(name: &str, structure: &Structure, text: &str, listed: &Behind) -> Vec<Rehearsed> {
    let spec = fetched_spec::read(text.to_owned()).and_then(spec::accepted);
    let stages = structure.stages.iter();
    let actions = stages.flat_map(|stage| stage.actions.iter().map(move |action| (stage, action)));
    actions
        .filter(|(_, action)| registers(action))
        .map(|(stage, action)| Rehearsed {
            stage: stage.name.clone(),
            action: action.name.clone(),
            outcome: planned((name, structure), stage, action, &spec, listed),
        })
        .collect()
}

fn registers(action: &Action) -> bool {
    match &action.kind {
        ActionKind::Lambda(name) => name.ends_with("register-validation") || name == NAME_OF_2018,
        _ => false,
    }
}

fn planned(
    (name, structure): (&str, &Structure),
    stage: &Stage,
    action: &Action,
    spec: &Result<Accepted, Refusal>,
    listed: &Behind,
) -> Result<Planned, Refusal> {
    let written = action.user_parameters.replace(EXECUTION.0, EXECUTION.1);
    let parameters = parameters::of_job(&written).map_err(Refusal::configuration)?;
    if parameters.monspec.is_none() && action.inputs.len() != 1 {
        return Err(Refusal::configuration(format!(
            "it has {} input artifacts; give it the one that holds the monspec",
            action.inputs.len()
        )));
    }
    let spec = spec.as_ref().map_err(Refusal::clone)?;
    let comparison = spec.comparison(parameters.comparison.as_deref())?;
    let compared = spec.monspec.compared(comparison);
    windows_are_apart(&compared, parameters.length).map_err(Refusal::configuration)?;

    let registrant = Registrant::Action {
        stage: stage.name.clone(),
        action: action.name.clone(),
    };
    let answered = parameters.approval.as_deref();
    let answered = answered
        .map(|wanted| approval(name, structure, wanted))
        .transpose()?;
    if let Some(answered) = &answered
        && is_before(structure, &registrant, &answered.stage, &answered.action)
    {
        return Err(Refusal::configuration(format!(
            "the approval `{}` comes before it; move the approval behind it",
            answered.action
        )));
    }
    let undone = Released {
        structure,
        execution: EXECUTION.1,
        sources: &[],
        runs: &[],
    };
    let known = undone.groups();
    let place = place_of(structure, &registrant, stage);
    let named = named(&compared, listed, &known, &place);
    has_its_place(structure, &registrant, stage, &named)?;
    let mut environments = BTreeSet::new();
    for one in &compared {
        let (entry, comparison) = one;
        let source = behind_sources(std::slice::from_ref(one), listed, &known, &place);
        environments.insert(BehindOne {
            environment: comparison.source.clone(),
            role: Role::Source,
            groups: source.groups,
            told_apart: source.told_apart,
        });
        if let Some(environment) = &comparison.compare {
            let groups = behind_compared(entry, comparison, listed, &known, &place);
            environments.insert(BehindOne {
                environment: environment.clone(),
                role: Role::Compare,
                // A baseline may be that of several.
                told_apart: true,
                groups,
            });
        }
    }
    Ok(Planned {
        comparison: comparison.to_owned(),
        approval: answered.map(|answered| answered.action),
        environments: environments.into_iter().collect(),
    })
}
