//! The announcement of a deployment: from whoever tells of it to the event on
//! the service. The rows are those of `workflows::push_deployment_event`.

mod callers;
mod doubt;
mod late;
mod pipeline;

use std::time::Duration;

use delivery::artifact::Artifacts;
use delivery::codedeploy::CodeDeploy;
use delivery::job::{Answer, JobEvent};
use dynatrace::Dynatrace;
use fake_aws::codedeploy::{GroupOptions, Revision};
use fake_aws::pipeline::{Job, JobStatus, Mode, PipelineSpec, Stage};
use fake_dynatrace::Event;
use release::console::Console;
use release::deployment::{Group, LedgerEntry};
use tokio::time::Instant;
use workflows::outgoing::Outgoing;
use workflows::push_deployment_event::{Outcome, Request, Services, push_deployment_event};

use crate::world::{PIPELINE, World, monspec};

const APPLICATION: &str = "SampleDevOpsApp";
const HEALING: &str = "https://healing.example";

impl World {
    /// A pipeline whose production stage deploys and announces.
    fn announcing_pipeline(&self, mode: Mode, parameters: &str) {
        let staging = Stage::new("Staging").deploy("Deploy", APPLICATION, "Staging", 1);
        let production = Stage::new("Production")
            .deploy("Deploy", APPLICATION, "Production", 1)
            .lambda(
                "Push",
                "push-deployment-event",
                parameters,
                2,
                Some("Monspec"),
            );
        let pipeline = PipelineSpec::new(PIPELINE).mode(mode);
        self.aws
            .pipelines()
            .create(pipeline.stage(staging).stage(production));
    }

    /// Deployments to production are carried out by CodeDeploy.
    fn production_group(&self, options: GroupOptions) {
        let codedeploy = self.aws.codedeploy();
        codedeploy.application(APPLICATION);
        codedeploy
            .group(APPLICATION, "Production", options)
            .unwrap();
    }

    fn announcing(&self) -> Services {
        let sdk = self.aws.sdk_config();
        Services {
            ledger: self.ledger.clone(),
            pipeline: self.codepipeline(),
            codedeploy: CodeDeploy::new(aws_sdk_codedeploy::Client::new(&sdk)),
            artifacts: Artifacts::new(aws_sdk_s3::Config::new(&sdk)),
            outgoing: Outgoing::new(&self.origins).unwrap(),
            console: Console::of(Some("us-east-1")),
            remediation: Some(HEALING.to_owned()),
            behind: self.behind.parse().unwrap(),
            group_tag: "DeploymentGroup".parse().unwrap(),
            keep_ties: jiff::SignedDuration::from_hours(24 * 90),
        }
    }

    async fn announce(&self, request: Request<'_>) -> anyhow::Result<Outcome> {
        self.announce_to(self.dynatrace(), request, Duration::from_secs(20))
            .await
    }

    async fn announce_to(
        &self,
        tenant: Dynatrace,
        request: Request<'_>,
        time: Duration,
    ) -> anyhow::Result<Outcome> {
        let (services, deadline) = (self.announcing(), Instant::now() + time);
        push_deployment_event(&services, async || Ok(tenant), request, self.now, deadline).await
    }

    /// The group of production, and a deployment to it.
    fn deployed(&self, commit: &str) -> String {
        self.production_group(GroupOptions::default());
        let revision = Revision::github("shop/cart", commit);
        let codedeploy = self.aws.codedeploy();
        codedeploy
            .deploy_by_person(APPLICATION, "Production", revision)
            .unwrap()
    }

    /// Announces what a caller asks for who is no job.
    async fn announce_directly(&self, parameters: &serde_json::Value, request: &str) -> Outcome {
        let parameters = parameters.to_string();
        let asked = Request::Direct {
            parameters: &parameters,
            request,
        };
        self.announce(asked).await.unwrap()
    }

    /// Starts an execution; the answer is the job that announces it.
    fn announcing_job(&self, revision: &str) -> Job {
        self.start_execution(revision, &monspec());
        self.aws.pipelines().next_job().unwrap()
    }

    /// Announces what one job asks for and answers the job, as the function's
    /// edge does.
    pub(crate) async fn announce_job(&self, job: &Job) -> JobStatus {
        let event: JobEvent = serde_json::from_value(job.event.clone()).unwrap();
        let outcome = self.announce(Request::Job(&event.job)).await.unwrap();
        let answer = match outcome {
            Outcome::Announced(_) | Outcome::NotNeeded(_) => Answer::done("done"),
            Outcome::Later { token, .. } => Answer::Later {
                summary: "later".to_owned(),
                token,
            },
            Outcome::Refused(refusal) => refusal.into(),
            unattached @ Outcome::Unattached(_) => panic!("no job ends so: {unattached:?}"),
        };
        let pipeline = self.codepipeline();
        pipeline.report(&job.id, answer).await.unwrap();
        self.aws.pipelines().job(&job.id).unwrap().status
    }

    /// The next job, once its time has come.
    fn continued(&mut self) -> Job {
        self.advance(jiff::SignedDuration::from_secs(30));
        self.aws
            .pipelines()
            .next_job()
            .expect("the job is continued")
    }

    fn events_on(&self, entity: &str) -> Vec<Event> {
        let mut events = self.tenant.events();
        events.retain(|event| event.entity == entity);
        events
    }

    /// The only event of an entity.
    pub(crate) fn event_on(&self, entity: &str) -> Event {
        let mut events = self.events_on(entity);
        assert_eq!(events.len(), 1, "{events:?}");
        events.remove(0)
    }

    async fn ledger(&self, group: &str) -> Vec<LedgerEntry> {
        let group = Group {
            application: APPLICATION.to_owned(),
            name: group.to_owned(),
        };
        self.ledger.deployments(&group, self.now).await.unwrap()
    }
}

fn failed(status: JobStatus) -> (String, String) {
    match status {
        JobStatus::Failed { r#type, message } => (r#type, message),
        other => panic!("the job did not fail: {other:?}"),
    }
}
