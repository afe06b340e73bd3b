//! What the lab is told of each function is what the template declares.

use std::collections::BTreeSet;

use lab::world::functions::{self, Trigger};
use lab::world::{Settings, World};

use super::template::{environment, functions as declared, list, statements, template};

#[test]
fn functions_are_described_with_the_triggers_that_the_template_gives_them() {
    let template = template();
    let declared = declared();
    let described: BTreeSet<&str> = functions::ALL.iter().map(|one| one.name).collect();
    assert_eq!(
        described,
        declared.keys().map(String::as_str).collect(),
        "those of the lab, those of the template"
    );

    let resources = &template["Resources"];
    for function in functions::ALL {
        let resource = declared[function.name].as_str();
        let events = resources[resource]["Properties"]["Events"].as_hash();
        let has_event = |kind| {
            let mut events = events.into_iter().flatten();
            events.any(|(_, event)| event["Type"].as_str() == Some(kind))
        };
        let role = format!("{resource}Role");
        let answers_jobs = statements(&template).any(|(name, statement)| {
            let actions = list(&statement["Action"]);
            name == role && actions.contains(&"codepipeline:PutJobSuccessResult")
        });
        let integration = format!("{resource}Integration");
        for (trigger, is_declared) in [
            (Trigger::Job, answers_jobs),
            (Trigger::Schedule, has_event("Schedule")),
            (Trigger::Notice, has_event("EventBridgeRule")),
            (
                Trigger::Http,
                !resources[integration.as_str()].is_badvalue(),
            ),
        ] {
            let is_described = function.triggers.contains(&trigger);
            assert_eq!(is_described, is_declared, "{}: {trigger:?}", function.name);
        }
    }
}

#[test]
fn functions_are_described_with_variables_that_the_template_gives_them() {
    let template = template();
    for (name, resource) in declared() {
        let given = environment(&template, &resource);
        let function = functions::named(&name).unwrap();
        for (variable, _) in function.own {
            assert!(!given[*variable].is_badvalue(), "{name}: {variable}");
        }
    }
}

#[tokio::test]
async fn function_that_is_not_described_is_refused_with_those_that_are() {
    let world = World::start(Settings::default()).await.unwrap();

    let started = world.another("validate-build").await.unwrap_err();
    let asked = world.environment("validate-build").unwrap_err();

    let told = "there is no function `validate-build`; there are register-validation, \
                validate-builds, publish-validation, validation-report, \
                push-deployment-event, handle-problem, change-flags, serve-flags";
    assert_eq!(started.to_string(), told);
    assert_eq!(asked.to_string(), told);
}

#[test]
fn functions_may_log_what_they_do() {
    let listed = include_str!("../../../../crates/lambda/src/logging.rs");
    for function in functions::ALL {
        let target = function.name.replace('-', "_");
        assert!(listed.contains(&format!("\"{target}\"")), "{target}");
    }
}
