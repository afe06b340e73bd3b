//! What can be launched, and what it asks for.

use controller::{Named, TemplateKind};
use fake_controller::{JobTemplate, Prompts, WorkflowTemplate};
use serde_json::json;

use crate::world::{World, soon};

#[tokio::test]
async fn template_is_found_by_id_and_by_exact_name() {
    let world = World::with(JobTemplate {
        slices: 2,
        ..JobTemplate::default()
    })
    .await;
    let client = &world.client;
    let by_id = client
        .template(TemplateKind::Job, world.template, soon())
        .await
        .unwrap()
        .unwrap();

    assert_eq!(by_id.name, "stop-campaign");
    assert_eq!(by_id.organization.as_deref(), Some("Default"));
    assert_eq!(by_id.project.as_deref(), Some("runbooks"));
    assert_eq!(by_id.inventory.as_deref(), Some("Production"));
    assert_eq!(by_id.playbook, "stop.yml");
    assert!(by_id.at.sliced && !by_id.simultaneous);

    let named = async |name, organization| {
        client
            .template_named(TemplateKind::Job, name, organization, soon())
            .await
            .unwrap()
    };
    assert_eq!(
        named("stop-campaign", Some("Default")).await,
        Named::One(Box::new(by_id))
    );
    assert_eq!(named("stop-campaign", Some("Other")).await, Named::None);
    assert_eq!(named("stop", None).await, Named::None);

    let other = world.fake.job_template(JobTemplate {
        organization: "Other".to_owned(),
        ..JobTemplate::default()
    });
    world.fake.permit("ub", other);
    assert_eq!(named("stop-campaign", None).await, Named::Several(2));
}

#[tokio::test]
async fn both_kinds_share_ids_and_know_only_their_own() {
    let world = World::with(JobTemplate::default()).await;
    let workflow = world.fake.workflow_template(WorkflowTemplate {
        name: "stop-all".to_owned(),
        organization: "Default".to_owned(),
        prompts: Prompts::default(),
    });
    world.fake.permit("ub", workflow);
    assert_eq!(workflow, world.template + 1);
    for (kind, id, known) in [
        (TemplateKind::Job, world.template, true),
        (TemplateKind::Job, workflow, false),
        (TemplateKind::Workflow, workflow, true),
        (TemplateKind::Workflow, world.template, false),
    ] {
        let template = world.client.template(kind, id, soon()).await.unwrap();
        assert_eq!(template.is_some(), known, "{kind:?} {id}");
        let preflight = world.client.preflight(kind, id, soon()).await.unwrap();
        assert_eq!(preflight.is_some(), known, "{kind:?} {id}");
    }
}

#[tokio::test]
async fn preflight_tells_prompts_needs_survey_and_defaults() {
    let world = World::with(JobTemplate {
        limit: "web".to_owned(),
        passwords: vec!["ssh_password".to_owned()],
        lacks_inventory: true,
        prompts: Prompts {
            variables: false,
            limit: true,
            job_type: false,
        },
        survey: vec![
            json!({"variable": "rate", "type": "integer", "required": true, "min": 0, "max": 100, "default": ""}),
            json!({"variable": "why", "type": "multiplechoice", "required": false, "min": null, "max": null,
                   "choices": "one\ntwo", "default": "one"}),
        ],
        ..JobTemplate::default()
    })
    .await;

    let asked = world
        .client
        .preflight(TemplateKind::Job, world.template, soon())
        .await;
    let asked = asked.unwrap().unwrap();

    assert_eq!(asked.name, "stop-campaign");
    assert!(asked.prompts.limit && !asked.prompts.variables && !asked.prompts.job_type);
    assert_eq!(asked.variables_needed, ["rate"]);
    assert_eq!(asked.passwords_needed, ["ssh_password"]);
    assert!(asked.inventory_needed);
    assert_eq!(
        (
            asked.defaults.limit.as_str(),
            asked.defaults.job_type.as_str()
        ),
        ("web", "run")
    );
    assert_eq!(asked.survey[0].kind, "integer");
    assert_eq!(
        (asked.survey[0].min, asked.survey[0].max),
        (Some(0), Some(100))
    );
    assert_eq!(asked.survey[1].choices, ["one", "two"]);
    assert!(asked.survey[0].required && !asked.survey[1].required);
}
