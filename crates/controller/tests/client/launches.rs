//! What became of a launch, and how it differs from what was ordered.

use controller::{Difference, Error, JobKind, JobType, Launch, Order, Status, TemplateKind};
use fake_controller::{Fault, JobTemplate, Prompts, Times, WorkflowTemplate};
use serde_json::{Map, json};

use crate::world::{World, order, soon, variables};

fn limited(job_type: JobType) -> Order {
    Order {
        limit: Some("web-1".to_owned()),
        job_type,
        ..order("r-1")
    }
}

#[tokio::test]
async fn launch_says_what_it_made() {
    let prompts = Prompts {
        variables: true,
        limit: true,
        job_type: true,
    };
    let world = World::with(JobTemplate {
        prompts,
        extra_vars: variables(json!({"own": 1})),
        ..JobTemplate::default()
    })
    .await;
    let order = limited(JobType::Check);

    let launched = world.launched(&order).await;

    assert_eq!(launched.differences(&order), []);
    assert_eq!(launched.job.status, Status::Pending);
    assert_eq!(launched.job.at.kind, JobKind::Job);
    assert_eq!(launched.job.template, Some(world.template));
    assert!(launched.job.carries(&["unbreakable", "run"], "r-1"));
    let posted = world.fake.calls().pop().unwrap().body;
    assert_eq!(
        posted,
        json!({
            "extra_vars": {"unbreakable": {"run": "r-1"}, "promotion_rate": "0"},
            "limit": "web-1",
            "job_type": "check",
        })
    );
    let page = world.client.page_of(launched.job.at).unwrap();
    assert!(page.ends_with(&format!("/#/jobs/playbook/{}", launched.job.at.id)));
}

#[tokio::test]
async fn nothing_is_said_that_was_not_asked_for() {
    let world = World::with(JobTemplate::default()).await;
    let order = Order {
        variables: Map::new(),
        limit: Some(String::new()),
        job_type: JobType::Run,
    };

    let _ = world.launched(&order).await;

    // An empty limit would mean all hosts, and a `null` is refused.
    assert_eq!(world.fake.calls().pop().unwrap().body, json!({}));
}

#[tokio::test]
async fn limit_and_check_that_are_dropped_are_found_out() {
    let world = World::with(JobTemplate::default()).await;
    let order = limited(JobType::Check);

    let launched = world.launched(&order).await;

    let limit = Difference::Limit {
        ordered: "web-1".to_owned(),
        is: String::new(),
    };
    let job_type = Difference::JobType {
        ordered: "check",
        is: "run".to_owned(),
    };
    let ignored = ["limit", "job_type"].map(|field| Difference::Ignored(field.to_owned()));
    let all = [ignored.to_vec(), vec![limit.clone(), job_type.clone()]].concat();
    assert_eq!(launched.differences(&order), all);
    // Whoever finds the job later sees no `ignored_fields`.
    let found = world.client.job(launched.job.at, soon()).await.unwrap();
    assert_eq!(found.unwrap().differences(&order), [limit, job_type]);
}

#[tokio::test]
async fn template_that_checks_by_itself_is_found_out() {
    let world = World::with(JobTemplate {
        job_type: "check".to_owned(),
        ..JobTemplate::default()
    })
    .await;

    let launched = world.launched(&order("r-1")).await;

    let differences = launched.differences(&order("r-1"));
    assert_eq!(differences.len(), 1, "{differences:?}");
    assert_eq!(
        differences[0].to_string(),
        "the job type is `check` instead of `run`"
    );
}

#[tokio::test]
async fn survey_lets_only_its_own_variables_in() {
    let world = World::with(JobTemplate {
        prompts: Prompts::default(),
        survey: vec![json!({
            "variable": "promotion_rate", "type": "text", "required": true, "default": "",
        })],
        ..JobTemplate::default()
    })
    .await;

    let launched = world.launched(&order("r-1")).await;

    assert_eq!(
        launched.differences(&order("r-1")),
        [
            Difference::Ignored("extra_vars".to_owned()),
            Difference::Variable("unbreakable".to_owned()),
        ]
    );
}

#[tokio::test]
async fn refusals_say_what_is_missing() {
    let survey = vec![json!({
        "variable": "rate", "type": "integer", "required": true, "min": 0, "max": 100, "default": "",
    })];
    let with_survey = JobTemplate {
        survey,
        ..JobTemplate::default()
    };
    let rate = |rate| Order {
        variables: variables(json!({ "rate": rate })),
        ..order("r-1")
    };
    let passwords = JobTemplate {
        passwords: vec!["ssh_password".to_owned()],
        ..JobTemplate::default()
    };
    let without_inventory = JobTemplate {
        lacks_inventory: true,
        ..JobTemplate::default()
    };
    for (template, order, says) in [
        (with_survey.clone(), order("r-1"), "'rate' value missing"),
        (
            with_survey.clone(),
            rate(json!("5")),
            "expected to be an integer",
        ),
        (with_survey, rate(json!(101)), "out of its range"),
        (passwords, order("r-1"), "ssh_password"),
        (without_inventory, order("r-1"), "'inventory' is missing"),
    ] {
        let world = World::with(template).await;

        let launched = world.launch(&order).await;

        let Launch::Refused { status: 400, text } = &launched else {
            panic!("{launched:?}");
        };
        assert!(text.contains(says), "{text}");
        assert!(world.fake.jobs().is_empty());
    }
}

#[tokio::test]
async fn template_that_is_gone_or_hidden_is_a_refusal() {
    let world = World::with(JobTemplate::default()).await;
    let hidden = world.fake.job_template(JobTemplate::default());

    for id in [hidden, 999] {
        let launched = world
            .client
            .launch(TemplateKind::Job, id, &order("r-1"), soon())
            .await;
        assert!(
            matches!(launched, Launch::Refused { status: 404, .. }),
            "{launched:?}"
        );
    }
}

#[tokio::test]
async fn whatever_is_neither_yes_nor_no_is_unknown() {
    for fault in [
        Fault::LoseAnswer,
        Fault::BadGatewayBefore,
        Fault::BadGatewayAfter,
        Fault::Flattened,
        Fault::Throttle,
        Fault::Html503,
        Fault::Broken,
        Fault::NotJson200,
    ] {
        let world = World::with(JobTemplate::default()).await;
        world
            .fake
            .fail(fault.clone(), Times::N(1), "POST /job_templates");

        let launched = world.launch(&order("r-1")).await;

        assert!(
            matches!(launched, Launch::Unknown(_)),
            "{fault:?}: {launched:?}"
        );
        assert_eq!(world.fake.count("POST", "/launch/"), 1, "{fault:?}");
    }
}

#[tokio::test]
async fn answer_that_never_comes_is_unknown() {
    let world = World::with(JobTemplate::default()).await;
    world
        .fake
        .fail(Fault::Hang, Times::N(1), "POST /job_templates");
    let deadline = tokio::time::Instant::now() + std::time::Duration::from_millis(300);

    let launched = world
        .client
        .launch(TemplateKind::Job, world.template, &order("r-1"), deadline)
        .await;

    assert!(
        matches!(launched, Launch::Unknown(Error::Unavailable { .. })),
        "{launched:?}"
    );
}

#[tokio::test]
async fn workflow_refuses_what_a_job_template_drops() {
    let world = World::with(JobTemplate::default()).await;
    let id = world.fake.workflow_template(WorkflowTemplate {
        name: "stop-all".to_owned(),
        organization: "Default".to_owned(),
        prompts: Prompts {
            variables: true,
            ..Prompts::default()
        },
    });
    world.fake.permit("ub", id);
    let launch = async |order: &Order| {
        world
            .client
            .launch(TemplateKind::Workflow, id, order, soon())
            .await
    };

    let refused = launch(&limited(JobType::Run)).await;
    assert!(
        matches!(&refused, Launch::Refused { status: 400, text } if text.contains("limit")),
        "{refused:?}"
    );
    let Launch::Launched(launched) = launch(&order("r-1")).await else {
        panic!("it is launched");
    };
    assert_eq!(launched.job.at.kind, JobKind::Workflow);
    assert_eq!(launched.differences(&order("r-1")), []);
    // It has no output and no tasks of its own.
    assert_eq!(
        world
            .client
            .tail(launched.job.at, 40, soon())
            .await
            .unwrap(),
        None
    );
    assert!(
        world
            .client
            .failed_tasks(launched.job.at, soon())
            .await
            .unwrap()
            .is_empty()
    );
}
