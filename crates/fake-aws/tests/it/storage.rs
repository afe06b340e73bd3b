//! Objects and parameters.

use aws_sdk_s3::config::Credentials;
use aws_sdk_s3::error::ProvideErrorMetadata as _;
use aws_sdk_s3::types::ServerSideEncryption;
use fake_aws::Aws;
use fake_aws::pipeline::{ARTIFACT_BUCKET, Job, PipelineSpec, SourceRevision, Stage};
use fake_aws::ssm::Kind;

use crate::world::{PIPELINE, World, code};

#[tokio::test]
async fn object_is_read_back_as_it_was_written() {
    let aws = Aws::start().await.unwrap();
    let s3 = aws_sdk_s3::Client::new(&aws.sdk_config());
    let written = s3
        .put_object()
        .bucket("evidence")
        .key("a folder/verdict ä.json")
        .body(b"passed".to_vec().into())
        .content_type("application/json")
        .server_side_encryption(ServerSideEncryption::AwsKms)
        .ssekms_key_id("key-1")
        .send()
        .await
        .unwrap();

    let read = s3
        .get_object()
        .bucket("evidence")
        .key("a folder/verdict ä.json")
        .send()
        .await;
    let read = read.unwrap();
    assert_eq!(read.e_tag, written.e_tag);
    assert_eq!(read.content_type.as_deref(), Some("application/json"));
    assert_eq!(read.body.collect().await.unwrap().into_bytes(), "passed");
    let head = s3
        .head_object()
        .bucket("evidence")
        .key("a folder/verdict ä.json")
        .send()
        .await;
    assert_eq!(head.unwrap().content_length, Some(6));

    assert_eq!(aws.s3().keys("evidence"), ["a folder/verdict ä.json"]);
    let stored = aws.s3().get("evidence", "a folder/verdict ä.json").unwrap();
    assert_eq!(stored.encryption.as_deref(), Some("aws:kms"));
    assert_eq!(stored.kms_key.as_deref(), Some("key-1"));
    assert_eq!(aws.calls("PutObject"), 1);
}

#[tokio::test]
async fn missing_object_is_no_such_key() {
    let aws = Aws::start().await.unwrap();
    let s3 = aws_sdk_s3::Client::new(&aws.sdk_config());
    let missing = s3
        .get_object()
        .bucket("evidence")
        .key("nothing")
        .send()
        .await
        .unwrap_err();
    assert!(missing.into_service_error().is_no_such_key());
    let head = s3
        .head_object()
        .bucket("evidence")
        .key("nothing")
        .send()
        .await
        .unwrap_err();
    assert!(head.into_service_error().is_not_found());
}

#[tokio::test]
async fn artifact_opens_only_to_the_credentials_of_a_job() {
    let world = World::sample().await;
    world.start("rev-1");
    let job = world.job();
    let key = artifact(&job);
    let (access_key, session) = credentials(&job);
    let (access_key, session) = (access_key.as_str(), session.as_str());

    let read = read(&world, access_key, Some(session), &key).await.unwrap();
    assert_eq!(read, "monspec of rev-1");

    let role = aws_sdk_s3::Client::new(&world.aws.sdk_config());
    let refused = role
        .get_object()
        .bucket(ARTIFACT_BUCKET)
        .key(&key)
        .send()
        .await;
    assert_eq!(code(&refused.unwrap_err()), "AccessDenied");
    for (access_key, session) in [
        (access_key, None),
        (access_key, Some("another session")),
        ("ASIAANOTHERKEY000000", Some(session)),
    ] {
        let refused = self::read(&world, access_key, session, &key).await;
        assert_eq!(refused.unwrap_err(), "AccessDenied");
    }
}

#[tokio::test]
async fn output_artifact_is_written_by_its_job_and_read_by_the_next() {
    let stage = Stage::new("Staging")
        .lambda("Publish", "publish", "", 1, None)
        .output_artifact("Evidence")
        .lambda("Read", "read", "", 2, Some("Evidence"));
    let world = World::with(PipelineSpec::new(PIPELINE).stage(stage)).await;
    world.start("rev-1");
    let writer = world.job();
    let output = &writer.event["CodePipeline.job"]["data"]["outputArtifacts"][0];
    let key = output["location"]["s3Location"]["objectKey"]
        .as_str()
        .unwrap();
    let (access_key, session) = credentials(&writer);

    let s3 = client(&world, &access_key, Some(&session));
    let put = s3
        .put_object()
        .bucket(ARTIFACT_BUCKET)
        .key(key)
        .body(b"passed".to_vec().into());
    put.send().await.unwrap();
    world.succeed(&writer).await;

    let reader = world.job();
    let (access_key, session) = credentials(&reader);
    let found = read(&world, &access_key, Some(&session), &artifact(&reader)).await;
    assert_eq!(found.unwrap(), "passed");
}

#[tokio::test]
async fn each_job_has_credentials_of_its_own() {
    let world = World::sample().await;
    world.start("rev-1");
    let first = world.job();
    world.succeed(&first).await;
    world
        .pipelines()
        .create(PipelineSpec::sample("Other", "a,1", "b,1"));
    world
        .pipelines()
        .start("Other", SourceRevision::new("rev", ""))
        .unwrap();
    let second = world.job();

    assert_ne!(credentials(&first), credentials(&second));
}

#[tokio::test]
async fn secure_parameter_is_garbage_without_decryption() {
    let aws = Aws::start().await.unwrap();
    let ssm = aws_sdk_ssm::Client::new(&aws.sdk_config());
    aws.ssm().put("/gate/token", Kind::SecureString, "secret");
    let read = async |decrypt: bool| {
        let get = ssm
            .get_parameter()
            .name("/gate/token")
            .with_decryption(decrypt);
        get.send().await.unwrap().parameter.unwrap().value.unwrap()
    };

    assert_eq!(read(true).await, "secret");
    assert!(!read(false).await.contains("secret"));
    aws.ssm().put("/gate/token", Kind::SecureString, "rotated");
    assert_eq!(read(true).await, "rotated");
    assert_eq!(aws.calls("GetParameter"), 3);
}

#[tokio::test]
async fn several_parameters_are_read_at_once_and_the_missing_named() {
    let aws = Aws::start().await.unwrap();
    let ssm = aws_sdk_ssm::Client::new(&aws.sdk_config());
    aws.ssm()
        .put("/gate/tenant", Kind::String, "https://tenant.example");
    let get = ssm
        .get_parameters()
        .names("/gate/tenant")
        .names("/gate/token");
    let answer = get.with_decryption(true).send().await.unwrap();

    let found = &answer.parameters()[0];
    assert_eq!(
        (found.value(), found.version),
        (Some("https://tenant.example"), 1)
    );
    assert_eq!(answer.invalid_parameters(), ["/gate/token"]);
}

#[tokio::test]
async fn parameter_requests_are_held_to_their_limits() {
    let aws = Aws::start().await.unwrap();
    let ssm = aws_sdk_ssm::Client::new(&aws.sdk_config());
    aws.ssm().put("/gate/tenant", Kind::String, "value");
    aws.ssm().remove("/gate/tenant");
    let missing = ssm
        .get_parameter()
        .name("/gate/tenant")
        .send()
        .await
        .unwrap_err();
    assert!(missing.into_service_error().is_parameter_not_found());

    let names = (0..11).map(|number| format!("/gate/{number}")).collect();
    let many = ssm
        .get_parameters()
        .set_names(Some(names))
        .send()
        .await
        .unwrap_err();
    assert_eq!(
        many.into_service_error().code(),
        Some("ValidationException")
    );
}

fn artifact(job: &Job) -> String {
    let artifact = &job.event["CodePipeline.job"]["data"]["inputArtifacts"][0];
    assert_eq!(
        artifact["location"]["s3Location"]["bucketName"],
        ARTIFACT_BUCKET
    );
    artifact["location"]["s3Location"]["objectKey"]
        .as_str()
        .unwrap()
        .to_owned()
}

fn credentials(job: &Job) -> (String, String) {
    let credentials = &job.event["CodePipeline.job"]["data"]["artifactCredentials"];
    let text = |member: &str| credentials[member].as_str().unwrap().to_owned();
    (text("accessKeyId"), text("sessionToken"))
}

fn client(world: &World, access_key: &str, session: Option<&str>) -> aws_sdk_s3::Client {
    let session = session.map(str::to_owned);
    let credentials = Credentials::new(access_key, "secret", session, None, "test");
    let config = aws_sdk_s3::config::Builder::from(&world.aws.sdk_config())
        .credentials_provider(credentials)
        .build();
    aws_sdk_s3::Client::from_conf(config)
}

async fn read(
    world: &World,
    access_key: &str,
    session: Option<&str>,
    key: &str,
) -> Result<String, String> {
    let get = client(world, access_key, session)
        .get_object()
        .bucket(ARTIFACT_BUCKET)
        .key(key);
    let object = get.send().await.map_err(|error| code(&error))?;
    let bytes = object.body.collect().await.unwrap().into_bytes();
    Ok(String::from_utf8(bytes.to_vec()).unwrap())
}
