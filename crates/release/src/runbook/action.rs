//! What an event asks to be run, in whatever form it is written.
//!
//! A form is only read here. Whether it means a runbook that the operator has
//! listed is decided in [`super::find`], and no address of an event is ever
//! spoken to.

use url::Url;

use super::Kind;

/// What an event asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wish {
    /// Nothing: the action is missing, empty, `NA` or `none`.
    Nothing,
    /// Something that we do ourselves, which is not for a controller.
    Ours(String),
    /// That something is run.
    Run(Action),
}

/// What shall be run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Action {
    /// Where.
    pub site: Site,
    /// Of which kind it is, where that is said.
    pub kind: Option<Kind>,
    /// Which of them.
    pub which: Which,
}

/// Where something shall be run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Site {
    /// It is not said.
    Anywhere,
    /// Somewhere under this path; empty for the root of a host.
    Path(String),
    /// At an origin, under a path.
    Address {
        /// Scheme, host and port.
        origin: String,
        /// The path before that of the API, or of the pages.
        path: String,
    },
}

/// Which template is meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Which {
    /// The one with this id.
    Id(u64),
    /// The one with this name, of this organization where one is said.
    Name {
        /// The name.
        name: String,
        /// The organization.
        organization: Option<String>,
    },
    /// What the operator calls it, on this controller where one is said.
    Alias {
        /// The controller, by the operator's name.
        on: Option<String>,
        /// The runbook, by the operator's name.
        alias: String,
    },
    /// What is at the address itself, which is no template.
    There,
}

/// Why an action is not read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// A kind of remedy that is not known.
    #[error(
        "the remediation type `{0}` is not one of ansible, awx, tower, aap, http and unbreakable"
    )]
    Type(String),
    /// It carries a user name or a password.
    #[error("its address carries a user name, which no listed address does")]
    Credentials,
    /// It carries a query.
    #[error("its address carries a query, which no listed address does")]
    Query,
    /// Its path is none of a template.
    #[error("its path is none of a job template or a workflow template")]
    Path,
    /// It is none of the forms.
    #[error("it is neither an address, a path, an id nor a name of a runbook")]
    Form,
}

/// The longest action that is read, in bytes.
const LONGEST: usize = 2_000;

/// What ends the path of the API of every generation; what is before is the path
/// under which the controller is.
const APIS: [&str; 3] = ["/api/controller/v2", "/api/v2", "/api/v1"];

/// Reads what an event asks for: its `remediationType` and `remediationAction`.
pub fn read(kind: Option<&str>, action: Option<&str>) -> Result<Wish, Unreadable> {
    let action = action.unwrap_or_default().trim();
    if ["", "na", "n/a", "none"].contains(&action.to_ascii_lowercase().as_str()) {
        return Ok(Wish::Nothing);
    }
    let kind = kind.unwrap_or_default().trim().to_ascii_lowercase();
    match kind.as_str() {
        "" => parse(action).map(Wish::Run),
        "ansible" | "awx" | "tower" | "aap" => match parse(action)? {
            Action {
                which: Which::There,
                ..
            } => Err(Unreadable::Path),
            action => Ok(Wish::Run(action)),
        },
        "http" => request(action).map(Wish::Run),
        "unbreakable" => Ok(Wish::Ours(action.to_owned())),
        _ => Err(Unreadable::Type(kind.chars().take(100).collect())),
    }
}

/// Reads an action alone, as the operator writes further ones beside a runbook.
pub fn parse(text: &str) -> Result<Action, Unreadable> {
    let is_plain = |c: char| !c.is_whitespace() && !c.is_control() && c != '\\';
    if LONGEST < text.len() || !text.chars().all(is_plain) {
        return Err(Unreadable::Form);
    }
    if is_address(text) {
        let url = Url::parse(text).map_err(|_| Unreadable::Form)?;
        let origin = url.origin().ascii_serialization();
        return match template(&url) {
            Ok((path, kind, which)) => Ok(Action {
                site: Site::Address { origin, path },
                kind: Some(kind),
                which,
            }),
            Err(Unreadable::Path) => there(&url),
            Err(why) => Err(why),
        };
    }
    if text.starts_with('/') && !text.starts_with("//") {
        let whole = format!("https://path.invalid{text}");
        let url = Url::parse(&whole).map_err(|_| Unreadable::Form)?;
        let (path, kind, which) = template(&url)?;
        return Ok(Action {
            site: Site::Path(path),
            kind: Some(kind),
            which,
        });
    }
    let which = match number(text) {
        Some(id) => Which::Id(id),
        None => alias(text).ok_or(Unreadable::Form)?,
    };
    Ok(Action {
        site: Site::Anywhere,
        kind: None,
        which,
    })
}

/// Reads an action that is said to be a request: its address, or the operator's name.
fn request(text: &str) -> Result<Action, Unreadable> {
    let action = parse(text)?;
    if is_address(text) {
        return there(&Url::parse(text).map_err(|_| Unreadable::Form)?);
    }
    match action.which {
        Which::Alias { .. } => Ok(action),
        Which::Id(_) | Which::Name { .. } | Which::There => Err(Unreadable::Form),
    }
}

fn is_address(text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    lower.starts_with("https://") || lower.starts_with("http://")
}

/// What is at an address, whole.
fn there(url: &Url) -> Result<Action, Unreadable> {
    if url.fragment().is_some() {
        return Err(Unreadable::Path);
    }
    let site = Site::Address {
        origin: url.origin().ascii_serialization(),
        path: url.path().to_owned(),
    };
    Ok(Action {
        site,
        kind: None,
        which: Which::There,
    })
}

/// Where a controller is, by the address of its API.
pub(super) fn site_of_base(base: &str) -> Option<Site> {
    let url = Url::parse(base).ok()?;
    let path = before_api(url.path().trim_end_matches('/'))?;
    Some(Site::Address {
        origin: url.origin().ascii_serialization(),
        path: path.to_owned(),
    })
}

/// The path under which the controller is, the kind and the template.
fn template(url: &Url) -> Result<(String, Kind, Which), Unreadable> {
    if !url.username().is_empty() || url.password().is_some() {
        return Err(Unreadable::Credentials);
    }
    if url.query().is_some() {
        return Err(Unreadable::Query);
    }
    let (before, kind, id) = match url.fragment() {
        Some(fragment) => of_page(url.path(), fragment),
        None => of_api(url.path()),
    }
    .ok_or(Unreadable::Path)?;
    let which = match number(&id) {
        Some(id) => Which::Id(id),
        None => named(&id).ok_or(Unreadable::Path)?,
    };
    Ok((before, kind, which))
}

/// `/api/v2/job_templates/18/launch/`, with or without what follows the id.
fn of_api(path: &str) -> Option<(String, Kind, String)> {
    let path = path.strip_suffix('/').unwrap_or(path);
    let path = path.strip_suffix("/launch").unwrap_or(path);
    let (path, id) = path.rsplit_once('/')?;
    let (path, list) = path.rsplit_once('/')?;
    let kind = match list {
        "job_templates" => Kind::Job,
        "workflow_job_templates" => Kind::Workflow,
        _ => return None,
    };
    Some((before_api(path)?.to_owned(), kind, decoded(id)))
}

/// `/#/templates/job_template/18`, with or without `/details`.
fn of_page(path: &str, fragment: &str) -> Option<(String, Kind, String)> {
    let rest = fragment.strip_prefix("/templates/")?;
    let rest = rest.strip_suffix('/').unwrap_or(rest);
    let rest = rest.strip_suffix("/details").unwrap_or(rest);
    let (kind, id) = rest.split_once('/')?;
    let kind = match kind {
        "job_template" => Kind::Job,
        "workflow_job_template" => Kind::Workflow,
        _ => return None,
    };
    number(id)?;
    Some((path.trim_end_matches('/').to_owned(), kind, id.to_owned()))
}

fn before_api(path: &str) -> Option<&str> {
    APIS.iter().find_map(|api| path.strip_suffix(api))
}

/// Digits alone: a sign or a space would make another number of the same.
fn number(text: &str) -> Option<u64> {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| text.parse().ok()).flatten()
}

/// `name++organization`, in which a plus sign that belongs to a name is `[+]`.
fn named(text: &str) -> Option<Which> {
    let plain = |text: &str| text.replace("[+]", "+");
    let (name, organization) = match text.split_once("++") {
        Some((name, organization)) => (name, Some(organization)),
        None => (text, None),
    };
    if name.is_empty() || organization == Some("") {
        return None;
    }
    Some(Which::Name {
        name: plain(name),
        organization: organization.map(plain),
    })
}

/// `alias` or `controller/alias`.
fn alias(text: &str) -> Option<Which> {
    let (on, alias) = match text.split_once('/') {
        Some((on, alias)) => (Some(on), alias),
        None => (None, text),
    };
    let is_name = |name: &str| is_name(name);
    if !is_name(alias) || on.is_some_and(|on| !is_name(on)) {
        return None;
    }
    Some(Which::Alias {
        on: on.map(str::to_owned),
        alias: alias.to_owned(),
    })
}

/// Whether an operator can call something so.
pub(super) fn is_name(text: &str) -> bool {
    let is_part = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    !text.is_empty() && text.chars().all(is_part)
}

fn decoded(segment: &str) -> String {
    // Only forms take a plus sign for a space.
    let form = format!("x={}", segment.replace('+', "%2B").replace('&', "%26"));
    let mut pairs = url::form_urlencoded::parse(form.as_bytes());
    pairs
        .next()
        .map_or_else(String::new, |(_, text)| text.into_owned())
}

#[cfg(test)]
mod tests;
