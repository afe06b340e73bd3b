//! Rules that set flags while a problem is open. [`release::rule::application`]
//! decides; what it asks for is found out here, what it says is written, and the
//! flags are changed.

mod words;

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;

use anyhow::Context as _;
use flags::state::State as FlagState;
use jiff::Timestamp;
use release::change::{Flag, Place};
use release::condition::{Facts, Measured};
use release::pause::Target;
use release::problem::{Cause, Problem, Reported};
use release::remediation::Paused;
use release::rule::application::{
    Allowed, Back, Begin, Call, Observed, Set, Situation, State, Step, begin, step,
};
use release::rule::effect::{Setting, Written, give_back, set};
use release::rule::{Action, Application, Mode, Rule};
use release::window::saturating_add;
use release::work::Wait;
use store::{ClaimedProblem, Commit, Decision, Flags, Found, StoreError};

use super::tools::Pass;
use crate::rules::{facts, measure};
use crate::walk::{Walk, walk};
use crate::work::is_lost;

/// Applies rules to the problem, and takes every application as far as it goes now.
/// `seen` is what the tenant says of the problem in this look.
pub(super) async fn pursue(
    pass: &Pass<'_>,
    claimed: &mut ClaimedProblem,
    seen: Option<&dynatrace::Problem>,
) -> anyhow::Result<Vec<Wait>> {
    let Some(flags) = &pass.services.clients.flags else {
        return Ok(Vec::new());
    };
    let mut waits = Vec::new();
    let mut fault = None;
    if let Some(seen) = seen.filter(|_| may_begin(pass, &claimed.problem)) {
        match begin_all(pass, flags, claimed, seen).await {
            Ok(wait) => waits.extend(wait),
            Err(error) if is_lost(&error) => return Err(error),
            Err(error) => fault = Some(error),
        }
    }
    for index in 0..claimed.problem.applications.len() {
        match apply(pass, flags, claimed, index, seen.is_some()).await {
            Ok(wait) => waits.extend(wait),
            Err(error) if is_lost(&error) => return Err(error),
            // One rule's trouble is not another's.
            Err(error) => fault = Some(error),
        }
    }
    fault.map_or(Ok(waits), Err)
}

/// Whether a rule may still begin: the problem is production's, open and young, so
/// it is looked at even where nothing else is left to do.
pub(super) fn may_begin(pass: &Pass<'_>, problem: &Problem) -> bool {
    let is_real = !matches!(problem.cause, Cause::Test | Cause::NotProduction);
    pass.services.clients.flags.is_some()
        && is_real
        && problem.closed.is_none()
        && is_in_time(pass, problem)
}

fn is_in_time(pass: &Pass<'_>, problem: &Problem) -> bool {
    let max_age = pass.services.healing.max_age;
    pass.tick.now < saturating_add(problem.noticed, max_age)
}

/// Has what the problem holds given back once it is over, though nobody follows it
/// any more. What is given up is written after this.
pub(super) async fn leave_watched(pass: &Pass<'_>, problem: &Problem) -> Result<(), StoreError> {
    let mut applications = problem.applications.iter();
    let may_hold = applications.any(|one| !one.state.is_final());
    let Some(flags) = pass.services.clients.flags.as_ref().filter(|_| may_hold) else {
        return Ok(());
    };
    let id = problem.id.as_str();
    let decide = |found: &Found| {
        let states = found.set.iter().flat_map(|set| set.states.values());
        let mut holders = states.flat_map(FlagState::held_by);
        if !holders.any(|one| one == id) {
            return Decision::Leave(());
        }
        let commit = Commit {
            watches: vec![id.to_owned()],
            ..Commit::default()
        };
        Decision::Write(commit, ())
    };
    let set = &pass.services.healing.flag_set;
    flags.change(set, None, pass.tick.now, decide).await?;
    Ok(())
}

/// Begins the rules that match. What is waited for, where one may match later.
async fn begin_all(
    pass: &Pass<'_>,
    flags: &Flags,
    claimed: &mut ClaimedProblem,
    seen: &dynatrace::Problem,
) -> anyhow::Result<Option<Wait>> {
    let healing = &pass.services.healing;
    if !seen.tags.iter().any(|tag| tag.is(&healing.tag)) {
        return Ok(None);
    }
    let rules = flags.rules(&healing.flag_set).await;
    let rules = rules.context("cannot read the rules")?;
    let facts = facts(seen);
    let (mut may_match, mut fault) = (false, None);
    for (id, stored) in &rules {
        let applied = &claimed.problem.applications;
        if applied.iter().any(|one| one.rule == *id) {
            continue;
        }
        match begin_one(pass, flags, claimed, (id, &stored.rule), &facts).await {
            Ok(later) => may_match |= later,
            Err(error) if is_lost(&error) => return Err(error),
            Err(error) => fault = Some(error),
        }
    }
    match fault {
        Some(error) => Err(error),
        None => Ok(may_match.then(|| Wait::for_("a rule to match"))),
    }
}

/// Begins a rule if it matches; whether it may do so later.
async fn begin_one(
    pass: &Pass<'_>,
    flags: &Flags,
    claimed: &mut ClaimedProblem,
    (id, rule): (&str, &Rule),
    facts: &Facts,
) -> anyhow::Result<bool> {
    let now = pass.tick.now;
    let paused = paused(pass, flags, &rule.action).await?;
    let allowed = allowed(pass, &claimed.problem, Some(rule), &paused);
    let mut measured: Option<Measured> = None;
    loop {
        let answer = rule.when.answer(facts, |_| measured.clone());
        match begin(id, rule, answer, allowed, now) {
            Begin::Late => return Ok(false),
            Begin::Differs(checked) => {
                let problem = &claimed.problem;
                // Once is enough of what does not change.
                if problem.waits == 0 {
                    tracing::info!(
                        problem.id = %problem.id, rule.id = id, clause = checked.clause.as_str(),
                        "Rule `{id}` does not match problem `{}`: {checked}", problem.id
                    );
                }
                return Ok(true);
            }
            Begin::Ask(metric) => {
                let tenant = &pass.connected.tenant;
                let asked = measure(tenant, facts, metric, now, pass.remotes_until);
                measured = Some(asked.await?);
            }
            Begin::Paused => {
                let text = words::paused(id, &paused);
                let change = |problem: &mut Problem| problem.say(text, now);
                let _ = pass.commit(claimed, change, &[]).await?;
                return Ok(true);
            }
            Begin::Write(application) => {
                let text = (application.state == State::Shadowed).then(|| words::would(id, rule));
                told(&claimed.problem, &application);
                let change = |problem: &mut Problem| {
                    problem.applications.push(application);
                    problem.stepped(true, text, now);
                };
                let _ = pass.commit(claimed, change, &[]).await?;
                return Ok(false);
            }
        }
    }
}

/// What allows a rule, as it is declared now, to set flags for the problem.
fn allowed(pass: &Pass<'_>, problem: &Problem, rule: Option<&Rule>, paused: &Paused) -> Allowed {
    let mode = rule.map_or(Mode::Off, |rule| rule.mode);
    Allowed {
        in_time: is_in_time(pass, problem),
        paused: *paused != Paused::No,
        mode: mode.within(pass.services.healing.mode),
    }
}

/// The same, of a rule that is being applied already.
async fn still_allowed(
    pass: &Pass<'_>,
    flags: &Flags,
    problem: &Problem,
    application: &Application,
) -> anyhow::Result<Allowed> {
    let State::Applying { as_matched } = &application.state else {
        // Nothing is set any more.
        return Ok(allowed(pass, problem, None, &Paused::Unknown));
    };
    let rules = flags.rules(&pass.services.healing.flag_set).await;
    let rules = rules.context("cannot read the rules")?;
    let rule = rules.get(&application.rule).map(|stored| &stored.rule);
    let paused = paused(pass, flags, &as_matched.action).await?;
    Ok(allowed(pass, problem, rule, &paused))
}

/// Whether all flags of an action may be set: they are set together.
async fn paused(pass: &Pass<'_>, flags: &Flags, action: &Action) -> anyhow::Result<Paused> {
    let set = &pass.services.healing.flag_set;
    let all = pass.paused(Target::All);
    if all != Paused::No || !pass.pauses_flags(set) {
        return Ok(all);
    }
    let found = flags.set(set).await.context("cannot read the flags")?;
    // An action that cannot be done is refused once it is tried.
    let targets = found.and_then(|found| action.targets(&found.declarations).ok());
    let mut each = targets.into_iter().flatten().map(|(name, _)| {
        let set = set.clone();
        pass.paused(Target::Flag(Flag { set, name }))
    });
    let paused = each.find(|paused| *paused != Paused::No);
    Ok(paused.unwrap_or(Paused::No))
}

/// Takes an application as far as it goes now.
async fn apply(
    pass: &Pass<'_>,
    flags: &Flags,
    claimed: &mut ClaimedProblem,
    index: usize,
    heard: bool,
) -> anyhow::Result<Option<Wait>> {
    let by_word = !heard && claimed.reported == Reported::Resolved;
    let problem = &claimed.problem;
    let situation = Situation {
        heard,
        closed: problem.closed.is_some() || by_word,
        allowed: still_allowed(pass, flags, problem, &problem.applications[index]).await?,
    };
    let of = OfSet {
        flags,
        name: &pass.services.healing.flag_set,
        now: pass.tick.now,
    };
    let mut applying = Applying {
        pass,
        claimed,
        index,
        situation,
        of,
        observed: Observed::default(),
    };
    walk(&mut applying).await
}

/// One application in one pass.
struct Applying<'a> {
    pass: &'a Pass<'a>,
    claimed: &'a mut ClaimedProblem,
    index: usize,
    situation: Situation,
    of: OfSet<'a>,
    observed: Observed,
}

impl Walk for Applying<'_> {
    type Question = Infallible;
    type Move = State;
    type Call = Call;

    fn decide(&self) -> Step {
        let application = &self.claimed.problem.applications[self.index];
        step(application, self.situation, &self.observed)
    }

    async fn find_out(&mut self, question: Infallible) -> anyhow::Result<()> {
        match question {}
    }

    async fn write(&mut self, state: State) -> anyhow::Result<Option<Step>> {
        let (now, index) = (self.pass.tick.now, self.index);
        let after = Application {
            state,
            ..self.claimed.problem.applications[index].clone()
        };
        let text = words::of(&after);
        told(&self.claimed.problem, &after);
        let change = |problem: &mut Problem| {
            problem.applications[index] = after;
            problem.stepped(true, text, now);
        };
        let _ = self.pass.commit(self.claimed, change, &[]).await?;
        self.observed = Observed::default();
        Ok(None)
    }

    async fn call(&mut self, call: Call) -> anyhow::Result<Option<Step>> {
        let problem = &self.claimed.problem;
        let application = &problem.applications[self.index];
        let of = self.of;
        match call {
            Call::Set | Call::Look => {
                let set = of.set_flags(problem, application, call == Call::Look);
                self.observed.set = Some(set.await?);
            }
            Call::GiveBack => {
                self.observed.back = Some(of.give_back(problem, application).await?);
            }
        }
        Ok(None)
    }
}

/// The set of flags that is changed, and when.
#[derive(Clone, Copy)]
struct OfSet<'a> {
    flags: &'a Flags,
    name: &'a str,
    now: Timestamp,
}

impl OfSet<'_> {
    /// Sets the flags of the rule that is being applied.
    async fn set_flags(
        self,
        problem: &Problem,
        application: &Application,
        only_look: bool,
    ) -> anyhow::Result<Set> {
        let Self { flags, name, now } = self;
        let State::Applying { as_matched: rule } = &application.state else {
            anyhow::bail!("the rule is applied already");
        };
        let blamed = blamed(problem, name);
        let others = problem.applications.iter();
        let others = others.filter(|other| other.rule != application.rule);
        let taken: BTreeMap<String, String> = others
            .flat_map(|other| {
                let flags = other.state.flags().into_iter();
                flags.map(|flag| (flag.to_owned(), other.rule.clone()))
            })
            .collect();
        let id = &application.rule;
        let followed = flags.follow(name, id, now, |found, followed| {
            let setting = Setting {
                id,
                rule,
                problem: &problem.id,
                blamed: &blamed,
                taken: &taken,
                followed,
                only_look,
                now,
            };
            set(setting, &found.as_set())
        });
        match followed.await {
            // Half of a mitigation is none, and the next look would find the same.
            Err(error @ StoreError::TooLarge { .. }) => Ok(Set::Refused(error.to_string())),
            followed => Ok(followed?),
        }
    }

    /// Gives back what was set for the problem: each flag by itself, so that however
    /// much the clock has to write down of them, it is not too much.
    async fn give_back(
        self,
        problem: &Problem,
        application: &Application,
    ) -> anyhow::Result<BTreeMap<String, Back>> {
        let by = (application.rule.as_str(), problem.id.as_str());
        let mut back = BTreeMap::new();
        for name in application.state.flags() {
            let decide = |found: &Found| {
                let Some(found) = &found.set else {
                    return Decision::Leave(BTreeMap::from([(name.to_owned(), Back::Gone)]));
                };
                let Written { flags, means } = give_back(by, [name], &found.as_set(), self.now);
                if flags.is_empty() {
                    return Decision::Leave(means);
                }
                let commit = Commit {
                    flags,
                    ..Commit::default()
                };
                Decision::Write(commit, means)
            };
            let written = self.flags.change(self.name, None, self.now, decide);
            back.extend(written.await?.decided);
        }
        Ok(back)
    }
}

/// The flags of a set that are blamed for the problem.
fn blamed(problem: &Problem, set: &str) -> BTreeSet<String> {
    let culprits = problem.remediations.iter();
    let flags = culprits.filter_map(|one| match one.culprit.place() {
        Place::Flag(flag) if flag.set == set => Some(flag.name),
        _ => None,
    });
    flags.collect()
}

/// What is said of an application that comes to this state.
pub(super) fn said(application: &Application, state: &State) -> Option<String> {
    words::of(&Application {
        state: state.clone(),
        ..application.clone()
    })
}

fn told(problem: &Problem, application: &Application) {
    let (id, rule, state) = (&problem.id, &application.rule, application.state.word());
    tracing::info!(
        problem.id = %id, rule.id = %rule, state,
        "Rule `{rule}` is {state} for problem `{id}`"
    );
}
