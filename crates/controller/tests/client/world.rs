//! A controller, a user who may launch one template, and our client.

use std::time::Duration;

use controller::{
    Controller, Credentials, JobType, Launch, Launched, Order, Server, TemplateKind, TemplateRef,
};
use fake_controller::{JobTemplate, Options, Scope};
use serde_json::{Map, Value, json};
use tokio::time::Instant;

pub(crate) const NOW: i64 = 1_790_000_000_000;

pub(crate) struct World {
    pub(crate) fake: fake_controller::Controller,
    pub(crate) client: Controller,
    pub(crate) template: u64,
    pub(crate) user: u64,
}

impl World {
    pub(crate) async fn with(template: JobTemplate) -> Self {
        Self::at(template, "/api/v2").await
    }

    pub(crate) async fn at(template: JobTemplate, prefix: &str) -> Self {
        let options = Options {
            prefix: Some(prefix.to_owned()),
            ..Options::default()
        };
        let fake = fake_controller::Controller::start_with(options)
            .await
            .expect("a port is free");
        fake.set_now(NOW);
        let user = fake.user("ub", "hunter2");
        let template = fake.job_template(template);
        fake.permit("ub", template);
        let token = fake.token("ub", Scope::Write);
        let client = client(&fake, Credentials::Bearer(token.into()));
        Self {
            fake,
            client,
            template,
            user,
        }
    }

    pub(crate) fn sliced(&self, sliced: bool) -> TemplateRef {
        TemplateRef {
            kind: TemplateKind::Job,
            id: self.template,
            sliced,
        }
    }

    pub(crate) fn at_template(&self) -> TemplateRef {
        self.sliced(false)
    }

    pub(crate) async fn launch(&self, order: &Order) -> Launch {
        let client = &self.client;
        client
            .launch(TemplateKind::Job, self.template, order, soon())
            .await
    }

    pub(crate) async fn launched(&self, order: &Order) -> Launched {
        match self.launch(order).await {
            Launch::Launched(launched) => *launched,
            other => panic!("not launched: {other:?}"),
        }
    }
}

pub(crate) fn client(fake: &fake_controller::Controller, credentials: Credentials) -> Controller {
    client_at(&fake.base(), credentials)
}

pub(crate) fn client_at(base: &str, credentials: Credentials) -> Controller {
    install_tls();
    let server = Server {
        base: base.to_owned(),
        credentials,
    };
    let http = controller::http(None).expect("it is made without roots");
    Controller::new(http, server).expect("the settings are good")
}

/// Every test of the process installs the same provider; one of them wins.
pub(crate) fn install_tls() {
    let _ = rustls::crypto::ring::default_provider().install_default();
}

pub(crate) fn soon() -> Instant {
    Instant::now() + Duration::from_secs(20)
}

pub(crate) fn variables(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(all) => all,
        other => panic!("no variables: {other}"),
    }
}

/// An order with a marker.
pub(crate) fn order(run: &str) -> Order {
    Order {
        variables: variables(json!({"unbreakable": {"run": run}, "promotion_rate": "0"})),
        limit: None,
        job_type: JobType::Run,
    }
}
