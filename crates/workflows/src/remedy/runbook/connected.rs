//! The controllers and receivers that the operator lists, as clients.

use std::collections::BTreeMap;

use controller::{Controller, Credentials, Server};
use release::runbook::{self, Auth, Runbooks};
use reqwest::Client;
use secrecy::{ExposeSecret as _, SecretString};

use super::{Automation, Receiver};

impl Automation {
    /// What is listed, with a client for each controller and receiver. `found` holds the values
    /// of [`Runbooks::parameters`]; `http` is for controllers without roots of their
    /// own.
    pub fn connected(
        listed: Runbooks,
        found: &BTreeMap<String, SecretString>,
        http: impl Fn() -> anyhow::Result<Client>,
    ) -> Self {
        let controllers = listed.controllers.values();
        let controllers = controllers.map(|one| (one.name.clone(), client(one, found, &http)));
        let receivers = listed.receivers.values().map(|one| {
            let secret = value_of(&one.secret, found);
            let receiver = secret.and_then(|secret| Receiver::new(&one.url, secret.clone()));
            (one.name.clone(), receiver)
        });
        Self {
            controllers: controllers.collect(),
            receivers: receivers.collect(),
            listed,
        }
    }
}

fn value_of<'a>(
    name: &str,
    found: &'a BTreeMap<String, SecretString>,
) -> Result<&'a SecretString, String> {
    let value = found.get(name);
    value.ok_or_else(|| format!("its parameter `{name}` cannot be read"))
}

fn client(
    wanted: &runbook::Controller,
    found: &BTreeMap<String, SecretString>,
    http: impl Fn() -> anyhow::Result<Client>,
) -> Result<Controller, String> {
    let secret = value_of(&wanted.secret, found)?.clone();
    let http = match &wanted.ca {
        Some(name) => {
            let roots = value_of(name, found)?.expose_secret();
            controller::http(Some(roots)).map_err(|error| error.to_string())?
        }
        None => http().map_err(|error| error.to_string())?,
    };
    let server = Server {
        base: wanted.base.clone(),
        credentials: match wanted.auth {
            Auth::Bearer => Credentials::Bearer(secret),
            Auth::Basic => Credentials::Basic(secret),
        },
    };
    Controller::new(http, server).map_err(|error| error.to_string())
}
