//! The settings as they are written, and what they must be.

use std::collections::{BTreeMap, BTreeSet};

use jiff::SignedDuration;
use serde::Deserialize;
use url::{Host, Url};

use super::variable::{WireVariable, variable};
use super::{
    Auth, Causes, Check, Compat, Controller, Hosts, Invalid, Means, Mode, Older, Receiver, Runbook,
    Runbooks, Template,
};
use crate::address::is_https_or_loopback;
use crate::runbook::action::{Which, is_name, parse, site_of_base};
use crate::runbook::variables::is_forbidden;
use crate::runbook::{Kind, Proof};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WireSettings {
    #[serde(default)]
    controllers: BTreeMap<String, WireController>,
    #[serde(default)]
    receivers: BTreeMap<String, WireReceiver>,
    runbooks: BTreeMap<String, WireRunbook>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WireController {
    base: String,
    auth: String,
    secret: String,
    ca: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WireReceiver {
    url: String,
    secret: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct WireRunbook {
    on: String,
    kind: Option<String>,
    template: Option<u64>,
    name: Option<String>,
    organization: Option<String>,
    playbook: Option<String>,
    project: Option<String>,
    #[serde(default)]
    aliases: Vec<String>,
    #[serde(rename = "for")]
    causes: WireCauses,
    #[serde(default)]
    vars: BTreeMap<String, WireVariable>,
    limit: Option<WireHosts>,
    mode: Option<String>,
    check: Option<String>,
    timeout: Option<String>,
    cooldown: Option<String>,
    per_day: Option<u32>,
    proof: Option<Proof>,
    older: Option<String>,
    compat: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WireCauses {
    events: Vec<String>,
    sources: Vec<String>,
    tag: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum WireHosts {
    These(String),
    #[serde(rename_all = "camelCase")]
    Entity {
        entity_of: Vec<String>,
    },
}

/// Reads the settings; everything that is wrong at once.
pub(super) fn read(text: &str) -> Result<Runbooks, Vec<Invalid>> {
    let settings: WireSettings = serde_json::from_str(text).map_err(|error| {
        vec![Invalid {
            at: format!("line {}, column {}", error.line(), error.column()),
            what: error.to_string(),
        }]
    })?;
    let mut wrong = Wrong::default();
    let names: BTreeSet<String> = settings.controllers.keys().cloned().collect();
    let receivers: BTreeMap<String, Receiver> = settings
        .receivers
        .into_iter()
        .map(|(name, wire)| (name.clone(), receiver(name, wire, &names, &mut wrong)))
        .collect();
    let controllers = settings
        .controllers
        .into_iter()
        .filter_map(|(name, wire)| Some((name.clone(), controller(name, wire, &mut wrong)?)))
        .collect();
    let mut runbooks = BTreeMap::new();
    for (alias, wire) in settings.runbooks {
        let at = format!("runbooks.{alias}");
        let receiver = receivers.get(&wire.on);
        if receiver.is_none() && !names.contains(&wire.on) {
            wrong.say(
                &at,
                "on",
                "it names no controller or receiver that is listed",
            );
        }
        if let Some(runbook) = runbook(alias.clone(), wire, receiver, &at, &mut wrong) {
            runbooks.insert(alias, runbook);
        }
    }
    if wrong.0.is_empty() {
        Ok(Runbooks {
            controllers,
            receivers,
            runbooks,
            digest: String::new(),
        })
    } else {
        Err(wrong.0)
    }
}

/// What is wrong so far.
#[derive(Default)]
struct Wrong(Vec<Invalid>);

impl Wrong {
    fn say(&mut self, at: &str, field: &str, what: impl Into<String>) {
        let at = if field.is_empty() {
            at.to_owned()
        } else {
            format!("{at}.{field}")
        };
        self.0.push(Invalid {
            at,
            what: what.into(),
        });
    }

    /// The value, or what is wrong about it.
    fn take<T>(&mut self, at: &str, field: &str, value: Result<T, impl Into<String>>) -> Option<T> {
        value.map_err(|what| self.say(at, field, what)).ok()
    }
}

fn controller(name: String, wire: WireController, wrong: &mut Wrong) -> Option<Controller> {
    let at = format!("controllers.{name}");
    if !is_name(&name) {
        wrong.say(&at, "", "a name has letters, digits and `._-`");
    }
    let base = wrong.take(&at, "base", base(&wire.base));
    let auth = match wire.auth.as_str() {
        "bearer" => Ok(Auth::Bearer),
        "basic" => Ok(Auth::Basic),
        _ => Err("write `bearer` or `basic`"),
    };
    let auth = wrong.take(&at, "auth", auth);
    for (field, parameter) in [("secret", Some(&wire.secret)), ("ca", wire.ca.as_ref())] {
        if let Some(parameter) = parameter {
            named(parameter, &at, field, wrong);
        }
    }
    let (base, site) = base?;
    Some(Controller {
        name,
        base,
        site,
        auth: auth?,
        secret: wire.secret,
        ca: wire.ca,
    })
}

/// A secret is named and never written.
fn named(parameter: &str, at: &str, field: &str, wrong: &mut Wrong) {
    if !parameter.starts_with('/') {
        let what = "write the name of the parameter that holds it, such as `/unbreakable/awx`; \
                    never the secret itself";
        wrong.say(at, field, what);
    }
}

fn receiver(
    name: String,
    wire: WireReceiver,
    controllers: &BTreeSet<String>,
    wrong: &mut Wrong,
) -> Receiver {
    let at = format!("receivers.{name}");
    if !is_name(&name) {
        wrong.say(&at, "", "a name has letters, digits and `._-`");
    }
    if controllers.contains(&name) {
        wrong.say(&at, "", "a controller has the same name; choose another");
    }
    if let Err(what) = address(&wire.url) {
        wrong.say(&at, "url", what);
    }
    named(&wire.secret, &at, "secret", wrong);
    Receiver {
        name,
        url: wire.url,
        secret: wire.secret,
    }
}

/// What events name to ask for it, so it is read as they are.
fn address(text: &str) -> Result<(), String> {
    const WHOLE: &str = "write the whole address, such as `https://ops.example.com/hooks/undo`";
    let url = Url::parse(text).map_err(|_| WHOLE)?;
    if !is_https_or_loopback(&url) {
        let what = "begin with `https://` and a public name; `http://` is accepted for \
                    `127.0.0.1` and `[::1]` only";
        return Err(what.to_owned());
    }
    match parse(text) {
        Ok(action) if action.which == Which::There => Ok(()),
        Ok(_) => Err("it is a template; list its controller in `controllers`".to_owned()),
        Err(why) => Err(why.to_string()),
    }
}

fn base(text: &str) -> Result<(String, crate::runbook::Site), &'static str> {
    const WHOLE: &str = "write the whole address of the API, such as \
                         `https://awx.example.com/api/v2` or \
                         `https://gateway.example.com/api/controller/v2`";
    let url = Url::parse(text).map_err(|_| WHOLE)?;
    let is_loopback = match url.host() {
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        Some(Host::Domain(_)) | None => false,
    };
    if url.scheme() != "https" && !(url.scheme() == "http" && is_loopback) {
        return Err(
            "begin with `https://`; `http://` is accepted for `127.0.0.1` and `[::1]` only",
        );
    }
    let has_user = !url.username().is_empty() || url.password().is_some();
    if has_user || url.query().is_some() || url.fragment().is_some() {
        return Err("remove the user name, the query and the fragment");
    }
    let base = text.trim_end_matches('/').to_owned();
    let is_current = !url.path().trim_end_matches('/').ends_with("/api/v1");
    let site = site_of_base(&base).filter(|_| is_current).ok_or(WHOLE)?;
    Ok((base, site))
}

fn runbook(
    alias: String,
    wire: WireRunbook,
    receiver: Option<&Receiver>,
    at: &str,
    wrong: &mut Wrong,
) -> Option<Runbook> {
    if !is_name(&alias) {
        wrong.say(at, "", "a name has letters, digits and `._-`");
    }
    if alias.bytes().all(|byte| byte.is_ascii_digit()) {
        wrong.say(at, "", "a name of digits alone would be taken for an id");
    }
    actions_and_causes(&wire, at, wrong);
    let means = match receiver {
        Some(receiver) => Some(request(&wire, receiver, at, wrong)),
        None => template(&wire, at, wrong),
    };
    let modes = [
        ("shadow", Mode::Shadow),
        ("off", Mode::Off),
        ("ask", Mode::Ask),
        ("auto", Mode::Auto),
    ];
    let mode = wrong.take(at, "mode", one_of(wire.mode.as_deref(), &modes));
    let checks = [("none", Check::None), ("before", Check::Before)];
    let check = wrong.take(at, "check", one_of(wire.check.as_deref(), &checks));
    let olders = [("refuse", Older::Refuse), ("allow", Older::Allow)];
    let older = wrong.take(at, "older", one_of(wire.older.as_deref(), &olders));
    let compats = [("none", Compat::None), ("seed", Compat::Seed)];
    let compat = wrong.take(at, "compat", one_of(wire.compat.as_deref(), &compats));
    let what = match &means {
        Some(Means::Template(template)) if template.kind == Kind::Workflow => Some("a workflow"),
        Some(Means::Request { .. }) => Some("a receiver"),
        Some(Means::Template(_)) | None => None,
    };
    if let (Some(what), Some(Check::Before)) = (what, check) {
        wrong.say(
            at,
            "check",
            format!("{what} has no check mode; write `none`"),
        );
    }
    let timeout = wrong.take(at, "timeout", span(wire.timeout.as_deref(), "15m"));
    let cooldown = wrong.take(at, "cooldown", span(wire.cooldown.as_deref(), "30m"));
    let per_day = wire.per_day.unwrap_or(3);
    if per_day == 0 {
        wrong.say(at, "perDay", "write at least 1, or the mode `off`");
    }
    if wire
        .proof
        .as_ref()
        .is_some_and(|proof| proof.artifact.trim().is_empty())
    {
        wrong.say(at, "proof.artifact", "write the name that `set_stats` sets");
    }
    let limit = wire.limit.map(|limit| hosts(limit, at, wrong));
    let mut variables = BTreeMap::new();
    for (name, wire) in wire.vars {
        let at = format!("{at}.vars.{name}");
        if is_forbidden(&name) {
            wrong.say(
                &at,
                "",
                "a controller or a play takes this name for its own; choose another",
            );
        }
        if let Some(variable) = wrong.take(&at, "", variable(wire)) {
            variables.insert(name, variable);
        }
    }
    Some(Runbook {
        alias,
        on: wire.on,
        means: means?,
        aliases: wire.aliases,
        causes: Causes {
            events: wire.causes.events,
            sources: wire.causes.sources,
            tag: wire.causes.tag,
        },
        variables,
        limit,
        mode: mode?,
        check: check?,
        timeout: timeout?,
        cooldown: cooldown?,
        per_day,
        proof: wire.proof,
        older: older?,
        compat: compat?,
    })
}

fn template(wire: &WireRunbook, at: &str, wrong: &mut Wrong) -> Option<Means> {
    let kinds = [("job", Kind::Job), ("workflow", Kind::Workflow)];
    let kind = wrong.take(at, "kind", one_of(wire.kind.as_deref(), &kinds));
    let id = wire.template.ok_or("write the id of the template");
    let id = wrong.take(at, "template", id);
    let name = wire.name.clone().filter(|name| !name.trim().is_empty());
    let name = name.ok_or("write the name that the template has");
    let name = wrong.take(at, "name", name);
    Some(Means::Template(Template {
        kind: kind?,
        id: id?,
        name: name?,
        organization: wire.organization.clone(),
        playbook: wire.playbook.clone(),
        project: wire.project.clone(),
    }))
}

/// What is said of a template would be promised and not kept.
fn request(wire: &WireRunbook, receiver: &Receiver, at: &str, wrong: &mut Wrong) -> Means {
    for (field, is_there) in [
        ("kind", wire.kind.is_some()),
        ("template", wire.template.is_some()),
        ("name", wire.name.is_some()),
        ("organization", wire.organization.is_some()),
        ("playbook", wire.playbook.is_some()),
        ("project", wire.project.is_some()),
        ("limit", wire.limit.is_some()),
    ] {
        if is_there {
            wrong.say(at, field, "a receiver has none; leave it out");
        }
    }
    Means::Request {
        url: receiver.url.clone(),
    }
}

fn actions_and_causes(wire: &WireRunbook, at: &str, wrong: &mut Wrong) {
    for (index, further) in wire.aliases.iter().enumerate() {
        if let Err(why) = parse(further) {
            wrong.say(at, &format!("aliases[{index}]"), why.to_string());
        }
    }
    for (field, listed) in [
        ("for.events", &wire.causes.events),
        ("for.sources", &wire.causes.sources),
    ] {
        if listed.is_empty() || listed.iter().any(|one| one.trim().is_empty()) {
            let what = "list at least one: nothing runs for whatever is announced";
            wrong.say(at, field, what);
        }
    }
}

/// An empty pattern would mean all hosts.
fn hosts(wire: WireHosts, at: &str, wrong: &mut Wrong) -> Hosts {
    match wire {
        WireHosts::These(pattern) => {
            if pattern.trim().is_empty() {
                wrong.say(
                    at,
                    "limit",
                    "an empty limit means all hosts; leave it out, or name them",
                );
            }
            Hosts::These(pattern)
        }
        WireHosts::Entity { entity_of } => {
            let are_plain = entity_of.iter().all(|host| is_name(host));
            if entity_of.is_empty() || !are_plain {
                let what = "list hosts by names of letters, digits and `._-`: \
                            everything else is a pattern of several";
                wrong.say(at, "limit.entityOf", what);
            }
            Hosts::Entity(entity_of)
        }
    }
}

/// The first of the words is meant where none is written.
fn one_of<T: Copy>(text: Option<&str>, words: &[(&str, T)]) -> Result<T, String> {
    let Some(text) = text else {
        return Ok(words[0].1);
    };
    let found = words.iter().find(|(word, _)| *word == text);
    found.map(|(_, meaning)| *meaning).ok_or_else(|| {
        let words: Vec<String> = words.iter().map(|(word, _)| format!("`{word}`")).collect();
        format!("write one of {}", words.join(", "))
    })
}

/// `90s`, `15m` or `2h`, a day at most.
fn span(text: Option<&str>, otherwise: &str) -> Result<SignedDuration, &'static str> {
    const LIKE: &str = "write it like `90s`, `15m` or `2h`, a day at most";
    let text = text.unwrap_or(otherwise);
    let unit = text.chars().next_back().ok_or(LIKE)?;
    let scale = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3_600,
        _ => return Err(LIKE),
    };
    let amount: i64 = text[..text.len() - 1].parse().map_err(|_| LIKE)?;
    let seconds = amount.checked_mul(scale).ok_or(LIKE)?;
    if !(1..=86_400).contains(&seconds) {
        return Err(LIKE);
    }
    Ok(SignedDuration::from_secs(seconds))
}
