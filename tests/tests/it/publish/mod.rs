//! What led to a verdict, published by an action of the pipeline. The rows are
//! those of `workflows::publish_validation`.

mod evidence;
mod mistakes;
mod retried;
mod waiting;

use std::io::{Cursor, Read as _};

use delivery::artifact::Artifacts;
use delivery::job::{Answer, JobEvent, JobFailure};
use dynatrace::Api;
use fake_aws::pipeline::{ARTIFACT_BUCKET, Job, JobStatus, Mode, PipelineSpec, Stage};
use fake_aws::s3::Object;
use jiff::SignedDuration;
use workflows::Corrects;
use workflows::publish_validation::{Outcome, Published, Services, publish_validation};

use crate::world::{PIPELINE, PRODUCTION, STAGING, World, monspec};

const APPLICATION: &str = "SampleDevOpsApp";

/// A world in which staging is as slow as it says, and production is not.
async fn with_traffic(staging: f64) -> World {
    let world = World::start(Api::V2).await;
    world.traffic(STAGING, staging, 0.0);
    world.traffic(PRODUCTION, 100.0, 0.0);
    world
}

/// The stage that registers a validation and publishes its verdict.
fn staging(publish: &str) -> Stage {
    Stage::new("Staging")
        .deploy("Deploy", APPLICATION, "Staging", 1)
        .lambda(
            "Register",
            "register-validation",
            "StagingToProduction,5,ApproveStaging",
            2,
            Some("Monspec"),
        )
        .lambda("Publish", "publish-validation", publish, 3, None)
        .output_artifact("Evidence")
}

impl World {
    /// A gate that publishes what led to its verdict.
    fn publishing(&self, publish: &str) {
        self.publishing_in(Mode::Superseded, staging(publish));
    }

    fn publishing_in(&self, mode: Mode, staging: Stage) {
        let approve = Stage::new("Approve").approval("ApproveStaging");
        let pipeline = PipelineSpec::new(PIPELINE).mode(mode);
        self.aws
            .pipelines()
            .create(pipeline.stage(staging).stage(approve));
    }

    /// Releases a build up to its first job to publish.
    async fn publishing_job(&self) -> Job {
        self.start_execution("1", &monspec());
        let register = self.aws.pipelines().next_job().unwrap();
        self.run_job(&register).await.unwrap();
        self.aws
            .pipelines()
            .next_job()
            .expect("the next action begins")
    }

    /// The next job, once its time has come.
    fn continued_job(&mut self) -> Job {
        self.advance(SignedDuration::from_secs(30));
        self.aws
            .pipelines()
            .next_job()
            .expect("the job is continued")
    }

    /// Publishes what one job asks for and answers the job, as the function's
    /// edge does.
    pub(crate) async fn publish(&self, job: &Job) -> Outcome {
        let outcome = self.try_publish(job).await.unwrap();
        let failed = |message: &str| Answer::Failed {
            failure: JobFailure::Result,
            message: message.to_owned(),
        };
        let answer = match &outcome {
            Outcome::Later { token, waiting_for } => Answer::Later {
                summary: waiting_for.clone(),
                token: token.clone(),
            },
            Outcome::Published(published) => Answer::done(&published.summary),
            Outcome::Stopped(published) => failed(&published.summary),
            Outcome::GaveUp(reason) => failed(reason),
            Outcome::NotNeeded(reason) => Answer::done(reason),
            Outcome::Refused(refusal) => refusal.clone().into(),
        };
        self.codepipeline().report(&job.id, answer).await.unwrap();
        outcome
    }

    async fn try_publish(&self, job: &Job) -> anyhow::Result<Outcome> {
        let event: JobEvent = serde_json::from_value(job.event.clone()).unwrap();
        let services = Services {
            validations: self.validations.clone(),
            pipeline: self.codepipeline(),
            artifacts: Artifacts::new(aws_sdk_s3::Config::new(&self.aws.sdk_config())),
        };
        let connect = async || self.connected().links;
        publish_validation(&services, connect, &event.job, self.now).await
    }

    fn status(&self, job: &Job) -> JobStatus {
        self.aws.pipelines().job(&job.id).unwrap().status
    }

    /// What a job wrote, if it wrote anything.
    fn artifact(&self, job: &Job) -> Option<Object> {
        let output = &job.event["CodePipeline.job"]["data"]["outputArtifacts"][0];
        let key = output["location"]["s3Location"]["objectKey"]
            .as_str()
            .unwrap();
        self.aws.s3().get(ARTIFACT_BUCKET, key)
    }
}

/// Releases a build whose verdict has fallen; the job is the one that sees it.
async fn judged(world: &mut World) -> Job {
    let first = world.publishing_job().await;
    later(&world.publish(&first).await);
    world.pass_window().await;
    world.continued_job()
}

/// What is waited for.
fn later(outcome: &Outcome) -> &str {
    match outcome {
        Outcome::Later { waiting_for, .. } => waiting_for,
        other => panic!("nothing is waited for: {other:?}"),
    }
}

fn published(outcome: Outcome) -> Published {
    match outcome {
        Outcome::Published(published) => published,
        other => panic!("nothing is published: {other:?}"),
    }
}

fn refused(outcome: Outcome) -> (Corrects, String) {
    match outcome {
        Outcome::Refused(refusal) => (refusal.corrects, refusal.text),
        other => panic!("it is not refused: {other:?}"),
    }
}

/// The files of an archive.
fn unzipped(object: &Object) -> Vec<(String, String)> {
    let mut archive = zip::ZipArchive::new(Cursor::new(object.body.to_vec())).unwrap();
    (0..archive.len())
        .map(|index| {
            let mut file = archive.by_index(index).unwrap();
            let mut content = String::new();
            file.read_to_string(&mut content).unwrap();
            (file.name().unwrap().to_string(), content)
        })
        .collect()
}
