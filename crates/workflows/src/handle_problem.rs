//! A problem in production is answered by deploying the last revision known to
//! be good, once, with every step told on the problem.
//!
//! The steps and what a crash leaves behind are the transition table of
//! [`release::remediation`].

pub mod notification;

mod cause;
mod healing;
mod target;
mod view;
mod watch;

mod adoption;
mod comments;
mod words;

use std::panic::AssertUnwindSafe;
use std::str::FromStr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::Context as _;
use delivery::bundle::Bundles;
use delivery::codedeploy::CodeDeploy;
use dynatrace::{Dynatrace, ProblemStatus, Tag};
use futures_util::future::BoxFuture;
use futures_util::{FutureExt as _, StreamExt as _, stream};
use jiff::{SignedDuration, Timestamp};
use release::problem::{Arrival, Comment, Finding, Phase, Problem, Reported};
use release::remediation::{Limits, State};
use release::validation::backoff;
use release::window::saturating_add;
use store::{
    Advanced, ClaimError, ClaimedProblem, DueProblem, Effect, Noticed, Store, StoreError, tables,
};
use tokio::time::Instant;

use notification::{About, Notification, Unusable};

/// How many problems are worked on at the same time.
const CONCURRENCY: usize = 8;

/// How many due problems of a shard are read at once.
const PAGE: i32 = 25;

/// Kept back from a tick's time, so that a remote that hangs still leaves the
/// time to write down that it did.
const RESERVE: Duration = Duration::from_secs(5);

/// How long a notification is worked on before it is answered; the schedule
/// does the rest.
const FIRST_PASS: Duration = Duration::from_secs(5);

/// How long the claim of a first look holds: a look that is cut off must not
/// keep the schedule away for the rest of the invocation's time.
const FIRST_LEASE: SignedDuration = SignedDuration::from_secs(10);

/// How many problems are followed when one became a part of the next.
const MOST_MERGES: usize = 4;

/// What is spoken to, whether or not anything is due.
#[derive(Debug)]
pub struct Services {
    /// Where the problems are.
    pub store: Store,
    /// Where revisions are deployed again.
    pub codedeploy: CodeDeploy,
    /// Where bundles are looked for.
    pub bundles: Bundles,
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
    /// How long a problem is followed.
    pub patience: SignedDuration,
}

/// Whether heals are made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// Everything is written down and nothing is answered.
    Off,
    /// Everything is decided and told, and nothing is called.
    Shadow,
    /// Everything is done.
    #[default]
    Auto,
}

impl FromStr for Mode {
    type Err = UnknownMode;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.trim() {
            "off" => Ok(Self::Off),
            "shadow" => Ok(Self::Shadow),
            "auto" => Ok(Self::Auto),
            _ => Err(UnknownMode),
        }
    }
}

/// The text names no mode.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it is `off`, `shadow` or `auto`")]
pub struct UnknownMode;

/// What takes secrets to make.
#[derive(Debug)]
pub struct Connected {
    /// Where the problems come from.
    pub tenant: Dynatrace,
}

/// The time of one invocation.
#[derive(Clone, Copy, Debug)]
pub struct Tick {
    /// When it began.
    pub now: Timestamp,
    /// When work must have been put down.
    pub deadline: Instant,
    /// Until when claims hold.
    pub lease_until: Timestamp,
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
    Worked(Box<Report>),
}

/// What a tick did.
#[derive(Debug, Default)]
pub struct Ticked {
    /// One report per problem that was worked on.
    pub reports: Vec<Report>,
    /// How many problems were found whose notification never came.
    pub adopted: usize,
    /// Whether due work was left for the next tick.
    pub work_left: bool,
    /// Whether the tenant refused the token: it may have been rotated.
    pub token_refused: bool,
}

/// What happened to one problem.
#[derive(Debug)]
pub struct Report {
    /// The problem as it was left.
    pub problem: Problem,
    /// Where it was left.
    pub progress: Progress,
    /// Whether the tenant refused the token.
    pub token_refused: bool,
}

/// Where a problem was left.
#[derive(Debug)]
pub enum Progress {
    /// It waits.
    Deferred {
        /// For what.
        waiting_for: String,
        /// When it is looked at again.
        until: Timestamp,
    },
    /// Something it needs is broken.
    Faulted {
        /// What.
        error: anyhow::Error,
        /// When it is looked at again.
        until: Timestamp,
    },
    /// Nothing is left to do.
    Settled,
    /// Somebody else owns it now.
    Lost,
}

/// What a problem waits for.
#[derive(Debug)]
struct Wait {
    waiting_for: String,
    /// When to look again, where it is known better than by backing off.
    until: Option<Timestamp>,
}

impl Wait {
    fn for_(waiting_for: impl Into<String>) -> Self {
        Self {
            waiting_for: waiting_for.into(),
            until: None,
        }
    }
}

/// One look at one problem.
struct Pass<'a> {
    services: &'a Services,
    connected: &'a Connected,
    tick: Tick,
    /// When remotes are no longer waited for.
    remotes_until: Instant,
    token_refused: AtomicBool,
}

/// Takes a notification in, and the problem as far as it gets within a few
/// seconds.
///
/// What is not done then is done by [`handle_problems`].
pub async fn notified(
    services: &Services,
    connect: impl AsyncFnOnce() -> anyhow::Result<Connected>,
    body: &[u8],
    tick: Tick,
) -> anyhow::Result<Notified> {
    let now = tick.now;
    let first_pass_ends = Instant::now() + FIRST_PASS;
    let patience = services.healing.patience;
    let (problem, reported) = match notification::parse(body) {
        Err(unusable) => return Ok(Notified::Unusable(unusable)),
        Ok(Notification::Other(state)) => {
            let reason = format!("the state `{state}` is not one that anything follows from");
            return Ok(Notified::Ignored(reason));
        }
        Ok(Notification::Test) => {
            let mut test = Problem::heard_of("99999", Arrival::Webhook, now, patience);
            test.finding = Finding::Test;
            (test, Reported::Open)
        }
        Ok(Notification::Problem(about)) => {
            if about.reported != Reported::Open
                && services.store.problem(&about.id).await?.is_none()
            {
                let reason = "the problem is over, and nothing was done about it";
                return Ok(Notified::Ignored(reason.to_owned()));
            }
            let reported = about.reported;
            (heard_of(about, now, patience), reported)
        }
    };
    let noticed = services.store.notice(&problem, reported, now).await?;
    let known = match noticed {
        Noticed::New => Box::new(problem),
        Noticed::Known(known) => known,
    };
    if known.phase == Phase::Settled {
        let again = reported == Reported::Open && known.may_begin_again();
        if !again || !services.store.reopen(&known.id, now, patience).await? {
            return Ok(Notified::Stored(known));
        }
    }

    // From here on the problem is in the index: whatever fails is left to the
    // schedule, and the tenant need not hear of it.
    let tick = Tick {
        deadline: tick.deadline.min(first_pass_ends),
        lease_until: tick.lease_until.min(saturating_add(now, FIRST_LEASE)),
        ..tick
    };
    let worked = tokio::time::timeout_at(tick.deadline, async {
        let connected = connect().await?;
        let pass = Pass::new(services, &connected, tick);
        anyhow::Ok(pass.work(&known.id).await?)
    });
    match worked.await {
        Ok(Ok(Some(report))) => return Ok(Notified::Worked(Box::new(report))),
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
    Ok(Notified::Stored(known))
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
    observe: &(dyn Fn(&Report) + Sync),
) -> anyhow::Result<Ticked> {
    let connected = connect().await?;
    let remaining = tick.deadline.saturating_duration_since(Instant::now());
    let mut ticked = Ticked::default();
    if services.healing.mode != Mode::Off {
        let pass = Pass::new(services, &connected, tick);
        let until = Instant::now() + remaining / 4;
        match tokio::time::timeout_at(until, adoption::adopt(&pass)).await {
            Ok(Ok(adopted)) => ticked.adopted = adopted,
            // What is known already is answered all the same.
            Ok(Err(error)) => tracing::warn!("Open problems were not looked for: {error:#}"),
            Err(_) => tracing::warn!("Open problems were not looked for: it took too long"),
        }
        ticked.token_refused |= pass.token_refused.load(Ordering::Relaxed);
    }

    let mut last: Vec<Option<DueProblem>> = vec![None; usize::from(tables::SHARDS)];
    let mut first = true;
    loop {
        let pages = due(services, tick.now, &last, first).await?;
        first = false;
        last = pages.iter().map(|page| page.last().cloned()).collect();
        if last.iter().all(Option::is_none) {
            return Ok(ticked);
        }
        // One that panics is a neighbour like any other: its claim runs out.
        let mut work = stream::iter(pages.into_iter().flatten())
            .map(|due| {
                let pass = Pass::new(services, &connected, tick);
                let work = async move { pass.work(&due.id).await };
                AssertUnwindSafe(work).catch_unwind()
            })
            .buffer_unordered(CONCURRENCY);
        loop {
            // Dropping work in the middle is what a crash does: safe by design.
            match tokio::time::timeout_at(tick.deadline, work.next()).await {
                Ok(Some(Ok(Ok(Some(report))))) => {
                    observe(&report);
                    ticked.token_refused |= report.token_refused;
                    ticked.reports.push(report);
                }
                Ok(Some(Ok(Ok(None)))) => {}
                Ok(Some(Ok(Err(error)))) => {
                    let error = anyhow::Error::from(error);
                    tracing::error!("A problem could not be claimed: {error:#}");
                }
                Ok(Some(Err(_))) => tracing::error!("The work on a problem panicked"),
                Ok(None) => break,
                Err(_) => {
                    ticked.work_left = true;
                    return Ok(ticked);
                }
            }
        }
    }
}

/// The next page of every shard that had one.
async fn due(
    services: &Services,
    now: Timestamp,
    after: &[Option<DueProblem>],
    first: bool,
) -> anyhow::Result<Vec<Vec<DueProblem>>> {
    let pages = (0..tables::SHARDS).zip(after).map(async |(shard, after)| {
        if after.is_none() && !first {
            return Ok(Vec::new());
        }
        services
            .store
            .due_problems(shard, now, PAGE, after.as_ref())
            .await
    });
    futures_util::future::try_join_all(pages)
        .await
        .context("cannot find what is due")
}

impl<'a> Pass<'a> {
    fn new(services: &'a Services, connected: &'a Connected, tick: Tick) -> Self {
        let remaining = tick.deadline.saturating_duration_since(Instant::now());
        Self {
            services,
            connected,
            tick,
            remotes_until: tick.deadline - RESERVE.min(remaining / 4),
            token_refused: AtomicBool::new(false),
        }
    }

    /// Claims one problem and takes it as far as it goes; nothing if somebody
    /// else has it.
    fn work<'p>(&'p self, id: &'p str) -> BoxFuture<'p, Result<Option<Report>, StoreError>> {
        self.work_now(id).boxed()
    }

    async fn work_now(&self, id: &str) -> Result<Option<Report>, StoreError> {
        let claim = uuid::Uuid::new_v4().to_string();
        let Tick {
            now, lease_until, ..
        } = self.tick;
        // Looking needs no claim, and a claim needs no look.
        let store = &self.services.store;
        let claiming = store.claim_problem(id, &claim, now, lease_until);
        let (claimed, seen) = tokio::join!(claiming, self.look(id));
        let mut claimed = match claimed {
            Ok(claimed) => claimed,
            // A problem that cannot be read is an error of the store; only
            // validations are told apart by it.
            Err(ClaimError::Taken | ClaimError::Unreadable(_)) => return Ok(None),
            Err(ClaimError::Store(error)) => return Err(error),
        };
        let older = claimed.problem.comments.len();
        let pursued = Box::pin(self.pursue(&mut claimed, seen)).await;
        let outcome = match pursued {
            Err(error) if is_lost(&error) => Err(error),
            // What was decided is told even where the rest met a fault.
            pursued => match (pursued, comments::post(self, &mut claimed, older).await) {
                (Ok(waits), Ok(comment)) => Ok(waits.into_iter().chain(comment).collect()),
                (Err(error), _) | (Ok(_), Err(error)) => Err(error),
            },
        };
        let problem = claimed.problem.clone();
        let (problem, progress) = match self.put_down(claimed, outcome).await {
            Ok(left) => left,
            Err(StoreError::Lost) => (problem, Progress::Lost),
            // What could not be written down is due again at the lease.
            Err(error) => {
                let progress = Progress::Faulted {
                    error: error.into(),
                    until: lease_until,
                };
                (problem, progress)
            }
        };
        Ok(Some(Report {
            problem,
            progress,
            token_refused: self.token_refused.load(Ordering::Relaxed),
        }))
    }

    /// What the tenant says of a problem.
    async fn look(&self, id: &str) -> Result<Option<dynatrace::Problem>, dynatrace::Error> {
        let tenant = &self.connected.tenant;
        let seen = tenant.problem(id, self.remotes_until).await;
        seen.inspect_err(|error| self.note(error))
    }

    /// Remembers whether the token has to be read again.
    fn note(&self, error: &dynatrace::Error) {
        if matches!(error, dynatrace::Error::Unauthorised(_)) {
            self.token_refused.store(true, Ordering::Relaxed);
        }
    }

    /// Takes a claimed problem through the steps that can be taken now, and
    /// says what it waits for.
    async fn pursue(
        &self,
        claimed: &mut ClaimedProblem,
        seen: Result<Option<dynatrace::Problem>, dynatrace::Error>,
    ) -> anyhow::Result<Vec<Wait>> {
        if is_decided(&claimed.problem) {
            return Ok(Vec::new());
        }
        let seen = seen.context("cannot ask the tenant for the problem")?;
        let Some(seen) = seen else {
            return Ok(vec![Wait::for_("the tenant to know the problem")]);
        };
        let seen = self.learn(claimed, seen).await?;
        let mut views = cause::Views::new();
        if claimed.problem.finding == Finding::Pending {
            views = cause::find(self, claimed, &seen).await?;
        }
        if claimed.problem.finding == Finding::Pending {
            return Ok(vec![Wait::for_("a deployment to be announced")]);
        }
        let mut waits = Vec::new();
        let mut fault = None;
        for index in 0..claimed.problem.remediations.len() {
            let view = views.remove(&claimed.problem.remediations[index].culprit.group);
            match Box::pin(healing::pursue(self, claimed, index, view)).await {
                Ok(wait) => waits.extend(wait),
                Err(error) if is_lost(&error) => return Err(error),
                // One group's trouble is not another's.
                Err(error) => fault = Some(error),
            }
        }
        fault.map_or(Ok(waits), Err)
    }

    /// Notes what the tenant says of the problem, and follows it into the one
    /// that it became a part of: that one says whether it is over.
    async fn learn(
        &self,
        claimed: &mut ClaimedProblem,
        seen: dynatrace::Problem,
    ) -> anyhow::Result<dynatrace::Problem> {
        let problem = &mut claimed.problem;
        let some = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
        problem.display_id = some(&seen.display_id).or(problem.display_id.take());
        problem.title = some(&seen.title).or(problem.title.take());
        problem.began = Timestamp::from_millisecond(seen.start_ms).ok();
        problem.root_cause = seen.root_cause.as_ref().map(|entity| entity.id.clone());
        if !seen.impacted.is_empty() {
            let impacted = seen.impacted.iter().take(100);
            problem.impacted = impacted.map(|entity| entity.id.clone()).collect();
        }
        let mut last = seen.clone();
        let mut followed = None;
        for _ in 0..MOST_MERGES {
            let Some(survivor) = last.merged_into.clone().filter(|next| *next != last.id) else {
                break;
            };
            if followed.is_none() && claimed.problem.merged_into.as_ref() != Some(&survivor) {
                self.follow(claimed, &survivor).await?;
            }
            followed = Some(survivor.clone());
            match self.look(&survivor).await? {
                Some(next) => last = next,
                None => break,
            }
        }
        claimed.problem.closed = match last.status {
            ProblemStatus::Open => None,
            ProblemStatus::Closed => Some(
                last.end_ms
                    .and_then(|end| Timestamp::from_millisecond(end).ok())
                    .unwrap_or(self.tick.now),
            ),
        };
        Ok(seen)
    }

    /// Notes that the problem became a part of another one, which is then looked
    /// at like any other.
    async fn follow(&self, claimed: &mut ClaimedProblem, survivor: &str) -> anyhow::Result<()> {
        let now = self.tick.now;
        let patience = self.services.healing.patience;
        let mut other = Problem::heard_of(survivor, Arrival::Adopted, now, patience);
        other.noticed = claimed.problem.noticed;
        let store = &self.services.store;
        store.notice(&other, Reported::Open, now).await?;
        let change = |problem: &mut Problem| problem.merged_into = Some(survivor.to_owned());
        // Nothing is done to the ledger, so nothing can have changed there.
        let _ = self.commit(claimed, change, &[]).await?;
        Ok(())
    }

    /// Stores a change of the document with what it does to the ledger.
    async fn commit(
        &self,
        claimed: &mut ClaimedProblem,
        change: impl FnOnce(&mut Problem),
        effects: &[Effect],
    ) -> anyhow::Result<Advanced> {
        change(&mut claimed.problem);
        Ok(self.services.store.advance(claimed, effects).await?)
    }

    /// Gives the claim back, or settles the problem.
    async fn put_down(
        &self,
        mut claimed: ClaimedProblem,
        outcome: anyhow::Result<Vec<Wait>>,
    ) -> Result<(Problem, Progress), StoreError> {
        let now = self.tick.now;
        let store = &self.services.store;
        let expired = claimed.problem.give_up_at <= now;
        match outcome {
            Err(error) if is_lost(&error) => Ok((claimed.problem, Progress::Lost)),
            Ok(_) if claimed.problem.is_over() => settle(store, claimed).await,
            // Even what cannot be found out or told ends where it can be seen.
            _ if expired => {
                self.give_up(&mut claimed).await?;
                settle(store, claimed).await
            }
            Ok(waits) => {
                let backing_off = saturating_add(now, backoff(claimed.problem.waits));
                let until = waits
                    .iter()
                    .map(|wait| wait.until.unwrap_or(backing_off))
                    .min()
                    .unwrap_or(backing_off);
                let waiting_for: Vec<_> = waits.into_iter().map(|wait| wait.waiting_for).collect();
                claimed.problem.waits = claimed.problem.waits.saturating_add(1);
                claimed.problem.faults = 0;
                let problem = claimed.problem.clone();
                store.defer_problem(claimed, until).await?;
                let waiting_for = waiting_for.join(", and for ");
                Ok((problem, Progress::Deferred { waiting_for, until }))
            }
            Err(error) => {
                let until = saturating_add(now, backoff(claimed.problem.faults));
                claimed.problem.faults = claimed.problem.faults.saturating_add(1);
                let problem = claimed.problem.clone();
                store.defer_problem(claimed, until).await?;
                Ok((problem, Progress::Faulted { error, until }))
            }
        }
    }

    /// Ends what is still owed in states that can be seen, and says so once.
    async fn give_up(&self, claimed: &mut ClaimedProblem) -> Result<(), StoreError> {
        let now = self.tick.now;
        let store = &self.services.store;
        for _ in 0..4 {
            let mut effects = Vec::new();
            let mut problem = claimed.problem.clone();
            let mut said = Vec::new();
            if problem.finding == Finding::Pending {
                problem.finding = Finding::GaveUp;
                said.push(words::cause_unknown());
            }
            for remediation in &mut problem.remediations {
                let culprit = &remediation.culprit;
                let held = std::mem::take(&mut remediation.holds);
                let (heal, deployment) = match &remediation.state {
                    State::Healed {
                        heal,
                        deployment,
                        at,
                    } => {
                        said.push(words::unconfirmed(culprit, heal));
                        remediation.state = State::Unconfirmed {
                            heal: heal.clone(),
                            deployment: deployment.clone(),
                            at: *at,
                        };
                        continue;
                    }
                    State::Attributed | State::Joined { .. } => (None, None),
                    State::Intended(heal) => (Some(heal.clone()), None),
                    State::Deploying { heal, deployment } => {
                        (Some(heal.clone()), Some(deployment.clone()))
                    }
                    state => {
                        if held && !state.began_heal() {
                            said.push(words::released(culprit));
                            effects.push(Effect::Release {
                                deployment: culprit.clone(),
                                lift: true,
                            });
                        }
                        continue;
                    }
                };
                let guard = store.guard(&culprit.group).await?;
                if guard.active.as_ref() == Some(&problem.id) {
                    effects.push(Effect::Guard {
                        group: culprit.group.clone(),
                        to: guard.released(self.services.healing.limits, now),
                        from: guard,
                    });
                }
                said.push(words::gave_up(culprit));
                remediation.state = State::GaveUp { heal, deployment };
            }
            let said = said.into_iter();
            problem
                .comments
                .extend(said.map(|text| Comment::new(text, now)));
            claimed.problem = problem;
            if store.advance(claimed, &effects).await? == Advanced::Written {
                let older = claimed.problem.comments.len();
                // What cannot be said now is in the record.
                let _ = comments::post(self, claimed, older).await;
                return Ok(());
            }
        }
        Err(StoreError::Lost)
    }
}

async fn settle(store: &Store, claimed: ClaimedProblem) -> Result<(Problem, Progress), StoreError> {
    let mut problem = claimed.problem.clone();
    problem.phase = Phase::Settled;
    store.settle_problem(claimed).await?;
    Ok((problem, Progress::Settled))
}

/// Whether the tenant need not be asked about the problem any more.
fn is_decided(problem: &Problem) -> bool {
    problem.finding != Finding::Pending
        && problem
            .remediations
            .iter()
            .all(|remediation| remediation.state.is_final() && !remediation.holds)
}

fn is_lost(error: &anyhow::Error) -> bool {
    error
        .downcast_ref::<StoreError>()
        .is_some_and(|error| matches!(error, StoreError::Lost))
}
