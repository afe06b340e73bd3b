//! Due validations are judged, approvals answered, results posted.
//!
//! The steps and what a crash leaves behind are the transition table of
//! [`release::validation`].

mod judging;

mod answering;
mod context;
mod history;
mod hook;

use std::collections::BTreeSet;
use std::sync::{Arc, LazyLock, Mutex};
use std::time::Duration;

use delivery::CodePipeline;
use delivery::codedeploy::CodeDeploy;
use delivery::pipeline::ActionRun;
use dynatrace::Dynatrace;
use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, join};
use jiff::{SignedDuration, Timestamp};
use release::console::Console;
use release::links::Links;
use release::pause::{Freeze, Stopped, Stops, Target};
use release::plot::Plotted;
use release::summary;
use release::validation::{Duty, Ending, Hook, Judgement, Phase, Registration, backoff};
use release::window::saturating_add;
use secrecy::SecretString;
use store::{Beside, ClaimError, Claimed, Due, Scheduled, Store, StoreError, Stuck};
use tokio::time::Instant;

use crate::due::{PAGE, Tick, Wait, first_pages, overdue, unless_it_panics, untold, work_through};
use crate::measure::Asking;
use crate::once::Once;
use crate::outgoing::Outgoing;

/// How many validations are worked on at the same time.
const CONCURRENCY: usize = 24;

/// For how long a verdict waits for what is read ahead: less than the calls that
/// it saves.
const HARDLY_LONGER: Duration = Duration::from_millis(300);

/// Made when it is needed first.
pub type Later<T> = LazyLock<T, Box<dyn FnOnce() -> T + Send>>;

/// What a tick speaks to, whether or not anything is due.
#[derive(Debug)]
pub struct Services {
    /// Where the validations are.
    pub store: Store,
    /// Where approvals are answered.
    pub pipeline: CodePipeline,
    /// What was deployed where; made once a window is judged.
    pub codedeploy: Later<CodeDeploy>,
    /// Where results are posted.
    pub outgoing: Outgoing,
    /// How long missing data is asked for again before it counts as missing.
    pub patience: SignedDuration,
    /// Where people see what was deployed.
    pub console: Console,
    /// When nothing is approved.
    pub freeze: Freeze,
}

/// What a tick needs once something is due; it takes secrets to make.
#[derive(Debug)]
pub struct Connected {
    /// Where the numbers are.
    pub tenant: Dynatrace,
    /// Links for approvals, where there is a report.
    pub links: Option<Links>,
    /// Signs what is posted; an error, where it is configured and cannot be had.
    pub hook_secret: anyhow::Result<Option<SecretString>>,
}

/// What a tick did.
#[derive(Debug, Default)]
pub struct Ticked {
    /// One report per validation that was worked on.
    pub reports: Vec<Report>,
    /// Whether due work was left for the next tick.
    pub work_left: bool,
    /// Whether the tenant refused the token: it may have been rotated.
    pub token_refused: bool,
}

/// What whoever counts and logs is told, while the tick goes on.
#[derive(Debug)]
pub enum Observed<'a> {
    /// What is due was looked for: for how long the oldest has been so.
    Looked(SignedDuration),
    /// A verdict is stored. A worker that cannot know whether an earlier one
    /// lived long enough to tell it tells it again.
    Judged(&'a Registration, &'a Judgement),
    /// A validation was put down.
    Left(&'a Report),
    /// A validation could not be read, or made its worker panic.
    Stuck(&'a Stuck),
}

/// What happened to one validation.
#[derive(Debug)]
pub struct Report {
    /// What was asked for.
    pub registration: Registration,
    /// The verdict, if it fell in this tick.
    pub judged: Option<Judgement>,
    /// Where it was left.
    pub progress: Progress,
    /// Whether the tenant refused the token.
    pub token_refused: bool,
}

/// Where a validation was left.
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
    Settled {
        /// How the approval ended.
        ending: Option<Ending>,
        /// What became of the result hook.
        hook: Hook,
    },
    /// Somebody else owns it now.
    Lost,
}

/// The tick's shared knowledge.
struct Shared<'a> {
    services: &'a Services,
    connected: &'a Connected,
    asking: Asking,
    runs: Once<(String, Timestamp), Vec<ActionRun>>,
    /// The pipelines for which somebody read ahead in this tick.
    read_ahead: Mutex<BTreeSet<String>>,
    tick: Tick,
    /// When remotes are no longer waited for.
    remotes_until: Instant,
    observe: &'a (dyn Fn(Observed<'_>) + Sync),
}

/// Works on everything that is due until nothing is left or the time is over.
///
/// `connect` is called only when something is due; `observe` hears how old that
/// is, also when it is nothing, and of every stored verdict at least once, and of
/// no other.
pub async fn validate_builds(
    services: &Services,
    connect: impl AsyncFnOnce() -> anyhow::Result<Connected>,
    tick: Tick,
    observe: &(dyn Fn(Observed<'_>) + Sync),
) -> anyhow::Result<Ticked> {
    let read =
        async |shard, after: Option<&Due>| services.store.due(shard, tick.now, PAGE, after).await;
    let beat = services.store.beat(Scheduled::Validations, tick.now);
    let (beat, first) = join(beat, first_pages(&read)).await;
    untold(beat);
    let first = first?;
    observe(Observed::Looked(overdue(&first, tick.now, |due| due.at)));
    let mut ticked = Ticked::default();
    if first.iter().all(Vec::is_empty) {
        return Ok(ticked);
    }
    let connected = connect().await?;
    let remotes_until = tick.remotes_until();
    let shared = Shared {
        asking: Asking::new(connected.tenant.clone(), remotes_until),
        services,
        connected: &connected,
        runs: Once::default(),
        read_ahead: Mutex::default(),
        tick,
        remotes_until,
        observe,
    };

    let work = async |due: &Due| Box::pin(shared.work(due)).await;
    let left = |report: Report| {
        observe(Observed::Left(&report));
        ticked.token_refused |= report.token_refused;
        ticked.reports.push(report);
    };
    ticked.work_left = work_through(first, &read, work, CONCURRENCY, tick.deadline, left).await;
    Ok(ticked)
}

impl Shared<'_> {
    /// What keeps the stages of a pipeline from being approved.
    async fn stopped(&self, pipeline: &str) -> Result<Option<Stopped>, StoreError> {
        let now = self.tick.now;
        let stops = Stops {
            pauses: self.services.store.pauses(now).await?,
            freeze: self.services.freeze.clone(),
        };
        Ok(stops.on(&Target::Pipeline(pipeline.to_owned()), now))
    }

    /// Claims one validation and takes it as far as it goes.
    async fn work(&self, due: &Due) -> Result<Option<Report>, StoreError> {
        let claim = uuid::Uuid::new_v4().to_string();
        let Tick {
            now, lease_until, ..
        } = self.tick;
        let claimed = match self
            .services
            .store
            .claim(due, &claim, now, lease_until)
            .await
        {
            Ok(claimed) => claimed,
            Err(ClaimError::Taken) => return Ok(None),
            Err(ClaimError::Stuck(stuck)) => {
                (self.observe)(Observed::Stuck(&stuck));
                return Ok(None);
            }
            Err(ClaimError::Store(error)) => return Err(error),
        };
        let store = &self.services.store;
        let held = store.held(&claimed);
        match unless_it_panics(store, held, now, self.work_on(claimed)).await? {
            Ok(report) => Ok(Some(report)),
            Err(stuck) => {
                (self.observe)(Observed::Stuck(&stuck));
                Ok(None)
            }
        }
    }

    /// Takes what is claimed as far as it goes, and puts it down.
    fn work_on(&self, claimed: Claimed) -> BoxFuture<'_, Report> {
        self.work_on_now(claimed).boxed()
    }

    async fn work_on_now(&self, mut claimed: Claimed) -> Report {
        let registration = claimed.validation.registration.clone();
        let was_judged = claimed.validation.judgement.is_some();
        let mut token_refused = false;
        self.tell(&mut claimed);

        let outcome = Box::pin(self.advance(&mut claimed, &mut token_refused)).await;
        let judged = claimed.validation.judgement.clone().filter(|_| !was_judged);
        // On the heap: it carries the whole validation.
        let progress = match Box::pin(self.put_down(claimed, outcome)).await {
            Ok(progress) => progress,
            Err(StoreError::Lost) => Progress::Lost,
            // What could not be written down is due again at the lease.
            Err(error) => Progress::Faulted {
                error: error.into(),
                until: self.tick.lease_until,
            },
        };
        Report {
            registration,
            judged,
            progress,
            token_refused,
        }
    }

    /// Tells a verdict that is stored, unless it is known to have been told.
    fn tell(&self, claimed: &mut Claimed) {
        let validation = &mut claimed.validation;
        if let Some(judgement) = validation.judgement.as_ref().filter(|_| !validation.told) {
            (self.observe)(Observed::Judged(&validation.registration, judgement));
            validation.told = true;
        }
    }

    /// Takes a claimed validation through the steps that can be taken now;
    /// `Some` says what it waits for, and until when if that is known.
    async fn advance(
        &self,
        claimed: &mut Claimed,
        token_refused: &mut bool,
    ) -> anyhow::Result<Option<Wait>> {
        let mut intended = None;
        if claimed.validation.phase == Phase::Waiting {
            let registration = &claimed.validation.registration;
            let ahead = join(
                answering::look_ahead(self, &claimed.validation),
                self.read_ahead(registration),
            );
            let judging = judging::judge(self, &claimed.validation);
            // On the heap: several requests under way are too large for a stack.
            let (judging, ahead) = Box::pin(with_aside(judging, ahead)).await;
            let (looked, beside) = ahead.unwrap_or_default();
            let judging = judging?;
            *token_refused |= judging.token_refused;
            match judging.step {
                judging::Step::Wait(wait) => return Ok(Some(wait)),
                judging::Step::Judge(evidence, judged) => {
                    // The ledger learns what only CodeDeploy can say.
                    claimed.validation.registration.deployments = judged;
                    let findings: Vec<monspec::Finding> = evidence
                        .findings
                        .iter()
                        .map(|found| found.finding.clone())
                        .collect();
                    let judgement = Judgement {
                        verdict: evidence.verdict,
                        answer: evidence.answer,
                        summary: summary::text(
                            evidence.verdict,
                            &findings,
                            evidence.reason.as_deref(),
                            evidence.note.as_deref(),
                        ),
                        at: self.tick.now,
                    };
                    let plot: Vec<Plotted> = findings.iter().map(Plotted::from).collect();
                    let intent = looked
                        .as_ref()
                        .and_then(|ahead| ahead.intent(judgement.answer, self.tick.now));
                    self.services
                        .store
                        .judged_with(claimed, judgement, &evidence, &plot, intent.clone(), beside)
                        .await?;
                    self.tell(claimed);
                    intended = looked.filter(|_| intent.is_some());
                }
            }
        }
        // The approval first: a receiver that is slow or broken never holds it
        // up, and one that is down is tried again while the approval is closed.
        let answer = match claimed.validation.phase {
            // Its approval is its successor's.
            Phase::Settled => None,
            Phase::Waiting | Phase::Judged => answering::pursue(self, claimed, intended).await?,
        };
        let hook = match claimed.validation.hook {
            Hook::Owed => hook::deliver(self, claimed).await?,
            _ => None,
        };
        Ok(answer.or(hook))
    }

    /// Reads what a verdict will be written beside, while it is measured. What
    /// cannot be had is read with the write; so is what others of the same
    /// pipeline write in this tick, as it would be old by then.
    async fn read_ahead(&self, registration: &Registration) -> Option<Beside> {
        let pipeline = registration.pipeline.clone();
        if !self.read_ahead.lock().ok()?.insert(pipeline) {
            return None;
        }
        self.services.store.beside_verdict(registration).await.ok()
    }

    /// Gives the claim back, or settles the validation.
    async fn put_down(
        &self,
        mut claimed: Claimed,
        outcome: anyhow::Result<Option<Wait>>,
    ) -> Result<Progress, StoreError> {
        let now = self.tick.now;
        match outcome {
            Ok(None) => self.settle(claimed).await,
            Ok(Some(wait))
                if claimed.validation.expired(now)
                    && claimed.validation.phase != Phase::Waiting =>
            {
                self.give_up(claimed, wait.waiting_for).await
            }
            Ok(Some(wait)) => {
                let until = wait
                    .until
                    .unwrap_or_else(|| saturating_add(now, backoff(claimed.validation.waits)));
                claimed.validation.waits = claimed.validation.waits.saturating_add(1);
                claimed.validation.faults = 0;
                self.services.store.defer(claimed, until).await?;
                Ok(Progress::Deferred {
                    waiting_for: wait.waiting_for,
                    until,
                })
            }
            Err(error)
                if error
                    .downcast_ref::<StoreError>()
                    .is_some_and(|error| matches!(error, StoreError::Lost)) =>
            {
                Ok(Progress::Lost)
            }
            // Even what cannot be judged or stored ends where it can be seen.
            Err(error) if claimed.validation.expired(now) => {
                self.give_up(claimed, format!("{error:#}")).await
            }
            Err(error) => {
                let until = saturating_add(now, backoff(claimed.validation.faults));
                claimed.validation.faults = claimed.validation.faults.saturating_add(1);
                self.services.store.defer(claimed, until).await?;
                Ok(Progress::Faulted { error, until })
            }
        }
    }

    /// Ends what is still owed in a state that can be seen.
    async fn give_up(
        &self,
        mut claimed: Claimed,
        waiting_for: String,
    ) -> Result<Progress, StoreError> {
        if claimed.validation.ending.is_none() {
            let ending = Ending::GaveUp { waiting_for };
            self.services.store.ended(&mut claimed, ending).await?;
        }
        if claimed.validation.hook == Hook::Owed {
            self.services
                .store
                .hooked(&mut claimed, Hook::GivenUp)
                .await?;
        }
        self.settle(claimed).await
    }

    async fn settle(&self, claimed: Claimed) -> Result<Progress, StoreError> {
        debug_assert!(
            matches!(claimed.validation.duty(), Duty::None | Duty::Watch)
                || claimed.validation.expired(self.tick.now)
        );
        let ending = claimed.validation.ending.clone();
        let hook = claimed.validation.hook;
        self.services.store.settle(claimed).await?;
        Ok(Progress::Settled { ending, hook })
    }

    /// What a pipeline's actions did since a moment, asked for once per tick.
    async fn runs_since(&self, pipeline: &str, since: Timestamp) -> anyhow::Result<Vec<ActionRun>> {
        let cell: Arc<_> = self.runs.cell((pipeline.to_owned(), since));
        let runs = cell
            .get_or_try_init(|| self.services.pipeline.runs_since(pipeline, since))
            .await?;
        Ok(runs.clone())
    }
}

/// Waits for the one, and for the other hardly longer: what is read ahead may
/// take as many calls, and holds nothing up.
async fn with_aside<M, A>(
    main: impl Future<Output = M>,
    aside: impl Future<Output = A>,
) -> (M, Option<A>) {
    let (mut main, mut aside) = (Box::pin(main), Box::pin(aside));
    let mut found = None;
    loop {
        tokio::select! {
            biased;
            done = &mut main => {
                if found.is_none() {
                    found = tokio::time::timeout(HARDLY_LONGER, &mut aside).await.ok();
                }
                return (done, found);
            }
            read = &mut aside, if found.is_none() => found = Some(read),
        }
    }
}
