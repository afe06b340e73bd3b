//! The controllers that the operator lists, as clients.

use std::collections::BTreeMap;

use controller::{Controller, Credentials, Server};
use release::runbook::{self, Auth, Runbooks};
use reqwest::Client;
use secrecy::{ExposeSecret as _, SecretString};

use super::Automation;

impl Automation {
    /// What is listed, with a client for each controller. `found` holds the values
    /// of [`Runbooks::parameters`]; `http` is for controllers without roots of their
    /// own.
    pub fn connected(
        listed: Runbooks,
        found: &BTreeMap<String, SecretString>,
        http: impl Fn() -> anyhow::Result<Client>,
    ) -> Self {
        let controllers = listed.controllers.values();
        let controllers = controllers.map(|one| (one.name.clone(), client(one, found, &http)));
        Self {
            controllers: controllers.collect(),
            listed,
        }
    }
}

fn client(
    wanted: &runbook::Controller,
    found: &BTreeMap<String, SecretString>,
    http: impl Fn() -> anyhow::Result<Client>,
) -> Result<Controller, String> {
    let value = |name: &str| {
        let value = found.get(name);
        value.ok_or_else(|| format!("its parameter `{name}` cannot be read"))
    };
    let secret = value(&wanted.secret)?.clone();
    let http = match &wanted.ca {
        Some(name) => {
            let roots = value(name)?.expose_secret();
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
