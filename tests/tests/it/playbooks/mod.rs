//! The playbooks of `infra/runbooks`, executed by Ansible against the lab's tenant
//! and a small shop.

mod campaign;
mod remediation;
mod shop;

use std::path::{Path, PathBuf};
use std::process::Command;

use fake_dynatrace::{Event, Tenant};
use serde_json::{Value, json};

use crate::packages::{installed, python};

const REQUIREMENTS: &str = include_str!("requirements.txt");

const PLAYBOOKS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../infra/runbooks");

/// What the shop and the actions let in.
const TOKEN: &str = "SECRET-of-the-shop";

/// How a playbook ended.
struct Played {
    /// What `ansible-playbook` exits with; 0 is what AWX calls successful.
    code: Option<i32>,
    /// Everything that it said.
    output: String,
}

impl Played {
    /// What the play left for whoever launched it.
    fn left(&self) -> Value {
        let stats = self.output.split("RUN: ").nth(1);
        let stats = stats.unwrap_or_else(|| panic!("it left nothing: {}", self.output));
        let mut values = serde_json::Deserializer::from_str(stats).into_iter();
        let left: Value = values.next().unwrap().unwrap();
        left["unbreakable"].clone()
    }
}

/// Executes a playbook with these variables, as verbose as it can be. No
/// credential is ever in what it says.
async fn play(tenant: &Tenant, playbook: &str, arguments: &[&str], variables: &Value) -> Played {
    play_with(TOKEN, tenant, playbook, arguments, variables).await
}

/// The same, with another token for actions.
async fn play_with(
    action_token: &str,
    tenant: &Tenant,
    playbook: &str,
    arguments: &[&str],
    variables: &Value,
) -> Played {
    let folder = ansible();
    let mut variables = variables.clone();
    variables["dt_url"] = tenant.url().into();
    let mut command = Command::new(folder.join("venv/bin/ansible-playbook"));
    command
        .args(["-vvv", "-i", "localhost,", "-e", &variables.to_string()])
        .args(arguments)
        .arg(Path::new(PLAYBOOKS).join(playbook))
        .env("HOME", &folder)
        .env("LC_ALL", "C.UTF-8")
        // Otherwise one is looked for, and may be another.
        .env("ANSIBLE_PYTHON_INTERPRETER", folder.join("venv/bin/python"))
        .env("ANSIBLE_SHOW_CUSTOM_STATS", "1")
        .env("ANSIBLE_NOCOLOR", "1")
        .env("DT_API_TOKEN", tenant.token())
        .env("SHOP_TOKEN", TOKEN)
        .env("ACTION_TOKEN", action_token);
    let ran = tokio::task::spawn_blocking(move || command.output());
    let ran = ran.await.unwrap().unwrap();
    let output = [ran.stdout, ran.stderr].concat();
    let output = String::from_utf8(output).unwrap();
    assert!(!output.contains("SECRET"), "a credential shows: {output}");
    assert!(!output.contains("[WARNING]: Found variable"), "{output}");
    Played {
        code: ran.status.code(),
        output,
    }
}

fn ansible() -> PathBuf {
    installed("ansible", &[REQUIREMENTS], |folder| {
        python(folder, REQUIREMENTS);
    })
}

/// A tenant that knows the carts service, twice in production.
async fn tenant() -> Tenant {
    // Fails only when a provider is installed already, which is what is wanted.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let tenant = Tenant::start().await.unwrap();
    for service in [CARTS, ORDERS] {
        let entity = tenant.service(service, service);
        entity.tag("environment", "production").add();
    }
    tenant
}

const CARTS: &str = "SERVICE-00000000000000C1";
const ORDERS: &str = "SERVICE-00000000000000C2";

/// The variables of a campaign.
fn campaign(shop: &shop::Shop, rate: impl Into<Value>) -> Value {
    json!({
        "promotion_rate": rate.into(),
        "campaign_url": shop.url("/carts/1/items/promotional"),
        "entities": format!("entityId(\"{CARTS}\")"),
        "remediation_action": "https://awx.example.com/api/v2/job_templates/18/launch/",
    })
}

/// The events about the campaign.
fn announced(tenant: &Tenant) -> Vec<Event> {
    let mut events = tenant.events();
    events.retain(|event| event.event_type == "CUSTOM_CONFIGURATION");
    events
}
