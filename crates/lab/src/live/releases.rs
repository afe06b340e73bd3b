//! Builds on their way through the pipeline.

use std::sync::{MutexGuard, PoisonError};

use anyhow::bail;
use release::approval::Answer as Verdict;
use release::validation::{Registrant, Validation};
use serde_json::json;

use super::declared::approval;
use super::{Environment, PIPELINE, Scene, startup};
use fake_aws::pipeline::{Answer, ApprovalView, ExecutionStatus, ExecutionView, SourceRevision};

/// What the builds are judged by.
const MONSPEC: &str = include_str!("monspec.json");

impl Scene {
    /// Starts an execution that releases a build, unless another one is under way:
    /// a second build would overtake the first one's window.
    pub fn release(&self, build: u32) -> anyhow::Result<String> {
        let mut started = self.started();
        if let Some(newest) = started.last()
            && let Some(reason) = on_its_way(&self.execution(newest)?)
        {
            bail!(reason);
        }
        let source = SourceRevision::new(&format!("build-{build}"), summary(build))
            .artifact("App", json!({ "build": build }).to_string())
            .artifact("Tests", startup::bundle())
            .artifact("Monspec", MONSPEC);
        let execution = self.world.aws.pipelines().start(PIPELINE, source)?;
        started.push(execution.clone());
        drop(started);
        self.trouble.send_replace(None);
        self.journal
            .tell("CodePipeline", format!("build {build} is released"));
        Ok(execution)
    }

    /// Why no build can be released now, if so.
    pub fn busy(&self) -> anyhow::Result<Option<String>> {
        let newest = self.executions(1)?;
        Ok(newest.first().and_then(on_its_way))
    }

    fn started(&self) -> MutexGuard<'_, Vec<String>> {
        self.executions
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// The last executions, newest first.
    pub fn executions(&self, most: usize) -> anyhow::Result<Vec<ExecutionView>> {
        let ids = self.started().clone();
        ids.iter()
            .rev()
            .take(most)
            .map(|id| self.execution(id))
            .collect()
    }

    /// An execution as it is now.
    pub fn execution(&self, id: &str) -> anyhow::Result<ExecutionView> {
        Ok(self.world.aws.pipelines().execution(PIPELINE, id)?)
    }

    /// The approval of a stage as it is now for one execution.
    pub fn approval(
        &self,
        environment: &Environment,
        execution: &str,
    ) -> anyhow::Result<ApprovalView> {
        let name = approval(environment.name());
        let pipelines = self.world.aws.pipelines();
        Ok(pipelines.approval(PIPELINE, &name, &name, execution)?)
    }

    /// Why the approval of a stage is held, if so, with the link to the evaluation.
    pub async fn held(
        &self,
        environment: &Environment,
        execution: &str,
    ) -> anyhow::Result<Option<String>> {
        let validations = self.world.validations();
        for slot in validations.slots(PIPELINE, execution).await? {
            let is_its = matches!(
                &slot.registrant,
                Registrant::Action { stage, .. } if stage == environment.name()
            );
            if !is_its {
                continue;
            }
            let judged = validations.validation(slot.id).await?;
            if let Some(judgement) = judged.as_ref().and_then(Validation::judgement)
                && judgement.answer == Verdict::Hold
            {
                let settings = self.world.settings();
                let link = settings.evaluation_link(&self.report_url, slot.id, judgement.at)?;
                return Ok(Some(format!("{} {link}", judgement.summary)));
            }
        }
        Ok(None)
    }

    /// Answers the approval of a stage as a person would.
    pub fn answer(
        &self,
        environment: &Environment,
        execution: &str,
        answer: Answer,
    ) -> anyhow::Result<()> {
        let name = approval(environment.name());
        let pipelines = self.world.aws.pipelines();
        let reason = "Answered by hand";
        Ok(pipelines.answer_by_person(PIPELINE, &name, &name, execution, answer, reason)?)
    }
}

/// Why an execution blocks others, if it does.
fn on_its_way(execution: &ExecutionView) -> Option<String> {
    let build = execution.revision.replacen("build-", "Build ", 1);
    (execution.status == ExecutionStatus::InProgress).then(|| {
        format!(
            "{build} is still in the pipeline: the next build can be released when it is \
             approved or rejected."
        )
    })
}

/// The commit message of a build.
fn summary(build: u32) -> &'static str {
    match build {
        2 => "Fail every second invocation",
        4 => "Be slow where there are users",
        _ => "Do what is expected",
    }
}
