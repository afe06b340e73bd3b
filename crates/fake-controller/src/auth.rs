//! Who may call, and for what.

use std::collections::{BTreeMap, BTreeSet};

use axum::http::{HeaderMap, Method, StatusCode, header};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::answer::Refusal;

/// What a token is good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Asking.
    Read,
    /// Asking and changing.
    Write,
}

/// A user.
#[derive(Clone, Debug)]
pub(super) struct User {
    pub(super) id: u64,
    pub(super) name: String,
    password: String,
    permitted: BTreeSet<u64>,
}

/// Everybody who may call.
pub(super) struct Users {
    all: BTreeMap<String, User>,
    tokens: BTreeMap<String, (String, Scope)>,
    pub(super) basic: bool,
}

impl Default for Users {
    fn default() -> Self {
        Self {
            all: BTreeMap::new(),
            tokens: BTreeMap::new(),
            basic: true,
        }
    }
}

/// Who calls, and how much the credentials allow.
#[derive(Clone)]
pub(super) struct Caller {
    pub(super) user: User,
    scope: Scope,
}

impl Users {
    pub(super) fn add(&mut self, name: &str, password: &str) -> u64 {
        let id = u64::try_from(self.all.len()).unwrap_or(u64::MAX - 1) + 1;
        let user = User {
            id,
            name: name.to_owned(),
            password: password.to_owned(),
            permitted: BTreeSet::new(),
        };
        self.all.insert(name.to_owned(), user);
        id
    }

    pub(super) fn token(&mut self, user: &str, scope: Scope) -> String {
        assert!(self.all.contains_key(user), "there is no user `{user}`");
        let token = format!("SECRET{:024}", self.tokens.len());
        self.tokens.insert(token.clone(), (user.to_owned(), scope));
        token
    }

    pub(super) fn permit(&mut self, user: &str, template: u64) {
        let user = self.all.get_mut(user);
        user.expect("there is such a user")
            .permitted
            .insert(template);
    }

    pub(super) fn named(&self, name: &str) -> Option<&User> {
        self.all.get(name)
    }

    pub(super) fn name_of(&self, id: u64) -> &str {
        let user = self.all.values().find(|user| user.id == id);
        user.map_or("", |user| user.name.as_str())
    }

    /// Lets a caller in who shows a token or a password.
    pub(super) fn authenticate(&self, headers: &HeaderMap) -> Result<Caller, Refusal> {
        let shown = headers
            .get(header::AUTHORIZATION)
            .and_then(|value| value.to_str().ok())
            .and_then(|value| value.split_once(' '));
        let (name, scope) = match shown {
            Some(("Bearer", token)) => {
                let known = self.tokens.get(token);
                let (name, scope) = known.ok_or_else(no_token)?;
                (name.clone(), *scope)
            }
            Some(("Basic", pair)) if self.basic => {
                let pair = STANDARD.decode(pair).unwrap_or_default();
                let pair = String::from_utf8_lossy(&pair).into_owned();
                let (name, password) = pair.split_once(':').unwrap_or_default();
                let known = self.all.get(name);
                if known.is_none_or(|user| user.password != password) {
                    return Err(refused("Invalid username/password."));
                }
                (name.to_owned(), Scope::Write)
            }
            _ => return Err(refused("Authentication credentials were not provided.")),
        };
        let user = self.all.get(&name).ok_or_else(no_token)?.clone();
        Ok(Caller { user, scope })
    }
}

impl Caller {
    /// A token that may only read may change nothing.
    pub(super) fn may(&self, method: &Method) -> Result<(), Refusal> {
        if method == Method::GET || self.scope == Scope::Write {
            return Ok(());
        }
        Err(forbidden())
    }

    /// What a user may not execute is not seen either.
    pub(super) fn sees(&self, template: u64) -> bool {
        self.user.permitted.contains(&template)
    }
}

pub(super) fn forbidden() -> Refusal {
    Refusal::new(
        StatusCode::FORBIDDEN,
        "You do not have permission to perform this action.",
    )
}

fn no_token() -> Refusal {
    refused(
        "Authentication credentials were not provided. To establish a login session, visit /api/login/.",
    )
}

fn refused(text: &str) -> Refusal {
    Refusal::new(StatusCode::UNAUTHORIZED, text)
}
