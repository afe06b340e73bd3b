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
use futures_util::future::{BoxFuture, join, ready};
use jiff::{SignedDuration, Timestamp};
use release::console::Console;
use release::links::Links;
use release::outbox::Entry;
use release::pause::{Freeze, Stopped, Stops, Target};
use release::plot::Plotted;
use release::summary;
use release::validation::life::{Next, Part, Seen, next};
use release::validation::{Ending, Judgement, Registration, State, Validation};
use release::work::{Outcome, Time};
use secrecy::SecretString;
use store::{Beside, Claimed, Due, Judged, Ledger, StoreError, Validations};
use tokio::time::Instant;

use crate::measure::Asking;
use crate::once::Once;
use crate::outgoing::Outgoing;
use crate::work::{self, Look, Tick, Worker, untold};
use answering::Ahead;
use judging::Came;

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
    pub validations: Validations,
    /// What is known of deployments.
    pub ledger: Ledger,
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

/// What callers learn about a validation that was worked on.
#[derive(Debug)]
pub struct Worked {
    /// What was asked for.
    pub registration: Registration,
    /// The verdict, if it fell in this tick.
    pub judged: Option<Judgement>,
    /// How the approval ended, once it has.
    pub ending: Option<Ending>,
    /// The result that is posted, where a hook asked for it.
    pub result: Option<Entry>,
}

/// What happened to one validation.
pub type LookResult = work::LookResult<Worked>;

/// What a tick did.
pub type Ticked = work::Ticked<Worked>;

/// What is counted and logged while the tick goes on.
#[derive(Debug)]
pub enum Observed<'a> {
    /// A verdict is stored. A worker that cannot know whether an earlier one
    /// lived long enough to tell it tells it again.
    Judged(&'a Registration, &'a Judgement),
    /// What every kind of work tells.
    Work(work::Observed<'a, Worked>),
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
    let worker = Worker {
        queue: services.validations.queue(),
        tick,
        observe: &|observed| observe(Observed::Work(observed)),
    };
    let beat = services.validations.queue().beat(tick.now);
    let (beat, first) = join(beat, worker.first_pages()).await;
    untold("validations", beat);
    let first = first?;
    if first.iter().all(Vec::is_empty) {
        return Ok(Ticked::default());
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

    let begin = async |_: &Due<Validation>| Walk {
        shared: &shared,
        token_refused: false,
    };
    Ok(worker.work_through(first, begin, CONCURRENCY).await)
}

/// One look at one validation.
struct Walk<'a> {
    shared: &'a Shared<'a>,
    token_refused: bool,
}

impl Look for Walk<'_> {
    type Record = Validation;
    type Told = Worked;

    fn pursue<'a>(
        &'a mut self,
        claimed: &'a mut Claimed<Validation>,
    ) -> BoxFuture<'a, anyhow::Result<Outcome>> {
        self.shared
            .advance(claimed, &mut self.token_refused)
            .boxed()
    }

    fn time(&self, validation: &Validation, outcome: &Outcome) -> Time {
        validation.time(outcome, self.shared.tick.now)
    }

    fn give_up<'a>(
        &'a mut self,
        claimed: &'a mut Claimed<Validation>,
        why: String,
    ) -> BoxFuture<'a, Result<(), StoreError>> {
        claimed.give_up(why);
        ready(Ok(())).boxed()
    }

    fn token_refused(&self) -> bool {
        self.token_refused
    }

    fn told(before: Validation, left: Validation) -> Worked {
        let judgement = left.judgement().filter(|_| before.judgement().is_none());
        Worked {
            judged: judgement.cloned(),
            ending: left.ending().cloned(),
            result: left.result,
            registration: before.registration,
        }
    }
}

impl Shared<'_> {
    /// What keeps the stages of a pipeline from being approved.
    async fn stopped(&self, pipeline: &str) -> Result<Option<Stopped>, StoreError> {
        let now = self.tick.now;
        let stops = Stops {
            pauses: self.services.ledger.pauses(now).await?,
            freeze: self.services.freeze.clone(),
        };
        Ok(stops.on(&Target::Pipeline(pipeline.to_owned()), now))
    }

    /// Tells a verdict that is stored, unless it is known to have been told.
    fn tell(&self, validation: &mut Validation) {
        if let State::Judged(judged) = &mut validation.state
            && !judged.told
        {
            let judgement = &judged.judgement;
            (self.observe)(Observed::Judged(&validation.registration, judgement));
            judged.told = true;
        }
    }

    /// Takes a claimed validation through the steps that can be taken now;
    /// [`release::validation::life`] decides which.
    async fn advance(
        &self,
        claimed: &mut Claimed<Validation>,
        token_refused: &mut bool,
    ) -> anyhow::Result<Outcome> {
        self.tell(claimed);
        let held = claimed.held();
        let mut looked = Seen::default();
        let mut ahead = None;
        loop {
            match next(claimed, &looked) {
                Next::Judge => {
                    (looked.window, ahead) = self.judge(claimed, token_refused).await?;
                }
                Next::Answer(answering) => {
                    let pursued = answering::pursue(self, &held, answering, ahead.take()).await?;
                    looked.approval = pursued.into();
                }
                Next::Post(judgement) => {
                    looked.result = hook::deliver(self, claimed, &judgement).await?.into();
                }
                Next::NoResult => hook::give_up(self, claimed).await?,
                Next::End(outcome) => return Ok(outcome),
            }
        }
    }

    /// Judges the window, once everything is measured that can be, and stores the
    /// verdict.
    async fn judge(
        &self,
        claimed: &mut Claimed<Validation>,
        token_refused: &mut bool,
    ) -> anyhow::Result<(Part, Option<Ahead>)> {
        let registration = &claimed.registration;
        let ahead = join(
            answering::look_ahead(self, claimed),
            self.read_ahead(registration),
        );
        let judging = judging::judge(self, claimed);
        // On the heap: several requests under way are too large for a stack.
        let (judging, ahead) = Box::pin(with_aside(judging, ahead)).await;
        let (looked, beside) = ahead.unwrap_or_default();
        let judging = judging?;
        *token_refused |= judging.token_refused;
        let (evidence, judged) = match judging.came {
            Came::Waits(wait) => return Ok((Part::Waits(wait), None)),
            Came::Judged(evidence, judged) => (evidence, judged),
        };
        // The ledger learns what only CodeDeploy can say.
        claimed.registration.deployments = judged;
        let findings = evidence.findings.iter();
        let findings: Vec<_> = findings.map(|found| found.finding.clone()).collect();
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
        let intended = looked.filter(|_| intent.is_some());
        let judged = Judged {
            judgement,
            evidence: &evidence,
            plot: &plot,
            intent,
            beside,
        };
        let Services {
            validations,
            ledger,
            ..
        } = self.services;
        validations.judged_with(ledger, claimed, judged).await?;
        self.tell(claimed);
        Ok((Part::Done, intended))
    }

    /// Reads what a verdict will be written beside, while it is measured. What
    /// cannot be had is read with the write; so is what others of the same
    /// pipeline write in this tick, as it would be old by then.
    async fn read_ahead(&self, registration: &Registration) -> Option<Beside> {
        let pipeline = registration.pipeline.clone();
        if !self.read_ahead.lock().ok()?.insert(pipeline) {
            return None;
        }
        self.services
            .validations
            .beside_verdict(&self.services.ledger, registration)
            .await
            .ok()
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
