//! What is one content: told by what the deploy action was given, and by
//! nothing else that the execution brought.

use fake_aws::pipeline::{ARTIFACT_BUCKET, PipelineSpec, SourceRevision, Stage};
use release::deployment::{Deployment, Standing};
use workflows::register_validation::Outcome;

use crate::gate::stories;
use crate::world::{PIPELINE, PRODUCTION, STAGING, World, monspec};

stories! {
    edit_of_the_monspec_makes_bad_content_no_better,
    content_is_told_by_the_sources_behind_its_artifact,
    content_of_unknown_sources_is_told_by_its_place,
    verdict_is_about_the_bundle_that_codedeploy_names,
}

const APP: &str = "SampleDevOpsApp";

/// A pipeline whose staging stage deploys this artifact, built as it says.
fn pipeline(world: &World, build: Option<Stage>, artifact: &str) {
    let staging = Stage::new("Staging")
        .deploy("Deploy", APP, "Staging", 1)
        .input_artifact(artifact)
        .lambda(
            "Register",
            "register-validation",
            "StagingToProduction,5",
            2,
            Some("Monspec"),
        );
    let stages = build.into_iter().chain([staging]);
    let pipeline = stages.fold(PipelineSpec::new(PIPELINE), PipelineSpec::stage);
    world.aws.pipelines().create(pipeline);
}

/// An application, its library and its monspec, each of a source of its own.
fn sources(app: &str, library: &str, spec: &str) -> SourceRevision {
    SourceRevision::new(spec, "A change")
        .artifact_at("Monspec", spec, monspec().to_string())
        .artifact_at("App", app, format!("app {app}"))
        .artifact_at("Library", library, format!("library {library}"))
}

/// Releases it; the deployment that is judged.
async fn deployment(world: &World, source: SourceRevision) -> Deployment {
    let pipelines = world.aws.pipelines();
    pipelines.start(PIPELINE, source).unwrap();
    let job = loop {
        let job = pipelines.next_job().unwrap();
        if job.function == "register-validation" {
            break job;
        }
        // Whatever is built is there before the job is answered.
        let output = job
            .event
            .pointer("/CodePipeline.job/data/outputArtifacts/0/location/s3Location/objectKey");
        let key = output.and_then(serde_json::Value::as_str).unwrap();
        world.aws.s3().put(ARTIFACT_BUCKET, key, b"built".to_vec());
        let done = delivery::job::Answer::done("built");
        world.codepipeline().report(&job.id, done).await.unwrap();
    };
    let Outcome::Waiting { id, .. } = world.run_job(&job).await.unwrap() else {
        panic!("the registration waits");
    };
    let mut registration = world.validation(id).await.registration;
    assert_eq!(registration.deployments.len(), 1);
    registration.deployments.remove(0)
}

async fn edit_of_the_monspec_makes_bad_content_no_better(mut world: World) {
    pipeline(&world, None, "App");
    world.traffic(STAGING, 300.0, 0.5);
    world.traffic(PRODUCTION, 100.0, 0.0);
    let first = deployment(&world, sources("1", "1", "m-1")).await;
    assert_eq!(first.version, "1 A change");
    world.pass_window().await;
    let entry = world.ledger.entry(&first.group, &first.id).await;
    assert_eq!(entry.unwrap().unwrap().standing, Standing::Bad);

    let edited = deployment(&world, sources("1", "1", "m-2")).await;
    let fixed = deployment(&world, sources("2", "1", "m-2")).await;

    for (deployment, bad) in [(edited, true), (fixed, false)] {
        let found = world.ledger.bad_contents(&deployment.contents()).await;
        assert_eq!(!found.unwrap().is_empty(), bad, "{deployment:?}");
    }
}

async fn content_is_told_by_the_sources_behind_its_artifact(world: World) {
    let built = || {
        Stage::new("Build")
            .elsewhere("Pack", "Build", "CodeBuild", 1)
            .input_artifact("Library")
            .output_artifact("Packed")
            .elsewhere("Build", "Build", "CodeBuild", 2)
            .input_artifact("App")
            .input_artifact("Packed")
            .output_artifact("Bundle")
    };
    // One repository holds the application and its monspec.
    let together = || {
        Stage::new("Build")
            .elsewhere("Build", "Build", "CodeBuild", 1)
            .input_artifact("Monspec")
            .output_artifact("Bundle")
    };
    for (build, artifact, identity) in [
        (None, "App", "sources:App=1"),
        (Some(built()), "Bundle", "built:App=1;Library=7"),
        (Some(together()), "Bundle", "built:Monspec=m-1"),
        (None, "Monspec", "sources:Monspec=m-1"),
    ] {
        pipeline(&world, build, artifact);
        let deployment = deployment(&world, sources("1", "7", "m-1")).await;
        assert_eq!(deployment.identity, identity);
    }
}

async fn content_of_unknown_sources_is_told_by_its_place(world: World) {
    let generated = || {
        Stage::new("Generate")
            .lambda("Generate", "generate", "", 1, None)
            .output_artifact("Bundle")
    };
    pipeline(&world, Some(generated()), "Bundle");

    let first = deployment(&world, sources("1", "1", "m-1")).await;
    let second = deployment(&world, sources("1", "1", "m-1")).await;

    let place = format!("location:s3:{ARTIFACT_BUCKET}/");
    assert!(first.identity.starts_with(&place), "{}", first.identity);
    assert_ne!(first.identity, second.identity);
}

/// The pipeline does not say what a bundle holds, nor where it lies.
async fn verdict_is_about_the_bundle_that_codedeploy_names(mut world: World) {
    let build = Stage::new("Build")
        .elsewhere("Build", "Build", "CodeBuild", 1)
        .input_artifact("App")
        .output_artifact("Bundle");
    pipeline(&world, Some(build), "Bundle");
    world.traffic(STAGING, 300.0, 0.5);
    world.traffic(PRODUCTION, 100.0, 0.0);
    let registered = deployment(&world, sources("1", "1", "m-1")).await;
    assert_eq!((&registered.digest, &registered.location), (&None, &None));

    world.pass_window().await;

    let entry = world.ledger.entry(&registered.group, &registered.id);
    let judged = entry.await.unwrap().unwrap();
    assert_eq!(judged.standing, Standing::Bad);
    let bundle = judged.deployment;
    let digest = bundle.digest.as_ref().unwrap();
    assert!(bundle.location.is_some(), "{bundle:?}");
    let contents = bundle.contents();
    assert!(
        contents.contains(&format!("built:App=1#{digest}")),
        "{contents:?}"
    );
    let bad = world.ledger.bad_contents(&contents).await.unwrap();
    assert_eq!(bad, contents);
    // Another build of the same source is another content.
    let other = Deployment {
        digest: Some("other".to_owned()),
        location: None,
        ..registered
    };
    let bad = world.ledger.bad_contents(&other.contents()).await.unwrap();
    assert!(bad.is_empty(), "{bad:?}");
}
