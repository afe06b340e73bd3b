//! Actions in every form, and what is none.

use super::*;

fn run(text: &str) -> Action {
    match read(None, Some(text)) {
        Ok(Wish::Run(action)) => action,
        other => panic!("{text}: {other:?}"),
    }
}

#[test]
fn what_says_nothing_asks_for_nothing() {
    for action in [
        None,
        Some(""),
        Some("  "),
        Some("NA"),
        Some("n/a"),
        Some("None"),
    ] {
        assert_eq!(
            read(Some("ansible"), action),
            Ok(Wish::Nothing),
            "{action:?}"
        );
        assert_eq!(
            read(Some("rundeck"), action),
            Ok(Wish::Nothing),
            "{action:?}"
        );
    }
}

#[test]
fn only_known_types_are_read() {
    for kind in [
        None,
        Some(""),
        Some("Ansible"),
        Some(" AWX "),
        Some("tower"),
        Some("aap"),
    ] {
        assert!(
            matches!(read(kind, Some("18")), Ok(Wish::Run(_))),
            "{kind:?}"
        );
    }
    let ours = read(Some("unbreakable"), Some("canary/prod"));
    assert_eq!(ours, Ok(Wish::Ours("canary/prod".to_owned())));
    let other = read(Some("rundeck"), Some("18"));
    assert_eq!(other, Err(Unreadable::Type("rundeck".to_owned())));
}

#[test]
fn every_form_of_one_template_is_read_alike() {
    for text in [
        "https://awx.acme/api/v2/job_templates/18/launch/",
        "https://AWX.ACME:443/api/v2/job_templates/18/launch",
        "HTTPS://awx.acme/api/v1/job_templates/18/",
        "https://awx.acme/api/controller/v2/job_templates/18/launch/",
        "https://awx.acme/#/templates/job_template/18",
        "https://awx.acme/#/templates/job_template/18/details",
    ] {
        let site = Site::Address {
            origin: "https://awx.acme".to_owned(),
            path: String::new(),
        };
        let expected = Action {
            site,
            kind: Some(Kind::Job),
            which: Which::Id(18),
        };
        assert_eq!(run(text), expected, "{text}");
    }
}

#[test]
fn paths_ids_names_and_aliases_are_read() {
    let path = run("/tower/api/v2/workflow_job_templates/7/launch/");
    assert_eq!(path.site, Site::Path("/tower".to_owned()));
    assert_eq!(
        (path.kind, path.which),
        (Some(Kind::Workflow), Which::Id(7))
    );

    assert_eq!(run(" 18 ").which, Which::Id(18));
    assert_eq!(run("18").site, Site::Anywhere);
    let alias = |on: Option<&str>, alias: &str| Which::Alias {
        on: on.map(str::to_owned),
        alias: alias.to_owned(),
    };
    assert_eq!(run("stop-campaign").which, alias(None, "stop-campaign"));
    assert_eq!(
        run("awx/stop-campaign").which,
        alias(Some("awx"), "stop-campaign")
    );

    let name = |name: &str, organization: Option<&str>| Which::Name {
        name: name.to_owned(),
        organization: organization.map(str::to_owned),
    };
    let named = run("/api/v2/job_templates/stop%20it++De[+]fault/launch/");
    assert_eq!(named.which, name("stop it", Some("De+fault")));
    assert_eq!(run("/api/v2/job_templates/stop/").which, name("stop", None));
}

#[test]
fn what_could_mean_another_host_is_not_read_as_ours() {
    for (text, origin) in [
        (
            "https://awx.acme:8443/api/v2/job_templates/18/launch/",
            "https://awx.acme:8443",
        ),
        (
            "http://awx.acme/api/v2/job_templates/18/launch/",
            "http://awx.acme",
        ),
        (
            "https://awx.acme.evil/api/v2/job_templates/18/launch/",
            "https://awx.acme.evil",
        ),
        (
            "https://awx.acme./api/v2/job_templates/18/launch/",
            "https://awx.acme.",
        ),
        // A Cyrillic letter.
        (
            "https://\u{430}wx.acme/api/v2/job_templates/18/launch/",
            "https://xn--wx-6kc.acme",
        ),
    ] {
        let Site::Address { origin: read, .. } = run(text).site else {
            panic!("{text} is an address");
        };
        assert_eq!(read, origin, "{text}");
    }
    for (text, why) in [
        (
            "https://awx.acme@evil/api/v2/job_templates/18/launch/",
            Unreadable::Credentials,
        ),
        (
            "https://u:p@awx.acme/api/v2/job_templates/18/launch/",
            Unreadable::Credentials,
        ),
        (
            "https://awx.acme/api/v2/job_templates/18/launch/?x=1",
            Unreadable::Query,
        ),
        (
            "https://awx.acme\\@evil/api/v2/job_templates/18/",
            Unreadable::Form,
        ),
        (
            "https://awx.acme/api/v2/job_templates/18/ launch/",
            Unreadable::Form,
        ),
        ("//evil/api/v2/job_templates/18/launch/", Unreadable::Form),
        (
            "ftp://awx.acme/api/v2/job_templates/18/launch/",
            Unreadable::Form,
        ),
        ("javascript:alert(1)", Unreadable::Form),
        ("https:awx.acme/api/v2/job_templates/18/", Unreadable::Form),
        ("18; rm", Unreadable::Form),
        ("a/b/c", Unreadable::Form),
        ("https://awx.acme/", Unreadable::Path),
        (
            "https://awx.acme/api/v2/projects/18/update/",
            Unreadable::Path,
        ),
        (
            "https://awx.acme/api/v2/job_templates/18/callback/",
            Unreadable::Path,
        ),
        (
            "https://awx.acme/api/v2/job_templates//launch/",
            Unreadable::Path,
        ),
        (
            "https://awx.acme/v3/job_templates/18/launch/",
            Unreadable::Path,
        ),
        (
            "https://awx.acme/#/templates/job_template/18/edit",
            Unreadable::Path,
        ),
        (
            "https://awx.acme/api/v2/job_templates/18/launch/#x",
            Unreadable::Path,
        ),
        ("/api/v2/job_templates/18/../../x", Unreadable::Path),
    ] {
        assert_eq!(read(Some("awx"), Some(text)), Err(why), "{text}");
    }
}

#[test]
fn address_that_is_no_template_is_one_of_a_receiver() {
    let there = |origin: &str, path: &str| {
        let site = Site::Address {
            origin: origin.to_owned(),
            path: path.to_owned(),
        };
        let (kind, which) = (None, Which::There);
        Ok(Wish::Run(Action { site, kind, which }))
    };
    for (text, origin, path) in [
        (
            "https://ops.acme/hooks/undo",
            "https://ops.acme",
            "/hooks/undo",
        ),
        (
            "HTTPS://OPS.acme:443/a/../hooks/undo",
            "https://ops.acme",
            "/hooks/undo",
        ),
        (
            "https://ops.acme:8443/Undo/",
            "https://ops.acme:8443",
            "/Undo/",
        ),
        ("https://ops.acme", "https://ops.acme", "/"),
    ] {
        for kind in [None, Some(" HTTP ")] {
            assert_eq!(read(kind, Some(text)), there(origin, path), "{text}");
        }
        assert_eq!(
            read(Some("ansible"), Some(text)),
            Err(Unreadable::Path),
            "{text}"
        );
    }
    // What is said to be a request is no template, whatever it looks like.
    let template = "https://awx.acme/api/v2/job_templates/18/launch/";
    let path = "/api/v2/job_templates/18/launch/";
    assert_eq!(
        read(Some("http"), Some(template)),
        there("https://awx.acme", path)
    );
    let alias = read(Some("http"), Some("ops/undo"));
    assert_eq!(alias, read(None, Some("ops/undo")));
    for (text, why) in [
        ("https://u@ops.acme/hooks/undo", Unreadable::Credentials),
        ("https://ops.acme/hooks/undo?x=1", Unreadable::Query),
        ("https://ops.acme/hooks/undo#x", Unreadable::Path),
        (
            "https://awx.acme/#/templates/job_template/18",
            Unreadable::Path,
        ),
        ("ftp://ops.acme/hooks/undo", Unreadable::Form),
        ("//ops.acme/hooks/undo", Unreadable::Form),
        ("/api/v2/job_templates/18/launch/", Unreadable::Form),
        ("18", Unreadable::Form),
    ] {
        assert_eq!(read(Some("http"), Some(text)), Err(why), "{text}");
    }
}
