//! One endpoint with the sample pipeline, and what the stories do with it.

use aws_sdk_codepipeline::Client;
use aws_sdk_codepipeline::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_codepipeline::types::{
    ActionExecutionDetail, ActionExecutionFilter, ActionState, ApprovalResult, ApprovalStatus,
};
use fake_aws::Aws;
use fake_aws::pipeline::{ApprovalView, Job, Mode, PipelineSpec, Pipelines, SourceRevision, Stage};

pub(crate) const PIPELINE: &str = "SampleDevOps";

pub(crate) struct World {
    pub(crate) aws: Aws,
    pub(crate) client: Client,
}

impl World {
    /// The tutorial's pipeline.
    pub(crate) async fn sample() -> Self {
        Self::with(PipelineSpec::sample(
            PIPELINE,
            "StagingToProduction,5,ApproveStaging",
            "ProductionToProductionLastHour,5,ApproveProduction",
        ))
        .await
    }

    /// Two stages: a deployment, then an approval.
    pub(crate) async fn short(mode: Mode) -> Self {
        let spec = PipelineSpec::new(PIPELINE)
            .mode(mode)
            .stage(Stage::new("Staging").deploy("Deploy", "App", "Staging", 1))
            .stage(Stage::new("Approve").approval("Approve"));
        Self::with(spec).await
    }

    pub(crate) async fn with(spec: PipelineSpec) -> Self {
        let aws = Aws::start().await.unwrap();
        aws.pipelines().create(spec);
        let client = Client::new(&aws.sdk_config());
        Self { aws, client }
    }

    pub(crate) fn pipelines(&self) -> &Pipelines {
        self.aws.pipelines()
    }

    pub(crate) fn start(&self, revision: &str) -> String {
        let source = SourceRevision::new(revision, "A change")
            .artifact("Monspec", format!("monspec of {revision}"));
        self.pipelines().start(PIPELINE, source).unwrap()
    }

    pub(crate) fn job(&self) -> Job {
        self.pipelines().next_job().expect("a job is due")
    }

    pub(crate) async fn succeed(&self, job: &Job) {
        self.client
            .put_job_success_result()
            .job_id(&job.id)
            .send()
            .await
            .unwrap();
    }

    /// The approval stage of the short pipeline.
    pub(crate) fn approval(&self, execution: &str) -> ApprovalView {
        self.pipelines()
            .approval(PIPELINE, "Approve", "Approve", execution)
            .unwrap()
    }

    /// Answers the approval of the short pipeline; an error is its code.
    pub(crate) async fn answer(&self, token: &str, status: ApprovalStatus) -> Result<(), String> {
        let result = ApprovalResult::builder()
            .status(status)
            .summary("because")
            .build()
            .unwrap();
        let answer = self
            .client
            .put_approval_result()
            .pipeline_name(PIPELINE)
            .stage_name("Approve")
            .action_name("Approve")
            .token(token)
            .result(result)
            .send()
            .await;
        answer.map(|_| ()).map_err(|error| code(&error))
    }

    pub(crate) async fn action_state(&self, stage: &str, action: &str) -> ActionState {
        let state = self
            .client
            .get_pipeline_state()
            .name(PIPELINE)
            .send()
            .await
            .unwrap();
        let stages = state.stage_states();
        let stage = stages
            .iter()
            .find(|state| state.stage_name() == Some(stage))
            .unwrap();
        let actions = stage.action_states();
        actions
            .iter()
            .find(|state| state.action_name() == Some(action))
            .unwrap()
            .clone()
    }

    pub(crate) async fn action_executions(&self, execution: &str) -> Vec<ActionExecutionDetail> {
        let filter = ActionExecutionFilter::builder()
            .pipeline_execution_id(execution)
            .build();
        let list = self
            .client
            .list_action_executions()
            .pipeline_name(PIPELINE)
            .filter(filter);
        list.send().await.unwrap().action_execution_details.unwrap()
    }
}

/// The name of the exception behind an error.
pub(crate) fn code<E: ProvideErrorMetadata, R>(error: &SdkError<E, R>) -> String {
    let named = error
        .as_service_error()
        .and_then(ProvideErrorMetadata::code);
    named.unwrap_or("no answer").to_owned()
}
