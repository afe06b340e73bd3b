//! Which listed runbook an action means.

use super::settings::{Controller, Means, Runbook, Runbooks};
use super::{Action, Kind, Refusal, Site, Which};

/// The event whose action it is, as far as a runbook is for some events only.
#[derive(Clone, Copy, Debug)]
pub struct Announced<'a> {
    /// Its type, such as `CUSTOM_CONFIGURATION`.
    pub kind: &'a str,
    /// Who has announced it.
    pub source: Option<&'a str>,
    /// The tags of the entity that it is on, as the tenant writes them.
    pub tags: &'a [String],
}

/// The listed runbook that an action means, and no other than a listed one. The
/// address of the action is compared with those of the operator.
pub fn find<'a>(
    listed: &'a Runbooks,
    action: &Action,
    event: Announced<'_>,
) -> Result<&'a Runbook, Refusal> {
    let means = |runbook: &&Runbook| means(listed, action, runbook);
    let meant: Vec<&Runbook> = listed.runbooks.values().filter(means).collect();
    if meant.is_empty() {
        return Err(unlisted(listed, action));
    }
    let fit = |runbook: &&Runbook| misfit(runbook, event).is_none();
    let fitting: Vec<&Runbook> = meant.iter().copied().filter(fit).collect();
    match fitting.as_slice() {
        [one] => match other_controllers(listed, action, one) {
            names if names.is_empty() => Ok(*one),
            names => Err(Refusal::Ambiguous {
                what: format!("controllers {}", names.join(", ")),
            }),
        },
        [] => Err(Refusal::NotFor {
            alias: meant[0].alias.clone(),
            what: misfit(meant[0], event).unwrap_or_default(),
        }),
        several => {
            let names: Vec<&str> = several.iter().map(|one| one.alias.as_str()).collect();
            Err(Refusal::Ambiguous {
                what: format!("runbooks {}", names.join(", ")),
            })
        }
    }
}

/// Whether an action means a runbook: by its name, by its template on its
/// controller, by the address of its receiver, or by a further action that the
/// operator has listed.
fn means(listed: &Runbooks, action: &Action, runbook: &Runbook) -> bool {
    if runbook.further().any(|further| is_same(&further, action)) {
        return true;
    }
    if let Which::Alias { on, alias } = &action.which {
        return *alias == runbook.alias && on.as_ref().is_none_or(|on| *on == runbook.on);
    }
    let template = match &runbook.means {
        Means::Template(template) => template,
        Means::Request { url } => return is_address(url, action),
    };
    let Some(controller) = listed.controllers.get(&runbook.on) else {
        return false;
    };
    is_at(controller, &action.site)
        && action.kind.is_none_or(|kind| kind == template.kind)
        && match &action.which {
            Which::Id(id) => *id == template.id,
            Which::Name { name, organization } => {
                let same = organization.is_none() || *organization == template.organization;
                *name == template.name && same
            }
            Which::Alias { .. } | Which::There => false,
        }
}

/// Whether an action is this address: the same origin and the same path.
fn is_address(url: &str, action: &Action) -> bool {
    super::parse(url).is_ok_and(|listed| is_same(&listed, action))
}

/// A page, a path and the API of one controller say the same.
fn is_same(further: &Action, action: &Action) -> bool {
    let kind = |action: &Action| action.kind.unwrap_or(Kind::Job);
    further.site == action.site && further.which == action.which && kind(further) == kind(action)
}

fn is_at(controller: &Controller, site: &Site) -> bool {
    match (&controller.site, site) {
        (_, Site::Anywhere) => true,
        (Site::Address { path, .. }, Site::Path(asked)) => path == asked,
        (own, asked) => own == asked,
    }
}

/// An id without an address is that of a template on each controller, whichever
/// of them lists it. A name of the operator's, and a further action, mean one.
fn other_controllers(listed: &Runbooks, action: &Action, meant: &Runbook) -> Vec<String> {
    let is_of_operator = matches!(action.which, Which::Alias { .. })
        || meant.further().any(|further| is_same(&further, action));
    if is_of_operator || matches!(action.site, Site::Address { .. }) {
        return Vec::new();
    }
    let there = listed.controllers.values();
    let there: Vec<String> = there
        .filter(|controller| is_at(controller, &action.site))
        .map(|controller| controller.name.clone())
        .collect();
    if there.len() < 2 { Vec::new() } else { there }
}

fn unlisted(listed: &Runbooks, action: &Action) -> Refusal {
    let somewhere = action.which != Which::There
        && listed
            .controllers
            .values()
            .any(|controller| is_at(controller, &action.site));
    let site = match &action.site {
        Site::Anywhere => String::new(),
        Site::Path(path) => format!("the path `{path}/`"),
        Site::Address { origin, path } => short(&format!("{origin}{path}")),
    };
    if !somewhere && !site.is_empty() {
        return Refusal::Foreign { place: site };
    }
    let what = match &action.which {
        Which::Id(id) => format!("template {id}"),
        Which::Name { name, .. } => format!("template `{}`", short(name)),
        Which::Alias { alias, .. } => format!("`{}`", short(alias)),
        Which::There => "this address".to_owned(),
    };
    Refusal::Unlisted { what }
}

/// What of an event a runbook is not for.
fn misfit(runbook: &Runbook, event: Announced<'_>) -> Option<String> {
    let causes = &runbook.causes;
    if !causes.events.iter().any(|kind| kind == event.kind) {
        return Some(format!("events of type {}", short(event.kind)));
    }
    let source = event.source.unwrap_or_default();
    if !causes.sources.iter().any(|listed| listed == source) {
        return Some(match source {
            "" => "events that do not say who announced them".to_owned(),
            source => format!("events of `{}`", short(source)),
        });
    }
    match &causes.tag {
        Some(tag) if !event.tags.contains(tag) => Some(format!("entities without the tag `{tag}`")),
        _ => None,
    }
}

fn short(text: &str) -> String {
    text.chars().take(200).collect()
}

#[cfg(test)]
mod tests;
