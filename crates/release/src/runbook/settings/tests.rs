//! Settings that are read, and what is said of those that are not.

use serde_json::{Value, json};

use super::*;
use crate::runbook::Shape;

fn example() -> Value {
    json!({
        "controllers": {
            "awx": {
                "base": "https://awx.acme/api/v2",
                "auth": "bearer",
                "secret": "/ub/awx",
                "ca": "/ub/awx-ca",
            },
        },
        "runbooks": {
            "stop-campaign": {
                "on": "awx",
                "template": 18,
                "name": "stop-campaign",
                "organization": "Default",
                "playbook": "stop.yml",
                "aliases": ["https://old-tower/api/v2/job_templates/18/launch/"],
                "for": {
                    "events": ["CUSTOM_CONFIGURATION"],
                    "sources": ["Ansible Tower"],
                    "tag": "environment:production",
                },
                "vars": {"promotion_rate": {"const": "0"}},
                "limit": null,
                "mode": "auto",
                "check": "none",
                "timeout": "15m",
                "cooldown": "30m",
                "perDay": 3,
                "proof": {"artifact": "rate", "equals": 0},
            },
        },
    })
}

fn read(settings: &Value) -> Result<Runbooks, Vec<String>> {
    let read = Runbooks::read(&settings.to_string());
    read.map_err(|wrong| wrong.iter().map(ToString::to_string).collect())
}

#[test]
fn example_is_read() {
    let listed = read(&example()).unwrap();

    let controller = &listed.controllers["awx"];
    assert_eq!(controller.base, "https://awx.acme/api/v2");
    assert_eq!(controller.auth, Auth::Bearer);
    assert_eq!(controller.ca.as_deref(), Some("/ub/awx-ca"));
    let runbook = &listed.runbooks["stop-campaign"];
    let Means::Template(template) = &runbook.means else {
        panic!("{:?}", runbook.means);
    };
    assert_eq!((template.id, template.kind), (18, Kind::Job));
    assert_eq!(runbook.mode, Mode::Auto);
    assert_eq!(runbook.timeout, SignedDuration::from_mins(15));
    assert_eq!((runbook.per_day, runbook.check), (3, Check::None));
    assert_eq!(runbook.target(None), "runbook#stop-campaign#*");
    assert_eq!(runbook.target(Some("web-1")), "runbook#stop-campaign#web-1");
    assert_eq!(listed.digest.len(), 64);
    assert!(listed.lists(runbook));
}

#[test]
fn example_of_the_documentation_is_read() {
    let file = include_str!("../settings.rs");
    let lines = file.lines().filter_map(|line| line.strip_prefix("//!"));
    let lines = lines.skip_while(|line| *line != " ```json").skip(1);
    let example: String = lines.take_while(|line| *line != " ```").collect();

    let listed = Runbooks::read(&example).unwrap();

    let runbook = &listed.runbooks["stop-campaign"];
    assert_eq!(runbook.mode, Mode::Auto);
    assert!(matches!(&runbook.limit, Some(Hosts::Entity(hosts)) if hosts.len() == 2));
    let Means::Request { url } = &listed.runbooks["undo"].means else {
        panic!("it is a request");
    };
    assert_eq!(*url, listed.receivers["ops"].url);
}

fn with_receiver() -> Value {
    let mut settings = example();
    settings["receivers"] = json!({
        "ops": {"url": "https://ops.acme/hooks/undo", "secret": "/ub/ops"},
    });
    settings["runbooks"]["undo"] = json!({
        "on": "ops",
        "for": {"events": ["CUSTOM_CONFIGURATION"], "sources": ["Deployer"]},
    });
    settings
}

#[test]
fn receiver_needs_no_controller_and_no_template() {
    let mut settings = with_receiver();
    assert!(read(&settings).unwrap().runbooks["undo"].is_request());
    settings.as_object_mut().unwrap().remove("controllers");
    let runbooks = settings["runbooks"].as_object_mut().unwrap();
    runbooks.remove("stop-campaign");
    let before = read(&settings).unwrap();
    assert_eq!(before.runbooks["undo"].mode, Mode::Shadow);
    settings["receivers"]["ops"]["url"] = json!("https://ops.acme/other");
    let moved = read(&settings).unwrap();
    assert!(
        !moved.lists(&before.runbooks["undo"]),
        "it has another address"
    );
}

#[test]
fn receiver_is_listed_by_a_public_address_and_promises_nothing_else() {
    for (place, value, says) in [
        (
            "/receivers/ops/url",
            json!("ops.acme"),
            "receivers.ops.url: write the whole address",
        ),
        (
            "/receivers/ops/url",
            json!("http://ops.acme/x"),
            "begin with `https://`",
        ),
        (
            "/receivers/ops/url",
            json!("https://10.0.0.1/x"),
            "begin with `https://` and a public",
        ),
        (
            "/receivers/ops/url",
            json!("https://[fd00::1]/x"),
            "begin with `https://` and a public",
        ),
        (
            "/receivers/ops/url",
            json!("http://169.254.169.254/x"),
            "begin with `https://`",
        ),
        (
            "/receivers/ops/url",
            json!("https://u@ops.acme/x"),
            "carries a user name",
        ),
        (
            "/receivers/ops/url",
            json!("https://ops.acme/x?y=1"),
            "carries a query",
        ),
        (
            "/receivers/ops/url",
            json!("https://ops.acme/x#y"),
            "its path is none",
        ),
        (
            "/receivers/ops/url",
            json!("https://awx.acme/api/v2/job_templates/18/launch/"),
            "list its controller in `controllers`",
        ),
        (
            "/receivers/ops/secret",
            json!("t0k3n"),
            "receivers.ops.secret: write the name",
        ),
        (
            "/runbooks/undo/check",
            json!("before"),
            "a receiver has no check mode; write `none`",
        ),
        (
            "/runbooks/undo/template",
            json!(18),
            "undo.template: a receiver has none; leave it out",
        ),
        (
            "/runbooks/undo/name",
            json!("x"),
            "undo.name: a receiver has none",
        ),
        (
            "/runbooks/undo/limit",
            json!("web-1"),
            "undo.limit: a receiver has none",
        ),
        (
            "/runbooks/undo/on",
            json!("sms"),
            "it names no controller or receiver",
        ),
        (
            "/runbooks/stop-campaign/template",
            Value::Null,
            "template: write the id",
        ),
    ] {
        let mut settings = with_receiver();
        let (parent, field) = place.rsplit_once('/').unwrap();
        settings.pointer_mut(parent).unwrap()[field] = value.clone();

        let wrong = read(&settings).unwrap_err().join("; ");

        assert!(wrong.contains(says), "{place} {value}: {wrong}");
    }
    let mut settings = with_receiver();
    settings["receivers"]["awx"] = settings["receivers"]["ops"].clone();
    assert!(read(&settings).unwrap_err()[0].contains("a controller has the same name"));
    let mut local = with_receiver();
    local["receivers"]["ops"]["url"] = json!("http://127.0.0.1:8080/hooks/undo");
    assert!(read(&local).is_ok());
}

#[test]
fn what_is_not_written_is_cautious() {
    let mut settings = example();
    let runbook = settings["runbooks"]["stop-campaign"]
        .as_object_mut()
        .unwrap();
    for field in [
        "mode", "check", "timeout", "cooldown", "perDay", "proof", "vars", "aliases",
    ] {
        runbook.remove(field);
    }

    let listed = read(&settings).unwrap();

    let runbook = &listed.runbooks["stop-campaign"];
    assert_eq!((runbook.mode, runbook.check), (Mode::Shadow, Check::None));
    assert_eq!(
        (runbook.older, runbook.compat),
        (Older::Refuse, Compat::None)
    );
    assert_eq!(runbook.per_day, 3);
}

#[test]
fn runbook_that_was_changed_is_not_the_one_that_was_decided() {
    let before = read(&example()).unwrap();
    let mut settings = example();
    settings["runbooks"]["stop-campaign"]["template"] = json!(19);
    let after = read(&settings).unwrap();

    assert!(!after.lists(&before.runbooks["stop-campaign"]));
    assert_ne!(before.digest, after.digest);
}

#[test]
fn stored_runbook_is_read_as_it_was() {
    let mut settings = example();
    settings["runbooks"]["stop-campaign"]["vars"] = json!({
        "rate": {"from": "oldValue", "type": "int", "min": 0, "max": 100},
        "share": {"from": "share", "type": "number", "min": 0.0, "max": 1.0},
        "on": {"from": "on", "type": "bool"},
        "why": {"from": "why", "type": "text", "matches": "[a-z ]+"},
    });
    settings["runbooks"]["stop-campaign"]["limit"] = json!({"entityOf": ["web-1"]});
    let listed = read(&settings).unwrap();
    let runbook = &listed.runbooks["stop-campaign"];

    let rate = &runbook.variables["rate"];
    let is = Shape::Int { min: 0, max: 100 };
    let property = "oldValue".to_owned();
    assert_eq!(*rate, Variable::From { property, is });
}

#[test]
#[expect(clippy::too_many_lines, reason = "it is a table")]
fn every_mistake_is_named_with_what_to_write() {
    let runbook = "/runbooks/stop-campaign";
    let at = |field: &str| format!("{runbook}/{field}");
    for (place, value, says) in [
        (
            "/controllers/awx/base".to_owned(),
            json!("https://awx.acme"),
            "controllers.awx.base: write the whole address",
        ),
        (
            "/controllers/awx/base".to_owned(),
            json!("https://awx.acme/api/v1"),
            "controllers.awx.base: write the whole address",
        ),
        (
            "/controllers/awx/base".to_owned(),
            json!("http://awx.acme/api/v2"),
            "begin with `https://`",
        ),
        (
            "/controllers/awx/base".to_owned(),
            json!("https://u@awx.acme/api/v2"),
            "remove the user name",
        ),
        (
            "/controllers/awx/auth".to_owned(),
            json!("token"),
            "controllers.awx.auth: write `bearer` or `basic`",
        ),
        (
            "/controllers/awx/secret".to_owned(),
            json!("t0k3n"),
            "controllers.awx.secret: write the name of the parameter",
        ),
        (
            at("on"),
            json!("tower"),
            "runbooks.stop-campaign.on: it names no controller or receiver",
        ),
        (
            at("name"),
            json!(" "),
            "runbooks.stop-campaign.name: write the name",
        ),
        (
            at("aliases"),
            json!(["a b"]),
            "runbooks.stop-campaign.aliases[0]: it is neither an address",
        ),
        (
            at("for/events"),
            json!([]),
            "runbooks.stop-campaign.for.events: list at least one",
        ),
        (
            at("for/sources"),
            json!([""]),
            "runbooks.stop-campaign.for.sources: list at least one",
        ),
        (
            at("mode"),
            json!("on"),
            "runbooks.stop-campaign.mode: write one of `shadow`, `off`, `ask`, `auto`",
        ),
        (
            at("check"),
            json!("yes"),
            "runbooks.stop-campaign.check: write one of `none`, `before`",
        ),
        (
            at("timeout"),
            json!("15"),
            "runbooks.stop-campaign.timeout: write it like `90s`",
        ),
        (
            at("timeout"),
            json!("2d"),
            "runbooks.stop-campaign.timeout: write it like `90s`",
        ),
        (
            at("timeout"),
            json!("25h"),
            "runbooks.stop-campaign.timeout: write it like `90s`",
        ),
        (
            at("cooldown"),
            json!("0m"),
            "runbooks.stop-campaign.cooldown: write it like `90s`",
        ),
        (
            at("cooldown"),
            json!("é"),
            "runbooks.stop-campaign.cooldown: write it like `90s`",
        ),
        (
            at("perDay"),
            json!(0),
            "runbooks.stop-campaign.perDay: write at least 1",
        ),
        (
            at("proof/artifact"),
            json!(""),
            "runbooks.stop-campaign.proof.artifact: write the name",
        ),
        (
            at("limit"),
            json!(""),
            "runbooks.stop-campaign.limit: an empty limit means all hosts",
        ),
        (
            at("limit"),
            json!({"entityOf": ["web*"]}),
            "runbooks.stop-campaign.limit.entityOf: list hosts",
        ),
        (
            at("limit"),
            json!({"entityOf": []}),
            "runbooks.stop-campaign.limit.entityOf: list hosts",
        ),
        (
            at("vars"),
            json!({"ansible_user": {"const": "x"}}),
            "vars.ansible_user: a controller or a play takes this name",
        ),
        (
            at("vars"),
            json!({"limit": {"const": "x"}}),
            "vars.limit: a controller or a play takes this name",
        ),
        (
            at("vars"),
            json!({"a": {"const": "{{ x }}"}}),
            "vars.a: it has marks of a template",
        ),
        (
            at("vars"),
            json!({"a": {"const": ["{% x %}"]}}),
            "vars.a: it has marks of a template",
        ),
        (
            at("vars"),
            json!({"a": {}}),
            "vars.a: write either `const`, or `from`",
        ),
        (
            at("vars"),
            json!({"a": {"const": 1, "from": "x"}}),
            "vars.a: write either `const`, or `from`",
        ),
        (
            at("vars"),
            json!({"a": {"from": "x"}}),
            "vars.a: write `type` as",
        ),
        (
            at("vars"),
            json!({"a": {"from": "x", "type": "int"}}),
            "vars.a: write `min` and `max`",
        ),
        (
            at("vars"),
            json!({"a": {"from": "x", "type": "int", "min": 2, "max": 1}}),
            "vars.a: write `min` and `max`",
        ),
        (
            at("vars"),
            json!({"a": {"from": "x", "type": "int", "min": 0.5, "max": 1}}),
            "vars.a: write `min` and `max`",
        ),
        (
            at("vars"),
            json!({"a": {"from": "x", "type": "text"}}),
            "vars.a: write `matches`",
        ),
        (
            at("vars"),
            json!({"a": {"from": "x", "type": "text", "matches": "("}}),
            "vars.a: `matches` is no regular expression",
        ),
    ] {
        let mut settings = example();
        *settings
            .pointer_mut(&place)
            .unwrap_or_else(|| panic!("{place}")) = value.clone();

        let wrong = read(&settings).unwrap_err();

        assert!(
            wrong.len() == 1 && wrong[0].contains(says),
            "{place} {value}: {wrong:?}"
        );
    }
}

#[test]
fn shapes_that_are_none_are_named_by_their_line() {
    for (text, says) in [
        ("{", "line 1"),
        (
            "{\"controllers\": {}, \"runbooks\": {}, \"more\": 1}",
            "unknown field `more`",
        ),
        ("{\"controllers\": {}}", "missing field `runbooks`"),
    ] {
        let wrong = Runbooks::read(text).unwrap_err();
        let said = wrong[0].to_string();
        assert!(wrong.len() == 1 && said.contains(says), "{text}: {said}");
    }
    let mut settings = example();
    settings["runbooks"]["stop-campaign"]["timout"] = json!("15m");
    assert!(read(&settings).unwrap_err()[0].contains("unknown field `timout`"));
    settings = example();
    let runbook = settings["runbooks"]["stop-campaign"].clone();
    settings["runbooks"] = json!({ "18": runbook });
    assert!(read(&settings).unwrap_err()[0].contains("would be taken for an id"));
}

#[test]
fn workflow_is_never_checked() {
    let mut settings = example();
    settings["runbooks"]["stop-campaign"]["kind"] = json!("workflow");
    assert!(read(&settings).is_ok());
    settings["runbooks"]["stop-campaign"]["check"] = json!("before");
    assert!(read(&settings).unwrap_err()[0].contains("a workflow has no check mode"));
}

#[test]
fn stricter_of_two_modes_holds() {
    use crate::remediation::Mode as All;
    for (own, all, is) in [
        (Mode::Auto, All::Auto, Mode::Auto),
        (Mode::Ask, All::Auto, Mode::Ask),
        (Mode::Auto, All::Shadow, Mode::Shadow),
        (Mode::Ask, All::Shadow, Mode::Shadow),
        (Mode::Auto, All::Off, Mode::Off),
        (Mode::Off, All::Auto, Mode::Off),
    ] {
        assert_eq!(own.under(all), is);
    }
}
