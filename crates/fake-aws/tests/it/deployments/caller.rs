//! One application with one group, a clock that stands still, and a client.

use aws_sdk_codedeploy::Client;
use aws_sdk_codedeploy::config::retry::RetryConfig;
use aws_sdk_codedeploy::operation::create_deployment::builders::CreateDeploymentFluentBuilder;
use aws_sdk_codedeploy::types::{
    BundleType, DeploymentInfo, RevisionLocation, RevisionLocationType, S3Location,
};
use fake_aws::Aws;
use fake_aws::codedeploy::{CodeDeploy, Deployment, GroupOptions, Revision};
use jiff::{SignedDuration, Timestamp};

use crate::world::code;

pub(super) const APP: &str = "SampleDevOpsApp";
pub(super) const GROUP: &str = "Production";
pub(super) const BUCKET: &str = "bundles";

pub(super) struct Caller {
    pub(super) aws: Aws,
    pub(super) client: Client,
}

impl Caller {
    /// Deployments take no time.
    pub(super) async fn instant() -> Self {
        Self::with(GroupOptions::default()).await
    }

    /// Deployments take a minute after ten seconds each of being created and queued.
    pub(super) async fn slow() -> Self {
        Self::with(GroupOptions {
            lead: SignedDuration::from_secs(10),
            duration: SignedDuration::from_secs(60),
            ..GroupOptions::default()
        })
        .await
    }

    pub(super) async fn with(options: GroupOptions) -> Self {
        let aws = Aws::start().await.unwrap();
        aws.set_now(at(0));
        aws.codedeploy().application(APP);
        aws.codedeploy().group(APP, GROUP, options).unwrap();
        for key in ["good", "bad", "other"] {
            aws.s3().put(BUCKET, key, format!("content of {key}"));
        }
        let config = aws_sdk_codedeploy::config::Builder::from(&aws.sdk_config())
            .retry_config(RetryConfig::disabled())
            .build();
        let client = Client::from_conf(config);
        Self { aws, client }
    }

    pub(super) fn codedeploy(&self) -> &CodeDeploy {
        self.aws.codedeploy()
    }

    /// Moves the clock to so many seconds after the beginning.
    pub(super) fn set_now(&self, seconds: i64) {
        self.aws.set_now(at(seconds));
    }

    /// A bundle deployed as a person would.
    pub(super) fn deploy(&self, key: &str) -> String {
        self.codedeploy()
            .deploy_by_person(APP, GROUP, Revision::s3(BUCKET, key))
            .unwrap()
    }

    pub(super) fn create(&self, key: &str) -> CreateDeploymentFluentBuilder {
        let create = self.client.create_deployment().application_name(APP);
        create
            .deployment_group_name(GROUP)
            .revision(location(BUCKET, key))
    }

    pub(super) async fn refused(&self, create: CreateDeploymentFluentBuilder) -> String {
        code(&create.send().await.unwrap_err())
    }

    /// A deployment as the harness sees it.
    pub(super) fn seen(&self, id: &str) -> Deployment {
        self.codedeploy().deployment(id).unwrap()
    }

    /// A deployment as a caller gets it.
    pub(super) async fn get(&self, id: &str) -> DeploymentInfo {
        let answer = self.client.get_deployment().deployment_id(id).send().await;
        answer.unwrap().deployment_info.unwrap()
    }

    pub(super) async fn stop(&self, id: &str, roll_back: Option<bool>) -> Result<String, String> {
        let stop = self.client.stop_deployment().deployment_id(id);
        let answer = stop.set_auto_rollback_enabled(roll_back).send().await;
        answer
            .map(|answer| answer.status.unwrap().as_str().to_owned())
            .map_err(|error| code(&error))
    }
}

pub(super) fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + seconds).unwrap()
}

pub(super) fn location(bucket: &str, key: &str) -> RevisionLocation {
    let place = S3Location::builder()
        .bucket(bucket)
        .key(key)
        .bundle_type(BundleType::Zip)
        .build();
    RevisionLocation::builder()
        .revision_type(RevisionLocationType::S3)
        .s3_location(place)
        .build()
}

/// The key of the bundle behind a location.
pub(super) fn key(location: Option<&RevisionLocation>) -> Option<&str> {
    location?.s3_location()?.key()
}
