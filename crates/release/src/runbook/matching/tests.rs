//! Which runbook is meant by every form of an action, and which actions mean
//! none.

use serde_json::{Value, json};

use super::*;
use crate::runbook::{Wish, read};

const EVENT: &str = "CUSTOM_CONFIGURATION";
const TAG: &str = "environment:production";

fn runbook(on: &str, template: u64, name: &str) -> Value {
    json!({
        "on": on,
        "template": template,
        "name": name,
        "organization": "Default",
        "for": {"events": [EVENT], "sources": ["Ansible Tower"], "tag": TAG},
    })
}

fn settings() -> Value {
    let mut stop = runbook("awx", 18, "stop-campaign");
    stop["aliases"] = json!(["https://old-tower/#/templates/job_template/7", "campaign"]);
    let mut all = runbook("awx", 20, "stop-all");
    all["kind"] = json!("workflow");
    json!({
        "controllers": {
            "awx": {"base": "https://awx.acme/api/v2", "auth": "bearer", "secret": "/ub/awx"},
        },
        "runbooks": {"stop": stop, "all": all},
    })
}

fn with_gateway() -> Value {
    let mut settings = settings();
    settings["controllers"]["aap"] = json!({
        "base": "https://gateway.acme/api/controller/v2", "auth": "basic", "secret": "/ub/aap",
    });
    settings["runbooks"]["restart"] = runbook("aap", 5, "restart");
    settings
}

/// The runbook that an action means, or the sentence that says why none.
fn found(settings: &Value, action: &str) -> String {
    let listed = Runbooks::read(&settings.to_string()).unwrap_or_else(|wrong| panic!("{wrong:?}"));
    let event = Announced {
        kind: EVENT,
        source: Some("Ansible Tower"),
        tags: &[TAG.to_owned()],
    };
    match read(None, Some(action)) {
        Ok(Wish::Run(action)) => match find(&listed, &action, event) {
            Ok(runbook) => runbook.alias.clone(),
            Err(refusal) => refusal.to_string(),
        },
        Ok(_) => "nothing".to_owned(),
        Err(why) => why.to_string(),
    }
}

#[test]
fn page_path_address_id_and_names_mean_one_runbook() {
    for action in [
        "https://awx.acme/api/v2/job_templates/18/launch/",
        "https://AWX.acme:443/api/v2/job_templates/18/launch",
        "https://awx.acme/#/templates/job_template/18",
        "/api/v2/job_templates/18/launch/",
        "/#/templates/job_template/18",
        "18",
        "https://awx.acme/api/v2/job_templates/stop-campaign++Default/launch/",
        "/api/v2/job_templates/stop-campaign/launch/",
        "stop",
        "awx/stop",
        "campaign",
        "https://old-tower/#/templates/job_template/7",
        "https://old-tower/api/v2/job_templates/7/launch/",
    ] {
        assert_eq!(found(&settings(), action), "stop", "{action}");
    }
    for action in [
        "https://awx.acme/api/v2/workflow_job_templates/20/launch/",
        "20",
        "all",
    ] {
        assert_eq!(found(&settings(), action), "all", "{action}");
    }
}

#[test]
fn what_is_not_listed_is_refused_by_name() {
    for (action, says) in [
        (
            "https://evil/api/v2/job_templates/18/launch/",
            "the action names https://evil, which is no listed controller",
        ),
        (
            "https://awx.acme.evil/api/v2/job_templates/18/launch/",
            "no listed controller",
        ),
        (
            "https://awx.acme:8443/api/v2/job_templates/18/launch/",
            "no listed controller",
        ),
        (
            "http://awx.acme/api/v2/job_templates/18/launch/",
            "no listed controller",
        ),
        (
            "https://\u{430}wx.acme/api/v2/job_templates/18/launch/",
            "no listed controller",
        ),
        (
            "https://awx.acme/other/api/v2/job_templates/18/launch/",
            "https://awx.acme/other, which is no listed controller",
        ),
        (
            "https://old-tower/api/v2/job_templates/18/launch/",
            "no listed controller",
        ),
        (
            "/other/api/v2/job_templates/18/launch/",
            "no listed controller",
        ),
        (
            "https://awx.acme@evil/api/v2/job_templates/18/launch/",
            "carries a user name",
        ),
        (
            "https://awx.acme/api/v2/job_templates/19/launch/",
            "the action names template 19, which no listed runbook",
        ),
        (
            "https://awx.acme/api/v2/job_templates/20/launch/",
            "template 20",
        ),
        (
            "https://awx.acme/api/v2/workflow_job_templates/18/launch/",
            "template 18",
        ),
        (
            "https://awx.acme/api/v2/job_templates/stop-campaign++Other/launch/",
            "template `stop-campaign`",
        ),
        ("19", "template 19"),
        ("other/stop", "`stop`"),
        ("nothing-like-it", "`nothing-like-it`"),
        ("NA", "nothing"),
    ] {
        let said = found(&settings(), action);
        assert!(said.contains(says), "{action}: {said}");
    }
}

#[test]
fn gateway_is_a_controller_like_any_other() {
    let settings = with_gateway();
    for action in [
        "https://gateway.acme/api/controller/v2/job_templates/5/launch/",
        "https://gateway.acme/api/v2/job_templates/5/launch/",
        "aap/restart",
        "restart",
    ] {
        assert_eq!(found(&settings, action), "restart", "{action}");
    }
}

#[test]
fn id_without_an_address_is_ambiguous_where_there_are_two_controllers() {
    let settings = with_gateway();
    for action in ["18", "/api/v2/job_templates/18/launch/", "5"] {
        let said = found(&settings, action);
        assert!(said.contains("controllers aap, awx"), "{action}: {said}");
    }
    // What the operator has written down beside a runbook means that one.
    let mut settings = with_gateway();
    settings["runbooks"]["stop"]["aliases"] = json!(["18"]);
    assert_eq!(found(&settings, "18"), "stop");
    assert_eq!(found(&with_gateway(), "campaign"), "stop");
}

#[test]
fn two_runbooks_of_one_template_are_told_apart_by_their_events() {
    let mut settings = settings();
    let mut other = runbook("awx", 18, "stop-campaign");
    settings["runbooks"]["other"] = other.clone();
    let said = found(
        &settings,
        "https://awx.acme/api/v2/job_templates/18/launch/",
    );
    assert!(said.contains("each of runbooks other, stop"), "{said}");

    other["for"]["sources"] = json!(["Keptn"]);
    settings["runbooks"]["other"] = other;
    assert_eq!(found(&settings, "18"), "stop");
}

#[test]
fn runbook_is_for_listed_events_alone() {
    let listed = Runbooks::read(&settings().to_string()).unwrap();
    let Ok(Wish::Run(action)) = read(None, Some("18")) else {
        panic!("it is an action");
    };
    let tags = [TAG.to_owned()];
    let event = Announced {
        kind: EVENT,
        source: Some("Ansible Tower"),
        tags: &tags,
    };
    assert!(find(&listed, &action, event).is_ok());
    for (event, says) in [
        (
            Announced {
                kind: "CUSTOM_DEPLOYMENT",
                ..event
            },
            "not for events of type CUSTOM_DEPLOYMENT",
        ),
        (
            Announced {
                source: Some("mallory"),
                ..event
            },
            "not for events of `mallory`",
        ),
        (
            Announced {
                source: None,
                ..event
            },
            "do not say who announced them",
        ),
        (
            Announced { tags: &[], ..event },
            "not for entities without the tag `environment:production`",
        ),
    ] {
        let refused = find(&listed, &action, event).unwrap_err();
        assert!(matches!(refused, Refusal::NotFor { .. }));
        assert!(refused.to_string().contains(says), "{refused}");
    }
}

#[test]
fn request_is_meant_by_its_exact_address_and_by_its_name_alone() {
    let mut settings = settings();
    settings["receivers"] = json!({
        "ops": {"url": "https://ops.acme/hooks/undo", "secret": "/ub/ops"},
    });
    settings["runbooks"]["undo"] = json!({
        "on": "ops",
        "aliases": ["https://old-ops.acme/undo"],
        "for": {"events": [EVENT], "sources": ["Ansible Tower"], "tag": TAG},
    });
    for action in [
        "https://ops.acme/hooks/undo",
        "HTTPS://OPS.acme:443/hooks/undo",
        "https://old-ops.acme/undo",
        "undo",
        "ops/undo",
    ] {
        assert_eq!(found(&settings, action), "undo", "{action}");
    }
    for action in [
        "https://ops.acme/hooks/undo/",
        "https://ops.acme/hooks/Undo",
        "https://ops.acme/hooks",
        "https://ops.acme/",
        "https://ops.acme:8443/hooks/undo",
        "http://ops.acme/hooks/undo",
        "https://ops.acme.evil/hooks/undo",
        "https://\u{43e}ps.acme/hooks/undo",
        "https://awx.acme/hooks/undo",
    ] {
        let said = found(&settings, action);
        assert!(
            said.contains("which is no listed controller or receiver"),
            "{action}: {said}"
        );
    }
    for (action, says) in [
        ("https://ops.acme/hooks/undo?x=1", "carries a query"),
        ("https://ops.acme@evil/hooks/undo", "carries a user name"),
        ("awx/undo", "`undo`, which no listed runbook is for"),
        // The template is still found beside it.
        ("18", "stop"),
    ] {
        let said = found(&settings, action);
        assert!(said.contains(says), "{action}: {said}");
    }
}
