//! What the delivery crate says to CodePipeline and S3, beyond the gate's own
//! stories.

use delivery::CodePipeline;
use delivery::artifact::Artifacts;
use delivery::job::{Answer, EncryptionKey, JobEvent, JobFailure, Reported};
use fake_aws::Aws;
use fake_aws::pipeline::{ARTIFACT_BUCKET, Job, JobStatus, PipelineSpec, SourceRevision, Stage};

async fn waiting_job() -> (Aws, Job, JobEvent) {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let aws = Aws::start().await.unwrap();
    let stage = Stage::new("Evidence")
        .lambda("Publish", "publish", "Register", 1, Some("Monspec"))
        .output_artifact("Evidence");
    aws.pipelines()
        .create(PipelineSpec::new("Sample").stage(stage));
    let source = SourceRevision::new("1", "Publish").artifact("Monspec", "{}");
    aws.pipelines().start("Sample", source).unwrap();
    let job = aws.pipelines().next_job().unwrap();
    let event = serde_json::from_value(job.event.clone()).unwrap();
    (aws, job, event)
}

fn codepipeline(aws: &Aws) -> CodePipeline {
    CodePipeline::new(aws_sdk_codepipeline::Client::new(&aws.sdk_config()))
}

fn artifacts(aws: &Aws) -> Artifacts {
    Artifacts::new(aws_sdk_s3::Config::new(&aws.sdk_config()))
}

#[tokio::test]
async fn continued_action_is_invoked_again_with_its_token() {
    let (aws, job, _) = waiting_job().await;
    aws.pipelines()
        .continuation_interval(jiff::SignedDuration::ZERO);

    let later = Answer::Later {
        summary: "waiting for the verdict".to_owned(),
        token: "since 10:00".to_owned(),
    };
    let reported = codepipeline(&aws).report(&job.id, later).await.unwrap();

    assert_eq!(reported, Reported::Taken);
    let again = aws.pipelines().next_job().unwrap();
    assert_ne!(again.id, job.id);
    let event: JobEvent = serde_json::from_value(again.event).unwrap();
    assert_eq!(
        event.job.data.continuation_token.as_deref(),
        Some("since 10:00")
    );
}

#[tokio::test]
async fn job_that_has_its_result_takes_no_other() {
    let (aws, job, _) = waiting_job().await;
    let pipeline = codepipeline(&aws);
    let done = pipeline.report(&job.id, Answer::done("done")).await;
    assert_eq!(done.unwrap(), Reported::Taken);

    let too_late = Answer::Failed {
        failure: JobFailure::Unavailable,
        message: "too late".to_owned(),
    };
    let again = pipeline.report(&job.id, too_late).await;

    assert_eq!(again.unwrap(), Reported::NobodyWaits);
    assert_eq!(
        aws.pipelines().job(&job.id).unwrap().status,
        JobStatus::Succeeded
    );
}

#[tokio::test]
async fn output_artifact_is_written_with_the_jobs_rights_and_key() {
    let (aws, _, event) = waiting_job().await;
    let data = event.job.data;
    let location = data.output_artifacts[0].s3_location().unwrap();
    let key = EncryptionKey {
        id: "arn:aws:kms:us-east-1:111122223333:key/1".to_owned(),
    };

    let credentials = data.artifact_credentials.unwrap();
    artifacts(&aws)
        .write(location, &credentials, Some(&key), b"evidence".to_vec())
        .await
        .unwrap();

    let written = aws.s3().get(ARTIFACT_BUCKET, &location.object_key).unwrap();
    assert_eq!(written.body.as_ref(), b"evidence");
    assert_eq!(written.encryption.as_deref(), Some("aws:kms"));
    assert_eq!(written.kms_key, Some(key.id));
}
