//! A problem in production is answered by taking back the change that caused it,
//! once, with every step told on the problem: the last revision known to be good
//! is deployed, or a flag gets the value that it had before.
//!
//! The steps and what a crash leaves behind are the transition table of
//! [`release::remediation`].

pub mod notification;

mod cause;
pub mod explain;
mod giving_up;
mod healing;
mod pass;
pub mod replay;
mod rules;
mod running;
mod tools;

mod adoption;
mod comments;
mod words;

use std::sync::atomic::Ordering;
use std::time::Duration;

use dynatrace::Tag;
use futures_util::future::{join, join3};
use jiff::{SignedDuration, Timestamp};
use release::behind::Behind;
use release::pause::Freeze;
use release::problem::{Arrival, Cause, Phase, Problem, Reported};
use release::remediation::{Limits, Policy};
use release::window::saturating_add;
use store::{ClaimError, Due, Followed, Ledger, Noticed, Remediations, Taken};
use tokio::time::Instant;
use tokio::time::error::Elapsed;

use crate::remedy::codedeploy::GroupTag;
pub use crate::remedy::runbook::{Automation, Receiver, form};
pub use crate::remedy::{Clients, Connected};
use crate::work::{self, Tick, Worker, untold};
pub use cause::tagged_services;
pub use release::remediation::Mode;

use notification::{About, Notification, Unusable};
use pass::ProblemLook;
use tools::Pass;

/// How many problems are worked on at the same time.
const CONCURRENCY: usize = 8;

/// How long a notification is worked on before it is answered; the schedule
/// does the rest.
const FIRST_PASS: Duration = Duration::from_secs(5);

/// How long the claim of a first look holds: a look that is cut off must not
/// keep the schedule away for the rest of the invocation's time.
const FIRST_LEASE: SignedDuration = SignedDuration::from_secs(10);

/// What is spoken to, whether or not anything is due.
#[derive(Debug)]
pub struct Services {
    /// What is known of deployments.
    pub ledger: Ledger,
    /// Where the problems are.
    pub remediations: Remediations,
    /// Where changes are taken back.
    pub clients: Clients,
    /// What may be done.
    pub healing: Healing,
}

/// What may be done about a problem.
#[derive(Clone, Debug)]
pub struct Healing {
    /// Whether anything is.
    pub mode: Mode,
    /// How long before a problem a deployment can be its cause.
    pub look_back: SignedDuration,
    /// How old a notification may be.
    pub max_age: SignedDuration,
    /// How many groups may be changed for one problem.
    pub most_groups: usize,
    /// How often a group may be healed.
    pub limits: Limits,
    /// The tag that all entities of production carry.
    pub tag: Tag,
    /// Which groups are behind which tags, where that is listed.
    pub behind: Behind,
    /// The tag whose value names the deployment group of an entity.
    pub group_tag: GroupTag,
    /// How long a problem is followed.
    pub patience: SignedDuration,
    /// When nothing is begun.
    pub freeze: Freeze,
    /// The set of flags whose rules are followed.
    pub flag_set: String,
}

/// What the functions do unless they are told otherwise.
impl Default for Healing {
    fn default() -> Self {
        Self {
            mode: Mode::default(),
            look_back: SignedDuration::from_mins(60),
            max_age: SignedDuration::from_mins(30),
            most_groups: 1,
            limits: Limits {
                cooldown: SignedDuration::from_mins(15),
                most: 2,
                window: SignedDuration::from_hours(24),
            },
            tag: Tag {
                context: None,
                key: "DeploymentGroup".to_owned(),
                value: Some("Production".to_owned()),
            },
            behind: Behind::default(),
            group_tag: GroupTag::default(),
            patience: SignedDuration::from_hours(24),
            freeze: Freeze::default(),
            flag_set: "prod".to_owned(),
        }
    }
}

impl Healing {
    fn policy(&self) -> Policy {
        Policy {
            mode: self.mode,
            max_age: self.max_age,
            limits: self.limits,
        }
    }
}

/// What became of a notification.
#[derive(Debug)]
pub enum Notified {
    /// It cannot be used; nothing was stored.
    Unusable(Unusable),
    /// Nothing follows from it; nothing was stored.
    Ignored(String),
    /// It is stored, and this is the problem as far as it was seen.
    Stored(Box<Problem>),
    /// It is stored, and the problem was worked on.
    Worked(Box<LookResult>),
}

/// What a tick did.
#[derive(Debug)]
pub struct Handled {
    /// What became of what was due.
    pub ticked: Ticked,
    /// How many problems were found whose notification never came.
    pub adopted: usize,
}

/// What callers learn about a problem that was worked on.
#[derive(Debug)]
pub struct Worked {
    /// The problem as it was left.
    pub problem: Problem,
    /// The places in it of the remediations whose state is another one now.
    pub moved: Vec<usize>,
    /// How many comments were given up.
    pub comments_given_up: usize,
    /// The same of its runs.
    pub runs_moved: Vec<usize>,
}

/// What happened to one problem.
pub type LookResult = work::LookResult<Worked>;

/// What became of what was due.
pub type Ticked = work::Ticked<Worked>;

/// What is counted and logged while the work goes on.
pub type Observed<'a> = work::Observed<'a, Worked>;

/// Hears of what is observed.
pub type Observe<'a> = &'a (dyn Fn(Observed<'_>) + Sync);

/// Takes a notification in, and the problem as far as it gets within a few
/// seconds.
///
/// What is not done then is done by [`handle_problems`].
pub async fn notified(
    services: &Services,
    connect: impl AsyncFn() -> anyhow::Result<Connected>,
    body: &[u8],
    tick: Tick,
    observe: Observe<'_>,
) -> anyhow::Result<Notified> {
    let now = tick.now;
    let first_pass_ends = tick.began + FIRST_PASS;
    let patience = services.healing.patience;
    let (problem, reported) = match notification::parse(body) {
        Err(unusable) => return Ok(Notified::Unusable(unusable)),
        Ok(Notification::Other(state)) => {
            let reason = format!("the state `{state}` is not one that anything follows from");
            return Ok(Notified::Ignored(reason));
        }
        Ok(Notification::Test) => {
            let mut test = Problem::heard_of("99999", Arrival::Webhook, now, patience);
            test.cause = Cause::Test;
            (test, Reported::Open)
        }
        Ok(Notification::Problem(about)) => {
            let reported = about.reported;
            (heard_of(about, now, patience), reported)
        }
    };
    let tick = Tick {
        deadline: tick.deadline.min(first_pass_ends),
        lease_until: tick.lease_until.min(saturating_add(now, FIRST_LEASE)),
        ..tick
    };
    let noticed = if reported == Reported::Open && problem.cause == Cause::Pending {
        match at_once(services, &connect, &problem, tick, observe).await? {
            AtOnce::Done(notified) => return Ok(notified),
            AtOnce::Not(noticed) => noticed,
        }
    } else {
        services
            .remediations
            .notice(&problem, reported, now)
            .await?
    };
    let known = match noticed {
        // Its first notification was lost, or is late. Nothing is begun on the
        // word that it is over; the schedule asks the tenant.
        Noticed::New if reported != Reported::Open => {
            return Ok(Notified::Stored(Box::new(problem)));
        }
        Noticed::New => Box::new(problem),
        Noticed::Known(known) => known,
    };
    if known.phase == Phase::Settled {
        let again = reported == Reported::Open && known.may_begin_again();
        if !again
            || !services
                .remediations
                .reopen(&known.id, now, patience)
                .await?
        {
            return Ok(Notified::Stored(known));
        }
    }

    // From here on the problem is in the index: whatever fails is left to the
    // schedule, and the tenant need not hear of it.
    let worked = tokio::time::timeout_at(tick.deadline, async {
        let connected = connect().await?;
        let worker = worker(services, tick, observe);
        let due = Due::problem(&known.id, now);
        let begin = Pass::begin(services, &connected, tick, &known.id);
        anyhow::Ok(Box::pin(worker.work(&due, begin)).await?)
    });
    Ok(looked_at(worked.await, known))
}

/// What became of a first look.
fn looked_at(
    worked: Result<anyhow::Result<Option<LookResult>>, Elapsed>,
    known: Box<Problem>,
) -> Notified {
    match worked {
        Ok(Ok(Some(result))) => return Notified::Worked(Box::new(result)),
        Ok(Ok(None)) => {}
        Ok(Err(error)) => tracing::error!(
            problem.id = %known.id,
            "Problem `{}` is stored and left to the schedule: {error:#}", known.id
        ),
        Err(_) => tracing::warn!(
            problem.id = %known.id,
            "Problem `{}` is left to the schedule: its first look took too long", known.id
        ),
    }
    Notified::Stored(known)
}

/// Whether a problem could be worked on with the write that stored it.
enum AtOnce {
    Done(Notified),
    /// A worker has it, or it has settled.
    Not(Noticed),
}

/// Stores an open problem and claims it in one write, while the tenant is asked
/// about it, and works on it.
async fn at_once(
    services: &Services,
    connect: &impl AsyncFn() -> anyhow::Result<Connected>,
    problem: &Problem,
    tick: Tick,
    observe: Observe<'_>,
) -> anyhow::Result<AtOnce> {
    let ledger = &services.ledger;
    let remediations = &services.remediations;
    let claim = uuid::Uuid::new_v4().to_string();
    let look = async {
        let connected = connect().await?;
        let until = tick.remotes_until();
        let seen = connected.tenant.problem(&problem.id, until).await;
        anyhow::Ok((connected, seen))
    };
    // On the heap: several requests under way are too large for a stack.
    let (taken, looked, paused) = join3(
        Box::pin(remediations.take_notice(problem, &claim, tick.now, tick.lease_until)),
        Box::pin(tokio::time::timeout_at(tick.deadline, look)),
        Box::pin(ledger.pauses(tick.now)),
    )
    .await;
    let claimed = match taken {
        Ok(Taken::Claimed(claimed)) => *claimed,
        Ok(Taken::Not(noticed)) => return Ok(AtOnce::Not(noticed)),
        // It is stored, and looked at again some times by the schedule.
        Err(ClaimError::Stuck(stuck)) => {
            observe(Observed::Stuck(&stuck));
            return Ok(AtOnce::Done(Notified::Stored(Box::new(problem.clone()))));
        }
        Err(error) => return Err(error.into()),
    };
    let known = Box::new(claimed.problem.clone());
    let worked = match looked {
        Ok(Ok((connected, seen))) => {
            let pass = Pass::new(services, &connected, tick);
            if let Err(error) = &seen {
                pass.note(error);
            }
            pass.note_pauses(&known.id, paused);
            let look = ProblemLook {
                pass,
                seen: Some(seen),
            };
            let worker = worker(services, tick, observe);
            let work = worker.work_held(claimed, look);
            tokio::time::timeout_at(tick.deadline, Box::pin(work))
                .await
                .map(|worked| Ok(worked?))
        }
        // The schedule need not wait for the end of the claim.
        missing => {
            if let Err(error) = remediations.queue().defer(claimed, tick.now).await {
                let error = anyhow::Error::from(error);
                tracing::warn!(
                    problem.id = %known.id,
                    "The claim on problem `{}` runs out by itself: {error:#}", known.id
                );
            }
            missing.map(|looked| looked.map(|_| None))
        }
    };
    Ok(AtOnce::Done(looked_at(worked, known)))
}

fn worker<'a>(
    services: &'a Services,
    tick: Tick,
    observe: Observe<'a>,
) -> Worker<'a, Followed, Worked> {
    Worker {
        queue: services.remediations.queue(),
        tick,
        observe,
    }
}

fn heard_of(about: About, now: Timestamp, patience: SignedDuration) -> Problem {
    Problem {
        display_id: about.display_id,
        title: about.title,
        impacted: about.impacted,
        ..Problem::heard_of(about.id, Arrival::Webhook, now, patience)
    }
}

/// Works on everything that is due until nothing is left or the time is over,
/// and finds open problems that nobody told us about.
pub async fn handle_problems(
    services: &Services,
    connect: impl AsyncFnOnce() -> anyhow::Result<Connected>,
    tick: Tick,
    observe: Observe<'_>,
) -> anyhow::Result<Handled> {
    let beat = services.remediations.queue().beat(tick.now);
    let (beat, connected) = join(beat, connect()).await;
    untold("problems", beat);
    let connected = connected?;
    let remaining = tick.deadline.saturating_duration_since(Instant::now());
    let pass = Pass::new(services, &connected, tick);
    let mut adopted = 0;
    if services.healing.mode != Mode::Off {
        let until = Instant::now() + remaining / 4;
        match tokio::time::timeout_at(until, adoption::adopt(&pass)).await {
            Ok(Ok(found)) => adopted = found,
            // What is known already is answered all the same.
            Ok(Err(error)) => tracing::warn!(
                schedule = "problems", tick = %tick.now,
                "Open problems were not looked for: {error:#}"
            ),
            Err(_) => tracing::warn!(
                schedule = "problems", tick = %tick.now,
                "Open problems were not looked for: it took too long"
            ),
        }
    }

    let worker = worker(services, tick, observe);
    let first = worker.first_pages().await?;
    let begin = async |due: &Due<_>| Pass::begin(services, &connected, tick, &due.id()).await;
    let mut ticked = worker.work_through(first, begin, CONCURRENCY).await;
    ticked.token_refused |= pass.token_refused.load(Ordering::Relaxed);
    Ok(Handled { ticked, adopted })
}
