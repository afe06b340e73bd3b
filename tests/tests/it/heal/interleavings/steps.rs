//! What happens in a storm, one step after the other; within a step, workers
//! and rivals are at it at the same time, and some die.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use fake_aws::Fault;
use fake_aws::codedeploy::{Creator, DeploymentEnd};
use fake_controller::{End, Fault as ControllerFault, Times as Often};
use fake_dynatrace::{Fault as TenantFault, Problem, ThrottleHeaders, Times};
use futures_util::FutureExt as _;
use futures_util::future::{Either, LocalBoxFuture, join_all, select};
use jiff::SignedDuration;
use release::deployment::{Deployment, Group};
use release::ledger::Ruling;
use serde_json::json;
use workflows::change_flags::Ended;
use workflows::handle_problem::{Connected, Notified, handle_problems, notified};

use super::callers::Ask;
use super::kills::killed_after;
use super::promises::Before;
use super::rows;
use super::storm::{COLLEAGUE, Storm, Trouble, Worker, group};
use crate::heal::scene::{APPLICATION, Scene};

pub(super) const OPERATIONS: [&str; 9] = [
    "CreateDeployment",
    "StopDeployment",
    "GetDeployment",
    "ListDeployments",
    "BatchGetDeployments",
    "GetDeploymentGroup",
    "ListDeploymentTargets",
    "BatchGetDeploymentTargets",
    "HeadObject",
];

/// A step of a problem takes about as long.
const BETWEEN_LOOKS: Duration = Duration::from_millis(4);

/// Something that one process does, and after how many steps of its own it
/// dies.
struct Act {
    what: Doing,
    dies_after: Option<u32>,
}

enum Doing {
    /// A notification arrives at this worker.
    Hear {
        worker: usize,
        problem: Problem,
        state: &'static str,
    },
    /// The schedule wakes this worker.
    Tick { worker: usize },
    /// Somebody asks this worker for a change of flags.
    Ask { worker: usize, ask: Ask },
    /// The schedule wakes this worker for what is owed because of flags.
    Sweep { worker: usize },
    /// Somebody else writes what the ledger knows of a deployment.
    Rival {
        deployment: Deployment,
        ruling: Option<Ruling>,
    },
}

/// What came of an act.
pub(super) enum Done {
    /// Behind this call.
    Killed(String),
    /// The caller heard this, and that flags have these versions.
    Answered {
        ended: Ended,
        requires: bool,
        is_said: bool,
        error: String,
        made: Vec<(String, u64)>,
    },
    /// The sender of this problem's notification heard that it is taken in.
    Accepted(String),
    Refused(String),
    Fine,
}

impl Storm<'_> {
    /// As many steps as the dice say, with every promise held after each.
    pub(super) async fn rage(&mut self) -> Result<(), String> {
        for _ in 0..self.dice.u8(8..=36) {
            match self.dice.u8(..100) {
                ..47 => self.work().await?,
                47..57 => {
                    let seconds = self.dice.choice([5_i64, 40, 61, 180, 360]).unwrap();
                    self.pass(SignedDuration::from_secs(seconds));
                }
                57..62 => self.change_a_job(),
                62..64 => self.plan_a_fault_of_the_controller(),
                64..68 => self.end_a_deployment(),
                68..74 => self.change_a_problem(),
                74..76 => self.permit().await,
                76..78 => self.pause().await,
                78..82 => {
                    let place = self.place();
                    self.worsen(place);
                    self.release(place).await;
                }
                82..89 => self.plan_a_fault(),
                89..93 => self.plan_a_fault_of_the_tenant(),
                93 => self.join(),
                94..98 => {
                    self.configure().await;
                    if self.troubles.len() < 3 {
                        self.trouble();
                    }
                }
                _ if self.troubles.len() < 3 => self.trouble(),
                _ => {}
            }
        }
        Ok(())
    }

    /// One to three processes at the same time, and perhaps a rival.
    async fn work(&mut self) -> Result<(), String> {
        let mut acts = Vec::new();
        for _ in 0..self.dice.u8(1..=3) {
            let act = self.act();
            acts.push(act);
        }
        if self.chance(25)
            && let Some(rival) = self.rival().await
        {
            acts.push(rival);
        }
        let mut before = Before::look(self).await;
        for act in &acts {
            if let Doing::Rival {
                deployment,
                ruling: Some(Ruling::Clear),
            } = &act.what
            {
                before.clear(&deployment.id);
            }
        }
        let done = {
            let acting = pin!(join_all(acts.iter().map(|act| self.done(act))));
            let looking = pin!(async {
                loop {
                    tokio::time::sleep(BETWEEN_LOOKS).await;
                    self.look().await;
                }
            });
            match select(acting, looking).await {
                Either::Left((done, _)) => done,
                Either::Right((never, _)) => match never {},
            }
        };
        for (act, done) in acts.iter().zip(done) {
            match done {
                Done::Killed(behind) => {
                    self.count("workers killed", 1);
                    let point = format!("{} {behind}", act.what.kind());
                    self.tally.get_mut().kills.insert(point);
                }
                Done::Answered {
                    ended,
                    requires,
                    is_said,
                    error,
                    made,
                } => {
                    self.note(&format!("answered with {ended:?}: {error}"));
                    self.count("requests answered", 1);
                    for (table, row) in rows::of_answer(&ended, &error, requires, !made.is_empty())
                    {
                        let rows = &mut self.tally.get_mut().rows;
                        rows.entry(table).or_default().insert(row);
                    }
                    if is_said {
                        self.acknowledged.extend(made);
                    }
                }
                Done::Accepted(id) => {
                    self.accepted.insert(id);
                }
                Done::Refused(error) => {
                    self.count("invocations failed", 1);
                    self.note(&format!("failed: {error}"));
                }
                Done::Fine => {}
            }
        }
        // What a dead process had sent arrives before anything else happens.
        for _ in 0..50 {
            tokio::task::yield_now().await;
        }
        self.look().await;
        self.flags_hold().await?;
        self.holds_since(&before).await
    }

    fn act(&mut self) -> Act {
        let worker = self.dice.usize(..self.workers.len());
        let kind = self.dice.u8(..100);
        let what = if kind < 25 {
            let ask = self.ask();
            Doing::Ask { worker, ask }
        } else if kind < 38 {
            Doing::Sweep { worker }
        } else if kind < 68 {
            let trouble = self.dice.usize(..self.troubles.len());
            let Trouble {
                problem,
                closed,
                merged,
            } = &self.troubles[trouble];
            let state = match (merged, closed) {
                (true, _) => "MERGED",
                (_, true) => "RESOLVED",
                _ => "OPEN",
            };
            let problem = problem.clone();
            let state = if self.chance(10) { "OPEN" } else { state };
            Doing::Hear {
                worker,
                problem,
                state,
            }
        } else {
            Doing::Tick { worker }
        };
        let magnitude = self.dice.u32(..8);
        let dies_after = self
            .chance(40)
            .then(|| self.dice.u32(1 << magnitude..=2 << magnitude));
        let act = Act { what, dies_after };
        self.note(&act.told());
        act
    }

    async fn rival(&mut self) -> Option<Act> {
        let place = self.place();
        let known = self
            .scene
            .world
            .ledger
            .deployments(&group(place), self.scene.world.now)
            .await
            .unwrap();
        let deployment = self.dice.choice(known)?.deployment;
        let ruling = match self.dice.u8(..4) {
            0 => Some(Ruling::Condemn),
            1 => Some(Ruling::Clear),
            _ => None,
        };
        let what = Doing::Rival { deployment, ruling };
        let act = Act {
            what,
            dies_after: None,
        };
        self.note(&act.told());
        self.count("rivals", 1);
        Some(act)
    }

    async fn done(&self, act: &Act) -> Done {
        let work = self.doing(&act.what);
        let done = killed_after(act.dies_after, work).await;
        done.unwrap_or_else(Done::Killed)
    }

    fn doing<'a>(&'a self, what: &'a Doing) -> LocalBoxFuture<'a, Done> {
        async move {
            match what {
                Doing::Hear {
                    worker,
                    problem,
                    state,
                } => self.hears(&self.workers[*worker], problem, state).await,
                Doing::Tick { worker } => self.ticks(&self.workers[*worker]).await,
                Doing::Ask { worker, ask } => self.asks(&self.workers[*worker], ask).await,
                Doing::Sweep { worker } => match self.sweeps_once(&self.workers[*worker]).await {
                    Ok(()) => Done::Fine,
                    Err(error) => Done::Refused(format!("{error:#}")),
                },
                Doing::Rival { deployment, ruling } => {
                    self.rules(&deployment.group, deployment, *ruling).await
                }
            }
        }
        .boxed_local()
    }

    async fn hears(&self, worker: &Worker, problem: &Problem, state: &str) -> Done {
        let connect = async || {
            Ok(Connected {
                tenant: worker.tenant.clone(),
                automation: Arc::clone(&self.scene.automation),
                links: None,
            })
        };
        let body = Scene::body(problem, state).to_string();
        let tick = self.scene.tick_in(Duration::from_secs(25));
        let heard = notified(&worker.services, connect, body.as_bytes(), tick, &|_| ()).await;
        match heard {
            Ok(Notified::Stored(_) | Notified::Worked(_)) => {
                Done::Accepted(problem.id().to_owned())
            }
            Ok(Notified::Ignored(_)) => Done::Fine,
            Ok(Notified::Unusable(unusable)) => Done::Refused(unusable.to_string()),
            Err(error) => Done::Refused(format!("{error:#}")),
        }
    }

    /// One event of the schedule.
    pub(super) async fn ticks_once(&self, worker: &Worker) -> anyhow::Result<()> {
        let tenant = worker.tenant.clone();
        let connect = async || {
            Ok(Connected {
                tenant,
                automation: Arc::clone(&self.scene.automation),
                links: None,
            })
        };
        let tick = self.scene.tick_in(Duration::from_secs(25));
        handle_problems(&worker.services, connect, tick, &|_| ()).await?;
        Ok(())
    }

    async fn ticks(&self, worker: &Worker) -> Done {
        match self.ticks_once(worker).await {
            Ok(()) => Done::Fine,
            Err(error) => Done::Refused(format!("{error:#}")),
        }
    }

    async fn rules(&self, group: &Group, of: &Deployment, ruling: Option<Ruling>) -> Done {
        let ledger = &self.scene.world.ledger;
        let done = match ruling {
            None => ledger.record_deployment(of).await.map(drop),
            Some(ruling) => ledger
                .rule(group, &of.id, ruling, "a person", "somebody said so")
                .await
                .map(|_| ()),
        };
        match done {
            Ok(()) => Done::Fine,
            Err(error) => Done::Refused(error.to_string()),
        }
    }

    fn end_a_deployment(&mut self) {
        let place = self.place();
        let codedeploy = self.scene.world.aws.codedeploy();
        let active = codedeploy.active(APPLICATION, place.group).unwrap();
        let Some(active) = active else { return };
        let outcome = if self.chance(70) {
            DeploymentEnd::Succeeded
        } else {
            DeploymentEnd::Failed
        };
        let codedeploy = self.scene.world.aws.codedeploy();
        if codedeploy.finish(&active.id, outcome).is_ok() {
            self.note(&format!("{} ends: {outcome:?}", active.id));
        }
    }

    /// CodeDeploy brings an instance that joins to what it takes to run.
    fn join(&mut self) {
        let place = self.place();
        let codedeploy = self.scene.world.aws.codedeploy();
        let joined = codedeploy.join(APPLICATION, place.group, "i-4", Creator::Autoscaling);
        if let Ok(id) = joined {
            self.note(&format!("{}: an instance joins by {id}", place.group));
        }
    }

    fn change_a_problem(&mut self) {
        let index = self.dice.usize(..self.troubles.len());
        let now = self.scene.world.now.as_millisecond();
        let merges = self.chance(20);
        let (before, after) = self.troubles.split_at_mut(index);
        let Some((trouble, _)) = after.split_first_mut() else {
            return;
        };
        let id = trouble.problem.id().to_owned();
        let happened = if trouble.closed {
            trouble.problem.reopen();
            (trouble.closed, trouble.merged) = (false, false);
            "opens again"
        } else if merges && let Some(survivor) = before.first().filter(|other| !other.closed) {
            trouble.problem.merge_into(&survivor.problem);
            (trouble.closed, trouble.merged) = (true, true);
            "becomes a part of the first"
        } else {
            trouble.problem.resolve(now);
            trouble.closed = true;
            "closes"
        };
        self.note(&format!("problem {id} {happened}"));
    }

    fn plan_a_fault(&mut self) {
        let operation = self.dice.choice(OPERATIONS).unwrap();
        // What creates is what has to be got right.
        let operation = if self.chance(40) {
            "CreateDeployment"
        } else {
            operation
        };
        let aws = &self.scene.world.aws;
        if self.dice.u8(..4) == 0 {
            let latency = Duration::from_millis(self.dice.u64(..12));
            aws.slow_down(operation, latency);
            self.note(&format!("{operation} takes {latency:?}"));
            return;
        }
        let fault = *self
            .dice
            .choice(&[
                Fault::Throttle,
                Fault::InternalError,
                Fault::TimeoutAfterActing,
                Fault::TimeoutAfterActing,
                Fault::Drop,
            ])
            .unwrap();
        let times = self.dice.usize(1..=4);
        aws.fail(operation, fault, times);
        self.note(&format!("{operation} fails {times} times: {fault:?}"));
        if operation == "CreateDeployment" && fault == Fault::TimeoutAfterActing {
            self.count("answers lost", 1);
        }
    }

    /// A job of the controller begins to run, ends or is forgotten, somebody else
    /// launches one, or its template becomes another.
    fn change_a_job(&mut self) {
        if self.chance(10) {
            let template = self.template;
            let none = json!({});
            let id = self.controller.launched_by(COLLEAGUE, template, &none);
            self.note(&format!("somebody else launches job {id}"));
            return;
        }
        if self.chance(3) {
            self.controller
                .change(self.template, |template| template.playbook.push('x'));
            self.note("the template is another one");
            return;
        }
        let jobs = self.controller.jobs();
        let active = jobs.into_iter().filter(|job| !job.status.is_ended());
        let Some(job) = self.dice.choice(active.collect::<Vec<_>>()) else {
            return;
        };
        let moved = match self.dice.u8(..20) {
            0..11 => self.controller.ends(job.id, End::well(2)),
            11..15 => {
                let end = End::failed("Stop it", "web-1", "it does not stop");
                self.controller.ends(job.id, end)
            }
            15 => {
                self.controller.purge(job.id);
                self.note(&format!("job {} is forgotten", job.id));
                return;
            }
            16 => {
                self.controller.ignore_cancel(true);
                self.note("the controller ends nothing that it is asked to");
                return;
            }
            _ => self.controller.runs(job.id),
        };
        self.note(&format!("job {} moves on: {moved:?}", job.id));
    }

    /// Launches are lost, or nobody hears of them.
    pub(super) fn plan_a_fault_of_the_controller(&mut self) {
        let (fault, path) = match self.dice.u8(..6) {
            0 => (ControllerFault::BadGatewayBefore, "POST /job_templates"),
            1 => (ControllerFault::BadGatewayAfter, "POST /job_templates"),
            2 => (ControllerFault::LoseAnswer, "POST /job_templates"),
            3 => (ControllerFault::Flattened, "POST /job_templates"),
            4 => (ControllerFault::Html503, "GET /"),
            _ => (ControllerFault::NotJson200, "GET /"),
        };
        let times = Often::N(self.dice.usize(1..=3));
        self.note(&format!(
            "the controller fails at {path}, {times:?}: {fault:?}"
        ));
        self.controller.fail(fault, times, path);
    }

    fn plan_a_fault_of_the_tenant(&mut self) {
        let fault = match self.dice.u8(..12) {
            0 => TenantFault::Throttle(ThrottleHeaders::None),
            1 => TenantFault::CloseConnection,
            2..5 => TenantFault::NotJson200,
            5..7 => TenantFault::Unauthorised,
            7 => {
                // Nothing answers until somebody announces something.
                self.note("the tenant is dead");
                self.scene
                    .world
                    .tenant
                    .fail(TenantFault::Html503, Times::Always, "/");
                return;
            }
            _ => {
                let times = Times::N(self.dice.usize(1..=3));
                self.scene.world.tenant.refuse_comments(times);
                self.note(&format!("the tenant takes no comment, {times:?}"));
                return;
            }
        };
        let path = self
            .dice
            .choice(["/api", "/api/v2/problems", "/api/v2/events"])
            .unwrap();
        let times = Times::N(self.dice.usize(1..=3));
        self.note(&format!("{path} fails, {times:?}: {fault:?}"));
        self.scene.world.tenant.fail(fault, times, path);
    }
}

impl Doing {
    /// In a word, for kills.
    fn kind(&self) -> &'static str {
        match self {
            Self::Hear { .. } => "hears:",
            Self::Tick { .. } => "ticks:",
            Self::Ask { .. } => "asks:",
            Self::Sweep { .. } => "sweeps:",
            Self::Rival { .. } => "rules:",
        }
    }
}

impl Act {
    fn told(&self) -> String {
        let told = match &self.what {
            Doing::Hear {
                worker,
                problem,
                state,
            } => format!("{} is {state}, hears worker {worker}", problem.id()),
            Doing::Tick { worker } => format!("worker {worker} ticks"),
            Doing::Ask { worker, ask } => format!("{}, hears worker {worker}", ask.told()),
            Doing::Sweep { worker } => format!("worker {worker} sweeps"),
            Doing::Rival { deployment, ruling } => format!("a rival: {ruling:?} {}", deployment.id),
        };
        match self.dies_after {
            Some(steps) => format!("{told}, and dies after {steps} steps"),
            None => told,
        }
    }
}
