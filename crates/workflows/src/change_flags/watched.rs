//! Problems because of which a program set a flag: once the tenant says that one
//! is over, what it holds is given back, whether or not anybody asks for it.

use anyhow::Context as _;
use dynatrace::{Dynatrace, Problem, ProblemStatus, Window};
use flags::state::{Author, AuthorKind, State};
use flags::step::{self, LONGEST_HOLD, Request, Situation, Transition, step};
use jiff::{SignedDuration, Timestamp};
use release::work::{Outcome, Wait};
use store::{Commit, Decision, FlagSet, Found};
use tokio::time::Instant;
use uuid::Uuid;

use super::WAITED_FOR;
use super::owed::Walk;
use crate::work::Tick;

/// How long before it led to a change a problem may have begun.
const BEGAN_WITHIN: SignedDuration = SignedDuration::from_hours(24);

/// Whether a problem is over that somebody says is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Recovery {
    /// It is, as far as the tenant knows it.
    Over,
    /// The tenant says that it is not, or cannot be asked.
    StillOpen,
}

/// What the tenant says of a problem.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Status {
    Open,
    Closed,
    /// It knows none of this id or number.
    Unknown,
}

/// The problems of an id, or of a number, which may come twice.
async fn named(
    tenant: &Dynatrace,
    problem: &str,
    since: Timestamp,
    now: Timestamp,
    until: Instant,
) -> anyhow::Result<Vec<Problem>> {
    if Problem::is_id(problem) {
        let found = tenant.problem(problem, until).await;
        let found = found.context("cannot read the problem")?;
        return Ok(found.into_iter().collect());
    }
    // Only the list tells which problem has a number.
    let window = Window {
        from_ms: since.saturating_sub(BEGAN_WITHIN)?.as_millisecond(),
        to_ms: now.as_millisecond(),
    };
    let problems = tenant.problems(window, until).await;
    let mut problems = problems.context("cannot read the problems")?;
    problems.retain(|one| one.display_id == problem);
    Ok(problems)
}

/// The id of a problem that somebody named then, where the tenant knows it; of several
/// of a number the one that began last.
pub(super) async fn id_of(
    tenant: &Dynatrace,
    problem: &str,
    then: Timestamp,
    now: Timestamp,
    until: Instant,
) -> anyhow::Result<Option<String>> {
    // What it held, it held for so long at most.
    let since = then.saturating_sub(LONGEST_HOLD)?;
    let problems = named(tenant, problem, since, now, until).await?;
    let latest = problems.into_iter().max_by_key(|one| one.start_ms);
    Ok(latest.map(|one| one.id))
}

impl From<ProblemStatus> for Status {
    fn from(status: ProblemStatus) -> Self {
        match status {
            ProblemStatus::Open => Self::Open,
            ProblemStatus::Closed => Self::Closed,
        }
    }
}

/// Whether the problem is over that somebody says is. Where the tenant cannot be
/// asked, it counts as open: what it holds is given back once that is known.
pub(super) async fn recovery(
    tenant: &anyhow::Result<Dynatrace>,
    problem: &str,
    tick: Tick,
) -> Recovery {
    let until = tick.deadline.min(tick.began + WAITED_FOR);
    let asked = match tenant {
        Ok(tenant) => status(tenant, problem, tick.now, tick.now, until).await,
        Err(error) => Err(anyhow::anyhow!("the tenant cannot be asked: {error:#}")),
    };
    match asked {
        Ok(Status::Open) => Recovery::StillOpen,
        Ok(Status::Closed | Status::Unknown) => Recovery::Over,
        Err(error) => {
            tracing::warn!(
                problem.id = problem,
                "Whether problem {problem} is over is not known: {error:#}"
            );
            Recovery::StillOpen
        }
    }
}

async fn status(
    tenant: &Dynatrace,
    problem: &str,
    since: Timestamp,
    now: Timestamp,
    until: Instant,
) -> anyhow::Result<Status> {
    let problems = named(tenant, problem, since, now, until).await?;
    let mut named = problems.iter().map(|one| one.status);
    Ok(match named.next() {
        None => Status::Unknown,
        // A number may come twice; what is open counts.
        Some(first) if named.all(|status| status == first) => first.into(),
        Some(_) => Status::Open,
    })
}

/// The problems that hold a flag from this transition on.
pub(super) fn begun(set: &FlagSet, flag: &str, to: &Transition) -> Vec<String> {
    let before = set.states.get(flag);
    let is_new = |problem: &&str| {
        let held = |state: &State| state.held_by().any(|one| one == *problem);
        !before.is_some_and(held)
    };
    let problems = to.state.held_by().filter(is_new);
    problems.map(str::to_owned).collect()
}

impl Walk<'_> {
    /// Gives back what a problem holds, once it is over.
    pub(super) async fn watch(
        &mut self,
        set: &str,
        problem: &str,
        since: Timestamp,
    ) -> anyhow::Result<Outcome> {
        let now = self.tick.now;
        let holds = |set: &FlagSet| -> Vec<String> {
            let held = set
                .states
                .iter()
                .filter(|(_, state)| state.held_by().any(|one| one == problem));
            held.map(|(flag, _)| flag.clone()).collect()
        };
        let held = self.services.flags.set(set).await?;
        let held = held.as_ref().map(holds).unwrap_or_default();
        if held.is_empty() {
            return Ok(Outcome::Done);
        }
        let until = self.tick.remotes_until();
        let asked = status(self.tenant()?, problem, since, now, until).await;
        match asked.inspect_err(|error| self.noted(error))? {
            Status::Closed => {}
            Status::Open | Status::Unknown => {
                let wait = format!("the end of problem {problem}");
                return Ok(Outcome::Waits(vec![Wait::for_(wait)]));
            }
        }
        for flag in held {
            let change = Uuid::new_v4().to_string();
            let decide = |found: &Found| given_back(found, &flag, problem, &change, now);
            self.services.flags.change(set, None, now, decide).await?;
        }
        Ok(Outcome::Done)
    }
}

fn given_back(
    found: &Found,
    flag: &str,
    problem: &str,
    change: &str,
    now: Timestamp,
) -> Decision<()> {
    let situation = found.set.as_ref().and_then(|set| {
        Some(Situation {
            set: &set.name,
            flag: set.declarations.flags.get(flag)?,
            state: set.states.get(flag)?,
            now,
        })
    });
    let Some(situation) = situation else {
        return Decision::Leave(());
    };
    let request = Request {
        change: change.to_owned(),
        batch: None,
        by: Author {
            name: "the clock".to_owned(),
            kind: AuthorKind::Clock,
        },
        why: format!("problem {problem} is over"),
        triggered_by: "problem_closed".to_owned(),
        problem: None,
        expected: None,
    };
    let event = step::Event::Closed {
        problem: problem.to_owned(),
    };
    match step(situation, &request, &event) {
        step::Outcome::Written(transition) => {
            let commit = Commit {
                flags: vec![(flag.to_owned(), *transition)],
                ..Commit::default()
            };
            Decision::Write(commit, ())
        }
        _ => Decision::Leave(()),
    }
}
