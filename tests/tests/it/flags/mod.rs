//! Flags as they are deployed: declared, changed over HTTP by the real function,
//! and read by clients that we did not write from the other one.

mod changed;
mod clients;
mod forms;
mod owed;
mod problems;
mod required;
mod restored;
mod served;
mod stale;

use std::time::Duration;

use fake_dynatrace::Event;
use flags::key::{Key, KeyHolder, issue};
use flags::read;
use lab::world::{self, CHANGE_FLAGS, SERVE_FLAGS, Settings, World, scheduled};
use lambda_host::front::{Front, Open};
use lambda_host::runtime::Function;
use reqwest::{Client, Response};
use secrecy::ExposeSecret as _;
use serde_json::Value;

/// Much longer than anything takes, so that only what never happens is told.
const PATIENCE: Duration = Duration::from_mins(1);

const PROCESS: &str = "PROCESS_GROUP_INSTANCE-00000000000000F1";

const FILE: &str = r#"{ "flags": {
    "errorInjectionEnabled": {
        "type": "boolean", "default": true,
        "touches": {
            "etype": "PROCESS_GROUP_INSTANCE", "tags": [{ "key": "app", "value": "bizobs" }]
        }
    },
    "slowResponsesEnabled": { "type": "boolean", "default": true },
    "canaryTrafficPercent": { "type": "integer", "default": 0, "min": 0, "max": 100 },
    "errorRate": { "type": "number", "default": 0.12, "min": 0, "max": 1 },
    "greeting": { "type": "string", "default": "Zoë", "public": true },
    "limits": { "type": "object", "default": { "carts": 5, "share": 1.5 } },
    "promoSocks": {
        "type": "boolean", "default": false,
        "rollout": { "variant": "on", "otherwise": "off", "percent": 25 }
    }
}, "presets": {
    "defensiveMode": { "set": { "errorInjectionEnabled": false, "slowResponsesEnabled": false } }
} }"#;

/// A world with declared flags, and both functions behind addresses.
struct Flagged {
    world: World,
    change: Open,
    serve: Open,
    http: Client,
}

impl Flagged {
    async fn start() -> Self {
        Self::with(Settings::default()).await
    }

    async fn with(settings: Settings) -> Self {
        // Fails only when a provider is installed already, which is what is wanted.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let world = World::start(settings).await.unwrap();
        let process = world
            .tenant
            .entity("PROCESS_GROUP_INSTANCE", PROCESS, "BizObs");
        process.tag("app", "bizobs").add();
        let declarations = read(FILE).declarations.unwrap();
        world
            .flags()
            .declare("prod", &declarations, None)
            .await
            .unwrap();
        let opened = async |function| {
            let front = Front::bind().await.unwrap();
            front.open(world.another(function).await.unwrap())
        };
        Self {
            change: opened(CHANGE_FLAGS).await,
            serve: opened(SERVE_FLAGS).await,
            world,
            http: Client::new(),
        }
    }

    /// Makes a key of these scopes.
    async fn key(&self, id: &str, holder: KeyHolder, scopes: &[&str]) -> String {
        let secret = issue(id, [7; 32]);
        let key = Key {
            id: id.to_owned(),
            name: format!("the key {id}"),
            holder,
            secrets: vec![secret.hash],
            scopes: scopes.iter().map(|scope| scope.parse().unwrap()).collect(),
            expires: None,
        };
        self.world.flags().put_key(&key).await.unwrap();
        secret.text.expose_secret().to_owned()
    }

    /// A person's key for everything.
    async fn all(&self) -> String {
        let scopes = ["read:prod", "change:prod", "confirm:prod", "ramp:prod"];
        self.key("all", KeyHolder::Person, &scopes).await
    }

    async fn post(&self, path: &str, key: &str, body: &Value) -> Told {
        let url = format!("{}/api/remediation/{path}", self.change.url());
        let request = self.http.post(url).bearer_auth(key).json(body);
        Told::of(request.send().await.unwrap()).await
    }

    async fn list(&self, key: &str) -> Told {
        let url = format!("{}/api/remediation/feature-flags", self.change.url());
        let request = self.http.get(url).bearer_auth(key);
        Told::of(request.send().await.unwrap()).await
    }

    async fn evaluates(&self, path: &str, key: &str, body: &Value) -> Told {
        let url = format!("{}/ofrep/v1/evaluate/flags{path}", self.serve.url());
        let request = self.http.post(url).bearer_auth(key).json(body);
        Told::of(request.send().await.unwrap()).await
    }

    /// The events about flags that the tenant has.
    fn events(&self) -> Vec<Event> {
        let mut events = self.world.tenant.events();
        events.retain(|event| event.event_type == "CUSTOM_CONFIGURATION");
        events
    }
}

/// An answer.
#[derive(Debug)]
struct Told {
    status: u16,
    headers: reqwest::header::HeaderMap,
    text: String,
}

impl Told {
    async fn of(response: Response) -> Self {
        Self {
            status: response.status().as_u16(),
            headers: response.headers().clone(),
            text: response.text().await.unwrap(),
        }
    }

    fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }
}

/// One event of the schedule.
async fn tick(function: &Function) -> Value {
    let invocation = function.invoke(scheduled()).await.unwrap();
    world::answer(CHANGE_FLAGS, invocation).unwrap()
}
