//! A pipeline action, or another caller, asks for a build to be judged.

mod otherwise;
mod parameters;
mod pipeline;
mod spec;

pub mod rehearsal;

use anyhow::Context as _;
use delivery::CodePipeline;
use delivery::artifact::Artifacts;
use delivery::job::Job;
use jiff::{SignedDuration, Timestamp};
use monspec::Monspec;
use release::behind::Behind;
use release::execution::{ExecutionMode, version_label};
use release::validation::{Environments, Registrant, Registration, ValidationId};
use release::window::{Window, saturating_add};
use store::{Ledger, Registered, Validations, registration_len};

use crate::Refusal;
use crate::execution::context_of;
use crate::fetched_spec::SpecFetcher;
use crate::outgoing::Outgoing;
use crate::overlap::windows_are_apart;
use crate::refusal::Stop;
use parameters::Parameters;
use pipeline::Placed;

/// How many deployments one verdict is about: each takes part in the transaction
/// that stores it.
const MOST_DEPLOYMENTS: usize = 40;

/// What a registration may take of its record, in bytes; the numbers of the
/// verdict come beside it.
const LARGEST_REGISTRATION: usize = 80_000;

/// What registration speaks to.
#[derive(Debug)]
pub struct Services {
    /// Where the validation is stored.
    pub validations: Validations,
    /// What is known of deployments.
    pub ledger: Ledger,
    /// Where the job came from.
    pub pipeline: CodePipeline,
    /// Where the monspec lies.
    pub artifacts: Artifacts,
    /// Other places where a monspec may lie.
    pub outgoing: Outgoing,
    /// Which groups are behind which tags, where that is listed.
    pub behind: Behind,
    /// How long things take.
    pub settings: Settings,
}

impl Services {
    fn spec_fetcher(&self) -> SpecFetcher<'_> {
        SpecFetcher {
            artifacts: &self.artifacts,
            outgoing: &self.outgoing,
        }
    }
}

/// How long things take.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// How long Dynatrace needs until a minute is complete.
    pub ingest_delay: SignedDuration,
    /// How long a validation waits for what it needs.
    pub give_up_after: SignedDuration,
    /// How long its records are kept after that.
    pub retention: SignedDuration,
    /// Whether results can be posted.
    pub hooks: Hooks,
}

/// Whether results can be posted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hooks {
    /// There is a secret to sign them with.
    Signed,
    /// There is none, so nobody could trust what is posted.
    Off,
}

/// Who asks.
#[derive(Debug)]
pub enum Request<'a> {
    /// A pipeline action.
    Job(&'a Job),
    /// Another caller, with the parameters as a JSON object.
    Direct(&'a str),
}

/// What became of the request.
#[derive(Debug)]
pub enum Outcome {
    /// The validation is stored.
    Waiting {
        /// Its id.
        id: ValidationId,
        /// When it was to be judged at the earliest; none if the record of an
        /// earlier registration is gone.
        due_at: Option<Timestamp>,
        /// Whether this job had registered it before.
        already: bool,
    },
    /// Nothing is to be judged, and that is right.
    NotNeeded(String),
    /// The request cannot be fulfilled until somebody corrects something.
    Refused(Refusal),
}

/// Registers a validation. Everything is checked before anything is stored,
/// and everything is stored before the caller gets a success.
pub async fn register_validation(
    services: &Services,
    request: Request<'_>,
    now: Timestamp,
) -> anyhow::Result<Outcome> {
    let outcome = match request {
        Request::Job(job) => for_job(services, job, now).await,
        Request::Direct(parameters) => directly(services, parameters, now).await,
    };
    outcome.or_else(|stop| stop.told(Outcome::Refused, Outcome::NotNeeded))
}

async fn for_job(services: &Services, job: &Job, now: Timestamp) -> Result<Outcome, Stop> {
    let parameters = parameters::of_job(job.user_parameters())?;
    // On the heap: several requests under way are too large for a stack.
    let spec = Box::pin(
        services
            .spec_fetcher()
            .of_job(parameters.monspec.as_ref(), &job.data),
    );
    let context = Box::pin(context_of(&services.pipeline, job));
    let (earlier, needed) = futures_util::future::join(
        services.validations.registered_by(&job.id),
        futures_util::future::try_join(spec, context),
    )
    .await;
    // A job that was registered before is fine, whatever became of its artifact.
    if let Some(id) = earlier.context("cannot look for an earlier delivery of the job")? {
        return already(services, id).await;
    }
    let (fetched, context) = needed?;
    let spec = spec::accepted(fetched)?;

    let comparison = spec
        .comparison(parameters.comparison.as_deref())?
        .to_owned();
    let compared = spec.monspec.compared(&comparison);
    let placed = pipeline::placed(
        &services.pipeline,
        &context,
        &parameters,
        &compared,
        &services.behind,
        now,
    )
    .await?;
    let registration = registration(services, &parameters, comparison, &spec, placed, now)?;
    store(services, &registration, &spec, Some(&job.id)).await
}

async fn directly(services: &Services, text: &str, now: Timestamp) -> Result<Outcome, Stop> {
    let parameters = parameters::of_caller(text)?;
    let place = parameters
        .monspec
        .as_ref()
        .expect("a direct call without a monspec is refused with its parameters");
    let spec = spec::accepted(services.spec_fetcher().at(place).await?)?;
    let comparison = spec
        .comparison(parameters.comparison.as_deref())?
        .to_owned();
    let compared = spec.monspec.compared(&comparison);
    let name = parameters
        .pipeline
        .clone()
        .expect("a direct call without a pipeline is refused above");
    let placed = match &parameters.execution {
        None => Placed::outside(name, &compared, &services.behind),
        Some(_) => {
            pipeline::placed_directly(
                &services.pipeline,
                name,
                &parameters,
                &compared,
                &services.behind,
                now,
            )
            .await?
        }
    };
    let registration = registration(services, &parameters, comparison, &spec, placed, now)?;
    store(services, &registration, &spec, None).await
}

fn registration(
    services: &Services,
    parameters: &Parameters,
    comparison: String,
    spec: &spec::Accepted,
    placed: Placed,
    now: Timestamp,
) -> Result<Registration, Stop> {
    let window = Window::from_registration(now, parameters.length);
    let compared = spec.monspec.compared(&comparison);
    windows_are_apart(&compared, parameters.length).map_err(Refusal::configuration)?;
    if let Some(hook) = &parameters.result_hook {
        services
            .outgoing
            .allowed(hook)
            .map_err(|why| Refusal::configuration(format!("resultHook: {why}")))?;
        if services.settings.hooks == Hooks::Off {
            return Err(Refusal::configuration(
                "resultHook: results are signed, so the setting RESULT_HOOK_SECRET is needed first",
            )
            .into());
        }
    }
    let Settings {
        ingest_delay,
        give_up_after,
        retention,
        hooks: _,
    } = services.settings;
    let due_at = saturating_add(last_end(&spec.monspec, &comparison, window), ingest_delay);
    let give_up_at = saturating_add(due_at, give_up_after);
    let version = match placed.deployments.first() {
        Some(deployment) => deployment.version.clone(),
        None => version_label(&placed.sources, placed.execution.as_deref()),
    };
    Ok(Registration {
        id: ValidationId::new(now, random()),
        pipeline: placed.pipeline,
        execution: placed.execution,
        mode: placed.mode.unwrap_or(ExecutionMode::Superseded),
        registrant: placed.registrant.unwrap_or(Registrant::Direct),
        comparison,
        window,
        approval: placed.approval,
        spec: spec.stored.hash().to_owned(),
        sources: placed.sources,
        version,
        deployments: placed.deployments,
        untaught: placed.untaught,
        source_groups: placed.source_groups,
        otherwise: placed.otherwise,
        compare_groups: Vec::new(),
        compared: placed.compared,
        environments: Environments::of(&compared),
        result_hook: parameters.result_hook.clone(),
        registered_at: now,
        due_at,
        give_up_at,
        expires_at: saturating_add(give_up_at, retention),
    })
}

async fn store(
    services: &Services,
    registration: &Registration,
    spec: &spec::Accepted,
    job: Option<&str>,
) -> Result<Outcome, Stop> {
    let size = registration_len(registration);
    if size > LARGEST_REGISTRATION || registration.deployments.len() > MOST_DEPLOYMENTS {
        let (deployments, sources) = (registration.deployments.len(), registration.sources.len());
        let refusal = Refusal::configuration(format!(
            "{deployments} deployments of {sources} sources do not fit into one validation; \
             register after each stage, or name the group behind the environment in \
             DEPLOYMENT_GROUPS"
        ));
        return Err(refusal.into());
    }
    let registered = services
        .validations
        .register(&services.ledger, registration, &spec.stored, job)
        .await
        .context("cannot store the validation")?;
    match registered {
        Registered::Waiting(id) => Ok(Outcome::Waiting {
            id,
            due_at: Some(registration.due_at),
            already: false,
        }),
        Registered::Already(id) => already(services, id).await,
    }
}

/// What an earlier delivery of the same job registered.
async fn already(services: &Services, id: ValidationId) -> Result<Outcome, Stop> {
    let earlier = services
        .validations
        .validation(id)
        .await
        .context("cannot read what an earlier delivery of the job registered")?;
    Ok(Outcome::Waiting {
        id,
        due_at: earlier.map(|earlier| earlier.registration.due_at),
        already: true,
    })
}

/// The end of the last window that is asked for: a negative shift looks ahead.
fn last_end(monspec: &Monspec, comparison: &str, window: Window) -> Timestamp {
    monspec
        .compared(comparison)
        .iter()
        .flat_map(|(_, declared)| {
            [
                declared.shift_source_seconds,
                declared.shift_compare_seconds,
            ]
        })
        .map(|seconds| window.shifted_back(seconds).end)
        .fold(window.end, Timestamp::max)
}

fn random() -> [u8; 10] {
    let mut bytes = [0; 10];
    getrandom::fill(&mut bytes).expect("every system that functions run on is a source of chance");
    bytes
}
