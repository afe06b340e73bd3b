//! What the tenant must know and allow.

use std::collections::BTreeSet;

use dynatrace::{Api, Dynatrace, Entity, Error, EventKind};
use futures_util::future::{join, join_all};
use monspec::{Address, Gap, Metric, ServiceEntry, addresses};
use release::window::Window;
use workflows::handle_problem::tagged_services;
use workflows::measure::{Asking, Readings, Side, scope, tags};

use super::result::{CheckResult, because, fail, ok, unchecked, warn};
use super::{Checked, Installation};

const SCOPE: &str = "scope";
const METRIC: &str = "metric";

/// The scopes in API v2 that this product needs.
const SCOPES: [&str; 6] = [
    "entities.read",
    "metrics.read",
    "events.ingest",
    "events.read",
    "problems.read",
    "problems.write",
];

/// No problem has this id, so a comment on it is refused for that or for the
/// scope.
const NO_PROBLEM: &str = "0";

/// Every scope that is needed. A token that may not be looked up is tried.
pub(super) async fn scopes(it: &Installation) -> Checked {
    let tenant = it.tenant(SCOPE)?;
    let needed: &[&str] = match it.api {
        Api::V1 => &["DataExport"],
        Api::V2 => &SCOPES,
    };
    let has = match tenant.scopes(it.deadline).await {
        Ok(Some(has)) => has,
        Err(error @ Error::Unauthorised(_)) => {
            let fix = "store a valid token under the name that DT_API_TOKEN_PARAMETER has";
            return Err(fail(SCOPE, "the token", because(error), fix));
        }
        Ok(None) | Err(_) => {
            let tries = needed.iter().map(async |scope| {
                let tried = tried(it, tenant, scope).await;
                scope_is_there(scope, tried)
            });
            return Ok(join_all(tries).await);
        }
    };
    let there = |scope: &str| has.iter().any(|known| known == scope);
    let told = needed.iter().map(|scope| {
        let missing = || Error::ScopeMissing("it is not among those of the token".to_owned());
        scope_is_there(
            scope,
            Some(if there(scope) { Ok(()) } else { Err(missing()) }),
        )
    });
    Ok(told.collect())
}

/// The result of a call that needs the scope; none if the call would leave a trace.
async fn tried(it: &Installation, tenant: &Dynatrace, scope: &str) -> Option<Result<(), Error>> {
    let (window, until) = (window(it.window()), it.deadline);
    let none = ["SERVICE-0000000000000000".to_owned()];
    Some(match scope {
        "entities.read" | "DataExport" => {
            let asked = tenant.entities(&it.production, window, until).await;
            asked.map(drop)
        }
        "metrics.read" => {
            let asked = tenant.unit("builtin:service.response.time", until).await;
            asked.map(drop)
        }
        "events.read" => {
            let asked = tenant.events(EventKind::Deployment, &none, window, until);
            asked.await.map(drop)
        }
        "problems.read" => {
            let asked = tenant.problems(window, until).await;
            asked.map(drop)
        }
        "problems.write" => match tenant.comment(NO_PROBLEM, "doctor", "doctor", until).await {
            Err(Error::UnknownProblem(_)) => Ok(()),
            other => other,
        },
        _ => return None,
    })
}

fn scope_is_there(scope: &str, tried: Option<Result<(), Error>>) -> CheckResult {
    match tried {
        Some(Ok(())) => ok(SCOPE, scope, "the token has it"),
        Some(Err(error @ Error::ScopeMissing(_))) => fail(
            SCOPE,
            scope,
            because(error),
            format!("give the token `{scope}` in Dynatrace, under Access tokens"),
        ),
        Some(Err(error)) => unchecked(SCOPE, scope, because(error), "ask again"),
        None => unchecked(
            SCOPE,
            scope,
            "the token cannot be looked up, and trying it would leave an event",
            "look at the token in Dynatrace, under Access tokens",
        ),
    }
}

/// Whether the tenant supports the configured API.
pub(super) async fn api(it: &Installation) -> Checked {
    const CHECK: &str = "api";
    let tenant = it.tenant(CHECK)?;
    let subject = match it.api {
        Api::V1 => "DT_API v1",
        Api::V2 => "DT_API v2",
    };
    let asked = tenant.entities(&it.production, window(it.window()), it.deadline);
    Ok(vec![match asked.await {
        Ok(_) => ok(CHECK, subject, "the tenant answers"),
        // It is there, and does not let the token in: that is said elsewhere.
        Err(Error::Unauthorised(_) | Error::ScopeMissing(_)) => {
            ok(CHECK, subject, "the tenant answers, but refuses this token")
        }
        Err(Error::ApiGone) => fail(
            CHECK,
            subject,
            "this tenant no longer supports it",
            "deploy again with DtApi=v2",
        ),
        Err(error) => fail(
            CHECK,
            subject,
            because(error),
            "check DT_TENANT_URL and DT_API, and whether this machine may reach the tenant",
        ),
    }])
}

/// Whether the tags of every environment, and that of production, lead to
/// entities.
pub(super) async fn entities(it: &Installation) -> Checked {
    const CHECK: &str = "entities";
    let tenant = it.tenant(CHECK)?;
    let (spec, _) = it.spec(CHECK)?;
    let environments = spec.entries.iter().flat_map(|entry| {
        entry.environments.iter().map(move |(name, environment)| {
            let subject = format!("{} in {name}, {}", entry.id, tags(environment));
            (subject, scope(entry, environment))
        })
    });
    let tag = &it.production.tags[0];
    let healed = format!(
        "HEAL_TAG {}:{}",
        tag.key,
        tag.value.as_deref().unwrap_or("*")
    );
    let window = window(it.window());
    let told = |subject: String, found: Result<Vec<Entity>, Error>| match found {
        Ok(found) if found.is_empty() => fail(
            CHECK,
            subject,
            "no entity had it in the last 24 hours",
            "correct the tag in the monspec or in HEAL_TAG, or tag the entities in Dynatrace",
        ),
        Ok(found) => ok(CHECK, subject, format!("{} found", found.len())),
        Err(error) => fail(CHECK, subject, because(error), "see `scope` and `api`"),
    };
    let found = environments.map(async |(subject, scope)| {
        told(subject, tenant.entities(&scope, window, it.deadline).await)
    });
    let production = tagged_services(tenant, tag, window, it.deadline);
    let (mut checked, production) = join(join_all(found), production).await;
    checked.push(told(healed, production));
    Ok(checked)
}

/// How an environment is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    /// Builds are judged on it.
    Judged,
    /// It is a baseline and nothing else.
    Compared,
}

/// Every environment that a comparison of the entry looks at.
fn looked_at(entry: &ServiceEntry) -> Vec<(&str, Role)> {
    let sources = entry.comparisons.iter().map(|one| one.source.as_str());
    let sources: BTreeSet<&str> = sources.collect();
    let compared = entry.comparisons.iter();
    let compared = compared.filter_map(|one| one.compare.as_deref());
    let compared: BTreeSet<&str> = compared.filter(|name| !sources.contains(name)).collect();
    let sources = sources.into_iter().map(|name| (name, Role::Judged));
    let compared = compared.into_iter().map(|name| (name, Role::Compared));
    sources.chain(compared).collect()
}

/// Whether every signature has data on the environments that are judged, and on
/// those that they are compared with where its limit is made of that.
pub(super) async fn metrics(it: &Installation) -> Checked {
    let tenant = it.tenant(METRIC)?;
    let (spec, _) = it.spec(METRIC)?;
    let asking = Asking::new(tenant.clone(), it.deadline);
    let sides = spec.entries.iter().flat_map(|entry| {
        let found = looked_at(entry).into_iter();
        let found = found
            .filter_map(|(name, role)| Some((entry, name, role, entry.environments.get(name)?)));
        found.collect::<Vec<_>>()
    });
    let told = sides.map(async |(entry, name, role, environment)| {
        let side = Side {
            name,
            environment,
            window: it.window(),
        };
        match asking.readings(entry, side).await {
            Ok(readings) => measured(entry, name, role, &readings),
            Err(error) => {
                let subject = format!("{} in {name}", entry.id);
                vec![fail(
                    METRIC,
                    subject,
                    because(error),
                    "see `scope` and `api`",
                )]
            }
        }
    });
    Ok(join_all(told).await.concat())
}

/// Methods have data only where they are marked, so theirs is told apart. Where
/// an environment had no traffic at all, its silence says nothing.
fn measured(
    entry: &ServiceEntry,
    environment: &str,
    role: Role,
    readings: &Readings,
) -> Vec<CheckResult> {
    let number = |address: &Address| {
        let value = readings.values.get(address);
        value.map_or(Err(&Gap::NotMeasured), |value| value.number())
    };
    let had_traffic = addresses(entry).any(|(address, signature)| {
        let is_measured = !matches!(signature.metric, Metric::Smartscape { .. });
        address.method.is_none() && is_measured && number(&address).is_ok()
    });
    let asked = addresses(entry)
        .filter(|(_, signature)| role == Role::Judged || signature.needs_baseline());
    let told = asked.map(|(address, signature)| {
        let subject = format!("{address} `{}` in {environment}", signature.metric);
        let check = match address.method {
            Some(_) => "key request",
            None => METRIC,
        };
        match (number(&address), &address.method) {
            (Ok(_), _) => ok(check, subject, "it has data"),
            // A baseline may be new; until it has data, nothing passes.
            (Err(Gap::NoData(_)), method) if role == Role::Compared => warn(
                check,
                subject,
                "it had no data in the last 24 hours, so builds compared with it are \
                 inconclusive, except a first release that the monspec accepts",
                match method {
                    Some(method) if had_traffic => marked(method),
                    _ => "send it some requests, or check its tags in the monspec".to_owned(),
                },
            ),
            (Err(gap @ Gap::NoData(_)), _) if !had_traffic => {
                unchecked(check, subject, gap, "send it some requests, then ask again")
            }
            (Err(Gap::NoData(_)), Some(method)) => fail(
                check,
                subject,
                "it had no data in the last 24 hours, but its service had",
                marked(method),
            ),
            (Err(gap), _) => fail(
                check,
                subject,
                gap,
                "correct the signature in the monspec, or have the entities measured",
            ),
        }
    });
    told.collect()
}

fn marked(method: &str) -> String {
    format!("mark `{method}` as a key request of the service in Dynatrace")
}

fn window(window: Window) -> dynatrace::Window {
    dynatrace::Window {
        from_ms: window.start.as_millisecond(),
        to_ms: window.end.as_millisecond(),
    }
}
