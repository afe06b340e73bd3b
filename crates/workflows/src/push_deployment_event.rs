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

mod codedeploy;
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

pub use crate::remedy::codedeploy::{GroupTag, InvalidTag, SOURCE, UNSURE};
pub use words::ORIGIN;

use crate::Refusal;
use crate::announce::{Attached, InDoubt, Look, Teller};
use crate::fetched_spec::SpecFetcher;
use crate::outgoing::Outgoing;
use crate::refusal::Stop;
use crate::token::Token;
use codedeploy::Known;
use parameters::Parameters;
use targets::{Found, Targets};
use words::{Facts, Message};

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
    /// What is said in every announcement.
    pub settings: Settings,
}

/// What is said in every announcement.
#[derive(Clone, Debug)]
pub struct Settings {
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

impl<'a> Request<'a> {
    /// The job, the deployment or the call, for log lines.
    fn id(&self) -> &'a str {
        match self {
            Self::Job(job) => &job.id,
            Self::Deployment(id) => id,
            Self::Direct { request, .. } => request,
        }
    }
}

/// The time of one invocation.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    /// When it began.
    pub now: Timestamp,
    /// When it must have ended.
    pub deadline: Instant,
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
    /// The entities of another trigger are not there, or not all of them.
    Unattached {
        /// How many have the event.
        have_it: usize,
        /// What is missing.
        missing: Vec<String>,
    },
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
struct Plan {
    kind: EventKind,
    /// Whether the groups surely are behind the targets.
    is_sure: bool,
    deployments: Vec<Deployment>,
    messages: Vec<Message>,
    targets: Targets,
}

/// Whether there is anything to announce.
enum Planned {
    Plan(Plan),
    Nothing(String),
}

/// Announces what is asked for. `connect` makes the client of the tenant, once
/// everything else is known to be right.
pub async fn push_deployment_event(
    services: &Services,
    connect: impl AsyncFnOnce() -> anyhow::Result<Dynatrace>,
    request: Request<'_>,
    moment: Moment,
) -> anyhow::Result<Outcome> {
    match announced(services, connect, request, moment).await {
        Ok(outcome) => Ok(outcome),
        Err(Stop::Refused(refusal)) => Ok(Outcome::Refused(refusal)),
        Err(Stop::Fault(error)) => Err(error),
    }
}

async fn announced(
    services: &Services,
    connect: impl AsyncFnOnce() -> anyhow::Result<Dynatrace>,
    request: Request<'_>,
    moment: Moment,
) -> Result<Outcome, Stop> {
    let token = match request {
        Request::Job(job) => Some(Token::read(
            job.data.continuation_token.as_deref(),
            moment.now,
        )),
        _ => None,
    };
    let asked = token.as_ref().map_or(moment.now, |token| token.since);
    let planned = match request {
        Request::Job(job) => {
            let plan = pipeline::plan(services, job, asked, moment.now);
            Planned::Plan(Box::pin(plan).await?)
        }
        Request::Deployment(id) => {
            let parameters = Parameters {
                deployment: Some(id.to_owned()),
                ..Parameters::default()
            };
            directly(services, parameters, None, moment.now).await?
        }
        Request::Direct {
            parameters,
            request,
        } => {
            let parameters = parameters::of_caller(parameters).map_err(Refusal::configuration)?;
            directly(services, parameters, Some(request), moment.now).await?
        }
    };
    let plan = match planned {
        Planned::Plan(plan) => plan,
        Planned::Nothing(reason) => return Ok(Outcome::NotNeeded(reason)),
    };

    let tenant = connect().await?;
    let (have_it, missing) = tell(services, &plan, &tenant, (request.id(), moment)).await?;
    Ok(ended(plan, have_it, missing, token, moment.now))
}

async fn tell(
    services: &Services,
    plan: &Plan,
    tenant: &Dynatrace,
    (request, Moment { now, deadline }): (&str, Moment),
) -> Result<(usize, Vec<String>), Stop> {
    let found = plan.targets.find(tenant, now, deadline).await;
    let found = found.map_err(stop)?;
    let teller = Teller {
        tenant,
        until: deadline,
        request,
    };
    let telling = async {
        let mut all = Attached::default();
        for message in &plan.messages {
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
    let until = saturating_add(now, services.settings.keep_ties);
    let (attached, tied) = tokio::join!(telling, services.ledger.tie(&ties, until));
    let (have_it, missing) = without_stops(attached)?;
    tied.context("cannot keep which group is behind the entities")?;
    Ok((have_it, [found.missing, missing].concat()))
}

impl Plan {
    /// An event for each of the deployments, or one without any.
    fn new(
        facts: Facts<'_>,
        targets: Targets,
        deployments: Vec<Deployment>,
        settings: &Settings,
    ) -> Self {
        let message = |deployment| {
            words::message(
                &Facts {
                    deployment,
                    ..facts
                },
                settings,
            )
        };
        let messages = if deployments.is_empty() {
            vec![message(None)]
        } else {
            deployments.iter().map(|each| message(Some(each))).collect()
        };
        Self {
            kind: facts.kind,
            is_sure: facts.is_sure,
            deployments,
            messages,
            targets,
        }
    }

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
    let Attached {
        have_it,
        missing,
        refused,
        faults,
    } = attached;
    let stops = faults.into_iter().map(stop);
    let refused = refused.into_iter().map(Refusal::configuration);
    let mut refusal: Option<Refusal> = None;
    let mut fault = None;
    for stop in stops.chain(refused.map(Stop::from)) {
        match (stop, &mut refusal) {
            (Stop::Refused(refused), None) => refusal = Some(refused),
            (Stop::Refused(refused), Some(known)) => {
                if !known.text.contains(&refused.text) {
                    known.text = format!("{}; {}", known.text, refused.text);
                }
            }
            (Stop::Fault(error), _) => {
                fault.get_or_insert(error);
            }
        }
    }
    match (refusal, fault) {
        (Some(refusal), _) => Err(refusal.into()),
        (None, Some(error)) => Err(error.into()),
        (None, None) => Ok((have_it, missing)),
    }
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

fn ended(
    plan: Plan,
    have_it: usize,
    missing: Vec<String>,
    token: Option<Token>,
    now: Timestamp,
) -> Outcome {
    let done = |missing| {
        Outcome::Announced(Announcement {
            kind: plan.kind,
            deployments: plan.deployments.into_iter().map(|each| each.id).collect(),
            have_it,
            missing,
            is_sure: plan.is_sure,
        })
    };
    if missing.is_empty() && 0 < have_it {
        return done(missing);
    }
    match token {
        None => Outcome::Unattached { have_it, missing },
        Some(token) if !token.is_over(PATIENCE, now) => Outcome::Later {
            token: token.to_string(),
            missing,
        },
        Some(_) if 0 < have_it => done(missing),
        Some(_) => Outcome::Refused(Refusal::configuration(advice(&missing))),
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

/// What CodeDeploy, or a caller that is no job, tells of.
async fn directly(
    services: &Services,
    mut parameters: Parameters,
    request: Option<&str>,
    now: Timestamp,
) -> Result<Planned, Stop> {
    let deployment = match &parameters.deployment {
        None => None,
        Some(id) => match codedeploy::look(services, id).await? {
            Known::Reaching(deployment) => Some(deployment),
            Known::Nothing(reason) => return Ok(Planned::Nothing(reason)),
        },
    };
    let kind = parameters.kind.unwrap_or(match deployment {
        Some(_) => EventKind::Deployment,
        None => EventKind::Annotation,
    });
    let attach = parameters.attach_rules.take();
    let targets = match (&parameters.environment, &parameters.monspec, &deployment) {
        (Some(environment), Some(place), _) => {
            let fetched = services.spec_fetcher().at(place).await?;
            Targets::environment(&fetched.monspec, environment)?
        }
        (_, _, Some(deployment)) if attach.is_none() => {
            Targets::of_group(&deployment.group, &services.settings.group_tag)
        }
        _ => Targets::attached(attach.unwrap_or_default()),
    };
    let facts = Facts {
        kind,
        says: &parameters,
        spot: None,
        deployment: None,
        is_sure: true,
        request,
        asked: now,
        now,
    };
    let deployments = deployment.into_iter().collect();
    let plan = Plan::new(facts, targets, deployments, &services.settings);
    Ok(Planned::Plan(plan))
}
