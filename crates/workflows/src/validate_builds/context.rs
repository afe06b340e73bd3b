//! What a reader of a verdict wants to see beside the numbers: the problems of
//! the judged environment, and where more is to be seen.

use dynatrace::ProblemStatus;
use futures_util::future::join_all;
use jiff::Timestamp;
use monspec::{Comparison, OpenProblems, ServiceEntry};
use release::evidence::{About, Link, OpenProblem, Problems};
use release::validation::Registration;

use super::Shared;
use crate::measure::{Side, tenant_window};
use crate::sides::{Pair, Sides};

/// How many entities of one verdict get a link to their charts.
const MOST_CHARTS: usize = 4;

/// The problems that were open on the source's entities in their window.
/// Nothing where nobody wants to know.
///
/// Where they only are told, a tenant that does not answer holds up no verdict.
pub(super) async fn problems(
    shared: &Shared<'_>,
    registration: &Registration,
    entry: &ServiceEntry,
    comparison: &Comparison,
) -> anyhow::Result<Option<Problems>> {
    let policy = comparison.open_problems;
    if policy == OpenProblems::Ignore {
        return Ok(None);
    }
    let side = Pair::new(entry, comparison, registration.window)?.source;
    let open = match shared.asking.problems_on(entry, side).await {
        Ok(answer) => answer,
        Err(error) if policy == OpenProblems::Count => return Err(error.into()),
        Err(error) => Err(error.to_string()),
    };
    let open = open.map(|open| {
        let known = open.into_iter().map(|problem| seen(shared, &problem));
        known.collect()
    });
    Ok(Some(Problems::found((&entry.id, side.name), policy, open)))
}

fn seen(shared: &Shared<'_>, problem: &dynatrace::Problem) -> OpenProblem {
    let moment = |ms| Timestamp::from_millisecond(ms).unwrap_or(Timestamp::UNIX_EPOCH);
    OpenProblem {
        address: shared.connected.tenant.page_of_problem(&problem.id),
        name: name(problem),
        since: moment(problem.start_ms),
        until: match problem.status {
            ProblemStatus::Open => None,
            ProblemStatus::Closed => problem.end_ms.map(moment),
        },
        id: problem.id.clone(),
    }
}

fn name(problem: &dynatrace::Problem) -> String {
    let name = format!("{} {}", problem.display_id, problem.title);
    match name.trim() {
        "" => problem.id.clone(),
        name => name.chars().take(200).collect(),
    }
}

/// The problem of this id. A tenant that does not answer leaves the id.
pub(super) async fn problem(shared: &Shared<'_>, id: &str) -> Link {
    let tenant = &shared.connected.tenant;
    let found = tenant.problem(id, shared.remotes_until).await;
    let found = found.ok().flatten();
    Link {
        about: About::Problem,
        name: found.map_or_else(|| id.to_owned(), |problem| name(&problem)),
        address: tenant.page_of_problem(id),
    }
}

/// A deployment in the console.
pub(super) fn deployment(shared: &Shared<'_>, id: &str) -> Link {
    Link {
        about: About::Deployment,
        name: id.to_owned(),
        address: shared.services.console.deployment(id),
    }
}

/// The execution that is judged, and the charts of what was measured.
pub(super) fn around(
    shared: &Shared<'_>,
    registration: &Registration,
    sides: &[Sides<'_>],
) -> Vec<Link> {
    let mut links = Vec::from_iter(execution(shared, registration));
    let seen = sides.iter().flat_map(Sides::seen).take(MOST_CHARTS);
    for (side, entity) in seen {
        let mut link = charts(shared, side, entity);
        // An environment that is compared with itself: the baseline comes last.
        if links.iter().any(|other| other.name == link.name) {
            link.name.push_str(", the baseline");
        }
        links.push(link);
    }
    links
}

/// The same of what was not judged. API v2 does not say which entities it has
/// merged: here, where a reader has to look for themselves, they are asked for.
pub(super) async fn around_unjudged(
    shared: &Shared<'_>,
    registration: &Registration,
    sides: &[Sides<'_>],
) -> Vec<Link> {
    if sides.iter().flat_map(Sides::seen).next().is_some() {
        return around(shared, registration, sides);
    }
    let asked = sides.iter().map(async |both| {
        let Pair { entry, source, .. } = both.pair;
        (source, shared.asking.known_on(entry, source).await)
    });
    let mut links = Vec::from_iter(execution(shared, registration));
    for (side, entities) in join_all(asked).await {
        let shown = entities.iter().take(MOST_CHARTS);
        links.extend(shown.map(|entity| charts(shared, side, entity)));
    }
    links
}

fn execution(shared: &Shared<'_>, registration: &Registration) -> Option<Link> {
    let execution = registration.execution.as_ref()?;
    let console = &shared.services.console;
    Some(Link {
        about: About::Execution,
        name: execution.clone(),
        address: console.execution(&registration.pipeline, execution),
    })
}

fn charts(shared: &Shared<'_>, side: Side<'_>, entity: &str) -> Link {
    let tenant = &shared.connected.tenant;
    Link {
        about: About::Charts,
        name: format!("{entity} in {}", side.name),
        address: tenant.page_of_entity(entity, tenant_window(side.window)),
    }
}
