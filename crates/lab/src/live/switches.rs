//! The feature flags of production: declared as a file says, served to the build
//! that runs there, and set as a person sets them.

use anyhow::{Context as _, bail, ensure};
use flags::Value;
use flags::key::{Key, KeyHolder, issue};
use flags::state::State;
use jiff::Timestamp;
use secrecy::ExposeSecret as _;
use serde::Serialize;
use serde_json::{Value as Json, json};
use store::Declared;

use super::Scene;
use crate::world::{CHANGE_FLAGS, SERVE_FLAGS, World};
use fake_aws::clock::real_time;
use lambda_host::front::{Front, Open};
use lambda_host::runtime::Function;

/// The set that the functions change and serve unless they are told otherwise.
const SET: &str = "prod";

/// What is declared.
const FILE: &str = include_str!("flags.json");

/// The functions of flags behind their addresses, and a key for each side.
#[derive(Debug)]
pub(super) struct Switches {
    change: Open,
    serve: Open,
    client: reqwest::Client,
    /// Sets flags.
    person: String,
    /// Reads them.
    app: String,
}

/// A flag as it is now.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Switch {
    /// Its name.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// Its value.
    pub value: Json,
    /// When that ends by itself.
    pub until: Option<Timestamp>,
    /// The value after that.
    pub then: Option<Json>,
    /// Who set it.
    pub by: Option<String>,
    /// The version that this made.
    pub version: u64,
}

impl Switches {
    /// Declares the flags and starts both functions.
    pub(super) async fn start(world: &World) -> anyhow::Result<Self> {
        let declarations = flags::read(FILE)
            .declarations
            .context("the file is wrong")?;
        let store = world.flags();
        let set = store.set(SET).await?;
        let declared = store.declare(SET, &declarations, set.as_ref()).await?;
        ensure!(declared != Declared::Moved, "somebody else declares flags");
        let key = async |id: &str, name: &str, holder, scopes: &[&str]| {
            let secret = issue(id, *b"the-secret-of-a-key-of-the-lab--");
            let scopes = scopes.iter().map(|scope| scope.parse());
            let key = Key {
                id: id.to_owned(),
                name: name.to_owned(),
                holder,
                secrets: vec![secret.hash],
                scopes: scopes.collect::<Result<_, _>>()?,
                expires: None,
            };
            store.put_key(&key).await?;
            anyhow::Ok(secret.text.expose_secret().to_owned())
        };
        let all = ["read:prod", "change:prod", "confirm:prod", "ramp:prod"];
        let (change, serve) = (Front::bind().await?, Front::bind().await?);
        Ok(Self {
            person: key("console", "the console", KeyHolder::Person, &all).await?,
            app: key("app", "the sample service", KeyHolder::Machine, &all[..1]).await?,
            change: change.open(world.another(CHANGE_FLAGS).await?),
            serve: serve.open(world.another(SERVE_FLAGS).await?),
            client: reqwest::Client::builder().no_proxy().build()?,
        })
    }

    /// What is called by the schedule as well.
    pub(super) fn changing(&self) -> &Function {
        self.change.function()
    }

    /// The settings by which a build reads its flags.
    pub(super) fn settings(&self) -> [(&'static str, &str); 2] {
        [("FLAGS_URL", self.serve.url()), ("FLAGS_KEY", &self.app)]
    }
}

impl Scene {
    /// The flags as they are now, by name.
    pub async fn switches(&self) -> anyhow::Result<Vec<Switch>> {
        let now = real_time();
        let set = self.world.flags().set(SET).await?;
        let set = set.context("the flags are gone")?;
        let untouched = State::default();
        let mut all = Vec::new();
        for flag in set.declarations.flags.values() {
            let state = set.states.get(&flag.name).unwrap_or(&untouched);
            let assignment = state.assignment(now);
            let until = assignment.and_then(|assignment| assignment.end.at_the_latest());
            all.push(Switch {
                name: flag.name.clone(),
                description: flag.description.clone().unwrap_or_default(),
                value: state.value(flag, now).to_json(),
                until,
                then: until
                    .map(|until| state.value(flag, until))
                    .as_ref()
                    .map(Value::to_json),
                by: assignment.map(|assignment| assignment.by.name.clone()),
                version: state.version,
            });
        }
        Ok(all)
    }

    /// Sets a flag as a person does, for good or for so many seconds.
    pub async fn switch(
        &self,
        flag: &str,
        value: &Json,
        seconds: Option<u64>,
        reason: &str,
    ) -> anyhow::Result<()> {
        let switches = &self.switches;
        let url = format!("{}/api/remediation/feature-flag", switches.change.url());
        let mut body = json!({"flag": flag, "value": value, "reason": reason});
        if let Some(seconds) = seconds {
            body["ttlSeconds"] = seconds.into();
        }
        let request = switches.client.post(url).bearer_auth(&switches.person);
        let answer = request.json(&body).send().await?;
        let status = answer.status();
        let told: Json = answer.json().await.unwrap_or_default();
        if !status.is_success() {
            let error = told["error"].as_str().unwrap_or("no reason was given");
            bail!("`{flag}` is not set ({status}): {error}");
        }
        let lasts = match seconds {
            Some(seconds) => format!(" for {seconds} s"),
            None => String::new(),
        };
        let before = &told["previousValue"];
        self.journal.tell(
            CHANGE_FLAGS,
            format!("`{flag}` is set from {before} to {value}{lasts}: {reason}"),
        );
        Ok(())
    }
}
