//! Who opens a report, and what they see.
//!
//! The use-case on a real database; what HTTP adds is told in `binaries`.

mod access;
mod changes;
mod pages;
mod parameters;
mod problems;
mod start;

use fake_aws::pipeline::Mode;
use jiff::{SignedDuration, Timestamp};
use lambda::door::{Opens, Route, Takes, enter};
use release::link::Scope;
use release::links::{Access, OPEN_FOR};
use release::pause::Freeze;
use release::validation::ValidationId;
use secrecy::SecretString;
use serde_json::json;
use url::Url;
use workflows::validation_report::{
    ADDRESSES, Document, Outcome, Request, Services, Shape, validation_report,
};

use crate::world::{GATE, PIPELINE, PRODUCTION, STAGING, World, monspec};

const COMPARISON: &str = "StagingToProduction";
const HISTORY: Scope<'static> = Scope::History {
    pipeline: PIPELINE,
    comparison: COMPARISON,
};

/// A world with a report.
struct Reader {
    world: World,
    access: Access,
}

impl Reader {
    async fn start() -> Self {
        let world = World::start(dynatrace::Api::V2).await;
        world.gate_in(
            Mode::Parallel,
            &format!("{GATE},#{{codepipeline.PipelineExecutionId}}"),
        );
        Self {
            world,
            access: keys("a"),
        }
    }

    /// One more build that is judged, staging being this slow.
    async fn judged(&mut self, revision: &str, milliseconds: f64) -> ValidationId {
        for service in [STAGING, PRODUCTION] {
            self.world.tenant.forget_data(service);
        }
        self.world.traffic(STAGING, milliseconds, 0.0);
        self.world.traffic(PRODUCTION, 100.0, 0.0);
        self.world.release(revision, &monspec()).await;
        let ticked = self.world.pass_window().await;
        // Earlier builds may be watched still.
        let judged = ticked.looks.iter().find(|one| one.about.judged.is_some());
        let id = judged.unwrap().about.registration.id;
        self.world.advance(SignedDuration::from_mins(1));
        id
    }

    /// The link that a person was given a moment ago.
    fn link(&self, scope: Scope<'_>) -> String {
        let page = match scope {
            Scope::Start => String::new(),
            Scope::History { .. } => "history".to_owned(),
            Scope::Evaluation(id) => format!("v/{id}"),
            Scope::Changes => "changes".to_owned(),
            Scope::Flag(name) => format!("changes/{name}"),
            Scope::Problems => "problems".to_owned(),
            Scope::Problem(id) => format!("problems/{id}"),
            Scope::Remedies => "remedies".to_owned(),
            Scope::Badge { .. } => "badge.svg".to_owned(),
        };
        let until = self.world.now + OPEN_FOR;
        let base = "https://report.example/";
        self.access.address(base, &page, scope, &[], until)
    }

    async fn open(&self, link: &str) -> Outcome {
        self.ask(link, Shape::Page).await
    }

    async fn ask(&self, link: &str, wished: Shape) -> Outcome {
        let url = Url::parse(link).unwrap();
        let parameters: Vec<(String, String)> = url.query_pairs().into_owned().collect();
        let routes = ADDRESSES.map(|(path, page, shape)| Route {
            leads_to: (page, shape),
            path,
            methods: &["GET"],
            opens: Opens::Link,
            takes: Takes::Nothing,
        });
        let event = json!({"httpMethod": "GET", "path": url.path()});
        let asked = lambda::http::Request::of(&event).unwrap();
        let visit = enter(&routes, None, &asked).await.ok();
        let request = Request {
            page: visit.as_ref().map(|visit| visit.leads_to.0),
            name: visit.as_ref().map_or("", |visit| visit.name),
            shape: visit.and_then(|visit| visit.leads_to.1).unwrap_or(wished),
            address: url.path(),
            parameters: &parameters,
        };
        let services = Services {
            validations: self.world.validations.clone(),
            ledger: self.world.ledger.clone(),
            remediations: self.world.remediations.clone(),
            flags: self.world.flags.clone(),
            set: "prod".to_owned(),
            zone: None,
            freeze: Freeze::default(),
        };
        validation_report(&services, &self.access, request, self.world.now).await
    }

    /// What a link shows.
    async fn shown(&self, link: &str) -> Document {
        shown(self.open(link).await)
    }
}

fn keys(id: &str) -> Access {
    Access::signed(&SecretString::from(format!("{id}:{}", "k".repeat(32)))).unwrap()
}

fn shown(outcome: Outcome) -> Document {
    match outcome {
        Outcome::Shown(document) => document,
        other => panic!("nothing was shown: {other:?}"),
    }
}

fn nothing(outcome: Outcome) -> Document {
    match outcome {
        Outcome::Nothing(document) => document,
        other => panic!("something was shown: {other:?}"),
    }
}

/// The addresses within the report that a page links to, as a browser resolves
/// them. What leads out of it must not carry what opens it.
fn links(page: &str, body: &str) -> Vec<String> {
    let page = Url::parse(page).unwrap();
    body.split("href=\"")
        .skip(1)
        .filter_map(|rest| rest.split_once('"'))
        .map(|(address, _)| address.replace("&amp;", "&"))
        .filter(|address| !address.starts_with(['#', 'd']))
        .map(|address| page.join(&address).unwrap())
        .filter(|address| {
            let inside = address.origin() == page.origin();
            assert!(inside || address.query_pairs().all(|(name, _)| name != "s"));
            inside
        })
        .map(String::from)
        .collect()
}

/// The first link whose address has this in it.
pub(crate) fn link_with(page: &str, body: &str, part: &str) -> String {
    let found = links(page, body);
    let link = found.iter().find(|link| link.contains(part));
    link.unwrap_or_else(|| panic!("no {part} in {found:?}"))
        .clone()
}

fn at_the_end(now: Timestamp) -> Timestamp {
    now + OPEN_FOR
}
