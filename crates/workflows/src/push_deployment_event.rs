//! A deployment, or another change, is announced to Dynatrace.
//!
//! # Transitions
//!
//! Nothing is kept between invocations but the ledger, the tenant's own events
//! and the token of a continued job. So every invocation goes the same way and
//! may die anywhere on it: the next one meets what is there.
//!
//! | Row | Met | Event | Durable write | External call | Killed before it | Killed after it |
//! |---|---|---|---|---|---|---|
//! | `story.entered` | nothing | delivered: job, notice, call | the deployment in the ledger | – | delivered again | the same entry is met |
//! | `story.attached` | the entry | some entity lacks the event | which group is behind each entity, beside the call | attach it to those | delivered again: looked for, not found, attached | looked for and found; attached twice where the tenant does not show it yet |
//! | `story.doubt` | the entry, and nobody can say in time whether the event is there | – | – | attach it to all | the same | looked for again; attached twice |
//! | `story.one-type` | the entry | one type of entities is refused, or a fault | – | attach it to the others, then fail with it | delivered again | delivered again: looked for and found on the others |
//! | `story.done` | the event on every entity | – | – | job succeeds | delivered again: found, nothing is sent | – |
//! | `story.continued` | no entity, or not all | a job, within its patience | – | job continues, with since when | delivered again | next job, the same patience |
//! | `story.nobody` | no entity | a job, patience over | – | job fails with what to check | delivered again: fails | – |
//! | `story.some` | some entities | a job, patience over | – | job succeeds and says which are missing | delivered again | – |
//! | `story.unattached` | no entity, or not all | any other trigger | – | invocation fails | retried by Lambda | retried by Lambda |
//! | `story.several` | – | an event with several notices, one of which cannot be announced | each as above | each as above; then the invocation fails and names which and why | retried by Lambda | retried by Lambda: the others are found to have their event |
//! | `story.nothing` | – | a deployment that failed, a restart, one for a joining instance | – | – | – | – |
//! | `story.refused` | – | something to correct | as far as it came | job fails with it | delivered again | – |
//! | `story.fault` | – | a fault of a remote | as far as it came | job fails at once; other invocations fail | delivered again | – |
//!
//! `tests/tests/it/rows.rs` names the test of each row. How an event is looked for and
//! attached is the table of `announce`.
//!
//! The ledger comes first: a deployment that could not be announced is still
//! one that a window must not be judged across.

mod directly;
mod parameters;
mod pipeline;
mod targets;
mod words;

use anyhow::Context as _;
use delivery::CodePipeline;
use delivery::artifact::Artifacts;
use delivery::codedeploy::CodeDeploy;
use delivery::job::Job;
use dynatrace::{Dynatrace, EventKind};
use jiff::{SignedDuration, Timestamp};
use release::behind::Behind;
use release::console::Console;
use release::deployment::Deployment;
use release::tie::Tie;
use release::window::saturating_add;
use store::Ledger;
use tokio::time::Instant;

pub use crate::remedy::codedeploy::{GroupTag, UNSURE};

use crate::Refusal;
use crate::announce::{Attached, InDoubt, Look, Teller};
use crate::fetched_spec::SpecFetcher;
use crate::outgoing::Outgoing;
use crate::refusal::Stop;
use crate::token::Token;
use parameters::Parameters;
use targets::{Found, Targets};
use words::Spot;

/// How long entities are waited for: a new service has its tags a few minutes
/// after its first request.
const PATIENCE: SignedDuration = SignedDuration::from_mins(4);

/// How many ties one announcement makes: more entities than this are told, and
/// known by their own events alone.
const MOST_TIES: usize = 1_000;

/// What an announcement needs before it speaks to the tenant.
#[derive(Debug)]
pub struct Services {
    /// Where deployments are entered.
    pub ledger: Ledger,
    /// Where jobs come from.
    pub pipeline: CodePipeline,
    /// Where deployments come from.
    pub codedeploy: CodeDeploy,
    /// Where the monspec lies.
    pub artifacts: Artifacts,
    /// Other places where a monspec may lie.
    pub outgoing: Outgoing,
    /// Where the console shows what was deployed.
    pub console: Console,
    /// Where a deployment can be undone.
    pub remediation: Option<String>,
    /// The tag whose value names the deployment group of an entity.
    pub group_tag: GroupTag,
    /// Which groups are behind which tags, where that is listed.
    pub behind: Behind,
    /// How long it is kept which group is behind an entity.
    pub keep_ties: SignedDuration,
}

impl Services {
    fn spec_fetcher(&self) -> SpecFetcher<'_> {
        SpecFetcher {
            artifacts: &self.artifacts,
            outgoing: &self.outgoing,
        }
    }

    /// Enters a deployment in the ledger, where another observer may have entered
    /// it already. The answer is what the ledger has.
    async fn enter(&self, deployment: &Deployment) -> anyhow::Result<Deployment> {
        let entered = self.ledger.record_deployment(deployment).await;
        entered.context("cannot enter the deployment in the ledger")
    }
}

/// Who announces what.
#[derive(Clone, Copy, Debug)]
pub enum Request<'a> {
    /// A pipeline action.
    Job(&'a Job),
    /// CodeDeploy, about a deployment with this id.
    Deployment(&'a str),
    /// Another caller.
    Direct {
        /// What to announce, as a JSON object.
        parameters: &'a str,
        /// Tells this call from others; the same when it is repeated.
        request: &'a str,
    },
}

/// What became of the request.
#[derive(Debug)]
pub enum Outcome {
    /// The event is there.
    Announced(Announcement),
    /// A job whose entities are not there yet, to be asked again.
    Later {
        /// What the next job has to know.
        token: String,
        /// What is missing.
        missing: Vec<String>,
    },
    /// The entities of another trigger are not there, or not all of them; what is
    /// missing.
    Unattached(Vec<String>),
    /// There is nothing to announce, and that is right.
    NotNeeded(String),
    /// The request cannot be fulfilled until somebody corrects something.
    Refused(Refusal),
}

/// An event that is there.
#[derive(Debug, PartialEq, Eq)]
pub struct Announcement {
    /// What kind of event.
    pub kind: EventKind,
    /// The deployments that were announced.
    pub deployments: Vec<String>,
    /// How many entities have an event, of all deployments together.
    pub have_it: usize,
    /// What is missing and is not waited for any more.
    pub missing: Vec<String>,
    /// Whether the groups surely are behind the entities.
    pub is_sure: bool,
}

/// What is to be announced, and to whom.
#[derive(Debug)]
struct Plan {
    kind: EventKind,
    /// What replaces what would be said otherwise.
    says: Parameters,
    /// The action that announces it.
    spot: Option<Spot>,
    /// Each gets an event; without any there is one event.
    deployments: Vec<Deployment>,
    /// Whether their groups surely are behind the targets.
    is_sure: bool,
    targets: Targets,
    /// Tells one direct call from another; a repeated one has the same.
    request: Option<String>,
    /// When it was asked for first.
    asked: Timestamp,
}

/// Announces what is asked for. `connect` makes the client of the tenant, once
/// everything else is known to be right.
pub async fn push_deployment_event(
    services: &Services,
    connect: impl AsyncFnOnce() -> anyhow::Result<Dynatrace>,
    request: Request<'_>,
    now: Timestamp,
    deadline: Instant,
) -> anyhow::Result<Outcome> {
    let outcome = announced(services, connect, request, now, deadline).await;
    outcome.or_else(|stop| stop.told(Outcome::Refused, Outcome::NotNeeded))
}

async fn announced(
    services: &Services,
    connect: impl AsyncFnOnce() -> anyhow::Result<Dynatrace>,
    request: Request<'_>,
    now: Timestamp,
    deadline: Instant,
) -> Result<Outcome, Stop> {
    let mut token = None;
    let (id, plan) = match request {
        Request::Job(job) => {
            let told = job.data.continuation_token.as_deref();
            let since = token.insert(Token::read(told, now)).since;
            let plan = Box::pin(pipeline::plan(services, job, since));
            (job.id.as_str(), plan.await?)
        }
        Request::Deployment(id) => {
            let says = Parameters {
                deployment: Some(id.to_owned()),
                ..Parameters::default()
            };
            (id, directly::plan(services, says, None, now).await?)
        }
        Request::Direct {
            parameters,
            request,
        } => {
            let says = parameters::of_caller(parameters)?;
            let plan = directly::plan(services, says, Some(request), now);
            (request, plan.await?)
        }
    };

    let tenant = connect().await?;
    let found = plan.targets.find(&tenant, now, deadline).await;
    let found = found.map_err(stop)?;
    let teller = Teller {
        tenant: &tenant,
        until: deadline,
        request: id,
    };
    let telling = async {
        let mut all = Attached::default();
        for message in words::messages(&plan, services, now) {
            let look = Look {
                window: message.window(now),
                is_it: &|event| message.is(event),
                in_doubt: InDoubt::Repeat,
            };
            let attached = teller.attach(&message.event, &found.by_type, Some(look));
            all.add(attached.await);
        }
        all
    };
    let ties = plan.ties(&found);
    let until = saturating_add(now, services.keep_ties);
    let (attached, tied) = tokio::join!(telling, services.ledger.tie(&ties, until));
    let (have_it, missing) = without_stops(attached)?;
    tied.context("cannot keep which group is behind the entities")?;

    let missing = [found.missing, missing].concat();
    if have_it == 0 || !missing.is_empty() {
        match token {
            None => return Ok(Outcome::Unattached(missing)),
            Some(token) if !token.is_over(PATIENCE, now) => {
                let token = token.to_string();
                return Ok(Outcome::Later { token, missing });
            }
            Some(_) if have_it == 0 => {
                return Err(Refusal::configuration(advice(&missing)).into());
            }
            Some(_) => {}
        }
    }
    Ok(Outcome::Announced(Announcement {
        kind: plan.kind,
        deployments: plan.deployments.into_iter().map(|each| each.id).collect(),
        have_it,
        missing,
        is_sure: plan.is_sure,
    }))
}

impl Plan {
    /// Which group is behind each entity by this announcement.
    fn ties(&self, found: &Found) -> Vec<Tie> {
        if self.kind != EventKind::Deployment || !self.is_sure {
            return Vec::new();
        }
        let tie = |deployment: &Deployment, entity: &String| Tie {
            entity: entity.clone(),
            group: deployment.group.clone(),
            at: deployment.at,
            shared: found.databases.contains(entity),
        };
        let deployments = self.deployments.iter();
        let ties = deployments.flat_map(|deployment| {
            let entities = found.by_type.values().flatten();
            entities.map(move |entity| tie(deployment, entity))
        });
        ties.take(MOST_TIES).collect()
    }
}

/// How many have their event, and what is missing. Of what stopped something, all
/// that a person can correct is told; else the first fault.
fn without_stops(attached: Attached) -> Result<(usize, Vec<String>), Stop> {
    let refused = attached.refused.into_iter().map(Refusal::configuration);
    let stops = attached.faults.into_iter().map(stop);
    let mut told: Option<Stop> = None;
    for stop in stops.chain(refused.map(Stop::from)) {
        match (stop, &mut told) {
            (Stop::Refused(more), Some(Stop::Refused(known))) => {
                if !known.text.contains(&more.text) {
                    known.text = format!("{}; {}", known.text, more.text);
                }
            }
            (stop @ Stop::Refused(_), _) | (stop, None) => told = Some(stop),
            (_, Some(_)) => {}
        }
    }
    told.map_or(Ok((attached.have_it, attached.missing)), Err)
}

/// What a person can correct is a refusal; anything else may pass by itself.
fn stop(error: dynatrace::Error) -> Stop {
    use dynatrace::Error;
    match error {
        Error::Unauthorised(_) | Error::ScopeMissing(_) => Refusal::permission(error).into(),
        Error::BadSelector(_) | Error::ApiGone => Refusal::configuration(error).into(),
        other => Stop::Fault(anyhow::Error::from(other).context("cannot announce the deployment")),
    }
}

/// What a person can do when nobody was found.
fn advice(missing: &[String]) -> String {
    format!(
        "no entity to attach the event to was found within four minutes: {}. Check that the rule \
         that sets this tag applies to these entities, that OneAgent runs on their hosts, and \
         that they had requests since the deployment; then retry the stage",
        missing.join("; ")
    )
}
