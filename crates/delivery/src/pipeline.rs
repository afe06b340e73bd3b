//! The structure of a pipeline, its executions and what their actions did.

use std::collections::BTreeSet;

use aws_sdk_codepipeline::types::{
    ActionCategory, ActionExecutionDetail, ActionExecutionFilter, ActionExecutionInput,
    ArtifactDetail, ExecutionMode, ExecutionType, PipelineExecution, StageDeclaration,
};
use jiff::Timestamp;
use secrecy::SecretString;

use crate::error::sorted;
use crate::moment::timestamp;
use crate::{CodePipeline, DeliveryError};

/// Pages of one execution's actions that are read before giving up on more: a
/// thousand action executions.
const PAGES: usize = 10;

/// Pages of all executions' actions that are read: two thousand.
const PAGES_OF_ALL: usize = 20;

/// A pipeline as it is declared now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Structure {
    /// How executions pass each other.
    pub mode: Mode,
    /// The stages in order.
    pub stages: Vec<Stage>,
}

/// How executions of a pipeline pass each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// A newer one overtakes a waiting one between stages.
    Superseded,
    /// They queue.
    Queued,
    /// They do not know of each other.
    Parallel,
}

/// A stage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stage {
    /// Its name.
    pub name: String,
    /// Its actions.
    pub actions: Vec<Action>,
}

/// An action of a stage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Action {
    /// Its name, unique within the stage.
    pub name: String,
    /// What it does.
    pub kind: ActionKind,
    /// Its place in the stage's order.
    pub run_order: i32,
    /// What its author hands to a Lambda function; variables are not resolved.
    pub user_parameters: String,
    /// The artifacts it takes.
    pub inputs: Vec<String>,
    /// The artifacts it makes.
    pub outputs: Vec<String>,
}

/// What an artifact was made from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Roots<'a> {
    /// The artifacts of the sources behind it.
    pub sources: BTreeSet<&'a str>,
    /// Whether anything was built on the way.
    pub built: bool,
}

/// What an action does, as far as this product cares.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ActionKind {
    /// Waits for somebody to approve.
    Approval,
    /// Brings what is released.
    Source,
    /// Deploys to a CodeDeploy group.
    CodeDeploy(Target),
    /// Deploys by the service of this name.
    Deploy(String),
    /// Invokes the Lambda function of this name.
    Lambda(String),
    /// Tests something.
    Test,
    /// Anything else.
    Other,
}

/// A CodeDeploy application and group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// The application.
    pub application: String,
    /// The deployment group.
    pub group: String,
}

/// One execution of a pipeline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Execution {
    /// Its id.
    pub id: String,
    /// CodePipeline's word for how it stands.
    pub status: String,
    /// Whether it brings something new.
    pub kind: ExecutionKind,
    /// What it releases.
    pub sources: Vec<Source>,
}

/// Whether an execution brings something new.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExecutionKind {
    /// It releases.
    Standard,
    /// It takes a stage back.
    Rollback,
}

/// A revision that an execution releases.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// The artifact.
    pub name: String,
    /// The revision.
    pub revision: String,
    /// What its author said of it.
    pub summary: Option<String>,
}

/// One run of an action.
#[derive(Clone, Debug)]
pub struct ActionRun {
    /// The execution it belongs to.
    pub execution: String,
    /// Its own id; a retry has another one.
    pub id: String,
    /// The stage.
    pub stage: String,
    /// The action.
    pub action: String,
    /// How it stands.
    pub status: RunStatus,
    /// What it does.
    pub kind: ActionKind,
    /// The artifacts it was given.
    pub inputs: Vec<Artifact>,
    /// When it began.
    pub started: Timestamp,
    /// When it last changed.
    pub updated: Option<Timestamp>,
    /// Who changed it last.
    pub updated_by: Option<String>,
    /// The id at the service that does the work.
    pub external_id: Option<String>,
    /// What answers an approval of a parallel pipeline.
    pub token: Option<SecretString>,
    /// What the service, or the person, said.
    pub summary: Option<String>,
}

/// An artifact that an action was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Artifact {
    /// Its name in the pipeline.
    pub name: Option<String>,
    /// The bucket and key where it lies.
    pub place: Option<(String, String)>,
}

/// How the run of an action stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RunStatus {
    /// It runs or waits.
    InProgress,
    /// It succeeded, or was approved.
    Succeeded,
    /// It failed, or was rejected.
    Failed,
    /// It was abandoned.
    Abandoned,
}

impl Structure {
    /// What artifacts were made from, through builds with all that these take;
    /// nothing if that cannot be told of every one.
    pub fn roots<'a>(&'a self, artifacts: impl IntoIterator<Item = &'a str>) -> Option<Roots<'a>> {
        let mut roots = Roots::default();
        let mut seen = BTreeSet::new();
        let mut left: Vec<&str> = artifacts.into_iter().collect();
        while let Some(artifact) = left.pop() {
            if !seen.insert(artifact) {
                continue;
            }
            let mut actions = self.stages.iter().flat_map(|stage| &stage.actions);
            let maker =
                actions.find(|action| action.outputs.iter().any(|made| made == artifact))?;
            if maker.kind == ActionKind::Source {
                roots.sources.insert(artifact);
            } else if maker.inputs.is_empty() {
                return None;
            } else {
                roots.built = true;
                left.extend(maker.inputs.iter().map(String::as_str));
            }
        }
        (!roots.sources.is_empty()).then_some(roots)
    }
}

impl Execution {
    /// Whether the execution can reach no other action any more. One that
    /// failed can: somebody may retry the stage.
    pub fn is_over(&self) -> bool {
        matches!(
            self.status.as_str(),
            "Succeeded" | "Superseded" | "Stopped" | "Cancelled"
        )
    }
}

impl CodePipeline {
    /// How the pipeline is declared.
    pub async fn structure(&self, pipeline: &str) -> Result<Structure, DeliveryError> {
        let found = self
            .client
            .get_pipeline()
            .name(pipeline)
            .send()
            .await
            .map_err(|error| sorted("read the pipeline", error))?;
        let declared = found.pipeline;
        let mode = match declared
            .as_ref()
            .and_then(|pipeline| pipeline.execution_mode.as_ref())
        {
            Some(ExecutionMode::Parallel) => Mode::Parallel,
            Some(ExecutionMode::Queued) => Mode::Queued,
            _ => Mode::Superseded,
        };
        let stages = declared.map(|pipeline| pipeline.stages).unwrap_or_default();
        Ok(Structure {
            mode,
            stages: stages.into_iter().map(stage).collect(),
        })
    }

    /// One execution.
    pub async fn execution(&self, pipeline: &str, id: &str) -> Result<Execution, DeliveryError> {
        let found = self
            .client
            .get_pipeline_execution()
            .pipeline_name(pipeline)
            .pipeline_execution_id(id)
            .send()
            .await
            .map_err(|error| sorted("read the pipeline execution", error))?;
        Ok(execution(id, found.pipeline_execution))
    }

    /// The execution that is in this stage now. Of a pipeline whose executions
    /// run in parallel this says nothing.
    pub async fn execution_in_stage(
        &self,
        pipeline: &str,
        stage: &str,
    ) -> Result<Option<String>, DeliveryError> {
        let state = self.state(pipeline).await?;
        Ok(state
            .into_iter()
            .find(|found| found.stage_name.as_deref() == Some(stage))
            .and_then(|found| found.latest_execution)
            .map(|latest| latest.pipeline_execution_id))
    }

    /// What the actions of one execution did, the newest first.
    pub async fn runs(
        &self,
        pipeline: &str,
        execution: &str,
    ) -> Result<Vec<ActionRun>, DeliveryError> {
        let filter = ActionExecutionFilter::builder()
            .pipeline_execution_id(execution)
            .build();
        let mut pages = self
            .client
            .list_action_executions()
            .pipeline_name(pipeline)
            .filter(filter)
            .max_results(100)
            .into_paginator()
            .send();
        let mut runs = Vec::new();
        for _ in 0..PAGES {
            let Some(page) = pages.next().await else {
                break;
            };
            let page =
                page.map_err(|error| sorted("read what the execution's actions did", error))?;
            runs.extend(page.action_execution_details().iter().filter_map(run));
        }
        runs.sort_by_key(|run| std::cmp::Reverse(run.started));
        Ok(runs)
    }

    /// What the pipeline's actions did since a moment, over all executions, the
    /// newest first. A pipeline that did more than can be read is out of reach:
    /// half of its history would be a wrong answer.
    pub async fn runs_since(
        &self,
        pipeline: &str,
        since: Timestamp,
    ) -> Result<Vec<ActionRun>, DeliveryError> {
        const ACTION: &str = "read what the pipeline did";
        let mut pages = self
            .client
            .list_action_executions()
            .pipeline_name(pipeline)
            .max_results(100)
            .into_paginator()
            .send();
        let mut runs = Vec::new();
        for _ in 0..PAGES_OF_ALL {
            let Some(page) = pages.next().await else {
                runs.sort_by_key(|run: &ActionRun| std::cmp::Reverse(run.started));
                return Ok(runs);
            };
            let page = page.map_err(|error| sorted(ACTION, error))?;
            let found: Vec<ActionRun> = page
                .action_execution_details()
                .iter()
                .filter_map(run)
                .collect();
            let reached = found.iter().any(|run| run.started < since);
            runs.extend(found.into_iter().filter(|run| since <= run.started));
            if reached {
                runs.sort_by_key(|run| std::cmp::Reverse(run.started));
                return Ok(runs);
            }
        }
        Err(DeliveryError::Unavailable {
            action: ACTION,
            cause: "it did more than two thousand actions since".into(),
        })
    }

    pub(crate) async fn state(
        &self,
        pipeline: &str,
    ) -> Result<Vec<aws_sdk_codepipeline::types::StageState>, DeliveryError> {
        let state = self
            .client
            .get_pipeline_state()
            .name(pipeline)
            .send()
            .await
            .map_err(|error| sorted("read the pipeline's state", error))?;
        Ok(state.stage_states.unwrap_or_default())
    }
}

fn stage(declared: StageDeclaration) -> Stage {
    Stage {
        name: declared.name,
        actions: declared
            .actions
            .into_iter()
            .map(|action| {
                let kind = action
                    .action_type_id
                    .as_ref()
                    .map_or(ActionKind::Other, |kind| {
                        action_kind(&kind.category, &kind.provider, |key| {
                            action
                                .configuration
                                .as_ref()
                                .and_then(|values| values.get(key).cloned())
                        })
                    });
                let inputs = action.input_artifacts.unwrap_or_default();
                let outputs = action.output_artifacts.unwrap_or_default();
                let configuration = action.configuration.unwrap_or_default();
                let user_parameters = configuration.get("UserParameters").cloned();
                Action {
                    user_parameters: user_parameters.unwrap_or_default(),
                    name: action.name,
                    kind,
                    run_order: action.run_order.unwrap_or(1),
                    inputs: inputs.into_iter().map(|taken| taken.name).collect(),
                    outputs: outputs.into_iter().map(|made| made.name).collect(),
                }
            })
            .collect(),
    }
}

fn action_kind(
    category: &ActionCategory,
    provider: &str,
    value: impl Fn(&str) -> Option<String>,
) -> ActionKind {
    match category {
        ActionCategory::Approval => ActionKind::Approval,
        ActionCategory::Source => ActionKind::Source,
        ActionCategory::Test => ActionKind::Test,
        ActionCategory::Deploy if provider.starts_with("CodeDeploy") => {
            match (value("ApplicationName"), value("DeploymentGroupName")) {
                (Some(application), Some(group)) => {
                    ActionKind::CodeDeploy(Target { application, group })
                }
                _ => ActionKind::Deploy(provider.to_owned()),
            }
        }
        ActionCategory::Deploy => ActionKind::Deploy(provider.to_owned()),
        ActionCategory::Invoke if provider == "Lambda" => {
            ActionKind::Lambda(value("FunctionName").unwrap_or_default())
        }
        _ => ActionKind::Other,
    }
}

fn execution(id: &str, found: Option<PipelineExecution>) -> Execution {
    let found = found.unwrap_or_else(|| PipelineExecution::builder().build());
    Execution {
        id: id.to_owned(),
        status: found.status.map_or_else(
            || "InProgress".to_owned(),
            |status| status.as_str().to_owned(),
        ),
        kind: match found.execution_type {
            Some(ExecutionType::Rollback) => ExecutionKind::Rollback,
            _ => ExecutionKind::Standard,
        },
        sources: found
            .artifact_revisions
            .unwrap_or_default()
            .into_iter()
            .filter_map(|revision| {
                Some(Source {
                    name: revision.name?,
                    revision: revision.revision_id?,
                    summary: revision.revision_summary,
                })
            })
            .collect(),
    }
}

fn run(detail: &ActionExecutionDetail) -> Option<ActionRun> {
    let input = detail.input();
    let kind = input.and_then(|input| {
        let kind = input.action_type_id()?;
        Some(action_kind(kind.category(), kind.provider(), |key| {
            let resolved = input
                .resolved_configuration()
                .and_then(|values| values.get(key));
            let declared = input.configuration().and_then(|values| values.get(key));
            resolved.or(declared).cloned()
        }))
    });
    let result = detail.output().and_then(|output| output.execution_result());
    let kind = kind.unwrap_or(ActionKind::Other);
    let external_id = result
        .and_then(|result| result.external_execution_id())
        .map(str::to_owned);
    // Of an approval it is the token, which is a secret.
    let (external_id, token) = match kind {
        ActionKind::Approval => (None, external_id.map(SecretString::from)),
        _ => (external_id, None),
    };
    Some(ActionRun {
        execution: detail.pipeline_execution_id()?.to_owned(),
        id: detail.action_execution_id()?.to_owned(),
        stage: detail.stage_name()?.to_owned(),
        action: detail.action_name()?.to_owned(),
        status: status(detail.status()?.as_str()),
        kind,
        inputs: input
            .map(ActionExecutionInput::input_artifacts)
            .unwrap_or_default()
            .iter()
            .map(artifact)
            .collect(),
        started: timestamp(detail.start_time()?)?,
        updated: detail.last_update_time().and_then(timestamp),
        updated_by: detail.updated_by().map(str::to_owned),
        external_id,
        token,
        summary: result
            .and_then(|result| result.external_execution_summary())
            .map(str::to_owned),
    })
}

fn artifact(detail: &ArtifactDetail) -> Artifact {
    let place = detail.s3_location();
    Artifact {
        name: detail.name().map(str::to_owned),
        place: place.and_then(|place| Some((place.bucket()?.to_owned(), place.key()?.to_owned()))),
    }
}

/// A status that is new to us is not one that can be built on.
fn status(word: &str) -> RunStatus {
    match word {
        "InProgress" => RunStatus::InProgress,
        "Succeeded" => RunStatus::Succeeded,
        "Failed" => RunStatus::Failed,
        _ => RunStatus::Abandoned,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn structure(actions: &[(ActionKind, &[&str], &[&str])]) -> Structure {
        let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let actions = actions.iter().map(|(kind, inputs, outputs)| Action {
            name: "A".to_owned(),
            kind: kind.clone(),
            run_order: 1,
            user_parameters: String::new(),
            inputs: owned(inputs),
            outputs: owned(outputs),
        });
        let stage = Stage {
            name: "All".to_owned(),
            actions: actions.collect(),
        };
        Structure {
            mode: Mode::Superseded,
            stages: vec![stage],
        }
    }

    #[test]
    fn artifact_is_traced_through_builds_with_all_that_they_take() {
        use ActionKind::{Other, Source};
        let structure = structure(&[
            (Source, &[], &["App"]),
            (Source, &[], &["Lib"]),
            (Source, &[], &["Monspec"]),
            (Other, &["Lib"], &["Library"]),
            (Other, &["App", "Library"], &["Bundle"]),
            (Other, &[], &["FromNowhere"]),
            (Other, &["FromNowhere", "App"], &["Half"]),
            (Other, &["Round"], &["Round"]),
        ]);
        let roots = |artifact| {
            let found = structure.roots([artifact])?;
            Some((found.sources.into_iter().collect::<Vec<_>>(), found.built))
        };

        assert_eq!(roots("App"), Some((vec!["App"], false)));
        assert_eq!(roots("Bundle"), Some((vec!["App", "Lib"], true)));
        for unknown in ["FromNowhere", "Half", "Round", "Nobody's"] {
            assert_eq!(roots(unknown), None, "{unknown}");
        }
    }
}
