//! What a pipeline consists of, as the harness declares it.

use axum::body::Bytes;

/// The bucket every pipeline keeps its artifacts in.
pub const ARTIFACT_BUCKET: &str = "lab-pipeline-artifacts";

/// What deploy actions take that name nothing else: an artifact whose place and
/// content stand for the source revision, so that the same revision twice is the
/// same content.
pub const SOURCE_ARTIFACT: &str = "SourceArtifact";

/// How executions of one pipeline get along.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// A newer execution replaces an older one that waits between stages.
    #[default]
    Superseded,
    /// Executions pass each stage one after the other, none is lost.
    Queued,
    /// Executions know nothing of each other.
    Parallel,
}

/// The generation of a pipeline.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PipelineType {
    /// The original kind.
    V1,
    /// The kind with modes, conditions and rollbacks.
    #[default]
    V2,
}

/// A declared pipeline.
#[derive(Clone, Debug)]
pub struct PipelineSpec {
    pub(super) name: String,
    pub(super) mode: Mode,
    pub(super) kind: PipelineType,
    pub(super) stages: Vec<Stage>,
}

impl PipelineSpec {
    /// A pipeline with only its `Source` stage.
    pub fn new(name: &str) -> Self {
        let source = Stage::new("Source").with("Source", 1, Work::Source);
        Self {
            name: name.to_owned(),
            mode: Mode::default(),
            kind: PipelineType::default(),
            stages: vec![source],
        }
    }

    /// The tutorial's pipeline: deploy to staging, compare it with production,
    /// wait for approval, deploy to production, compare it with its own past,
    /// wait for approval. The two user parameters are those of the registering
    /// actions in `Staging` and in `Production`.
    pub fn sample(name: &str, staging_parameters: &str, production_parameters: &str) -> Self {
        let environment = |stage: &str, parameters: &str| {
            Stage::new(stage)
                .deploy("Deploy", "SampleDevOpsApp", stage, 1)
                .lambda(
                    "RegisterValidation",
                    "register-validation",
                    parameters,
                    2,
                    Some("Monspec"),
                )
        };
        let approval = |stage: &str| Stage::new(stage).approval(stage);
        Self::new(name)
            .stage(environment("Staging", staging_parameters))
            .stage(approval("ApproveStaging"))
            .stage(environment("Production", production_parameters))
            .stage(approval("ApproveProduction"))
    }

    /// The artifacts that some action takes and none makes: the sources.
    pub(super) fn source_artifacts(&self) -> Vec<&str> {
        let actions = || self.stages.iter().flat_map(|stage| &stage.actions);
        let made: Vec<&str> = actions().filter_map(Action::outputs).collect();
        let mut sources: Vec<&str> = actions()
            .flat_map(Action::inputs)
            .filter(|taken| !made.contains(taken))
            .collect();
        sources.sort_unstable();
        sources.dedup();
        sources
    }

    /// Sets how executions get along.
    #[must_use]
    pub fn mode(self, mode: Mode) -> Self {
        Self { mode, ..self }
    }

    /// Sets the generation.
    #[must_use]
    pub fn pipeline_type(self, kind: PipelineType) -> Self {
        Self { kind, ..self }
    }

    /// Adds a stage at the end.
    #[must_use]
    pub fn stage(mut self, stage: Stage) -> Self {
        self.stages.push(stage);
        self
    }
}

/// A declared stage.
#[derive(Clone, Debug)]
pub struct Stage {
    pub(super) name: String,
    pub(super) actions: Vec<Action>,
}

impl Stage {
    /// A stage without actions.
    pub fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            actions: Vec::new(),
        }
    }

    /// Adds a deployment of an application to a deployment group.
    #[must_use]
    pub fn deploy(self, name: &str, application: &str, group: &str, run_order: u16) -> Self {
        let work = Work::Deploy {
            application: application.to_owned(),
            group: group.to_owned(),
            input_artifact: SOURCE_ARTIFACT.to_owned(),
        };
        self.with(name, run_order, work)
    }

    /// Adds the invocation of a function.
    #[must_use]
    pub fn lambda(
        self,
        name: &str,
        function: &str,
        user_parameters: &str,
        run_order: u16,
        input_artifact: Option<&str>,
    ) -> Self {
        let work = Work::Lambda {
            function: function.to_owned(),
            user_parameters: user_parameters.to_owned(),
            input_artifact: input_artifact.map(str::to_owned),
            output_artifact: None,
        };
        self.with(name, run_order, work)
    }

    /// Lets the deployment added last deploy an artifact, or what was added last
    /// to run elsewhere take one more.
    #[must_use]
    pub fn input_artifact(mut self, artifact: &str) -> Self {
        let artifact = artifact.to_owned();
        match self.actions.last_mut().map(|action| &mut action.work) {
            Some(Work::Deploy { input_artifact, .. }) => *input_artifact = artifact,
            Some(Work::Elsewhere { inputs, .. }) => inputs.push(artifact),
            _ => {}
        }
        self
    }

    /// Lets the function of the action added last, or what runs elsewhere, write
    /// an artifact.
    #[must_use]
    pub fn output_artifact(mut self, artifact: &str) -> Self {
        if let Some(
            Work::Lambda {
                output_artifact: output,
                ..
            }
            | Work::Elsewhere { output, .. },
        ) = self.actions.last_mut().map(|action| &mut action.work)
        {
            *output = Some(artifact.to_owned());
        }
        self
    }

    /// Adds a manual approval after all actions added so far.
    #[must_use]
    pub fn approval(self, name: &str) -> Self {
        let run_order = self.next_run_order();
        self.with(name, run_order, Work::Approval)
    }

    /// Adds a test that runs elsewhere, after all actions added so far.
    #[must_use]
    pub fn test(self, name: &str) -> Self {
        let run_order = self.next_run_order();
        self.elsewhere(name, "Test", "CodeBuild", run_order)
    }

    /// Adds what another service does: a build, a deployment by other means.
    #[must_use]
    pub fn elsewhere(
        self,
        name: &str,
        category: &'static str,
        provider: &'static str,
        run_order: u16,
    ) -> Self {
        let work = Work::Elsewhere {
            category,
            provider,
            inputs: Vec::new(),
            output: None,
        };
        self.with(name, run_order, work)
    }

    fn next_run_order(&self) -> u16 {
        1 + self
            .actions
            .iter()
            .map(|action| action.run_order)
            .max()
            .unwrap_or(0)
    }

    fn with(mut self, name: &str, run_order: u16, work: Work) -> Self {
        self.actions.push(Action {
            name: name.to_owned(),
            run_order,
            work,
        });
        self
    }
}

/// A declared action. Actions of one stage with the same run order start together.
#[derive(Clone, Debug)]
pub(super) struct Action {
    pub(super) name: String,
    pub(super) run_order: u16,
    pub(super) work: Work,
}

impl Action {
    pub(super) fn inputs(&self) -> Vec<&str> {
        match &self.work {
            Work::Deploy { input_artifact, .. } => vec![input_artifact],
            Work::Lambda { input_artifact, .. } => input_artifact.as_deref().into_iter().collect(),
            Work::Elsewhere { inputs, .. } => inputs.iter().map(String::as_str).collect(),
            Work::Source | Work::Approval => Vec::new(),
        }
    }

    /// What it makes, unless it is the source.
    pub(super) fn outputs(&self) -> Option<&str> {
        match &self.work {
            Work::Lambda {
                output_artifact: output,
                ..
            }
            | Work::Elsewhere { output, .. } => output.as_deref(),
            _ => None,
        }
    }
}

#[derive(Clone, Debug)]
pub(super) enum Work {
    Source,
    Deploy {
        application: String,
        group: String,
        input_artifact: String,
    },
    Lambda {
        function: String,
        user_parameters: String,
        input_artifact: Option<String>,
        output_artifact: Option<String>,
    },
    Approval,
    Elsewhere {
        category: &'static str,
        provider: &'static str,
        inputs: Vec<String>,
        output: Option<String>,
    },
}

/// What a new execution starts from.
#[derive(Clone, Debug, Default)]
pub struct SourceRevision {
    pub(super) id: String,
    pub(super) summary: String,
    pub(super) tools: String,
    pub(super) artifacts: Vec<Sourced>,
}

/// An artifact of a source, and its revision.
#[derive(Clone, Debug)]
pub(super) struct Sourced {
    pub(super) name: String,
    pub(super) revision: String,
    pub(super) body: Bytes,
}

impl SourceRevision {
    /// A revision that produces no artifacts.
    pub fn new(id: &str, summary: &str) -> Self {
        Self {
            id: id.to_owned(),
            summary: summary.to_owned(),
            tools: String::new(),
            artifacts: Vec::new(),
        }
    }

    /// Adds an artifact that the source action hands to later actions.
    #[must_use]
    pub fn artifact(self, name: &str, body: impl Into<Bytes>) -> Self {
        let revision = self.id.clone();
        self.artifact_at(name, &revision, body)
    }

    /// The same from a source of its own, which has a revision of its own.
    #[must_use]
    pub fn artifact_at(mut self, name: &str, revision: &str, body: impl Into<Bytes>) -> Self {
        self.artifacts.push(Sourced {
            name: name.to_owned(),
            revision: revision.to_owned(),
            body: body.into(),
        });
        self
    }

    /// What builds of this execution fetch beside their inputs.
    #[must_use]
    pub fn tools(mut self, tools: &str) -> Self {
        tools.clone_into(&mut self.tools);
        self
    }
}
