//! The tutorial's pipeline and deployment groups.

use jiff::SignedDuration;
use serde_json::json;

use super::{APPLICATION, PIPELINE, WINDOW, startup};
use crate::world::{PUSH, REGISTER, World};
use fake_aws::codedeploy::GroupOptions;
use fake_aws::pipeline::{ARTIFACT_BUCKET, PipelineSpec, Stage};

/// Declares the deployment groups and the pipeline.
pub(super) fn declare(world: &World) -> anyhow::Result<()> {
    let codedeploy = world.aws.codedeploy();
    codedeploy.application(APPLICATION);
    for environment in ["Staging", "Production"] {
        let tests = startup::group_of(environment);
        codedeploy.group(APPLICATION, &tests, GroupOptions::default())?;
        // It ends when the tests do.
        codedeploy.hold(APPLICATION, &tests)?;
    }
    for group in ["Staging", "Production"] {
        let lead = SignedDuration::from_millis(300);
        let options = GroupOptions {
            lead,
            ..GroupOptions::default()
        };
        codedeploy.group(APPLICATION, group, options)?;
        // It ends when the build listens.
        codedeploy.hold(APPLICATION, group)?;
    }
    let stage = |name: &str, comparison: &str| {
        let register = json!({
            "comparison": comparison,
            "window": format!("{}s", WINDOW.as_secs()),
            "approvalAction": approval(name),
        });
        let push = format!("{name},CodePipeline Deploying in {name}");
        Stage::new(name)
            .deploy("Deploy", APPLICATION, name, 1)
            .input_artifact("App")
            .deploy("Tests", APPLICATION, &startup::group_of(name), 2)
            .input_artifact("Tests")
            .lambda("PushDeploymentEvent", PUSH, &push, 2, Some("Monspec"))
            .lambda(
                "RegisterValidation",
                REGISTER,
                &register.to_string(),
                2,
                Some("Monspec"),
            )
    };
    let gate = |name: &str| Stage::new(&approval(name)).approval(&approval(name));
    let pipeline = PipelineSpec::new(PIPELINE)
        .stage(stage("Staging", "StagingToProduction"))
        .stage(gate("Staging"))
        .stage(stage("Production", "ProductionToProductionLastHour"))
        .stage(gate("Production"));
    world.aws.pipelines().create(pipeline);
    world.aws.s3().admit_role(ARTIFACT_BUCKET);
    Ok(())
}

/// What the approval of an environment is called.
pub(super) fn approval(environment: &str) -> String {
    format!("Approve{environment}")
}
