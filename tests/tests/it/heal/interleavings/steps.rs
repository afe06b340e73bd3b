//! What happens in a storm, one step after the other; within a step, workers
//! and rivals are at it at the same time, and some die.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use fake_aws::Fault;
use fake_aws::codedeploy::{Creator, DeploymentEnd};
use fake_dynatrace::{Fault as TenantFault, Problem, ThrottleHeaders, Times};
use futures_util::FutureExt as _;
use futures_util::future::{LocalBoxFuture, join_all, poll_fn};
use jiff::SignedDuration;
use release::deployment::{Deployment, Group};
use release::ledger::Ruling;
use workflows::handle_problem::{Connected, Notified, handle_problems, notified};

use super::promises::Before;
use super::storm::{Storm, Trouble, Worker, group};
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
    /// Somebody else writes what the ledger knows of a deployment.
    Rival {
        deployment: Deployment,
        ruling: Option<Ruling>,
    },
}

/// What came of an act.
enum Done {
    Killed,
    /// The sender of this problem's notification heard that it is taken in.
    Accepted(String),
    Refused(String),
    Fine,
}

impl Storm<'_> {
    /// As many steps as the dice say, with every promise held after each.
    pub(super) async fn rage(&mut self) -> Result<(), String> {
        for _ in 0..self.dice.u8(6..=24) {
            match self.dice.u8(..100) {
                ..50 => self.work().await?,
                50..65 => {
                    let seconds = self.dice.choice([5_i64, 40, 61, 180, 360]).unwrap();
                    self.scene.world.advance(SignedDuration::from_secs(seconds));
                }
                65..70 => self.end_a_deployment(),
                70..76 => self.change_a_problem(),
                76..81 => {
                    let place = self.place();
                    self.worsen(place);
                    self.release(place).await;
                }
                81..91 => self.plan_a_fault(),
                91..95 => self.plan_a_fault_of_the_tenant(),
                95..97 => self.join(),
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
        let done = join_all(acts.iter().map(|act| self.done(act))).await;
        for done in done {
            match done {
                Done::Killed => self.count("workers killed", 1),
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
        self.holds_since(&before).await
    }

    fn act(&mut self) -> Act {
        let worker = self.dice.usize(..self.workers.len());
        let what = if self.chance(50) {
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
        match act.dies_after {
            Some(steps) => killed_after(steps, work).await.unwrap_or(Done::Killed),
            None => work.await,
        }
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
                automation: Arc::default(),
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
                automation: Arc::default(),
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

    fn plan_a_fault_of_the_tenant(&mut self) {
        let fault = match self.dice.u8(..12) {
            0 => TenantFault::Throttle(ThrottleHeaders::None),
            1 => TenantFault::CloseConnection,
            2..5 => TenantFault::NotJson200,
            5..8 => TenantFault::Unauthorised,
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

impl Act {
    fn told(&self) -> String {
        let told = match &self.what {
            Doing::Hear {
                worker,
                problem,
                state,
            } => format!("{} is {state}, hears worker {worker}", problem.id()),
            Doing::Tick { worker } => format!("worker {worker} ticks"),
            Doing::Rival { deployment, ruling } => format!("a rival: {ruling:?} {}", deployment.id),
        };
        match self.dies_after {
            Some(steps) => format!("{told}, and dies after {steps} steps"),
            None => told,
        }
    }
}

/// Lets a process take so many steps, and drops it wherever it is by then, as
/// a kill does.
async fn killed_after<T>(steps: u32, work: impl Future<Output = T>) -> Option<T> {
    let mut work = pin!(work);
    let mut left = steps;
    poll_fn(|context| {
        if left == 0 {
            return std::task::Poll::Ready(None);
        }
        left -= 1;
        work.as_mut().poll(context).map(Some)
    })
    .await
}
