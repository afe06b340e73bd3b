//! The settings as they are written, and what they must be.

use std::collections::{BTreeMap, BTreeSet};

use jiff::SignedDuration;
use serde::Deserialize;
use url::{Host, Url};

use super::variable::{WireVariable, variable};
use super::{Auth, Causes, Check, Compat, Controller, Hosts, Invalid, Mode, Older, Runbook};
use crate::runbook::action::{is_name, parse, site_of_base};
use crate::runbook::variables::is_forbidden;
use crate::runbook::{Kind, Proof};

type Listed = (BTreeMap<String, Controller>, BTreeMap<String, Runbook>);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WireSettings {
    controllers: BTreeMap<String, WireController>,
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
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct WireRunbook {
    on: String,
    kind: Option<String>,
    template: u64,
    name: String,
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
pub(super) fn read(text: &str) -> Result<Listed, Vec<Invalid>> {
    let settings: WireSettings = serde_json::from_str(text).map_err(|error| {
        vec![Invalid {
            at: format!("line {}, column {}", error.line(), error.column()),
            what: error.to_string(),
        }]
    })?;
    let mut wrong = Wrong::default();
    let names: BTreeSet<String> = settings.controllers.keys().cloned().collect();
    let controllers = settings
        .controllers
        .into_iter()
        .filter_map(|(name, wire)| Some((name.clone(), controller(name, wire, &mut wrong)?)))
        .collect();
    let mut runbooks = BTreeMap::new();
    for (alias, wire) in settings.runbooks {
        let at = format!("runbooks.{alias}");
        if !names.contains(&wire.on) {
            wrong.say(&at, "on", "it names no controller that is listed");
        }
        if let Some(runbook) = runbook(alias.clone(), wire, &at, &mut wrong) {
            runbooks.insert(alias, runbook);
        }
    }
    if wrong.0.is_empty() {
        Ok((controllers, runbooks))
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
        if parameter.is_some_and(|parameter| !parameter.starts_with('/')) {
            let what = "write the name of the parameter that holds it, such as `/unbreakable/awx`; \
                        never the secret itself";
            wrong.say(&at, field, what);
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

fn runbook(alias: String, wire: WireRunbook, at: &str, wrong: &mut Wrong) -> Option<Runbook> {
    if !is_name(&alias) {
        wrong.say(at, "", "a name has letters, digits and `._-`");
    }
    if alias.bytes().all(|byte| byte.is_ascii_digit()) {
        wrong.say(at, "", "a name of digits alone would be taken for an id");
    }
    if wire.name.trim().is_empty() {
        wrong.say(at, "name", "write the name that the template has");
    }
    actions_and_causes(&wire, at, wrong);
    let kind = one_of(
        wire.kind.as_deref(),
        &[("job", Kind::Job), ("workflow", Kind::Workflow)],
    );
    let kind = wrong.take(at, "kind", kind);
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
    if check == Some(Check::Before) && kind == Some(Kind::Workflow) {
        wrong.say(at, "check", "a workflow has no check mode; write `none`");
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
        kind: kind?,
        template: wire.template,
        name: wire.name,
        organization: wire.organization,
        playbook: wire.playbook,
        project: wire.project,
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
